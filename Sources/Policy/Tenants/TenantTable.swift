/// Whose work leo does: the file's `[tenants.NAME]`, and how a client is told to belong to one.
///
/// A tenant has rows; a row matches when all that it names does, a tenant when any of its rows does. Where rows of
/// different tenants match, the row with the stronger identity counts (`IdentityKinds`), and of two that name their
/// client's network alone or on top of the same, the one with the longer prefix.
/// No part of this knows how a password, a certificate or the owner of a socket is found out: facts come in, a decision
/// goes out.
public struct TenantTable: Equatable, Sendable {
    /// The tenant of whoever matches nothing, and of everybody while the file declares none.
    public static let defaultName = "default"

    /// Every row of every tenant, in the order of the file.
    public let rows: [TenantRow]
    /// Whether the file has `[tenants.default]`.
    public let hasDefault: Bool
    /// What holds for each tenant; ``TenantMatch/index`` is its place here. Never empty but where nobody is let in.
    public let policies: [TenantPolicy]
    private let rowTenants: [Int]
    /// Everything that some row asks for.
    private let kinds: IdentityKinds

    /// The tenants of a file. Two rows must not claim one identity; `init(reading:)` sees to that. A tenant without a
    /// policy has that of nothing set.
    public init(rows: [TenantRow] = [], hasDefault: Bool = false, policies: [TenantPolicy] = []) {
        self.rows = rows
        self.hasDefault = hasDefault
        var policies = policies
        func index(of name: String) -> Int {
            if let index = policies.firstIndex(where: { $0.name == name }) { return index }
            policies.append(TenantPolicy(name: name))
            return policies.count - 1
        }
        rowTenants = rows.map { index(of: $0.tenant) }
        if hasDefault || rows.isEmpty { _ = index(of: Self.defaultName) }
        self.policies = policies
        kinds = rows.reduce(into: []) { $0.formUnion($1.kinds) }
    }

    /// Whether the file declares none: nobody is asked who they are.
    public var isImplicit: Bool { rows.isEmpty && !hasDefault }
    /// Whether some tenant is known by user and password.
    public var hasUsers: Bool { kinds.contains(.proxyUser) }
    /// Whether some tenant is known by a client certificate.
    public var hasCertificates: Bool { kinds.contains(.clientCertificate) }
    /// Whether some tenant is known by the owner of its sockets.
    public var needsUID: Bool { kinds.contains(.uid) }
    /// Whether some tenant is known by the unit that its processes run in.
    public var needsUnit: Bool { kinds.contains(.systemdUnit) }
    /// Whether some tenant is known by the key that its requests bring for their provider.
    public var needsProviderKey: Bool { kinds.contains(.providerKey) }

    /// Whether somebody gets in at a listener who proves nothing by a password or a certificate. Of clients that are not
    /// `local` neither the user nor the unit is ever known, and a provider key shows only after the doors are open.
    public func admitsUnproven(at listener: ClientListener, local: Bool) -> Bool {
        if hasDefault || isImplicit { return true }
        return rows.contains { row in
            row.kinds.isDisjoint(with: .proofs) && (row.listeners.isEmpty || row.listeners.contains(listener))
                && (local || row.kinds.isDisjoint(with: [.systemdUnit, .uid]))
        }
    }

    /// Every tenant's name, each once, in the order of the file, and `default` last.
    public var names: [String] { policies.map(\.name) }

    /// The hashes of which one must be the user's password's; none for a user that nobody declared.
    public func hashes(ofUser user: String) -> [PasswordHash] {
        rows.first { $0.user == user }?.passwordHashes ?? []
    }

    /// The most hashes that a user has: what a check takes for everybody, so that its time tells nothing.
    public var hashCountMax: Int { rows.lazy.map(\.passwordHashes.count).max() ?? 0 }

    /// The cost that takes the longest: what a check takes for a user that does not exist.
    public var highestCost: ScryptCost {
        rows.lazy.flatMap(\.passwordHashes).map(\.cost).max { $0.work < $1.work } ?? .standard
    }

    /// Whose client this is. Before there is a request the facts have no credential, and the verdict is provisional as
    /// long as ``mayBeKnownByKey(_:)``.
    public func match(_ facts: ClientFacts) -> TenantVerdict {
        if isImplicit { return everybody }
        var best: Candidate?
        var rival: Int?
        for (row, tenant) in zip(rows, rowTenants)
        where row.matchesWithoutKey(facts) && row.matchesKey(facts.credential) {
            let candidate = Candidate(kinds: row.kinds, prefixLength: row.prefixLength(of: facts) ?? 0, tenant: tenant)
            guard let current = best else {
                best = candidate
                continue
            }
            if candidate.isWeaker(than: current) { continue }
            // Of one tenant's rows any will do.
            rival = current.isWeaker(than: candidate) ? nil : rival ?? (tenant == current.tenant ? nil : tenant)
            if current.isWeaker(than: candidate) { best = candidate }
        }
        // Credentials that are right but not enough by themselves are no reason to count as somebody less, or as nobody.
        if facts.user != nil, best.map({ $0.kinds.isDisjoint(with: .proofs) }) ?? true {
            return .refused(.userNeedsMore)
        }
        guard let best else { return hasDefault ? everybody : .refused(.nobody) }
        if rival != nil {
            return .refused(best.kinds.contains(.clientCertificate) ? .ambiguousCertificate : .ambiguous)
        }
        let name = policies[best.tenant].name
        return .tenant(TenantMatch(name: name, by: best.kinds.identification, index: best.tenant))
    }

    /// Whether a request's key for its provider could still tell whose client this is: some row asks for one, and all
    /// else that it asks for is true.
    public func mayBeKnownByKey(_ facts: ClientFacts) -> Bool {
        needsProviderKey && rows.contains { !$0.providerKeys.isEmpty && $0.matchesWithoutKey(facts) }
    }

    private var everybody: TenantVerdict {
        // `default` has a policy whenever somebody can be it.
        let index = policies.firstIndex { $0.name == Self.defaultName } ?? 0
        return .tenant(TenantMatch(name: Self.defaultName, by: .default, index: index))
    }

    private struct Candidate {
        let kinds: IdentityKinds
        let prefixLength: Int
        let tenant: Int

        func isWeaker(than other: Candidate) -> Bool {
            (kinds.rawValue, prefixLength) < (other.kinds.rawValue, other.prefixLength)
        }
    }
}

/// The tenant that a client belongs to, and how that is known.
public struct TenantMatch: Equatable, Sendable {
    /// What told the tenant: the strongest kind of identity in the row that matched.
    public enum Identification: String, Sendable, CaseIterable {
        /// A client certificate, with or without more beside it.
        case clientCertificate = "client_certificate"
        /// A user and the right password.
        case proxyUser = "proxy_user"
        /// The systemd unit of the client's process.
        case systemdUnit = "systemd_unit"
        /// The user to whom the client's socket belongs.
        case uid = "uid"
        /// The key that the request brings for its provider.
        case providerKey = "provider_key"
        /// The client's address.
        case source = "source"
        /// Where the client came in.
        case listener = "listener"
        /// Nothing: the client is whoever is left.
        case `default` = "default"
    }

    /// The tenant's name.
    public let name: String
    /// How it is known.
    public let by: Identification
    /// The tenant's place in the table that made the match, ``TenantTable/policies``.
    public let index: Int

    /// A tenant, known by this.
    public init(name: String, by: Identification, index: Int = 0) {
        self.name = name
        self.by = by
        self.index = index
    }
}

/// What comes of looking for a client's tenant.
public enum TenantVerdict: Equatable, Sendable {
    /// The client belongs to this one.
    case tenant(TenantMatch)
    /// Nothing is done for it.
    case refused(TenantRefusal)
}

/// Why a client belongs to no tenant.
public enum TenantRefusal: Equatable, Sendable {
    /// It is nobody that a row names, and there is no `[tenants.default]`.
    case nobody
    /// Its user counts only together with more.
    case userNeedsMore
    /// The names of its certificate belong to two tenants.
    case ambiguousCertificate
    /// Two tenants' rows mean it, and neither is the stronger one.
    case ambiguous

    /// The reason as a sentence.
    public var explanation: String {
        switch self {
        case .nobody: "no tenant of the configuration matches this client"
        case .userNeedsMore: "this user counts only together with what else its row in the configuration asks for"
        case .ambiguousCertificate: "the names in the client certificate belong to two tenants"
        case .ambiguous: "two tenants of the configuration match this client"
        }
    }
}
