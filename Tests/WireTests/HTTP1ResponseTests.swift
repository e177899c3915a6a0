import Testing

@testable import Wire

private func answer(
    _ sentence: String, to method: HTTP1Method = .post, _ stream: String, _ framing: HTTP1Framing, content: String = ""
) -> HTTP1Case {
    HTTP1Case(
        sentence: sentence, stream: stream, verdict: .message(framing, content: content, trailers: ""),
        kind: .response, answering: method)
}

private func wrong(_ sentence: String, _ stream: String, _ error: HTTP1Error) -> HTTP1Case {
    HTTP1Case(sentence: sentence, stream: stream, verdict: .refused(error), kind: .response)
}

private func wrong(_ sentence: String, _ stream: String, _ flaw: HTTP1Flaw) -> HTTP1Case {
    wrong(sentence, stream, .malformed(flaw))
}

private func answer(_ line: String, _ fieldLines: String = "", _ content: String = "") -> String {
    "\(line)\r\n\(fieldLines)\r\n\(content)"
}

// RFC 9112 4 and 6.3: status lines, and where an answer ends.
extension HTTP1Tables {
    private static let empty = "Content-Length: 0\r\n"

    static let statusLine: [HTTP1Case] = [
        answer("a plain status line is accepted", answer("HTTP/1.1 200 OK", empty), .length(0)),
        answer(
            "a reason may have spaces and bytes above 0x7F", answer("HTTP/1.1 404 Nicht da: \u{fc}\t!", empty),
            .length(0)),
        answer("a reason may be empty", answer("HTTP/1.1 200 ", empty), .length(0)),
        answer("even the space before it may be missing", answer("HTTP/1.1 200", empty), .length(0)),
        answer("HTTP/1.0 is accepted", answer("HTTP/1.0 200 OK", empty), .length(0)),
        answer("a status outside the known ones is accepted", answer("HTTP/1.1 799 x", empty), .length(0)),
        wrong("HTTP/2 is unsupported", answer("HTTP/2.0 200 OK"), .versionUnsupported),
        wrong("HTTP/1.2 is unsupported", answer("HTTP/1.2 200 OK"), .versionUnsupported),
        wrong("another protocol is refused", answer("ICY 200 OK"), .statusLine),
        wrong("a protocol in lower case is refused", answer("http/1.1 200 OK"), .statusLine),
        wrong("a blank line in front is refused", answer("\r\nHTTP/1.1 200 OK"), .statusLine),
        wrong("two digits are no status", answer("HTTP/1.1 20 OK"), .statusLine),
        wrong("four digits are no status", answer("HTTP/1.1 2000 OK"), .statusLine),
        wrong("a status below 100 is refused", answer("HTTP/1.1 099 OK"), .statusLine),
        wrong("a sign is refused", answer("HTTP/1.1 +20 OK"), .statusLine),
        wrong("two spaces before the status are refused", answer("HTTP/1.1  200 OK"), .statusLine),
        wrong("a tab before the reason is refused", answer("HTTP/1.1 200\tOK"), .statusLine),
        wrong("a control character in the reason is refused", answer("HTTP/1.1 200 O\u{0}K"), .statusLine),
        wrong("a bare CR in the reason is refused", answer("HTTP/1.1 200 O\rK"), .bareCarriageReturn),
        wrong("a status line that ends in LF is refused", "HTTP/1.1 200 OK\nContent-Length: 0\r\n\r\n", .bareLineFeed),
        wrong("a status without reason that ends in LF is refused", "HTTP/1.1 200\n\r\n", .bareLineFeed),
    ]

    static let responseFraming: [HTTP1Case] = [
        answer(
            "Content-Length counts the content", answer("HTTP/1.1 200 OK", "Content-Length: 2\r\n", "ab"), .length(2),
            content: "ab"),
        answer(
            "chunked frames itself", answer("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", "1\r\nx\r\n0\r\n\r\n"),
            .chunked, content: "x"),
        answer("without either the close ends it", answer("HTTP/1.1 200 OK", "", "abc"), .untilClose, content: "abc"),
        answer(
            "an answer to HEAD has no content", to: .head, answer("HTTP/1.1 200 OK", "Content-Length: 9\r\n"), .none),
        answer("not even chunked", to: .head, answer("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n"), .none),
        answer("nor until close", to: .head, answer("HTTP/1.1 200 OK"), .none),
        answer("a 304 has no content", to: .get, answer("HTTP/1.1 304 Not Modified", "Content-Length: 9\r\n"), .none),
        answer("a 204 has no content", answer("HTTP/1.1 204 No Content"), .none),
        answer("a 204 may say Content-Length 0", answer("HTTP/1.1 204 No Content", empty), .none),
        answer("a 100 has no content", answer("HTTP/1.1 100 Continue"), .none),
        answer("a 103 has no content", answer("HTTP/1.1 103 Early Hints", "Link: <x>\r\n"), .none),
        answer(
            "a 101 has no content",
            answer("HTTP/1.1 101 Switching Protocols", "Connection: upgrade\r\nUpgrade: websocket\r\n"), .none),
        answer("a 205 is framed like others", answer("HTTP/1.1 205 Reset Content", empty), .length(0)),
        answer(
            "a successful CONNECT has no content", to: .connect, answer("HTTP/1.1 200 Connection established"), .none),
        answer("it ignores Content-Length", to: .connect, answer("HTTP/1.1 200 OK", "Content-Length: 5\r\n"), .none),
        answer(
            "a refused CONNECT has content", to: .connect, answer("HTTP/1.1 403 No", "Content-Length: 1\r\n", "x"),
            .length(1), content: "x"),
        answer("HTTP/1.0 ends with the close too", answer("HTTP/1.0 200 OK", "", "abc"), .untilClose, content: "abc"),
        answer(
            "Host means nothing in an answer", answer("HTTP/1.1 200 OK", "Host: a b\r\nHost: c\r\n" + empty), .length(0)
        ),
        answer("neither does Expect", answer("HTTP/1.1 200 OK", "Expect: x\r\n" + empty), .length(0)),
        wrong(
            "two framings are refused",
            answer("HTTP/1.1 200 OK", "Content-Length: 1\r\nTransfer-Encoding: chunked\r\n"), .twoFramings),
        wrong(
            "two lengths are refused", answer("HTTP/1.1 200 OK", "Content-Length: 1\r\nContent-Length: 2\r\n"),
            .contentLengthRepeated),
        wrong(
            "two equal lengths are refused", answer("HTTP/1.1 200 OK", "Content-Length: 1\r\nContent-Length: 1\r\n"),
            .contentLengthRepeated),
        wrong("a list of lengths is refused", answer("HTTP/1.1 200 OK", "Content-Length: 1, 1\r\n"), .contentLength),
        wrong(
            "another transfer coding is refused", answer("HTTP/1.1 200 OK", "Transfer-Encoding: gzip, chunked\r\n"),
            .transferCodingUnsupported),
        wrong(
            "chunked in HTTP/1.0 is refused", answer("HTTP/1.0 200 OK", "Transfer-Encoding: chunked\r\n"),
            .transferEncodingVersion),
        wrong(
            "a 204 with a length is refused", answer("HTTP/1.1 204 No Content", "Content-Length: 5\r\n"),
            .contentForbidden),
        wrong(
            "a chunked 204 is refused", answer("HTTP/1.1 204 No Content", "Transfer-Encoding: chunked\r\n"),
            .contentForbidden),
        wrong(
            "a 100 with a length is refused", answer("HTTP/1.1 100 Continue", "Content-Length: 5\r\n"),
            .contentForbidden),
        wrong(
            "a chunked 101 is refused", answer("HTTP/1.1 101 x", "Transfer-Encoding: chunked\r\n"), .contentForbidden),
        wrong("a continued line is refused", answer("HTTP/1.1 200 OK", "X-A: 1\r\n 2\r\n"), .foldedLine),
        wrong("a line that ends in LF is refused", answer("HTTP/1.1 200 OK", "X-A: 1\nX-B: 2\r\n"), .bareLineFeed),
        wrong(
            "a space before the colon is refused", answer("HTTP/1.1 200 OK", "Content-Length : 1\r\n"),
            .spaceBeforeColon),
        wrong("Content_Length is refused", answer("HTTP/1.1 200 OK", "Content_Length: 1\r\n"), .framingImitation),
        HTTP1Case(
            sentence: "content that stops before its length is incomplete",
            stream: answer("HTTP/1.1 200 OK", "Content-Length: 5\r\n", "abc"), verdict: .incomplete, kind: .response),
        HTTP1Case(
            sentence: "chunked content without its last chunk is incomplete",
            stream: answer("HTTP/1.1 200 OK", "Transfer-Encoding: chunked\r\n", "3\r\nabc\r\n"), verdict: .incomplete,
            kind: .response),
    ]
}

@Suite("An answer")
struct HTTP1ResponseTests {
    @Test("has a status line by RFC 9112 section 4", arguments: HTTP1Tables.statusLine)
    func statusLine(_ row: HTTP1Case) { row.check() }

    @Test("ends where RFC 9112 section 6.3 says", arguments: HTTP1Tables.responseFraming)
    func framing(_ row: HTTP1Case) { row.check() }

    @Test("has a status and a reason")
    func parts() throws {
        let stream = bytes("HTTP/1.0 529 Site is overloaded\r\nConnection: keep-alive\r\n\r\n")
        var head = HTTP1Head(.response)
        #expect(try head.parse(stream.span))
        #expect(head.status == 529)
        #expect(head.minorVersion == 0)
        #expect(head.keepsAlive)
        #expect(text(stream.span, head.reason) == "Site is overloaded")
    }

    @Test("that is interim is followed by the final one")
    func interim() {
        let outcome = read(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nx",
            as: .response)
        #expect(outcome.messages.map(\.firstLine) == ["1.1 100 Continue", "1.1 103 Early Hints", "1.1 200 OK"])
    }
}
