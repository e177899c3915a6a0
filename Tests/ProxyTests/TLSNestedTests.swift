import Glibc
import Policy
import Testing
import Wire

@testable import Proxy

@Suite("TLS inside of TLS")
struct TLSNestedTests {
    private let folder: TemporaryFolder
    private let authority: CertificateAuthority
    private let outer: TLSServerContext
    private let inner: TLSServerContext
    private let client: TLSClientContext

    init() throws {
        // OpenSSL writes to sockets whose other end is gone, as it does in leo.
        _ = signal(SIGPIPE, SIG_IGN)
        folder = try TemporaryFolder()
        authority = try folder.makeAuthority(permitting: ["proxy.example", "api.example"])
        outer = try authority.mint(host: "proxy.example", lifetime: .seconds(3600), protocols: ["http/1.1"])
        inner = try authority.mint(host: "api.example", lifetime: .seconds(3600), protocols: ["h2", "http/1.1"])
        client = try folder.clientContext()
    }

    /// A client and a server that have shaken hands twice, and their waiters.
    private final class Ends {
        let server: Proxy.Stream
        let client: Proxy.Stream
        let serverWaiter: Waiter
        let clientWaiter: Waiter

        init(_ loop: EventLoop) throws {
            let (near, far) = try socketPair(loop)
            server = Proxy.Stream(near)
            client = Proxy.Stream(far)
            serverWaiter = Waiter(loop: loop)
            clientWaiter = Waiter(loop: loop)
            near.waiter = serverWaiter
            far.waiter = clientWaiter
        }

        /// Lets both sides shake hands, one step each in turn.
        func handshake() async throws {
            var (isServerDone, isClientDone) = (false, false)
            while !(isServerDone && isClientDone) {
                for (stream, isServer) in [(client, false), (server, true)] {
                    stream.watcher.isReadReady = true
                    switch stream.tryHandshake() {
                    case .done: if isServer { isServerDone = true } else { isClientDone = true }
                    case .blocked: continue
                    case .closed, .cut: throw HandshakeFailure.closed
                    case .failed(let failure): throw HandshakeFailure.failed(failure)
                    }
                }
            }
        }
    }

    private func nested(_ loop: EventLoop, lookingFirst: Bool = false) async throws -> Ends {
        let ends = try Ends(loop)
        try ends.server.startTLS(asServerWith: outer)
        try ends.client.startTLS(asClientWith: client, peerName: "proxy.example")
        try await ends.handshake()
        #expect(ends.server.hasTLS)
        try ends.client.startTLS(asClientWith: client, peerName: "api.example", protocols: ["h2"])
        _ = ends.client.tryHandshake()
        if lookingFirst {
            // What the outer session brings is kept, looked at, and handed on.
            try fill(ends.server)
            let peek = ends.server.inbound.withBytes { ClientHello.peek($0) }
            guard case .hello(let hello) = peek else { throw HandshakeFailure.closed }
            #expect(hello.serverName == "api.example")
        }
        try ends.server.startTLS(asServerWith: inner)
        let isTakenOver = ends.server.inbound.isEmpty
        #expect(isTakenOver)
        try await ends.handshake()
        return ends
    }

    private func fill(_ stream: Proxy.Stream) throws {
        let room = UnsafeMutableRawBufferPointer.allocate(byteCount: 65536, alignment: 16)
        defer { unsafe room.deallocate() }
        stream.watcher.isReadReady = true
        guard case .done(let count) = unsafe stream.tryRead(room) else { throw HandshakeFailure.closed }
        let bytes = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(rebasing: room[0..<count]))
        stream.inbound.append(bytes)
    }

    @Test("shakes hands twice, and the inner names are the ones that count", arguments: [false, true])
    func handshakes(lookingFirst: Bool) async throws {
        try await LoopFixture().run { loop in
            let ends = try await nested(loop, lookingFirst: lookingFirst)
            #expect(ends.client.tlsVersion == "TLSv1.3")
            ends.client.closeOrderly()
            ends.server.closeOrderly()
        }
    }

    @Test("an inner failure keeps its reason, although the alert about it passes the outer session")
    func failureKeepsReason() async throws {
        try await LoopFixture().run { loop in
            let ends = try Ends(loop)
            try ends.server.startTLS(asServerWith: outer)
            try ends.client.startTLS(asClientWith: client, peerName: "proxy.example")
            try await ends.handshake()
            try ends.client.startTLS(asClientWith: client, peerName: "other.example")
            try ends.server.startTLS(asServerWith: inner)
            do {
                try await ends.handshake()
                Issue.record("a certificate for another name was accepted")
            } catch HandshakeFailure.failed(let failure) {
                #expect(failure.kind == .certificateName)
            }
            ends.server.watcher.isReadReady = true
            guard case .failed(let told) = ends.server.tryHandshake() else {
                Issue.record("the server was told nothing")
                return
            }
            #expect(told.kind == .peerAlert(TLSAlert.badCertificate))
            ends.client.closeOrderly()
            ends.server.closeOrderly()
        }
    }

    @Test(
        "carries megabytes in both directions at once, whatever the sizes of the pieces", arguments: [1, 16384, 65536])
    func carries(pieceBytes: Int) async throws {
        try await LoopFixture().run { loop in
            let ends = try await nested(loop)
            let total = pieceBytes == 1 ? 20_000 : 3_000_000
            var random = SplitMix(state: 7)
            let sent = (0..<total).map { _ in UInt8(truncatingIfNeeded: random.next()) }
            var received: [[UInt8]] = [[], []]
            var offsets = [0, 0]
            let room = UnsafeMutableRawBufferPointer.allocate(byteCount: pieceBytes, alignment: 16)
            defer { unsafe room.deallocate() }
            let streams = [ends.client, ends.server]
            var idleCount = 0
            while received.contains(where: { $0.count < total }) {
                var hasMoved = false
                for side in 0..<2 {
                    while offsets[side] < total {
                        let end = min(offsets[side] + pieceBytes, total)
                        let attempt = unsafe sent.withUnsafeBytes { bytes in
                            unsafe streams[side].tryWrite(UnsafeRawBufferPointer(rebasing: bytes[offsets[side]..<end]))
                        }
                        guard case .done(let count) = attempt else { break }
                        offsets[side] += count
                        hasMoved = true
                    }
                    let reader = streams[1 - side]
                    while reader.mayRead || idleCount > 0 {
                        reader.watcher.isReadReady = true
                        guard case .done(let count) = unsafe reader.tryRead(room) else { break }
                        unsafe received[side].append(contentsOf: room[0..<count])
                        hasMoved = true
                    }
                }
                idleCount = hasMoved ? 0 : idleCount + 1
                try #require(idleCount < 3, "nothing moves any more")
            }
            #expect(received[0] == sent)
            #expect(received[1] == sent)
            ends.client.closeOrderly()
            ends.server.closeOrderly()
        }
    }

    /// What one side reads in the end.
    private func end(of stream: Proxy.Stream) -> Proxy.Stream.Attempt {
        var byte: UInt8 = 0
        while true {
            stream.watcher.isReadReady = true
            let attempt = unsafe withUnsafeMutableBytes(of: &byte) { unsafe stream.tryRead($0) }
            if case .done = attempt { continue }
            return attempt
        }
    }

    @Test("tells an orderly end from a cut")
    func ends() async throws {
        try await LoopFixture().run { loop in
            let orderly = try await nested(loop)
            orderly.client.closeOrderly()
            #expect(end(of: orderly.server) == .closed)
            orderly.server.closeOrderly()
            let cut = try await nested(loop)
            cut.client.closeAbruptly()
            #expect(end(of: cut.server) == .cut)
            cut.server.closeOrderly()
        }
    }

    @Test("takes an end of the outer session alone for a cut of the inner one")
    func outerEndsFirst() async throws {
        try await LoopFixture().run { loop in
            let ends = try Ends(loop)
            try ends.server.startTLS(asServerWith: outer)
            try ends.client.startTLS(asClientWith: client, peerName: "proxy.example")
            try await ends.handshake()
            try ends.server.startTLS(asServerWith: inner)
            ends.client.closeOrderly()
            ends.server.watcher.isReadReady = true
            #expect(ends.server.tryHandshake() == .cut)
            ends.server.closeOrderly()
        }
    }

    @Test("verifies the inner server for itself")
    func verifiesInner() async throws {
        try await LoopFixture().run { loop in
            let ends = try Ends(loop)
            try ends.server.startTLS(asServerWith: outer)
            try ends.client.startTLS(asClientWith: client, peerName: "proxy.example")
            try await ends.handshake()
            try ends.client.startTLS(asClientWith: client, peerName: "other.example")
            try ends.server.startTLS(asServerWith: inner)
            await #expect(throws: HandshakeFailure.self) { try await ends.handshake() }
            ends.client.closeOrderly()
            ends.server.closeOrderly()
        }
    }
}
