import Testing

@testable import Policy

/// The rules by which clients are told apart that say nothing about themselves, and the order of all.
@Suite("A tenant's identity")
struct TenantIdentityTests {
    private static let hash =
        "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$"
        + "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    private static let keyA = "hmac:000102030405060708090a0b0c0d0e0f"
    private static let keyB = "hmac:ffffffffffffffffffffffffffffffff"

    private func read(_ text: String, hasMasterKey: Bool = true) -> (TenantTable, [String]) {
        let reader = FileReader(text: text, file: "f")
        var surroundings = TenantSurroundings()
        surroundings.hasMasterKey = hasMasterKey
        surroundings.userNumber = { ["app": 1000, "app2": 1001, "root": 0, "nobody": 65534][$0] }
        let table = TenantTable(
            reading: reader.table("tenants"), inheriting: reader.table("defaults"), in: surroundings)
        return (table, reader.finish().map(\.description))
    }

    private func table(_ text: String) -> TenantTable {
        let (table, mistakes) = read(text)
        #expect(mistakes == [])
        return table
    }

    /// A tenant for each row, called a, b, c …
    private func rows(_ rows: [String], _ end: String = "") -> String {
        zip("abcdefghijklmnop", rows).map { "[tenants.\($0)]\nmatch = [{ \($1) }]\n" }.joined() + end
    }

    private func facts(
        user: String? = nil, certificate: String? = nil, unit: String? = nil, uid: UInt32? = nil, key: String? = nil,
        source: String? = nil, listener: ClientListener? = nil
    ) -> ClientFacts {
        var facts = ClientFacts()
        facts.user = user
        facts.certificate = certificate.map { name in
            var names = ClientCertificateNames()
            names.commonName = name
            return names
        }
        facts.unit = unit
        facts.uid = uid
        if let key = key.flatMap({ CredentialFingerprint($0) }) { facts.credential = .key(key, previous: nil) }
        facts.source = source.flatMap { IPAddress.parse($0) }
        facts.listener = listener
        return facts
    }

    private func name(_ verdict: TenantVerdict) -> String {
        switch verdict {
        case .tenant(let match): "\(match.name) by \(match.by.rawValue)"
        case .refused(let refusal): "\(refusal)"
        }
    }

    // MARK: Strength

    /// The rows from the strongest to the weakest, and what makes each true.
    private static let strengths = [
        ("client_certificate = \"c\"", "client_certificate"),
        ("proxy_user = \"u\", password_hash = \"\(hash)\"", "proxy_user"),
        ("systemd_unit = \"x.service\"", "systemd_unit"), ("uid = \"app\"", "uid"),
        ("provider_key = \"\(keyA)\"", "provider_key"), ("source = \"10.0.0.0/8\"", "source"),
        ("listener = \"proxy_tls\"", "listener"),
    ]

    @Test("the strongest row counts, whatever the order of the file", arguments: 0..<7, [false, true])
    func order(strongest: Int, isReversed: Bool) {
        // Only rows from this one on can match.
        var client = facts(
            user: "u", certificate: "c", unit: "x.service", uid: 1000, key: Self.keyA, source: "10.1.2.3",
            listener: .proxyTLS)
        if strongest > 0 { client.certificate = nil }
        if strongest > 1 { client.user = nil }
        if strongest > 2 { client.unit = nil }
        if strongest > 3 { client.uid = nil }
        if strongest > 4 { client.credential = .none }
        if strongest > 5 { client.source = nil }
        let rows = Self.strengths.map(\.0)
        let table = table(self.rows(isReversed ? rows.reversed() : rows))
        let place = isReversed ? 6 - strongest : strongest
        let expected = "\(Array("abcdefg")[place]) by \(Self.strengths[strongest].1)"
        #expect(name(table.match(client)) == expected)
        if case .tenant(let match) = table.match(client) { #expect(table.policies[match.index].name == match.name) }
    }

    @Test(
        "a stronger kind outweighs all weaker ones together, and of two rows with it the one that asks for more counts")
    func combinations() {
        let table = table(
            rows([
                "uid = 1000, provider_key = \"\(Self.keyA)\", source = \"10.0.0.0/8\", listener = \"proxy\"",
                "systemd_unit = \"x.service\"", "uid = 1000", "uid = 1000, listener = \"proxy\"",
            ]))
        let everything = facts(
            unit: "x.service", uid: 1000, key: Self.keyA, source: "10.1.1.1", listener: .proxy)
        #expect(name(table.match(everything)) == "b by systemd_unit")
        var client = everything
        client.unit = nil
        #expect(name(table.match(client)) == "a by uid")
        client.credential = .none
        #expect(name(table.match(client)) == "d by uid")
        client.listener = .reverse
        #expect(name(table.match(client)) == "c by uid")
        client.uid = 1001
        #expect(name(table.match(client)) == "nobody")
    }

    @Test("the longest network counts, also among a row's own")
    func networks() {
        let table = table(
            rows([
                "source = [\"10.0.0.0/8\", \"192.168.1.0/24\"]", "source = [\"10.1.0.0/16\", \"fd00::/8\"]",
                "source = \"10.1.2.3\"",
            ]))
        for (address, expected) in [
            ("10.9.9.9", "a"), ("10.1.9.9", "b"), ("10.1.2.3", "c"), ("::ffff:10.1.2.3", "c"), ("192.168.1.1", "a"),
            ("fd00::1", "b"),
        ] { #expect(name(table.match(facts(source: address))) == "\(expected) by source") }
        #expect(table.match(facts(source: "192.168.2.1")) == .refused(.nobody))
        #expect(table.match(facts()) == .refused(.nobody))
    }

    @Test("a user who is right but not enough does not fall through to a weaker identity")
    func userNeedsMore() {
        let table = table(
            rows(["proxy_user = \"u\", password_hash = \"\(Self.hash)\", source = \"10.0.0.0/8\"", "uid = 1000"]))
        #expect(name(table.match(facts(user: "u", uid: 1000, source: "10.1.1.1"))) == "a by proxy_user")
        #expect(table.match(facts(user: "u", uid: 1000, source: "11.1.1.1")) == .refused(.userNeedsMore))
        #expect(name(table.match(facts(uid: 1000, source: "11.1.1.1"))) == "b by uid")
    }

    // MARK: Provider keys

    @Test("a key may tell whose the request is once all else of a row is true")
    func mayBeKnownByKey() throws {
        let table = table(rows(["provider_key = [\"\(Self.keyA)\"], uid = [1000]", "uid = 1001"]))
        #expect(table.mayBeKnownByKey(facts(uid: 1000)) && !table.mayBeKnownByKey(facts(uid: 1001)))
        #expect(table.match(facts(uid: 1000)) == .refused(.nobody))
        #expect(name(table.match(facts(uid: 1000, key: Self.keyA))) == "a by uid")
        #expect(table.match(facts(uid: 1000, key: Self.keyB)) == .refused(.nobody))
        #expect(!self.table(rows(["uid = 1"])).mayBeKnownByKey(facts()))
    }

    @Test("a key counts under the master key before as well, but not for two tenants")
    func previousKey() throws {
        let table = table(rows(["provider_key = \"\(Self.keyA)\"", "provider_key = \"\(Self.keyB)\""]))
        let (a, b) = (try #require(CredentialFingerprint(Self.keyA)), try #require(CredentialFingerprint(Self.keyB)))
        let other = try #require(CredentialFingerprint("hmac:" + String(repeating: "7", count: 32)))
        var client = ClientFacts()
        client.credential = .key(other, previous: a)
        #expect(name(table.match(client)) == "a by provider_key")
        client.credential = .key(b, previous: other)
        #expect(name(table.match(client)) == "b by provider_key")
        client.credential = .key(a, previous: b)
        #expect(table.match(client) == .refused(.ambiguous))
        client.credential = .key(other, previous: nil)
        #expect(table.match(client) == .refused(.nobody))
    }

    @Test("a fingerprint is its text and nothing else", arguments: ["hmac:0", "hmac:", "", "sk-1", "HMAC:00"])
    func fingerprints(text: String) throws {
        let fingerprint = try #require(CredentialFingerprint(Self.keyA.uppercased().replacing("HMAC", with: "hmac")))
        #expect(fingerprint.description == Self.keyA && fingerprint.prefix == "00010203")
        #expect(CredentialFingerprint([UInt8](0..<32).span) == fingerprint)
        #expect(CredentialFingerprint([UInt8](0..<15).span) == nil)
        #expect(CredentialFingerprint(text) == nil)
        #expect(CredentialFingerprint(Self.keyA + "0") == nil)
        #expect(CredentialFingerprint(Self.keyA.dropLast() + "g") == nil)
    }

    // MARK: Who may come in unproven

    @Test("only a password or a certificate is a proof for those who come from elsewhere")
    func unproven() {
        let proof = "proxy_user = \"u\", password_hash = \"\(Self.hash)\""
        for (row, isOpen, isOpenToLocals) in [
            (proof, false, false), ("\(proof), source = \"10.0.0.0/8\"", false, false),
            ("client_certificate = \"c\"", false, false), ("uid = 1000", false, true),
            ("systemd_unit = \"x.service\"", false, true), ("provider_key = \"\(Self.keyA)\"", true, true),
            ("source = \"10.0.0.0/8\"", true, true), ("listener = \"proxy_tls\"", true, true),
            ("listener = \"reverse\"", false, false),
        ] {
            let table = table(rows([row]))
            #expect(table.admitsUnproven(at: .proxyTLS, local: false) == isOpen, "\(row)")
            #expect(table.admitsUnproven(at: .proxyTLS, local: true) == isOpenToLocals, "\(row)")
        }
    }

    // MARK: Conflicts

    @Test(
        "two tenants that claim one identity with the same kinds are a mistake that names both places",
        arguments: [
            ("uid = [7, 1000]", "uid = \"app\"", "uid = \"1000\" is tenant \"a\"'s already, at line 2, column 10"),
            (
                "systemd_unit = \"x.service\"", "systemd_unit = [\"y.service\", \"x.service\"]",
                "\"x.service\" is tenant"
            ),
            ("provider_key = \"\(keyA)\"", "provider_key = [\"\(keyA)\"]", "is tenant \"a\"'s already"),
            ("source = \"10.0.0.0/8\"", "source = [\"10.0.0.0/8\"]", "\"10.0.0.0/8\" is tenant \"a\"'s already"),
            ("listener = \"proxy\"", "listener = [\"reverse\", \"proxy\"]", "\"proxy\" is tenant \"a\"'s already"),
            (
                "uid = 1000, listener = [\"proxy\", \"reverse\"]", "uid = 1000, listener = \"reverse\"",
                "uid = \"1000\", with all else that the row asks for, is tenant \"a\"'s already"
            ),
            (
                "client_certificate = \"C\", uid = 1000", "client_certificate = \"c\", uid = 1000",
                "client_certificate = \"c\", with all else"
            ),
        ])
    func conflicts(first: String, second: String, message: String) {
        let mistakes = read(rows([first, second])).1
        #expect(mistakes.count == 1 && mistakes[0].hasPrefix("f:4:") && mistakes[0].contains(message), "\(mistakes)")
    }

    @Test(
        "what can be told apart is none",
        arguments: [
            ("uid = 1000", "uid = 1001"), ("uid = 1000", "uid = 1000, listener = \"proxy\""),
            ("uid = 1000, listener = \"proxy\"", "uid = 1000, listener = \"reverse\""),
            ("source = \"10.0.0.0/8\"", "source = \"10.1.0.0/16\""),
            ("uid = 1000, source = \"10.0.0.0/8\"", "uid = 1000, source = \"10.1.0.0/16\""),
        ])
    func noConflicts(first: String, second: String) {
        #expect(read(rows([first, second])).1 == [])
    }

    @Test("one tenant may claim an identity twice")
    func sameTenant() {
        #expect(read("[tenants.a]\nmatch = [{ uid = 1000 }, { uid = [1000, 1001] }]").1 == [])
    }

    // MARK: Reading

    @Test("users are numbers, or names of this machine")
    func users() {
        let table = table(rows(["uid = [\"app\", 7, \"8\"]", "uid = \"root\""]))
        #expect(table.rows.map(\.uids) == [[1000, 7, 8], [0]])
        #expect(table.needsUID && !table.needsUnit && !table.needsProviderKey)
    }

    @Test(
        "a mistake names its place and what would be right",
        arguments: [
            ("uid = \"somebody\"", "\"somebody\" is no user of this machine: write the number"),
            ("uid = -1", "\"-1\" is no user of this machine"), ("uid = 4294967295", "is no user of this machine"),
            ("uid = 65534", "\"65534\" is what the kernel says of every user that it has no number for"),
            ("uid = \"nobody\"", "nobody is meant by it"), ("uid = []", "uid is an empty list"),
            ("uid = 1.5", "must be a user's name or number"), ("uid = [[1]]", "must be a user's name or number"),
            ("systemd_unit = \"checkout\"", "did you mean \"checkout.service\"?"),
            ("systemd_unit = \"app.slice\"", "a slice holds units"),
            ("systemd_unit = \"app@.service\"", "this is a template"),
            ("systemd_unit = \"a/b.service\"", "this is no name of a unit"), ("systemd_unit = []", "is an empty list"),
            ("provider_key = \"sk-secret-key\"", "provider_key is no fingerprint: leo fingerprint makes one"),
            ("provider_key = []", "provider_key is an empty list"), ("source = []", "source is an empty list"),
            ("source = \"10.0.0.1/8\"", "an address inside of the network \"10.0.0.0/8\""),
            ("source = \"example.org\"", "which is a host: only networks count here"),
            ("listener = \"proxi\"", "\"proxi\" is no listener: proxy, proxy_tls"),
            ("listener = \"admin\"", "is no listener"),
            ("listener = []", "listener is an empty list"),
            ("client_certificate = \"c\", listener = \"proxy\"", "leaves out proxy_tls"),
            ("proxy_user = \"u\", password_hash = \"\(hash)\", listener = \"reverse\"", "leaves out every listener"),
            ("source = \"10.0.0.0/8\", listener = \"proxy_unix\"", "clients have no address"),
            ("", "has a row that matches nobody: it needs one of proxy_user, client_certificate, systemd_unit"),
        ])
    func mistakes(row: String, message: String) {
        let mistakes = read(rows([row])).1
        #expect(mistakes.count == 1 && mistakes[0].contains(message), "\(mistakes)")
        #expect(!mistakes.joined().contains("secret"))
    }

    @Test("a fingerprint without a master key is a mistake")
    func masterKey() {
        let (_, mistakes) = read(rows(["provider_key = \"\(Self.keyA)\""]), hasMasterKey: false)
        #expect(mistakes.count == 1 && mistakes[0].contains("needs [keys] with master_file"))
    }

    // MARK: Policies

    @Test("every tenant has its place, in the order of the file, and default comes last")
    func policies() {
        let text = "[tenants.default]\n" + rows(["uid = 1000", "uid = 1001"])
        #expect(table(text).policies.map(\.name) == ["a", "b", "default"])
        #expect(table("").policies.map(\.name) == ["default"])
        #expect(table("[tenants.default]").policies.map(\.name) == ["default"])
        #expect(table(rows(["uid = 1000"])).policies.map(\.name) == ["a"])
    }

    @Test("a tenant's limits stand over those of [defaults], key by key, also the implicit one's")
    func inheritance() throws {
        let defaults = "[defaults.limits]\nrequests = \"10/s\"\nmodels = [\"a\"]\nmax_output_tokens = 7\n"
        func count(_ policy: TenantPolicy?) -> Int? { policy?.limits.rules.count }
        let implicit = try #require(table(defaults).policies.first)
        #expect(implicit.name == "default" && count(implicit) == 1 && implicit.limits.maxOutputTokens == 7)
        let text =
            defaults + rows(["uid = 1000", "uid = 1001"])
            + "[tenants.a.limits]\nrequests_add = \"5/min\"\nmodels_add = [\"b\"]\n[tenants.b.limits]\nmax_output_tokens = 8\n"
            + "[tenants.default.limits]\nrequests = [\"1/s\", \"2/min\", \"3/h\"]\nmodels = [\"c\"]\n"
        let table = table(text)
        #expect(table.policies.map(\.name) == ["a", "b", "default"])
        #expect(table.policies.map { count($0) } == [2, 1, 3])
        #expect(table.policies.map(\.limits.maxOutputTokens) == [7, 8, 7])
        #expect(table.policies.map { $0.limits.permits(model: "b") } == [true, false, false])
        #expect(table.policies.map { $0.limits.permits(model: "c") } == [false, false, true])
        #expect(table.policies[0].limits.permits(model: "a") && !table.policies[2].limits.permits(model: "a"))
    }

    @Test("what tenants inherit is looked through once, however many they are")
    func inheritedOnce() {
        let (_, mistakes) = read("[defaults]\nlimit = 1\n" + rows(["uid = 1", "uid = 2", "uid = 3"]))
        #expect(
            mistakes.count == 1 && mistakes[0].hasPrefix("f:2:1: unknown key \"limit\" in [defaults]"), "\(mistakes)")
    }

    @Test("a unit is the first part of a path that is no slice, whatever comes below it")
    func units() {
        for (path, unit) in [
            ("/system.slice/checkout.service", "checkout.service"),
            ("/system.slice/system-worker.slice/worker@1.service/child", "worker@1.service"),
            ("/user.slice/user-1000.slice/user@1000.service/app.slice/checkout.service", "user@1000.service"),
            ("/user.slice/user-1000.slice/session-3.scope", "session-3.scope"), ("/init.scope", "init.scope"),
            ("/system.slice/_cpu.service", "cpu.service"), ("/checkout.service", "checkout.service"),
        ] as [(String, String)] { #expect(SystemdUnit.name(inPath: path) == unit) }
        for path in ["", "/", "/system.slice", "/docker/abc/system.slice/a.service", "/kubepods/x", "/.service"] {
            #expect(SystemdUnit.name(inPath: path) == nil, "\(path)")
        }
    }
}
