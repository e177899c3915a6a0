import Wire

/// A kept answer, as it comes out of the cache or is about to go in.
///
/// Reading one copies no document: it lies where the cache has it, and lives as long as somebody holds the entry.
public struct CacheEntry: Sendable {
    /// The bytes that hold the document.
    let storage: [UInt8]
    let documentRange: Range<Int>

    /// The answer as the dialect's document; empty in a marker.
    public var document: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(documentRange) }
    }

    /// The size of the document.
    public var documentByteCount: Int { documentRange.count }

    /// Whether it can be given as a stream too.
    public let canStream: Bool
    /// Whether it calls a tool, with an id or without.
    public let callsTools: Bool
    /// The ids of its tool calls, at most ``AnswerDocument/toolCallCountMax``.
    public let toolCallIDs: [String]
    /// Fields of the answer's head to replay, in their order, at most ``fieldCountMax`` of at most ``textByteCountMax``
    /// bytes each.
    public let fields: [(name: String, value: String)]
    /// The model that answered, as the provider names it.
    public let model: String?
    /// What the answer used when it was made; nil where the provider did not tell.
    public let usage: Usage?
    /// Whether this only marks what would have been kept, as observe mode does: there is no document to give.
    public let isMarker: Bool

    /// Request ids and counts are a handful; more is not replayed.
    public static let fieldCountMax = 32
    /// The longest name, value, model or id in an entry; leo's own limit on a head is 64 KB.
    public static let textByteCountMax = 8192

    /// An entry for an answer. Fields beyond the limits are left out, and a model name beyond them is none.
    public init(
        document: [UInt8], canStream: Bool, callsTools: Bool, toolCallIDs: [String] = [],
        fields: [(name: String, value: String)] = [], model: String? = nil, usage: Usage? = nil
    ) {
        self.init(
            storage: document, documentRange: 0..<document.count, canStream: canStream,
            callsTools: callsTools || !toolCallIDs.isEmpty, toolCallIDs: toolCallIDs, fields: Self.bounded(fields),
            model: Self.bounded(model), usage: usage, isMarker: false)
    }

    /// An entry for an answer that was put together or read.
    public init(_ answer: AnswerDocument, fields: [(name: String, value: String)], model: String?, usage: Usage?) {
        self.init(
            document: answer.json, canStream: answer.canStream, callsTools: answer.callsTools,
            toolCallIDs: answer.toolCallIDs, fields: fields, model: model, usage: usage)
    }

    /// The same without its document and its fields: the mark that an answer would have been kept.
    public var marker: CacheEntry {
        CacheEntry(
            storage: [], documentRange: 0..<0, canStream: canStream, callsTools: callsTools, toolCallIDs: toolCallIDs,
            fields: [], model: model, usage: usage, isMarker: true)
    }

    init(
        storage: [UInt8], documentRange: Range<Int>, canStream: Bool, callsTools: Bool, toolCallIDs: [String],
        fields: [(name: String, value: String)], model: String?, usage: Usage?, isMarker: Bool
    ) {
        self.storage = storage
        self.documentRange = documentRange
        self.canStream = canStream
        self.callsTools = callsTools
        self.toolCallIDs = toolCallIDs
        self.fields = fields
        self.model = model
        self.usage = usage
        self.isMarker = isMarker
    }

    private static func fits(_ text: String) -> Bool { text.utf8.count <= textByteCountMax }

    private static func bounded(_ model: String?) -> String? { model.flatMap { fits($0) ? $0 : nil } }

    private static func bounded(_ fields: [(name: String, value: String)]) -> [(name: String, value: String)] {
        Array(fields.lazy.filter { fits($0.name) && fits($0.value) }.prefix(fieldCountMax))
    }
}

extension CacheEntry: Equatable {
    /// Whether both say the same, wherever their bytes lie.
    public static func == (one: CacheEntry, other: CacheEntry) -> Bool {
        one.storage[one.documentRange] == other.storage[other.documentRange] && one.canStream == other.canStream
            && one.callsTools == other.callsTools && one.toolCallIDs == other.toolCallIDs && one.model == other.model
            && one.usage == other.usage && one.isMarker == other.isMarker
            && one.fields.elementsEqual(other.fields) { $0.name == $1.name && $0.value == $1.value }
    }
}
