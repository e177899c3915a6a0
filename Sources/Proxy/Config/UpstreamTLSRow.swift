import Policy

/// A row of `[[upstream.tls]]`: what TLS with some hosts has beyond that with all others.
public struct UpstreamTLSRow: Equatable, Sendable {
    /// The hosts it is for: exact ones, or everything below a suffix.
    public var hosts: [HostPattern] = []
    /// The certificate that leo shows them, and its chain, PEM; nil: none.
    public var certificatePath: String?
    /// The certificate's key, PEM; there when the certificate is.
    public var keyPath: String?
    /// Keys of which the verified chain must hold one; empty: no such rule.
    public var pins: [KeyPin] = []
    /// The certificates that these hosts are verified against, in place of `upstream.trust`, PEM; nil: those.
    public var trustPath: String?
    /// Where the paths stand in the file, for complaints about what is in the files.
    var places = Places()

    struct Places: Equatable, Sendable {
        var certificate = Place(line: 1, column: 1)
        var key = Place(line: 1, column: 1)
        var trust = Place(line: 1, column: 1)
    }

    /// Whether the row is for this host.
    public func means(host: String, port: UInt16) -> Bool { hosts.contains { $0.matches(host: host, port: port) } }
}
