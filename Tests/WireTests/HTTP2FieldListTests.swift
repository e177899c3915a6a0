import Testing
import Wire

/// The mapping of RFC 9113 8.3, from HTTP/1 to HTTP/2 and back.
@Suite("HTTP/2 fields")
struct HTTP2FieldListTests {
    /// The fields as lines; `*` marks those that are never indexed.
    private static func lines(_ list: HTTP2FieldList) -> [String] {
        list.fields.map { field in
            text(list.bytes[field.nameStart..<field.valueStart]) + ": "
                + text(list.bytes[field.valueStart..<field.valueEnd]) + (field.isNeverIndexed ? " *" : "")
        }
    }

    private static func request(_ stream: String, connectProtocol: Bool = false) throws -> [String] {
        let wire = bytes(stream)
        var head = HTTP1Head(.request)
        let isComplete = try head.parse(wire.span)
        try #require(isComplete)
        return lines(
            HTTP2FieldList(request: head, from: wire.span, scheme: "https", connectProtocol: connectProtocol))
    }

    private static func answer(_ stream: String, status: Int? = nil) throws -> [String] {
        let wire = bytes(stream)
        var head = HTTP1Head(.response)
        let isComplete = try head.parse(wire.span)
        try #require(isComplete)
        return lines(HTTP2FieldList(answer: head, from: wire.span, status: status))
    }

    @Test(
        "of a request have its parts first, and then its fields in order",
        arguments: [
            (
                "POST /v1?x=1 HTTP/1.1\r\nHost: a.example:8443\r\nX-One:  1 \r\nx-TWO: 2\r\nX-One: 3\r\nContent-Length: 05\r\n\r\n",
                [
                    ":method: POST", ":scheme: https", ":authority: a.example:8443", ":path: /v1?x=1", "x-one: 1",
                    "x-two: 2", "x-one: 3", "content-length: 5",
                ]
            ),
            (
                "GET https://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n",
                [":method: GET", ":scheme: https", ":authority: a.example", ":path: /"]
            ),
            (
                "GET http://a.example?x HTTP/1.0\r\n\r\n",
                [":method: GET", ":scheme: https", ":authority: a.example", ":path: /?x"]
            ),
            (
                "OPTIONS http://a.example HTTP/1.1\r\nHost: a.example\r\n\r\n",
                [":method: OPTIONS", ":scheme: https", ":authority: a.example", ":path: *"]
            ),
            (
                "OPTIONS * HTTP/1.1\r\nHost: a.example\r\n\r\n",
                [":method: OPTIONS", ":scheme: https", ":authority: a.example", ":path: *"]
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nConnection: keep-alive, X-Hop\r\nKeep-Alive: timeout=5\r\nX-Hop: 1\r\nTE: trailers, gzip\r\nUpgrade: h2c\r\nProxy-Connection: close\r\nExpect: 100-continue\r\nProxy-Authorization: Basic x\r\nX-End: 1\r\n\r\n",
                [":method: GET", ":scheme: https", ":authority: a", ":path: /", "x-end: 1", "te: trailers"]
            ),
            (
                "PUT / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTrailer: X-Sum\r\n\r\n",
                [":method: PUT", ":scheme: https", ":authority: a", ":path: /", "trailer: X-Sum"]
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer x\r\nX-API-Key: k\r\napi-key: k\r\nx-goog-api-key: k\r\nCookie: a=b\r\nCookie: a=bcdefghijklmnopqrstuvwxyz\r\n\r\n",
                [
                    ":method: GET", ":scheme: https", ":authority: a", ":path: /", "authorization: Bearer x *",
                    "x-api-key: k *", "api-key: k *", "x-goog-api-key: k *", "cookie: a=b *",
                    "cookie: a=bcdefghijklmnopqrstuvwxyz",
                ]
            ),
            (
                "GET / HTTP/1.1\r\nHost: a\r\nX-Empty:\r\nX-Bytes: \u{e9}\t\u{ff}\r\n\r\n",
                [
                    ":method: GET", ":scheme: https", ":authority: a", ":path: /", "x-empty: ",
                    "x-bytes: \u{e9}\t\u{ff}",
                ]
            ),
        ])
    func requests(_ stream: String, _ expected: [String]) throws {
        #expect(try Self.request(stream) == expected)
    }

    @Test("of a WebSocket's request are an extended CONNECT without key")
    func webSocket() throws {
        let stream =
            "GET /rt HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Key: x\r\n"
            + "Sec-WebSocket-Version: 13\r\nSec-WebSocket-Protocol: realtime\r\n\r\n"
        #expect(
            try Self.request(stream, connectProtocol: true) == [
                ":method: CONNECT", ":protocol: websocket", ":scheme: https", ":authority: a", ":path: /rt",
                "sec-websocket-version: 13", "sec-websocket-protocol: realtime",
            ])
    }

    @Test("of an answer have the status first, and nothing about the connection")
    func answers() throws {
        let stream =
            "HTTP/1.1 200 Fine\r\nTransfer-Encoding: chunked\r\nConnection: close\r\nSet-Cookie: a=b\r\n"
            + "Set-Cookie: c=d\r\nContent-Type: text/plain\r\n\r\n"
        #expect(
            try Self.answer(stream) == [
                ":status: 200", "set-cookie: a=b *", "set-cookie: c=d *", "content-type: text/plain",
            ])
        #expect(
            try Self.answer(
                "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Accept: x\r\n\r\n",
                status: 200)
                == [":status: 200"])
    }

    @Test(
        "of trailers are their lines, or nothing if a line is broken",
        arguments: [
            ("", []), ("X-Sum: 1\r\nb:2\r\n", ["x-sum: 1", "b: 2"]), ("a: \r\n", ["a: "]), ("a: b", nil),
            (": b\r\n", nil), ("a b: c\r\n", nil), ("a: b\nc: d\r\n", nil), ("a\r\n", nil), ("a:", nil),
        ] as [(String, [String]?)])
    func trailers(_ text: String, _ expected: [String]?) {
        #expect(HTTP2FieldList(trailers: bytes(text)).map(Self.lines) == expected)
    }

    // MARK: - And back

    private static func collect(
        _ fields: [(String, String)], as kind: HTTP2FieldCollector.Kind = .request, bytesMax: Int = 65_536
    ) -> HTTP2FieldCollector {
        var collector = HTTP2FieldCollector(kind, bytesMax: bytesMax)
        for (name, value) in fields {
            let name = bytes(name)
            let value = bytes(value)
            collector.add(name: name.span, value: value.span, isNeverIndexed: false)
        }
        return collector
    }

    private static let plain = [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/")]

    @Test("that were received become text that the parser of HTTP/1 reads, and the same fields again")
    func roundTrip() throws {
        let sent = Self.plain + [("x-one", "1"), ("te", "trailers"), ("cookie", "a=b"), ("cookie", "c=d")]
        let head = try Self.collect(sent).head(endsStream: true)
        #expect(
            text(head.text)
                == "GET / HTTP/1.1\r\nhost: a\r\nx-one: 1\r\nte: trailers\r\ncookie: a=b\r\ncookie: c=d\r\n\r\n")
        #expect(
            try Self.request(text(head.text)) == [
                ":method: GET", ":scheme: https", ":authority: a", ":path: /", "x-one: 1", "cookie: a=b *",
                "cookie: c=d *", "te: trailers",
            ])
    }

    @Test(
        "that could become another line or another target are malformed, whatever the library let through",
        arguments: [
            plain + [("x", "a\r\nb: c")], plain + [("x", "a\nb")], plain + [("x", "a\0")], plain + [("x\r\ny", "a")],
            plain + [("x y", "a")], plain + [("X", "a")], plain + [("", "a")], plain + [("x", " a")],
            plain + [("x", "a ")], plain + [(":path", "/")], plain + [(":other", "/")], [("x", "1")] + plain,
            plain + [("connection", "close")], plain + [("transfer-encoding", "chunked")], plain + [("te", "gzip")],
            plain + [("host", "b")], plain + [("host", "a"), ("host", "a")], [],
            [(":method", "G T"), (":scheme", "https"), (":authority", "a"), (":path", "/")],
            [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "/ x")],
            [(":method", "GET"), (":scheme", "https"), (":authority", "a b"), (":path", "/")],
            [(":method", "GET"), (":scheme", "https"), (":path", "/")],
            [(":method", "GET"), (":scheme", "https"), (":authority", ""), (":path", "/")],
            [(":method", "GET"), (":scheme", "https"), (":authority", "a"), (":path", "https://b/")],
        ])
    func malformed(_ fields: [(String, String)]) {
        #expect(throws: HTTP2FieldCollector.Flaw.malformed) { try Self.collect(fields).head(endsStream: true) }
    }

    @Test("count their names, values and 32 bytes each, and are not kept beyond the limit")
    func limit() throws {
        let count = Self.plain.reduce(0) { $0 + $1.0.utf8.count + $1.1.utf8.count + 32 }
        _ = try Self.collect(Self.plain, bytesMax: count).head(endsStream: true)
        #expect(throws: HTTP2FieldCollector.Flaw.tooLarge) {
            try Self.collect(Self.plain, bytesMax: count - 1).head(endsStream: true)
        }
        #expect(throws: HTTP2FieldCollector.Flaw.tooLarge) {
            try Self.collect([("X", "")] + Self.plain, bytesMax: count - 1).head(endsStream: true)
        }
    }

    @Test("of an answer become text with the standard phrase", arguments: [200, 404, 529, 999])
    func answerText(_ status: Int) throws {
        let head = try Self.collect([(":status", "\(status)"), ("x", "1")], as: .answer).head(endsStream: false)
        let phrase = HTTPStatusPhrase.phrase(for: status)
        #expect(text(head.text) == "HTTP/1.1 \(status) \(phrase)\r\nx: 1\r\ntransfer-encoding: chunked\r\n\r\n")
        var parsed = HTTP1Head(.response)
        let isComplete = try parsed.parse(head.text.span)
        #expect(isComplete && parsed.status == status && parsed.responseFraming(answering: .get) == .chunked)
    }

    @Test("of trailers become lines, but for those that trailers cannot have")
    func trailerText() throws {
        let lines = try Self.collect([("x-sum", "1"), ("b", "")], as: .trailers).trailerLines()
        #expect(text(lines) == "x-sum: 1\r\nb: \r\n")
        for name in ["content-length", "host", "authorization", "content_length", "set-cookie", ":path", "X"] {
            #expect(throws: HTTP2FieldCollector.Flaw.malformed) {
                try Self.collect([(name, "1")], as: .trailers).trailerLines()
            }
        }
    }
}
