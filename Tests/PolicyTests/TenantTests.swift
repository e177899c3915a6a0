import Testing

@testable import Policy

extension TenantTable {
    /// The verdict on a client of which no more is known.
    fileprivate func match(user: String?, certificate: ClientCertificateNames?) -> TenantVerdict {
        var facts = ClientFacts()
        facts.user = user
        facts.certificate = certificate
        return match(facts)
    }
}

@Suite("Tenants")
struct TenantTests {
    private static let hash =
        "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    private static let user = "{ proxy_user = \"u\", password_hash = \"\(hash)\" }"

    private func read(_ text: String) -> (TenantTable, [String]) {
        let reader = FileReader(text: text, file: "f")
        let table = TenantTable(reading: reader.table("tenants"), inheriting: reader.table("defaults"))
        return (table, reader.finish().map(\.description))
    }

    private func table(_ text: String) -> TenantTable {
        let (table, mistakes) = read(text)
        #expect(mistakes == [])
        return table
    }

    private func names(_ commonName: String? = nil, dns: [String] = [], uris: [String] = [], emails: [String] = [])
        -> ClientCertificateNames
    {
        var names = ClientCertificateNames()
        (names.commonName, names.dnsNames, names.uris, names.emails) = (commonName, dns, uris, emails)
        return names
    }

    // MARK: Matching

    @Test("without tenants everybody is the default one, whatever they bring")
    func implicit() {
        let table = table("")
        let everybody = TenantVerdict.tenant(TenantMatch(name: "default", by: .default))
        #expect(table.isImplicit && table.admitsUnproven(at: .proxyTLS, local: false) && table.names == ["default"])
        #expect(table.match(user: nil, certificate: nil) == everybody)
        #expect(table.match(user: "u", certificate: names("c")) == everybody)
    }

    @Test("a declared tenant leaves nobody else in, unless there is a default")
    func nobody() {
        let closed = table("[tenants.a]\nmatch = [\(Self.user)]")
        #expect(!closed.admitsUnproven(at: .proxyTLS, local: true) && closed.hasUsers && !closed.hasCertificates)
        #expect(closed.match(user: nil, certificate: nil) == .refused(.nobody))
        #expect(closed.match(user: "u", certificate: nil) == .tenant(TenantMatch(name: "a", by: .proxyUser)))
        let open = table("[tenants.a]\nmatch = [\(Self.user)]\n[tenants.default]")
        #expect(open.admitsUnproven(at: .proxyTLS, local: false) && open.names == ["a", "default"])
        #expect(
            open.match(user: nil, certificate: nil) == .tenant(TenantMatch(name: "default", by: .default, index: 1)))
        let alone = table("[tenants.default]")
        #expect(!alone.isImplicit && alone.admitsUnproven(at: .proxyTLS, local: false))
        #expect(alone.match(user: nil, certificate: nil) == .tenant(TenantMatch(name: "default", by: .default)))
    }

    @Test("a certificate is stronger than a user")
    func strength() {
        let table = table(
            "[tenants.a]\nmatch = [\(Self.user)]\n[tenants.b]\nmatch = [{ client_certificate = \"c\" }]")
        let byCertificate = TenantVerdict.tenant(TenantMatch(name: "b", by: .clientCertificate, index: 1))
        #expect(table.match(user: "u", certificate: names("c")) == byCertificate)
        #expect(table.match(user: "u", certificate: names("d")) == .tenant(TenantMatch(name: "a", by: .proxyUser)))
        #expect(table.match(user: nil, certificate: names("d")) == .refused(.nobody))
    }

    @Test("all keys of a row must hold, and a user alone is then no way to the default tenant")
    func bothKeys() {
        let row = "{ proxy_user = \"u\", password_hash = \"\(Self.hash)\", client_certificate = [\"c\", \"d\"] }"
        let table = table("[tenants.a]\nmatch = [\(row)]\n[tenants.default]")
        let match = TenantVerdict.tenant(TenantMatch(name: "a", by: .clientCertificate))
        #expect(table.match(user: "u", certificate: names("d")) == match)
        #expect(table.match(user: "u", certificate: nil) == .refused(.userNeedsMore))
        #expect(table.match(user: "u", certificate: names("e")) == .refused(.userNeedsMore))
        let everybody = TenantVerdict.tenant(TenantMatch(name: "default", by: .default, index: 1))
        #expect(table.match(user: nil, certificate: names("c")) == everybody)
    }

    @Test("a certificate is known by its common name or any of its other names, and never by two tenants")
    func certificateNames() {
        let table = table(
            """
            [tenants.a]
            match = [{ client_certificate = ["cn", "Host.Example", "spiffe://x/a", "a@example.org"] }]
            [tenants.b]
            match = [{ client_certificate = "b" }]
            """)
        let match = TenantVerdict.tenant(TenantMatch(name: "a", by: .clientCertificate))
        let several = [
            names("cn"), names(dns: ["host.example"]), names("z", uris: ["spiffe://x/a"]),
            names(emails: ["a@example.org"]),
        ]
        for names in several { #expect(table.match(user: nil, certificate: names) == match) }
        #expect(table.match(user: nil, certificate: names("CN")) == .refused(.nobody))
        #expect(
            table.match(user: nil, certificate: names("b", dns: ["host.example"])) == .refused(.ambiguousCertificate))
        #expect(table.match(user: nil, certificate: names("b", uris: ["spiffe://x/none"])) != match)
    }

    // MARK: Reading

    @Test("a row may hold several hashes, and the table knows what a check costs")
    func hashes() {
        let table = table(
            "[tenants.a]\nmatch = [{ proxy_user = \"u\", password_hash = [\"\(Self.hash)\", \"$\(Self.hash)\"] }]")
        #expect(table.hashes(ofUser: "u").count == 2 && table.hashes(ofUser: "v").isEmpty)
        #expect(table.hashCountMax == 2 && table.highestCost == .standard)
        #expect(table.hashes(ofUser: "u").first?.text == Self.hash)
    }

    @Test(
        "a mistake names its place and what would be right",
        arguments: [
            ("[tenants.Shop]\nmatch = [\(user)]", "1:10: a tenant's name is lower-case letters"),
            ("[tenants.a]", "1:10: tenants.a.match is missing"),
            ("[tenants.a]\nmatch = []", "1:10: tenants.a.match is missing"),
            ("[tenants]\na = 1", "2:1: tenants.a is a tenant, written as [tenants.a]"),
            ("[tenants.a]\nmatch = \(user)", "2:9: tenants.a.match must be a list of rows"),
            ("[tenants.a]\nmatch = [\"u\"]", "2:10: tenants.a.match must be a list of rows"),
            ("[tenants.a]\nmatch = [{}]", "2:10: tenants.a.match has a row that matches nobody"),
            ("[tenants.a]\nmatch = [{ proxy_user = \"u\" }]", "tenants.a.match.password_hash is missing"),
            ("[tenants.a]\nmatch = [{ password_hash = \"\(hash)\" }]", "has a row that matches nobody"),
            ("[tenants.a]\nmatch = [{ proxy_user = \"u:v\", password_hash = \"\(hash)\" }]", "must not have a colon"),
            ("[tenants.a]\nmatch = [{ proxy_user = \"\", password_hash = \"\(hash)\" }]", "from 1 to 128 bytes"),
            ("[tenants.a]\nmatch = [{ proxy_user = \"u\", password_hash = [] }]", "is an empty list"),
            ("[tenants.a]\nmatch = [{ client_certificate = \"*.example.org\" }]", "stars are not known here"),
            ("[tenants.default]\nmatch = [\(user)]", "1:10: tenants.default.match is left out"),
            ("[tenants.a]\nmatch = [\(user)]\nquota = 1", "3:1: unknown key \"quota\" in [tenants.a]"),
            ("[tenants.a]\nmatch = [{ proxy_users = \"u\" }]", "unknown key \"proxy_users\" in [tenants.a.match]"),
            ("[tenants.a]\nmacth = [\(user)]", "2:1: unknown key \"macth\" in [tenants.a], did you mean \"match\"?"),
        ])
    func mistakes(text: String, message: String) {
        let (_, mistakes) = read(text)
        #expect(mistakes.contains { $0.contains(message) }, "\(mistakes)")
    }

    @Test("an identity that two tenants claim is a mistake that names both places")
    func claims() {
        let users = "[tenants.a]\nmatch = [\(Self.user)]\n[tenants.b]\nmatch = [\(Self.user)]"
        #expect(read(users).1.first?.contains("\"u\" is tenant \"a\"'s already, at line 2, column") == true)
        let certificates =
            "[tenants.a]\nmatch = [{ client_certificate = \"C\" }]\n[tenants.b]\nmatch = [{ client_certificate = \"c\" }]"
        #expect(read(certificates).1.first?.contains("f:4:") == true)
        #expect(read(certificates).1.first?.contains("is tenant \"a\"'s already, at line 2") == true)
    }

    @Test(
        "what may be a password is never repeated",
        arguments: ["hunter2", "hunter2$", "scrypt$hunter2", "hunter2$x$y$z"])
    func noLeak(text: String) {
        let (_, mistakes) = read("[tenants.a]\nmatch = [{ proxy_user = \"u\", password_hash = \"\(text)\" }]")
        #expect(mistakes.count == 1)
        #expect(!mistakes.joined().contains("hunter2"))
    }
}

@Suite("Password hashes")
struct PasswordHashTests {
    private let salt = "AAAAAAAAAAAAAAAAAAAAAA"
    private let digest = "nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E"

    @Test("a hash is read as other programs write it, and written as it was read")
    func phc() throws {
        let hash = try PasswordHash.parse("$scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$\(digest)")
        #expect(hash.cost.description == "ln=16,r=8,p=1" && hash.salt.count == 16 && hash.digest.count == 32)
        #expect(hash.cost.memoryByteCount == 64 << 20)
        #expect(hash.text == "scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q$\(digest)")
        #expect(try PasswordHash.parse(hash.text) == hash)
        #expect(try PasswordHash.parse("scrypt$ln=16,r=8,p=1$aM15713r3Xsvxbi31lqr1Q==$\(digest)=") == hash)
    }

    @Test(
        "the cost has limits in memory and in work",
        arguments: [
            ("ln=14,r=8,p=1", true), ("ln=17,r=8,p=1", true), ("ln=13,r=8,p=10", true), ("ln=16,r=8,p=2", true),
            ("ln=13,r=8,p=1", false), ("ln=18,r=8,p=1", false), ("ln=24,r=32,p=16", false), ("ln=17,r=16,p=1", false),
            ("ln=17,r=8,p=3", false), ("ln=0,r=8,p=1", false), ("ln=15,r=0,p=1", false), ("ln=15,r=8,p=0", false),
            ("ln=15,r=8", false), ("ln=15,r=8,p=1,x=1", false), ("ln=15,ln=15,p=1", false), ("ln=+15,r=8,p=1", false),
            ("ln=99999999999999999999,r=8,p=1", false), ("", false),
        ])
    func cost(parameters: String, isTaken: Bool) {
        let text = "scrypt$\(parameters)$\(salt)$\(digest)"
        #expect(((try? PasswordHash.parse(text)) != nil) == isTaken)
    }

    @Test(
        "anything else is refused",
        arguments: [
            "", "$", "scrypt", "$2b$12$abcdefghijklmnopqrstuu", "$argon2id$v=19$m=65536,t=3,p=4$AAAA$AAAA",
            "scrypt$ln=15,r=8,p=1$AAAA$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
            "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAA",
            "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA", "scrypt$ln=15,r=8,p=1$A$B$C",
            "scrypt$ln=15,r=8,p=1$!!!!!!!!!!!!!!!!!!!!!!$nFNh2CVHVjNldFVKDHDlm4CbdRSCdEBsjjJxD+iCs5E",
        ])
    func refused(text: String) {
        #expect(throws: PasswordHash.Flaw.self) { try PasswordHash.parse(text) }
    }

    @Test("neither salt nor digest is shown by accident")
    func dots() throws {
        let hash = try PasswordHash.parse("scrypt$ln=15,r=8,p=1$\(salt)$\(digest)")
        var dumped = ""
        dump(hash, to: &dumped)
        for text in ["\(hash)", String(reflecting: hash), dumped] {
            #expect(!text.contains("nFNh2") && !text.contains("156"), "\(text)")
        }
    }
}

@Suite("Sizes in the file")
struct SizeTextTests {
    @Test("one number and one unit", arguments: [("0B", 0), ("256B", 256), ("64KB", 65536), ("2GB", 2 << 30)])
    func forms(text: String, byteCount: Int) {
        #expect(SizeText.parse(text) == byteCount)
        #expect(SizeText.write(byteCount) == text)
    }

    @Test(
        "anything else is no size, and the likely meaning is guessed",
        arguments: [
            ("64 kb", "64KB"), ("64K", "64KB"), ("64KiB", "64KB"), ("1 byte", "1B"), ("64", nil), ("-1B", nil),
            ("", nil),
        ])
    func guesses(text: String, meant: String?) {
        #expect(SizeText.parse(text) == nil)
        #expect(SizeText.meaning(of: text) == meant)
    }
}
