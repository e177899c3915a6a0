import Policy
import Wire

/// Whom requests are for that leo relays: a provider, or for plain HTTP any server that the file allows. After a CONNECT
/// leo answers as the provider, with a certificate from its own CA.
final class Interception {
    let worker: WorkerState
    let connection: ClientConnection
    let provider: Provider
    /// The name and port that the client asked for.
    let target: HostPort
    /// Where to connect instead of looking the name up: for a CONNECT to an IP address, and where the packet filter says.
    let address: IPEndpoint?
    /// Where its requests go, for the keys of answers that are kept. Without TLS it is not the name that tells who answers,
    /// but the address.
    private(set) lazy var place =
        provider.plain ? "\(target) plain \(address.map { "\($0)" } ?? "")" : "\(target)"

    init(
        worker: WorkerState, connection: ClientConnection, provider: Provider, target: HostPort, address: IPEndpoint?
    ) {
        self.worker = worker
        self.connection = connection
        self.provider = provider
        self.target = target
        self.address = address
    }

    /// The shape of leo's own answers; nil is plain text, where nobody's SDK waits for them.
    var api: APIFamily? { provider.isOther ? nil : provider.api }

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
        return session
    }

    /// Whether an upstream for the other one is as good for this one.
    func isSame(as other: Interception) -> Bool {
        target == other.target && address == other.address && provider.index == other.provider.index
    }

    /// The session whose requests are all for this one.
    var session: ClientSession {
        ClientSession(router: Router(worker: worker, connection: connection, way: .fixed(self)))
    }

    private func acceptPlain() async throws(ProxyError) -> ClientSession {
        if provider.plain { return session }
        let error = ProxyError(.notTLS, "bytes that are no TLS came for \(target); \(provider.name) is reached by TLS")
        // A person with curl or a program with the wrong URL reads this; whatever else speaks here just sees the end.
        LocalAnswer(error: error, api: provider.api, isHead: false).append(to: &stream.outbound, closing: true)
        if (try? await stream.flush(waiter)) != nil {
            await unsafe stream.closeLingering(waiter, scratch: worker.scratch)
        }
        throw error
    }

    private func handshake() async throws(ProxyError) {
        let handshake = ClientHandshake(
            worker: worker, connection: connection, shown: "leo's CA",
            advice: "see leo env, leo doctor and docs/trust.md")
        try await handshake.run { () async throws(ProxyError) in
            try await worker.shared.leaves.leaf(for: target.host, worker: worker, waiter: waiter)
        }
        worker.metrics.observe(.handshakes, microseconds: worker.loop.now.since(connection.acceptedAt).microseconds)
    }
}

extension Stream {
    /// Sends a fatal alert in the clear, before there is a TLS session, as the only record the client will get.
    func sendAlert(_ alert: UInt8, _ waiter: Waiter) async {
        outbound.append(TLSAlert.fatalRecord(alert).span)
        try? await flush(waiter)
    }
}
