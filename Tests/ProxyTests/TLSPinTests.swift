import COpenSSL
import Policy
import Testing

@testable import Proxy

@Suite("TLS with hosts that have something of their own")
struct TLSPinTests {
    private let root: Identity
    private let middle: Identity
    private let leaf: Identity

    init() throws {
        root = try Identity.make(.init(commonName: "test root", isAuthority: true))
        middle = try Identity.make(.init(commonName: "test middle", isAuthority: true), issuer: root)
        leaf = try Identity.make(.init(), issuer: middle)
    }

    private func pin(_ identity: Identity) throws -> KeyPin { try #require(identity.certificate.keyPin) }

    private func connect(
        _ pins: [KeyPin], to identity: Identity? = nil, trusting anchor: Identity? = nil,
        as peerName: String = "api.example.com", versionMax: Int32 = TLS1_3_VERSION
    ) throws -> TLSAttempt {
        let pair = try SocketPair()
        var settings = RawPeer.Settings()
        settings.versionMax = versionMax
        var server = try RawPeer(server: pair.server, identity ?? leaf, settings)
        let store = try TrustStore(certificates: [(anchor ?? root).certificate], path: "test")
        var client = try TLSSession(
            clientContext: TLSClientContext(trust: store, pins: pins), descriptor: pair.client, peerName: peerName)
        return handshake(&client, &server).client
    }

    @Test("any pinned key of the verified chain will do", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func accepts(version: Int32) throws {
        let stranger = try pin(Identity.make(.init()))
        for held in [leaf, middle, root] {
            #expect(try connect([stranger, pin(held)], versionMax: version) == .done(0))
        }
        #expect(try connect([], versionMax: version) == .done(0))
    }

    @Test("without one the handshake fails", arguments: [TLS1_2_VERSION, TLS1_3_VERSION])
    func refuses(version: Int32) throws {
        #expect(try connect([pin(Identity.make(.init()))], versionMax: version).failureKind == .certificatePin)
    }

    @Test("a certificate that is only sent along counts for nothing")
    func sentAlong() throws {
        let other = try Identity.make(.init(commonName: "other root", isAuthority: true))
        var padded = leaf
        padded.chain.append(other.certificate)
        #expect(try connect([pin(other)], to: padded).failureKind == .certificatePin)
        // The chain ends where trust begins: with the middle as anchor the root is not a part of it.
        #expect(try connect([pin(root)], trusting: middle).failureKind == .certificatePin)
    }

    @Test("a pin excuses no other fault")
    func excusesNothing() throws {
        let stranger = try Identity.make(.init(commonName: "stranger", isAuthority: true))
        #expect(try connect([pin(leaf)], trusting: stranger).failureKind == .certificateUntrusted)
        #expect(try connect([pin(leaf)], as: "www.example.com").failureKind == .certificateName)
        let expired = try Identity.make(.init(validFrom: -7200, validFor: -3600), issuer: root)
        #expect(try connect([pin(expired)], to: expired).failureKind == .certificateExpired)
    }

    @Test("a pin is the digest of the public key as RFC 7469 has it, and reads back")
    func format() throws {
        // Appendix A.
        let text = "sha256/d6qzRu9zOECb90Uez27xWltNsj0e1Md7GkYYkVoZWmM="
        let pin = try KeyPin.parse(text)
        #expect(pin.description == text && pin.digest.count == 32 && pin.digest.prefix(3) == [0x77, 0xAA, 0xB3])
        var random = SplitMix(state: 1)
        for _ in 0..<100 {
            let made = try #require(KeyPin(digest: (0..<32).map { _ in UInt8(truncatingIfNeeded: random.next()) }))
            #expect(try KeyPin.parse(made.description) == made)
        }
        // The key alone counts: another certificate of the same key has the same pin.
        let draft = CertificateDraft(
            subject: [("CN", "renewed")], validFromSeconds: 0, expiresAtSeconds: 4_000_000_000, extensions: [])
        let renewed = try draft.sign(for: leaf.key, issuer: root.certificate, issuerKey: root.key)
        #expect(try renewed.keyPin == self.pin(leaf) && renewed.fingerprint != leaf.certificate.fingerprint)
    }

    // MARK: Client certificates

    @Test("an identity is refused when its parts do not fit")
    func misfit() throws {
        func make(_ certificates: [Certificate], _ key: PrivateKey) throws(CertificateFailure) {
            _ = try ClientIdentity(certificates: certificates, certificatePath: "c", key: key, keyPath: "k")
        }
        try make([leaf.certificate], leaf.key)
        try make([leaf.certificate, middle.certificate, root.certificate], leaf.key)
        #expect(throws: CertificateFailure.keyMismatch(certificatePath: "c", keyPath: "k")) {
            try make([leaf.certificate], root.key)
        }
        #expect(throws: CertificateFailure.brokenChain(path: "c", subject: "CN=test", next: "CN=test root")) {
            try make([leaf.certificate, root.certificate, middle.certificate], leaf.key)
        }
        let weak = try Identity.make(.init(rsaBits: 1024))
        #expect(throws: CertificateFailure.weakKey(path: "k")) { try make([weak.certificate], weak.key) }
        #expect(throws: CertificateFailure.noCertificate(path: "c")) { try make([], leaf.key) }
    }

    // MARK: Contexts

    @Test("each row has a context of its own, and a host gets the same one always")
    func contexts() async throws {
        let folder = try TemporaryFolder()
        var upstream = Config(baseDirectory: folder.path).upstream
        upstream.trust = .file(try folder.write(root.certificate.pem, to: "root.pem"))
        var pinned = UpstreamTLSRow()
        pinned.hosts = [try HostPattern.parse("*.example.com", defaultPort: nil)]
        pinned.pins = [try pin(leaf)]
        var separate = UpstreamTLSRow()
        separate.hosts = [try HostPattern.parse("api.example.org:443", defaultPort: nil)]
        separate.trustPath = upstream.trust == .system ? nil : folder.file("root.pem")
        upstream.tls = [pinned, separate]
        var config = Config(baseDirectory: folder.path)
        config.upstream = upstream
        let trust = try UpstreamTrust(loading: upstream, files: UpstreamFiles(config))
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            let waiter = Waiter(loop: loop)
            func context(_ host: String, _ port: UInt16 = 443) async throws -> TLSClientContext {
                try await trust.context(for: host, port: port, waiter)
            }
            let common = try await context("example.com")
            let first = try await context("a.example.com")
            let second = try await context("api.example.org")
            #expect(common !== first && common !== second && first !== second)
            #expect(try await context("b.example.com") === first)
            #expect(try await context("api.example.org") === second)
            #expect(try await context("api.example.org", 8443) === common)
        }
    }
}
