import Wire

/// The answer's half of an HTTP/1 exchange: bytes from the upstream in, bytes for the client out.
///
/// Interim answers pass as they come (RFC 9110 section 15.2), except 100, which leo has given itself where it was asked
/// for. The final answer keeps its framing where the client can read it; an answer that ends with the connection is sent
/// chunked, so that the client can tell its end from a cut.
struct AnswerRelay {
    /// What the end of the upstream's stream means at this point.
    enum End: Equatable {
        /// The answer is complete; the last bytes are in the queue.
        case complete
        /// Nothing of the answer has come.
        case beforeAnswer
        /// The answer stops in its middle.
        case cut
    }

    /// More interim answers than this are not help but a flood.
    private static let interimCountMax = 16
    /// Providers send heads of 1 to 3 KB; a long list of Set-Cookie and policy fields needs room.
    static let headBytesMax = 64 * 1024

    private enum State {
        case head
        case body(HTTP1BodyDecoder, isChunked: Bool)
        case complete
    }

    private var state = State.head
    private var head: HTTP1Head
    private var method = HTTP1Method.get
    private var clientMinorVersion: UInt8 = 1
    private var interimCount = 0

    /// The final status; zero until its head has come.
    private(set) var status = 0
    /// The answer is a stream of events.
    private(set) var isEventStream = false
    /// The provider's own id of the request.
    private(set) var requestID: String?
    /// The upstream connection may carry another request once this answer is complete.
    private(set) var upstreamKeepsAlive = false
    /// The answer's end is the end of the client's connection.
    private(set) var mustCloseClient = false
    /// Body octets passed on.
    private(set) var bodyBytes: UInt64 = 0
    /// The octets that the head promised; nil where the end shows otherwise.
    private(set) var promisedBytes: UInt64?
    /// An OpenAI stream has said its last word; clients leave at it without waiting for the end of the framing.
    private(set) var hasSaidDone = false

    /// An answer that is parsed with `head`, whose storage one exchange hands to the next.
    init(reusing head: consuming HTTP1Head = HTTP1Head(.response, headBytesMax: headBytesMax)) { self.head = head }

    /// An answer to a request with `method` from a client that speaks HTTP/1.`clientMinorVersion`.
    init(method: HTTP1Method, clientMinorVersion: UInt8) {
        self.init()
        begin(method: method, clientMinorVersion: clientMinorVersion)
    }

    /// Says what is answered; before the first byte.
    mutating func begin(method: HTTP1Method, clientMinorVersion: UInt8) {
        self.method = method
        self.clientMinorVersion = clientMinorVersion
    }

    /// Gives the head's storage back; the relay is of no use afterwards.
    mutating func takeHead() -> HTTP1Head {
        var taken = HTTP1Head(.response, headBytesMax: Self.headBytesMax)
        swap(&taken, &head)
        return taken
    }

    /// Whether the final head has come.
    var hasHead: Bool { status != 0 }
    /// Whether the answer is complete.
    var isComplete: Bool {
        if case .complete = state { return true }
        return false
    }

    /// Takes answer bytes from the front of `bytes`, advancing `consumed`, until they end or the answer does.
    /// `closing`: the client's connection will not be kept, and the head shall say so.
    mutating func feed(
        _ bytes: Span<UInt8>, consumed: inout Int, closing: Bool, into out: inout ByteQueue
    ) throws(ProxyError) {
        while true {
            switch state {
            case .head:
                guard try feedHead(bytes.extracting(droppingFirst: consumed), closing: closing, into: &out) else {
                    return
                }
                consumed += head.byteCount
                head.reset()
            case .body:
                guard try feedBody(bytes, consumed: &consumed, into: &out) else { return }
            case .complete:
                return
            }
        }
    }

    /// The upstream has ended its stream. `orderly`: by close_notify, or on a plain connection by an end of file.
    mutating func upstreamEnded(orderly: Bool, into out: inout ByteQueue) -> End {
        switch state {
        case .head: return hasHead || interimCount > 0 ? .cut : .beforeAnswer
        case .complete: return .complete
        case .body(let decoder, let isChunked):
            guard orderly, decoder.isCompleteAtClose() else { return .cut }
            if isChunked { out.appendLastChunk(trailers: []) }
            state = .complete
            return .complete
        }
    }

    /// True when a head was complete.
    private mutating func feedHead(
        _ bytes: Span<UInt8>, closing: Bool, into out: inout ByteQueue
    ) throws(ProxyError) -> Bool {
        do {
            guard try head.parse(bytes) else { return false }
        } catch {
            throw ProxyError(.badAnswer, "the upstream's answer: \(error.explanation)")
        }
        switch head.status {
        case 101: throw ProxyError(.badAnswer, "the upstream switched protocols without being asked")
        case 100...199:
            interimCount += 1
            if interimCount > Self.interimCountMax {
                throw ProxyError(.badAnswer, "the upstream sent more than \(Self.interimCountMax) interim answers")
            }
            // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
            if head.status != 100, clientMinorVersion > 0 {
                head.appendRelayed(from: bytes, to: &out, framing: .asReceived, closing: false)
            }
        default: beginAnswer(bytes, closing: closing, into: &out)
        }
        return true
    }

    private mutating func beginAnswer(_ bytes: Span<UInt8>, closing: Bool, into out: inout ByteQueue) {
        status = head.status
        let framing = head.responseFraming(answering: method)
        upstreamKeepsAlive = head.keepsAlive && framing != .untilClose
        isEventStream = hasEventStreamType(bytes)
        requestID = providerRequestID(bytes)
        var written = HTTP1FramingOut.asReceived
        switch framing {
        case .chunked where clientMinorVersion == 0:
            written = .untilClose
            mustCloseClient = true
        case .untilClose:
            written = clientMinorVersion == 0 ? .untilClose : .chunked
            mustCloseClient = clientMinorVersion == 0
        case .none, .length, .chunked: break
        }
        head.appendRelayed(from: bytes, to: &out, framing: written, closing: closing || mustCloseClient)
        if case .length(let count) = framing { promisedBytes = count }
        let decoder = HTTP1BodyDecoder(framing)
        let isChunked = clientMinorVersion > 0 && (framing == .chunked || framing == .untilClose)
        state = decoder.isComplete ? .complete : .body(decoder, isChunked: isChunked)
    }

    /// False when more bytes are needed.
    private mutating func feedBody(
        _ bytes: Span<UInt8>, consumed: inout Int, into out: inout ByteQueue
    ) throws(ProxyError) -> Bool {
        guard case .body(var decoder, let isChunked) = state else { return true }
        defer { if case .body = state { state = .body(decoder, isChunked: isChunked) } }
        do {
            while true {
                switch try decoder.step(bytes, consumed: &consumed) {
                case .data(let range):
                    bodyBytes += UInt64(range.count)
                    let data = bytes.extracting(range)
                    if isEventStream { hasSaidDone = data.endsWithDone }
                    if isChunked { out.appendChunk(data) } else { out.append(data) }
                case .needsMore: return false
                case .end:
                    if isChunked { out.appendLastChunk(trailers: decoder.trailers) }
                    state = .complete
                    return true
                }
            }
        } catch {
            throw ProxyError(.badAnswer, "the upstream's answer: \(error.explanation)")
        }
    }

    private func hasEventStreamType(_ bytes: Span<UInt8>) -> Bool {
        guard let field = head.first(.contentType) else { return false }
        let value = bytes.extracting(field.value)
        return value.hasPrefix(ignoringCase: "text/event-stream")
            || value.hasPrefix(ignoringCase: "application/vnd.amazon.eventstream")
    }

    private func providerRequestID(_ bytes: Span<UInt8>) -> String? {
        for name in [HTTP1FieldName.xRequestID, .requestID, .xAmznRequestID] {
            guard let field = head.first(name) else { continue }
            return String(lossy: bytes.extracting(field.value))
        }
        return nil
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes end in the event with which OpenAI's streams end. Where the event is split over two reads it is
    /// not recognised, which costs a connection and nothing else.
    fileprivate var endsWithDone: Bool {
        var end = count
        while end > 0, self[end - 1] == 0x0A || self[end - 1] == 0x0D { end -= 1 }
        guard end < count, end >= 12 else { return false }
        return extracting((end - 12)..<end).hasPrefix(ignoringCase: "data: [done]")
    }
}
