import Glibc
import Policy
import Wire

/// A CONNECT to a host that leo does not intercept: bytes pass unseen, but not before their first words were looked at.
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

    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }
    private var shared: Shared { worker.shared }

    /// Says 200 and relays until both sides are done.
    func begin() async throws(ProxyError) {
        let gate = AccessLogGate(worker: worker, connection: connection)
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.connect)
        stream.watcher.interest = .read
        let dialer = Dialer(worker: worker)
        let dialled = Dialer.Target(
            host: target.host, port: target.port, isIntercepted: false, clients: connection.clients)
        let route = try await dialer.route(to: dialled, waiter: waiter) { connection.isBroken }
        let hasSlot = try await gate.reserve()
        var isHandedOver = false
        var failure: ProxyError?
        do {
            isHandedOver = try await serve(dialer, route, hasSlot: hasSlot)
        } catch { failure = error }
        if isHandedOver { return }
        connection.record.kind = .tunnel
        connection.isAnswered = true
        if bypass != nil { connection.record.policy = .bypassed }
        connection.record.reason = bypass?.reason ?? "the host is no provider's"
        connection.record.note(.total, nanoseconds: MonotonicTime.current().since(connection.acceptedAt).count)
        if let failure {
            connection.record.fail(failure)
            worker.metrics.add(.faults(failure.fault))
        }
        if hasSlot { shared.accessLog.write(connection.record) }
        stream.closeOrderly()
    }

    /// True when the connection turned out to be an interception, which has logged for itself.
    private func serve(
        _ dialer: Dialer, _ route: Route, hasSlot: Bool
    ) async throws(ProxyError) -> Bool {
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.handshake)
        stream.outbound.append(Interception.established)
        do { try await stream.flush(waiter) } catch {
            throw ProxyError(.clientGone, "the client left before the answer to its CONNECT")
        }
        connection.record.status = 200
        var mustStillLook = false
        var hasHello = false
        if bypass == nil {
            let peek = HelloPeek(worker: worker, connection: connection)
            let firstByteBy = worker.loop.now.advanced(by: Self.firstByteSpan)
            let waitsForHello = shared.config.destination.tunnelWithoutServerName == .refuse
            switch try await peek.wait(until: waiter.deadline, firstByteBy: waitsForHello ? nil : firstByteBy) {
            case .gone: throw ProxyError(.clientGone, "the client left before it sent anything")
            case .silent:
                if waitsForHello { throw ProxyError(.clientTimeout, "no ClientHello within listen.handshake_timeout") }
                mustStillLook = true
            case .notTLS: try await judge(nil)
            case .hello(let hello):
                hasHello = true
                if try await judge(hello) {
                    if hasSlot { shared.accessLog.cancelReservation() }
                    return true
                }
            }
        }
        let upstream: Stream
        do {
            waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.connect)
            stream.watcher.interest = .read
            connection.record.via = route.viaText
            let (connected, endpoint) = try await dialer.connect(by: route, waiter: waiter) { connection.isBroken }
            upstream = connected
            connection.record.upstreamAddress = endpoint.description
        } catch {
            // A client in the middle of its hello understands an alert; every other sees the end.
            if hasHello { await stream.sendAlert(TLSAlert.internalError, waiter) }
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
            case .notTLS: try await judge(nil)
            case .hello(let hello):
                if relay.bytesDown > 0 {
                    try await refuseIntercepted(hello)
                    connection.record.sni = hello.serverName
                } else if try await judge(hello) {
                    if hasSlot { shared.accessLog.cancelReservation() }
                    return true
                }
            }
        }
        try await relay.run()
        return false
    }

    /// What the hello's name means. True: it was an intercepted host, and the connection has been served.
    @discardableResult
    private func judge(_ hello: ClientHello?) async throws(ProxyError) -> Bool {
        guard let hello, let name = hello.serverName else {
            connection.record.sni = AccessRecord.serverNameNone
            guard shared.config.destination.tunnelWithoutServerName == .refuse else { return false }
            if hello != nil { await stream.sendAlert(TLSAlert.unrecognizedName, waiter) }
            throw ProxyError(.sniMissing, "no TLS server name, and intercept.tunnel_without_sni is refuse")
        }
        connection.record.sni = name
        guard let provider = shared.config.destination.provider(serverName: name, port: target.port) else {
            return false
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
        connection.record.provider = provider.name
        connection.record.api = provider.api
        connection.record.kind = .refusal
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.handshake)
        let interception = Interception(
            worker: worker, connection: connection, provider: provider, target: HostPort(host: name, port: target.port),
            address: IPEndpoint(address: address, port: target.port))
        connection.isAnswered = true
        do throws(ProxyError) {
            let session = try await interception.accept(hello)
            await session.run()
        } catch {
            connection.record.fail(error)
            worker.metrics.add(.faults(error.fault))
            AccessLogGate(worker: worker, connection: connection).writeUnreserved()
            stream.closeOrderly()
        }
        return true
    }

    /// After bytes of the upstream have passed, an intercepted host can only be refused.
    private func refuseIntercepted(_ hello: ClientHello) async throws(ProxyError) {
        guard let name = hello.serverName,
            shared.config.destination.provider(serverName: name, port: target.port) != nil
        else { return }
        await stream.sendAlert(TLSAlert.unrecognizedName, waiter)
        throw ProxyError(.sniMismatch, "the TLS server name \(name) is intercepted, and this tunnel was already in use")
    }
}
