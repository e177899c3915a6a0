import Testing
import Wire

@testable import Proxy

/// A client session and a server session joined in memory.
@Suite("An HTTP/2 session")
struct HTTP2SessionTests {
    @Test(
        "carries a request and its answer, with bodies and trailers, however the bytes arrive",
        arguments: [1, 2, 7, .max])
    func exchange(every pieceSize: Int) throws {
        var pair = try HTTP2Pair()
        pair.pieceSize = pieceSize
        let (asked, served) = try pair.request(
            "POST /v1/messages?x=1 HTTP/1.1\nHost: api.example\nContent-Length: 5\nX-One: 1", body: "hello")
        #expect(
            served.takeHead()?.lines
                == "POST /v1/messages?x=1 HTTP/1.1\nhost: api.example\ncontent-length: 5\nx-one: 1")
        #expect(served.inboundText == "hello" && served.hasEnded)

        served.send(head: try fields(answer: "HTTP/1.1 200 OK\nContent-Type: text/plain"), ends: false)
        served.add("answer")
        served.finish(trailers: HTTP2FieldList(trailers: Array("x-sum: 1\r\n".utf8)))
        try pair.settle()
        let head = try #require(asked.takeHead())
        #expect(head.lines == "HTTP/1.1 200 OK\ncontent-type: text/plain\ntransfer-encoding: chunked")
        #expect(head.hasBody && head.status == 200)
        #expect(asked.inboundText == "answer" && asked.hasEnded && asked.trailerText == "x-sum: 1\r\n")
        #expect(asked.isClosed && asked.resetCode == nil && served.isClosed && served.resetCode == nil)
        #expect(served.sentByteCount == 6 && served.hasSentEnd)
        #expect(pair.client.closed == [1] && pair.server.closed == [1])
        #expect(pair.client.session.openStreamCount == 0)
    }

    @Test("ends a message without content in its head")
    func endInHead() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        let head = try #require(served.takeHead())
        #expect(head.lines == "GET / HTTP/1.1\nhost: a.example" && !head.hasBody && served.hasEnded)
        served.send(head: try fields(answer: "HTTP/1.1 204 No Content"), ends: true)
        let frames = RawHTTP2.frames(pair.server.output())
        #expect(frames.contains { $0.type == 1 && $0.flags & RawHTTP2.endStream != 0 })
        #expect(asked.heads.isEmpty)
    }

    @Test("passes interim answers before the final one")
    func interim() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("POST / HTTP/1.1\nHost: a.example", ends: false)
        served.send(head: try fields(answer: "HTTP/1.1 100 Continue"), ends: false)
        served.send(head: try fields(answer: "HTTP/1.1 103 Early Hints\nLink: </a>"), ends: false)
        try pair.settle()
        #expect(asked.takeHead()?.lines == "HTTP/1.1 100 Continue")
        #expect(asked.takeHead()?.lines == "HTTP/1.1 103 Early Hints\nlink: </a>")
        #expect(asked.takeHead() == nil && !asked.hasEnded)
        served.send(head: try fields(answer: "HTTP/1.1 200 OK\nContent-Length: 2"), ends: false)
        served.add("ok")
        served.finish()
        try pair.settle()
        #expect(asked.takeHead()?.status == 200)
        #expect(asked.inboundText == "ok" && asked.hasEnded)
    }

    @Test("holds content back until there is some, and sends it at once then")
    func deferred() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        try pair.settle()
        #expect(!pair.server.session.wantsSend)
        for event in ["one", "two", "three"] {
            let calls = pair.server.outputCallCount
            served.add(event)
            #expect(pair.server.session.wantsSend && pair.server.outputCallCount > calls)
            try pair.settle()
            #expect(asked.inboundText == event)
            _ = asked.takeAll()
        }
        served.finish()
        try pair.settle()
        #expect(asked.hasEnded && asked.isClosed)
    }

    @Test("stops at the stream's window until the reader consumes, and loses nothing", arguments: [1000, 65_535])
    func streamWindow(_ windowBytes: Int) throws {
        var limits = HTTP2Limits.client
        limits.streamWindowBytes = windowBytes
        let pair = try HTTP2Pair(client: limits)
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        let total = 200_000
        served.outbound.append([UInt8](repeating: 7, count: total).span)
        served.dataAdded()
        served.finish()
        try pair.settle()
        #expect(asked.inbound.count == windowBytes && served.outbound.count == total - windowBytes)
        #expect(served.isBlockedByPeer && !asked.hasEnded)
        var taken = 0
        while !asked.hasEnded || asked.inbound.count > 0 {
            #expect(asked.inbound.count <= windowBytes)
            let count = asked.takeAll()
            try #require(count > 0)
            taken += count
            try pair.settle()
        }
        #expect(taken == total && served.sentByteCount == UInt64(total))
    }

    @Test("a stream that nobody reads does not hold back another")
    func connectionWindow() throws {
        let pair = try HTTP2Pair()
        let stalled = try (0..<20).map { _ in try pair.request("GET / HTTP/1.1\nHost: a.example") }
        for (_, served) in stalled {
            served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
            served.outbound.append([UInt8](repeating: 1, count: 300_000).span)
            served.dataAdded()
        }
        try pair.settle()
        let windowBytes = HTTP2Limits.client.streamWindowBytes
        #expect(stalled.allSatisfy { $0.0.inbound.count == windowBytes })
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        served.add("quick")
        served.finish()
        try pair.settle()
        #expect(asked.inboundText == "quick" && asked.hasEnded)
    }

    @Test("streams take turns, so a long answer does not delay a short one")
    func turns() throws {
        let pair = try HTTP2Pair()
        let (_, long) = try pair.request("GET /long HTTP/1.1\nHost: a.example")
        let (short, servedShort) = try pair.request("GET /short HTTP/1.1\nHost: a.example")
        for stream in [long, servedShort] {
            stream.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        }
        long.outbound.append([UInt8](repeating: 1, count: 200_000).span)
        long.dataAdded()
        servedShort.add("quick")
        servedShort.finish()
        var out = ByteQueue()
        pair.server.session.send(into: &out, byteCountMax: 40_000)
        #expect(out.count >= 40_000 && out.count < 60_000)
        #expect(pair.server.session.wantsSend)
        try pair.client.receive(out.withBytes { bytes in bytes.indices.map { bytes[$0] } })
        #expect(short.hasEnded)
    }

    @Test("a cancelled stream leaves the others alone", arguments: [true, false])
    func cancel(byClient: Bool) throws {
        let pair = try HTTP2Pair()
        let streams = try (0..<20).map { try pair.request("GET /\($0) HTTP/1.1\nHost: a.example") }
        for (_, served) in streams {
            served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
            served.add("first ")
        }
        try pair.settle()
        let (gone, lost) = byClient ? (streams[7].0, streams[7].1) : (streams[7].1, streams[7].0)
        gone.reset(byClient ? .cancel : .internalError)
        #expect(gone.isClosed && gone.resetCode == nil)
        try pair.settle()
        #expect(lost.resetCode == (byClient ? .cancel : .internalError) && lost.isResetByPeer && lost.isClosed)
        #expect(!lost.hasEnded || byClient)
        for (index, (asked, served)) in streams.enumerated() where index != 7 {
            served.add("second")
            served.finish()
            try pair.settle()
            #expect(asked.inboundText == "first second" && asked.hasEnded && asked.resetCode == nil)
        }
        #expect(pair.client.session.openStreamCount == 0 && pair.server.session.openStreamCount == 0)
    }

    @Test("a cut keeps what came before it, and never looks like an end")
    func cut() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        served.add("received so far")
        served.reset(.internalError, flushing: true)
        try pair.settle()
        #expect(asked.inboundText == "received so far")
        #expect(asked.resetCode == .internalError && !asked.hasEnded && asked.isClosed && !asked.isRefused)
        #expect(served.isClosed)
    }

    @Test("a server that answered fully tells a client that still sends to stop, without an error")
    func earlyAnswer() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("POST / HTTP/1.1\nHost: a.example", body: "part", ends: false)
        served.send(head: try fields(answer: "HTTP/1.1 413 Content Too Large"), ends: false)
        served.add("no")
        served.finish()
        served.stopReceiving()
        #expect(!served.isClosed)
        try pair.settle()
        #expect(asked.takeHead()?.status == 413)
        #expect(asked.inboundText == "no" && asked.hasEnded)
        #expect(asked.resetCode == .noError && asked.isClosed && served.isClosed)
    }

    @Test("what nobody wants is dropped and credited, so that its sender can finish")
    func discards() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("POST / HTTP/1.1\nHost: a.example", ends: false)
        served.stopReceiving()
        asked.outbound.append([UInt8](repeating: 1, count: 1_000_000).span)
        asked.dataAdded()
        asked.finish()
        try pair.settle()
        #expect(asked.hasSentEnd && served.hasEnded && served.inbound.isEmpty)
    }

    @Test("refused streams and those behind a GOAWAY may be sent again, others may not")
    func refused() throws {
        let pair = try HTTP2Pair()
        let (refused, server) = try pair.request("POST / HTTP/1.1\nHost: a.example", body: "x")
        server.reset(.refusedStream)
        try pair.settle()
        #expect(refused.isRefused && refused.resetCode == .refusedStream)

        let (kept, servedKept) = try pair.request("POST / HTTP/1.1\nHost: a.example", body: "x")
        let behind = try pair.client.session.openStream(
            try fields(request: "POST / HTTP/1.1\nHost: a.example"), hasBody: false)
        _ = pair.client.output()
        try pair.client.receive(
            RawHTTP2.frame(7, 0, 0, RawHTTP2.word(UInt32(kept.id)) + RawHTTP2.word(0)))
        #expect(behind.isRefused && behind.isClosed)
        #expect(!kept.isClosed && pair.client.session.isDraining && !pair.client.session.canOpenStream)
        servedKept.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: true)
        try pair.client.receive(pair.server.output())
        #expect(kept.takeHead()?.status == 200 && kept.hasEnded && !kept.isRefused)
    }

    @Test("a lost connection ends every stream; only what was never sent may be sent again")
    func lost() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        let unsent = try pair.client.session.openStream(
            try fields(request: "GET / HTTP/1.1\nHost: a.example"), hasBody: false)
        pair.client.session.connectionLost()
        pair.server.session.connectionLost()
        #expect(asked.isClosed && asked.resetCode == .internalError && !asked.isRefused && !asked.isResetByPeer)
        #expect(unsent.isClosed && unsent.isRefused)
        #expect(served.isClosed && served.resetCode == .internalError)
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: true)
        served.release()
        asked.release()
        #expect(!pair.client.session.wantsSend && pair.client.session.isFinished)
        #expect(throws: HTTP2Failure.self) {
            try pair.client.session.openStream(try fields(request: "GET / HTTP/1.1\nHost: a"), hasBody: false)
        }
    }

    @Test("a graceful end lets streams in flight finish, and takes no new ones")
    func graceful() throws {
        let pair = try HTTP2Pair()
        let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        pair.server.session.goAway(.noError)
        let notice = RawHTTP2.frames(pair.server.output())
        #expect(notice.first { $0.type == 7 }?.payload.prefix(4) == [0x7f, 0xff, 0xff, 0xff])
        pair.server.session.goAway(.noError)
        let final = pair.server.output()
        #expect(RawHTTP2.frames(final).first { $0.type == 7 }?.payload.prefix(4) == [0, 0, 0, 1])
        try pair.client.receive(final)
        #expect(pair.client.session.isDraining && !pair.client.session.canOpenStream)
        #expect(!pair.server.session.isFinished)
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        served.add("still")
        served.finish()
        try pair.settle()
        #expect(asked.inboundText == "still" && asked.hasEnded)
        #expect(pair.server.session.isFinished && pair.client.session.isFinished)
        #expect(pair.server.session.failure == nil)
    }

    @Test("the last stream of a graceful end is named a round trip after the notice")
    func gracefulRoundTrip() throws {
        let pair = try HTTP2Pair()
        try pair.settle()
        let racing = try pair.client.session.openStream(
            try fields(request: "GET / HTTP/1.1\nHost: a.example"), hasBody: false)
        let request = pair.client.output()
        pair.server.session.goAway(.noError)
        let notice = pair.server.output()
        try pair.server.receive(request)
        try pair.client.receive(notice)
        try pair.settle()
        #expect(pair.server.requests.count == 1 && !racing.isClosed)
        pair.server.requests[0].send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: true)
        try pair.settle()
        #expect(racing.takeHead()?.status == 200)
        #expect(pair.server.session.isFinished)
    }

    @Test("a WebSocket is opened by extended CONNECT and carries bytes both ways")
    func extendedConnect() throws {
        let pair = try HTTP2Pair()
        try pair.settle()
        #expect(pair.client.session.peerEnablesConnectProtocol)
        let head = """
            GET /realtime?model=x HTTP/1.1
            Host: a.example
            Connection: Upgrade
            Upgrade: websocket
            Sec-WebSocket-Version: 13
            Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==
            """
        let asked = try pair.client.session.openStream(
            try fields(request: head, connectProtocol: true), hasBody: true)
        try pair.settle()
        let served = try #require(pair.server.requests.first)
        let received = try #require(served.takeHead())
        #expect(received.isExtendedConnect && received.hasBody)
        #expect(
            received.lines == """
                GET /realtime?model=x HTTP/1.1
                host: a.example
                sec-websocket-version: 13
                connection: upgrade
                upgrade: websocket
                """)
        served.send(head: list([(":status", "200")]), ends: false)
        served.add("from server")
        asked.add("from client")
        try pair.settle()
        #expect(asked.takeHead().map { $0.isExtendedConnect && $0.lines == "HTTP/1.1 200 OK" } == true)
        #expect(asked.inboundText == "from server" && served.inboundText == "from client")
        asked.finish()
        served.finish()
        try pair.settle()
        #expect(asked.hasEnded && served.hasEnded && asked.isClosed && served.isClosed)
    }

    @Test("no more streams are opened than the peer allows")
    func peerLimit() throws {
        var limits = HTTP2Limits.server
        limits.streamsMax = 3
        let pair = try HTTP2Pair(server: limits)
        try pair.settle()
        #expect(pair.client.session.peerStreamsMax == 3)
        for _ in 0..<3 { _ = try pair.request("GET / HTTP/1.1\nHost: a.example") }
        #expect(!pair.client.session.canOpenStream)
        #expect(throws: HTTP2Failure.self) { try pair.request("GET / HTTP/1.1\nHost: a.example") }
        let served = pair.server.requests[0]
        served.send(head: try fields(answer: "HTTP/1.1 204 No Content"), ends: true)
        try pair.settle()
        #expect(pair.client.session.canOpenStream)
    }

    @Test("a stream whose exchange still tears down counts, and one more is refused until it is released")
    func liveStreams() throws {
        var limits = HTTP2Limits.server
        limits.streamsMax = 2
        let pair = try HTTP2Pair(server: limits)
        for _ in 0..<2 {
            let (asked, _) = try pair.request("GET / HTTP/1.1\nHost: a.example")
            asked.reset(.cancel)
        }
        let refused = try pair.client.session.openStream(
            try fields(request: "GET / HTTP/1.1\nHost: a.example"), hasBody: false)
        try pair.settle()
        #expect(refused.isRefused && pair.server.requests.count == 2)
        pair.server.requests[0].release()
        let (accepted, _) = try pair.request("GET / HTTP/1.1\nHost: a.example")
        #expect(!accepted.isClosed && pair.server.requests.count == 3)
    }

    @Test("a head as large as any that leo takes is sent, and one beyond ends its stream and is not tried again")
    func largeHeads() throws {
        var limits = HTTP2Limits.server
        limits.headBytesMax = 1024 * 1024
        limits.continuationCountMax = 100
        let pair = try HTTP2Pair(client: nil, server: limits)
        try pair.settle()
        func request(_ byteCount: Int) throws -> HTTP2Stream {
            var fields = try fields(request: "GET / HTTP/1.1\nHost: a.example")
            let value = [UInt8](repeating: UInt8(ascii: "~"), count: 1000)
            for _ in 0..<byteCount / 1000 { fields.append(Array("x".utf8), value, isNeverIndexed: true) }
            return try pair.client.session.openStream(fields, hasBody: false)
        }
        let sent = try request(HTTP2Limits.client.headBytesMax)
        let dropped = try request(5 * HTTP2Limits.client.headBytesMax)
        try pair.settle()
        #expect(pair.server.requests.map(\.id) == [sent.id] && !sent.isClosed)
        #expect(dropped.isClosed && dropped.resetCode == .internalError && !dropped.isRefused)

        var answer = list([(":status", "200")])
        answer.append(Array("x".utf8), [UInt8](repeating: UInt8(ascii: "~"), count: 5 * limits.headBytesMax))
        pair.server.requests[0].send(head: answer, ends: true)
        try pair.settle()
        #expect(sent.isClosed && sent.resetCode == .internalError && sent.heads.isEmpty)
        #expect(pair.server.requests[0].isClosed && pair.server.session.failure == nil)
    }

    @Test("never-indexed fields stay so, and credentials become so")
    func sensitive() throws {
        let pair = try HTTP2Pair()
        let (_, served) = try pair.request(
            "GET / HTTP/1.1\nHost: a.example\nX-One: 1\nAuthorization: Bearer x\nCookie: a=b")
        let head = try #require(served.takeHead())
        #expect(head.sensitiveFields == [2, 3])
        var parsed = HTTP1Head(.request)
        let isComplete = try parsed.parse(head.text.span)
        #expect(isComplete)
        parsed.neverIndexedFields = [1]
        let again = HTTP2FieldList(request: parsed, from: head.text.span, scheme: "https")
        #expect(again.fields.map(\.isNeverIndexed).suffix(3) == [true, true, true])
    }

    @Test("a task that sleeps on a stream wakes when something comes, when room comes, and when the stream is gone")
    func wakes() async throws {
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            var limits = HTTP2Limits.client
            limits.streamWindowBytes = 65_535
            let pair = try HTTP2Pair(client: limits)
            let (asked, served) = try pair.request("GET / HTTP/1.1\nHost: a.example")
            let reader = Waiter(loop: loop)
            let writer = Waiter(loop: loop)
            asked.waiter = reader
            served.waiter = writer
            served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
            served.outbound.append([UInt8](repeating: 1, count: 70_000).span)
            served.dataAdded()
            try pair.settle()
            // Each sleep ends at once, or the test would hang.
            #expect(await reader.sleep() == .event && asked.inbound.count == 65_535)
            #expect(await writer.sleep() == .event && served.outbound.count == 70_000 - 65_535)
            asked.consume(65_535)
            try pair.settle()
            #expect(await writer.sleep() == .event && served.outbound.isEmpty)
            asked.reset(.cancel)
            #expect(await reader.sleep() == .event && asked.isClosed)
            try pair.settle()
            #expect(await writer.sleep() == .event && served.resetCode == .cancel)
            reader.retire()
            writer.retire()
        }
    }

    @Test("a session without its owner sends nothing, and a stream without its session does no harm")
    func orphans() throws {
        var pair: HTTP2Pair? = try HTTP2Pair()
        let (asked, served) = try #require(try pair?.request("GET / HTTP/1.1\nHost: a.example"))
        pair = nil
        served.send(head: try fields(answer: "HTTP/1.1 200 OK"), ends: false)
        served.add("x")
        served.finish()
        asked.reset(.cancel)
        served.release()
        #expect(!asked.isBlockedByPeer)
    }
}
