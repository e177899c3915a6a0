import COpenSSL
import Testing

@testable import Proxy

@Suite("Verification of an upstream")
struct TLSVerificationTests {
    /// What a client that trusts `anchor` thinks of a server that shows `identity`.
    private func connect(
        to identity: Identity, trusting anchor: Certificate, as peerName: String = "api.example.com"
    ) throws -> TLSAttempt {
        let pair = try SocketPair()
        var server = try RawPeer(server: pair.server, identity)
        var client = try TLSSession(
            clientContext: TLSClientContext(trust: TrustStore(certificates: [anchor], path: "test")),
            descriptor: pair.client, peerName: peerName)
        return handshake(&client, &server).client
    }

    private func makeRoot(_ change: (inout Identity.Wishes) -> Void = { _ in }) throws -> Identity {
        var wishes = Identity.Wishes(commonName: "test root", isAuthority: true)
        change(&wishes)
        return try Identity.make(wishes)
    }

    @Test(
        "a certificate is good for the names it lists",
        arguments: [
            ("DNS:api.example.com", "api.example.com"), ("DNS:api.example.com", "API.Example.COM."),
            ("DNS:*.example.com", "api.example.com"), ("IP:192.0.2.7", "192.0.2.7"),
            ("IP:2001:db8::7", "2001:db8:0::7"),
        ])
    func acceptsNames(listed: String, dialled: String) throws {
        let root = try makeRoot()
        let identity = try Identity.make(.init(names: [listed]), issuer: root)
        #expect(try connect(to: identity, trusting: root.certificate, as: dialled) == .done(0))
    }

    @Test(
        "and for no other",
        arguments: [
            ("DNS:api.example.org", "api.example.com"), ("DNS:example.com", "api.example.com"),
            ("DNS:*.example.com", "example.com"), ("DNS:*.example.com", "a.api.example.com"),
            ("DNS:a*.example.com", "api.example.com"), ("DNS:*.com", "api.example.com"),
            ("DNS:192.0.2.7", "192.0.2.7"), ("IP:192.0.2.7", "192.0.2.8"), ("IP:192.0.2.7", "api.example.com"),
            // The common name, which is "test", counts for nothing even without another name.
            ("email:a@example.com", "test"),
        ])
    func refusesNames(listed: String, dialled: String) throws {
        let root = try makeRoot()
        let identity = try Identity.make(.init(names: [listed]), issuer: root)
        #expect(
            try connect(to: identity, trusting: root.certificate, as: dialled).failureKind == .certificateName)
    }

    @Test("a server name is sent for names, and none for addresses")
    func sendsServerName() throws {
        let folder = try TemporaryFolder()
        let authority = try folder.makeAuthority()
        for (name, sent) in [("api.example.com.", "api.example.com"), ("192.0.2.7", nil), ("2001:db8::1", nil)] {
            let pair = try SocketPair()
            var server = try TLSSession(
                serverContext: authority.mint(host: "api.example.com", lifetime: .seconds(60), protocols: []),
                descriptor: pair.server)
            var client = try TLSSession(
                clientContext: folder.clientContext(), descriptor: pair.client, peerName: name)
            _ = handshake(&client, &server)
            #expect(server.serverName == sent)
        }
    }

    @Test("an expired certificate is refused")
    func refusesExpired() throws {
        let root = try makeRoot()
        let identity = try Identity.make(.init(validFrom: -7200, validFor: -3600), issuer: root)
        #expect(try connect(to: identity, trusting: root.certificate).failureKind == .certificateExpired)
    }

    @Test("a certificate under an expired root is refused")
    func refusesExpiredRoot() throws {
        let root = try makeRoot { $0.validFor = -60 }
        let identity = try Identity.make(.init(), issuer: root)
        #expect(try connect(to: identity, trusting: root.certificate).failureKind == .certificateExpired)
    }

    @Test("a certificate of the future is refused")
    func refusesFuture() throws {
        let root = try makeRoot()
        let identity = try Identity.make(.init(validFrom: 3600), issuer: root)
        #expect(try connect(to: identity, trusting: root.certificate).failureKind == .certificateNotYetValid)
    }

    @Test("a self-signed certificate is refused, unless it is the one the trust file holds")
    func refusesSelfSigned() throws {
        let identity = try Identity.make(.init())
        #expect(
            try connect(to: identity, trusting: makeRoot().certificate).failureKind == .certificateSelfSigned)
        #expect(try connect(to: identity, trusting: identity.certificate) == .done(0))
    }

    @Test("a root that nobody trusts is refused, sent along or not, under the trusted one's name or not")
    func refusesUntrusted() throws {
        let trusted = try makeRoot()
        let other = try makeRoot { $0.commonName = "another root" }
        var identity = try Identity.make(.init(), issuer: other)
        #expect(try connect(to: identity, trusting: trusted.certificate).failureKind == .certificateUntrusted)
        identity.chain = []
        #expect(try connect(to: identity, trusting: trusted.certificate).failureKind == .certificateUntrusted)
        let namesake = try Identity.make(.init(), issuer: makeRoot())
        #expect(try connect(to: namesake, trusting: trusted.certificate).failureKind == .certificateUntrusted)
    }

    @Test("an end certificate may not sign another")
    func refusesEndAsIssuer() throws {
        let root = try makeRoot()
        let middle = try Identity.make(.init(commonName: "no CA"), issuer: root)
        let identity = try Identity.make(.init(), issuer: middle)
        #expect(try connect(to: identity, trusting: root.certificate).failureKind == .certificateUntrusted)
    }

    @Test("a certificate for clients is no certificate for servers")
    func refusesPurpose() throws {
        let root = try makeRoot()
        let identity = try Identity.make(
            .init(extensions: [.init(number: NID_ext_key_usage, words: "clientAuth")]), issuer: root)
        #expect(try connect(to: identity, trusting: root.certificate).failureKind == .certificateUntrusted)
    }

    @Test("weak keys and SHA-1 are refused")
    func refusesWeak() throws {
        let root = try makeRoot()
        let weakLeaf = try Identity.make(.init(rsaBits: 1024), issuer: root)
        #expect(try connect(to: weakLeaf, trusting: root.certificate).failureKind == .certificateWeak)

        let weakRoot = try makeRoot { $0.rsaBits = 1024 }
        let underWeakRoot = try Identity.make(.init(), issuer: weakRoot)
        #expect(
            try connect(to: underWeakRoot, trusting: weakRoot.certificate).failureKind == .certificateWeak)

        let rsaRoot = try makeRoot { $0.rsaBits = 2048 }
        let sha1Leaf = try Identity.make(.init(isSHA1: true), issuer: rsaRoot)
        #expect(try connect(to: sha1Leaf, trusting: rsaRoot.certificate).failureKind == .certificateWeak)

        let rsaLeaf = try Identity.make(.init(rsaBits: 2048), issuer: rsaRoot)
        #expect(try connect(to: rsaLeaf, trusting: rsaRoot.certificate) == .done(0))
    }

    @Test(
        "what the intermediate's key signs outside its names is worth nothing",
        arguments: [
            ("DNS:api.example.com", "api.example.com", nil), ("DNS:example.com", "example.com", nil),
            ("DNS:api.example.org", "api.example.org", .certificateUntrusted),
            ("DNS:notexample.com", "notexample.com", .certificateUntrusted),
            ("DNS:*.example.org", "api.example.org", .certificateUntrusted),
            ("IP:192.0.2.7", "192.0.2.7", .certificateUntrusted),
            ("IP:2001:db8::7", "2001:db8::7", .certificateUntrusted),
            ("DNS:api.example.com,IP:127.0.0.1", "api.example.com", .certificateUntrusted),
        ] as [(String, String, TLSFailure.Kind?)])
    func confinesIntermediate(listed: String, dialled: String, failure: TLSFailure.Kind?) throws {
        let folder = try TemporaryFolder()
        let files = folder.authorityFiles
        let made = try CertificateAuthority.create(files, permittedNames: ["example.com"])
        let thief = Identity(certificate: made.intermediate, key: try PrivateKey.read(path: files.key))
        let stolen = try Identity.make(.init(commonName: "thief", names: [listed]), issuer: thief)
        #expect(try connect(to: stolen, trusting: made.root, as: dialled).failureKind == failure)
    }

    @Test("the intermediate may sign no further authority")
    func confinesDepth() throws {
        let folder = try TemporaryFolder()
        let files = folder.authorityFiles
        let made = try CertificateAuthority.create(files, permittedNames: ["example.com"])
        let thief = Identity(certificate: made.intermediate, key: try PrivateKey.read(path: files.key))
        let below = try Identity.make(.init(commonName: "below", isAuthority: true), issuer: thief)
        let stolen = try Identity.make(.init(), issuer: below)
        #expect(try connect(to: stolen, trusting: made.root).failureKind == .certificateUntrusted)
    }

    @Test("the detail of a failure is OpenSSL's sentence")
    func explains() throws {
        let root = try makeRoot()
        let identity = try Identity.make(.init(names: ["DNS:other.example"]), issuer: root)
        #expect(
            try connect(to: identity, trusting: root.certificate)
                == .failed(TLSFailure(kind: .certificateName, detail: "hostname mismatch")))
    }

    @Test("a trust file that is missing, empty or broken says so with its path")
    func explainsTrustFiles() throws {
        let folder = try TemporaryFolder()
        #expect(
            throws: CertificateFailure.unreadable(path: folder.file("none"), reason: "No such file or directory")
        ) { try TrustStore(.file(folder.file("none"))) }
        #expect(throws: CertificateFailure.unreadable(path: folder.path, reason: "not a regular file")) {
            try TrustStore(.file(folder.path))
        }
        for text in ["", "hello\n", "-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----\n"] {
            let path = try folder.write(text, to: "empty.pem")
            #expect(throws: CertificateFailure.noCertificate(path: path)) { try TrustStore(.file(path)) }
        }
        let good = try Identity.make(.init()).certificate.pem
        let broken = [
            "-----BEGIN CERTIFICATE-----\n!!!!\n-----END CERTIFICATE-----\n",
            "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", String(good.prefix(good.count / 2)),
        ]
        for text in broken {
            let path = try folder.write(good + text, to: "broken.pem")
            let failure = #expect(throws: CertificateFailure.self) { try TrustStore(.file(path)) }
            guard case .malformedCertificate(path, 2, _)? = failure else {
                Issue.record("\(String(describing: failure)) for \(text)")
                continue
            }
        }
    }

    @Test("the system's roots are read when there are any")
    func readsSystem() throws {
        guard TrustSource.system.path != nil else { return }
        #expect(try TrustStore(.system).certificateCount > 10)
    }
}
