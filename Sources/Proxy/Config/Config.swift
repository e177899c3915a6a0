import Policy

/// Everything an operator can set, as typed values. Nothing below reads the file or the environment.
///
/// `docs/configuration.md` is the reference of the keys; `Config+Read.swift` holds their limits.
public struct Config: Equatable, Sendable {
    /// `[listen]`
    public var listen: Listen
    /// `[ca]`
    public var authority: Authority
    /// `[upstream]`
    public var upstream: Upstream
    /// `[intercept]`, with the providers of `[[provider]]`
    public var destination: DestinationPolicy
    /// `[access_log]`
    public var accessLog: AccessLog
    /// `[cache]`
    public var cache = Cache()
    /// `[keys]`
    public var keys = Keys()
    /// `[tenants.NAME]`
    public var tenants: TenantTable
    /// `[prices]`
    public var prices = Prices()
    /// The file this came from; nil for the embedded defaults.
    public var path: String?
    /// What was read from that file; nil for the embedded defaults and for text that came from no file.
    public var source: ConfigSource?

    /// The defaults, as with no file; relative paths start at `baseDirectory`.
    public init(baseDirectory: String) {
        listen = Listen()
        authority = Authority(baseDirectory: baseDirectory)
        upstream = Upstream()
        destination = DestinationPolicy()
        accessLog = AccessLog()
        tenants = TenantTable()
    }

    /// The providers whose traffic leo intercepts.
    public var providers: ProviderTable { destination.providers }

    /// The DNS subtrees that leo's CA must be allowed to sign for: the intercepted providers', `ca.names`, and what
    /// `listen.proxy_tls` is reached by; sorted, and none that lies within another.
    public var constraintSuffixes: [String] {
        NameConstraints.reduced(providers.constraintSuffixes + authority.names + listen.mintedNames)
    }

    /// Whether `constraintSuffixes` holds this host. A provider's host may lie outside when a pattern means it but no
    /// suffix does: a cloud's region that is newer than the built-in table. leo's CA cannot sign for such a one.
    public func isCovered(host: String) -> Bool {
        let name = HostPort(host: host, port: 443).host
        return providers.isCovered(host: name)
            || NameConstraints.cover(Set(authority.names + listen.mintedNames), host: name)
    }

    /// `[prices]`: what models cost.
    public struct Prices: Equatable, Sendable {
        /// The list in place of the built-in one; nil without one.
        public var path: String?
        /// What it says; the built-in list as long as the file has not been read.
        public var table = PriceTable.builtIn
    }

    /// `[cache]`: the memory for kept answers.
    public struct Cache: Equatable, Sendable {
        /// `memory`: bytes of kept answers, all tenants' together; 0 keeps none.
        public var byteCountMax = 64 << 20
        /// `entry_max`: bytes of the largest answer that is kept.
        public var entryByteCountMax = 1 << 20
    }

    /// `[listen]`: the ways in, and how many and how slow clients may be.
    public struct Listen: Equatable, Sendable {
        /// The proxy's address; port 0 lets the system choose.
        public var proxy = IPEndpoint(address: .loopback4, port: 8889)
        /// The proxy again, inside of TLS: what an `https://` proxy URL leads to. None: off.
        public var proxyTLS: [IPEndpoint] = []
        /// The proxy again, on a Unix socket at this path; nil when off.
        public var proxyUnix: String?
        /// Where the packet filter redirects connections to that were meant for somebody else. None: off.
        public var transparent: [IPEndpoint] = []
        /// Where clients go that are told a base URL instead of a proxy. None: off.
        public var reverse: [IPEndpoint] = []
        /// The address of health checks and metrics; nil when off.
        public var admin: IPEndpoint? = IPEndpoint(address: .loopback4, port: 8890)
        /// Threads; 0 means one per core that this process may use.
        public var workerCount = 0
        /// Client connections open at once.
        public var connectionsMax = 16384
        /// TLS handshakes with clients under way at once.
        public var handshakesMax = 1024
        /// Bytes of bodies that wait in memory, process-wide, before new work is shed.
        public var bodyMemoryMax = 256 << 20
        /// Bytes per second below which a client that leo waits for is too slow with a body; 0: no client is.
        public var bodyRateMin = 256
        /// From accept to the end of the client's TLS handshake, CONNECT included.
        public var handshakeTimeout = Duration.seconds(10)
        /// From the first byte of a request head to its last.
        public var headTimeout = Duration.seconds(30)
        /// A kept-alive client connection between requests.
        public var idleTimeout = Duration.seconds(5 * 60)
        /// A client that stops sending or reading in the middle of a message.
        public var stallTimeout = Duration.seconds(2 * 60)
        /// From SIGTERM to the end of the process.
        public var drainTimeout = Duration.seconds(30)
        /// Peers whose connections begin with a PROXY protocol header, which says for whom they connect.
        public var proxyProtocolFrom: [CIDR] = []
        /// The mark of leo's own connections, by which a packet filter tells them from clients'; 0: none.
        public var mark: UInt32 = 0
        /// `[listen.tls]`
        public var tls = TLS()
    }

    /// `[listen.tls]`: what leo shows on `listen.proxy_tls`.
    public struct TLS: Equatable, Sendable {
        /// The certificate and its chain, PEM, and its key, PEM; nil: leo's CA signs one for `names`.
        public var certificatePath: String?
        /// See `certificatePath`.
        public var keyPath: String?
        /// The CAs of clients' certificates, PEM; nil: clients are not asked for one.
        public var clientAuthorityPath: String?
        /// Where the file names the certificate, or the CA of clients' certificates.
        var place: Place?
        /// The names by which clients reach the listener, if leo's CA is to sign.
        public var names = ["localhost"]
    }

    /// `[ca]`: what leo signs with. The paths are absolute unless the base directory was not.
    public struct Authority: Equatable, Sendable {
        /// The intermediate and its chain, PEM.
        public var certificatePath: String
        /// The intermediate's key, PEM.
        public var keyPath: String
        /// The root that clients trust, PEM.
        public var rootPath: String
        /// Further DNS subtrees the intermediate may sign for.
        public var names: [String] = []
        /// How long a certificate that leo makes for a host is valid.
        public var leafLifetime = Duration.seconds(24 * 3600)

        init(baseDirectory: String) {
            certificatePath = ConfigPath.resolve("certs/leo-ca.pem", in: baseDirectory)
            keyPath = ConfigPath.resolve("certs/leo-ca.key", in: baseDirectory)
            rootPath = ConfigPath.resolve("certs/leo-root.pem", in: baseDirectory)
        }
    }

    /// `[keys]`: what all secrets are derived from.
    public struct Keys: Equatable, Sendable {
        /// A file and where the configuration names it, for complaints about what is in it.
        struct File: Equatable, Sendable {
            let path: String
            let place: Place
        }

        /// The master key in force; nil: there is none.
        var master: File?
        /// The one before, while what was made with it is still about.
        var previous: File?

        /// The path of the master key; nil: there is none.
        public var masterPath: String? { master?.path }
        /// The path of the master key before; nil: there is none.
        public var previousPath: String? { previous?.path }
    }

    /// `[upstream]`: the way out.
    public struct Upstream: Equatable, Sendable {
        /// Whom leo believes.
        public enum Trust: Equatable, Sendable {
            /// The roots that the system's OpenSSL is set up with.
            case system
            /// The certificates in this PEM file and no others.
            case file(String)
        }

        /// What providers' certificates are verified against.
        public var trust = Trust.system
        /// Name resolution, TCP and TLS together.
        public var connectTimeout = Duration.seconds(4)
        /// The longest silence of an upstream in an exchange, and of a tunnel.
        public var idleTimeout = Duration.seconds(15 * 60)
        /// An unused upstream connection is closed after this, or sooner if its provider says so.
        public var poolIdleTimeout = Duration.seconds(30)
        /// Unused upstream connections kept, per worker; 0 keeps none.
        public var poolConnectionsMax = 256
        /// Exchanges at once on one HTTP/2 connection, if the upstream allows as many.
        public var streamsMax = 100
        /// Exchanges in the life of one connection, after which it is replaced: servers behind one name share the work
        /// again.
        public var requestsMax = 10_000
        /// How often leo itself sends a request again that a provider has refused for now; 0: never.
        public var retriesMax = 0
        /// The longest wait that leo learns from a provider; zero: none.
        public var backoffMax = ProviderBackoff.spanMaxDefault
        /// Whether an upstream that has stopped working is left alone for a while.
        public var usesCircuitBreaker = true
        /// Targets that are dialled at this address instead of being looked up.
        public var resolve: [HostPort: IPEndpoint] = [:]
        /// The proxy that connections go through; nil: none.
        public var via: ParentProxy?
        /// The addresses that leo dials from.
        public var source = SourceAddresses()
        /// What TLS with some hosts has beyond that with all others; no two rows mean the same host.
        public var tls: [UpstreamTLSRow] = []
    }

    /// `[access_log]`: one line per exchange, tunnel and refusal.
    public struct AccessLog: Equatable, Sendable {
        /// What happens when lines come faster than they can be written.
        public enum OnFull: String, Equatable, Sendable, CaseIterable {
            /// Lines are dropped and counted.
            case drop
            /// New exchanges wait up to `blockTimeout` and are then refused.
            case block
        }

        /// The file; nil for standard output.
        public var path: String?
        /// What happens when the queue is full.
        public var onFull = OnFull.drop
        /// How long an exchange waits for a place in the queue when `onFull` is `block`.
        public var blockTimeout = Duration.seconds(2)
        /// Request header names, lower case, whose values are copied into the line.
        public var labels: [String] = []
    }
}
