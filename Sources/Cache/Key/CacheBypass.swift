/// Why the cache has nothing to do with a request. The raw value is the word that the access log has for it.
///
/// Of several reasons in one body the first in this order is told, so that the order of its members does not matter.
public enum CacheBypass: String, Error, Sendable, CaseIterable {
    // What a request is.

    /// leo keeps no answers of this operation.
    case operation
    /// The body is not one JSON object in valid UTF-8.
    case notJSON = "not_json"
    /// An object in the body has two equal keys, which one reader takes for the first and another for the last.
    case duplicateKeys = "duplicate_keys"
    /// Two keys of an object, or one and the name of a member that leo knows, differ only in capitals or underscores:
    /// there are servers that take them for the same.
    case unclearKeys = "unclear_keys"
    /// The body is nested too deeply, or has more keys than are compared.
    case tooIntricate = "too_intricate"
    /// A member on which the form of the answer depends is of another type than the API's.
    case wrongType = "wrong_type"
    /// The provider keeps the answer: a replay would leave nothing there.
    case stored
    /// Part of what the model reads lies with the provider: conversations, stored prompts, files.
    case state
    /// The provider's own tools do something or look something up: search, code, connectors.
    case serverTools = "server_tools"
    /// It names media by address: what lies there may change.
    case urlMedia = "url_media"
    /// The answer is asked for in sound or images.
    case audio
    /// The answer comes later, to another request.
    case background
    /// leo does not keep answers of this form of the dialect.
    case dialect

    // What the exchange is.

    /// The cache is off for this tenant.
    case disabled
    /// The body is larger than what is read.
    case tooLarge = "too_large"
    /// The body cannot be read: its content coding is unknown or broken.
    case unreadable
    /// The client's `Cache-Control` says that nothing is to be kept.
    case noStore = "no_store"
    /// Nothing tells whose the request is: no static key, and the tenant may not share.
    case credential
    /// The answer is sampled, and the tenant caches only what is deterministic.
    case sampled
    /// A tool call of the kept answer already stands in the conversation.
    case toolCallKnown = "tool_call_known"

    /// A sentence for people.
    public var explanation: String {
        switch self {
        case .operation: "leo keeps no answers of this operation"
        case .notJSON: "the body is not one JSON object in UTF-8"
        case .duplicateKeys: "an object in the body has two equal keys"
        case .unclearKeys: "keys in the body differ only in capitals or underscores"
        case .tooIntricate: "the body is nested too deeply or has too many keys"
        case .wrongType: "a member that decides the form of the answer is of a wrong type"
        case .stored: "the provider is asked to keep the answer"
        case .state: "part of what the model reads lies with the provider"
        case .serverTools: "the provider's own tools are offered to the model"
        case .urlMedia: "media are named by address"
        case .audio: "the answer is not only text"
        case .background: "the answer comes later, to another request"
        case .dialect: "leo does not keep answers of this form"
        case .disabled: "the cache is off"
        case .tooLarge: "the body is too large to be read"
        case .unreadable: "the body's content coding cannot be read"
        case .noStore: "the client wants nothing kept"
        case .credential: "the request has no static key, and the tenant may not share"
        case .sampled: "the answer is sampled"
        case .toolCallKnown: "a tool call of the kept answer already stands in the conversation"
        }
    }
}
