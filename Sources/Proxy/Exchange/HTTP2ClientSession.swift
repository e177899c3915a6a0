import Wire

/// The requests of one intercepted HTTP/2 connection, side by side.
final class HTTP2ClientSession: HTTP2SessionDelegate {
    /// How long the frame that ends a request is waited for when everything else has come.
    private static let endSpan = Nanoseconds(.seconds(5))

    private let worker: WorkerState
    private let client: ClientConnection
    private let interception: Interception
    private let connector: UpstreamConnector
    private let session: HTTP2Session
    private let connection: HTTP2Connection
    /// Tasks that serve a stream; the connection counts as open until the last one is over.
    private var taskCount = 0

    init(worker: WorkerState, connection client: ClientConnection, interception: Interception) throws(HTTP2Failure) {
        self.worker = worker
        self.client = client
        self.interception = interception
        connector = UpstreamConnector(worker: worker, interception: interception)
        session = try HTTP2Session(role: .server, limits: .server, enableConnectProtocol: true)
        connection = HTTP2Connection(
            worker: worker, session: session, stream: client.stream, waiter: client.waiter,
            idleSpan: worker.shared.timeouts.idle)
        session.delegate = self
    }

    /// Serves streams until the connection is over and every exchange has ended.
    func run() async {
        client.onDrain = { [weak self] in self?.connection.end() }
        if worker.shared.isDraining { connection.end() }
        let end = await connection.run()
        client.onDrain = nil
        if case .failed(let failure) = end { note(failure) }
        while taskCount > 0 {
            client.waiter.deadline = .never
            // Every stream is closed, so every exchange is on its way out.
            if await client.waiter.sleep() == .cancelled { await worker.loop.yield() }
        }
    }

    // MARK: HTTP2SessionDelegate

    func sessionHasOutput() { client.waiter.wake() }

    func received(request stream: HTTP2Stream) {
        taskCount += 1
        let box = Handover((self, stream))
        worker.spawn { _ in
            let (session, stream) = box.value
            await session.serve(stream)
            session.taskCount -= 1
            if session.taskCount == 0 { session.client.waiter.wake() }
        }
    }

    func streamClosed(_ stream: HTTP2Stream) { connection.noteStreamEnd() }

    func refused(request stream: HTTP2Stream, status: Int) {
        let error =
            status == 431
            ? ProxyError(.headTooLarge, "the request's head is larger than \(session.limits.headBytesMax) bytes")
            : ProxyError(.badRequest, "the request's head breaks RFC 9113")
        refuse(error, status: status)
    }

    // MARK: Streams

    private func serve(_ stream: HTTP2Stream) async {
        let waiter = Waiter(loop: worker.loop)
        stream.waiter = waiter
        defer {
            waiter.retire()
            stream.release()
        }
        guard let received = stream.takeHead() else { return }
        let end: HTTP2ClientEnd
        do { end = try HTTP2ClientEnd(received, on: stream, waiter: waiter) } catch {
            refuse(ProxyError(error), status: ProxyError(error).fault.status)
            return stream.reset(.protocolError)
        }
        let journal = Journal(waiter: waiter, record: AccessRecord(onConnectionOf: client.record))
        journal.handshakeTime = client.journal.handshakeTime
        client.journal.handshakeTime = nil
        switch await serve(end, journal) {
        case .complete, .answered:
            stream.waiter = waiter
            await end.waitForEnd(until: worker.loop.now.advanced(by: Self.endSpan))
            stream.stopReceiving()
        case .gone: stream.reset(.cancel)
        // Not an orderly end of the connection, which some clients take for the end of the answer.
        case .cut: stream.reset(.internalError)
        }
    }

    private func serve(_ end: HTTP2ClientEnd, _ journal: Journal) async -> Exchange.Outcome {
        if interception.target == Canary.target {
            return await Canary(worker: worker, journal: journal, client: end).answer()
        }
        return await Exchange(
            worker: worker, journal: journal, client: end, interception: interception, connector: connector,
            policy: worker.policy
        ).run()
    }

    // MARK: The log

    /// A line about a request that never became an exchange.
    private func refuse(_ error: ProxyError, status: Int?) {
        client.record.begin(.refusal, id: worker.nextExchangeID())
        client.record.fail(error)
        client.record.status = status
        worker.metrics.add(.faults(error.fault))
        AccessLogGate(worker: worker, connection: client).writeUnreserved()
    }

    /// A line about what ended the connection.
    private func note(_ failure: HTTP2Failure) {
        switch failure.kind {
        case .abuse: refuse(ProxyError(.http2Abuse, failure.detail), status: nil)
        case .peerBrokeProtocol: refuse(ProxyError(.http2Error, failure.detail), status: nil)
        case .internalError: refuse(ProxyError(.internalError, failure.detail), status: nil)
        case .endedByUs, .noNewStream: break
        }
    }
}
