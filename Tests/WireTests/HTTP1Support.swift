import Wire

/// A message as the tests compare it: everything that a reader of the bytes must agree on.
struct Message: Equatable {
    var firstLine: String
    var fields: [String]
    var framing: HTTP1Framing
    var body: [UInt8]
    var trailers: String
}

/// What became of a stream of bytes.
enum Outcome: Equatable {
    /// These messages; `rest` bytes are left of one that is not complete.
    case messages([Message], rest: Int)
    case refused(HTTP1Error, after: Int)

    var messages: [Message] {
        switch self {
        case .messages(let messages, _): messages
        case .refused: []
        }
    }

    /// The error, if there was one.
    var error: HTTP1Error? {
        switch self {
        case .messages: nil
        case .refused(let error, _): error
        }
    }
}

// Bytes stand in test strings as the characters U+0000 to U+00FF, so that any byte can be written and compared.

func bytes(_ text: String) -> [UInt8] { text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) } }

func text(_ bytes: some Sequence<UInt8>) -> String {
    var scalars = String.UnicodeScalarView()
    for byte in bytes { scalars.append(Unicode.Scalar(byte)) }
    return String(scalars)
}

func text(_ bytes: Span<UInt8>, _ range: Range<Int>) -> String { text(range.map { bytes[$0] }) }

/// How a test reads a stream: which side it is, and what it expects.
struct Reading {
    var kind = HTTP1Head.Kind.request
    /// The method of the request that a response answers.
    var answering = HTTP1Method.get
    var headBytesMax = 64 * 1024
    /// How what is read is relayed, if it is.
    var framing: HTTP1FramingOut?

    /// Feeds `stream` to parser and decoder as a connection does: in pieces, consuming what is done.
    func read(_ stream: [UInt8], in piece: Int = .max, relaying out: inout ByteQueue) -> Outcome {
        var queue = ByteQueue()
        var head = HTTP1Head(kind, headBytesMax: headBytesMax)
        var decoder: HTTP1BodyDecoder?
        var messages: [Message] = []
        var sent = 0
        while sent < stream.count {
            let next = sent + min(piece, stream.count - sent)
            queue.append(stream.span.extracting(sent..<next))
            sent = next
            do throws(HTTP1Error) {
                while try advance(&queue, &head, &decoder, &messages, &out) {}
            } catch {
                return .refused(error, after: messages.count - (decoder == nil ? 0 : 1))
            }
        }
        guard let decoder else { return .messages(messages, rest: queue.count) }
        if decoder.isCompleteAtClose() { return .messages(messages, rest: 0) }
        let unfinished = messages.removeLast()
        return .messages(messages, rest: queue.count + unfinished.body.count)
    }

    /// Takes the next step; false if bytes are missing. While there is a decoder, the last message is being read.
    private func advance(
        _ queue: inout ByteQueue, _ head: inout HTTP1Head, _ decoder: inout HTTP1BodyDecoder?,
        _ messages: inout [Message], _ out: inout ByteQueue
    ) throws(HTTP1Error) -> Bool {
        guard var current = decoder else {
            guard try head.parse(queue.bytes) else { return false }
            let message = message(head, queue.bytes)
            if let framing { head.appendRelayed(from: queue.bytes, to: &out, framing: framing, closing: false) }
            messages.append(message)
            decoder = HTTP1BodyDecoder(message.framing)
            queue.consume(head.byteCount)
            head.reset()
            return true
        }
        let last = messages.count - 1
        let isChunkedOut = isChunkedOut(messages[last].framing)
        var consumed = 0
        let step = try current.step(queue.bytes, consumed: &consumed)
        decoder = current
        switch step {
        case .needsMore: break
        case .data(let range):
            let data = queue.bytes.extracting(range)
            for index in data.indices { messages[last].body.append(data[index]) }
            if framing != nil { if isChunkedOut { out.appendChunk(data) } else { out.append(data) } }
        case .end:
            messages[last].trailers = text(current.trailers)
            if isChunkedOut { out.appendLastChunk(trailers: current.trailers) }
            decoder = nil
        }
        queue.consume(consumed)
        return step != .needsMore
    }

    private func message(_ head: HTTP1Head, _ bytes: Span<UInt8>) -> Message {
        let fields = head.fields.map { text(bytes, $0.name) + ": " + text(bytes, $0.value) }
        switch kind {
        case .request:
            let line = "\(text(bytes, head.methodName)) \(text(bytes, head.targetText)) 1.\(head.minorVersion)"
            return Message(firstLine: line, fields: fields, framing: head.requestFraming, body: [], trailers: "")
        case .response:
            let line = "1.\(head.minorVersion) \(head.status) \(text(bytes, head.reason))"
            let framing = head.responseFraming(answering: answering)
            return Message(firstLine: line, fields: fields, framing: framing, body: [], trailers: "")
        }
    }

    private func isChunkedOut(_ received: HTTP1Framing) -> Bool {
        switch framing {
        case .chunked: received != .none
        case .asReceived: received == .chunked
        case .untilClose, nil: false
        }
    }
}

func read(
    _ stream: String, as kind: HTTP1Head.Kind = .request, in piece: Int = .max, answering: HTTP1Method = .get,
    headBytesMax: Int = 64 * 1024
) -> Outcome {
    var out = ByteQueue()
    let reading = Reading(kind: kind, answering: answering, headBytesMax: headBytesMax)
    return reading.read(bytes(stream), in: piece, relaying: &out)
}

/// What leo sends on for `stream`.
func relay(
    _ stream: String, as kind: HTTP1Head.Kind = .request, answering: HTTP1Method = .get,
    _ framing: HTTP1FramingOut = .asReceived
) -> String {
    var out = ByteQueue()
    _ = Reading(kind: kind, answering: answering, framing: framing).read(bytes(stream), relaying: &out)
    return text(Array(out))
}
