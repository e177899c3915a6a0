/// A whole answer in the form that its dialect has for one that does not stream.
public struct AnswerDocument: Equatable, Sendable {
    /// The JSON: as the provider sent it, or as it was put together from the events of a stream.
    public var json: [UInt8]
    /// The ids of the tool calls in it, unescaped, at most ``toolCallCountMax``.
    public var toolCallIDs: [String]
    /// Whether it calls a tool, with an id or without.
    public var callsTools: Bool
    /// Whether it can be given as a stream too: everything in it has a place in the dialect's events.
    public var canStream: Bool

    /// More calls than this in one answer are not kept.
    public static let toolCallCountMax = 128

    init(json: [UInt8], toolCallIDs: [String] = [], callsTools: Bool = false, canStream: Bool = false) {
        self.json = json
        self.toolCallIDs = toolCallIDs
        self.callsTools = callsTools
        self.canStream = canStream
    }
}

/// What there is to know of a document before it is kept.
struct DocumentFacts {
    var toolCallIDs: [String] = []
    var callsTools = false
}

/// The form in which a client wants an answer.
public enum AnswerForm: Hashable, Sendable {
    /// One JSON document.
    case document
    /// The dialect's stream, with the usage where the dialect tells it only to those who ask.
    case stream(tellsUsage: Bool)
    /// Gemini's stream as one JSON array.
    case array
}
