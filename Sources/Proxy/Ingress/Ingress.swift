import Policy
import Wire

/// A client's connection up to the point where it is known what it is for.
///
/// By the listener it came by: a proxy connection begins with a CONNECT, which is read, decided and handed over to
/// interception or to a tunnel, or with a plain HTTP request; one to the reverse listener has such requests alone; one that
/// a packet filter has redirected says by its ClientHello what it is. What goes wrong is answered with a refusal that a
/// person understands.
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

    /// The session of a connection whose requests leo relays; nil when it has been served or refused.
    private func open() async -> ClientSession? {
        let shedding = ConnectionShedding(worker: worker, connection: connection)
        waiter.deadline = connection.acceptedAt.advanced(by: shedding.patience)
        do {
            let preamble = ProxyPreamble(worker: worker, connection: connection)
            if preamble.isExpected, try await !preamble.read() {
                stream.closeOrderly()
                return nil
            }
            switch connection.listener {
            case .proxy, .proxyUnix: return try await openProxy(shedding)
            case .proxyTLS:
                guard try await secure() else { break }
                return try await openProxy(shedding)
            case .transparent:
                try shedding.refuseUnlessTunnelled()
                return try await Transparent(worker: worker, connection: connection).open()
            case .reverse:
                try shedding.refuseUnlessTunnelled()
                return session(.reverse)
            }
            stream.closeOrderly()
        } catch {
            await refuse(error)
        }
        return nil
    }

    private func session(_ way: Router.Way) -> ClientSession {
        ClientSession(router: Router(worker: worker, connection: connection, way: way))
    }

    /// What a connection to a proxy becomes; nil when it has been served, or the client has left without a word.
    private func openProxy(_ shedding: ConnectionShedding) async throws(ProxyError) -> ClientSession? {
        switch try await readIdentifiedConnect(shedding) {
        case .connect(let connect): return try await serve(connect.target)
        case .plain: return session(.proxy)
        case nil:
            stream.closeOrderly()
            return nil
        }
    }

    /// Speaks TLS with a client of an `https://` proxy; false when it has left without a word.
    private func secure() async throws(ProxyError) -> Bool {
        guard let shown = shared.listenerTLS else {
            throw ProxyError(.internalError, "listen.proxy_tls has no certificate")
        }
        // Until the handshake is done nobody waits for an answer in HTTP.
        connection.isAnswered = true
        guard let hello = try await readHello() else { return false }
        let handshake = ClientHandshake(
            worker: worker, connection: connection, shown: "the certificate of listen.proxy_tls",
            advice: "see docs/listeners.md")
        try await handshake.run { () async throws(ProxyError) in
            try await shown.context(for: hello.serverName, worker: worker, waiter: waiter)
        }
        connection.record.tls = stream.tlsVersion.map { String($0.drop { !$0.isNumber }) }
        connection.isAnswered = false
        return true
    }

    /// The ClientHello to the proxy listener, which stays unread; nil when the client has left, or leo leaves, without a
    /// word.
    private func readHello() async throws(ProxyError) -> ClientHello? {
        connection.isIdle = true
        defer { connection.isIdle = false }
        let outcome: HelloPeek.Outcome
        do throws(ProxyError) {
            outcome = try await HelloPeek(worker: worker, connection: connection).wait(until: waiter.deadline)
        } catch {
            if error.fault == .draining, !stream.hasByte(worker) { return nil }
            throw error
        }
        switch outcome {
        case .hello(let hello): return hello
        case .gone: return nil
        case .silent: throw ProxyError(.clientTimeout, "no ClientHello within listen.handshake_timeout")
        case .notTLS:
            connection.isAnswered = false
            throw ProxyError(.notTLS, "this port speaks TLS: the proxy URL must begin with https://, not http://")
        }
    }

    private func serve(_ target: HostPort) async throws(ProxyError) -> ClientSession? {
        if target == Canary.target { return try await intercept(target, Canary.provider) }
        let shedding = ConnectionShedding(worker: worker, connection: connection)
        switch worker.policy.destination.decide(target, for: connection.clients) {
        case .intercept(let provider):
            if let limit = try shedding.limitForInterception() {
                try Gatekeeper(worker: worker, connection: connection).requireTenant()
                connection.record.provider = provider.name
                return try await tunnel(target, .overload(limit))
            }
            connection.record.api = provider.api
            return try await intercept(target, provider)
        case .tunnel(let bypassed):
            return try await tunnel(target, bypassed ? .splice : nil)
        case .refuse(let refusal):
            let error = ProxyError(refusal)
            throw ProxyError(error.fault, "\(target): \(error.detail)")
        }
    }

    /// Whether a CONNECT to `target` may become an interception. Behind an address there may be a provider, as the name in
    /// its client's ClientHello will tell.
    private func mayShowRequests(_ target: HostPort) -> Bool {
        if target == Canary.target || target.address != nil { return true }
        return switch worker.policy.destination.decide(target, for: connection.clients) {
        case .intercept: true
        // The reason of this refusal is not told to those who are nobody.
        case .tunnel, .refuse: false
        }
    }

    private func intercept(_ target: HostPort, _ provider: Provider) async throws(ProxyError) -> ClientSession {
        worker.metrics.add(.connects(.intercept))
        connection.record.provider = provider.name
        let interception = Interception(
            worker: worker, connection: connection, provider: provider, target: target, address: nil)
        return try await interception.begin()
    }

    private func tunnel(_ target: HostPort, _ bypass: Tunnel.Bypass?) async throws(ProxyError) -> ClientSession? {
        worker.metrics.add(.connects(.tunnel))
        return try await Tunnel(worker: worker, connection: connection, target: target, bypass: bypass).begin()
    }

    // MARK: Reading the CONNECT

    /// How a connection to a proxy begins.
    private enum Beginning {
        case connect(Connect)
        /// With a plain HTTP request, of which nothing has been taken.
        case plain
    }

    /// A CONNECT, and what its client says about itself.
    private struct Connect {
        let target: HostPort
        let credentials: ProxyCredentials
        let keepsAlive: Bool
    }

    /// The target of the CONNECT of a client that was identified, or nil when it left. A client that is refused with 407
    /// may try again on the same connection, a few times.
    private func readIdentifiedConnect(_ shedding: ConnectionShedding) async throws(ProxyError) -> Beginning? {
        let gatekeeper = Gatekeeper(worker: worker, connection: connection)
        var refusalCount = 0
        while let beginning = try await readConnect(mayLeave: refusalCount > 0) {
            guard case .connect(let connect) = beginning else {
                try shedding.refuseUnlessTunnelled()
                // Each request says for itself whose it is.
                return beginning
            }
            connection.record.host = connect.target.description
            try shedding.refuseUnlessTunnelled()
            do {
                try await gatekeeper.identify(
                    connect.credentials, requestsFollow: mayShowRequests(connect.target), by: worker.policy)
                return beginning
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
    private func readConnect(mayLeave: Bool) async throws(ProxyError) -> Beginning? {
        var head = HTTP1Head(.request, headBytesMax: Self.headBytesMax)
        connection.isIdle = true
        defer { connection.isIdle = false }
        while true {
            let look = try stream.look(worker) { bytes throws(ProxyError) -> Beginning? in
                connection.isIdle = false
                return try parse(bytes, &head)
            }
            switch look {
            case .found(.plain): return .plain
            case .found(let beginning):
                stream.skip(head.byteCount, worker)
                // The password must not stay where the next connection's bytes will be.
                unsafe Secret.wipe(UnsafeMutableRawBufferPointer(rebasing: worker.scratch[0..<Self.headBytesMax]))
                return beginning
            case .ended where connection.isIdle: return nil
            case .ended: throw ProxyError(.clientGone, "the client left in the middle of its CONNECT")
            case .more: break
            }
            do { try await stream.sleep(waiter, for: stream.readInterest) } catch {
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
    ) throws(ProxyError) -> Beginning? {
        if bytes[0] == 0x16 { throw tlsWithoutNeed }
        if let flaw = ProxyPreamble.uninvited(bytes) { throw flaw }
        do { guard try head.parse(bytes) else { return nil } } catch { throw ProxyError(error) }
        connection.record.take(head, from: bytes)
        if case .absolute = head.target { return .plain }
        guard head.method == .connect else { throw ForwardTarget.notProxied }
        guard case .authority(let range) = head.target, let authority = Authority.parse(bytes.extracting(range)),
            let port = authority.port, port > 0
        else { throw ProxyError(.badTarget, "the target of a CONNECT is host:port") }
        guard head.requestFraming == .none || head.requestFraming == .length(0) else {
            throw ProxyError(.badRequest, "a CONNECT has no body")
        }
        return .connect(
            Connect(
                target: HostPort(host: authority.host, port: port), credentials: .read(head, from: bytes),
                keepsAlive: head.keepsAlive))
    }

    /// The answer to a ClientHello where a request is expected.
    private var tlsWithoutNeed: ProxyError {
        stream.hasTLS
            ? ProxyError(.badRequest, "TLS where the CONNECT should be, inside of the TLS with the proxy")
            : ProxyError(.badRequest, "TLS on the proxy port: the proxy URL must begin with http://, not https://")
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
