import Policy

/// Gives the exchanges of one client connection their upstreams: pooled ones, or ones dialled and verified for them.
struct UpstreamConnector {
    private let worker: WorkerState
    private let interception: Interception
    private let group: UpstreamGroup

    /// For the exchanges of `interception`.
    init(worker: WorkerState, interception: Interception) {
        self.worker = worker
        self.interception = interception
        let common = worker.shared.timeouts.poolIdle
        let traits = interception.provider.poolIdleTimeout.map { Nanoseconds($0) }
        group = worker.pool.group(
            for: UpstreamGroup.Key(
                host: interception.target.host, port: interception.target.port,
                isPlain: interception.provider.plain, address: interception.address),
            idleSpan: min(traits ?? common, common))
    }

    /// An upstream that is there already and still good.
    func pooled(for exchange: Exchange) -> (any UpstreamEnd)? {
        let connection = unsafe worker.pool.take(from: group, scratch: worker.scratch)
        if connection != nil { worker.metrics.add(.upstreamReuses) }
        return connection
    }

    /// A new connection, within the deadline of the exchange's waiter. `isAbandoned` is asked after each wait.
    func fresh(for exchange: Exchange, isAbandoned: () -> Bool) async throws(ProxyError) -> any UpstreamEnd {
        let waiter = exchange.journal.waiter
        let begin = MonotonicTime.current()
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
        let connection = UpstreamConnection(
            worker: worker, group: group, stream: stream, endpointText: endpoint.description)
        connection.resolveTime = resolveTime
        return connection
    }
}
