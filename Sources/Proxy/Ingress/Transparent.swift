import Policy
import Wire

/// A connection that a packet filter has redirected to leo. Whom it was meant for, the kernel knows; the name in its
/// ClientHello says whether that is a provider.
///
/// The client knows of no proxy, so nothing but the far side's own words may be sent to it.
struct Transparent {
    let worker: WorkerState
    let connection: ClientConnection

    private var shared: Shared { worker.shared }

    /// Serves the connection: as a tunnel to where it was meant to go, until its first words turn it into an interception.
    func open() async throws(ProxyError) -> ClientSession? {
        connection.isAnswered = true
        guard let original = connection.announcedDestination ?? Socket.originalDestination(connection.stream.descriptor)
        else {
            throw ProxyError(.addressRefused, "the connection was not redirected: nobody knows where it belongs")
        }
        connection.record.host = original.description
        if let refusal = worker.policy.destination.permitsOwn(original, ownListeners: shared.ownListeners) {
            warnOfLoop(refusal)
            throw ProxyError(refusal)
        }
        try await Gatekeeper(worker: worker, connection: connection).identify(
            .none, mayBeAsked: false, requestsFollow: true, by: worker.policy)
        let target = HostPort(host: original.address.description, port: original.port)
        return try await Tunnel(
            worker: worker, connection: connection, target: target, bypass: nil, original: original
        ).begin()
    }

    private func warnOfLoop(_ refusal: DestinationRefusal) {
        guard refusal == .ownListener else { return }
        shared.log.warning(
            .listener, "a connection to one of leo's own listeners was redirected to listen.transparent, or made to it")
    }
}

extension Tunnel {
    /// Whether a redirected connection may go on to where it was meant to go. `named` is the name in its ClientHello, or
    /// its address where there is none.
    func permit(_ original: IPEndpoint, as named: HostPort, intercepted: Bool) throws(ProxyError) {
        // Only now: leo's own connection is known as such before it has said anything.
        if let peer = connection.socketPeer.endpoint, shared.ownDials?.contains(peer) == true {
            shared.log.warning(
                .listener,
                "leo's own connection to \(original) was redirected to leo: exempt leo in the packet filter, see "
                    + "docs/transparent.md")
            throw ProxyError(.addressRefused, "this is leo's own connection, which the packet filter redirects to leo")
        }
        let refusal = worker.policy.destination.permits(
            original.address, port: original.port, target: named, intercepted: intercepted, for: connection.clients,
            ownListeners: shared.ownListeners)
        if let refusal { throw ProxyError(refusal) }
    }

    /// Where a redirected connection's bytes go: to its original address, if the file lets it pass by this name.
    func route(to original: IPEndpoint, serverName: String?, _ dialer: Dialer) async throws(ProxyError) -> Route {
        let named = serverName.map { HostPort(host: $0, port: original.port) } ?? target
        switch worker.policy.destination.decide(named, for: connection.clients) {
        case .tunnel(let bypassed):
            if bypassed {
                connection.record.policy = .bypassed
                connection.record.reason = Bypass.splice.reason
            }
        case .intercept: break
        case .refuse(let refusal): throw ProxyError(refusal)
        }
        try permit(original, as: named, intercepted: false)
        let dialled = Dialer.Target(
            host: named.host, port: named.port, isIntercepted: false, clients: connection.clients)
        return try await dialer.route(to: dialled, at: original, waiter: connection.waiter) { connection.isBroken }
    }

    /// The provider of plain HTTP that a redirected connection's first request is for; nil when it is for none, or is none.
    func plainProvider(at original: IPEndpoint) async throws(ProxyError) -> Interception? {
        let mayBePlain = worker.policy.destination.providers.rows.contains { row in
            row.plain && row.hosts.contains { $0.port == nil || $0.port == original.port }
        }
        // Nobody else's first words have to be waited for.
        guard mayBePlain, let named = try await readHost(original.port),
            case .intercept(let provider) = worker.policy.destination.decide(named, for: connection.clients),
            provider.plain
        else { return nil }
        try permit(original, as: named, intercepted: true)
        return Interception(
            worker: worker, connection: connection, provider: provider, target: named, address: original)
    }

    /// Whom an HTTP request names, which stays unread; nil when it names nobody, or there is none.
    private func readHost(_ port: UInt16) async throws(ProxyError) -> HostPort? {
        var head = HTTP1Head(.request, headBytesMax: Self.headBytesMax)
        while true {
            let look = try connection.stream.look(worker) { bytes -> HostPort?? in
                guard let isComplete = try? head.parse(bytes) else { return .some(nil) }
                guard isComplete else { return nil }
                guard let field = head.first(.host), let authority = Authority.parse(bytes.extracting(field.value))
                else { return .some(nil) }
                return HostPort(host: authority.host, port: authority.port ?? port)
            }
            switch look {
            case .found(let named): return named
            case .ended: return nil
            case .more: break
            }
            do { try await connection.stream.sleep(connection.waiter, for: .read) } catch {
                if error == .cancelled { throw ProxyError(.draining, "leo is shutting down") }
                return nil
            }
        }
    }

    /// As for a request whose provider is known.
    private static let headBytesMax = 32 * 1024
}
