import Wire

/// What reading tenants needs from outside of the file.
public struct TenantSurroundings {
    /// The number of a user of this machine; nil for a name that nobody has.
    public var userNumber: (String) -> UInt32? = { _ in nil }
    /// Whether the file names a master key, without which nobody has a fingerprint.
    public var hasMasterKey = false

    /// Nothing outside.
    public init() {}
}

extension TenantTable {
    /// Reads the tables in `[tenants]`, which inherit from those in `[defaults]`. Rows with a mistake are left out, so that
    /// reading goes on.
    public init(
        reading tenants: TableReader, inheriting defaults: TableReader,
        in surroundings: TenantSurroundings = TenantSurroundings()
    ) {
        tenants.file.declare("tenants.NAME", keys: ["match"])
        var claims = TenantClaims()
        var rows: [TenantRow] = []
        var policies: [TenantPolicy] = []
        var defaultPolicy: TenantPolicy?
        var tables = tenants.tables(named: "a tenant")
        if tables.count > Self.tenantCountMax {
            let place = tables[Self.tenantCountMax].name.place
            tenants.file.report("there are \(tables.count) tenants, \(Self.tenantCountMax) at most", at: place)
            tables.removeSubrange(Self.tenantCountMax...)
        }
        for (name, table) in tables {
            let isNamed = Self.check(name, table)
            let matches = table.rows("match", form: "rows like { proxy_user = \"…\", password_hash = \"…\" }")
            let policy = TenantPolicy(name: name.value, reading: table, inheriting: defaults)
            if name.value == Self.defaultName {
                defaultPolicy = policy
                if table.has("match") {
                    table.report("match", "is left out: whoever matches nothing is meant", at: table.place)
                }
                continue
            }
            policies.append(policy)
            if matches?.isEmpty ?? !table.has("match") {
                table.report("match", "is missing: without a row nobody belongs to this tenant", at: table.place)
            }
            for row in matches ?? [] {
                let read = TenantRow(reading: row, tenant: name.value, &claims, surroundings)
                if let read, isNamed { rows.append(read) }
            }
        }
        if rows.count > Self.rowCountMax {
            let message = "tenants have \(rows.count) rows, \(Self.rowCountMax) at most"
            tenants.file.report(message, at: tenants.place)
        }
        let isImplicit = tables.isEmpty
        if isImplicit {
            policies.append(TenantPolicy(name: Self.defaultName, reading: nil, inheriting: defaults))
        } else if let defaultPolicy {
            policies.append(defaultPolicy)
        }
        self.init(rows: rows, hasDefault: defaultPolicy != nil, policies: policies)
    }

    /// Each may have a line of its own in the metrics.
    static let tenantCountMax = 1000
    /// Every new connection is held against every row.
    static let rowCountMax = 4096
    private static let nameByteCountMax = 64

    private static func check(_ name: Located<String>, _ table: TableReader) -> Bool {
        let isName = { (text: String) in
            (1...nameByteCountMax).contains(text.utf8.count)
                && text.utf8.allSatisfy {
                    ASCII.isDigit($0) || ASCII.isLetter($0) && $0 >= 0x61 || "_-".utf8.contains($0)
                }
        }
        if isName(name.value) { return true }
        let lower = ASCII.lowercased(name.value)
        let clause = isName(lower) ? ", did you mean [tenants.\(lower)]?" : ""
        let rule = "lower-case letters, digits, \"-\" and \"_\", at most \(nameByteCountMax)"
        table.file.report("a tenant's name is \(rule), not \(name.value.quoted)\(clause)", at: name.place)
        return false
    }
}

/// Whom each identity belongs to already. Two rows of different tenants must not both mean one client with the same
/// kinds of identity, for then none would be the stronger one.
struct TenantClaims {
    private struct Claim {
        let row: TenantRow
        let place: Place
        var text: String { "tenant \"\(row.tenant)\"'s already, at \(place)" }
    }

    /// What the rows have in common that must be compared at all.
    private struct Key: Hashable {
        let kinds: IdentityKinds
        let value: String
    }

    private var users: [String: Claim] = [:]
    private var claims: [Key: [Claim]] = [:]

    /// Notes what `row` claims, and reports it where a part of that is somebody else's.
    mutating func take(_ row: TenantRow, _ table: TableReader) {
        let claim = Claim(row: row, place: table.place)
        if let user = row.user {
            if let first = users[user] {
                table.report("proxy_user", "= \(user.quoted) is \(first.text)", at: table.place(of: "proxy_user"))
                return
            }
            users[user] = claim
        }
        for value in row.leadingValues {
            let key = Key(kinds: row.kinds, value: value)
            if let first = claims[key]?.first(where: { $0.row.tenant != row.tenant && $0.row.overlaps(row) }) {
                report(row, value, first, table)
                return
            }
            claims[key, default: []].append(claim)
        }
    }

    private func report(_ row: TenantRow, _ value: String, _ first: Claim, _ table: TableReader) {
        let key = row.kinds.identification.rawValue
        let and = row.kinds.isSingle ? "" : ", with all else that the row asks for,"
        table.report(key, "= \(value.quoted)\(and) is \(first.text)", at: table.place(of: key))
    }
}

extension TenantRow {
    /// The values of the strongest kind that the row asks for, of which two rows that overlap share one.
    fileprivate var leadingValues: [String] {
        switch kinds.identification {
        // Names of hosts are told apart regardless of letter case, so one spelling stands for all.
        case .clientCertificate: certificates.map { ASCII.lowercased($0) }
        case .proxyUser: user.map { [$0] } ?? []
        case .systemdUnit: units
        case .uid: uids.map { "\($0)" }
        case .providerKey: providerKeys.map(\.description)
        case .source: sources.map(\.description)
        case .listener: listeners.map(\.rawValue)
        case .default: []
        }
    }

    /// Whether one client could match both rows, which ask for the same kinds, and neither were the stronger one.
    fileprivate func overlaps(_ other: TenantRow) -> Bool {
        func share<Value: Hashable>(_ left: [Value], _ right: [Value]) -> Bool {
            left.isEmpty || !Set(left).isDisjoint(with: right)
        }
        // Of networks that lie in each other the longer prefix is the stronger one.
        return user == other.user
            && share(certificates.map { ASCII.lowercased($0) }, other.certificates.map { ASCII.lowercased($0) })
            && share(units, other.units) && share(uids, other.uids) && share(providerKeys, other.providerKeys)
            && share(sources, other.sources) && share(listeners, other.listeners)
    }
}

extension IdentityKinds {
    fileprivate var isSingle: Bool { rawValue.nonzeroBitCount == 1 }
}
