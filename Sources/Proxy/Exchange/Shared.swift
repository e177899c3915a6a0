import Cache
import Policy
import Synchronization

/// What all workers share: read by everybody, changed by nobody, or behind a lock of its own.
final class Shared: Sendable {
    /// The file as leo was started with it. What of it may change while leo runs is in a `PolicySnapshot`.
    let config: Config
    private let currentPolicy: Mutex<PolicySnapshot>
    let timeouts: Timeouts
    let authority: CertificateAuthority
    let leaves: OffLoopCache<Leaf>
    let resolver: OffLoopCache<Resolver.Answer>
    let upstreamTrust: UpstreamTrust
    /// What leo shows the parent proxy, if there is one that asks.
    let parentCredentials: ParentCredentials?
    let accessLog: AccessLog
    let log: OperatorLog
    let metrics: Metrics
    /// The addresses leo listens on; never dialled.
    let ownListeners: [IPEndpoint]
    /// What leo has taken on, against what it may.
    let overload: Overload
    /// What is known of the upstreams' condition.
    let upstreamHealth: UpstreamHealth
    /// The answers that are kept.
    let cache: MemoryCache
    /// The exchanges under way whose answers others may have.
    let flights = FlightTable()
    /// The kept answers that are being renewed.
    let refreshes = RefreshBook()
    /// Tells who owns the sockets of this machine's clients.
    let owners = SocketOwners()
    /// The systemd units of control groups, by their numbers.
    let units = ControlGroups.makeCache()
    /// What `listen.proxy_tls` shows; nil when it is off.
    let listenerTLS: ListenerTLS?
    /// leo's own connections, where they might be redirected to leo; nil without `listen.transparent`.
    let ownDials: OwnDials?
    private let connectionNumber = Atomic<UInt64>(0)
    private let isDrainingNow = Atomic<Bool>(false)
    private let drainWaiter = Mutex<Waiter?>(nil)

    /// A minted certificate's context, or why there is none.
    enum Leaf: Sendable {
        case ready(TLSServerContext)
        case failed(String)
    }

    /// By ALPN towards clients, leo's choice first: python's httpx offers HTTP/2 second and means it. curl names the old
    /// version when it is told to speak it.
    private static let clientProtocols = [HTTPProtocol.http2.rawValue, HTTPProtocol.http1.rawValue, "http/1.0"]
    /// Certificates kept at once; a machine talks to a handful of providers.
    private static let leafCountMax = 512

    init(
        config: Config, authority: CertificateAuthority, upstreamTrust: UpstreamTrust,
        parentCredentials: ParentCredentials? = nil, accessLog: AccessLog, log: OperatorLog, metrics: Metrics,
        ownListeners: [IPEndpoint], listenerTLS: ListenerTLS? = nil, ownDials: OwnDials? = nil,
        keys: MasterKeys? = nil
    ) {
        self.config = config
        currentPolicy = Mutex(PolicySnapshot(config, keys: keys))
        self.listenerTLS = listenerTLS
        self.ownDials = ownDials
        upstreamHealth = UpstreamHealth(config.upstream)
        cache = MemoryCache(
            byteCountMax: config.cache.byteCountMax, entryByteCountMax: config.cache.entryByteCountMax)
        overload = Overload(config, descriptorCountMax: Process.descriptorCountMax())
        timeouts = Timeouts(config)
        self.authority = authority
        self.upstreamTrust = upstreamTrust
        self.parentCredentials = parentCredentials
        self.accessLog = accessLog
        self.log = log
        self.metrics = metrics
        self.ownListeners = ownListeners
        let helpers = HelperMetrics(metrics.makeWorker())
        resolver = Resolver.makeCache { helpers.countLookUp($0) }
        let lifetime = config.authority.leafLifetime
        leaves = OffLoopCache(
            countMax: Self.leafCountMax,
            threads: HelperThreads(name: "leo-mint", threadCountMax: 2, waitingCountMax: 1024),
            make: { host in
                let begin = MonotonicTime.current()
                do throws(CertificateFailure) {
                    let context = try authority.mint(host: host, lifetime: lifetime, protocols: Self.clientProtocols)
                    helpers.countMint(MonotonicTime.current().since(begin))
                    // Given out for three quarters of its life, so that no client meets an expired one.
                    return (.ready(context), Nanoseconds(lifetime * 3 / 4))
                } catch {
                    return (.failed(error.description), Nanoseconds(.seconds(1)))
                }
            }, busy: { .failed("too many certificates are being made") })
    }

    /// The policy in force. Code on a loop reads the loop's own copy, `WorkerState.policy`, which needs no lock.
    var policy: PolicySnapshot { currentPolicy.withLock { $0 } }

    /// Puts a policy in force for whoever asks ``policy`` and for new connections; the loops' copies are theirs to change.
    func install(_ policy: PolicySnapshot) {
        currentPolicy.withLock { $0 = policy }
        overload.adopt(policy.destination.onOverload)
    }

    /// Tells a new client connection from all others.
    func nextConnectionNumber() -> UInt64 { connectionNumber.add(1, ordering: .relaxed).newValue }

    /// A connection that ``Overload/admitConnection(descriptor:)`` counted has ended.
    func connectionEnded(_ admission: Admission) {
        if overload.connectionEnded(admission) == 0, isDraining { drainWaiter.withLock { $0 }?.wakeFromAnyThread() }
    }

    /// Client connections open now.
    var openConnectionCount: Int { overload.openConnectionCount }

    /// Whether leo is shutting down.
    var isDraining: Bool { isDrainingNow.load(ordering: .relaxed) }

    /// From now on connections end with what they are doing; `waiter` is woken when the last one has.
    func beginDraining(wake waiter: Waiter) {
        drainWaiter.withLock { $0 = waiter }
        isDrainingNow.store(true, ordering: .sequentiallyConsistent)
    }
}

/// The file's spans, in the form the loops use.
struct Timeouts: Sendable {
    let handshake: Nanoseconds
    let head: Nanoseconds
    let idle: Nanoseconds
    let stall: Nanoseconds
    let connect: Nanoseconds
    let upstreamIdle: Nanoseconds
    let poolIdle: Nanoseconds
    let block: Nanoseconds

    init(_ config: Config) {
        handshake = Nanoseconds(config.listen.handshakeTimeout)
        head = Nanoseconds(config.listen.headTimeout)
        idle = Nanoseconds(config.listen.idleTimeout)
        stall = Nanoseconds(config.listen.stallTimeout)
        connect = Nanoseconds(config.upstream.connectTimeout)
        upstreamIdle = Nanoseconds(config.upstream.idleTimeout)
        poolIdle = Nanoseconds(config.upstream.poolIdleTimeout)
        block = Nanoseconds(config.accessLog.blockTimeout)
    }
}

/// Counts what helper threads do. A worker's counts have one writer; here a lock makes it one at a time.
final class HelperMetrics: Sendable {
    private let metrics: Mutex<WorkerMetrics>

    init(_ metrics: WorkerMetrics) { self.metrics = Mutex(metrics) }

    /// A name was looked up.
    func countLookUp(_ result: LookupResult) { metrics.withLock { $0.add(.lookups(result)) } }

    /// A certificate was made.
    func countMint(_ span: Nanoseconds) {
        metrics.withLock { metrics in
            metrics.add(.leafMints)
            metrics.observe(.leafMintTime, microseconds: span.microseconds)
        }
    }
}
