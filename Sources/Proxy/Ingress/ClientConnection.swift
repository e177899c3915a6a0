import Policy
import Wire

/// A client's connection, from accept to close.
final class ClientConnection {
    /// Tells connections apart in the access log.
    let number: UInt64
    /// Where it came in.
    let listener: ListenerKind
    /// Who is at the other end of the socket.
    let socketPeer: Peer
    /// Who the client is: the same, or the one that a load balancer has named.
    private(set) var peer: Peer
    /// Where the client's connection to the load balancer leads.
    private(set) var announcedDestination: IPEndpoint?
    let stream: Stream
    let acceptedAt: MonotonicTime
    /// The lines of the connection, one after the other, and what its task sleeps on.
    let journal: Journal
    /// The CONNECT has got its answer: from now on the client hears no plain HTTP.
    var isAnswered = false
    /// What was decided when it was accepted.
    var admission = Admission.served
    /// Where its listener can be reached from, which decides where it may go.
    var clients = DestinationPolicy.Clients.local
    /// Who the kernel says is at the other end; nil until somebody asked.
    var owner: ClientOwner?
    /// What `Gatekeeper` has found out about the client.
    var facts = ClientFacts()
    /// Whose client this is; nil until `Gatekeeper` knows, and where the keys of its requests will tell.
    var tenant: TenantMatch? {
        didSet { record.tenant = tenant }
    }
    /// Nothing is under way: a shutdown may end the connection at once.
    var isIdle = false {
        didSet {
            if isIdle, !oldValue { idleSince = stream.watcher.loop.now }
            if isIdle, isUnwanted { waiter.cancel() }
        }
    }
    /// Told when the connection shall end with what is under way; for connections on which several things are.
    var onDrain: (() -> Void)?
    /// Since when nothing is under way; meaningful while ``isIdle``.
    private(set) var idleSince = MonotonicTime.never
    private var isUnwanted = false

    init(number: UInt64, listener: ListenerKind, peer: Peer, watcher: Watcher, worker: WorkerState) {
        let loop = worker.loop
        self.number = number
        self.listener = listener
        socketPeer = peer
        self.peer = peer
        stream = Stream(watcher)
        let waiter = Waiter(loop: loop)
        journal = Journal(waiter: waiter, record: AccessRecord())
        watcher.waiter = waiter
        acceptedAt = loop.now
        record.connection = number
        record.client = peer.description
        record.labelNames = worker.policy.labels
        record.begin(.refusal, id: worker.nextExchangeID())
    }

    /// The connection's task sleeps on it.
    var waiter: Waiter { journal.waiter }
    /// What the next access-log line will say.
    var record: AccessRecord {
        _read { yield journal.record }
        _modify { yield &journal.record }
    }

    /// Takes note of what a load balancer says about the connection.
    func announce(_ client: IPEndpoint, destination: IPEndpoint) {
        peer = .endpoint(client)
        // A load balancer on this machine does not make its clients this machine's own.
        if !client.address.unwrapped.isLoopback { clients = .remote }
        announcedDestination = destination
        record.client = peer.description
    }

    /// Gives back what a connection between two requests does not need.
    func releaseStorage() {
        record.reset()
        record.releaseStorage()
    }

    /// Ends the connection as soon as nothing is under way.
    func drain() {
        isUnwanted = true
        onDrain?()
        if isIdle { waiter.cancel() }
    }

    /// The names in the client's certificate; nil when it showed none.
    var certificateNames: ClientCertificateNames? { stream.clientCertificateNames }

    /// Whether the client has closed its side, or the connection broke. In a tunnel the former is no farewell.
    var isGone: Bool { stream.watcher.isHungUp }
    /// Whether the connection broke.
    var isBroken: Bool { stream.watcher.isBroken }
}

/// One worker's client connections, so that a shutdown can reach them.
struct ConnectionRegistry {
    private var connections: [ObjectIdentifier: ClientConnection] = [:]

    /// How many are open.
    var count: Int { connections.count }

    /// Takes note of a new connection.
    mutating func insert(_ connection: ClientConnection) { connections[ObjectIdentifier(connection)] = connection }

    /// Forgets one that has ended.
    mutating func remove(_ connection: ClientConnection) { connections[ObjectIdentifier(connection)] = nil }

    /// Those that have had nothing under way since `before`, the longest idle ones first, `countMax` at most.
    func idle(since before: MonotonicTime, countMax: Int) -> [ClientConnection] {
        let idle = connections.values.filter { $0.isIdle && $0.idleSince <= before }
        return Array(idle.sorted { $0.idleSince < $1.idleSince }.prefix(countMax))
    }

    /// Lets every connection finish what it is doing.
    func drainAll() { for connection in connections.values { connection.drain() } }

    /// Ends every connection now.
    func cancelAll() { for connection in connections.values { connection.waiter.cancel() } }
}
