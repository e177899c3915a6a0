import Wire

/// Drives one HTTP/2 connection: the socket on one side, the protocol's state on the other.
///
/// One task reads, writes and keeps the connection's deadlines; the exchanges on the streams run on tasks of their own
/// and never touch the socket. What they have to say is gathered until every task that is ready has had its turn, so
/// that many small frames leave in one record.
final class HTTP2Connection {
    /// Why the connection is over.
    enum End: Equatable {
        /// Both sides were done.
        case orderly
        /// The peer ended the connection, or it broke.
        case peerLeft
        /// The peer was silent, or did not read, for too long.
        case timeout
        /// leo is shutting down, or nobody wants the connection any more.
        case cancelled
        /// The protocol was broken or abused; GOAWAY has been tried.
        case failed(HTTP2Failure)
    }

    /// What is written at once: a few TLS records. More waits in the streams.
    private static let outboundBytesMax = 64 * 1024
    /// Moved without waiting before other connections get their turn.
    private static let turnBytesMax = 512 * 1024

    let session: HTTP2Session
    let stream: Stream
    let waiter: Waiter
    private let worker: WorkerState
    /// How long the connection may go without a stream.
    private let idleSpan: Nanoseconds
    private let beganAt: MonotonicTime
    private var lastStreamEnd: MonotonicTime
    private var lastWrite: MonotonicTime
    private var headBeganAt: MonotonicTime?
    /// Called once, when the peer's settings have come.
    var onSettings: (() -> Void)?
    private var isEnding = false
    /// No frame can pass any more.
    private(set) var isOver = false

    init(worker: WorkerState, session: HTTP2Session, stream: Stream, waiter: Waiter, idleSpan: Nanoseconds) {
        self.worker = worker
        self.session = session
        self.stream = stream
        self.waiter = waiter
        self.idleSpan = idleSpan
        beganAt = worker.loop.now
        lastStreamEnd = worker.loop.now
        lastWrite = worker.loop.now
    }

    /// A stream has ended; the idle time counts from here.
    func noteStreamEnd() { lastStreamEnd = worker.loop.now }

    /// Lets the streams in flight end, and takes no new ones.
    func end() {
        guard !isOver else { return }
        isEnding = true
        session.goAway(.noError)
        waiter.wake()
    }

    /// Serves the connection until it is over, and closes the socket. Every stream has been told by then.
    func run() async -> End {
        stream.attach(waiter)
        let end = await serve()
        isOver = true
        switch end {
        case .orderly: stream.closeOrderly()
        case .failed:
            lastGasp()
            stream.closeOrderly()
        case .peerLeft, .timeout, .cancelled: stream.closeAbruptly()
        }
        session.connectionLost()
        return end
    }

    private func serve() async -> End {
        var turnBytes = 0
        while true {
            let moved: Int
            switch write() {
            case .done(let count): moved = count
            case .blocked: moved = 0
            case .closed, .cut, .failed: return .peerLeft
            }
            var taken = 0
            if stream.mayRead {
                switch unsafe stream.tryRead(worker.scratch) {
                case .done(let count):
                    taken = count
                    do { try session.receive(worker.scratch(count), now: worker.loop.now) } catch {
                        return .failed(error)
                    }
                    if session.hasPeerSettings, let told = onSettings {
                        onSettings = nil
                        told()
                    }
                case .blocked: break
                case .closed, .cut, .failed: return .peerLeft
                }
            }
            if moved + taken > 0 {
                turnBytes += moved + taken
                if turnBytes > Self.turnBytesMax {
                    turnBytes = 0
                    await worker.loop.yield()
                }
                continue
            }
            turnBytes = 0
            if stream.outbound.isEmpty, session.isFinished { return session.failure.map(End.failed) ?? .orderly }
            waiter.deadline = deadline()
            stream.expect(
                stream.outbound.isEmpty ? stream.readInterest : stream.readInterest.union(stream.writeInterest))
            switch await waiter.sleep() {
            case .event: continue
            case .cancelled: return .cancelled
            case .deadline: if let end = expired() { return end }
            }
        }
    }

    /// Fills and empties the socket's queue until either has no more.
    private func write() -> Stream.Attempt {
        var total = 0
        while true {
            if stream.outbound.isEmpty {
                if session.wantsSend {
                    session.send(into: &stream.outbound, byteCountMax: Self.outboundBytesMax)
                }
                if stream.outbound.isEmpty {
                    stream.outbound.releaseStorage()
                    return .done(total)
                }
                lastWrite = worker.loop.now
            }
            guard stream.mayWrite else { return .done(total) }
            let waitingBytes = stream.outbound.count
            let attempt = stream.tryFlush()
            let count = waitingBytes - stream.outbound.count
            total += count
            if count > 0 { lastWrite = worker.loop.now }
            switch attempt {
            case .done: if total > Self.turnBytesMax { return .done(total) }
            case .blocked: return .done(total)
            case .closed, .cut, .failed: return attempt
            }
        }
    }

    private func lastGasp() {
        session.send(into: &stream.outbound, byteCountMax: Self.outboundBytesMax)
        _ = stream.tryFlush()
    }

    // MARK: Deadlines

    private func deadline() -> MonotonicTime {
        let timeouts = worker.shared.timeouts
        if session.isReceivingHead {
            if headBeganAt == nil { headBeganAt = worker.loop.now }
        } else {
            headBeganAt = nil
        }
        var deadline = MonotonicTime.never
        if !stream.outbound.isEmpty { deadline = lastWrite.advanced(by: timeouts.stall) }
        if let headBeganAt { deadline = min(deadline, headBeganAt.advanced(by: timeouts.head)) }
        if !hasIntroducedItself { deadline = min(deadline, beganAt.advanced(by: timeouts.head)) }
        if session.openStreamCount == 0 { deadline = min(deadline, lastStreamEnd.advanced(by: idleSpan)) }
        return deadline
    }

    /// The peer has sent its preface. Whether it acknowledges ours is not insisted on: there are simple clients that
    /// never do, and they harm nobody.
    private var hasIntroducedItself: Bool { session.hasPeerSettings }

    /// What a passed deadline means; nil when it was moved in the meantime.
    private func expired() -> End? {
        let now = worker.loop.now
        let timeouts = worker.shared.timeouts
        if !stream.outbound.isEmpty, lastWrite.advanced(by: timeouts.stall) <= now { return .timeout }
        if let headBeganAt, headBeganAt.advanced(by: timeouts.head) <= now { return .timeout }
        if !hasIntroducedItself, beganAt.advanced(by: timeouts.head) <= now {
            session.goAway(.settingsTimeout)
            lastGasp()
            return .timeout
        }
        guard session.openStreamCount == 0, lastStreamEnd.advanced(by: idleSpan) <= now else { return nil }
        // Once more the same span for a peer that does not answer the farewell.
        if isEnding { return .orderly }
        lastStreamEnd = now
        end()
        session.goAway(.noError)
        return nil
    }
}
