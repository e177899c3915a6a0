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
        waiter.deadline = connection.acceptedAt.advanced(by: shared.timeouts.handshake)
        do {
            if let target = try await readConnect() {
                connection.record.host = target.description
                return try await serve(target)
            }
            stream.closeOrderly()
        } catch {
            await refuse(error)
        }
        return nil
    }

    private func serve(_ target: HostPort) async throws(ProxyError) -> ClientSession? {
        if target == Canary.target { return try await intercept(target, Canary.provider) }
        switch shared.config.destination.decide(target) {
        case .intercept(let provider):
            connection.record.api = provider.api
            return try await intercept(target, provider)
        case .tunnel(let bypassed):
            worker.metrics.add(.connects(.tunnel))
            try await Tunnel(worker: worker, connection: connection, target: target, isBypassed: bypassed).begin()
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

    // MARK: Reading the CONNECT

    /// The target of the CONNECT, or nil when the client connected and left without a word.
    ///
    /// The head is peeked and then taken to the byte, because what follows belongs to TLS.
    private func readConnect() async throws(ProxyError) -> HostPort? {
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
                if let target = try parse(bytes, &head) {
                    _ = unsafe System.read(
                        stream.descriptor, UnsafeMutableRawBufferPointer(rebasing: worker.scratch[0..<head.byteCount]))
                    stream.watcher.isReadReady = true
                    return target
                }
                if connection.isGone { throw ProxyError(.clientGone, "the client left in the middle of its CONNECT") }
            case .wouldBlock: break
            case .failed: return nil
            }
            do { try await stream.sleep(waiter, for: .read) } catch {
                switch error {
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
    ) throws(ProxyError) -> HostPort? {
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
        return HostPort(host: authority.host, port: port)
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
