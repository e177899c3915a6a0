import Policy
import Synchronization

/// How much leo has taken on, against what the file allows. One for the process; every loop asks it before it takes on
/// more.
///
/// Who asks when:
/// - accept: ``admitConnection(descriptor:)`` and, when the connection ends, ``connectionEnded(_:)``.
/// - a CONNECT to a provider, and a new request: ``limitForNewWork``; over it `intercept.on_overload` decides for the
///   CONNECT, and the request gets a 503.
/// - a TLS handshake whose ClientHello is there: ``beginHandshake()`` and ``handshakeEnded()``.
/// - whoever holds bodies in memory reports them to its worker's `MemoryGauge`.
final class Overload: Sendable {
    /// Connections above `connections_max` that are accepted to be told so. They are short-lived.
    private static let spareCount = 64
    /// How long they have to say what they want.
    static let spareSpan = Nanoseconds(.seconds(2))
    /// Above three quarters of `handshakes_max` a client gets this long to finish its handshake: those who stall by
    /// design go first.
    static let pressedHandshakeSpan = Nanoseconds(.seconds(2))

    /// `listen.connections_max`
    let connectionCountMax: Int
    /// `listen.handshakes_max`
    let handshakeCountMax: Int
    /// Bytes of bodies, process-wide.
    let memory: MemoryTotal
    /// `intercept.on_overload` is "tunnel"
    private let mayTunnel: Atomic<Bool>
    private let descriptorCountMax: Int
    // Connections that are turned away are counted apart: while clients come back faster than those leave, the places of
    // the ones that are served must still become free.
    private let servedCount = Atomic<Int>(0)
    private let tunnelledCount = Atomic<Int>(0)
    private let turnedAwayCount = Atomic<Int>(0)
    private let handshakeCount = Atomic<Int>(0)

    /// - Parameter descriptorCountMax: the soft RLIMIT_NOFILE.
    init(_ config: Config, descriptorCountMax: Int) {
        connectionCountMax = config.listen.connectionsMax
        handshakeCountMax = config.listen.handshakesMax
        memory = MemoryTotal(byteCountMax: config.listen.bodyMemoryMax)
        mayTunnel = Atomic(config.destination.onOverload == .tunnel)
        self.descriptorCountMax = descriptorCountMax
    }

    /// `intercept.on_overload`
    var policy: DestinationPolicy.OnOverload { mayTunnel.load(ordering: .relaxed) ? .tunnel : .refuse }

    /// The file has been read again.
    func adopt(_ policy: DestinationPolicy.OnOverload) { mayTunnel.store(policy == .tunnel, ordering: .relaxed) }

    // MARK: Connections

    /// Counts a new connection and says what becomes of it. One that is `.closed` is not counted.
    ///
    /// `descriptor` is its number. The kernel hands out the lowest free one, so the number tells how many are in use.
    func admitConnection(descriptor: Int32) -> Admission {
        if descriptor >= descriptorCountMax - descriptorReserve / 2 { return .closed(.descriptors) }
        if descriptor >= descriptorCountMax - descriptorReserve { return turnAway(.descriptors) }
        if Self.take(servedCount, connectionCountMax) { return .served }
        if policy == .tunnel, Self.take(tunnelledCount, tunnelCountMax) {
            return .shed(.connections, mayTunnel: true)
        }
        return turnAway(.connections)
    }

    private func turnAway(_ limit: OverloadLimit) -> Admission {
        Self.take(turnedAwayCount, Self.spareCount) ? .shed(limit, mayTunnel: false) : .closed(limit)
    }

    /// One more; false, and not counted, when that would be too many.
    private static func take(_ count: borrowing Atomic<Int>, _ most: Int) -> Bool {
        if count.add(1, ordering: .relaxed).newValue <= most { return true }
        count.subtract(1, ordering: .relaxed)
        return false
    }

    /// A connection that was admitted so has ended. Returns how many are left.
    @discardableResult
    func connectionEnded(_ admission: Admission) -> Int {
        switch admission {
        case .served: servedCount.subtract(1, ordering: .sequentiallyConsistent)
        case .shed(_, mayTunnel: true): tunnelledCount.subtract(1, ordering: .sequentiallyConsistent)
        case .shed(_, mayTunnel: false): turnedAwayCount.subtract(1, ordering: .sequentiallyConsistent)
        case .closed: break
        }
        return openConnectionCount
    }

    /// Client connections open now.
    var openConnectionCount: Int {
        servedCount.load(ordering: .sequentiallyConsistent) + tunnelledCount.load(ordering: .sequentiallyConsistent)
            + turnedAwayCount.load(ordering: .sequentiallyConsistent)
    }

    /// What is left of the descriptors for upstreams, the log and the admin listener when clients have theirs.
    private var descriptorReserve: Int { min(max(descriptorCountMax / 16, 32), 512) }

    /// With `on_overload = "tunnel"`, connections above `connections_max` that are tunnelled: a tunnel takes a tenth of
    /// what an intercepted connection does, but it does take two descriptors.
    private var tunnelCountMax: Int { max(connectionCountMax / 4, Self.spareCount) }

    // MARK: Work

    /// The limit that new work would go beyond; nil: it may begin.
    var limitForNewWork: OverloadLimit? {
        if handshakeCount.load(ordering: .relaxed) >= handshakeCountMax { return .handshakes }
        return memory.isFull ? .bodyMemory : nil
    }

    /// Counts a handshake from its ClientHello on; false when there are as many as the file allows, and then it is not
    /// counted. A client that says nothing is no handshake yet, so that silence cannot use them up.
    func beginHandshake() -> Bool {
        let count = handshakeCount.add(1, ordering: .relaxed).newValue
        if count <= handshakeCountMax { return true }
        handshakeCount.subtract(1, ordering: .relaxed)
        return false
    }

    /// A handshake that was counted has come to its end, or to nothing.
    func handshakeEnded() { handshakeCount.subtract(1, ordering: .relaxed) }

    /// Handshakes under way.
    var openHandshakeCount: Int { handshakeCount.load(ordering: .relaxed) }

    /// Whether handshakes are so many that the slow ones have to go.
    var isPressed: Bool { openHandshakeCount * 4 >= handshakeCountMax * 3 }

    /// The values of the metrics that are asked for.
    var measures: [Metric: Exposition.Measure] {
        [
            .handshakesOpen: .count(UInt64(max(openHandshakeCount, 0))),
            .bodyMemory: .count(UInt64(max(memory.byteCount, 0))),
        ]
    }

    /// What an operator should know about the limits at start; empty when they fit together.
    var warnings: [String] {
        // A client's connection and its upstream's.
        let needed = connectionCountMax * 2 + descriptorReserve
        guard needed > descriptorCountMax else { return [] }
        return [
            "listen.connections_max = \(connectionCountMax) may need \(needed) file descriptors, and this process may "
                + "have \(descriptorCountMax): raise the limit (LimitNOFILE, ulimit -n) or lower the key"
        ]
    }
}
