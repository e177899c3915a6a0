/// The TLS handshake with a client, as its server: with the proxy listener itself, or with the provider that leo stands in
/// for.
struct ClientHandshake {
    let worker: WorkerState
    let connection: ClientConnection
    /// What a client is shown, and where its operator finds out why it does not trust that.
    let shown: String
    let advice: String

    /// Shakes hands with a client whose ClientHello nobody has taken; `context` says what it is shown.
    func run(_ context: () async throws(ProxyError) -> TLSServerContext) async throws(ProxyError) {
        let stream = connection.stream
        let waiter = connection.waiter
        let overload = worker.shared.overload
        guard overload.beginHandshake() else {
            worker.metrics.add(.overload(.handshakes))
            throw ProxyError(.overload, OverloadLimit.handshakes.explanation)
        }
        defer { overload.handshakeEnded() }
        if overload.isPressed {
            waiter.deadline = min(waiter.deadline, worker.loop.now.advanced(by: Overload.pressedHandshakeSpan))
        }
        let context = try await context()
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
                    .clientDistrust, "the client does not trust \(shown) (\(failure.detail)): \(advice)")
            case .failed(let failure):
                throw ProxyError(.clientHandshake, "TLS handshake with the client: \(failure.detail)")
            }
        }
    }
}
