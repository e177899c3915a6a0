import COpenSSL
import Glibc
import Testing

@testable import Proxy

@Suite("Making a certificate authority")
struct CertificateAuthorityCreationTests {
    let folder: TemporaryFolder
    let files: CertificateAuthority.Files

    init() throws {
        folder = try TemporaryFolder()
        files = CertificateAuthority.Files(
            certificate: folder.file("certs/deep/ca.pem"), key: folder.file("certs/deep/ca.key"),
            root: folder.file("certs/root.pem"), rootKey: folder.file("offline/root.key"))
    }

    private var discardingFiles: CertificateAuthority.Files {
        .init(certificate: files.certificate, key: files.key, root: files.root)
    }

    private func load() throws -> CertificateAuthority {
        try CertificateAuthority(certificatePath: files.certificate, keyPath: files.key)
    }

    /// Whether a client that trusts the root file completes a handshake.
    private func isTrusted(_ root: Certificate, host: String = "api.example.com") throws -> Bool {
        let pair = try SocketPair()
        var server = try TLSSession(
            serverContext: load().mint(host: host, lifetime: .seconds(60), protocols: []), descriptor: pair.server)
        var client = try TLSSession(
            clientContext: TLSClientContext(trust: TrustStore(certificates: [root], path: "test")),
            descriptor: pair.client, peerName: host)
        return handshake(&client, &server) == (.done(0), .done(0))
    }

    @Test("keys are for their owner, certificates for everybody, and folders are made")
    func writesModes() throws {
        let made = try CertificateAuthority.create(files, permittedNames: ["example.com"])
        #expect(made.isRootNew)
        #expect(try folder.mode(of: files.key) == 0o600)
        #expect(try folder.mode(of: #require(files.rootKey)) == 0o600)
        #expect(try folder.mode(of: files.certificate) == 0o644)
        #expect(try folder.mode(of: files.root) == 0o644)
        #expect(try isTrusted(made.root))
        #expect(try folder.text(of: files.key).hasPrefix("-----BEGIN PRIVATE KEY-----\n"))
    }

    @Test("the root's key is nowhere unless a place is named for it")
    func discardsRootKey() throws {
        _ = try CertificateAuthority.create(discardingFiles, permittedNames: ["example.com"])
        // The folder "certs", and nothing beside it.
        #expect(try folder.entryCount() == 1)
        #expect(throws: CertificateFailure.self) {
            try PrivateKey.read(path: folder.file("offline/root.key"))
        }
    }

    @Test("root and intermediate say what they are")
    func describes() throws {
        let now = UTCDate.now().seconds
        let made = try CertificateAuthority.create(
            files, permittedNames: ["example.com", "example.org"], hostName: "web-7", now: now)
        let day = UTCDate(seconds: now).day
        #expect(made.root.subject == "CN=leo root CA\\, web-7\\, \(day),O=leo")
        #expect(made.intermediate.subject == "CN=leo intermediate CA\\, web-7\\, \(day),O=leo")
        #expect(made.root.isSelfSigned)
        #expect(made.intermediate.isIssued(by: made.root))
        #expect(made.root.validFromSeconds == now - 3600)
        #expect((3650...3653).contains((made.root.expiresAtSeconds - now) / 86_400))
        #expect((729...732).contains((made.intermediate.expiresAtSeconds - now) / 86_400))
        let text = made.intermediate.text
        for words in [
            "X509v3 Basic Constraints: critical\n                CA:TRUE, pathlen:0",
            "X509v3 Key Usage: critical\n                Certificate Sign, CRL Sign",
            "X509v3 Extended Key Usage: \n                TLS Web Server Authentication",
            "X509v3 Name Constraints: critical", "DNS:example.com", "DNS:example.org", "IP:0.0.0.0/0.0.0.0",
            "IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0", "X509v3 Subject Key Identifier", "X509v3 Authority Key Identifier",
            "ecdsa-with-SHA256",
        ] {
            #expect(text.contains(words), "\(words) in \(text)")
        }
        #expect(made.root.text.contains("X509v3 Basic Constraints: critical\n                CA:TRUE\n"))
        let authority = try load()
        #expect(authority.fingerprint == made.intermediate.fingerprint)
        #expect(authority.fingerprint.count == 95)
        #expect(authority.expiresAtSeconds == made.intermediate.expiresAtSeconds)
        #expect(authority.permittedNames == ["example.com", "example.org"])
    }

    @Test("a long or odd host name is cut to fit")
    func cutsHostName() throws {
        let made = try CertificateAuthority.create(
            files, permittedNames: ["example.com"], hostName: String(repeating: "ü", count: 200))
        #expect(made.intermediate.subject.contains("leo intermediate CA"))
        #expect(try isTrusted(made.root))
    }

    @Test("what is there is never overwritten, and nothing new is left behind", arguments: 0..<4)
    func refusesToOverwrite(which: Int) throws {
        let name = ["ca.pem", "ca.key", "root.pem", "root.key"][which]
        let flat = CertificateAuthority.Files(
            certificate: folder.file("ca.pem"), key: folder.file("ca.key"), root: folder.file("root.pem"),
            rootKey: folder.file("root.key"))
        let path = try folder.write("precious", to: name)
        #expect(throws: CertificateFailure.exists(path: path)) {
            try CertificateAuthority.create(flat, permittedNames: ["example.com"])
        }
        #expect(try folder.text(of: path) == "precious")
        #expect(try folder.entryCount() == 1)
    }

    @Test("a link that leads nowhere is not written through")
    func refusesLinks() throws {
        let flat = folder.authorityFiles
        try #require(unsafe symlink(folder.file("elsewhere"), flat.key) == 0)
        #expect(throws: CertificateFailure.exists(path: flat.key)) {
            try CertificateAuthority.create(flat, permittedNames: ["example.com"])
        }
        #expect(!FileAccess.exists(folder.file("elsewhere")))
    }

    @Test("a file that appears at the last moment is left alone, and what was published before it is withdrawn")
    func losesRaces() throws {
        let path = folder.file("x")
        let file = try AtomicFile(path: path, mode: 0o600)
        try file.write("late")
        try folder.write("precious", to: "x")
        #expect(throws: CertificateFailure.exists(path: path)) { try file.publish(.refused) }
        #expect(try folder.text(of: path) == "precious")
    }

    @Test("a file that is not published leaves nothing")
    func leavesNothing() throws {
        do {
            let file = try AtomicFile(path: folder.file("x"), mode: 0o600)
            try file.write("half")
            #expect(try folder.entryCount() == 1)
        }
        #expect(try folder.entryCount() == 0)
    }

    @Test("one file cannot be two things")
    func refusesSameFile() throws {
        let same = CertificateAuthority.Files(
            certificate: folder.file("x"), key: folder.file("x"), root: folder.file("r"))
        #expect(throws: CertificateFailure.self) {
            try CertificateAuthority.create(same, permittedNames: ["example.com"])
        }
        #expect(try folder.entryCount() == 0)
    }

    @Test("a folder that cannot be made is named")
    func explainsFolders() throws {
        try folder.write("a file", to: "certs")
        #expect(
            throws: CertificateFailure.unwritable(path: folder.file("certs/deep"), reason: "Not a directory")
        ) { try CertificateAuthority.create(discardingFiles, permittedNames: ["example.com"]) }
    }

    // MARK: Rotation

    @Test("with the root's key at hand a rotation keeps the root, and clients notice nothing")
    func rotatesUnderRoot() throws {
        let first = try CertificateAuthority.create(files, permittedNames: ["example.com"])
        let second = try CertificateAuthority.rotate(files, permittedNames: ["example.com", "example.org"])
        #expect(!second.isRootNew)
        #expect(second.root.fingerprint == first.root.fingerprint)
        #expect(second.intermediate.fingerprint != first.intermediate.fingerprint)
        #expect(try Certificate.readAll(path: files.root).map(\.fingerprint) == [first.root.fingerprint])
        #expect(try isTrusted(first.root, host: "api.example.org"))
        #expect(try folder.mode(of: files.key) == 0o600)
    }

    @Test("without the root's key a rotation makes a new root, and says so")
    func rotatesWithRoot() throws {
        let first = try CertificateAuthority.create(discardingFiles, permittedNames: ["example.com"])
        let second = try CertificateAuthority.rotate(discardingFiles, permittedNames: ["example.com"])
        #expect(second.isRootNew)
        #expect(second.root.fingerprint != first.root.fingerprint)
        #expect(try isTrusted(second.root))
        #expect(try isTrusted(first.root) == false)
        // From now on with its key.
        let third = try CertificateAuthority.rotate(files, permittedNames: ["example.com"])
        #expect(third.isRootNew)
        let fourth = try CertificateAuthority.rotate(files, permittedNames: ["example.com"])
        #expect(!fourth.isRootNew)
        #expect(try isTrusted(third.root))
    }

    @Test("an intermediate does not outlive its root, and an expired root signs nothing")
    func boundsByRoot() throws {
        let now = UTCDate.now().seconds
        let made = try CertificateAuthority.create(
            files, permittedNames: ["example.com"], hostName: nil, now: now - 3600 * 86_400)
        let next = try CertificateAuthority.rotate(files, permittedNames: ["example.com"], hostName: nil, now: now)
        #expect(next.intermediate.expiresAtSeconds == made.root.expiresAtSeconds)
        #expect(throws: CertificateFailure.self) {
            try CertificateAuthority.rotate(
                files, permittedNames: ["example.com"], hostName: nil, now: made.root.expiresAtSeconds)
        }
    }

    @Test("a root key that belongs to another root is refused, and nothing is changed")
    func refusesOtherRootKey() throws {
        let first = try CertificateAuthority.create(discardingFiles, permittedNames: ["example.com"])
        let path = try #require(files.rootKey)
        let file = try AtomicFile(path: path, mode: 0o600)
        try PrivateKey.makeP256().write(to: file)
        try file.publish(.refused)
        #expect(throws: CertificateFailure.rootKeyMismatch(rootPath: files.root, keyPath: path)) {
            try CertificateAuthority.rotate(files, permittedNames: ["example.com"])
        }
        #expect(try load().fingerprint == first.intermediate.fingerprint)
    }

    @Test("a CA that leo did not make is not replaced")
    func refusesForeign() throws {
        let flat = folder.authorityFiles
        let corporate = try Identity.make(.init(commonName: "corp", isAuthority: true))
        try folder.write(corporate.certificate.pem, to: "ca.pem", mode: 0o644)
        #expect(throws: CertificateFailure.foreignAuthority(path: flat.certificate, subject: "CN=corp")) {
            try CertificateAuthority.rotate(flat, permittedNames: ["example.com"])
        }
        #expect(try folder.text(of: flat.certificate) == corporate.certificate.pem)
    }
}
