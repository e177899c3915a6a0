import Testing
import Wire

@testable import Proxy

/// What a peer writes by hand, malformed or unusual (RFC 9113 8).
@Suite("An HTTP/2 message")
struct HTTP2MessageTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var fields: [(String, String)]
        /// What follows HEADERS; none means that HEADERS ends the stream.
        var rest: [[UInt8]] = []

        init(_ description: String, _ fields: [(String, String)], _ rest: [UInt8]...) {
            testDescription = description
            self.fields = fields
            self.rest = rest
        }
    }

    private static func plain(_ more: (String, String)...) -> [(String, String)] { RawHTTP2.plain + more }
    private static func without(_ name: String) -> [(String, String)] { RawHTTP2.plain.filter { $0.0 != name } }
    private static func changed(_ name: String, _ value: String) -> [(String, String)] {
        RawHTTP2.plain.map { $0.0 == name ? (name, value) : $0 }
    }

    static let malformed: [Case] = [
        Case("an upper-case field name", plain(("X-One", "1"))),
        Case("an upper-case letter in a name", plain(("x-onE", "1"))),
        Case("Connection", plain(("connection", "close"))),
        Case("Keep-Alive", plain(("keep-alive", "timeout=5"))),
        Case("Proxy-Connection", plain(("proxy-connection", "keep-alive"))),
        Case("Transfer-Encoding", plain(("transfer-encoding", "chunked"))),
        Case("Upgrade", plain(("upgrade", "websocket"))),
        Case("TE with more than trailers", plain(("te", "trailers, gzip"))),
        Case("no :method", without(":method")),
        Case("no :scheme", without(":scheme")),
        Case("no :path", without(":path")),
        Case("no :authority and no Host", without(":authority")),
        Case("two :method", [(":method", "GET")] + RawHTTP2.plain),
        Case("two :path", [(":path", "/other")] + RawHTTP2.plain),
        Case("two :authority", [(":authority", "a.example")] + RawHTTP2.plain),
        Case("two :scheme", [(":scheme", "https")] + RawHTTP2.plain),
        Case("an unknown pseudo field", [(":unknown", "1")] + RawHTTP2.plain),
        Case(":status in a request", [(":status", "200")] + RawHTTP2.plain),
        Case("a pseudo field behind a field", [("x-one", "1")] + RawHTTP2.plain),
        Case("an upper-case pseudo field", [(":Method", "GET")] + without(":method")),
        Case("an empty :path", changed(":path", "")),
        Case("a :path without slash", changed(":path", "index.html")),
        Case("a :path in absolute form", changed(":path", "https://b.example/")),
        Case("a :path with a space", changed(":path", "/a HTTP/1.1")),
        Case("a :path with a line end", changed(":path", "/a\r\nx: y")),
        Case("an empty :method", changed(":method", "")),
        Case("a :method with a space", changed(":method", "GET /")),
        Case("a :method with a line end", changed(":method", "GET\r\n")),
        Case("an unknown :scheme", changed(":scheme", "ftp")),
        Case("an empty :authority", changed(":authority", "")),
        Case("an :authority with a line end", changed(":authority", "a.example\r\nx: y")),
        Case("an :authority with a space", changed(":authority", "a.example b")),
        Case("a Host other than :authority", plain(("host", "b.example"))),
        Case("a Host with another port", plain(("host", "a.example:8443"))),
        Case("two Host", plain(("host", "a.example"), ("host", "a.example"))),
        Case("two Host without :authority", without(":authority") + [("host", "a.example"), ("host", "a.example")]),
        Case("an empty field name", plain(("", "1"))),
        Case("a field name with a space", plain(("x one", "1"))),
        Case("a field name with a colon", plain(("x:one", "1"))),
        Case("a field name with a line end", plain(("x\r\ny", "1"))),
        Case("a field name with NUL", plain(("x\0", "1"))),
        Case("a field name beyond ASCII", plain(("x\u{e9}", "1"))),
        Case("a value with CR", plain(("x-one", "a\rb"))),
        Case("a value with LF", plain(("x-one", "a\nb"))),
        Case("a value with CRLF and a field", plain(("x-one", "a\r\ncontent-length: 5"))),
        Case("a value with NUL", plain(("x-one", "a\0b"))),
        Case("a value with DEL", plain(("x-one", "a\u{7f}"))),
        Case("a value that begins with a space", plain(("x-one", " a"))),
        Case("a value that ends with a space", plain(("x-one", "a "))),
        Case("a value that begins with a tab", plain(("x-one", "\ta"))),
        Case("a value that ends with a tab", plain(("x-one", "a\t"))),
        Case("a Content-Length without content", plain(("content-length", "5"))),
        Case("a Content-Length that is no number", plain(("content-length", "five"))),
        Case("a negative Content-Length", plain(("content-length", "-1"))),
        Case("an empty Content-Length", plain(("content-length", ""))),
        Case("two Content-Length", plain(("content-length", "0"), ("content-length", "0"))),
        Case("a Content-Length list", plain(("content-length", "0, 0"))),
        Case("more content than said", plain(("content-length", "2")), RawHTTP2.data(1, "abc", ends: true)),
        Case("less content than said", plain(("content-length", "5")), RawHTTP2.data(1, "abc", ends: true)),
        Case(
            "less content than said, then trailers", plain(("content-length", "5")), RawHTTP2.data(1, "abc"),
            RawHTTP2.headers(1, [("x-sum", "1")])),
        Case("trailers with a pseudo field", plain(), RawHTTP2.data(1, "abc"), RawHTTP2.headers(1, [(":path", "/")])),
        Case(
            "trailers that do not end the stream", plain(), RawHTTP2.data(1, "a"),
            RawHTTP2.headers(1, [("x-sum", "1")], ends: false)),
        Case("trailers with Content-Length", plain(), RawHTTP2.headers(1, [("content-length", "0")])),
        Case("trailers with Host", plain(), RawHTTP2.headers(1, [("host", "a.example")])),
        Case("trailers with Transfer-Encoding", plain(), RawHTTP2.headers(1, [("transfer-encoding", "chunked")])),
        Case("trailers with Authorization", plain(), RawHTTP2.headers(1, [("authorization", "Bearer x")])),
        Case("trailers that imitate framing", plain(), RawHTTP2.headers(1, [("content_length", "1")])),
        Case("trailers with an upper-case name", plain(), RawHTTP2.headers(1, [("X-Sum", "1")])),
        Case("CONNECT with a path", changed(":method", "CONNECT")),
        Case("CONNECT without authority", [(":method", "CONNECT"), ("host", "a.example")]),
        Case(
            ":protocol in another method than CONNECT", [(":protocol", "websocket")] + changed(":method", "GET")),
        Case(
            "extended CONNECT without path",
            [(":method", "CONNECT"), (":protocol", "websocket"), (":scheme", "https"), (":authority", "a.example")]),
        Case(
            "extended CONNECT without scheme",
            [(":method", "CONNECT"), (":protocol", "websocket"), (":path", "/"), (":authority", "a.example")]),
    ]

    @Test("that is malformed resets its stream and disturbs no other", arguments: malformed)
    func resets(_ sample: Case) throws {
        let server = try HTTP2Side(.server, enableConnectProtocol: true)
        try server.receive(RawHTTP2.opening)
        try server.receive(RawHTTP2.headers(1, sample.fields, ends: sample.rest.isEmpty))
        for frame in sample.rest { try server.receive(frame) }
        try server.receive(RawHTTP2.headers(3, RawHTTP2.plain))
        let out = server.output()
        #expect(RawHTTP2.resets(out) == [1: .protocolError])
        #expect(RawHTTP2.goAway(out) == nil)
        #expect(server.requests.last?.id == 3 && server.requests.last?.hasEnded == true)
        if let first = server.requests.first, first.id == 1 {
            // Its head was in order: the exchange has begun, and it must not take the request for a whole one.
            #expect(first.resetCode == .protocolError && !first.hasEnded && first.isClosed && !first.isResetByPeer)
            #expect(!sample.rest.isEmpty)
        }
    }

    @Test("that is malformed is refused alike byte by byte", arguments: malformed)
    func malformedBytewise(_ sample: Case) throws {
        let server = try HTTP2Side(.server, enableConnectProtocol: true)
        let bytes =
            RawHTTP2.opening + RawHTTP2.headers(1, sample.fields, ends: sample.rest.isEmpty) + sample.rest.joined()
            + RawHTTP2.headers(3, RawHTTP2.plain)
        try server.receive(bytes, every: 1)
        #expect(RawHTTP2.resets(server.output()) == [1: .protocolError])
        #expect(server.requests.last?.id == 3)
    }

    struct Reading: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var fields: [(String, String)]
        var lines: String
        var ends = true
    }

    static let wellFormed: [Reading] = [
        Reading(
            testDescription: "with Host beside :authority has it once", fields: plain(("host", "A.example:443")),
            lines: "POST / HTTP/1.1\nhost: a.example"),
        Reading(
            testDescription: "with Host instead of :authority", fields: without(":authority") + [("host", "b.example")],
            lines: "POST / HTTP/1.1\nhost: b.example"),
        Reading(
            testDescription: "with an empty value", fields: plain(("x-one", "")),
            lines: "POST / HTTP/1.1\nhost: a.example\nx-one: "),
        Reading(
            testDescription: "with tabs and bytes beyond ASCII inside a value", fields: plain(("x-one", "a\tb c")),
            lines: "POST / HTTP/1.1\nhost: a.example\nx-one: a\tb c"),
        Reading(
            testDescription: "with cookie crumbs keeps them apart", fields: plain(("cookie", "a=1"), ("cookie", "b=2")),
            lines: "POST / HTTP/1.1\nhost: a.example\ncookie: a=1\ncookie: b=2"),
        Reading(
            testDescription: "with the same name twice keeps both and their order",
            fields: plain(("x-one", "1"), ("x-two", "2"), ("x-one", "3")),
            lines: "POST / HTTP/1.1\nhost: a.example\nx-one: 1\nx-two: 2\nx-one: 3"),
        Reading(
            testDescription: "with TE: trailers", fields: plain(("te", "trailers")),
            lines: "POST / HTTP/1.1\nhost: a.example\nte: trailers"),
        Reading(
            testDescription: "with content of unknown length reads as chunked", fields: plain(),
            lines: "POST / HTTP/1.1\nhost: a.example\ntransfer-encoding: chunked", ends: false),
        Reading(
            testDescription: "with content of known length keeps it", fields: plain(("content-length", "3")),
            lines: "POST / HTTP/1.1\nhost: a.example\ncontent-length: 3", ends: false),
        Reading(
            testDescription: "with an empty content of known length", fields: plain(("content-length", "0")),
            lines: "POST / HTTP/1.1\nhost: a.example\ncontent-length: 0"),
        Reading(
            testDescription: "for the server as a whole",
            fields: [(":method", "OPTIONS"), (":scheme", "https"), (":authority", "a.example"), (":path", "*")],
            lines: "OPTIONS * HTTP/1.1\nhost: a.example"),
        Reading(
            testDescription: "that is a plain CONNECT stays one, for the exchange to refuse",
            fields: [(":method", "CONNECT"), (":authority", "b.example:443")],
            lines: "CONNECT b.example:443 HTTP/1.1\nhost: b.example:443", ends: false),
        Reading(
            testDescription: "that is an extended CONNECT for something else stays a CONNECT",
            fields: [
                (":method", "CONNECT"), (":protocol", "connect-udp"), (":scheme", "https"),
                (":authority", "b.example:443"), (":path", "/udp"),
            ],
            lines: "CONNECT b.example:443 HTTP/1.1\nhost: b.example:443", ends: false),
        Reading(
            testDescription: "with a path that the parser will judge",
            fields: changed(":path", "/a#b"), lines: "POST /a#b HTTP/1.1\nhost: a.example"),
    ]

    @Test("that is well-formed becomes text", arguments: wellFormed)
    func becomesText(_ sample: Reading) throws {
        let server = try HTTP2Side(.server, enableConnectProtocol: true)
        try server.receive(RawHTTP2.opening + RawHTTP2.headers(1, sample.fields, ends: sample.ends))
        let stream = try #require(server.requests.first)
        let head = try #require(stream.takeHead())
        #expect(head.lines == sample.lines)
        #expect(head.hasBody != sample.ends && stream.hasEnded == sample.ends && !head.isExtendedConnect)
        #expect(RawHTTP2.resets(server.output()).isEmpty)
    }

    static let malformedAnswers: [Case] = [
        Case("no :status", [("x-one", "1")]),
        Case("two :status", [(":status", "200"), (":status", "200")]),
        Case("a :status of two digits", [(":status", "20")]),
        Case("a :status that is no number", [(":status", "2xx")]),
        Case("101, which HTTP/2 does not have", [(":status", "101")], RawHTTP2.data(1, "x", ends: true)),
        Case("a :path in an answer", [(":status", "200"), (":path", "/")]),
        Case("Connection in an answer", [(":status", "200"), ("connection", "close")]),
        Case("Transfer-Encoding in an answer", [(":status", "200"), ("transfer-encoding", "chunked")]),
        Case("an upper-case name in an answer", [(":status", "200"), ("X-One", "1")]),
        Case("a line end in a value of an answer", [(":status", "200"), ("x-one", "a\r\nb: c")]),
        Case(
            "more content than an answer said", [(":status", "200"), ("content-length", "1")],
            RawHTTP2.data(1, "abc", ends: true)),
        Case(
            "less content than an answer said", [(":status", "200"), ("content-length", "9")],
            RawHTTP2.data(1, "abc", ends: true)),
        Case("an interim answer that ends the stream", [(":status", "103")]),
        Case("content behind an interim answer", [(":status", "103")], RawHTTP2.data(1, "abc", ends: true)),
        Case("content on a 204", [(":status", "204")], RawHTTP2.data(1, "abc", ends: true)),
        Case(
            "trailers with a pseudo field in an answer", [(":status", "200")], RawHTTP2.data(1, "abc"),
            RawHTTP2.headers(1, [(":status", "200")])),
        Case(
            "trailers with Set-Cookie in an answer", [(":status", "200")], RawHTTP2.data(1, "abc"),
            RawHTTP2.headers(1, [("set-cookie", "a=b")])),
    ]

    @Test("that is a malformed answer cuts its stream and disturbs no other", arguments: malformedAnswers)
    func malformedAnswer(_ sample: Case) throws {
        let client = try HTTP2Side(.client)
        let request = try fields(request: "POST / HTTP/1.1\nHost: a.example")
        let asked = try client.session.openStream(request, hasBody: true)
        let other = try client.session.openStream(request, hasBody: false)
        _ = client.output()
        try client.receive(RawHTTP2.settings)
        try client.receive(RawHTTP2.headers(1, sample.fields, ends: sample.rest.isEmpty))
        for frame in sample.rest { try client.receive(frame) }
        try client.receive(RawHTTP2.headers(3, [(":status", "200")]))
        #expect(RawHTTP2.resets(client.output()) == [1: .protocolError])
        #expect(asked.resetCode == .protocolError && !asked.hasEnded && !asked.isRefused && asked.isClosed)
        #expect(other.takeHead()?.status == 200 && other.hasEnded)
    }

    @Test("that answers HEAD may name the length of content that it does not have")
    func head() throws {
        let client = try HTTP2Side(.client)
        let asked = try client.session.openStream(
            try fields(request: "HEAD / HTTP/1.1\nHost: a.example"), hasBody: false)
        _ = client.output()
        try client.receive(RawHTTP2.settings + RawHTTP2.headers(1, [(":status", "200"), ("content-length", "99")]))
        #expect(asked.takeHead()?.hasBody == false && asked.hasEnded && asked.resetCode == nil)
    }

    @Test("that comes in too many interim answers cuts its stream")
    func interimFlood() throws {
        let client = try HTTP2Side(.client)
        let asked = try client.session.openStream(
            try fields(request: "GET / HTTP/1.1\nHost: a.example"), hasBody: false)
        _ = client.output()
        try client.receive(RawHTTP2.settings)
        for _ in 0..<100 { try client.receive(RawHTTP2.headers(1, [(":status", "103")], ends: false)) }
        #expect(asked.heads.count == HTTP2Limits.client.interimCountMax)
        #expect(asked.resetCode == .enhanceYourCalm)
        #expect(RawHTTP2.resets(client.output()) == [1: .enhanceYourCalm])
    }

    @Test("whose head is too large is answered 431, and the connection goes on", arguments: [true, false])
    func largeHead(ends: Bool) throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening)
        let value = String(repeating: "v", count: 4000)
        // Twenty fields in two frames.
        let block = RawHTTP2.block(RawHTTP2.plain + (0..<20).map { ("x-\($0)", value) })
        let cut = 16_000
        try server.receive(RawHTTP2.frame(1, ends ? RawHTTP2.endStream : 0, 1, Array(block[..<cut])))
        var rest = block[cut...]
        while !rest.isEmpty {
            let piece = rest.prefix(cut)
            rest = rest.dropFirst(cut)
            try server.receive(RawHTTP2.frame(9, rest.isEmpty ? RawHTTP2.endHeaders : 0, 1, Array(piece)))
        }
        if !ends {
            try server.receive(RawHTTP2.data(1, "content"))
            try server.receive(RawHTTP2.headers(1, [("x-sum", "1")]))
        }
        try server.receive(RawHTTP2.headers(3, RawHTTP2.plain))
        let out = server.output()
        #expect(server.requests.map(\.id) == [3] && server.refusals == [431])
        let answer = try #require(RawHTTP2.frames(out).first { $0.type == 1 })
        #expect(answer.stream == 1 && answer.flags & RawHTTP2.endStream != 0)
        #expect(RawHTTP2.resets(out).isEmpty && RawHTTP2.goAway(out) == nil)
        #expect(server.session.openStreamCount == 1)
    }

    @Test("whose trailers are too large cuts its stream")
    func largeTrailers() throws {
        let server = try HTTP2Side(.server)
        try server.receive(RawHTTP2.opening + RawHTTP2.headers(1, RawHTTP2.plain, ends: false))
        try server.receive(RawHTTP2.headers(1, [("x-sum", String(repeating: "v", count: 9000))]))
        #expect(server.requests.first?.resetCode == .enhanceYourCalm)
        #expect(RawHTTP2.resets(server.output()) == [1: .enhanceYourCalm])
    }
}
