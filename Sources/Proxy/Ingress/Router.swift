import Policy
import Wire

/// Finds out for each request of an HTTP/1 connection whom it is for.
///
/// After a CONNECT, or a ClientHello with a provider's name, all requests go to that one. On a plain proxy connection and
/// on the reverse listener each request says for itself; its head is then edited so that the exchange sees an ordinary
/// request to that server: the path alone, and the server's own name in Host. Every other byte stays as it came.
///
/// One object for a connection, so that the frames of its task, which live as long as it idles, hold a reference and no
/// more.
final class Router {
    /// How requests say whom they are for.
    enum Way {
        /// They do not: the connection is for this one.
        case fixed(Interception)
        /// By a whole URL (RFC 9112 section 3.2.2).
        case proxy
        /// By the path's beginning or by Host.
        case reverse
    }

    let worker: WorkerState
    let connection: ClientConnection
    let way: Way
    /// Where the last request's upstream came from.
    private var last: UpstreamConnector?

    init(worker: WorkerState, connection: ClientConnection, way: Way) {
        self.worker = worker
        self.connection = connection
        self.way = way
    }

    /// The shape of errors that concern no provider; nil is plain text.
    var api: APIFamily? {
        switch way {
        case .fixed(let interception): interception.api
        case .proxy: nil
        // Programs that take a base URL are SDKs; all of them read this one.
        case .reverse: .openai
        }
    }

    /// Where the upstream of the request comes from that `client` has begun: from where the one before came, if it is for
    /// the same.
    func connector(
        for client: HTTP1ClientEnd, _ policy: PolicySnapshot
    ) async throws(ProxyError) -> UpstreamConnector {
        if case .fixed = way, let last { return last }
        let interception = try await route(client, policy)
        if let last, last.interception.isSame(as: interception) { return last }
        let connector = UpstreamConnector(worker: worker, interception: interception)
        last = connector
        return connector
    }

    /// Whom the request is for that `client` has begun.
    private func route(_ client: HTTP1ClientEnd, _ policy: PolicySnapshot) async throws(ProxyError) -> Interception {
        switch way {
        case .fixed(let interception): return interception
        case .proxy:
            // Each request has credentials of its own.
            let credentials = try client.withHeadBytes { ProxyCredentials.read(client.head, from: $0) }
            try await Gatekeeper(worker: worker, connection: connection).identify(
                credentials, requestsFollow: true, by: policy)
            return try follow(client) { head, bytes throws(ProxyError) in
                try ForwardTarget(head, bytes).destination(policy.destination, for: connection.clients)
            }
        case .reverse:
            try await Gatekeeper(worker: worker, connection: connection).identify(
                .none, mayBeAsked: false, requestsFollow: true, by: policy)
            return try follow(client) { head, bytes throws(ProxyError) in
                try ReverseTarget(head, bytes, policy.destination.providers)
                    .destination(policy.destination, for: connection.clients)
            }
        }
    }

    /// Forgets what the record says of the request before.
    func forget() {
        switch way {
        case .fixed: break
        case .proxy, .reverse:
            connection.record.host = nil
            connection.record.provider = nil
            connection.record.api = nil
        }
    }

    private func follow(
        _ client: HTTP1ClientEnd, _ find: (HTTP1Head, Span<UInt8>) throws(ProxyError) -> RequestDestination
    ) throws(ProxyError) -> Interception {
        let limit = try ConnectionShedding(worker: worker, connection: connection).limitForInterception()
        // There is no TLS that could be passed on unread.
        if let limit { throw ProxyError(.overload, limit.explanation) }
        let head = client.head
        var edited = ByteQueue()
        let destination = try client.withHeadBytes { bytes throws(ProxyError) in
            let destination = try find(head, bytes)
            destination.edit.append(head, from: bytes, to: &edited)
            return destination
        }
        guard client.replaceHead(edited) else {
            throw ProxyError(.headTooLarge, "with the server's name in Host the head is too large")
        }
        connection.record.host = destination.target.description
        connection.record.provider = destination.provider.name
        let interception = Interception(
            worker: worker, connection: connection, provider: destination.provider, target: destination.target,
            address: nil)
        connection.record.api = interception.api
        return interception
    }
}

/// Where one request goes, and as what.
struct RequestDestination {
    let provider: Provider
    let target: HostPort
    let edit: HeadEdit
}

extension Provider {
    /// Stands for a host that is no provider's, to which plain HTTP is forwarded.
    static func other(_ target: HostPort) -> Provider {
        Provider(
            name: "other", api: .openai, hosts: [HostPattern(target)], plain: true,
            // Nothing is known of such a server; many close after 5 s.
            poolIdleTimeout: .seconds(4), index: -1)
    }

    /// Whether this is no row of the table.
    var isOther: Bool { index < 0 }
}

extension HTTP1Head {
    /// Where the fields begin in the bytes of the head.
    var fieldsStart: Int { fields.first?.name.lowerBound ?? byteCount - 2 }
}

/// A request's head with another target and another Host.
struct HeadEdit: Equatable {
    /// The target's bytes in the head that is edited: path and query.
    let target: Range<Int>
    /// The target has no slash at its beginning and needs one.
    let needsSlash: Bool
    /// The server's name for Host.
    let host: String

    /// Appends the edited head: the method, the version and every other field as they came.
    func append(_ head: HTTP1Head, from bytes: Span<UInt8>, to out: inout ByteQueue) {
        out.append(bytes.extracting(head.methodName))
        out.append(" ")
        if needsSlash { out.append("/") }
        out.append(bytes.extracting(target))
        out.append(head.minorVersion == 0 ? " HTTP/1.0\r\n" : " HTTP/1.1\r\n")
        guard let field = head.first(.host) else {
            out.append("Host: ")
            out.append(host)
            out.append("\r\n")
            out.append(bytes.extracting(head.fieldsStart..<head.byteCount))
            return
        }
        out.append(bytes.extracting(head.fieldsStart..<field.value.lowerBound))
        out.append(host)
        out.append(bytes.extracting(field.value.upperBound..<head.byteCount))
    }

    /// The name of a server as Host has it: the port only where it is not the usual one (RFC 9110 section 7.2).
    static func host(of target: HostPort, plain: Bool) -> String {
        let text = target.description
        guard target.port == (plain ? 80 : 443), let colon = text.lastIndex(of: ":") else { return text }
        return String(text[..<colon])
    }
}
