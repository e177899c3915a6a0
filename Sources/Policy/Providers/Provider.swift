import Wire

/// A provider of models: where it is reached and how it speaks. A row of `ProviderTable`.
public struct Provider: Equatable, Sendable {
    /// The word for it in the file, the access log and the metrics. Two rows may share one: a row of the file that has
    /// a built-in row's name adds hosts to that name.
    public let name: String
    /// The family of its API, which shapes the errors that leo answers with.
    public let api: APIFamily
    /// The hosts it is reached at, each with its port.
    public let hosts: [HostPattern]
    /// Whether it speaks HTTP without TLS, on both sides of leo.
    public let plain: Bool
    /// How long an unused connection to it may be kept when that is less than `upstream.pool_idle_timeout`, because
    /// its server closes idle connections itself; nil when it is known to wait long enough.
    public let poolIdleTimeout: Duration?
    /// Whether a streamed answer of OpenAI's shape tells its usage when `stream_options.include_usage` asks for it, and
    /// only then. False where the usage comes unasked, where the request is refused for the member, and where neither is
    /// known: leo asks for nothing then.
    public let streamUsage: Bool
    /// What limits the output in OpenAI's chat, where leo has to write it because the client did not.
    public let outputLimitField: OutputLimitField
    /// The DNS subtrees that leo's CA must be allowed to sign for, without a leading dot; a subtree covers its name and
    /// everything below it (RFC 5280 section 4.2.1.10). Empty for a plain provider.
    public let constraintSuffixes: [String]
    /// The row's place in its table.
    public let index: Int

    /// A row. `constraintSuffixes` left out means the narrowest subtrees that hold the hosts.
    public init(
        name: String, api: APIFamily, hosts: [HostPattern], plain: Bool = false, poolIdleTimeout: Duration? = nil,
        streamUsage: Bool = false, outputLimitField: OutputLimitField = .maxTokens,
        constraintSuffixes: [String]? = nil, index: Int = 0
    ) {
        self.name = name
        self.api = api
        self.hosts = hosts
        self.plain = plain
        self.poolIdleTimeout = poolIdleTimeout
        self.streamUsage = streamUsage
        self.outputLimitField = outputLimitField
        self.constraintSuffixes = plain ? [] : constraintSuffixes ?? hosts.compactMap(\.subtree)
        self.index = index
    }

    func placed(at index: Int) -> Provider {
        Provider(
            name: name, api: api, hosts: hosts, plain: plain, poolIdleTimeout: poolIdleTimeout,
            streamUsage: streamUsage, outputLimitField: outputLimitField, constraintSuffixes: constraintSuffixes,
            index: index)
    }
}
