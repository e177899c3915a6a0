import Testing

@testable import Wire

// RFC 9112 5 and 3.2, RFC 9110 5, 7.2 and 7.6.1: field lines, Host, Connection, Expect.
extension HTTP1Tables {
    static let fields: [HTTP1Case] = [
        accept("white space around a value does not belong to it", get("X-A: \t value \t\r\n")),
        accept("a value needs no space before it", get("X-A:value\r\n")),
        accept("a value may be empty", get("X-A:\r\nX-B: \r\n")),
        accept("tabs inside a value are part of it", get("X-A: a\tb\r\n")),
        accept("bytes above 0x7F in a value pass", get("X-A: caf\u{c3}\u{a9} \u{80}\u{ff}\r\n")),
        accept("every token character may be in a name", get("!#$%&'*+-.^_`|~09AZaz: x\r\n")),
        accept("the same name may come again", get("X-A: 1\r\nX-A: 2\r\n")),
        accept("an encoded line end is just text", get("X-A: a%0d%0aX-Evil: 1\r\n")),
        refuse("NUL in a value is refused", get("X-A: a\u{0}b\r\n"), .fieldValue),
        refuse("a control character in a value is refused", get("X-A: a\u{1b}b\r\n"), .fieldValue),
        refuse("a vertical tab is no white space", get("X-A: a\u{b}\r\n"), .fieldValue),
        refuse("DEL in a value is refused", get("X-A: a\u{7f}\r\n"), .fieldValue),
        refuse("a bare CR in a value is refused", get("X-A: a\rb\r\n"), .bareCarriageReturn),
        refuse("two CRs at the end of a line are refused", get("X-A: a\r\r\n"), .bareCarriageReturn),
        refuse("a line that ends in LF is refused", get("X-A: a\nX-B: b\r\n"), .bareLineFeed),
        refuse("a blank line of LF alone is refused", "GET / HTTP/1.1\r\nHost: h\r\n\n", .bareLineFeed),
        refuse("a blank line of CR alone is refused", "GET / HTTP/1.1\r\nHost: h\r\n\rX", .bareCarriageReturn),
        refuse("a continued line is refused", get("X-A: a\r\n b\r\n"), .foldedLine),
        refuse("a line continued with a tab is refused", get("X-A: a\r\n\tb\r\n"), .foldedLine),
        refuse("white space before the first field is refused", "GET / HTTP/1.1\r\n Host: h\r\n\r\n", .foldedLine),
        refuse("a space before the colon is refused", get("X-A : a\r\n"), .spaceBeforeColon),
        refuse("a tab before the colon is refused", get("X-A\t: a\r\n"), .spaceBeforeColon),
        refuse("a space inside a name is refused", get("X A: a\r\n"), .spaceBeforeColon),
        refuse("an empty name is refused", get(": a\r\n"), .fieldName),
        refuse("a line without colon is refused", get("X-A\r\n"), .fieldName),
        refuse("a name with an at sign is refused", get("X@A: a\r\n"), .fieldName),
        refuse("a name with a control character is refused", get("X\u{1}A: a\r\n"), .fieldName),
        refuse("a name with a backslash is refused", get("Transfer\\Encoding: chunked\r\n"), .fieldName),
        refuse("a name with a byte above 0x7F is refused", get("X\u{ad}A: a\r\n"), .fieldName),
        accept("two hundred fields are accepted", get(String(repeating: "X: 1\r\n", count: 199))),
        refuse("one more is not", get(String(repeating: "X: 1\r\n", count: 200)), error: .headTooLarge),
        accept("Expect: 100-Continue is understood", get("Expect: 100-Continue\r\n")),
        refuse("any other expectation fails", get("Expect: 200-ok\r\n"), error: .expectationFailed),
        accept("HTTP/1.0 knows no expectations", "GET / HTTP/1.0\r\nHost: h\r\nExpect: x\r\n\r\n"),
    ]

    static let host: [HTTP1Case] = [
        accept("Host may have a port", "GET / HTTP/1.1\r\nHost: h.example:8443\r\n\r\n"),
        accept("Host may be an address", "GET / HTTP/1.1\r\nHost: 127.0.0.1:1\r\n\r\n"),
        accept("Host may be an IPv6 address", "GET / HTTP/1.1\r\nhost: [::1]:1\r\n\r\n"),
        refuse("a 1.1 request needs Host", "GET / HTTP/1.1\r\n\r\n", .hostMissing),
        refuse("so does a 1.0 request, which could not be relayed", "GET / HTTP/1.0\r\n\r\n", .hostMissing),
        refuse("two Hosts are refused, even if equal", get("Host: h.example\r\n"), .hostRepeated),
        refuse("two Hosts are refused in any case", get("hOST: other.example\r\n"), .hostRepeated),
        refuse("an empty Host is refused", "GET / HTTP/1.1\r\nHost:\r\n\r\n", .hostValue),
        refuse("a user name in Host is refused", "GET / HTTP/1.1\r\nHost: x@h.example\r\n\r\n", .hostValue),
        refuse("a list in Host is refused", "GET / HTTP/1.1\r\nHost: h.example, evil.example\r\n\r\n", .hostValue),
        refuse("a path in Host is refused", "GET / HTTP/1.1\r\nHost: h.example/x\r\n\r\n", .hostValue),
        refuse("a space in Host is refused", "GET / HTTP/1.1\r\nHost: h.example x\r\n\r\n", .hostValue),
        refuse("an empty port in Host is refused", "GET / HTTP/1.1\r\nHost: h.example:\r\n\r\n", .hostValue),
        refuse("an escape in Host is refused", "GET / HTTP/1.1\r\nHost: h%2eexample\r\n\r\n", .hostValue),
    ]

    static let connection: [HTTP1Case] = [
        accept("Connection may list options and empty elements", get("Connection: close, , te,X-Hop\r\n")),
        accept("Connection may come twice", get("Connection: keep-alive\r\nConnection: X-Hop\r\n")),
        refuse("Connection may not name Host", get("Connection: host\r\n"), .connectionOptions),
        refuse("Connection may not name Content-Length", get("Connection: Content-Length\r\n"), .connectionOptions),
        refuse(
            "Connection may not name Transfer-Encoding", get("Connection: close, transfer-encoding\r\n"),
            .connectionOptions),
        refuse("Connection may not name Content-Type", get("Connection: content-type\r\n"), .connectionOptions),
        refuse("an option must be a token", get("Connection: a b\r\n"), .connectionOptions),
        refuse("an option has no parameters", get("Connection: close;x=1\r\n"), .connectionOptions),
        accept("32 options are accepted", get("Connection: " + String(repeating: "a,", count: 32) + "\r\n")),
        refuse(
            "one more is not", get("Connection: " + String(repeating: "a,", count: 33) + "\r\n"), .connectionOptions),
    ]
}

@Suite("Header fields")
struct HTTP1FieldTests {
    @Test("are judged by RFC 9112 section 5", arguments: HTTP1Tables.fields)
    func verdict(_ row: HTTP1Case) { row.check() }

    @Test("name exactly one host", arguments: HTTP1Tables.host)
    func host(_ row: HTTP1Case) { row.check() }

    @Test("take no field away that frames or routes the message", arguments: HTTP1Tables.connection)
    func connection(_ row: HTTP1Case) { row.check() }

    @Test("keep names and values as sent, in order")
    func ranges() throws {
        let stream = bytes(get("X-One:1\r\nx-TWO: \t2 2 \r\nX-ONE:\r\n"))
        var head = HTTP1Head(.request)
        #expect(try head.parse(stream.span))
        let found = head.fields.map { text(stream.span, $0.name) + "=" + text(stream.span, $0.value) }
        #expect(found == ["Host=h.example", "X-One=1", "x-TWO=2 2", "X-ONE="])
    }

    /// The names as they are usually written; the dictionary's keys are leo's.
    static let spellings: [(HTTP1FieldName, String)] = [
        (.acceptEncoding, "Accept-Encoding"), (.apiKey, "api-key"), (.apimRequestID, "apim-request-id"),
        (.authorization, "Authorization"), (.connection, "Connection"), (.contentEncoding, "Content-Encoding"),
        (.contentLength, "Content-Length"), (.contentType, "Content-Type"), (.cookie, "Cookie"), (.date, "Date"),
        (.expect, "Expect"), (.host, "Host"), (.keepAlive, "Keep-Alive"), (.proxyAuthenticate, "Proxy-Authenticate"),
        (.proxyAuthorization, "Proxy-Authorization"), (.proxyConnection, "Proxy-Connection"),
        (.requestID, "request-id"), (.retryAfter, "Retry-After"), (.setCookie, "Set-Cookie"), (.te, "TE"),
        (.traceparent, "traceparent"), (.trailer, "Trailer"), (.transferEncoding, "Transfer-Encoding"),
        (.upgrade, "Upgrade"), (.userAgent, "User-Agent"), (.xAmznRequestID, "x-amzn-requestid"),
        (.xAPIKey, "x-api-key"), (.xGoogAPIKey, "x-goog-api-key"), (.xRequestID, "x-request-id"),
        (.secWebSocketAccept, "Sec-WebSocket-Accept"), (.secWebSocketExtensions, "Sec-WebSocket-Extensions"),
        (.secWebSocketKey, "Sec-WebSocket-Key"), (.secWebSocketVersion, "Sec-WebSocket-Version"),
    ]

    @Test("are recognised in any case, and only when whole", arguments: spellings)
    func recognition(known: HTTP1FieldName, spelling: String) {
        func name(_ text: String) -> HTTP1FieldName {
            let token = bytes(text)
            return HTTP1FieldName(recognizing: token.span, 0..<token.count)
        }
        #expect(name(spelling) == known)
        #expect(name(spelling.lowercased()) == known)
        #expect(name(spelling.uppercased()) == known)
        #expect(name(spelling + "x") == .other)
        #expect(name("x" + spelling) == .other)
        #expect(name(String(spelling.dropLast())) == .other)
        for position in spelling.indices {
            var other = spelling
            other.replaceSubrange(position...position, with: "~")
            #expect(name(other) == .other, "\(other)")
        }
    }

    @Test("have a spelling for each name that leo knows")
    func complete() {
        #expect(Set(Self.spellings.map(\.0)).union([.other]) == Set(HTTP1FieldName.allCases))
    }

    @Test("are found by their first occurrence")
    func first() throws {
        let stream = bytes(get("X-Request-Id: 1\r\nx-request-id: 2\r\n"))
        var head = HTTP1Head(.request)
        #expect(try head.parse(stream.span))
        #expect(head.first(.xRequestID).map { text(stream.span, $0.value) } == "1")
        #expect(head.first(.cookie) == nil)
    }

    @Test(
        "say whether the connection stays open",
        arguments: [
            ("1.1", "", true), ("1.1", "Connection: close\r\n", false), ("1.1", "Connection: Close\r\n", false),
            ("1.1", "Connection: x, CLOSE\r\n", false), ("1.1", "Connection: keep-alive\r\n", true),
            ("1.1", "Connection: keep-alive, close\r\n", false), ("1.1", "Proxy-Connection: close\r\n", true),
            ("1.0", "", false), ("1.0", "Connection: Keep-Alive\r\n", true),
            ("1.0", "Connection: keep-alive\r\nConnection: close\r\n", false),
        ])
    func keepAlive(version: String, fieldLines: String, keepsAlive: Bool) throws {
        let stream = bytes("GET / HTTP/\(version)\r\nHost: h\r\n\(fieldLines)\r\n")
        var head = HTTP1Head(.request)
        #expect(try head.parse(stream.span))
        #expect(head.keepsAlive == keepsAlive)
    }

    @Test(
        "ask for an upgrade only with both fields",
        arguments: [
            ("Connection: Upgrade\r\nUpgrade: websocket\r\n", true), ("Upgrade: websocket\r\n", false),
            ("Connection: upgrade\r\n", false), ("Connection: keep-alive, UPGRADE\r\nUpgrade: x\r\n", true),
        ])
    func upgrade(fieldLines: String, upgrades: Bool) throws {
        var head = HTTP1Head(.request)
        #expect(try head.parse(bytes(get(fieldLines)).span))
        #expect(head.upgrades == upgrades)
    }

    @Test("ask for a 100 in HTTP/1.1 only")
    func expect() throws {
        var head = HTTP1Head(.request)
        #expect(try head.parse(bytes(get("Expect: 100-continue\r\n")).span))
        #expect(head.expectsContinue)
        head.reset()
        #expect(!head.expectsContinue)
        #expect(try head.parse(bytes("GET / HTTP/1.0\r\nHost: h\r\nExpect: 100-continue\r\n\r\n").span))
        #expect(!head.expectsContinue)
    }
}

@Suite("A head")
struct HTTP1HeadSizeTests {
    @Test("may be as large as the limit and not a byte larger", arguments: [64, 100, 1000])
    func limit(headBytesMax: Int) {
        let frame = get("X: \r\n").utf8.count
        let fits = get("X: \(String(repeating: "a", count: headBytesMax - frame))\r\n")
        let tooLarge = get("X: \(String(repeating: "a", count: headBytesMax - frame + 1))\r\n")
        for piece in [1, 7, Int.max] {
            #expect(read(fits, in: piece, headBytesMax: headBytesMax).messages.count == 1)
            #expect(read(tooLarge, in: piece, headBytesMax: headBytesMax).error == .headTooLarge)
        }
    }

    @Test("that does not end is refused at the limit, not later")
    func endless() {
        #expect(read(String(repeating: "A", count: 100), headBytesMax: 100).error == .headTooLarge)
        #expect(read(String(repeating: "A", count: 99), headBytesMax: 100) == .messages([], rest: 99))
    }

    @Test("is refused for its mistake rather than for its size")
    func mistakeFirst() {
        let stream = "G@T / HTTP/1.1 " + String(repeating: "A", count: 200)
        for piece in [1, 7, Int.max] {
            #expect(read(stream, in: piece, headBytesMax: 100).error == .malformed(.method))
        }
    }

    @Test("keeps nothing of the one before it")
    func reset() throws {
        var head = HTTP1Head(.request)
        #expect(try head.parse(bytes(post("Content-Length: 5\r\nConnection: close, upgrade\r\nUpgrade: x\r\n")).span))
        head.reset()
        #expect(try head.parse(bytes(get("")).span))
        #expect(head.requestFraming == .none)
        #expect(head.keepsAlive)
        #expect(!head.upgrades)
        #expect(head.fields.count == 1)
    }
}
