import COpenSSL
import Glibc
import Testing

@testable import Proxy

@Suite("A TLS session")
struct TLSSessionTests {
    let folder: TemporaryFolder
    let authority: CertificateAuthority
    let pair: SocketPair
    let host = "api.example.com"

    init() throws {
        folder = try TemporaryFolder()
        authority = try folder.makeAuthority()
        pair = try SocketPair()
    }

    func makeServer(protocols: [String] = ["http/1.1"]) throws -> TLSSession {
        try TLSSession(
            serverContext: authority.mint(host: host, lifetime: .seconds(3600), protocols: protocols),
            descriptor: pair.server)
    }

    func makeClient(protocols: [String] = ["http/1.1"]) throws -> TLSSession {
        try TLSSession(
            clientContext: folder.clientContext(), descriptor: pair.client, peerName: host, protocols: protocols)
    }

    // MARK: Handshakes

    @Test("a client that trusts leo's root completes a handshake and learns what was negotiated")
    func handshakes() throws {
        var server = try makeServer()
        var client = try makeClient()
        #expect(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.version == "TLSv1.3")
        #expect(client.version == "TLSv1.3")
        #expect(client.negotiatedProtocol == "http/1.1")
        #expect(server.negotiatedProtocol == "http/1.1")
        #expect(server.serverName == host)
        #expect(client.wasResumed == false)
        #expect(server.wasResumed == false)
    }

    @Test("TLS 1.2 is spoken with forward secrecy and authenticated encryption")
    func handshakesOlder() throws {
        var server = try makeServer()
        var client = RawPeer(client: pair.client, .init(versionMax: TLS1_2_VERSION))
        #expect(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.version == "TLSv1.2")
        #expect(server.cipherSuite?.hasPrefix("ECDHE-ECDSA-") == true)
    }

    @Test("older versions are refused on both sides", arguments: [TLS1_VERSION, TLS1_1_VERSION])
    func refusesOldVersions(version: Int32) throws {
        var server = try makeServer()
        var oldClient = RawPeer(client: pair.client, .init(versionMax: version))
        let refused = handshake(&oldClient, &server)
        #expect(refused.server.failureKind == .noSharedVersion)
        #expect(refused.client.failureKind == .peerAlert(70))

        let other = try SocketPair()
        var oldServer = try RawPeer(server: other.server, .make(.init()), .init(versionMax: version))
        var client = try TLSSession(
            clientContext: folder.clientContext(), descriptor: other.client, peerName: host)
        let kind = handshake(&client, &oldServer).client.failureKind
        // Who notices first depends on the version: the server sends an alert, or leo reads its answer.
        #expect(kind == .noSharedVersion || kind == .peerAlert(70))
    }

    @Test("a client without a common cipher suite is told so")
    func refusesCiphers() throws {
        var server = try makeServer()
        var client = RawPeer(
            client: pair.client, .init(versionMax: TLS1_2_VERSION, ciphers: "ECDHE-ECDSA-AES128-SHA:@SECLEVEL=0"))
        let result = handshake(&client, &server)
        #expect(result.server.failureKind == .noSharedCipher)
        #expect(result.client.failureKind == .peerAlert(40))
    }

    @Test(
        "the protocol is chosen by leo's preference, and a client without a word about it is served",
        arguments: [
            (["http/1.1"], ["http/1.1"], "http/1.1"), (["http/1.1"], ["h2", "http/1.1"], "http/1.1"),
            (["h2", "http/1.1"], ["http/1.1", "h2"], "h2"), (["http/1.1"], [], nil), ([], ["h2"], nil),
        ] as [([String], [String], String?)])
    func choosesProtocol(ours: [String], offered: [String], chosen: String?) throws {
        var server = try makeServer(protocols: ours)
        var client = try makeClient(protocols: offered)
        #expect(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.negotiatedProtocol == chosen)
        #expect(client.negotiatedProtocol == chosen)
    }

    @Test("a client that offers only other protocols gets no_application_protocol")
    func refusesProtocol() throws {
        var server = try makeServer()
        var client = try makeClient(protocols: ["h2", "spdy/1"])
        let result = handshake(&client, &server)
        #expect(result.server.failureKind == .noSharedProtocol)
        #expect(result.client.failureKind == .peerAlert(120))
    }

    @Test(
        "bytes that are no TLS are named as such",
        arguments: [
            "GET / HTTP/1.1\r\nHost: api.example.com\r\n\r\n", "CONNECT a:443 HTTP/1.1\r\n\r\n",
            "SSH-2.0-OpenSSH_9.2\r\n",
            "\u{5}\u{1}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}\u{0}",
        ])
    func noticesOtherProtocols(text: String) throws {
        var server = try makeServer()
        pair.sendAsClient(Array(text.utf8))
        #expect(server.handshake().failureKind == .notTLS)

        let other = try SocketPair()
        var client = try TLSSession(
            clientContext: folder.clientContext(), descriptor: other.client, peerName: host)
        #expect(client.handshake() == .wantRead)
        other.sendAsServer(Array("HTTP/1.1 400 Bad Request\r\n\r\n".utf8))
        #expect(client.handshake().failureKind == .notTLS)
    }

    @Test("random bytes fail or wait for more, and stay failed", arguments: 0..<200)
    func survivesNoise(seed: UInt64) throws {
        var server = try makeServer()
        var state = seed &* 0x9E37_79B9_7F4A_7C15 | 1
        // Half of them begin like a handshake record, to get past the first look.
        var bytes: [UInt8] = seed % 2 == 0 ? [] : [22, 3, 1, 0, 60, 1, 0, 0, 56, 3, 3]
        for _ in 0..<100 {
            state ^= state << 13
            state ^= state >> 7
            state ^= state << 17
            bytes.append(UInt8(truncatingIfNeeded: state))
        }
        pair.sendAsClient(bytes)
        let attempt = server.handshake()
        switch attempt {
        case .failed:
            #expect(server.handshake().isFinal && server.shutdown() == .done(0))
            #expect(server.readText().attempt.failureKind == .protocolError)
        case .wantRead, .cut: break
        case .done, .wantWrite, .closed: Issue.record("\(attempt)")
        }
    }

    @Test("a client that does not trust leo's root is recognised by its alert")
    func noticesDistrust() throws {
        let stranger = try TemporaryFolder()
        _ = try stranger.makeAuthority()
        var server = try makeServer()
        var client = try TLSSession(
            clientContext: stranger.clientContext(), descriptor: pair.client, peerName: host)
        let result = handshake(&client, &server)
        #expect(result.client.failureKind == .certificateUntrusted)
        guard case .failed(let failure) = result.server else {
            Issue.record("\(result.server)")
            return
        }
        #expect(failure.isClientDistrust)
        #expect(failure.kind == .peerAlert(TLSAlert.unknownAuthority))
        #expect(failure.detail.contains("unknown ca"))
    }

    @Test("an alert that is sent before any handshake reaches the client")
    func refusesBeforeHandshake() throws {
        var client = try makeClient()
        #expect(client.handshake() == .wantRead)
        pair.sendAsServer(TLSAlert.fatalRecord(TLSAlert.unrecognizedName))
        #expect(client.handshake().failureKind == .peerAlert(112))
    }

    @Test(
        "a name that cannot be verified is not dialled", arguments: ["", ".", "a b", "a\u{0}b", "ä.example"])
    func refusesPeerNames(name: String) throws {
        let context = try folder.clientContext()
        #expect(throws: TLSFailure(kind: .peerNameInvalid, detail: "not a host name")) {
            _ = try TLSSession(clientContext: context, descriptor: pair.client, peerName: name)
        }
    }

    // MARK: Bytes

    @Test("a megabyte arrives whole although the socket takes it in pieces")
    func carriesBytes() throws {
        var server = try makeServer()
        var client = try makeClient()
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        let sent = (0..<1_000_000).map { UInt8(truncatingIfNeeded: $0 &* 31) }
        var received: [UInt8] = []
        var sentCount = 0
        var waits = 0
        var buffer = [UInt8](repeating: 0, count: 20_000)
        while received.count < sent.count {
            // Each write offers the rest at another address than before.
            let rest = Array(sent[sentCount...])
            switch unsafe rest.withUnsafeBytes({ bytes in unsafe server.write(bytes) }) {
            case .done(let count): sentCount += count
            case .wantWrite: waits += 1
            case let other: Issue.record("\(other)")
            }
            if sentCount < sent.count && waits == 0 { continue }
            reading: while true {
                switch unsafe buffer.withUnsafeMutableBytes({ bytes in unsafe client.read(into: bytes) }) {
                case .done(let count): received += buffer.prefix(count)
                case .wantRead: break reading
                case let other:
                    Issue.record("\(other)")
                    return
                }
            }
        }
        #expect(waits > 0)
        #expect(received == sent)
    }

    @Test("bytes that wait inside the session are known")
    func knowsBufferedBytes() throws {
        var server = try makeServer()
        var client = try makeClient()
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.write("hello") == .done(5))
        var two = [UInt8](repeating: 0, count: 2)
        #expect(unsafe two.withUnsafeMutableBytes { bytes in unsafe client.read(into: bytes) } == .done(2))
        #expect(client.hasBuffered == true)
        #expect(client.readText().text == "llo")
        #expect(client.hasBuffered == false)
        #expect(client.readText().attempt == .wantRead)
    }

    @Test("empty buffers are done at once")
    func acceptsNothing() throws {
        var server = try makeServer()
        #expect(server.write("") == .done(0))
        #expect(unsafe server.read(into: UnsafeMutableRawBufferPointer(start: nil, count: 0)) == .done(0))
    }

    // MARK: Ends

    @Test("close_notify is sent once, and means that everything was received")
    func closes() throws {
        var server = try makeServer()
        var client = try makeClient()
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.write("all") == .done(3))
        #expect(server.shutdown() == .done(0))
        #expect(server.shutdown() == .done(0))
        #expect(client.readText().text == "all")
        #expect(client.readText().attempt == .closed)
        // The other direction goes on (RFC 8446 section 6.1).
        #expect(client.write("more") == .done(4))
        #expect(server.readText().text == "more")
        pair.closeServer()
        #expect(client.readText().attempt == .closed)
    }

    @Test("an end without close_notify is a cut, and stays one")
    func cuts() throws {
        var server = try makeServer()
        var client = try makeClient()
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.write("half") == .done(4))
        pair.closeServer()
        #expect(client.readText().text == "half")
        #expect(client.readText().attempt == .cut)
        #expect(client.readText().attempt.failureKind == .protocolError)
        #expect(client.shutdown() == .done(0))
    }

    @Test("an end in the middle of a record is a cut")
    func cutsInsideRecord() throws {
        var server = try makeServer()
        var client = try makeClient()
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        while client.readText().attempt != .wantRead {}
        pair.sendAsServer([23, 3, 3, 1, 0, 7, 7, 7])
        pair.closeServer()
        #expect(client.readText().attempt == .cut)
    }

    @Test("an end in the middle of the handshake is a cut")
    func cutsHandshake() throws {
        var client = try makeClient()
        #expect(client.handshake() == .wantRead)
        pair.closeServer()
        #expect(client.handshake() == .cut)
    }

    @Test("a write to somebody who is gone is a cut")
    func cutsWrite() throws {
        var server = try makeServer()
        var client = try makeClient()
        try #require(handshake(&client, &server) == (.done(0), .done(0)))
        pair.closeServer()
        #expect(client.write("hello") == .cut)
    }

    @Test("before the end of the handshake there is no close_notify to send")
    func closesEarly() throws {
        var server = try makeServer()
        #expect(server.shutdown() == .done(0))
        #expect(pair.receiveAsClient() == [])
        var client = try makeClient()
        #expect(handshake(&client, &server) == (.done(0), .done(0)))
    }

    @Test("a session keeps the context it was made from, and with it the protocols it chooses from")
    func keepsContext() throws {
        var server = try makeServer()
        // The context that `makeServer` minted has no other owner; memory that was freed would be taken again here.
        for _ in 0..<50 { _ = try makeServer(protocols: ["x/\(Int.random(in: 0..<1000))"]) }
        var client = try makeClient()
        #expect(handshake(&client, &server) == (.done(0), .done(0)))
        #expect(server.negotiatedProtocol == "http/1.1")
    }
}
