import Testing

@testable import Wire

// RFC 9112 3.2: the four forms of a request target.
extension HTTP1Tables {
    private static func line(_ line: String, host: String = "h.example") -> String {
        "\(line) HTTP/1.1\r\nHost: \(host)\r\n\r\n"
    }

    static let target: [HTTP1Case] = [
        accept("a path with a query is origin form", line("GET /v1/models?limit=2&x=%20")),
        accept("the query may hold slashes and question marks", line("GET /a?b/c?d")),
        accept("characters that some clients leave bare are passed", line("GET /a|b{c}\"^`\\<>")),
        accept("an empty segment at the start is still a path", line("GET //a")),
        refuse("a control character is refused", line("GET /a\u{c}b"), .targetByte),
        refuse("DEL is refused", line("GET /a\u{7f}b"), .targetByte),
        refuse("NUL is refused", line("GET /a\u{0}b"), .targetByte),
        refuse("a tab is refused", line("GET /a\tb"), .targetByte),
        refuse("a byte outside ASCII is refused", line("GET /\u{fc}"), .targetByte),
        refuse("a fragment is refused", line("GET /a#b"), .targetByte),
        refuse("a space inside the target is refused", line("GET /a b"), .version),
        refuse("a path without the slash is refused", line("GET a/b"), .targetForm),
        refuse("a query without a path is refused", line("GET ?a"), .targetForm),

        accept("absolute form is accepted", line("GET http://h.example/a?b")),
        accept("the scheme's case does not matter", line("GET HTTPS://h.example/a")),
        accept("the host's case does not matter", line("GET http://H.Example/a", host: "h.eXample")),
        accept("the default port of http may be written out", line("GET http://h.example:80/", host: "h.example")),
        accept("the default port of https may be left out", line("GET https://h.example/", host: "h.example:443")),
        accept("an absolute target may have no path", line("GET http://h.example")),
        accept("an absolute target may have a query only", line("GET http://h.example?a=b/c")),
        accept("an IPv6 address is the same in every spelling", line("GET http://[::1]/", host: "[0:0::0001]")),
        refuse("another scheme is refused", line("GET ftp://h.example/"), .targetForm),
        refuse("a scheme without slashes is refused", line("GET http:/h.example/"), .targetForm),
        refuse("an empty authority is refused", line("GET https:///x"), .targetAuthority),
        refuse("a user name is refused", line("GET http://user@h.example/"), .targetAuthority),
        refuse("a port that is no number is refused", line("GET http://h.example:x/"), .targetAuthority),
        refuse("a host other than Host is refused", line("GET http://evil.example/"), .targetContradictsHost),
        refuse("a port other than Host's is refused", line("GET http://h.example:81/"), .targetContradictsHost),
        refuse("https's port is not http's", line("GET http://h.example:443/"), .targetContradictsHost),
        refuse("absolute form in 1.1 needs Host too", "GET http://h.example/ HTTP/1.1\r\n\r\n", .hostMissing),
        accept("absolute form in 1.0 needs no Host", "GET http://h.example/ HTTP/1.0\r\n\r\n"),

        accept("OPTIONS may ask about the server as a whole", line("OPTIONS *")),
        refuse("no other method may", line("GET *"), .targetForm),
        refuse("an asterisk with more behind it is refused", line("OPTIONS *a"), .targetForm),

        accept("CONNECT names host and port", line("CONNECT api.example:443")),
        accept("CONNECT may name an IPv6 address", line("CONNECT [2001:db8::1]:443")),
        accept("CONNECT in HTTP/1.0 needs no Host", "CONNECT api.example:443 HTTP/1.0\r\n\r\n"),
        accept("CONNECT's Host may be another one", line("CONNECT api.example:443", host: "127.0.0.1:8889")),
        accept(
            "CONNECT with Content-Length 0 is accepted", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 0\r\n\r\n"),
        accept("CONNECT needs no Host: it is judged by its target", "CONNECT api.example:443 HTTP/1.1\r\n\r\n"),
        refuse("CONNECT without port is refused", line("CONNECT api.example"), .connectTarget),
        refuse("CONNECT with an empty port is refused", line("CONNECT api.example:"), .connectTarget),
        refuse("CONNECT to port 0 is refused", line("CONNECT api.example:0"), .connectTarget),
        refuse("CONNECT to port 65536 is refused", line("CONNECT api.example:65536"), .connectTarget),
        refuse("CONNECT with a path is refused", line("CONNECT api.example:443/"), .connectTarget),
        refuse("CONNECT in absolute form is refused", line("CONNECT http://api.example:443"), .connectTarget),
        refuse("CONNECT in origin form is refused", line("CONNECT /"), .connectTarget),
        refuse("CONNECT with a user name is refused", line("CONNECT u@api.example:443"), .connectTarget),
        refuse("authority form without CONNECT is refused", line("GET api.example:443"), .targetForm),
        refuse(
            "CONNECT with content is refused", "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n\r\nx",
            .contentForbidden),
        refuse(
            "CONNECT with chunked content is refused",
            "CONNECT a:1 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", .contentForbidden),
    ]
}

@Suite("A request target")
struct HTTP1TargetTests {
    @Test("is judged by RFC 9112 section 3.2", arguments: HTTP1Tables.target)
    func verdict(_ row: HTTP1Case) { row.check() }

    private func head(_ line: String, host: String = "h.example") throws -> (HTTP1Head, [UInt8]) {
        let stream = bytes("\(line) HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        var head = HTTP1Head(.request)
        #expect(try head.parse(stream.span))
        return (head, stream)
    }

    @Test("in origin form has a path and a query")
    func origin() throws {
        let (head, stream) = try head("GET /a/b?c=d?e")
        guard case .origin(let path, let whole) = head.target else { throw Unexpected() }
        #expect(text(stream.span, path) == "/a/b")
        #expect(text(stream.span, head.path) == "/a/b")
        #expect(text(stream.span, whole) == "/a/b?c=d?e")
    }

    @Test(
        "in absolute form has scheme, authority and rest",
        arguments: [("/a?b", "/a"), ("", ""), ("?b/c", ""), ("/", "/")])
    func absolute(rest: String, path: String) throws {
        let (head, stream) = try head("GET https://h.example:8443\(rest)", host: "h.example:8443")
        guard case .absolute(let scheme, let authority, let found) = head.target else { throw Unexpected() }
        #expect(text(stream.span, scheme) == "https")
        #expect(text(stream.span, authority) == "h.example:8443")
        #expect(text(stream.span, found) == rest)
        #expect(text(stream.span, head.path) == path)
    }

    @Test("of a CONNECT is an authority and has no path")
    func connect() throws {
        let (head, stream) = try head("CONNECT Api.Example:443")
        #expect(head.target == .authority(8..<23))
        #expect(head.path.isEmpty)
        #expect(Authority.parse(stream.span.extracting(head.targetText)) == Authority(host: "api.example", port: 443))
        #expect(head.requestFraming == .none)
    }

    @Test("of an OPTIONS can be an asterisk")
    func asterisk() throws {
        let (head, _) = try head("OPTIONS *")
        #expect(head.target == .asterisk)
    }
}

/// Thrown where a test cannot go on.
struct Unexpected: Error {}
