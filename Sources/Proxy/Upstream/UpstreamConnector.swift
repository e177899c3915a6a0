import Policy

/// Gives the exchanges of one client connection their upstreams: pooled ones, or ones dialled and verified for them.
final class UpstreamConnector {
    private let worker: WorkerState
    let interception: Interception
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

    /// An upstream that is there already and still good. What the client speaks is preferred, so that least is lost in
    /// translation.
    func pooled(for exchange: Exchange) -> (any UpstreamEnd)? {
        let found =
            exchange.client.spoken == .http2
            ? shared(for: exchange) ?? idle() : idle() ?? shared(for: exchange)
        guard let found else { return nil }
        worker.metrics.add(.upstreamReuses)
        exchange.journal.record.via = group.via
        return found
    }

    private func idle() -> (any UpstreamEnd)? { unsafe worker.pool.take(from: group, scratch: worker.scratch) }

    private func shared(for exchange: Exchange) -> (any UpstreamEnd)? {
        group.sharedConnection(webSocket: exchange.isWebSocket).map { HTTP2UpstreamEnd(on: $0) }
    }

    /// A new connection, within the deadline of the exchange's waiter, or a share of one that somebody else has dialled
    /// in the meantime. `isAbandoned` is asked after each wait.
    func fresh(for exchange: Exchange, isAbandoned: () -> Bool) async throws(ProxyError) -> any UpstreamEnd {
        let offers = offers(for: exchange)
        let offersHTTP2First = offers.first == .http2
        let mayShare = offers.contains(.http2)
        if mayShare, group.isWorthWaiting(offeringFirst: offersHTTP2First) {
            try await waitForDial(exchange.journal.waiter, isAbandoned)
            exchange.journal.record.via = group.via
            if let shared = shared(for: exchange) { return shared }
        }
        guard mayShare else { return try await dial(for: exchange, offers, isAbandoned) }
        group.beginDial()
        do throws(ProxyError) {
            let upstream = try await dial(for: exchange, offers, isAbandoned)
            let group = group
            if let shared = upstream as? HTTP2UpstreamEnd {
                // Who waits for the dial waits for the settings too, which come with the end of the handshake.
                shared.whenReady { group.endDial(isHTTP2: true, offeredFirst: offersHTTP2First) }
            } else {
                group.endDial(isHTTP2: false, offeredFirst: offersHTTP2First)
            }
            return upstream
        } catch {
            group.endDial(isHTTP2: nil, offeredFirst: offersHTTP2First)
            throw error
        }
    }

    /// By ALPN, the client's own protocol first. A WebSocket is certain to work over HTTP/1 alone.
    private func offers(for exchange: Exchange) -> [HTTPProtocol] {
        if interception.provider.plain || exchange.isWebSocket || group.requiresHTTP1 { return [.http1] }
        return exchange.client.spoken == .http2 ? [.http2, .http1] : [.http1, .http2]
    }

    /// Waits until the dial under way has ended, however.
    private func waitForDial(_ waiter: Waiter, _ isAbandoned: () -> Bool) async throws(ProxyError) {
        group.waitForDial(waiter)
        defer { group.stopWaiting(waiter) }
        let host = interception.target.host
        while group.isDialling {
            switch await waiter.sleep() {
            case .event: if isAbandoned() { throw ProxyError(.clientGone, "the client left while leo connected") }
            case .deadline: throw ProxyError(.connectTimeout, "no connection to \(host) in time")
            case .cancelled: throw ProxyError(.draining, "leo is shutting down")
            }
            if !group.isWaiting(waiter) { return }
        }
    }

    private func dial(
        for exchange: Exchange, _ offers: [HTTPProtocol], _ isAbandoned: () -> Bool
    ) async throws(ProxyError) -> any UpstreamEnd {
        let waiter = exchange.journal.waiter
        let begin = MonotonicTime.current()
        let dialer = Dialer(worker: worker, policy: exchange.policy)
        let target = Dialer.Target(
            host: interception.target.host, port: interception.target.port,
            isIntercepted: !interception.provider.isOther, clients: interception.connection.clients)
        let route = try await dialer.route(
            to: target, at: interception.address, waiter: waiter, isAbandoned: isAbandoned)
        group.via = route.viaText
        exchange.journal.record.via = group.via
        let resolveTime = MonotonicTime.current().since(begin)
        let (stream, endpoint) = try await dialer.connect(by: route, waiter: waiter, isAbandoned: isAbandoned)
        if !interception.provider.plain {
            let context = try await worker.shared.upstreamTrust.context(
                for: target.host, port: target.port, waiter)
            try await dialer.secure(
                stream, for: target, context: context, ticket: worker.pool.takeTicket(for: group.key),
                protocols: offers.map(\.rawValue), waiter: waiter, isAbandoned: isAbandoned)
        }
        stream.watcher.waiter = nil
        worker.metrics.add(.upstreamConnections)
        worker.metrics.up(.upstreamConnectionsOpen)
        worker.metrics.observe(.upstreamConnectTime, microseconds: MonotonicTime.current().since(begin).microseconds)
        if stream.spoken == .http2 {
            return try share(stream, endpoint.description, resolveTime)
        }
        let connection = UpstreamConnection(
            worker: worker, group: group, stream: stream, endpointText: endpoint.description)
        connection.resolveTime = resolveTime
        return connection
    }

    /// Lets the connection on `stream` be shared from now on.
    private func share(
        _ stream: Stream, _ endpointText: String, _ resolveTime: Nanoseconds
    ) throws(ProxyError) -> HTTP2UpstreamEnd {
        let upstream: HTTP2Upstream
        do {
            upstream = try HTTP2Upstream(worker: worker, group: group, stream: stream, endpointText: endpointText)
        } catch {
            worker.metrics.down(.upstreamConnectionsOpen)
            throw ProxyError(.internalError, "HTTP/2 could not be set up: \(error.detail)")
        }
        group.insert(upstream)
        let box = Handover(upstream)
        worker.spawn { _ in await box.value.run() }
        return HTTP2UpstreamEnd(on: upstream, resolveTime: resolveTime)
    }
}
