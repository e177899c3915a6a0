/// What an exchange used, in one meaning for all providers: OpenAI counts cached tokens among the input and Anthropic
/// beside it, and each dialect's reader makes them one.
public struct Usage: Equatable, Sendable {
    /// All input, whether or not it was cached or is being cached.
    public var inputTokens = 0
    /// The part of the input that the provider had cached.
    public var cachedTokens = 0
    /// The part of the input that the provider has written to its cache, for five minutes or an unstated time.
    public var cacheWriteTokens = 0
    /// The part of the input that it has written for an hour.
    public var longCacheWriteTokens = 0
    /// All output, reasoning included.
    public var outputTokens = 0
    /// The part of the output that was reasoning.
    public var reasoningTokens = 0

    /// Nothing.
    public init() {}

    /// The input that is charged in full.
    public var uncachedTokens: Int { max(0, inputTokens - cachedTokens - cacheWriteTokens - longCacheWriteTokens) }
    /// Input and output.
    public var totalTokens: Int { inputTokens + outputTokens }

    /// More than any provider's context holds; a larger number in an answer is a mistake and is read as no number.
    public static let tokenCountMax = 1_000_000_000
}
