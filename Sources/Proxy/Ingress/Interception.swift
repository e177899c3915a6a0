import Policy
import Wire

/// A CONNECT to a provider: leo answers as the provider, with a certificate from its own CA, and relays each request.
struct Interception {
    let worker: WorkerState
    let connection: ClientConnection
    let provider: Provider
    /// The name and port that the client asked for.
    let target: HostPort
    /// Where to connect instead of looking the name up: for a CONNECT to an IP address.
    let address: IPEndpoint?

    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }

    /// Says 200 and comes to the point where requests can be read.
    func begin() async throws(ProxyError) -> ClientSession {
        if !provider.plain {
            guard worker.shared.authority.permits(host: target.host) else {
                throw ProxyError(
                    .caConstraint,
                    "leo's CA may not sign for \(target.host): add the name to ca.names and run leo ca rotate")
            }
            // The certificate is being made while the client reads the answer and says hello.
            _ = worker.shared.leaves.ask(target.host, waiter: nil, now: worker.loop.now)
        }
        stream.outbound.append(Self.established)
        do { try await stream.flush(waiter) } catch {
            throw ProxyError(.clientGone, "the client left before the answer to its CONNECT")
        }
        connection.isAnswered = true
        let peek = try await HelloPeek(worker: worker, connection: connection).wait(until: waiter.deadline)
        switch peek {
        case .gone: throw ProxyError(.clientGone, "the client left without a ClientHello")
        case .silent: throw ProxyError(.clientTimeout, "no ClientHello within listen.handshake_timeout")
        case .notTLS: return try await acceptPlain()
        case .hello(let hello): return try await accept(hello)
        }
    }

    /// The answer to a CONNECT that goes through (RFC 9110 section 9.3.6).
    static let established: StaticString = "HTTP/1.1 200 Connection established\r\n\r\n"

    /// Shakes hands with a client whose ClientHello is still unread in the socket.
    func accept(_ hello: ClientHello) async throws(ProxyError) -> ClientSession {
        connection.record.sni = hello.serverName
        if provider.plain {
            throw ProxyError(.notTLS, "\(provider.name) is configured as plain HTTP, and the client speaks TLS")
        }
        if let name = hello.serverName, name != target.host {
            await stream.sendAlert(TLSAlert.unrecognizedName, waiter)
            throw ProxyError(.sniMismatch, "the TLS server name is not the host of the CONNECT")
        }
        try await handshake()
        // OpenSSL says "TLSv1.3".
        connection.record.tls = stream.tlsVersion.map { String($0.drop { !$0.isNumber }) }
        connection.journal.handshakeTime = worker.loop.now.since(connection.acceptedAt)
        return ClientSession(worker: worker, connection: connection, interception: self)
    }

    private func acceptPlain() async throws(ProxyError) -> ClientSession {
        if provider.plain { return ClientSession(worker: worker, connection: connection, interception: self) }
        let error = ProxyError(.notTLS, "bytes that are no TLS came for \(target); \(provider.name) is reached by TLS")
        // A person with curl or a program with the wrong URL reads this; whatever else speaks here just sees the end.
        LocalAnswer(error: error, api: provider.api, isHead: false).append(to: &stream.outbound, closing: true)
        if (try? await stream.flush(waiter)) != nil {
            await unsafe stream.closeLingering(waiter, scratch: worker.scratch)
        }
        throw error
    }

    private func handshake() async throws(ProxyError) {
        let overload = worker.shared.overload
        guard overload.beginHandshake() else {
            worker.metrics.add(.overload(.handshakes))
            throw ProxyError(.overload, OverloadLimit.handshakes.explanation)
        }
        defer { overload.handshakeEnded() }
        if overload.isPressed {
            waiter.deadline = min(waiter.deadline, worker.loop.now.advanced(by: Overload.pressedHandshakeSpan))
        }
        let context = try await leaf()
        do {
            try stream.startTLS(asServerWith: context)
        } catch {
            throw ProxyError(.internalError, "TLS could not be set up: \(error.detail)")
        }
        do {
            try await stream.handshake(waiter)
        } catch {
            switch error {
            case .interrupted(.deadline):
                throw ProxyError(.clientTimeout, "the TLS handshake took longer than listen.handshake_timeout")
            case .interrupted(.cancelled): throw ProxyError(.draining, "leo is shutting down")
            case .interrupted(.broken), .closed:
                // Java and some others just close when they do not like a certificate.
                throw ProxyError(
                    .clientHandshake, "the client closed the connection in the middle of the TLS handshake")
            case .failed(let failure) where failure.isClientDistrust:
                throw ProxyError(
                    .clientDistrust,
                    "the client does not trust leo's CA (\(failure.detail)): see leo env, leo doctor and docs/trust.md")
            case .failed(let failure):
                throw ProxyError(.clientHandshake, "TLS handshake with the client: \(failure.detail)")
            }
        }
        worker.metrics.observe(.handshakes, microseconds: worker.loop.now.since(connection.acceptedAt).microseconds)
    }

    private func leaf() async throws(ProxyError) -> TLSServerContext {
        while true {
            switch worker.shared.leaves.ask(target.host, waiter: waiter, now: worker.loop.now) {
            case .ready(let context): return context
            case .failed(let message): throw ProxyError(.internalError, "no certificate for \(target.host): \(message)")
            case nil: break
            }
            let wake = await waiter.sleep()
            if wake == .event { continue }
            worker.shared.leaves.forget(target.host, waiter: waiter)
            throw wake == .deadline
                ? ProxyError(.clientTimeout, "no certificate for \(target.host) in time")
                : ProxyError(.draining, "leo is shutting down")
        }
    }
}

extension Stream {
    /// Sends a fatal alert in the clear, before there is a TLS session, as the only record the client will get.
    func sendAlert(_ alert: UInt8, _ waiter: Waiter) async {
        outbound.append(TLSAlert.fatalRecord(alert).span)
        try? await flush(waiter)
    }
}
