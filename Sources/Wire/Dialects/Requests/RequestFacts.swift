/// What a request's JSON body says that a policy asks about: the model, how long the answer may be, whether it streams, and
/// where the texts are.
///
/// Nothing is copied but the models' names. All ranges lie in the body that was read.
public struct RequestFacts: Equatable, Sendable {
    /// The model that the body names; nil where the path does, or nobody.
    public internal(set) var model: String?
    /// Where that name stands, quotation marks included.
    public internal(set) var modelRange: Range<Int>?
    /// Further models that may answer instead, OpenRouter's `models`.
    public internal(set) var fallbackModels: [String] = []
    /// Whether the answer streams: because the path says so, or `stream` is literally `true`.
    public internal(set) var stream = false
    /// What the request says about the usage of a stream, in OpenAI's shape.
    public internal(set) var streamOptions = StreamOptions.absent
    /// Everything in the body that limits the output. OpenAI's chat has two names for it.
    public internal(set) var outputLimits: [OutputLimit] = []
    /// How many answers are asked for, each of which may be as long as the limit: `n`, `best_of`, once for each prompt; at
    /// most a million.
    public var choiceCount: Int { min(choices * max(1, promptCount), Self.choiceCountMax) }
    /// What the model reads, in the order of the body.
    public internal(set) var texts: [RequestText] = []
    /// How many messages, items or contents the model reads.
    public internal(set) var messageCount = 0
    /// How many images, documents, recordings and videos the body holds or names.
    public internal(set) var mediaCount = 0
    /// The bytes of those that are no images, as they stand in the body.
    public internal(set) var otherMediaByteCount = 0
    /// How many tokens are given as numbers, as completions and embeddings allow.
    public internal(set) var tokenNumberCount = 0
    /// Whether the answer comes later, to another request: `background`.
    public internal(set) var isBackground = false
    /// Whether part of what the model reads lies with the provider: `previous_response_id`, `conversation`, a stored
    /// prompt, cached content.
    public internal(set) var isStateful = false
    /// The body's object, braces included.
    public internal(set) var objectRange = 0..<0
    /// Where the object stands that holds the output limit, if the body itself does not (`generationConfig`).
    public internal(set) var configRange: Range<Int>?

    /// What the body was read as.
    var dialect = Dialect.openaiOther
    /// Whether what stands there is `null`.
    var configIsNull = false
    /// `n` and its like.
    var choices = 1
    /// How many prompts a completion is asked for.
    var promptCount = 0

    init() {}

    /// What limits the output: of several the largest, since providers differ in which one counts. Nil for none.
    public var outputLimit: OutputLimit? {
        outputLimits.lazy.filter { $0.value != .max }.max { $0.value < $1.value }
    }

    static let choiceCountMax = 1_000_000
    /// A body with more texts is refused as too intricate. No request has a tenth of it.
    public static let textCountMax = 64 * 1024
    /// A body with more fallback models is refused as too intricate.
    public static let fallbackModelCountMax = 32
}

/// One text that the model reads.
public struct RequestText: Equatable, Sendable {
    /// Where it stands: between the quotation marks of a string, or all of a JSON value.
    public let range: Range<Int>
    /// What it is in the body.
    public let form: Form
    /// Whose it is. It decides where in the prompt the text comes: tools, system, then the messages.
    public internal(set) var role: RequestRole

    /// What a text is in the body.
    public enum Form: Equatable, Sendable {
        /// A string without escapes.
        case plain
        /// A string with escapes.
        case escaped
        /// JSON that the model reads as such, or nearly so: the schema of a tool, the arguments of a call.
        case json
    }
}

/// Whose a text is.
public enum RequestRole: String, Equatable, Sendable, CaseIterable {
    /// What tools and answers have to look like.
    case tools
    /// The instructions of whoever wrote the application.
    case system
    /// What users say, and texts that are not of a conversation.
    case user
    /// What the model said before, tool calls included.
    case assistant
    /// What tools answered.
    case tool
    /// In a member that leo does not know.
    case other
}

/// Something in a body that limits the output.
public struct OutputLimit: Equatable, Sendable {
    /// The tokens, at most ``Usage/tokenCountMax``; `Int.max` for `null`, for more than that, and for what is not
    /// positive, with which some servers mean no limit.
    public let value: Int
    /// Where the value stands.
    public let range: Range<Int>
    /// Whether it is `null`.
    let isNull: Bool
}

/// OpenAI's `stream_options`.
public enum StreamOptions: Equatable, Sendable {
    /// Not there.
    case absent
    /// There as `null`, at this place.
    case null(Range<Int>)
    /// An object at this place, with `include_usage` if it has that.
    case object(Range<Int>, includeUsage: IncludeUsage?)

    /// The `include_usage` of an object.
    public struct IncludeUsage: Equatable, Sendable {
        /// What it says; nil for `null`.
        public let value: Bool?
        /// Where the value stands.
        public let range: Range<Int>
    }

    /// Whether the client asked for the usage.
    public var asksForUsage: Bool {
        if case .object(_, let includeUsage?) = self { includeUsage.value == true } else { false }
    }
}
