import Wire

/// A message as one side of a connection understands it.
struct Message: Equatable {
    var methodName: [UInt8] = []
    var status = 0
    var target: [UInt8] = []
    /// The target in the form in which it is relayed.
    var originTarget: [UInt8] = []
    var minorVersion: UInt8 = 1
    var fields: [Field] = []
    var framing = HTTP1Framing.none
    var content: [UInt8] = []
    var trailers: [UInt8] = []
    var isComplete = false

    struct Field: Equatable {
        var name: [UInt8]
        var value: [UInt8]

        var lowercasedName: String { lowercased(name) }
    }

    private static let hopByHopNames: Set = [
        "connection", "keep-alive", "proxy-connection", "proxy-authorization", "te", "upgrade", "expect",
    ]

    /// Which names Connection lists; written apart from the parser on purpose.
    private var namedByConnection: Set<String> {
        var names: Set<String> = []
        for field in fields where field.lowercasedName == "connection" {
            for option in lowercased(field.value).split(separator: ",") {
                names.insert(String(option.filter { $0 != " " && $0 != "\t" }))
            }
        }
        return names
    }

    /// The fields for the next server; `reframed` leaves out those about framing.
    func endToEndFields(reframed: Bool) -> [Field] {
        let named = namedByConnection
        return fields.compactMap { field in
            var field = field
            let name = field.lowercasedName
            if Self.hopByHopNames.contains(name) || named.contains(name) { return nil }
            if name == "transfer-encoding" || name == "content-length" {
                if reframed { return nil }
                field.value = Array(lowercased(field.value).utf8)
                while field.value.count > 1, field.value[0] == UInt8(ascii: "0") { field.value.removeFirst() }
            }
            return field
        }
    }

    /// The fields of the connection, lower-case.
    var hopByHopFields: [String] {
        fields.filter { Self.hopByHopNames.contains($0.lowercasedName) }.map {
            $0.lowercasedName + ": " + lowercased($0.value)
        }
    }
}

func lowercased(_ bytes: [UInt8]) -> String {
    String(String.UnicodeScalarView(bytes.map { Unicode.Scalar($0 &- 0x41 < 26 ? $0 | 0x20 : $0) }))
}

/// Reads a stream as a connection does and relays it.
struct Reader {
    struct Result {
        var messages: [Message] = []
        var error: HTTP1Error?
        var sent: [UInt8] = []
    }

    var kind: HTTP1Head.Kind
    var answering: HTTP1Method
    var headBytesMax: Int
    var framing: HTTP1FramingOut

    func read(_ stream: [UInt8], in pieceSize: Int) -> Result {
        var result = Result()
        var queue = ByteQueue()
        var out = ByteQueue()
        var head = HTTP1Head(kind, headBytesMax: headBytesMax)
        var decoder: HTTP1BodyDecoder?
        var fed = 0
        feeding: while fed < stream.count {
            let next = min(stream.count, fed + pieceSize)
            queue.append(stream.span.extracting(fed..<next))
            fed = next
            do throws(HTTP1Error) {
                while try advance(&queue, &head, &decoder, &result.messages, &out) {}
            } catch {
                result.error = error
                break feeding
            }
        }
        let sent = out.bytes
        result.sent = sent.indices.map { sent[$0] }
        return result
    }

    private func advance(
        _ queue: inout ByteQueue, _ head: inout HTTP1Head, _ decoder: inout HTTP1BodyDecoder?,
        _ messages: inout [Message], _ out: inout ByteQueue
    ) throws(HTTP1Error) -> Bool {
        guard var current = decoder else {
            guard try head.parse(queue.bytes) else { return false }
            let message = message(head, queue.bytes)
            messages.append(message)
            let isEmpty = message.framing == .none
            head.appendRelayed(
                from: queue.bytes, to: &out, framing: isEmpty ? .asReceived : framing, closing: false)
            decoder = HTTP1BodyDecoder(message.framing)
            queue.consume(head.byteCount)
            head.reset()
            return true
        }
        let last = messages.count - 1
        let writesChunks =
            switch framing {
            case .asReceived: messages[last].framing == .chunked
            case .chunked: messages[last].framing != .none
            case .untilClose: false
            }
        var consumed = 0
        let step = try current.step(queue.bytes, consumed: &consumed)
        decoder = current
        switch step {
        case .needsMore: break
        case .data(let range):
            check(!range.isEmpty && range.upperBound <= consumed, "data outside of what was consumed")
            let data = queue.bytes.extracting(range)
            for index in data.indices { messages[last].content.append(data[index]) }
            if writesChunks { out.appendChunk(data) } else { out.append(data) }
        case .end:
            check(current.isComplete, "an end that is not complete")
            messages[last].isComplete = true
            messages[last].trailers = current.trailers
            if writesChunks { out.appendLastChunk(trailers: current.trailers) }
            decoder = nil
        }
        queue.consume(consumed)
        return step != .needsMore
    }

    private func message(_ head: HTTP1Head, _ bytes: Span<UInt8>) -> Message {
        var message = Message()
        message.minorVersion = head.minorVersion
        message.fields = head.fields.map {
            Message.Field(name: copy(bytes, $0.name), value: copy(bytes, $0.value))
        }
        switch kind {
        case .request:
            message.methodName = copy(bytes, head.methodName)
            message.target = copy(bytes, head.targetText)
            message.originTarget = originTarget(head, bytes)
            message.framing = head.requestFraming
            addHost(to: &message, head, bytes)
        case .response:
            message.status = head.status
            message.framing = head.responseFraming(answering: answering)
        }
        return message
    }

    private func originTarget(_ head: HTTP1Head, _ bytes: Span<UInt8>) -> [UInt8] {
        guard case .absolute(_, _, let rest) = head.target else { return copy(bytes, head.targetText) }
        let path = copy(bytes, rest)
        if path.isEmpty, head.method == .options { return [UInt8(ascii: "*")] }
        return path.first == UInt8(ascii: "/") ? path : [UInt8(ascii: "/")] + path
    }

    /// A request of HTTP/1.0 may have its host in the target only.
    private func addHost(to message: inout Message, _ head: HTTP1Head, _ bytes: Span<UInt8>) {
        guard head.first(.host) == nil else { return }
        switch head.target {
        case .absolute(_, let authority, _), .authority(let authority):
            message.fields.insert(
                Message.Field(name: Array("Host".utf8), value: copy(bytes, authority)), at: 0)
        case .origin, .asterisk: break
        }
    }

    private func copy(_ bytes: Span<UInt8>, _ range: Range<Int>) -> [UInt8] { range.map { bytes[$0] } }
}
