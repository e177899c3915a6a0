import Wire

/// What an exchange has seen of its answer.
struct AnswerFacts {
    /// More interim answers than this are not help but a flood.
    private static let interimCountMax = 16

    private var interimCount = 0
    /// The final status; zero until its head has come.
    private(set) var status = 0
    /// The answer is a stream of events.
    private(set) var isEventStream = false
    /// The provider's own id of the request.
    private(set) var requestID: String?
    /// The octets that the head promised; nil where the end shows otherwise.
    private(set) var promisedBytes: UInt64?
    /// Body octets so far.
    private(set) var bodyBytes: UInt64 = 0
    /// An OpenAI stream has said its last word; clients leave at it without waiting for the end of the framing.
    private(set) var hasSaidDone = false
    /// The end has come.
    var isComplete = false
    /// It is none of the provider's of this exchange: it was kept, or another exchange got it.
    var isServed = false

    /// Whether the final head has come.
    var hasHead: Bool { status != 0 }
    /// Whether an interim answer has come.
    var hasInterim: Bool { interimCount > 0 }

    /// Takes note of an interim answer; throws when there are too many.
    mutating func countInterim() throws(ProxyError) {
        interimCount += 1
        if interimCount > Self.interimCountMax {
            throw ProxyError(.badAnswer, "the upstream sent more than \(Self.interimCountMax) interim answers")
        }
    }

    /// Takes note of the final head of an answer to a request with `method`.
    mutating func take(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, method: HTTP1Method) {
        status = head.status
        if case .length(let count) = head.responseFraming(answering: method) { promisedBytes = count }
        if let field = head.first(.contentType) {
            let value = bytes.extracting(field.value)
            isEventStream =
                value.hasPrefix(ignoringCase: "text/event-stream")
                || value.hasPrefix(ignoringCase: "application/vnd.amazon.eventstream")
        }
        for name in [HTTP1FieldName.xRequestID, .requestID, .xAmznRequestID] {
            guard let field = head.first(name) else { continue }
            requestID = String(lossy: bytes.extracting(field.value))
            break
        }
    }

    /// Takes note of a piece of the body.
    mutating func take(_ data: Span<UInt8>) {
        bodyBytes += UInt64(data.count)
        if isEventStream { hasSaidDone = data.endsWithDone }
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
