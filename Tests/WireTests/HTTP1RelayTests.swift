import Testing

@testable import Wire

@Suite("A relayed head")
struct HTTP1RelayTests {
    @Test("is byte for byte what was received, if nothing has to change")
    func unchanged() {
        let request = post("X-One: 1\r\nx-two: a  b\r\nX-ONE: \u{e9}\r\nCookie: a=b\r\nContent-Length: 2\r\n", "ab")
        #expect(relay(request) == request)
        let response =
            "HTTP/1.1 200 OK\r\nSet-Cookie: a\r\nSet-Cookie: b\r\nTransfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\n\r\n"
        #expect(relay(response, as: .response) == response)
    }

    static let hopByHopRows: [(String, String)] = [
        ("Connection: keep-alive\r\nX: 1\r\n", "X: 1\r\n"),
        ("X: 1\r\nConnection: close\r\n", "X: 1\r\n"),
        ("A: 1\r\nKeep-Alive: timeout=5\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n"),
        ("A: 1\r\nProxy-Connection: keep-alive\r\nproxy-authorization: Basic x\r\nB: 2\r\n", "A: 1\r\nB: 2\r\n"),
        ("Upgrade: h2c\r\nHTTP2-Settings: x\r\nConnection: upgrade, http2-settings\r\n", ""),
        ("Expect: 100-continue\r\nB: 2\r\n", "B: 2\r\n"),
        ("X-Hop: 1\r\nConnection: x-hop\r\nx-HOP: 2\r\nX-Hop2: 3\r\n", "X-Hop2: 3\r\n"),
        ("Connection: close\r\nConnection: a, b\r\nA: 1\r\nB: 2\r\nC: 3\r\n", "C: 3\r\n"),
        ("Connection: keep-alive, authorization\r\nAuthorization: x\r\n", ""),
        ("TE: gzip\r\n", ""),
        ("A: 1\r\nTE: trailers\r\nB: 2\r\n", "A: 1\r\nB: 2\r\nTE: trailers\r\nConnection: TE\r\n"),
        ("TE: deflate;q=0.5, Trailers\r\nConnection: te\r\n", "TE: trailers\r\nConnection: TE\r\n"),
        ("Trailer: X\r\nProxy-Authenticate: Basic\r\n", "Trailer: X\r\nProxy-Authenticate: Basic\r\n"),
    ]

    @Test("carries no field of the connection it came on", arguments: hopByHopRows)
    func hopByHop(received: String, sent: String) {
        #expect(relay(get(received)) == get(sent))
    }

    static let canonicalRows: [(String, String)] = [
        ("X:1\r\n", "X: 1\r\n"), ("X:  1\r\n", "X: 1\r\n"), ("X: 1 \r\n", "X: 1\r\n"), ("X:\t1\r\n", "X: 1\r\n"),
        ("X: \t1 \t\r\n", "X: 1\r\n"), ("X:\r\n", "X: \r\n"), ("X: \r\n", "X: \r\n"),
        ("A: 1\r\nX:1\r\nB: 2\r\n", "A: 1\r\nX: 1\r\nB: 2\r\n"),
        ("Content-Length: 000\r\n", "Content-Length: 0\r\n"), ("content-LENGTH:\t0 \r\n", "content-LENGTH: 0\r\n"),
    ]

    @Test("has one space before each value and none after it", arguments: canonicalRows)
    func canonical(received: String, sent: String) {
        #expect(relay(get(received)) == get(sent))
    }

    @Test("says chunked in one spelling")
    func chunkedSpelling() {
        #expect(
            relay(post("TRANSFER-ENCODING:\tChunKed\r\nX: 1\r\n", "0\r\n\r\n"))
                == post("TRANSFER-ENCODING: chunked\r\nX: 1\r\n", "0\r\n\r\n"))
        #expect(relay(post("Transfer-Encoding: Chunked\r\n", "0\r\n\r\n")) == chunked("0\r\n\r\n"))
    }

    static let firstLines: [(String, String)] = [
        ("GET / HTTP/1.0\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("\r\nGET / HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("GET http://h/a?b HTTP/1.1\r\nHost: h\r\n\r\n", "GET /a?b HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("GET HTTPS://h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "GET / HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("GET http://h?q=/ HTTP/1.1\r\nHost: h\r\n\r\n", "GET /?q=/ HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("OPTIONS http://h HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("OPTIONS http://h?a HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS /?a HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n", "OPTIONS * HTTP/1.1\r\nHost: h\r\n\r\n"),
        ("GET http://H:8080/ HTTP/1.0\r\nX: 1\r\n\r\n", "GET / HTTP/1.1\r\nHost: H:8080\r\nX: 1\r\n\r\n"),
        ("CONNECT h:443 HTTP/1.0\r\n\r\n", "CONNECT h:443 HTTP/1.1\r\nHost: h:443\r\n\r\n"),
        ("CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n", "CONNECT h:443 HTTP/1.1\r\nHost: h\r\n\r\n"),
    ]

    @Test("is in HTTP/1.1 and origin form", arguments: firstLines)
    func firstLine(received: String, sent: String) {
        #expect(relay(received) == sent)
    }

    static let statusLines: [(String, String)] = [
        ("HTTP/1.0 200 OK", "HTTP/1.1 200 OK"), ("HTTP/1.1 200", "HTTP/1.1 200 "),
        ("HTTP/1.1 200 ", "HTTP/1.1 200 "), ("HTTP/1.0 404", "HTTP/1.1 404 "),
        ("HTTP/1.1 404 \u{e9} x", "HTTP/1.1 404 \u{e9} x"),
    ]

    @Test("of an answer is in HTTP/1.1 with the reason as sent", arguments: statusLines)
    func statusLine(received: String, sent: String) {
        let rest = "\r\nX:1\r\nContent-Length: 0\r\n\r\n"
        #expect(relay(received + rest, as: .response) == sent + "\r\nX: 1\r\nContent-Length: 0\r\n\r\n")
    }

    @Test("can frame the content anew")
    func reframed() {
        let response = "HTTP/1.1 200 OK\r\nA: 1\r\nContent-Length: 3\r\nB: 2\r\n\r\nabc"
        #expect(
            relay(response, as: .response, .chunked)
                == "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n")
        #expect(relay(response, as: .response, .untilClose) == "HTTP/1.1 200 OK\r\nA: 1\r\nB: 2\r\n\r\nabc")
        let chunked = "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nB: 2\r\n\r\n1;x\r\na\r\n2\r\nbc\r\n0\r\n\r\n"
        #expect(relay(chunked, as: .response, .untilClose) == "HTTP/1.1 200 OK\r\nB: 2\r\n\r\nabc")
        #expect(
            relay(chunked, as: .response, .chunked)
                == "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\nB: 2\r\n\r\n1\r\na\r\n2\r\nbc\r\n0\r\n\r\n")
        #expect(
            relay("HTTP/1.1 200 OK\r\n\r\nabc", as: .response, .chunked)
                == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n")
    }

    @Test("says so when the connection ends after the message")
    func closing() throws {
        #expect(try closed(.request, get("Connection: keep-alive\r\n")) == get("Connection: close\r\n"))
        #expect(try closed(.request, get("TE: trailers\r\n")) == get("TE: trailers\r\nConnection: TE, close\r\n"))
        #expect(
            try closed(.response, "HTTP/1.1 200 OK\r\nTE: trailers\r\n\r\n")
                == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n")
    }

    private func closed(_ kind: HTTP1Head.Kind, _ stream: String) throws -> String {
        let received = bytes(stream)
        var head = HTTP1Head(kind)
        #expect(try head.parse(received.span))
        var out = ByteQueue()
        head.appendRelayed(from: received.span, to: &out, framing: .asReceived, closing: true)
        return text(Array(out))
    }

    @Test("carries trailers on")
    func trailers() {
        let stream = chunked("1;x=y\r\na\r\n0\r\nX-T:1\r\n\r\n")
        #expect(relay(stream) == chunked("1\r\na\r\n0\r\nX-T: 1\r\n\r\n"))
    }

    @Test("means the same to the next server", arguments: HTTP1Tables.requests)
    func meaning(_ row: HTTP1Case) {
        guard let message = row.outcome().messages.first else { return }
        let sent = read(relay(row.stream))
        #expect(sent.messages.map(\.body) == [message.body])
        #expect(sent.messages.map(\.framing) == [message.framing])
        #expect(sent.messages.map(\.trailers) == [message.trailers])
        // Relaying what was relayed changes nothing more.
        #expect(relay(relay(row.stream)) == relay(row.stream))
    }
}
