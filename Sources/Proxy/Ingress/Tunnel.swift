import Glibc
import Policy
import Wire

/// A CONNECT, or a redirected connection, to a host that leo does not intercept: bytes pass unseen, but not before their first words were looked at.
///
/// A tunnel must not be a way around policy, so the ClientHello is peeked before anything is dialled: the name of an
/// intercepted host in it makes this an interception, or ends it. Where the client is silent (protocols in which the
/// server speaks first), the upstream is dialled after a moment, and the client's first bytes are still looked at before
/// any of them passes.
struct Tunnel {
    /// How long a client may be silent before the upstream is dialled all the same.
    private static let firstByteSpan = Nanoseconds(.milliseconds(300))

    let worker: WorkerState
    let connection: ClientConnection
    let target: HostPort
    /// Why a provider's host is tunnelled; nil for a host that is no provider's.
    let bypass: Bypass?
    /// Where a redirected connection was meant to go, which `target` then is as well; nil for a CONNECT, which is
    /// answered.
    var original: IPEndpoint?

    /// A way around policy that the file opens.
    enum Bypass {
        /// `intercept.splice`
        case splice
        /// `intercept.on_overload`
        case overload(OverloadLimit)

        var reason: String {
            switch self {
            case .splice: "intercept.splice names the host"
            case .overload(let limit): "overload: \(limit.explanation), and intercept.on_overload is \"tunnel\""
            }
        }
    }

    /// What a look at the client's first words came to.
    private enum Verdict {
        case tunnel
        /// It was an intercepted host, and the connection has logged for itself: what is left to do is serve its requests,
        /// if they can be served.
        case handedOver(ClientSession?)
    }

    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }
    var shared: Shared { worker.shared }

    /// Says 200 and relays until both sides are done. Returns the session when the client's first words turn it into an
    /// interception.
    func begin() async throws(ProxyError) -> ClientSession? {
        let gate = AccessLogGate(worker: worker, connection: connection)
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.connect)
        stream.watcher.interest = .read
        let dialer = Dialer(worker: worker, policy: worker.policy)
        var route: Route?
        if original == nil {
            let dialled = Dialer.Target(
                host: target.host, port: target.port, isIntercepted: false, clients: connection.clients)
            route = try await dialer.route(to: dialled, waiter: waiter) { connection.isBroken }
        }
        let hasSlot = try await gate.reserve()
        var failure: ProxyError?
        do {
            if case .handedOver(let session) = try await serve(dialer, route, hasSlot: hasSlot) { return session }
        } catch { failure = error }
        connection.record.kind = .tunnel
        connection.isAnswered = true
        if bypass != nil { connection.record.policy = .bypassed }
        connection.record.reason = bypass?.reason ?? connection.record.reason ?? "the host is no provider's"
        connection.record.note(.total, nanoseconds: MonotonicTime.current().since(connection.acceptedAt).count)
        if let failure {
            connection.record.fail(failure)
            worker.metrics.add(.faults(failure.fault))
        }
        if hasSlot { shared.accessLog.write(connection.record) }
        stream.closeOrderly()
        return nil
    }

    private func serve(_ dialer: Dialer, _ route: Route?, hasSlot: Bool) async throws(ProxyError) -> Verdict {
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.handshake)
        if original == nil { try await establish() }
        var mustStillLook = false
        var hello: ClientHello?
        if bypass == nil {
            let peek = HelloPeek(worker: worker, connection: connection)
            let firstByteBy = worker.loop.now.advanced(by: Self.firstByteSpan)
            // Nobody's connection may only become an interception, whose requests tell whose it is.
            let waitsForHello =
                worker.policy.destination.tunnelWithoutServerName == .refuse || connection.tenant == nil
            switch try await peek.wait(until: waiter.deadline, firstByteBy: waitsForHello ? nil : firstByteBy) {
            case .gone: throw ProxyError(.clientGone, "the client left before it sent anything")
            case .silent:
                if waitsForHello { throw ProxyError(.clientTimeout, "no ClientHello within listen.handshake_timeout") }
                mustStillLook = true
            case .notTLS:
                if case .handedOver(let session) = try await judge(nil, hasSlot) { return .handedOver(session) }
            case .hello(let found):
                hello = found
                if case .handedOver(let session) = try await judge(found, hasSlot) { return .handedOver(session) }
            }
        }
        let upstream: Stream
        do throws(ProxyError) {
            try Gatekeeper(worker: worker, connection: connection).requireTenant()
            waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.connect)
            stream.watcher.interest = .read
            var route = route
            if let original { route = try await self.route(to: original, serverName: hello?.serverName, dialer) }
            guard let route else { throw ProxyError(.internalError, "a tunnel without a way to its target") }
            connection.record.via = route.viaText
            let (connected, endpoint) = try await dialer.connect(by: route, waiter: waiter) { connection.isBroken }
            upstream = connected
            connection.record.upstreamAddress = endpoint.description
        } catch {
            // A client in the middle of its hello understands an alert; every other sees the end.
            if hello != nil { await stream.sendAlert(TLSAlert.internalError, waiter) }
            throw error
        }
        worker.metrics.up(.tunnelsOpen)
        defer { worker.metrics.down(.tunnelsOpen) }
        let relay = TunnelRelay(worker: worker, client: stream, upstream: upstream, waiter: waiter)
        defer {
            connection.record.requestBytes = relay.bytesUp
            connection.record.responseBytes = relay.bytesDown
            worker.metrics.add(.tunnelBytes(.up), relay.bytesUp)
            worker.metrics.add(.tunnelBytes(.down), relay.bytesDown)
            upstream.closeOrderly()
        }
        if mustStillLook, try await relay.runUntilClientSpeaks() {
            let peek = HelloPeek(worker: worker, connection: connection)
            switch try await peek.wait(until: worker.loop.now.advanced(by: shared.timeouts.handshake)) {
            case .gone, .silent: break
            case .hello(let hello) where relay.bytesDown > 0:
                try await refuseIntercepted(hello)
                connection.record.sni = hello.serverName
            case .notTLS where relay.bytesDown > 0: connection.record.sni = AccessRecord.serverNameNone
            case .notTLS:
                if case .handedOver(let session) = try await judge(nil, hasSlot) { return .handedOver(session) }
            case .hello(let hello):
                if case .handedOver(let session) = try await judge(hello, hasSlot) { return .handedOver(session) }
            }
        }
        try await relay.run()
        return .tunnel
    }

    private func establish() async throws(ProxyError) {
        stream.outbound.append(Interception.established)
        do { try await stream.flush(waiter) } catch {
            throw ProxyError(.clientGone, "the client left before the answer to its CONNECT")
        }
        connection.record.status = 200
    }

    /// What the client's first words mean: a hello with a name, one without, or something else than TLS.
    private func judge(_ hello: ClientHello?, _ hasSlot: Bool) async throws(ProxyError) -> Verdict {
        guard let hello, let name = hello.serverName else {
            if hello == nil, let original, let interception = try await plainProvider(at: original) {
                return await handOver(interception, nil, hasSlot)
            }
            connection.record.sni = AccessRecord.serverNameNone
            guard worker.policy.destination.tunnelWithoutServerName == .refuse else { return .tunnel }
            if hello != nil { await stream.sendAlert(TLSAlert.unrecognizedName, waiter) }
            throw ProxyError(.sniMissing, "no TLS server name, and intercept.tunnel_without_sni is refuse")
        }
        connection.record.sni = name
        guard let provider = worker.policy.destination.provider(serverName: name, port: target.port) else {
            return .tunnel
        }
        guard let address = target.address else {
            await stream.sendAlert(TLSAlert.unrecognizedName, waiter)
            throw ProxyError(
                .sniMismatch, "the TLS server name \(name) is intercepted, and the CONNECT was for another host")
        }
        guard shared.authority.permits(host: name) else {
            await stream.sendAlert(TLSAlert.unrecognizedName, waiter)
            throw ProxyError(
                .caConstraint, "leo's CA may not sign for \(name): add it to ca.names and run leo ca rotate")
        }
        let named = HostPort(host: name, port: target.port)
        if let original { try permit(original, as: named, intercepted: true) }
        let interception = Interception(
            worker: worker, connection: connection, provider: provider, target: named,
            address: IPEndpoint(address: address, port: target.port))
        return await handOver(interception, hello, hasSlot)
    }

    /// Begins the interception that this turned out to be, or logs why it cannot be one.
    private func handOver(_ interception: Interception, _ hello: ClientHello?, _ hasSlot: Bool) async -> Verdict {
        connection.record.provider = interception.provider.name
        connection.record.api = interception.provider.api
        connection.record.kind = .refusal
        connection.isAnswered = true
        if hasSlot { shared.accessLog.cancelReservation() }
        guard let hello else { return .handedOver(interception.session) }
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.handshake)
        do throws(ProxyError) {
            return .handedOver(try await interception.accept(hello))
        } catch {
            connection.record.fail(error)
            worker.metrics.add(.faults(error.fault))
            AccessLogGate(worker: worker, connection: connection).writeUnreserved()
            stream.closeOrderly()
            return .handedOver(nil)
        }
    }

    /// After bytes of the upstream have passed, an intercepted host can only be refused.
    private func refuseIntercepted(_ hello: ClientHello) async throws(ProxyError) {
        guard let name = hello.serverName,
            worker.policy.destination.provider(serverName: name, port: target.port) != nil
        else { return }
        await stream.sendAlert(TLSAlert.unrecognizedName, waiter)
        throw ProxyError(.sniMismatch, "the TLS server name \(name) is intercepted, and this tunnel was already in use")
    }
}
