import Policy
import Wire

/// A client's connection, from accept to close.
final class ClientConnection {
    /// Tells connections apart in the access log.
    let number: UInt64
    let peer: IPEndpoint
    let stream: Stream
    /// The connection's task sleeps on it, whichever side it waits for.
    let waiter: Waiter
    let acceptedAt: MonotonicTime
    /// What the next access-log line will say; one after the other for everything on this connection.
    var record = AccessRecord()
    /// From accept to the end of the TLS handshake; told once, on the connection's first line.
    var handshakeTime: Nanoseconds?
    /// The CONNECT has got its answer: from now on the client hears no plain HTTP.
    var isAnswered = false
    /// Nothing is under way: a shutdown may end the connection at once.
    var isIdle = false {
        didSet { if isIdle, isUnwanted { waiter.cancel() } }
    }
    private var isUnwanted = false
    private var answerHead: HTTP1Head?

    init(number: UInt64, peer: IPEndpoint, watcher: Watcher, worker: WorkerState) {
        let loop = worker.loop
        self.number = number
        self.peer = peer
        stream = Stream(watcher)
        waiter = Waiter(loop: loop)
        watcher.waiter = waiter
        acceptedAt = loop.now
        record.connection = number
        record.client = peer.description
        record.labelNames = worker.shared.config.accessLog.labels
        record.begin(.refusal, id: worker.nextExchangeID())
    }

    /// The parser of answers' heads, with the storage that the last answer needed.
    func takeAnswerHead() -> HTTP1Head {
        defer { answerHead = nil }
        return answerHead ?? HTTP1Head(.response, headBytesMax: AnswerRelay.headBytesMax)
    }

    /// Keeps it for the next answer.
    func keepAnswerHead(_ head: consuming HTTP1Head) {
        head.reset()
        answerHead = head
    }

    /// Gives back what a connection between two requests does not need.
    func releaseStorage() {
        record.reset()
        record.releaseStorage()
        answerHead = nil
    }

    /// Ends the connection as soon as nothing is under way.
    func drain() {
        isUnwanted = true
        if isIdle { waiter.cancel() }
    }

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

    /// Lets every connection finish what it is doing.
    func drainAll() { for connection in connections.values { connection.drain() } }

    /// Ends every connection now.
    func cancelAll() { for connection in connections.values { connection.waiter.cancel() } }
}
