import Policy

/// Gives an exchange its upstream connection: a pooled one, or one dialled and verified for it.
struct UpstreamConnector {
    let worker: WorkerState
    let waiter: Waiter

    /// An idle connection that is still good.
    func pooled(_ interception: Interception) -> UpstreamConnection? {
        let connection = unsafe worker.pool.take(key(interception), scratch: worker.scratch)
        if connection != nil { worker.metrics.add(.upstreamReuses) }
        return connection
    }

    /// A new connection, within `upstream.connect_timeout`. `isAbandoned` is asked after each wait.
    func fresh(_ interception: Interception, isAbandoned: () -> Bool) async throws(ProxyError) -> UpstreamConnection {
        let begin = MonotonicTime.current()
        waiter.deadline = worker.loop.now.advanced(by: worker.shared.timeouts.connect)
        let key = key(interception)
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
                stream, for: target, context: context, ticket: worker.pool.takeTicket(for: key), waiter: waiter,
                isAbandoned: isAbandoned)
        }
        stream.watcher.waiter = nil
        worker.metrics.add(.upstreamConnections)
        worker.metrics.up(.upstreamConnectionsOpen)
        worker.metrics.observe(.upstreamConnectTime, microseconds: MonotonicTime.current().since(begin).microseconds)
        let connection = UpstreamConnection(key: key, stream: stream, endpoint: endpoint)
        connection.resolveTime = resolveTime
        return connection
    }

    private func key(_ interception: Interception) -> UpstreamConnection.Key {
        UpstreamConnection.Key(
            host: interception.target.host, port: interception.target.port, isPlain: interception.provider.plain,
            address: interception.address)
    }
}
