import Policy

/// Gives the exchanges of one client connection their upstream connections: pooled ones, or ones dialled and verified for
/// them.
struct UpstreamConnector {
    private let worker: WorkerState
    private let waiter: Waiter
    private let interception: Interception
    private let group: UpstreamGroup

    /// For the exchanges of `interception`, whose task sleeps on `waiter`.
    init(worker: WorkerState, waiter: Waiter, interception: Interception) {
        self.worker = worker
        self.waiter = waiter
        self.interception = interception
        group = worker.pool.group(
            for: UpstreamGroup.Key(
                host: interception.target.host, port: interception.target.port,
                isPlain: interception.provider.plain, address: interception.address))
    }

    /// An idle connection that is still good.
    func pooled() -> UpstreamConnection? {
        let connection = unsafe worker.pool.take(from: group, scratch: worker.scratch)
        if connection != nil { worker.metrics.add(.upstreamReuses) }
        return connection
    }

    /// A new connection, within `upstream.connect_timeout`. `isAbandoned` is asked after each wait.
    func fresh(isAbandoned: () -> Bool) async throws(ProxyError) -> UpstreamConnection {
        let begin = MonotonicTime.current()
        waiter.deadline = worker.loop.now.advanced(by: worker.shared.timeouts.connect)
        let dialer = Dialer(worker: worker)
        let target = Dialer.Target(
            host: interception.target.host, port: interception.target.port, isIntercepted: true)
        let endpoints: [IPEndpoint]
        if let address = interception.address {
            endpoints = [address]
        } else {
            endpoints = try await dialer.addresses(of: target, waiter: waiter, isAbandoned: isAbandoned)
        }
        let resolveTime = MonotonicTime.current().since(begin)
        let (stream, endpoint) = try await dialer.connect(to: endpoints, waiter: waiter, isAbandoned: isAbandoned)
        if !interception.provider.plain {
            let context = try await worker.shared.upstreamTrust.context(waiter)
            try await dialer.secure(
                stream, for: target, context: context, ticket: worker.pool.takeTicket(for: group.key), waiter: waiter,
                isAbandoned: isAbandoned)
        }
        stream.watcher.waiter = nil
        worker.metrics.add(.upstreamConnections)
        worker.metrics.up(.upstreamConnectionsOpen)
        worker.metrics.observe(.upstreamConnectTime, microseconds: MonotonicTime.current().since(begin).microseconds)
        let connection = UpstreamConnection(group: group, stream: stream, endpoint: endpoint)
        connection.resolveTime = resolveTime
        return connection
    }
}
