import Policy
import Wire

/// Whom a request to the reverse listener is for: the provider that its Host names, or the one whose name its path begins
/// with, `/openai/v1/chat/completions`.
struct ReverseTarget {
    let provider: Provider
    let target: HostPort
    private let path: Range<Int>
    private let needsSlash: Bool

    private static let tlsPort: UInt16 = 443
    private static let plainPort: UInt16 = 80

    /// Throws `route_unknown` when neither names a provider.
    init(_ head: HTTP1Head, _ bytes: Span<UInt8>, _ providers: ProviderTable) throws(ProxyError) {
        guard case .origin(let path, let whole) = head.target else {
            throw ProxyError(.badRequest, "this port is no proxy: requests begin with a path, /openai/v1/…")
        }
        if let field = head.first(.host), let authority = Authority.parse(bytes.extracting(field.value)),
            let (provider, target) = Self.named(authority, providers)
        {
            self.provider = provider
            self.target = target
            self.path = whole
            needsSlash = false
            return
        }
        // The path begins with a slash.
        var end = path.lowerBound + 1
        while end < path.upperBound, bytes[end] != UInt8(ascii: "/") { end += 1 }
        let rows = Self.rows(bytes.extracting((path.lowerBound + 1)..<end), providers)
        guard !rows.isEmpty else { throw Self.unknown(providers) }
        // A row of the file comes after a built-in one of the same name, and before it here.
        guard let (provider, target) = rows.reversed().lazy.compactMap({ Self.ownHost($0) }).first else {
            let name = rows[0].name
            throw ProxyError(.routeUnknown, "\(name) has no host that is the same for everybody: send it in Host")
        }
        self.provider = provider
        self.target = target
        self.path = end..<whole.upperBound
        needsSlash = end == path.upperBound
    }

    /// The provider whose host this is, on the port that is named or is usual; or on the port of TLS: a client that was
    /// sent here by its hosts file names the port of this listener.
    private static func named(_ authority: Authority, _ providers: ProviderTable) -> (Provider, HostPort)? {
        for port in [authority.port ?? plainPort, tlsPort] {
            let target = HostPort(host: authority.host, port: port)
            if let provider = providers.provider(target) { return (provider, target) }
        }
        return nil
    }

    private static func rows(_ name: Span<UInt8>, _ providers: ProviderTable) -> [Provider] {
        providers.rows.filter { row in
            guard row.name.utf8.count == name.count else { return false }
            return zip(row.name.utf8, name.indices).allSatisfy { $0 == name[$1] }
        }
    }

    /// The first host of a row that is one host and no pattern.
    private static func ownHost(_ row: Provider) -> (Provider, HostPort)? {
        for pattern in row.hosts {
            guard let host = pattern.exactHost else { continue }
            return (row, HostPort(host: host, port: pattern.port ?? (row.plain ? plainPort : tlsPort)))
        }
        return nil
    }

    private static func unknown(_ providers: ProviderTable) -> ProxyError {
        let names = providers.names.map { "/\($0)" }.joined(separator: ", ")
        return ProxyError(.routeUnknown, "no provider is named by the path's beginning or by Host; there are \(names)")
    }

    /// Where it goes, if the rules of the file let it.
    func destination(
        _ policy: DestinationPolicy, for clients: DestinationPolicy.Clients
    ) throws(ProxyError) -> RequestDestination {
        switch policy.decide(target, for: clients) {
        case .intercept(let provider):
            let host = HeadEdit.host(of: target, plain: provider.plain)
            return RequestDestination(
                provider: provider, target: target, edit: HeadEdit(target: path, needsSlash: needsSlash, host: host))
        case .tunnel:
            throw ProxyError(
                .hostRefused, "\(target): intercept.splice leaves this host to clients that speak TLS with it")
        case .refuse(let refusal):
            let error = ProxyError(refusal)
            throw ProxyError(error.fault, "\(target): \(error.detail)")
        }
    }
}
