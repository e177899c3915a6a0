import COpenSSL
import Policy
import Testing

@testable import Proxy

@Suite("Client certificates")
struct TLSClientVerificationTests {
    private let folder: TemporaryFolder
    private let root: PrivateKey
    private let rootCertificate: Certificate
    private let server: Certificate
    private let serverKey: PrivateKey
    private let now = UTCDate.now().seconds

    init() throws {
        folder = try TemporaryFolder()
        root = try PrivateKey.makeP256()
        let draft = CertificateDraft(
            subject: [("CN", "clients' CA")], validFromSeconds: now - 60, expiresAtSeconds: now + 3600,
            extensions: [.init(number: NID_basic_constraints, words: "critical,CA:TRUE")])
        rootCertificate = try draft.sign(for: root, issuer: nil, issuerKey: root)
        try folder.write(rootCertificate.pem, to: "clients.pem")
        serverKey = try PrivateKey.makeP256()
        let shown = CertificateDraft(
            subject: [("CN", "proxy.example")], validFromSeconds: now - 60, expiresAtSeconds: now + 3600,
            extensions: [.init(number: NID_subject_alt_name, words: "DNS:proxy.example")])
        server = try shown.sign(for: serverKey, issuer: rootCertificate, issuerKey: root)
    }

    private func identity(
        _ subject: [(field: String, value: String)] = [("CN", "checkout")], names: String? = nil,
        usage: String = "clientAuth", expiresIn: Int64 = 3600, issuerKey: PrivateKey? = nil
    ) throws -> ClientIdentity {
        let key = try PrivateKey.makeP256()
        var extensions = [CertificateDraft.Extension(number: NID_ext_key_usage, words: usage)]
        if let names { extensions.append(.init(number: NID_subject_alt_name, words: names)) }
        let draft = CertificateDraft(
            subject: subject, validFromSeconds: now - 7200, expiresAtSeconds: now + expiresIn, extensions: extensions)
        let leaf = try draft.sign(for: key, issuer: rootCertificate, issuerKey: issuerKey ?? root)
        return try ClientIdentity(certificates: [leaf], certificatePath: "c", key: key, keyPath: "k")
    }

    private enum Result: Equatable {
        case open(ClientCertificateNames?)
        case refused
    }

    private func shake(_ identity: ClientIdentity?, isRequired: Bool) throws -> Result {
        let verification = try ClientVerification(path: folder.file("clients.pem"), isRequired: isRequired)
        let context = try TLSServerContext(
            host: "proxy.example", leaf: server, chain: [], key: serverKey, protocols: [], clients: verification)
        let trust = try TrustStore(.file(folder.file("clients.pem")))
        let clientContext = try TLSClientContext(trust: trust, identity: identity)
        let pair = try SocketPair()
        var near = try TLSSession(serverContext: context, descriptor: pair.server)
        var far = try TLSSession(
            clientContext: clientContext, descriptor: pair.client, peerName: "proxy.example", protocols: [])
        let (_, attempt) = handshake(&far, &near)
        guard attempt == .done(0) else { return .refused }
        // Tickets would come with the first bytes.
        let isWritten = near.write("x") == .done(1)
        let received = far.readText().text
        #expect(isWritten && received == "x" && far.takeTicket() == nil)
        return .open(near.clientCertificateNames)
    }

    @Test("the names of a verified certificate are known, whatever kind they are of")
    func names() throws {
        var expected = ClientCertificateNames()
        expected.commonName = "checkout"
        #expect(try shake(identity(), isRequired: true) == .open(expected))
        let all = "DNS:Host.Example,DNS:two.example,URI:spiffe://x/a,email:a@example.org,IP:10.0.0.1"
        expected.dnsNames = ["host.example", "two.example"]
        expected.uris = ["spiffe://x/a"]
        expected.emails = ["a@example.org"]
        #expect(try shake(identity(names: all), isRequired: false) == .open(expected))
    }

    @Test("of several common names none counts, and none that holds a control character")
    func commonNames() throws {
        #expect(
            try shake(identity([("CN", "a"), ("CN", "b")]), isRequired: true) == .open(ClientCertificateNames()))
        #expect(try shake(identity([("O", "leo")]), isRequired: true) == .open(ClientCertificateNames()))
        #expect(try shake(identity([("CN", "a\nb")]), isRequired: true) == .open(ClientCertificateNames()))
        #expect(try shake(identity([("CN", "a\u{0}b")]), isRequired: true) == .open(ClientCertificateNames()))
    }

    @Test("no certificate is enough where one is not required, and not where it is")
    func none() throws {
        #expect(try shake(nil, isRequired: false) == .open(nil))
        #expect(try shake(nil, isRequired: true) == .refused)
    }

    @Test("a certificate that is shown must be good, required or not", arguments: [true, false])
    func bad(isRequired: Bool) throws {
        #expect(try shake(identity(expiresIn: -60), isRequired: isRequired) == .refused)
        #expect(try shake(identity(usage: "serverAuth"), isRequired: isRequired) == .refused)
        #expect(try shake(identity(issuerKey: try PrivateKey.makeP256()), isRequired: isRequired) == .refused)
    }

    @Test("it is required where nothing else would let a client in")
    func requirement() throws {
        let path = folder.file("clients.pem")
        let certificate = TenantRow(tenant: "a", user: nil, passwordHashes: [], certificates: ["c"])
        let user = TenantRow(tenant: "b", user: "u", passwordHashes: [], certificates: [])
        func isRequired(_ tenants: TenantTable) throws -> Bool {
            try ClientVerification(path: path, for: tenants).isRequired
        }
        #expect(try isRequired(TenantTable()) && isRequired(TenantTable(rows: [certificate])))
        #expect(try !isRequired(TenantTable(rows: [certificate, user])))
        #expect(try !isRequired(TenantTable(rows: [certificate], hasDefault: true)))
    }

    @Test("a file without a certificate is no CA")
    func unreadable() throws {
        #expect(throws: CertificateFailure.self) { try ClientVerification(path: "/nonexistent", isRequired: true) }
        try folder.write("nothing\n", to: "empty.pem")
        let path = folder.file("empty.pem")
        #expect(throws: CertificateFailure.self) { try ClientVerification(path: path, isRequired: true) }
    }
}
