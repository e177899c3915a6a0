/// What a provider's answer says of its own limits: how much is left of each rate, and how long to wait.
///
/// It comes from the fields that the providers use: OpenAI's and those of who follows it, Anthropic's, the plain ones of
/// OpenRouter and others, and `Retry-After` with its finer sisters. What cannot be read says nothing.
/// `RateLimitFields.swift` has the names; ``LimitAllowance`` is the other direction, leo's own limits told to a client.
public struct ProviderAllowance: Equatable, Sendable {
    /// One rate.
    public struct Rate: Equatable, Sendable {
        /// How many there are when nothing is used.
        public var limit: Int?
        /// How many are left.
        public var remaining: Int?
        /// Nanoseconds until all are back; never negative.
        public var resetNanoseconds: Int64?

        /// Nothing known.
        public init() {}
    }

    /// Requests.
    public var requests = Rate()
    /// Input and output together.
    public var tokens = Rate()
    /// Input.
    public var inputTokens = Rate()
    /// Output.
    public var outputTokens = Rate()
    /// How long the provider asks to wait; never negative, and at most ``spanNanosecondsMax``.
    public var retryAfterNanoseconds: Int64?
    /// Whether it says that trying again helps, or that it does not (`x-should-retry`).
    public var shouldRetry: Bool?

    /// A longer wait than a month is a mistake, or as good as for ever.
    public static let spanNanosecondsMax: Int64 = 31 * 86_400 * 1_000_000_000

    /// Nothing known.
    public init() {}

    /// What the fields of an answer say. `bytes` are what `head` was parsed from; `unixSeconds` is the time of day, since
    /// some providers tell moments.
    public init(_ head: borrowing HTTP1Head, from bytes: Span<UInt8>, unixSeconds: Int64) {
        for index in head.fields.indices {
            let field = head.fields[index]
            take(name: bytes.extracting(field.name), value: bytes.extracting(field.value), unixSeconds: unixSeconds)
        }
    }

    /// Nanoseconds to wait before the next request: what the provider asks for, or else until every rate is back of which
    /// nothing is left; nil where nothing is to be waited for.
    public var waitNanoseconds: Int64? {
        if let retryAfterNanoseconds { return retryAfterNanoseconds }
        var longest: Int64?
        for rate in [requests, tokens, inputTokens, outputTokens] where rate.remaining == 0 {
            guard let reset = rate.resetNanoseconds else { continue }
            longest = max(longest ?? 0, reset)
        }
        return longest
    }

    /// The rate that counts `measure`.
    public subscript(_ measure: LimitAllowance.Measure) -> Rate {
        get {
            switch measure {
            case .requests: requests
            case .tokens: tokens
            case .inputTokens: inputTokens
            case .outputTokens: outputTokens
            }
        }
        set {
            switch measure {
            case .requests: requests = newValue
            case .tokens: tokens = newValue
            case .inputTokens: inputTokens = newValue
            case .outputTokens: outputTokens = newValue
            }
        }
    }
}
