/// What leo keeps of a tenant's answers and when it answers from that, as the file's `cache` tables have it.
public struct CacheSettings: Equatable, Sendable {
    /// Whether answers are kept and served; in observe mode leo only tells what it would have served.
    public var mode = PolicyMode.off
    /// `when`: which requests may be answered with a kept answer.
    public var when = When.deterministic
    /// `ttl`: how long an answer is kept. leo shortens or lengthens each one's time by up to a tenth of it.
    public var timeToLive = Duration.seconds(3600)
    /// `scope`: whose requests may get an answer.
    public var scope = Scope.key
    /// Where the file says that the scope is the tenant.
    public var scopePlace: Place?
    /// `client_may_opt_in`: whether `Cache-Control: max-age` of a request unlocks answers that were sampled.
    public var clientMayOptIn = false
    /// `tool_calls`: whether answers that call tools are kept and served.
    public var keepsToolCalls = true
    /// `coalesce`: whether identical exchanges under way share one request to the provider.
    public var coalesces = true
    /// `stale_while_revalidate`: how long beyond its time an embedding is served while a new one is fetched; zero: not.
    public var staleWhileRevalidate = Duration.zero
    /// `stale_if_error`: how long beyond its time an answer is served when the provider fails; zero: not.
    public var staleIfError = Duration.zero
    /// `ignore_headers`: names of request headers, in lower case, that are no part of the key.
    public var ignoredHeaders: [String] = []
    /// `replay_interval`: the time between two events of a stream that is written from a kept answer.
    public var replayInterval = Duration.zero

    /// Nothing is kept.
    public init() {}

    /// Which requests may be answered with a kept answer.
    public enum When: String, Sendable, CaseIterable {
        /// Those that ask for the same answer each time.
        case deterministic
        /// All that can be kept: a sampled answer is then repeated.
        case always
    }

    /// Whose requests may get the answer to one.
    public enum Scope: String, Sendable, CaseIterable {
        /// Those of the same tenant that bring the same provider key.
        case key
        /// All of the same tenant, if it is known by what proves it (``TenantMatch/Identification/provesIdentity``);
        /// else as `key`.
        case tenant
    }

    /// Whether leo has to read requests for this at all.
    public var isActive: Bool { mode != .off }

    /// No answer is kept longer, whatever becomes of prices, models and providers' keys in the meantime.
    public static let timeToLiveMax = Duration.seconds(24 * 3600)
    /// More names are no list of exceptions.
    static let ignoredHeaderCountMax = 64
}

extension TenantMatch.Identification {
    /// Whether what the tenant is known by is something that only its clients have, and not merely where they come from.
    public var provesIdentity: Bool {
        switch self {
        case .clientCertificate, .proxyUser, .systemdUnit, .uid, .providerKey: true
        case .source, .listener, .default: false
        }
    }
}
