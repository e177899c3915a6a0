import Cache
import Policy
import Wire

/// The idle connections to one upstream, of which one is as good as another; the one used last is at the end.
final class UpstreamGroup {
    /// Everything that makes one connection as good as another. The way to an upstream (parent proxy, source address)
    /// and what TLS with it has of its own follow from these, because the configuration stays while leo runs.
    struct Key: Hashable {
        let host: String
        let port: UInt16
        let isPlain: Bool
        /// The address the client asked for, where it asked for one instead of a name.
        let address: IPEndpoint?
    }

    let key: Key
    /// How long a connection may be unused before it is closed.
    let idleSpan: Nanoseconds
    /// The parent proxy on the way, as the access log writes it; known once somebody has dialled.
    var via: String?
    fileprivate var idle: [UpstreamConnection] = []
    /// The upstream negotiates HTTP/2 and then asks for HTTP/1.1.
    var requiresHTTP1 = false
    /// HTTP/2 connections, used or not; the first that has room is used.
    private var shared: [HTTP2Upstream] = []
    /// Exchanges that wait for a connection being dialled, in the hope that it can be shared.
    private var dialWaiters: [Waiter] = []
    private var dialCount = 0
    /// What was negotiated when each protocol was offered first; nil: not known yet.
    private var speaksHTTP2: (offeredFirst: Bool?, offeredSecond: Bool?) = (nil, nil)

    fileprivate init(key: Key, idleSpan: Nanoseconds) {
        self.key = key
        self.idleSpan = idleSpan
    }

    /// An HTTP/2 connection that can take one more exchange.
    func sharedConnection(webSocket: Bool) -> HTTP2Upstream? { shared.first { $0.canOpen(webSocket: webSocket) } }

    /// A new HTTP/2 connection.
    func insert(_ connection: HTTP2Upstream) { shared.append(connection) }

    /// An HTTP/2 connection that takes no more exchanges.
    func remove(_ connection: HTTP2Upstream) { shared.removeAll { $0 === connection } }

    /// Closes the HTTP/2 connections when their exchanges have ended.
    fileprivate func retireShared() { for connection in shared { connection.retire() } }

    /// Whether no connection needs the group.
    fileprivate var isUnused: Bool { idle.isEmpty && shared.isEmpty && dialCount == 0 }

    /// Whether waiting for the dial that is under way may spare one's own.
    func isWorthWaiting(offeringFirst: Bool) -> Bool {
        dialCount > 0 && (offeringFirst ? speaksHTTP2.offeredFirst : speaksHTTP2.offeredSecond) ?? true
    }

    /// Whether somebody dials.
    var isDialling: Bool { dialCount > 0 }

    /// Whether `waiter` has not been woken by the end of a dial yet.
    func isWaiting(_ waiter: Waiter) -> Bool { dialWaiters.contains { $0 === waiter } }

    /// Somebody dials.
    func beginDial() { dialCount += 1 }

    /// The dial is over; `isHTTP2` nil: it failed. Whoever waits looks again.
    func endDial(isHTTP2: Bool?, offeredFirst: Bool) {
        dialCount -= 1
        if let isHTTP2 {
            if offeredFirst { speaksHTTP2.offeredFirst = isHTTP2 } else { speaksHTTP2.offeredSecond = isHTTP2 }
        }
        let woken = dialWaiters
        dialWaiters = []
        for waiter in woken { waiter.wake() }
    }

    /// Wakes `waiter` when the next dial is over.
    func waitForDial(_ waiter: Waiter) { dialWaiters.append(waiter) }

    /// `waiter` waits no longer.
    func stopWaiting(_ waiter: Waiter) { dialWaiters.removeAll { $0 === waiter } }
}

/// One worker's idle upstream connections and TLS tickets.
///
/// The connection used last is used first, so that a burst's surplus ages and goes. An idle connection is watched: when
/// the upstream closes it, it leaves at once, and it is looked at once more before it is used, because an LLM call cannot
/// be sent twice.
final class UpstreamPool {
    /// Tickets remembered: one per upstream.
    private static let ticketCountMax = 512
    /// OpenSSL checks a ticket's own lifetime; this only keeps the table from holding old ones.
    private static let ticketSpan = Nanoseconds(.seconds(3600))

    private let loop: EventLoop
    private let connectionCountMax: Int
    private let metrics: WorkerMetrics
    private var groups: [UpstreamGroup.Key: UpstreamGroup] = [:]
    private(set) var idleCount = 0
    private var tickets = BoundedTable<UpstreamGroup.Key, TLSTicket>(countMax: ticketCountMax)
    /// Wakes the task that drops what has idled too long.
    let janitor: Waiter

    init(loop: EventLoop, connectionCountMax: Int, metrics: WorkerMetrics) {
        self.loop = loop
        self.connectionCountMax = connectionCountMax
        self.metrics = metrics
        janitor = Waiter(loop: loop)
    }

    /// The group for `key`; a client's connection asks once and keeps it.
    func group(for key: UpstreamGroup.Key, idleSpan: Nanoseconds) -> UpstreamGroup {
        if let group = groups[key] { return group }
        let group = UpstreamGroup(key: key, idleSpan: idleSpan)
        groups[key] = group
        return group
    }

    /// An idle connection that is still good, or nil.
    func take(from group: UpstreamGroup, scratch: UnsafeMutableRawBufferPointer) -> UpstreamConnection? {
        while let connection = group.idle.popLast() {
            countIdle(-1)
            connection.idlePool = nil
            connection.stream.watcher.delegate = nil
            if connection.idleUntil > loop.now, unsafe isQuiet(connection, scratch) { return connection }
            discard(connection)
        }
        return nil
    }

    /// Keeps a connection whose last answer is complete, for its group's span at most.
    func keep(_ connection: UpstreamConnection) {
        rememberTicket(of: connection)
        guard !connection.stream.watcher.isHungUp, connectionCountMax > 0 else {
            discard(connection)
            return
        }
        if idleCount >= connectionCountMax { dropOldest() }
        connection.idleUntil = loop.now.advanced(by: connection.group.idleSpan)
        connection.stream.releaseStorage()
        connection.idlePool = self
        connection.stream.watcher.waiter = nil
        connection.stream.watcher.delegate = connection
        connection.group.idle.append(connection)
        countIdle(1)
        // Else the janitor looks early enough anyway; a pool with one connection would wake it at every request.
        if connection.idleUntil < janitor.deadline { janitor.wake() }
    }

    /// Closes a connection that cannot be used again.
    func discard(_ connection: UpstreamConnection) {
        metrics.down(.upstreamConnectionsOpen)
        connection.stream.closeOrderly()
    }

    /// A ticket to resume with; each is given out once (RFC 8446 appendix C.4).
    func takeTicket(for key: UpstreamGroup.Key) -> TLSTicket? {
        let ticket = tickets.value(for: key, now: loop.now.nanoseconds)
        if ticket != nil { tickets.remove(key) }
        return ticket
    }

    /// Keeps the newest ticket of a connection's session.
    func rememberTicket(of connection: UpstreamConnection) {
        rememberTicket(of: connection.stream, for: connection.group.key)
    }

    /// Keeps the newest ticket of the TLS session on `stream`.
    func rememberTicket(of stream: Stream, for key: UpstreamGroup.Key) {
        guard let ticket = stream.takeTicket() else { return }
        tickets.insert(
            ticket, for: key, expiresAt: loop.now.advanced(by: Self.ticketSpan).nanoseconds)
    }

    /// Drops what has idled too long, and groups that nobody needs. Returns when to look again.
    func sweep() -> MonotonicTime {
        var next = MonotonicTime.never
        for key in Array(groups.keys) {
            // Out of the table while it is looked at, so that whoever else holds it shows.
            guard var group = groups.removeValue(forKey: key) else { continue }
            for connection in group.idle where connection.idleUntil <= loop.now { remove(connection) }
            group.idle.removeAll { $0.idlePool == nil }
            for connection in group.idle { next = min(next, connection.idleUntil) }
            // A group that a client holds stays, or what that client keeps would be out of reach of the next sweep.
            if !group.isUnused || !isKnownUniquelyReferenced(&group) { groups[key] = group }
        }
        return next
    }

    /// Closes every idle connection.
    func removeAll() {
        renew()
        groups.removeAll()
    }

    /// Closes every idle connection and lets no new exchange onto those that are shared. Clients keep their groups.
    func renew() {
        for group in groups.values {
            for connection in group.idle { remove(connection) }
            group.idle.removeAll()
            group.retireShared()
        }
    }

    /// Something happened on an idle connection.
    func idleConnectionFired(_ connection: UpstreamConnection) {
        var byte: UInt8 = 0
        let attempt = unsafe withUnsafeMutableBytes(of: &byte) { unsafe connection.stream.tryRead($0) }
        if attempt == .blocked { return }
        connection.group.idle.removeAll { $0 === connection }
        remove(connection)
    }

    /// Whether nothing has come on an idle connection. Bytes without a request would be taken for the next answer.
    private func isQuiet(_ connection: UpstreamConnection, _ scratch: UnsafeMutableRawBufferPointer) -> Bool {
        guard !connection.stream.watcher.isHungUp else { return false }
        guard connection.stream.mayRead else { return true }
        return unsafe connection.stream.tryRead(scratch) == .blocked
    }

    private func dropOldest() {
        var oldest: UpstreamConnection?
        for group in groups.values {
            if let first = group.idle.first, first.idleUntil < oldest?.idleUntil ?? .never { oldest = first }
        }
        guard let oldest else { return }
        oldest.group.idle.removeFirst()
        remove(oldest)
    }

    private func remove(_ connection: UpstreamConnection) {
        countIdle(-1)
        connection.idlePool = nil
        connection.stream.watcher.delegate = nil
        discard(connection)
    }

    private func countIdle(_ change: Int) {
        idleCount += change
        if change > 0 { metrics.up(.upstreamConnectionsIdle) } else { metrics.down(.upstreamConnectionsIdle) }
    }
}
