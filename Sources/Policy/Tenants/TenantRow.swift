/// One row of a tenant's `match`: everything in it must hold. An empty list asks for nothing.
public struct TenantRow: Equatable, Sendable {
    /// The tenant.
    public let tenant: String
    /// `proxy_user`; nil when the row does not ask for one.
    public let user: String?
    /// `password_hash`; one of them must fit. Several serve a rotation.
    public let passwordHashes: [PasswordHash]
    /// `client_certificate`; the certificate must carry one of these names.
    public let certificates: [String]
    /// `systemd_unit`; the client's process must run in one of these.
    public var units: [String] = []
    /// `uid`; the client's socket must belong to one of these users.
    public var uids: [UInt32] = []
    /// `provider_key`; the request must bring the key of one of these fingerprints.
    public var providerKeys: [CredentialFingerprint] = []
    /// `source`; the client's address must lie in one of these networks.
    public var sources: [CIDR] = []
    /// `listener`; the client must have come by one of these.
    public var listeners: [ClientListener] = []

    /// A row with a user, or certificates, or both; more can be asked for.
    public init(tenant: String, user: String?, passwordHashes: [PasswordHash], certificates: [String]) {
        self.tenant = tenant
        self.user = user
        self.passwordHashes = passwordHashes
        self.certificates = certificates
    }

    /// The most hashes of one user: the new password, the old one, and room for a mistake.
    public static let passwordHashCountMax = 4

    /// What the row asks for, as a set of kinds.
    public var kinds: IdentityKinds {
        var kinds: IdentityKinds = []
        if !certificates.isEmpty { kinds.insert(.clientCertificate) }
        if user != nil { kinds.insert(.proxyUser) }
        if !units.isEmpty { kinds.insert(.systemdUnit) }
        if !uids.isEmpty { kinds.insert(.uid) }
        if !providerKeys.isEmpty { kinds.insert(.providerKey) }
        if !sources.isEmpty { kinds.insert(.source) }
        if !listeners.isEmpty { kinds.insert(.listener) }
        return kinds
    }

    /// What a client that matches the row is known by.
    public var identification: TenantMatch.Identification { kinds.identification }

    /// Whether all that the row asks for is true of a client, but for the provider key.
    func matchesWithoutKey(_ facts: ClientFacts) -> Bool {
        if let user, user != facts.user { return false }
        if !certificates.isEmpty {
            guard let certificate = facts.certificate, certificates.contains(where: { certificate.carries($0) }) else {
                return false
            }
        }
        if !units.isEmpty {
            guard let unit = facts.unit, units.contains(unit) else { return false }
        }
        if !uids.isEmpty {
            guard let uid = facts.uid, uids.contains(uid) else { return false }
        }
        if !listeners.isEmpty {
            guard let listener = facts.listener, listeners.contains(listener) else { return false }
        }
        return sources.isEmpty || prefixLength(of: facts) != nil
    }

    /// Whether the key that a request brought is one of the row's. All are compared, in a time that tells nothing.
    func matchesKey(_ credential: CredentialFact) -> Bool {
        if providerKeys.isEmpty { return true }
        guard case .key(let current, let previous) = credential else { return false }
        var isKnown = false
        for key in providerKeys {
            let isCurrent = key == current
            let isPrevious = key == previous ?? current
            isKnown = isCurrent || isPrevious || isKnown
        }
        return isKnown
    }

    /// How many bits of the client's address the row's longest network names; nil when it lies in none of them.
    func prefixLength(of facts: ClientFacts) -> Int? {
        guard let source = facts.source else { return nil }
        var longest: Int?
        for network in sources where network.contains(source) { longest = max(longest ?? 0, network.prefixLength) }
        return longest
    }
}

/// The kinds of identity that a row asks for. As a number it is the row's strength: a stronger kind weighs more than all
/// weaker ones together.
public struct IdentityKinds: OptionSet, Hashable, Sendable {
    /// A bit for each kind.
    public let rawValue: UInt8

    /// A set of kinds.
    public init(rawValue: UInt8) { self.rawValue = rawValue }

    /// `client_certificate`, the strongest.
    public static let clientCertificate = IdentityKinds(rawValue: 1 << 6)
    /// `proxy_user`
    public static let proxyUser = IdentityKinds(rawValue: 1 << 5)
    /// `systemd_unit`
    public static let systemdUnit = IdentityKinds(rawValue: 1 << 4)
    /// `uid`
    public static let uid = IdentityKinds(rawValue: 1 << 3)
    /// `provider_key`
    public static let providerKey = IdentityKinds(rawValue: 1 << 2)
    /// `source`
    public static let source = IdentityKinds(rawValue: 1 << 1)
    /// `listener`, the weakest.
    public static let listener = IdentityKinds(rawValue: 1 << 0)

    /// What proves who a client is, wherever it comes from.
    static let proofs: IdentityKinds = [.clientCertificate, .proxyUser]

    /// The word for the strongest kind of the set.
    var identification: TenantMatch.Identification {
        if contains(.clientCertificate) { return .clientCertificate }
        if contains(.proxyUser) { return .proxyUser }
        if contains(.systemdUnit) { return .systemdUnit }
        if contains(.uid) { return .uid }
        if contains(.providerKey) { return .providerKey }
        if contains(.source) { return .source }
        return contains(.listener) ? .listener : .default
    }
}
