/// What becomes of a target.
public enum Decision: Equatable, Sendable {
    /// leo ends the client's TLS itself (or reads plain HTTP, for a plain provider) and speaks to this provider.
    case intercept(Provider)
    /// The bytes are passed on unread. `bypassed` is true for a provider's host that `intercept.splice` exempts.
    case tunnel(bypassed: Bool)
    /// Nothing is dialled.
    case refuse(DestinationRefusal)
}

/// Why leo does not go somewhere.
public enum DestinationRefusal: Error, Equatable, Sendable {
    /// The target is no host and port, or a host that is an address to some resolvers only ("127.1", "0x7f000001").
    case malformedTarget
    /// A cloud's metadata service, by name or by address.
    case metadataService
    /// A link-local address.
    case linkLocal
    /// 0.0.0.0/8 or ::, which reaches the machine itself.
    case unspecified
    /// A multicast or broadcast address.
    case multicast
    /// One of leo's own listeners.
    case ownListener
    /// A row of `intercept.refuse` names the host.
    case refusedHost(row: String)
    /// A row of `intercept.refuse` holds the address.
    case refusedAddress(row: String)
    /// The address is not a public one, and the client comes from another machine.
    case privateAddress
    /// The port is not 443, and the client comes from another machine.
    case otherPort
    /// The host is no provider's, `intercept.other_hosts` refuses such and no row of `intercept.allow` names it.
    case otherHost

    /// The reason as a sentence for whoever reads the answer or the log. Names nothing but rows of the file.
    public var explanation: String {
        switch self {
        case .malformedTarget: "the target is not a host name or address with a port"
        case .metadataService: "the target is a cloud metadata service, which leo never reaches"
        case .linkLocal: "the target's address is link-local, which leo never reaches"
        case .unspecified: "the target's address is unspecified (0.0.0.0 or ::), which leo never reaches"
        case .multicast: "the target's address is multicast or broadcast, which leo never reaches"
        case .ownListener: "the target is leo itself"
        case .refusedHost(let row): "the target is refused by intercept.refuse, row \"\(row)\""
        case .refusedAddress(let row): "the target's address is refused by intercept.refuse, row \"\(row)\""
        case .privateAddress:
            "the target's address is not a public one, and clients of other machines reach those alone unless "
                + "intercept.allow names the target"
        case .otherPort:
            "clients of other machines reach port 443 alone unless intercept.allow names the target"
        case .otherHost:
            "the target is not a provider leo knows, intercept.other_hosts is \"refuse\" and intercept.allow does not "
                + "name it"
        }
    }
}
