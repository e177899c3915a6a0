extension AnswerDocument {
    /// Gives a kept document in the form that a client wants; nil if this form cannot be had of it.
    ///
    /// `json` is the document of an ``AnswerAssembler``. Of other bytes something else is made, or nothing.
    public static func render(_ json: Span<UInt8>, of operation: Operation, as form: AnswerForm) -> RenderedAnswer? {
        guard let shape = AnswerShape.of(operation) else { return nil }
        switch form {
        case .document:
            guard shape.isWhole(json) else { return nil }
            var bytes: [UInt8] = []
            bytes.append(json)
            return RenderedAnswer(bytes: bytes, eventEnds: [], contentType: "application/json")
        case .array:
            guard shape.framing == .array else { return nil }
            return stream(json, shape, .array, tellsUsage: true)
        case .stream(let tellsUsage):
            switch shape.framing {
            case nil: return nil
            case .serverSentEvents?, .array?:
                return stream(json, shape, .serverSentEvents, tellsUsage: tellsUsage)
            case .amazonMessages?: return stream(json, shape, .amazonMessages, tellsUsage: tellsUsage)
            }
        }
    }

    /// A document of a usual answer; the stream of a larger one gets its room as it grows.
    private static let streamedBytesUsual = 16 * 1024

    private static func stream(
        _ json: Span<UInt8>, _ shape: AnswerShape, _ framing: EventWriter.Framing, tellsUsage: Bool
    ) -> RenderedAnswer? {
        // What stands around a piece of text is several times as long.
        var events = EventWriter(framing, capacity: min(json.count, streamedBytesUsual) * 6)
        guard shape.stream(json, tellsUsage, &events) else { return nil }
        events.end()
        let contentType =
            switch framing {
            case .serverSentEvents: "text/event-stream; charset=utf-8"
            case .amazonMessages: "application/vnd.amazon.eventstream"
            case .array: "application/json"
            }
        return RenderedAnswer(bytes: events.bytes, eventEnds: events.ends, contentType: contentType)
    }
}

/// An answer from the cache in the form of its client.
public struct RenderedAnswer: Equatable, Sendable {
    /// The body, not compressed.
    public var bytes: [UInt8]
    /// Where in the body each event of a stream ends, so that they can be sent one by one; empty for a document.
    public var eventEnds: [Int]
    /// The value of the field `Content-Type`.
    public var contentType: String
}
