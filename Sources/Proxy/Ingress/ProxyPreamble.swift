import Policy
import Wire

/// The PROXY protocol header in front of a connection, which says for whom a load balancer connects.
///
/// It is believed from the networks of `listen.proxy_protocol_from` alone, and must be there then: were it optional, a
/// client of the balancer could write its own.
struct ProxyPreamble {
    let worker: WorkerState
    let connection: ClientConnection

    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }

    /// Whether a header must be in front of this connection.
    var isExpected: Bool {
        guard let endpoint = connection.socketPeer.endpoint else { return false }
        return worker.shared.config.listen.proxyProtocolFrom.contains { $0.contains(endpoint.address) }
    }

    /// Takes the header and makes the client the one that it names; false when the peer has left without a word.
    func read() async throws(ProxyError) -> Bool {
        connection.isIdle = true
        defer { connection.isIdle = false }
        while true {
            let look = try stream.look(worker) { bytes throws(ProxyError) -> ProxyProtocolHeader? in
                connection.isIdle = false
                do throws(ProxyProtocolError) { return try ProxyProtocolHeader.parse(bytes) } catch {
                    throw ProxyError(.badRequest, error.explanation)
                }
            }
            switch look {
            case .found(let header):
                stream.skip(header.byteCount, worker)
                take(header.origin)
                return true
            case .ended where connection.isIdle: return false
            case .ended: throw ProxyError(.clientGone, "the peer left in the middle of its PROXY protocol header")
            case .more: break
            }
            do { try await stream.sleep(waiter, for: .read) } catch {
                switch error {
                case .deadline:
                    throw ProxyError(.clientTimeout, "no PROXY protocol header within listen.handshake_timeout")
                case .cancelled where connection.isIdle: return false
                case .cancelled: throw ProxyError(.draining, "leo is shutting down")
                case .broken: return false
                }
            }
        }
    }

    private func take(_ origin: ProxyProtocolHeader.Origin) {
        switch origin {
        case .local, .unknown, .unix: break
        case .endpoints(let source, let destination):
            connection.announce(IPEndpoint(source), destination: IPEndpoint(destination))
        }
    }

    /// What to say about a header from somebody who is not believed; nil when the bytes are none.
    static func uninvited(_ bytes: Span<UInt8>) -> ProxyError? {
        let isHeader =
            bytes.count >= 12 && ProxyProtocolHeader.mayBegin(bytes)
            || bytes.count >= 6 && ProxyProtocolHeader.mayBeginVersionOne(bytes)
        guard isHeader else { return nil }
        return ProxyError(
            .badRequest, "a PROXY protocol header from an address that listen.proxy_protocol_from does not name")
    }
}

extension IPEndpoint {
    /// An address as the header has it.
    init(_ endpoint: ProxyProtocolHeader.Endpoint) {
        switch endpoint {
        case .v4(let bits, let port): self.init(address: .v4(bits), port: port)
        case .v6(let high, let low, let port): self.init(address: .v6(high, low), port: port)
        }
    }
}
