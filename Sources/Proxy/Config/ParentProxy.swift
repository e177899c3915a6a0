import Policy

/// `upstream.via`: the proxy that leo asks, by HTTP CONNECT, for connections to everything but its exceptions.
public struct ParentProxy: Equatable, Sendable {
    /// Its name or address, and its port.
    public var address: HostPort
    /// Whether leo speaks TLS to it: `https://`.
    public var isSecure = false
    /// The file that holds `user:password`; nil: leo shows no credentials.
    public var credentialsPath: String?
    /// Where the file names that path, for complaints about what is in it.
    var credentialsPlace = Place(line: 1, column: 1)
    /// Targets that are reached without it: `upstream.via_except`.
    public var except: [DestinationRow] = []

    /// A parent without credentials and exceptions.
    public init(address: HostPort, isSecure: Bool = false) {
        self.address = address
        self.isSecure = isSecure
    }

    /// Whether the way to `target` leads through the parent. This machine itself is never beyond it: the parent would
    /// take its own loopback for ours.
    public func leads(to target: HostPort) -> Bool {
        let isHere = target.address?.isLoopback ?? (target.host == "localhost" || target.host.hasSuffix(".localhost"))
        return !isHere && !except.contains { $0.means(target) }
    }
}

extension Config.Upstream {
    /// The parent proxy, if the way to `target` leads through it. `[upstream.resolve]` is asked before.
    func parent(for target: HostPort) -> ParentProxy? { via.flatMap { $0.leads(to: target) ? $0 : nil } }
}

/// `upstream.source`: the addresses that leo dials from, one a family; nil lets the system choose.
public struct SourceAddresses: Equatable, Sendable {
    /// For IPv4 targets.
    public var v4: IPAddress?
    /// For IPv6 targets.
    public var v6: IPAddress?

    /// The address to dial `target` from. What is on this machine sees this machine's loopback address, whatever leo
    /// uses outside.
    func address(for target: IPAddress) -> IPAddress? {
        let source =
            switch target {
            case .v4: v4
            case .v6: v6
            }
        return target.isLoopback && source?.isLoopback == false ? nil : source
    }

    /// Both, as far as there are any.
    var all: [IPAddress] { [v4, v6].compactMap(\.self) }
}
