/// What is known about a client when its tenant is looked for. Facts alone: how each was found out is not told here.
public struct ClientFacts: Equatable, Sendable {
    /// The user whose password was verified; nil when the client named none. A wrong password never comes this far.
    public var user: String?
    /// The names in the client's verified certificate; nil without one.
    public var certificate: ClientCertificateNames?
    /// The systemd unit that the client's process runs in, `checkout.service`; nil when that is not known.
    public var unit: String?
    /// The number of the user to whom the client's socket belongs; nil when that is not known.
    public var uid: UInt32?
    /// What the request says about the key it brings for its provider.
    public var credential: CredentialFact = .none
    /// The client's address; nil for a Unix socket.
    public var source: IPAddress?
    /// Where the client came in; nil when that is not told.
    public var listener: ClientListener?

    /// A client of which nothing is known.
    public init() {}
}

/// A request's key for its provider, as far as leo looks: its fingerprint.
public enum CredentialFact: Equatable, Sendable {
    /// There is none, it expires soon, or there are several.
    case none
    /// The fingerprint under the current master key, and under the one before while there is one.
    case key(CredentialFingerprint, previous: CredentialFingerprint?)
}

/// A way in, as rows name it: the keys of `[listen]`.
public enum ClientListener: String, CaseIterable, Sendable {
    /// `listen.proxy`
    case proxy
    /// `listen.proxy_tls`
    case proxyTLS = "proxy_tls"
    /// `listen.proxy_unix`
    case proxyUnix = "proxy_unix"
    /// `listen.transparent`
    case transparent
    /// `listen.reverse`
    case reverse
}

/// The names in a verified client certificate.
public struct ClientCertificateNames: Equatable, Sendable {
    /// The subject's common name, if there is exactly one.
    public var commonName: String?
    /// DNS names of the subjectAltName, in lower case.
    public var dnsNames: [String] = []
    /// URIs of the subjectAltName, such as `spiffe://example.org/checkout`.
    public var uris: [String] = []
    /// Mail addresses of the subjectAltName.
    public var emails: [String] = []

    /// A certificate without a name.
    public init() {}

    /// Whether one of the names is `name`; of DNS names the letter case does not matter.
    public func carries(_ name: String) -> Bool {
        commonName == name || uris.contains(name) || emails.contains(name)
            || dnsNames.contains(ASCII.lowercased(name))
    }
}
