import COpenSSL
import Testing

@testable import Proxy

@Suite("Resumption")
struct TLSResumptionTests {
    let folder: TemporaryFolder
    let authority: CertificateAuthority
    let clientContext: TLSClientContext

    init() throws {
        folder = try TemporaryFolder()
        authority = try folder.makeAuthority()
        clientContext = try folder.clientContext()
    }

    /// What came of one connection.
    private struct Outcome {
        var wasResumed: Bool
        var ticket: TLSTicket?
    }

    private func serverContext(_ host: String) throws -> TLSServerContext {
        try authority.mint(host: host, lifetime: .seconds(3600), protocols: ["http/1.1"])
    }

    /// Connects, lets a byte pass each way, and takes the ticket.
    private func connect(
        _ server: TLSServerContext, as peerName: String = "api.example.com", with ticket: TLSTicket? = nil,
        from context: TLSClientContext? = nil
    ) throws -> Outcome {
        let pair = try SocketPair()
        var server = try TLSSession(serverContext: server, descriptor: pair.server)
        var client = try TLSSession(
            clientContext: context ?? clientContext, descriptor: pair.client, peerName: peerName, resuming: ticket)
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.write("x") == .done(1))
        #expect(client.readText().text == "x")
        #expect(client.wasResumed == server.wasResumed)
        let taken = client.takeTicket()
        // A ticket is handed out once.
        #expect(client.takeTicket() == nil)
        return Outcome(wasResumed: client.wasResumed, ticket: taken)
    }

    @Test("a ticket is taken up by another context of the same host, again and again")
    func resumes() throws {
        var ticket = try connect(serverContext("api.example.com")).ticket
        for _ in 0..<3 {
            #expect(ticket != nil)
            let next = try connect(serverContext("api.example.com"), with: ticket)
            #expect(next.wasResumed)
            ticket = next.ticket
        }
    }

    @Test("a ticket is used once")
    func usesOnce() throws {
        let server = try serverContext("api.example.com")
        let ticket = try connect(server).ticket
        #expect(try connect(server, with: ticket).wasResumed)
        #expect(try connect(server, with: ticket).wasResumed == false)
    }

    @Test("a ticket for one host is not offered to another")
    func keepsToPeerName() throws {
        let ticket = try connect(serverContext("api.example.com")).ticket
        #expect(ticket != nil)
        #expect(
            try connect(serverContext("www.example.com"), as: "www.example.com", with: ticket).wasResumed == false)
    }

    @Test("a ticket is not offered by a context that may trust others")
    func keepsToContext() throws {
        let server = try serverContext("api.example.com")
        let ticket = try connect(server).ticket
        #expect(try connect(server, with: ticket, from: folder.clientContext()).wasResumed == false)
    }

    @Test("a ticket of one host is not taken up by another, even if a client offers it", arguments: [false, true])
    func keepsToHost(isOlder: Bool) throws {
        let settings = RawPeer.Settings(versionMax: isOlder ? TLS1_2_VERSION : TLS1_3_VERSION)
        let first = RawClientContext(settings)
        let session = try first.connect(to: serverContext("api.example.com"), offering: nil)
        #expect(session.wasResumed == false)
        #expect(
            try first.connect(to: serverContext("www.example.com"), offering: session.session).wasResumed == false)
        #expect(try first.connect(to: serverContext("api.example.com"), offering: session.session).wasResumed)
    }

    @Test("TLS 1.2 upstreams that send no new ticket are resumed again and again")
    func resumesOlder() throws {
        let root = try Identity.make(.init(commonName: "test root", isAuthority: true))
        let identity = try Identity.make(.init(), issuer: root)
        let context = try TLSClientContext(trust: TrustStore(certificates: [root.certificate], path: "test"))
        // Sessions live in the server's own cache here, so it has to be one server.
        let listener = try RawServerContext(identity, versionMax: TLS1_2_VERSION)
        var ticket: TLSTicket?
        for round in 0..<3 {
            let pair = try SocketPair()
            var server = listener.accept(pair.server)
            var client = try TLSSession(
                clientContext: context, descriptor: pair.client, peerName: "api.example.com", resuming: ticket)
            try #require(handshake(&client, &server) == (.done(0), .done(0)))
            #expect(client.version == "TLSv1.2")
            #expect(client.wasResumed == (round > 0))
            ticket = client.takeTicket()
            #expect(ticket != nil)
            #expect(client.takeTicket() == nil)
        }
    }

    @Test("an upstream is verified anew after a day, however often its session was taken up")
    func verifiesDaily() throws {
        let server = try serverContext("api.example.com")
        let first = try #require(try connect(server).ticket)
        let second = try #require(try connect(server, with: first).ticket)
        let now = MonotonicTime.current().seconds
        let limit = TLSTicket.unverifiedSecondsMax
        #expect(second.mayBeOffered(context: clientContext, peerName: "api.example.com", now: now + limit - 60))
        #expect(!second.mayBeOffered(context: clientContext, peerName: "api.example.com", now: now + limit))
    }

    @Test("contexts, keys and tickets are shared by threads")
    func sharesThreads() async throws {
        let server = try serverContext("api.example.com")
        let ticket = try connect(server).ticket
        let resumedCount = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<4 {
                group.addTask {
                    var resumedCount = 0
                    // All four offer the first ticket; one of them may.
                    var ticket = ticket
                    for _ in 0..<10 {
                        _ = try self.serverContext("api.example.com")
                        let outcome = try self.connect(server, with: ticket)
                        resumedCount += outcome.wasResumed ? 1 : 0
                        ticket = outcome.ticket
                    }
                    return resumedCount
                }
            }
            return try await group.reduce(0, +)
        }
        #expect(resumedCount == 4 * 9 + 1)
    }

    // MARK: Keys

    @Test("ticket keys change every few hours, and the one before still opens")
    func rotates() throws {
        let keys = TicketKeys()
        let period = TicketKeys.rotationSeconds
        let first = try #require(keys.sealingKey(at: 0)).name
        #expect(try #require(keys.sealingKey(at: period - 1)).name == first)
        #expect(try #require(keys.openingKey(named: first, at: period - 1)).isReplaced == false)
        let second = try #require(keys.sealingKey(at: period)).name
        #expect(second != first)
        #expect(try #require(keys.openingKey(named: first, at: period)).isReplaced)
        let third = try #require(keys.sealingKey(at: 2 * period)).name
        #expect(keys.openingKey(named: first, at: 2 * period) == nil)
        #expect(try #require(keys.openingKey(named: second, at: 2 * period)).isReplaced)
        // After a long silence nothing old is left.
        #expect(keys.openingKey(named: third, at: 5 * period) == nil)
    }

    @Test("a ticket that nobody here sealed opens nothing")
    func ignoresForeign() {
        let keys = TicketKeys()
        #expect(keys.openingKey(named: [UInt8](repeating: 0, count: 16), at: 0) == nil)
    }
}

/// A bare OpenSSL client that offers whatever session it is told to.
@safe
private final class RawClientContext {
    private let context: OpaquePointer

    init(_ settings: RawPeer.Settings) {
        unsafe context = SSL_CTX_new(TLS_client_method())
        _ = unsafe leo_SSL_CTX_set_max_proto_version(context, settings.versionMax)
    }

    deinit { unsafe SSL_CTX_free(context) }

    /// Owns an `SSL_SESSION`.
    @safe
    final class Session {
        let session: OpaquePointer?
        init(_ session: OpaquePointer?) { unsafe self.session = session }
        deinit { unsafe SSL_SESSION_free(session) }
    }

    func connect(
        to server: TLSServerContext, offering session: Session?
    ) throws -> (wasResumed: Bool, session: Session) {
        let pair = try SocketPair()
        var server = try TLSSession(serverContext: server, descriptor: pair.server)
        let ssl = unsafe SSL_new(context)
        defer {
            // Else the session counts as broken.
            unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
            unsafe SSL_free(ssl)
        }
        unsafe SSL_set_fd(ssl, pair.client)
        unsafe SSL_set_connect_state(ssl)
        if let session = unsafe session?.session { unsafe SSL_set_session(ssl, session) }
        for _ in 0..<10 {
            unsafe SSL_do_handshake(ssl)
            _ = server.handshake()
        }
        #expect(server.write("x") == .done(1))
        var byte: UInt8 = 0
        let count = unsafe SSL_read(ssl, &byte, 1)
        #expect(count == 1)
        let isReused = unsafe SSL_session_reused(ssl) == 1
        #expect(server.wasResumed == isReused)
        return unsafe (isReused, Session(SSL_get1_session(ssl)))
    }
}

/// A bare OpenSSL server that keeps its sessions itself.
@safe
private final class RawServerContext {
    private let context: OpaquePointer

    init(_ identity: Identity, versionMax: Int32) throws {
        let made = unsafe SSL_CTX_new(TLS_server_method())!
        unsafe context = made
        _ = unsafe leo_SSL_CTX_set_max_proto_version(made, versionMax)
        unsafe SSL_CTX_set_options(made, leo_SSL_OP_NO_TICKET())
        unsafe SSL_CTX_set_session_id_context(made, "test", 4)
        _ = unsafe identity.certificate.withPointer { x509 in unsafe SSL_CTX_use_certificate(made, x509) }
        _ = unsafe identity.key.withPointer { key in unsafe SSL_CTX_use_PrivateKey(made, key) }
    }

    deinit { unsafe SSL_CTX_free(context) }

    func accept(_ descriptor: Int32) -> RawPeer { unsafe RawPeer(server: descriptor, sharing: context) }
}
