import Wire

/// An HTTP/2 connection to an upstream, on which the exchanges of many clients run side by side.
final class HTTP2Upstream: HTTP2SessionDelegate {
    let endpointText: String
    let scheme: StaticString
    private let worker: WorkerState
    /// Each holds the other until the connection is over and leaves the group.
    private let group: UpstreamGroup
    private let connection: HTTP2Connection
    private let session: HTTP2Session
    private var requestCount = 0
    private var isRetired = false
    /// Called once, when the upstream has said how many streams it takes, or never will.
    private var onReady: (() -> Void)?

    init(
        worker: WorkerState, group: UpstreamGroup, stream: Stream, endpointText: String
    ) throws(HTTP2Failure) {
        self.worker = worker
        self.group = group
        self.endpointText = endpointText
        scheme = group.key.isPlain ? "http" : "https"
        var limits = HTTP2Limits.client
        limits.streamsMax = worker.shared.config.upstream.streamsMax
        session = try HTTP2Session(role: .client, limits: limits)
        connection = HTTP2Connection(
            worker: worker, session: session, stream: stream, waiter: Waiter(loop: worker.loop),
            idleSpan: group.idleSpan)
        session.delegate = self
        connection.onSettings = { [unowned self] in self.becomeReady() }
    }

    /// Whether one more exchange may begin here. For a WebSocket the upstream must have said that it takes them.
    ///
    /// Until the upstream's settings have come there is room for one: it may take no more (RFC 9113 section 6.5.2), and
    /// what it refuses has to be sent again.
    func canOpen(webSocket: Bool) -> Bool {
        !isRetired && !connection.isOver && session.canOpenStream
            && (session.hasPeerSettings || requestCount == 0)
            && (!webSocket || session.peerEnablesConnectProtocol)
    }

    /// Calls `body` as soon as more than one exchange may run here, or none ever will.
    func whenReady(_ body: @escaping () -> Void) {
        if session.hasPeerSettings || connection.isOver { return body() }
        onReady = body
    }

    private func becomeReady() {
        let body = onReady
        onReady = nil
        body?()
    }

    /// Begins a request.
    func open(_ fields: HTTP2FieldList, hasBody: Bool) throws(HTTP2Failure) -> HTTP2Stream {
        let stream = try session.openStream(fields, hasBody: hasBody)
        requestCount += 1
        if requestCount >= worker.shared.config.upstream.requestsMax { retire() }
        return stream
    }

    /// An exchange is done with its stream.
    func exchangeEnded() { connection.noteStreamEnd() }

    /// Takes no more exchanges; the connection ends with those that it has.
    func retire() {
        guard !isRetired else { return }
        isRetired = true
        group.remove(self)
        connection.end()
    }

    /// The upstream wants to be spoken to in HTTP/1.1 from now on.
    func requireHTTP1() {
        group.requiresHTTP1 = true
        retire()
    }

    /// Serves the connection to its end, on a task of its own.
    func run() async {
        _ = await connection.run()
        isRetired = true
        becomeReady()
        group.remove(self)
        worker.pool.rememberTicket(of: connection.stream, for: group.key)
        connection.waiter.retire()
        worker.metrics.down(.upstreamConnectionsOpen)
    }

    // MARK: HTTP2SessionDelegate

    func sessionHasOutput() { connection.waiter.wake() }
    func received(request stream: HTTP2Stream) {}
    func streamClosed(_ stream: HTTP2Stream) {}
}
