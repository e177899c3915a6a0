import Testing
import Wire

@testable import Proxy

/// What an attacker sends, against a server session.
@Suite("An HTTP/2 attack")
struct HTTP2AbuseTests {
    struct Flood: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var abuse: HTTP2FrameGuard.Abuse
        /// One round of the attack; the argument is a fresh stream.
        var round: @Sendable (UInt32) -> [UInt8]
        /// Sent once before.
        var before: [UInt8] = []
        /// What the GOAWAY says; where the library takes a mistake on a stream for one on the connection, its code.
        var code = HTTP2ErrorCode.enhanceYourCalm
    }

    private static func request(_ stream: UInt32, ends: Bool = true) -> [UInt8] {
        RawHTTP2.headers(stream, RawHTTP2.plain, ends: ends)
    }

    static let floods: [Flood] = [
        Flood(testDescription: "SETTINGS", abuse: .settings, round: { _ in RawHTTP2.settings }),
        Flood(
            testDescription: "PING", abuse: .ping,
            round: { _ in RawHTTP2.frame(6, 0, 0, [UInt8](repeating: 0, count: 8)) }),
        Flood(
            testDescription: "PRIORITY", abuse: .priority,
            round: { RawHTTP2.frame(2, 0, $0, RawHTTP2.word(0) + [1]) }),
        Flood(testDescription: "WINDOW_UPDATE", abuse: .windowUpdate, round: { _ in RawHTTP2.windowUpdate(0, 1) }),
        Flood(
            testDescription: "empty DATA", abuse: .emptyData, round: { _ in RawHTTP2.data(1, "") },
            before: request(1, ends: false)),
        Flood(
            testDescription: "DATA of padding alone", abuse: .emptyData,
            round: { _ in RawHTTP2.frame(0, RawHTTP2.padded, 1, [3, 0, 0, 0]) }, before: request(1, ends: false)),
        Flood(testDescription: "unknown frames", abuse: .unknownFrame, round: { _ in RawHTTP2.frame(0xfa, 0, 0, [1]) }),
        Flood(
            testDescription: "CONTINUATION", abuse: .continuation,
            round: { _ in RawHTTP2.frame(9, 0, 1, []) },
            before: RawHTTP2.frame(1, RawHTTP2.endStream, 1, RawHTTP2.block(RawHTTP2.plain))),
        Flood(
            testDescription: "rapid reset", abuse: .resetByPeer, round: { request($0) + RawHTTP2.reset($0) }),
        Flood(
            testDescription: "resets provoked by a WINDOW_UPDATE of zero", abuse: .resetProvoked,
            round: { request($0) + RawHTTP2.windowUpdate($0, 0) }, code: .protocolError),
        Flood(
            testDescription: "resets provoked by a window beyond its limit", abuse: .resetProvoked,
            round: { request($0) + RawHTTP2.windowUpdate($0, 0x7fff_ffff) }),
        Flood(
            testDescription: "resets provoked by content behind the end", abuse: .resetProvoked,
            round: { request($0) + RawHTTP2.data($0, "more") }, code: .streamClosed),
        Flood(
            testDescription: "resets provoked by content beyond Content-Length", abuse: .resetProvoked,
            round: {
                RawHTTP2.headers($0, RawHTTP2.plain + [("content-length", "1")], ends: false)
                    + RawHTTP2.data($0, "more")
            }),
        Flood(
            testDescription: "resets provoked by malformed heads", abuse: .resetProvoked,
            round: { RawHTTP2.headers($0, RawHTTP2.plain + [("X", "1")]) }),
        Flood(
            testDescription: "resets provoked by contradicting hosts", abuse: .resetProvoked,
            round: { RawHTTP2.headers($0, RawHTTP2.plain + [("host", "b.example")]) }),
    ]

    @Test("ends its connection with ENHANCE_YOUR_CALM and leaves no memory behind", arguments: floods, [false, true])
    func calmedDown(_ flood: Flood, readsAnswers: Bool) throws {
        let server = try HTTP2Side(.server)
        server.onRequest = { $0.send(head: list([(":status", "200")]), ends: false) }
        try server.receive(RawHTTP2.opening + flood.before)
        var out: [UInt8] = []
        var stream: UInt32 = 1
        for _ in 0..<20_000 where server.session.failure == nil {
            try? server.receive(flood.round(stream))
            if readsAnswers { out = server.output() }
            // The exchanges of streams that are gone end at once.
            for request in server.requests where request.isClosed || request.resetCode != nil { request.release() }
            server.requests.removeAll { $0.isClosed }
            stream += 2
        }
        out += server.output()
        let failure = try #require(server.session.failure)
        #expect(RawHTTP2.goAway(out) == flood.code || !readsAnswers)
        switch flood.code {
        case .enhanceYourCalm where readsAnswers: #expect(failure.kind == .abuse(flood.abuse))
        case .enhanceYourCalm:
            // Who reads nothing may also run into the limit of streams, since none of them can be closed.
            let kinds: [HTTP2Failure.Kind] = [
                .abuse(flood.abuse), .peerBrokeProtocol(.protocolError), .abuse(.unreadFrames),
            ]
            #expect(kinds.contains(failure.kind))
        default: #expect(failure.kind == .peerBrokeProtocol(flood.code) || !readsAnswers)
        }
        #expect(server.session.isFinished)
        #expect(server.session.openStreamCount <= HTTP2Limits.server.streamsMax)
    }

    @Test("by a stream identifier that goes back is ignored, since trailers of a reset stream look the same")
    func goesBack() throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening + Self.request(5) + Self.request(3))
        #expect(server.requests.map(\.id) == [5])
        #expect(RawHTTP2.goAway(server.output()) == nil)
    }

    @Test("is over for good: what comes later is not looked at")
    func over() throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening)
        #expect(throws: HTTP2Failure.self) {
            try server.receive((0..<100).flatMap { _ in RawHTTP2.settings })
        }
        _ = server.output()
        #expect(throws: HTTP2Failure.self) { try server.receive(Self.request(1)) }
        #expect(server.requests.isEmpty && server.output().isEmpty)
    }

    @Test("spread over time is no attack")
    func patience() throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening)
        for second in 0..<500 {
            let stream = UInt32(2 * second + 1)
            try server.receive(
                RawHTTP2.settings + RawHTTP2.frame(6, 0, 0, [UInt8](repeating: 0, count: 8)) + Self.request(stream)
                    + RawHTTP2.reset(stream), at: UInt64(second))
            _ = server.output()
        }
        #expect(server.session.failure == nil)
    }

    @Test("by a compression bomb costs neither memory nor the connection")
    func bomb() throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening)
        // One entry of 3,900 bytes into the table, then twelve thousand references to it, of one byte each.
        let entry: [UInt8] = [0x40, 1, UInt8(ascii: "x"), 0x7f] + [0xbd, 0x1d] + [UInt8](repeating: 0x61, count: 3900)
        let block = RawHTTP2.block(RawHTTP2.plain) + entry + [UInt8](repeating: 0xbe, count: 12_000)
        try server.receive(RawHTTP2.frame(1, RawHTTP2.endHeaders | RawHTTP2.endStream, 1, block))
        #expect(server.requests.isEmpty && server.refusals == [431])
        try server.receive(Self.request(3))
        #expect(server.requests.map(\.id) == [3])
        #expect(RawHTTP2.goAway(server.output()) == nil)
    }

    @Test("by more streams than allowed is refused, and streams that were opened go on")
    func hoarding() throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening)
        // Before the settings are acknowledged a peer may not know the limit.
        for index in 0..<150 { try server.receive(Self.request(UInt32(2 * index + 1), ends: false)) }
        #expect(server.requests.count == HTTP2Limits.server.streamsMax)
        let refused = RawHTTP2.resets(server.output())
        #expect(refused.count == 50 && refused.values.allSatisfy { $0 == .refusedStream })
        try server.receive(RawHTTP2.data(1, "x", ends: true))
        #expect(server.requests[0].hasEnded && server.requests[0].inboundText == "x")
    }

    @Test("by a window of zero keeps a bounded queue, and can be seen")
    func zeroWindow() throws {
        let server = try HTTP2Side(.server)
        // INITIAL_WINDOW_SIZE 0.
        try server.receive(RawHTTP2.preface + RawHTTP2.frame(4, 0, 0, [0, 4, 0, 0, 0, 0]) + Self.request(1))
        let stream = try #require(server.requests.first)
        stream.send(head: list([(":status", "200")]), ends: false)
        stream.add("content")
        _ = server.output()
        #expect(stream.isBlockedByPeer && stream.sentByteCount == 0 && !server.session.wantsSend)
        try server.receive(RawHTTP2.windowUpdate(1, 3))
        #expect(RawHTTP2.frames(server.output()).contains { $0.type == 0 && $0.payload == Array("con".utf8) })
        #expect(stream.sentByteCount == 3 && stream.isBlockedByPeer)
        stream.reset(.cancel)
        #expect(RawHTTP2.resets(server.output()) == [1: .cancel])
    }

    @Test("by content beyond the window ends the stream or the connection")
    func overrun() throws {
        var limits = HTTP2Limits.server
        limits.streamWindowBytes = 70_000
        let server = try HTTP2Side(.server, limits: limits)
        try server.receive(RawHTTP2.opening)
        _ = server.output()
        try server.receive(RawHTTP2.settingsAcknowledgement + Self.request(1, ends: false))
        for _ in 0..<7 { try server.receive(RawHTTP2.data(1, String(repeating: "x", count: 10_000))) }
        let stream = try #require(server.requests.first)
        #expect(stream.inbound.count == 70_000)
        try? server.receive(RawHTTP2.data(1, "y"))
        let out = server.output()
        #expect(RawHTTP2.resets(out)[1] == .flowControlError || RawHTTP2.goAway(out) == .flowControlError)
        #expect(stream.inbound.count == 70_000)
        #expect(stream.resetCode == .flowControlError || server.session.failure != nil)
    }

    @Test(
        "on the framing ends the connection with the code of RFC 9113",
        arguments: [
            ("no preface", Array("GET / HTTP/1.1\r\nHost: a\r\n\r\n".utf8), HTTP2ErrorCode.protocolError),
            ("a frame beyond 16 KB", RawHTTP2.opening + [1, 0, 0, 0, 0, 0, 0, 0, 1], .frameSizeError),
            ("DATA on no stream", RawHTTP2.opening + RawHTTP2.data(0, "x"), .protocolError),
            ("HEADERS on no stream", RawHTTP2.opening + RawHTTP2.headers(0, RawHTTP2.plain), .protocolError),
            ("HEADERS on an even stream", RawHTTP2.opening + RawHTTP2.headers(2, RawHTTP2.plain), .protocolError),
            ("DATA on an idle stream", RawHTTP2.opening + RawHTTP2.data(1, "x"), .protocolError),
            ("RST_STREAM on an idle stream", RawHTTP2.opening + RawHTTP2.reset(1), .protocolError),
            ("SETTINGS of five bytes", RawHTTP2.opening + RawHTTP2.frame(4, 0, 0, [1, 2, 3, 4, 5]), .frameSizeError),
            ("SETTINGS on a stream", RawHTTP2.opening + RawHTTP2.frame(4, 0, 1, []), .protocolError),
            (
                "PING of seven bytes", RawHTTP2.opening + RawHTTP2.frame(6, 0, 0, [1, 2, 3, 4, 5, 6, 7]),
                .frameSizeError
            ),
            ("a CONTINUATION alone", RawHTTP2.opening + RawHTTP2.frame(9, 4, 1, []), .protocolError),
            (
                "a header block with another frame inside",
                RawHTTP2.opening + RawHTTP2.frame(1, 0, 1, RawHTTP2.block(RawHTTP2.plain)) + RawHTTP2.settings,
                .protocolError
            ),
            ("PUSH_PROMISE from a client", RawHTTP2.opening + RawHTTP2.frame(5, 4, 1, [0, 0, 0, 2]), .protocolError),
            (
                "a broken header block", RawHTTP2.opening + RawHTTP2.frame(1, 5, 1, [0xff, 0xff, 0xff, 0xff]),
                .compressionError
            ),
            ("an index beyond the table", RawHTTP2.opening + RawHTTP2.frame(1, 5, 1, [0xfe]), .compressionError),
            ("a window of zero for the connection", RawHTTP2.opening + RawHTTP2.windowUpdate(0, 0), .protocolError),
            ("a window beyond its limit", RawHTTP2.opening + RawHTTP2.windowUpdate(0, 0x7fff_ffff), .flowControlError),
            (
                "padding longer than its frame",
                RawHTTP2.opening + request(1, ends: false) + RawHTTP2.frame(0, 8, 1, [9, 1]), .protocolError
            ),
            ("ENABLE_PUSH of two", RawHTTP2.opening + RawHTTP2.frame(4, 0, 0, [0, 2, 0, 0, 0, 2]), .protocolError),
            (
                "an initial window beyond its limit",
                RawHTTP2.opening + RawHTTP2.frame(4, 0, 0, [0, 4, 0xff, 0, 0, 0]), .flowControlError
            ),
            (
                "a first frame that is not SETTINGS",
                RawHTTP2.preface + RawHTTP2.frame(6, 0, 0, [UInt8](repeating: 0, count: 8)), .protocolError
            ),
        ])
    func framing(_ description: String, _ bytes: [UInt8], _ code: HTTP2ErrorCode) throws {
        let server = try HTTP2Side(.server)
        try? server.receive(bytes)
        let out = server.output()
        #expect(RawHTTP2.goAway(out) == code)
        #expect(server.session.failure != nil && server.session.isFinished)
    }
}
