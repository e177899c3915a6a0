import Wire

extension TenantRow {
    /// Reads one row of a tenant's `match`; nil when it has a mistake, which is then reported.
    init?(
        reading row: TableReader, tenant: String, _ claims: inout TenantClaims, _ surroundings: TenantSurroundings
    ) {
        let before = row.file.mistakeCount
        let user = Self.user(row)
        let hashes = Self.hashes(row)
        self.init(tenant: tenant, user: user, passwordHashes: hashes, certificates: Self.certificates(row))
        units = Self.units(row)
        uids = Self.uids(row, surroundings.userNumber)
        providerKeys = Self.providerKeys(row, surroundings.hasMasterKey)
        sources = row.networksOrOne("source") ?? []
        listeners = Self.listeners(row)
        if !Self.identityKeys.contains(where: row.has) {
            let keys = Self.identityKeys.joined(separator: ", ")
            row.file.report("\(row.name) has a row that matches nobody: it needs one of \(keys)", at: row.place)
        } else if row.has("proxy_user") != row.has("password_hash") {
            let (has, lacks) = row.has("proxy_user") ? ("proxy_user", "password_hash") : ("password_hash", "proxy_user")
            row.report(lacks, "is missing beside \(has)", at: row.place)
        }
        checkListeners(row)
        guard row.file.mistakeCount == before else { return nil }
        claims.take(self, row)
        guard row.file.mistakeCount == before else { return nil }
    }

    private static let identityKeys = [
        "proxy_user", "client_certificate", "systemd_unit", "uid", "provider_key", "source", "listener",
    ]
    private static let userByteCountMax = 128
    /// The longest URI of a SPIFFE identity has 2048 bytes; a name of that length is nobody's here.
    private static let certificateByteCountMax = 512
    /// systemd's UNIT_NAME_MAX.
    private static let unitByteCountMax = 255
    /// The longest name of a user that the tools of Linux distributions make.
    private static let userNameByteCountMax = 32
    /// What the kernel says of a user that has no number in leo's user namespace.
    private static let overflowUID: UInt32 = 65534

    private static func user(_ row: TableReader) -> String? {
        guard let user = row.string("proxy_user", form: "a user's name") else { return nil }
        let rule: String? =
            if user.value.contains(":") {
                "must not have a colon, which ends the name in Basic credentials"
            } else if !(1...userByteCountMax).contains(user.value.utf8.count) {
                "must have from 1 to \(userByteCountMax) bytes"
            } else if hasControl(user.value) {
                "must not have control characters"
            } else { nil }
        guard let rule else { return user.value }
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

    private static func certificates(_ row: TableReader) -> [String] {
        let form = "a name in a client certificate (its common name, or a DNS name, URI or mail address)"
        let names = row.oneOrMore("client_certificate", form: form) ?? []
        if names.isEmpty, row.isEmptyList("client_certificate") {
            row.report("client_certificate", "is an empty list: no certificate would do", at: row.place)
        }
        return names.compactMap { name in
            let isNamed = (1...certificateByteCountMax).contains(name.value.utf8.count)
            if isNamed, !hasControl(name.value), !name.value.contains("*") { return name.value }
            let reason =
                name.value.contains("*") ? "stars are not known here" : "of at most \(certificateByteCountMax) bytes"
            row.report(
                "client_certificate", "= \(name.value.quoted) is no name in a certificate, \(reason)", at: name.place)
            return nil
        }
    }

    private static func units(_ row: TableReader) -> [String] {
        let names = row.oneOrMore("systemd_unit", form: "a unit like \"checkout.service\", or a list of them") ?? []
        if names.isEmpty, row.isEmptyList("systemd_unit") {
            row.report("systemd_unit", "is an empty list: no unit would do", at: row.place)
        }
        return names.compactMap { name in
            guard let flaw = unitFlaw(name.value) else { return name.value }
            row.report("systemd_unit", "= \(name.value.quoted): \(flaw)", at: name.place)
            return nil
        }
    }

    /// Why no process runs in a unit of this name.
    private static func unitFlaw(_ name: String) -> String? {
        let isPlain = name.utf8.allSatisfy {
            ASCII.isDigit($0) || ASCII.isLetter($0) || ":-_.\\@".utf8.contains($0)
        }
        guard (1...unitByteCountMax).contains(name.utf8.count), isPlain else { return "this is no name of a unit" }
        guard SystemdUnit.hasProcesses(name) else {
            return name.hasSuffix(".slice")
                ? "a slice holds units, and one of those is to be named"
                : "units with processes end in .service or .scope, did you mean \"\(name).service\"?"
        }
        return name.contains("@.") ? "this is a template, and one of its instances is to be named" : nil
    }

    private static func uids(_ row: TableReader, _ number: (String) -> UInt32?) -> [UInt32] {
        let form = "a user's name or number, or a list of them"
        let users = row.wordsOrNumbers("uid", form: form) ?? []
        if users.isEmpty, row.isEmptyList("uid") {
            row.report("uid", "is an empty list: no user would do", at: row.place)
        }
        return users.compactMap { user in
            let found: UInt32?
            switch user.value {
            case .number(let number): found = UInt32(exactly: number)
            case .word(let name):
                found = UInt32(name) ?? (isUserName(name) ? number(name) : nil)
            }
            guard let found, found != .max else {
                let flaw = "is no user of this machine: write the number if leo runs on another"
                row.report("uid", "= \(user.value.text.quoted) \(flaw)", at: user.place)
                return nil
            }
            if found == overflowUID {
                let flaw = "is what the kernel says of every user that it has no number for: nobody is meant by it"
                row.report("uid", "= \(user.value.text.quoted) \(flaw)", at: user.place)
                return nil
            }
            return found
        }
    }

    private static func isUserName(_ name: String) -> Bool {
        (1...userNameByteCountMax).contains(name.utf8.count) && !hasControl(name)
    }

    /// A text that is no fingerprint is never shown: somebody may have written the key itself there.
    private static func providerKeys(_ row: TableReader, _ hasMasterKey: Bool) -> [CredentialFingerprint] {
        let form = "a fingerprint that leo fingerprint prints, or a list of them"
        guard let texts = row.oneOrMore("provider_key", form: form) else { return [] }
        if texts.isEmpty, row.isEmptyList("provider_key") {
            row.report("provider_key", "is an empty list: no key would do", at: row.place)
        }
        if !hasMasterKey {
            let flaw = "needs [keys] with master_file, under which leo fingerprint makes fingerprints"
            row.report("provider_key", flaw, at: row.place(of: "provider_key"))
        }
        return texts.compactMap { text in
            if let fingerprint = CredentialFingerprint(text.value) { return fingerprint }
            row.report("provider_key", "is no fingerprint: leo fingerprint makes one from a key", at: text.place)
            return nil
        }
    }

    private static func listeners(_ row: TableReader) -> [ClientListener] {
        let words = ClientListener.allCases.map(\.rawValue)
        let names = row.oneOrMore("listener", form: words.map { "\"\($0)\"" }.joined(separator: ", ")) ?? []
        if names.isEmpty, row.isEmptyList("listener") {
            row.report("listener", "is an empty list: no listener would do", at: row.place)
        }
        return names.compactMap { name in
            if let listener = ClientListener(rawValue: name.value) { return listener }
            let clause = row.file.suggestion(for: name.value, among: words)
            let message = "= \(name.value.quoted) is no listener: \(words.joined(separator: ", "))\(clause)"
            row.report("listener", message, at: name.place)
            return nil
        }
    }

    /// What can never be true together is a mistake.
    private func checkListeners(_ row: TableReader) {
        guard !listeners.isEmpty else { return }
        let place = row.place(of: "listener")
        if !certificates.isEmpty, !listeners.contains(.proxyTLS) {
            row.report("listener", "leaves out proxy_tls, where alone a client can show a certificate", at: place)
        }
        if user != nil, listeners.allSatisfy({ $0 == .transparent || $0 == .reverse }) {
            row.report("listener", "leaves out every listener where a client can have a proxy user", at: place)
        }
        if !sources.isEmpty, listeners == [.proxyUnix] {
            row.report("listener", "= \"proxy_unix\", where clients have no address that source could mean", at: place)
        }
    }

    private static func hasControl(_ text: String) -> Bool {
        text.unicodeScalars.contains { $0.properties.generalCategory == .control }
    }
}
