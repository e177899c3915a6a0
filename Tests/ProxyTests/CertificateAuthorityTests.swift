import COpenSSL
import Testing

@testable import Proxy

@Suite("The certificate authority")
struct CertificateAuthorityTests {
    let folder: TemporaryFolder

    init() throws { folder = try TemporaryFolder() }

    private func load() throws(CertificateFailure) -> CertificateAuthority {
        let files = folder.authorityFiles
        return try CertificateAuthority(certificatePath: files.certificate, keyPath: files.key)
    }

    /// Writes the files of a CA that somebody else made.
    private func write(_ identity: Identity, chain: [Certificate] = []) throws {
        let pem = ([identity.certificate] + chain).map(\.pem).joined()
        try folder.write(pem, to: "ca.pem", mode: 0o644)
        let file = try AtomicFile(path: folder.authorityFiles.key, mode: 0o600)
        try identity.key.write(to: file)
        try file.publish(.replaced)
    }

    /// Connects as a client that shows what it was sent.
    private func connect(to context: TLSServerContext) throws -> RawPeer {
        let pair = try SocketPair()
        var server = try TLSSession(serverContext: context, descriptor: pair.server)
        var client = RawPeer(client: pair.client)
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        return client
    }

    // MARK: Names

    @Test(
        "a host is permitted if it is one of the names or below one",
        arguments: [
            ("openai.com", true), ("api.openai.com", true), ("a.b.openai.com", true), ("API.OpenAI.com.", true),
            ("us.api.bedrock.example", true), ("under_score.openai.com", true), ("notopenai.com", false),
            ("openai.com.evil.example", false), ("com", false), ("", false), (".", false), ("*.openai.com", false),
            ("a..openai.com", false), ("-a.openai.com", false), ("a,DNS:evil.example.openai.com", false),
            ("127.0.0.1", false), ("::1", false), ("0x7f.1", false), ("2130706433", false),
            ("\u{212A}elvin.openai.com", false), (String(repeating: "a", count: 64) + ".openai.com", false),
            (String(repeating: "a.", count: 122) + "openai.com", false),
        ])
    func permits(host: String, isPermitted: Bool) throws {
        let authority = try folder.makeAuthority(permitting: ["openai.com", "bedrock.example"])
        #expect(authority.permits(host: host) == isPermitted)
        if isPermitted {
            let minted = try authority.mint(host: host, lifetime: .seconds(60), protocols: []).host
            #expect(host.lowercased().hasPrefix(minted))
        } else {
            #expect(throws: CertificateFailure.self) {
                try authority.mint(host: host, lifetime: .seconds(60), protocols: [])
            }
        }
    }

    @Test("names are taken in any case and with a dot in front, and each once")
    func normalisesNames() throws {
        let authority = try folder.makeAuthority(permitting: [".OpenAI.com", "openai.com", "internal"])
        #expect(authority.permittedNames == ["openai.com", "internal"])
        #expect(authority.isConstrained)
    }

    @Test(
        "a CA for no names, for everything, for addresses or for nonsense is not made",
        arguments: [
            [], ["*"], ["*.openai.com"], ["192.0.2.1"], [""], ["a b"], ["a,permitted;DNS:b"], ["openai.com", ".."],
        ])
    func refusesNames(names: [String]) throws {
        let failure = #expect(throws: CertificateFailure.self) {
            try CertificateAuthority.create(folder.authorityFiles, permittedNames: names)
        }
        switch failure {
        case .noNames: #expect(names.isEmpty)
        case .invalidName(let name): #expect(names.contains(name))
        default: Issue.record("\(String(describing: failure))")
        }
        #expect(try folder.entryCount() == 0)
    }

    // MARK: Leaves

    @Test("a leaf says what a leaf has to say, and comes with the intermediate but without the root")
    func mints() throws {
        let authority = try folder.makeAuthority()
        let now = UTCDate.now().seconds
        let context = try authority.mint(
            host: "API.example.com", lifetime: .seconds(3600), protocols: ["http/1.1"], now: now)
        #expect(context.host == "api.example.com")
        let client = try connect(to: context)
        let leaf = try #require(client.peerCertificate)
        #expect(leaf.validFromSeconds == now - 3600)
        #expect(leaf.expiresAtSeconds == now + 3600)
        #expect(context.expiresAtSeconds == now + 3600)
        #expect(client.peerSubjects == ["CN=api.example.com", authority.subject])
        let text = client.peerText
        for words in [
            "DNS:api.example.com\n", "TLS Web Server Authentication\n", "Digital Signature\n", "CA:FALSE",
            "X509v3 Authority Key Identifier", "ecdsa-with-SHA256", "prime256v1",
        ] {
            #expect(text.contains(words), "\(words) in \(text)")
        }
        #expect(leaf.isStrictlyGood(under: try Certificate.readAll(path: folder.authorityFiles.root)[0], authority))
    }

    @Test("two leaves for one host have different serial numbers and one key")
    func mintsApart() throws {
        let authority = try folder.makeAuthority()
        let texts = try (0..<2).map { _ in
            try connect(
                to: authority.mint(host: "api.example.com", lifetime: .seconds(60), protocols: [])
            ).peerText
        }
        let lines = texts.map { $0.split(separator: "\n").map(String.init) }
        let serials = try lines.map { lines in
            try #require(lines.firstIndex { $0.contains("Serial Number") }.map { lines[$0 + 1] })
        }
        #expect(serials[0] != serials[1])
        // Sixteen bytes in hexadecimal with colons; a leading zero byte is rare, and not written.
        #expect(serials[0].split(separator: ":").count >= 14)
        let keys = lines.map { lines in lines.drop { !$0.contains("pub:") }.prefix(6) }
        #expect(keys[0] == keys[1])
    }

    @Test("a host name that is too long for a common name is in the alternative name alone")
    func mintsLongNames() throws {
        let authority = try folder.makeAuthority()
        let host = String(repeating: "a", count: 60) + ".example.com"
        let client = try connect(to: authority.mint(host: host, lifetime: .seconds(60), protocols: []))
        #expect(client.peerText.contains("Subject Alternative Name: critical"))
        #expect(client.peerSubjects.first == "")
        let leaf = try #require(client.peerCertificate)
        #expect(leaf.isStrictlyGood(under: try Certificate.readAll(path: folder.authorityFiles.root)[0], authority))
    }

    @Test("a leaf does not outlive its intermediate", arguments: [1_000_000_000_000, Int64.max])
    func boundsLifetime(seconds: Int64) throws {
        let authority = try folder.makeAuthority()
        let context = try authority.mint(host: "api.example.com", lifetime: .seconds(seconds), protocols: [])
        #expect(context.expiresAtSeconds == authority.expiresAtSeconds)
    }

    @Test("nothing is minted once the intermediate has expired")
    func stopsAtExpiry() throws {
        let authority = try folder.makeAuthority()
        #expect(
            throws: CertificateFailure.expired(
                path: folder.authorityFiles.certificate, subject: authority.subject,
                atSeconds: authority.expiresAtSeconds)
        ) {
            try authority.mint(
                host: "api.example.com", lifetime: .seconds(60), protocols: [], now: authority.expiresAtSeconds)
        }
    }

    // MARK: Reading what is there

    @Test("files that are missing are named")
    func explainsMissing() throws {
        let files = folder.authorityFiles
        #expect(
            throws: CertificateFailure.unreadable(path: files.certificate, reason: "No such file or directory")
        ) { try load() }
        _ = try folder.makeAuthority()
        try folder.write("", to: "empty", mode: 0o600)
        #expect(throws: CertificateFailure.unreadable(path: folder.file("x"), reason: "No such file or directory")) {
            try CertificateAuthority(certificatePath: files.certificate, keyPath: folder.file("x"))
        }
    }

    @Test("a key that others may read is refused", arguments: [0o644, 0o640, 0o604, 0o660, 0o440])
    func refusesExposedKey(mode: UInt32) throws {
        _ = try folder.makeAuthority()
        let path = folder.authorityFiles.key
        let text = try folder.text(of: path)
        try folder.write(text, to: "ca.key", mode: mode)
        if mode == 0o440 && folder.isOwnedByRoot(path) {
            // How systemd hands credentials to a service.
            #expect(throws: Never.self) { try load() }
        } else {
            #expect(throws: CertificateFailure.exposedKey(path: path, mode: mode)) { try load() }
        }
    }

    @Test("keys that cannot be used are explained")
    func explainsKeys() throws {
        _ = try folder.makeAuthority()
        let path = folder.authorityFiles.key
        let good = try folder.text(of: path)

        for text in ["", "hello", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
            try folder.write(text, to: "ca.key")
            #expect(throws: CertificateFailure.noKey(path: path)) { try load() }
        }
        let middle = good.count / 2
        let broken = [
            String(good.prefix(middle)), String(good.prefix(middle)) + "\n-----END PRIVATE KEY-----\n",
            "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n", "-----BEGIN PRIVATE KEY-----",
            good.replacing("M", with: "!"),
        ]
        for text in broken {
            try folder.write(text, to: "ca.key")
            let failure = #expect(throws: CertificateFailure.self) { try load() }
            guard case .malformedKey(path, _)? = failure else {
                Issue.record("\(String(describing: failure)) for \(text.count) bytes")
                continue
            }
        }
        try folder.write(Identity.pemOfRSA(2048, passPhrase: "secret"), to: "ca.key")
        #expect(throws: CertificateFailure.encryptedKey(path: path)) { try load() }
        // The older form, where only a header says so.
        try folder.write(
            "-----BEGIN RSA PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,"
                + "00000000000000000000000000000000\n\nAAAA\n-----END RSA PRIVATE KEY-----\n", to: "ca.key")
        #expect(throws: CertificateFailure.encryptedKey(path: path)) { try load() }
        try folder.write(Identity.pemOfRSA(2048), to: "ca.key")
        #expect(
            throws: CertificateFailure.keyMismatch(
                certificatePath: folder.authorityFiles.certificate, keyPath: path)
        ) { try load() }
    }

    @Test("certificates that may not sign are refused with the reason")
    func refusesOthers() throws {
        let path = folder.authorityFiles.certificate
        let root = try Identity.make(.init(commonName: "root", isAuthority: true))

        let noAuthority = "it is no CA certificate (basicConstraints CA:TRUE, keyCertSign)"
        try write(Identity.make(.init(commonName: "leaf"), issuer: root))
        #expect(throws: CertificateFailure.notAuthority(path: path, subject: "CN=leaf", reason: noAuthority)) {
            try load()
        }

        var wishes = Identity.Wishes(commonName: "mail", isAuthority: true)
        wishes.extensions = [.init(number: NID_ext_key_usage, words: "emailProtection")]
        try write(Identity.make(wishes, issuer: root))
        #expect(
            throws: CertificateFailure.notAuthority(
                path: path, subject: "CN=mail", reason: "its extended key usage leaves out serverAuth")
        ) { try load() }

        wishes = Identity.Wishes(commonName: "signs nothing", isAuthority: true)
        wishes.extensions = [.init(number: NID_key_usage, words: "critical,digitalSignature")]
        try write(Identity.make(wishes, issuer: root))
        #expect(
            throws: CertificateFailure.notAuthority(path: path, subject: "CN=signs nothing", reason: noAuthority)
        ) { try load() }

        wishes = Identity.Wishes(commonName: "old", validFrom: -7200, validFor: -60, isAuthority: true)
        let old = try Identity.make(wishes, issuer: root)
        try write(old)
        #expect(
            throws: CertificateFailure.expired(
                path: path, subject: "CN=old", atSeconds: old.certificate.expiresAtSeconds)
        ) { try load() }

        wishes = Identity.Wishes(commonName: "early", validFrom: 3600, isAuthority: true)
        let early = try Identity.make(wishes, issuer: root)
        try write(early)
        #expect(
            throws: CertificateFailure.notYetValid(
                path: path, subject: "CN=early", atSeconds: early.certificate.validFromSeconds)
        ) { try load() }

        wishes = Identity.Wishes(commonName: "weak", isAuthority: true, rsaBits: 1024)
        try write(Identity.make(wishes, issuer: root))
        #expect(throws: CertificateFailure.weakKey(path: folder.authorityFiles.key)) { try load() }

        let middle = try Identity.make(.init(commonName: "middle", isAuthority: true), issuer: root)
        let stranger = try Identity.make(.init(commonName: "stranger", isAuthority: true))
        try write(middle, chain: [stranger.certificate, root.certificate])
        #expect(
            throws: CertificateFailure.brokenChain(path: path, subject: "CN=middle", next: "CN=stranger")
        ) { try load() }
    }

    @Test("a company's RSA intermediate without name constraints works, its whole chain but the root is sent")
    func usesCorporateIntermediate() throws {
        let root = try Identity.make(.init(commonName: "corp root", isAuthority: true, rsaBits: 2048))
        let policy = try Identity.make(.init(commonName: "corp policy", isAuthority: true), issuer: root)
        let issuing = try Identity.make(
            .init(commonName: "corp issuing", isAuthority: true, rsaBits: 2048), issuer: policy)
        try write(issuing, chain: issuing.chain)
        let authority = try load()
        #expect(authority.permittedNames == [])
        #expect(authority.isConstrained == false)
        #expect(authority.subject == "CN=corp issuing")
        #expect(authority.permits(host: "anything.example"))
        #expect(authority.permits(host: "192.0.2.1") == false)
        let context = try authority.mint(host: "anything.example", lifetime: .seconds(60), protocols: ["http/1.1"])
        #expect(
            try connect(to: context).peerSubjects == ["CN=anything.example", "CN=corp issuing", "CN=corp policy"])

        let pair = try SocketPair()
        var server = try TLSSession(serverContext: context, descriptor: pair.server)
        var client = try TLSSession(
            clientContext: TLSClientContext(trust: TrustStore(certificates: [root.certificate], path: "test")),
            descriptor: pair.client, peerName: "anything.example")
        #expect(handshake(&client, &server) == (.done(0), .done(0)))
    }

    @Test("the constraints of every certificate in the chain count")
    func heedsWholeChain() throws {
        var wishes = Identity.Wishes(commonName: "policy", isAuthority: true)
        wishes.extensions = [
            .init(
                number: NID_name_constraints, words: "critical,permitted;DNS:corp.example,excluded;DNS:no.corp.example")
        ]
        let root = try Identity.make(.init(commonName: "root", isAuthority: true))
        let policy = try Identity.make(wishes, issuer: root)
        let issuing = try Identity.make(.init(commonName: "issuing", isAuthority: true), issuer: policy)
        try write(issuing, chain: issuing.chain)
        let authority = try load()
        #expect(authority.permittedNames == ["corp.example"])
        #expect(authority.permits(host: "llm.corp.example"))
        #expect(authority.permits(host: "x.no.corp.example") == false)
        #expect(authority.permits(host: "api.openai.com") == false)
        #expect(throws: CertificateFailure.hostNotPermitted("api.openai.com")) {
            try authority.mint(host: "api.openai.com", lifetime: .seconds(60), protocols: [])
        }
    }

    @Test(
        "a chain with constraints of unusual kinds is judged by OpenSSL",
        arguments: [
            ("permitted;DNS:.corp.example", "llm.corp.example", true),
            ("permitted;DNS:.corp.example", "corp.example", false),
            ("permitted;DNS:corp.example", "corp.example", true),
            ("permitted;DNS:CORP.example", "a.corp.example", true),
            ("permitted;email:corp.example,excluded;IP:0.0.0.0/0.0.0.0", "a.example", true),
            ("excluded;dirName:everybody", "a.example", false),
        ])
    func heedsUnusual(constraint: String, host: String, isPermitted: Bool) throws {
        var wishes = Identity.Wishes(commonName: "policy", isAuthority: true)
        // OpenSSL's words for a directory name need a file; the bytes here exclude all that begin with nothing.
        wishes.extensions = [
            constraint.contains("dirName")
                ? .init(number: NID_name_constraints, words: "DER:30:08:A1:06:30:04:A4:02:30:00")
                : .init(number: NID_name_constraints, words: "critical," + constraint)
        ]
        let root = try Identity.make(.init(commonName: "root", isAuthority: true))
        let policy = try Identity.make(wishes, issuer: root)
        let issuing = try Identity.make(.init(commonName: "issuing", isAuthority: true), issuer: policy)
        try write(issuing, chain: issuing.chain)
        #expect(try load().permits(host: host) == isPermitted)
    }

    @Test("an Ed25519 CA, which takes no digest, signs as well")
    func usesEdwardsCurve() throws {
        try folder.write(
            """
            -----BEGIN PRIVATE KEY-----
            MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g
            -----END PRIVATE KEY-----

            """, to: "ed.key")
        let key = try PrivateKey.read(path: folder.file("ed.key"))
        let now = UTCDate.now().seconds
        let certificate = try CertificateDraft(
            subject: [("CN", "ed")], validFromSeconds: now - 60, expiresAtSeconds: now + 3600,
            extensions: [.init(number: NID_basic_constraints, words: "critical,CA:TRUE")]
        ).sign(for: key, issuer: nil, issuerKey: key)
        try write(Identity(certificate: certificate, key: key))
        let context = try load().mint(host: "a.example", lifetime: .seconds(60), protocols: [])
        // The self-signed CA is the root, and is not sent.
        #expect(try connect(to: context).peerSubjects == ["CN=a.example"])
    }

    @Test("every failure is a sentence that names the file")
    func explainsAll() {
        let failures: [CertificateFailure] = [
            .unreadable(path: "/p", reason: "r"), .unwritable(path: "/p", reason: "r"), .exists(path: "/p"),
            .noSystemTrust(paths: ["/p"]), .noCertificate(path: "/p"),
            .malformedCertificate(path: "/p", position: 2, reason: "r"), .noKey(path: "/p"),
            .malformedKey(path: "/p", reason: "r"), .encryptedKey(path: "/p"), .exposedKey(path: "/p", mode: 0o644),
            .keyMismatch(certificatePath: "/c", keyPath: "/p"),
            .notAuthority(path: "/p", subject: "CN=x", reason: "r"),
            .expired(path: "/p", subject: "CN=x", atSeconds: 1_769_860_800),
            .notYetValid(path: "/p", subject: "CN=x", atSeconds: 0), .weakKey(path: "/p"),
            .brokenChain(path: "/p", subject: "CN=x", next: "CN=y"), .rootKeyMismatch(rootPath: "/r", keyPath: "/p"),
            .foreignAuthority(path: "/p", subject: "CN=x"),
        ]
        for failure in failures { #expect(failure.description.contains("/p")) }
        #expect(failures[9].description.contains("mode 644"))
        #expect(failures[12].description == "/p: CN=x expired on 2026-01-31 12:00:00 UTC")
    }
}

extension TemporaryFolder {
    /// Whether a file belongs to root and root's group, as what systemd hands out does.
    func isOwnedByRoot(_ path: String) -> Bool {
        guard let owner = try? owner(of: path) else { return false }
        return owner == (0, 0)
    }
}

extension Certificate {
    /// Whether OpenSSL finds this leaf good with every check of RFC 5280 it knows, as Python 3.13 asks for.
    func isStrictlyGood(under root: Certificate, _ authority: CertificateAuthority) -> Bool {
        let store = unsafe X509_STORE_new()
        let verification = unsafe X509_STORE_CTX_new()
        defer {
            unsafe X509_STORE_CTX_free(verification)
            unsafe X509_STORE_free(store)
        }
        let others = unsafe OPENSSL_sk_new_null()
        defer { unsafe OPENSSL_sk_free(others) }
        return unsafe withPointer { leaf in
            unsafe root.withPointer { root in
                unsafe authority.certificate.withPointer { intermediate in
                    unsafe X509_STORE_add_cert(store, root)
                    unsafe OPENSSL_sk_push(others, UnsafeRawPointer(intermediate))
                    unsafe X509_STORE_CTX_init(verification, store, leaf, others)
                    unsafe X509_STORE_CTX_set_flags(verification, UInt(X509_V_FLAG_X509_STRICT))
                    unsafe X509_STORE_CTX_set_purpose(verification, X509_PURPOSE_SSL_SERVER)
                    return unsafe X509_verify_cert(verification) == 1
                }
            }
        }
    }
}
