import Policy
import Wire

/// Whom a request with a whole URL in it is for: what `http_proxy` makes of calls to self-hosted models.
struct ForwardTarget: Equatable {
    let target: HostPort
    private let path: Range<Int>
    private let needsSlash: Bool

    /// Reads the URL; throws when there is none, or when it is not plain HTTP. That Host agrees with it, the parser has
    /// made sure of.
    init(_ head: HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) {
        guard case .absolute(let scheme, let authority, let rest) = head.target else { throw Self.notProxied }
        guard bytes.extracting(scheme).equals(ignoringCase: "http") else {
            throw ProxyError(.tlsRequired, "an https:// URL is reached by CONNECT: set HTTPS_PROXY")
        }
        guard let parsed = Authority.parse(bytes.extracting(authority)), parsed.port != 0 else {
            throw ProxyError(.badTarget, "the URL's host and port are none")
        }
        target = HostPort(host: parsed.host, port: parsed.port ?? Self.defaultPort)
        if rest.isEmpty, head.method == .options {
            // RFC 9112 section 3.2.4: the last proxy asks the server as a whole. There is no "*" to copy in the URL, and
            // nobody asks models that.
            throw ProxyError(.badTarget, "an OPTIONS request needs a path")
        }
        path = rest
        needsSlash = rest.isEmpty || bytes[rest.lowerBound] != UInt8(ascii: "/")
    }

    /// RFC 9110 section 4.2.1.
    private static let defaultPort: UInt16 = 80
    private static let tlsPort: UInt16 = 443

    /// The answer to a request that is for no proxy.
    static let notProxied = ProxyError(
        .notConnect, "this port is a proxy: requests come by CONNECT or with a whole http:// URL, see leo env")

    /// Where it goes by the rules of the file.
    func destination(
        _ policy: DestinationPolicy, for clients: DestinationPolicy.Clients
    ) throws(ProxyError) -> RequestDestination {
        let providers = policy.providers
        let named = providers.provider(target) ?? providers.provider(host: target.host, port: Self.tlsPort)
        if let named, !named.plain {
            throw ProxyError(.tlsRequired, "\(named.name) is reached by TLS alone: use https:// and HTTPS_PROXY")
        }
        let edit = HeadEdit(target: path, needsSlash: needsSlash, host: HeadEdit.host(of: target, plain: true))
        switch policy.decide(target, for: clients) {
        case .intercept(let provider): return RequestDestination(provider: provider, target: target, edit: edit)
        case .tunnel: return RequestDestination(provider: .other(target), target: target, edit: edit)
        case .refuse(let refusal):
            let error = ProxyError(refusal)
            throw ProxyError(error.fault, "\(target): \(error.detail)")
        }
    }
}
