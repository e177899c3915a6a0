/// Whose work leo does: the file's `[tenants.NAME]`, and how a client is told to belong to one.
///
/// A tenant has rows; a row matches when all that it names does, a tenant when any of its rows does. Where rows of
/// different tenants match, the stronger kind of identity counts: a client certificate before a user and password.
/// No part of this knows how a password or a certificate is verified: facts come in, a decision goes out.
public struct TenantTable: Equatable, Sendable {
    /// The tenant of whoever matches nothing, and of everybody while the file declares none.
    public static let defaultName = "default"

    /// Every row of every tenant, in the order of the file.
    public let rows: [TenantRow]
    /// Whether the file has `[tenants.default]`.
    public let hasDefault: Bool

    /// The tenants of a file. Two rows must not claim one identity; `init(reading:)` sees to that.
    public init(rows: [TenantRow] = [], hasDefault: Bool = false) {
        self.rows = rows
        self.hasDefault = hasDefault
    }

    /// Whether the file declares none: nobody is asked who they are.
    public var isImplicit: Bool { rows.isEmpty && !hasDefault }
    /// Whether some tenant is known by user and password.
    public var hasUsers: Bool { rows.contains { $0.user != nil } }
    /// Whether some tenant is known by a client certificate.
    public var hasCertificates: Bool { rows.contains { !$0.certificates.isEmpty } }
    /// Whether nobody gets through without proving who they are.
    public var authenticatesEverybody: Bool { !rows.isEmpty && !hasDefault }

    /// Every tenant's name, each once, in the order of the file.
    public var names: [String] {
        var names: [String] = []
        for row in rows where !names.contains(row.tenant) { names.append(row.tenant) }
        return hasDefault || isImplicit ? names + [Self.defaultName] : names
    }

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

    /// Whose client this is.
    ///
    /// - Parameters:
    ///   - user: the user whose password was verified; nil when the client named none. A wrong password never comes
    ///     this far.
    ///   - certificate: the names in the client's verified certificate; nil without one.
    public func match(user: String?, certificate: ClientCertificateNames?) -> TenantVerdict {
        if isImplicit { return .tenant(TenantMatch(name: Self.defaultName, by: .default)) }
        var best: TenantRow?
        var isAmbiguous = false
        for row in rows where row.matches(user: user, certificate: certificate) {
            if let current = best {
                if row.strength < current.strength { continue }
                // Of one tenant's rows any will do; only a certificate with several names can lead to two tenants.
                if row.strength == current.strength { isAmbiguous = isAmbiguous || row.tenant != current.tenant }
                if row.strength > current.strength { isAmbiguous = false }
            }
            best = row
        }
        if isAmbiguous { return .refused(.ambiguousCertificate) }
        if let best { return .tenant(TenantMatch(name: best.tenant, by: best.identification)) }
        // Credentials that are right but not enough by themselves are no reason to count as nobody.
        if user != nil { return .refused(.userNeedsCertificate) }
        return hasDefault ? .tenant(TenantMatch(name: Self.defaultName, by: .default)) : .refused(.nobody)
    }
}

/// One row of a tenant's `match`: everything in it must hold.
public struct TenantRow: Equatable, Sendable {
    /// The tenant.
    public let tenant: String
    /// `proxy_user`; nil when the row does not ask for one.
    public let user: String?
    /// `password_hash`; one of them must fit. Several serve a rotation.
    public let passwordHashes: [PasswordHash]
    /// `client_certificate`; the certificate must carry one of these names. Empty when the row does not ask for one.
    public let certificates: [String]

    /// A row with a user, or certificates, or both.
    public init(tenant: String, user: String?, passwordHashes: [PasswordHash], certificates: [String]) {
        self.tenant = tenant
        self.user = user
        self.passwordHashes = passwordHashes
        self.certificates = certificates
    }

    /// The most hashes of one user: the new password, the old one, and room for a mistake.
    public static let passwordHashCountMax = 4

    fileprivate func matches(user: String?, certificate: ClientCertificateNames?) -> Bool {
        if let wanted = self.user, wanted != user { return false }
        if certificates.isEmpty { return true }
        guard let certificate else { return false }
        return certificates.contains { certificate.carries($0) }
    }

    /// A certificate and a user, a certificate, a user.
    fileprivate var strength: Int { (certificates.isEmpty ? 0 : 2) + (user == nil ? 0 : 1) }

    fileprivate var identification: TenantMatch.Identification {
        certificates.isEmpty ? .proxyUser : .clientCertificate
    }
}

/// The tenant that a client belongs to, and how that is known.
public struct TenantMatch: Equatable, Sendable {
    /// What told the tenant.
    public enum Identification: String, Sendable, CaseIterable {
        /// A client certificate, with or without a user beside it.
        case clientCertificate = "client_certificate"
        /// A user and the right password.
        case proxyUser = "proxy_user"
        /// Nothing: the client is whoever is left.
        case `default` = "default"
    }

    /// The tenant's name.
    public let name: String
    /// How it is known.
    public let by: Identification

    /// A tenant, known by this.
    public init(name: String, by: Identification) {
        self.name = name
        self.by = by
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
    /// It proved nothing, and there is no `[tenants.default]`.
    case nobody
    /// Its user counts only together with a client certificate.
    case userNeedsCertificate
    /// The names of its certificate belong to two tenants.
    case ambiguousCertificate

    /// The reason as a sentence.
    public var explanation: String {
        switch self {
        case .nobody: "no tenant of the configuration matches this client"
        case .userNeedsCertificate: "this user counts only together with its client certificate"
        case .ambiguousCertificate: "the names in the client certificate belong to two tenants"
        }
    }
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
