extension TenantTable {
    /// Reads the tables in `[tenants]`. Rows with a mistake are left out, so that reading goes on.
    public init(reading tenants: TableReader) {
        tenants.file.declare("tenants.NAME", keys: ["match"])
        var claims = Claims()
        var rows: [TenantRow] = []
        var hasDefault = false
        for (name, table) in tenants.tables(named: "a tenant") {
            let isNamed = Self.check(name, table)
            let matches = table.rows("match", form: "rows like { proxy_user = \"…\", password_hash = \"…\" }")
            if name.value == Self.defaultName {
                hasDefault = true
                if table.has("match") {
                    table.report("match", "is left out: whoever matches nothing is meant", at: table.place)
                }
                continue
            }
            if matches?.isEmpty ?? !table.has("match") {
                table.report("match", "is missing: without a row nobody belongs to this tenant", at: table.place)
            }
            for row in matches ?? [] {
                if let read = Self.row(row, tenant: name.value, &claims), isNamed { rows.append(read) }
            }
        }
        self.init(rows: rows, hasDefault: hasDefault)
    }

    /// Whom each identity belongs to already.
    private struct Claims {
        var users: [String: Claim] = [:]
        var certificates: [String: Claim] = [:]

        struct Claim {
            let tenant: String
            let place: Place
            var text: String { "is tenant \"\(tenant)\"'s already, at \(place)" }
        }
    }

    private static let nameByteCountMax = 64
    private static let userByteCountMax = 128
    /// The longest URI of a SPIFFE identity has 2048 bytes; a name of that length is nobody's here.
    private static let certificateByteCountMax = 512

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

    private static func row(_ row: TableReader, tenant: String, _ claims: inout Claims) -> TenantRow? {
        let before = row.file.mistakeCount
        let user = user(row)
        let hashes = hashes(row)
        let certificates = certificates(row)
        if !row.has("proxy_user"), !row.has("client_certificate") {
            let form = "proxy_user with password_hash, client_certificate, or all three"
            row.file.report("\(row.name) has a row that matches nobody: it needs \(form)", at: row.place)
        } else if row.has("proxy_user") != row.has("password_hash") {
            let (has, lacks) = row.has("proxy_user") ? ("proxy_user", "password_hash") : ("password_hash", "proxy_user")
            row.report(lacks, "is missing beside \(has)", at: row.place)
        }
        if let user {
            if let first = claims.users[user.value] {
                row.report("proxy_user", "= \(user.value.quoted) \(first.text)", at: user.place)
            } else {
                claims.users[user.value] = Claims.Claim(tenant: tenant, place: user.place)
            }
        }
        // With a user beside it a certificate is not what tells tenants apart; the user is.
        for certificate in certificates where !row.has("proxy_user") {
            // Names of hosts are told apart regardless of letter case, so one spelling stands for all.
            let key = ASCII.lowercased(certificate.value)
            if let first = claims.certificates[key] {
                let text = certificate.value.quoted
                row.report("client_certificate", "= \(text) \(first.text)", at: certificate.place)
            } else {
                claims.certificates[key] = Claims.Claim(tenant: tenant, place: certificate.place)
            }
        }
        guard row.file.mistakeCount == before else { return nil }
        return TenantRow(
            tenant: tenant, user: user?.value, passwordHashes: hashes, certificates: certificates.map(\.value))
    }

    private static func user(_ row: TableReader) -> Located<String>? {
        guard let user = row.string("proxy_user", form: "a user's name") else { return nil }
        let rule: String? =
            if user.value.contains(":") {
                "must not have a colon, which ends the name in Basic credentials"
            } else if !(1...userByteCountMax).contains(user.value.utf8.count) {
                "must have from 1 to \(userByteCountMax) bytes"
            } else if user.value.unicodeScalars.contains(where: { $0.properties.generalCategory == .control }) {
                "must not have control characters"
            } else { nil }
        guard let rule else { return user }
        row.report("proxy_user", "= \(user.value.quoted) \(rule)", at: user.place)
        return nil
    }

    /// A hash that is wrong is never shown: somebody may have written a password there.
    private static func hashes(_ row: TableReader) -> [PasswordHash] {
        guard let texts = row.oneOrMore("password_hash", form: "a hash that leo hash prints, or a list of them") else {
            return []
        }
        if texts.isEmpty, row.isEmptyList("password_hash") {
            row.report("password_hash", "is an empty list: no password would do", at: row.place)
        }
        if texts.count > TenantRow.passwordHashCountMax {
            let most = TenantRow.passwordHashCountMax
            row.report("password_hash", "has \(texts.count) hashes, \(most) at most", at: texts[most].place)
        }
        return texts.compactMap { text in
            do throws(PasswordHash.Flaw) { return try PasswordHash.parse(text.value) } catch {
                row.report("password_hash", error.reason, at: text.place)
                return nil
            }
        }
    }

    private static func certificates(_ row: TableReader) -> [Located<String>] {
        let form = "a name in a client certificate (its common name, or a DNS name, URI or mail address)"
        let names = row.oneOrMore("client_certificate", form: form) ?? []
        if names.isEmpty, row.isEmptyList("client_certificate") {
            row.report("client_certificate", "is an empty list: no certificate would do", at: row.place)
        }
        return names.filter { name in
            let isNamed = (1...certificateByteCountMax).contains(name.value.utf8.count)
            let isPlain = !name.value.unicodeScalars.contains { $0.properties.generalCategory == .control }
            if isNamed && isPlain && !name.value.contains("*") { return true }
            let reason =
                name.value.contains("*") ? "stars are not known here" : "of at most \(certificateByteCountMax) bytes"
            row.report(
                "client_certificate", "= \(name.value.quoted) is no name in a certificate, \(reason)", at: name.place)
            return false
        }
    }
}
