/// Where clients may go: decided for the target of a CONNECT before leo answers it, and again for the address that the
/// target's name resolved to before leo dials it.
///
/// Clients of this machine may go to any private address and any port, but never to a link-local address, a cloud's metadata
/// service, an address that means no single machine, nor to leo itself. Clients of other machines may go to public addresses
/// and port 443, and to what the file allows by name: leo must not be their way into its own network.
public struct DestinationPolicy: Equatable, Sendable {
    /// What happens to a target that no rule names.
    public enum Others: String, Equatable, Sendable, CaseIterable {
        /// It is tunnelled blindly.
        case tunnel
        /// It is refused.
        case refuse
    }

    /// Who asks, by the listener that it came in by.
    public enum Clients: Equatable, Sendable {
        /// Clients that reach loopback or a Unix socket.
        case local
        /// Clients that may be anywhere.
        case remote
    }

    /// What happens to a request that a policy has to read and leo cannot.
    public enum OnUninspectable: String, Equatable, Sendable, CaseIterable {
        /// It is refused.
        case refuse
        /// It is let through unread, and the log says so.
        case pass
    }

    /// What happens to a CONNECT to a provider while leo is over one of its limits.
    public enum OnOverload: String, Equatable, Sendable, CaseIterable {
        /// It is answered with 503.
        case refuse
        /// It is tunnelled blindly, and goes around policy.
        case tunnel
    }

    /// The providers whose traffic leo intercepts; a provider left out here is a host like any other.
    public var providers: ProviderTable
    /// What happens to hosts that are no provider's: `intercept.other_hosts`.
    public var otherHosts: Others
    /// What happens to a tunnel whose client names no server: `intercept.tunnel_without_sni`.
    public var tunnelWithoutServerName: Others
    /// What happens to new CONNECTs to providers while leo is over a limit: `intercept.on_overload`.
    public var onOverload: OnOverload
    /// The most of a body that is read whole because a policy needs its text, coded and decoded: `intercept.body_limit`.
    public var bodyByteCountMax = 16 << 20
    /// What happens to what cannot be read: `intercept.on_uninspectable`.
    public var onUninspectable = OnUninspectable.refuse
    /// Provider hosts that are tunnelled all the same, for clients that pin certificates: `intercept.splice`.
    public var splice: [HostPattern]
    /// Targets that are tunnelled although `otherHosts` refuses: `intercept.allow`.
    public var allow: [DestinationRow]
    /// Targets that are refused: `intercept.refuse`.
    public var refuse: [DestinationRow]

    /// The defaults: every known provider is intercepted, everything else tunnelled.
    public init(
        providers: ProviderTable = .builtIn, otherHosts: Others = .tunnel, tunnelWithoutServerName: Others = .tunnel,
        splice: [HostPattern] = [], allow: [DestinationRow] = [], refuse: [DestinationRow] = DestinationRow.refused,
        onOverload: OnOverload = .refuse
    ) {
        self.onOverload = onOverload
        self.providers = providers
        self.otherHosts = otherHosts
        self.tunnelWithoutServerName = tunnelWithoutServerName
        self.splice = splice
        self.allow = allow
        self.refuse = refuse
    }

    /// What becomes of a CONNECT to this target.
    ///
    /// A tunnel to a name may still be refused by `permits` once the name is resolved: rows that hold networks are
    /// judged on addresses.
    public func decide(_ target: HostPort, for clients: Clients = .local) -> Decision {
        if target.port == 0 { return .refuse(.malformedTarget) }
        let address = target.address
        if address == nil {
            if !HostName.isValid(target.host) { return .refuse(.malformedTarget) }
            if MetadataService.names.contains(target.host) { return .refuse(.metadataService) }
        }
        if let row = refuse.first(where: { $0.names(target) }) { return .refuse(.refusedHost(row: row.text)) }
        if let address, let refusal = Self.neverDials(address) { return .refuse(refusal) }
        if splice.contains(where: { $0.matches(host: target.host, port: target.port) }) {
            return .tunnel(bypassed: true)
        }
        if let provider = providers.provider(target) {
            if provider.plain, let address, let refusal = refusedByNetwork(address) { return .refuse(refusal) }
            return .intercept(provider)
        }
        if let address, let refusal = refusedByNetwork(address) { return .refuse(refusal) }
        if clients == .remote, !mayBeAllowed(target, address) {
            if target.port != Self.remotePort { return .refuse(.otherPort) }
            if let address, !address.isPublic { return .refuse(.privateAddress) }
        }
        switch otherHosts {
        case .tunnel: return .tunnel(bypassed: false)
        case .refuse: return mayBeAllowed(target, address) ? .tunnel(bypassed: false) : .refuse(.otherHost)
        }
    }

    /// The provider that a tunnel turns out to lead to by the name in its ClientHello; nil when that name is no
    /// intercepted provider's, or one that `splice` leaves alone, or a plain one's, which has no TLS to intercept.
    public func provider(serverName: String, port: UInt16) -> Provider? {
        let target = HostPort(host: serverName, port: port)
        if splice.contains(where: { $0.matches(host: target.host, port: port) }) { return nil }
        guard let provider = providers.provider(target), !provider.plain else { return nil }
        return provider
    }

    /// Whether leo may dial this address for a target that `decide` let pass; nil means yes.
    ///
    /// - Parameters:
    ///   - address: one that the target's name resolved to, or the target's own.
    ///   - port: the port that will be dialled.
    ///   - target: what the client asked for.
    ///   - intercepted: whether leo intercepts the connection. The provider's TLS is verified then, so it may be
    ///     anywhere, rows of `intercept.refuse` that hold networks notwithstanding; a plain provider may not.
    ///   - clients: who asks.
    ///   - ownListeners: where leo itself listens, with the real ports.
    public func permits(
        _ address: IPAddress, port: UInt16, target: HostPort, intercepted: Bool, for clients: Clients = .local,
        ownListeners: [IPEndpoint]
    ) -> DestinationRefusal? {
        if let refusal = Self.neverDials(address) { return refusal }
        if reachesOwnListener(address, port: port, ownListeners) { return .ownListener }
        let provider = intercepted ? providers.provider(target) : nil
        if intercepted && provider?.plain != true { return nil }
        if let refusal = refusedByNetwork(address, port: port) { return refusal }
        if clients == .remote, provider == nil, !allow.contains(where: { $0.names(target) || $0.holds(address) }) {
            let isSpliced = splice.contains { $0.matches(host: target.host, port: target.port) }
            if port != Self.remotePort, !isSpliced { return .otherPort }
            if !address.isPublic { return .privateAddress }
        }
        switch otherHosts {
        case .tunnel: return nil
        case .refuse:
            let named = provider != nil || splice.contains { $0.matches(host: target.host, port: target.port) }
            return named || allow.contains { $0.names(target) || $0.holds(address) } ? nil : .otherHost
        }
    }

    /// Whether a parent proxy may be asked for this target, whose name nobody here resolves; nil means yes.
    ///
    /// An address is judged as ever. Of a name it is not known where it leads: rows of networks cannot forbid it, and
    /// cannot allow it either.
    ///
    /// - Parameters:
    ///   - target: one that `decide` let pass.
    ///   - intercepted: as for `permits`.
    ///   - clients: who asks; behind the parent proxy, which address a name leads to is for that one to judge.
    ///   - ownListeners: as for `permits`.
    public func permitsUnresolved(
        _ target: HostPort, intercepted: Bool, for clients: Clients = .local, ownListeners: [IPEndpoint]
    ) -> DestinationRefusal? {
        if let address = target.address {
            return permits(
                address, port: target.port, target: target, intercepted: intercepted, for: clients,
                ownListeners: ownListeners)
        }
        let isNamed =
            intercepted || providers.provider(target) != nil || allow.contains { $0.names(target) }
            || splice.contains { $0.matches(host: target.host, port: target.port) }
        if isNamed { return nil }
        if clients == .remote, target.port != Self.remotePort { return .otherPort }
        switch otherHosts {
        case .tunnel: return nil
        case .refuse: return .otherHost
        }
    }

    /// Whether leo may dial this address of its own choice, such as a parent proxy's; nil means yes. The file's rows are
    /// for clients, but a way through leo itself or to a metadata service is none.
    public func permitsOwn(_ endpoint: IPEndpoint, ownListeners: [IPEndpoint]) -> DestinationRefusal? {
        if let refusal = Self.neverDials(endpoint.address) { return refusal }
        return reachesOwnListener(endpoint.address, port: endpoint.port, ownListeners) ? .ownListener : nil
    }

    /// Where clients of other machines may go unless the file says more: HTTPS.
    private static let remotePort: UInt16 = 443

    /// Why leo never dials this address, whatever the file says; nil when the file may decide. An address that carries
    /// another inside, for a translator or a tunnel to take out, is judged by both.
    public static func neverDials(_ address: IPAddress) -> DestinationRefusal? {
        for candidate in [address.unwrapped] + address.embeddedIPv4 {
            if candidate.isMetadata { return .metadataService }
            if candidate.isLinkLocal { return .linkLocal }
            if candidate.isUnspecified { return .unspecified }
            if candidate.isMulticast { return .multicast }
        }
        return nil
    }

    /// Whether this host names a cloud's metadata service, which leo never reaches, or an address that it never dials.
    public static func neverReaches(_ host: String) -> Bool {
        MetadataService.names.contains(host) || IPAddress.parse(host).flatMap(neverDials) != nil
    }

    /// Any loopback address with the port of a listener on any loopback address counts: telling them apart would save
    /// nobody, and a loop through leo costs every descriptor it has.
    private func reachesOwnListener(_ address: IPAddress, port: UInt16, _ listeners: [IPEndpoint]) -> Bool {
        let candidates = [address.unwrapped] + address.embeddedIPv4
        return listeners.contains { listener in
            let own = listener.address.unwrapped
            return listener.port == port
                && candidates.contains { $0 == own || $0.isLoopback && (own.isLoopback || own.isUnspecified) }
        }
    }

    private func refusedByNetwork(_ address: IPAddress, port: UInt16? = nil) -> DestinationRefusal? {
        for candidate in [address.unwrapped] + address.embeddedIPv4 {
            if let row = refuse.first(where: { $0.holds(candidate) || $0.names(candidate, port: port) }) {
                return .refusedAddress(row: row.text)
            }
        }
        return nil
    }

    private func mayBeAllowed(_ target: HostPort, _ address: IPAddress?) -> Bool {
        allow.contains { row in
            if row.names(target) { return true }
            if let address { return row.holds(address) }
            return row.isNetwork
        }
    }
}

/// A row of `intercept.allow` or `intercept.refuse`: a network, or hosts on one port or on all.
public enum DestinationRow: Hashable, Sendable {
    /// Every target whose address lies in the network.
    case network(CIDR)
    /// Every target that the pattern means; an address on one port is such a pattern too.
    case hosts(HostPattern)

    /// What `intercept.refuse` holds by default. Link-local and metadata addresses are refused in any case; the rows
    /// are there for the reader of the file.
    public static let refused: [DestinationRow] = [
        CIDR(.v4(0xA9FE_0000), prefixLength: 16), CIDR(.v6(0xFD00_0EC2_0000_0000, 0x254), prefixLength: 128),
    ].compactMap { $0.map(DestinationRow.network) }

    /// The row as the file has it.
    public var text: String {
        switch self {
        case .network(let network): network.description
        case .hosts(let pattern): pattern.description
        }
    }

    /// Whether everything the row means is refused in any case, so that allowing it would change nothing.
    public var isNeverReached: Bool {
        switch self {
        case .network(let network):
            network.isSingle ? DestinationPolicy.neverDials(network.address) != nil : network.isLinkLocal
        case .hosts(let pattern): DestinationPolicy.neverReaches(pattern.sampleHost)
        }
    }

    var isNetwork: Bool {
        switch self {
        case .network: true
        case .hosts: false
        }
    }

    /// Whether the row means this target by its name, or by its address if it is written as one.
    public func means(_ target: HostPort) -> Bool { names(target) || target.address.map(holds) ?? false }

    func names(_ target: HostPort) -> Bool {
        switch self {
        case .network: false
        case .hosts(let pattern): pattern.matches(host: target.host, port: target.port)
        }
    }

    /// Whether the row is this very address, on this port when it is known.
    func names(_ address: IPAddress, port: UInt16?) -> Bool {
        switch self {
        case .network: false
        case .hosts(let pattern):
            port.map { pattern.matches(host: address.description, port: $0) } ?? false
        }
    }

    func holds(_ address: IPAddress) -> Bool {
        switch self {
        case .network(let network): network.contains(address)
        case .hosts: false
        }
    }
}
