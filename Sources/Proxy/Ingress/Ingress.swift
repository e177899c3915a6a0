import Policy
import Wire

/// A connection to the proxy listener, up to the point where its kind is known: reads the CONNECT, decides, and hands over
/// to interception, to a tunnel, or answers with a refusal that a person understands.
struct Ingress {
    /// A CONNECT and its fields; Proxy-Authorization may be long.
    private static let headBytesMax = 32 * 1024

    let worker: WorkerState
    let connection: ClientConnection

    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }
    private var shared: Shared { worker.shared }

    /// Serves the connection to its end.
    func run() async {
        guard let session = await open() else { return }
        // From here on, and not within what led here: its frames would be held for as long as the connection idles.
        await session.run()
    }

    /// The session of an intercepted connection; nil when the connection has been served or refused.
    private func open() async -> ClientSession? {
        let shedding = ConnectionShedding(worker: worker, connection: connection)
        waiter.deadline = connection.acceptedAt.advanced(by: shedding.patience)
        do {
            if let target = try await readIdentifiedConnect(shedding) { return try await serve(target) }
            stream.closeOrderly()
        } catch {
            await refuse(error)
        }
        return nil
    }

    private func serve(_ target: HostPort) async throws(ProxyError) -> ClientSession? {
        if target == Canary.target { return try await intercept(target, Canary.provider) }
        let shedding = ConnectionShedding(worker: worker, connection: connection)
        switch shared.config.destination.decide(target, for: connection.clients) {
        case .intercept(let provider):
            if let limit = try shedding.limitForInterception() {
                connection.record.provider = provider.name
                try await tunnel(target, .overload(limit))
                return nil
            }
            connection.record.api = provider.api
            return try await intercept(target, provider)
        case .tunnel(let bypassed):
            try await tunnel(target, bypassed ? .splice : nil)
            return nil
        case .refuse(let refusal):
            let error = ProxyError(refusal)
            throw ProxyError(error.fault, "\(target): \(error.detail)")
        }
    }

    private func intercept(_ target: HostPort, _ provider: Provider) async throws(ProxyError) -> ClientSession {
        worker.metrics.add(.connects(.intercept))
        connection.record.provider = provider.name
        let interception = Interception(
            worker: worker, connection: connection, provider: provider, target: target, address: nil)
        return try await interception.begin()
    }

    private func tunnel(_ target: HostPort, _ bypass: Tunnel.Bypass?) async throws(ProxyError) {
        worker.metrics.add(.connects(.tunnel))
        try await Tunnel(worker: worker, connection: connection, target: target, bypass: bypass).begin()
    }

    // MARK: Reading the CONNECT

    /// A CONNECT, and what its client says about itself.
    private struct Connect {
        let target: HostPort
        let credentials: ProxyCredentials
        let keepsAlive: Bool
    }

    /// The target of the CONNECT of a client that was identified, or nil when it left. A client that is refused with 407
    /// may try again on the same connection, a few times.
    private func readIdentifiedConnect(_ shedding: ConnectionShedding) async throws(ProxyError) -> HostPort? {
        let gatekeeper = Gatekeeper(worker: worker, connection: connection)
        var refusalCount = 0
        while let connect = try await readConnect(mayLeave: refusalCount > 0) {
            connection.record.host = connect.target.description
            try shedding.refuseUnlessTunnelled()
            do {
                try await gatekeeper.identify(connect.credentials)
                return connect.target
            } catch {
                refusalCount += 1
                let mayRetry = refusalCount < Gatekeeper.refusalCountMax && connect.keepsAlive && !shared.isDraining
                guard error.fault == .proxyCredentials, mayRetry else { throw error }
                try await challenge(error)
            }
        }
        return nil
    }

    /// Answers with 407 on a connection that goes on.
    private func challenge(_ error: ProxyError) async throws(ProxyError) {
        connection.record.fail(error)
        connection.record.status = error.fault.status
        worker.metrics.add(.faults(error.fault))
        worker.metrics.add(.connects(.refuse))
        AccessLogGate(worker: worker, connection: connection).writeUnreserved()
        connection.record.begin(.refusal, id: worker.nextExchangeID())
        connection.record.host = nil
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.handshake)
        LocalAnswer(error: error, api: nil, isHead: false).append(to: &stream.outbound, closing: false)
        do { try await stream.flush(waiter) } catch {
            throw ProxyError(.clientGone, "the client left before it was asked for its password")
        }
    }

    /// The next CONNECT, or nil when the client connected and left without a word; `mayLeave`: or stays and says none.
    ///
    /// The head is peeked and then taken to the byte, because what follows belongs to TLS.
    private func readConnect(mayLeave: Bool) async throws(ProxyError) -> Connect? {
        var head = HTTP1Head(.request, headBytesMax: Self.headBytesMax)
        connection.isIdle = true
        defer { connection.isIdle = false }
        while true {
            stream.watcher.isReadReady = false
            switch unsafe System.peek(stream.descriptor, worker.scratch) {
            case .bytes(0): return nil
            case .bytes(let count):
                connection.isIdle = false
                let bytes = worker.scratch(count)
                if let connect = try parse(bytes, &head) {
                    _ = unsafe System.read(
                        stream.descriptor, UnsafeMutableRawBufferPointer(rebasing: worker.scratch[0..<head.byteCount]))
                    // The password must not stay where the next connection's bytes will be.
                    unsafe Secret.wipe(UnsafeMutableRawBufferPointer(rebasing: worker.scratch[0..<count]))
                    stream.watcher.isReadReady = true
                    return connect
                }
                if connection.isGone { throw ProxyError(.clientGone, "the client left in the middle of its CONNECT") }
            case .wouldBlock: break
            case .failed: return nil
            }
            do { try await stream.sleep(waiter, for: .read) } catch {
                switch error {
                case .deadline where mayLeave && connection.isIdle: return nil
                case .deadline:
                    throw ProxyError(.clientTimeout, "no complete CONNECT within listen.handshake_timeout")
                case .cancelled where connection.isIdle: return nil
                case .cancelled: throw ProxyError(.draining, "leo is shutting down")
                case .broken: return nil
                }
            }
        }
    }

    private func parse(
        _ bytes: Span<UInt8>, _ head: inout HTTP1Head
    ) throws(ProxyError) -> Connect? {
        if bytes[0] == 0x16 {
            throw ProxyError(.badRequest, "TLS on the proxy port: the proxy URL must begin with http://, not https://")
        }
        do { guard try head.parse(bytes) else { return nil } } catch { throw ProxyError(error) }
        connection.record.take(head, from: bytes)
        guard head.method == .connect else {
            throw ProxyError(
                .notConnect,
                "this port is a proxy for HTTPS: it answers CONNECT alone; set HTTPS_PROXY, and no HTTP_PROXY")
        }
        guard case .authority(let range) = head.target, let authority = Authority.parse(bytes.extracting(range)),
            let port = authority.port, port > 0
        else { throw ProxyError(.badTarget, "the target of a CONNECT is host:port") }
        guard head.requestFraming == .none || head.requestFraming == .length(0) else {
            throw ProxyError(.badRequest, "a CONNECT has no body")
        }
        return Connect(
            target: HostPort(host: authority.host, port: port), credentials: .read(head, from: bytes),
            keepsAlive: head.keepsAlive)
    }

    // MARK: Refusing

    /// Answers in plain HTTP while the client still waits for the answer to its CONNECT; afterwards just closes.
    private func refuse(_ error: ProxyError) async {
        connection.record.fail(error)
        worker.metrics.add(.faults(error.fault))
        let isAnswered = connection.isAnswered || error.fault == .clientGone
        if !isAnswered {
            connection.record.status = error.fault.status
            worker.metrics.add(.connects(.refuse))
            LocalAnswer(error: error, api: nil, isHead: false)
                .append(to: &stream.outbound, closing: true)
        }
        AccessLogGate(worker: worker, connection: connection).writeUnreserved()
        guard !isAnswered else { return stream.closeOrderly() }
        waiter.deadline = worker.loop.now.advanced(by: shared.timeouts.handshake)
        do { try await stream.flush(waiter) } catch { return stream.closeAbruptly() }
        await unsafe stream.closeLingering(waiter, scratch: worker.scratch)
    }
}

extension ProxyError {
    /// What an HTTP/1 parser objected to in a request.
    init(_ error: HTTP1Error) {
        let fault: Fault =
            switch error {
            case .malformed(.connectTarget): .badTarget
            case .malformed: .badRequest
            case .headTooLarge: .headTooLarge
            case .versionUnsupported: .versionUnsupported
            case .transferCodingUnsupported: .transferCodingUnsupported
            case .expectationFailed: .expectationFailed
            }
        self.init(fault, error.explanation)
    }
}
