import Testing

@testable import Wire

// RFC 9112 2.2, 2.3 and 3: the request line and what may stand before it.
extension HTTP1Tables {
    private static let rest = "\r\nHost: h.example\r\n\r\n"

    static let requestLine: [HTTP1Case] = [
        accept("a plain request line is accepted", "GET / HTTP/1.1" + rest),
        accept("HTTP/1.0 is accepted", "GET / HTTP/1.0" + rest),
        accept("any token is a method", "M-SEARCH!#$%&'*+.^_`|~09az / HTTP/1.1" + rest),
        accept("a method in lower case is another method, not a mistake", "get / HTTP/1.1" + rest),
        accept("one CRLF in front of the request line is skipped", "\r\nGET / HTTP/1.1" + rest),
        refuse("a second CRLF in front of it is not", "\r\n\r\nGET / HTTP/1.1" + rest, .method),
        refuse("a bare LF in front of it is not", "\nGET / HTTP/1.1" + rest, .method),
        refuse("a CR without LF in front of it is refused", "\rGET / HTTP/1.1" + rest, .bareCarriageReturn),
        refuse("white space in front of it is refused", " GET / HTTP/1.1" + rest, .method),
        refuse("a method with a colon is refused", "GE:T / HTTP/1.1" + rest, .method),
        refuse("a method with a byte outside ASCII is refused", "G\u{c9}T / HTTP/1.1" + rest, .method),
        refuse("a method with a control character is refused", "G\u{1}T / HTTP/1.1" + rest, .method),
        refuse("a tab after the method is refused", "GET\t/ HTTP/1.1" + rest, .method),
        refuse("two spaces after the method are refused", "GET  / HTTP/1.1" + rest, .requestLine),
        refuse("two spaces before the version are refused", "GET /  HTTP/1.1" + rest, .version),
        refuse("a space after the version is refused", "GET / HTTP/1.1 " + rest, .requestLine),
        refuse("a method alone is refused", "GET" + rest, .requestLine),
        refuse("a request line without version (HTTP/0.9) is refused", "GET /" + rest, .requestLine),
        refuse("an empty version is refused", "GET / " + rest, .version),
        refuse("another protocol's name is refused", "GET / RTSP/1.1" + rest, .version),
        refuse("the protocol's name in lower case is refused", "GET / http/1.1" + rest, .version),
        refuse("a version with more digits is refused", "GET / HTTP/01.1" + rest, .version),
        refuse("a version with a longer minor number is refused", "GET / HTTP/1.10" + rest, .requestLine),
        refuse("a version without minor number is refused", "GET / HTTP/1" + rest, .version),
        refuse("a version with a comma is refused", "GET / HTTP/1,1" + rest, .version),
        refuse("a version followed by a letter is refused", "GET / HTTP/1.1A" + rest, .requestLine),
        refuse("HTTP/2.0 is named as unsupported", "PRI * HTTP/2.0" + rest, error: .versionUnsupported),
        refuse("HTTP/1.2 is named as unsupported", "GET / HTTP/1.2" + rest, error: .versionUnsupported),
        refuse("HTTP/0.9 is named as unsupported", "GET / HTTP/0.9" + rest, error: .versionUnsupported),
        refuse("a request line that ends in LF is refused", "GET / HTTP/1.1\nHost: h.example\r\n\r\n", .bareLineFeed),
        refuse(
            "a request line that ends in CR is refused", "GET / HTTP/1.1\rHost: h.example\r\n\r\n", .bareCarriageReturn),
        refuse("a TLS handshake is no request", "\u{16}\u{3}\u{1}\u{2}\u{0}", .method),
    ]
}

@Suite("A request line")
struct HTTP1RequestLineTests {
    @Test("is judged by RFC 9112 section 3", arguments: HTTP1Tables.requestLine)
    func verdict(_ row: HTTP1Case) { row.check() }

    @Test(
        "names its method",
        arguments: [
            ("GET", HTTP1Method.get), ("HEAD", .head), ("POST", .post), ("PUT", .put), ("PATCH", .patch),
            ("DELETE", .delete), ("OPTIONS", .options), ("TRACE", .trace), ("QUERY", .other), ("get", .other),
            ("GETS", .other), ("POSTS", .other), ("OPTION", .other), ("X", .other),
        ])
    func method(name: String, method: HTTP1Method) throws {
        let stream = bytes("\(name) /a?b HTTP/1.1\r\nHost: h.example\r\n\r\n")
        var head = HTTP1Head(.request)
        #expect(try head.parse(stream.span))
        #expect(head.method == method)
        #expect(text(stream.span, head.methodName) == name)
        #expect(text(stream.span, head.targetText) == "/a?b")
        #expect(head.byteCount == stream.count)
    }

    @Test("is refused before the rest of the head arrives, if it is wrong")
    func early() {
        #expect(read("GET / HTTP/3.0\r\n").error == .versionUnsupported)
        #expect(read("\u{16}").error == .malformed(.method))
        #expect(read("GET / HTTP/1.1\n").error == .malformed(.bareLineFeed))
    }
}
