import Testing

@testable import Wire

// RFC 9112 6: where the content of a request ends.
extension HTTP1Tables {
    static let requestFraming: [HTTP1Case] = [
        accept("no framing field means no content", get("")),
        accept("a POST without framing field has no content either", post("")),
        accept(
            "Content-Length counts the content", post("Content-Length: 5\r\n", "abcde"), .length(5), content: "abcde"),
        accept("Content-Length in any case", post("CONTENT-length: 2\r\n", "ab"), .length(2), content: "ab"),
        accept("Content-Length 0 is no content", post("Content-Length: 0\r\n"), .length(0)),
        accept("leading zeros count as such", post("Content-Length: 0003\r\n", "abc"), .length(3), content: "abc"),
        accept(
            "white space around the number is allowed", post("Content-Length: \t3 \r\n", "abc"), .length(3),
            content: "abc"),
        accept("a GET may have content", get("Content-Length: 1\r\n") + "x", .length(1), content: "x"),
        accept(
            "HTTP/1.0 has Content-Length", "POST / HTTP/1.0\r\nHost: h\r\nContent-Length: 1\r\n\r\nx", .length(1),
            content: "x"),
        HTTP1Case(
            sentence: "a length beyond 32 bits is a length", stream: post("Content-Length: 4294967297\r\n", "x"),
            verdict: .incomplete),
        HTTP1Case(
            sentence: "the largest length is 2^63-1", stream: post("Content-Length: 9223372036854775807\r\n", "x"),
            verdict: .incomplete),
        HTTP1Case(
            sentence: "content that stops early is incomplete", stream: post("Content-Length: 2\r\n", "x"),
            verdict: .incomplete),
        refuse("2^63 is refused", post("Content-Length: 9223372036854775808\r\n"), .contentLength),
        refuse("2^64 is refused", post("Content-Length: 18446744073709551616\r\n"), .contentLength),
        refuse("2^64+5 does not wrap to 5", post("Content-Length: 18446744073709551621\r\n", "abcde"), .contentLength),
        refuse("an empty length is refused", post("Content-Length:\r\n"), .contentLength),
        refuse("a sign is refused", post("Content-Length: +5\r\n", "abcde"), .contentLength),
        refuse("a negative length is refused", post("Content-Length: -1\r\n"), .contentLength),
        refuse("a hexadecimal length is refused", post("Content-Length: 0x5\r\n"), .contentLength),
        refuse("an exponent is refused", post("Content-Length: 5e0\r\n"), .contentLength),
        refuse("a fraction is refused", post("Content-Length: 5.0\r\n"), .contentLength),
        refuse("an underscore is refused", post("Content-Length: 1_0\r\n"), .contentLength),
        refuse("a number with a space inside is refused", post("Content-Length: 1 0\r\n"), .contentLength),
        refuse("a list of lengths is refused", post("Content-Length: 5, 5\r\n", "abcde"), .contentLength),
        refuse("a parameter is refused", post("Content-Length: 5;x\r\n"), .contentLength),
        refuse("a digit from another script is refused", post("Content-Length: \u{b2}\r\n"), .contentLength),
        refuse("two lengths are refused", post("Content-Length: 5\r\nContent-Length: 6\r\n"), .contentLengthRepeated),
        refuse(
            "two equal lengths are refused", post("Content-Length: 5\r\ncontent-length: 5\r\n"), .contentLengthRepeated),

        accept("chunked frames itself", chunked("1\r\nx\r\n0\r\n\r\n"), .chunked, content: "x"),
        accept("chunked in any case", post("TRANSFER-ENCODING: Chunked\r\n", "0\r\n\r\n"), .chunked),
        accept(
            "white space around chunked is allowed", post("Transfer-Encoding:\tchunked \t\r\n", "0\r\n\r\n"), .chunked),
        refuse(
            "chunked after a length is refused", post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"),
            .twoFramings),
        refuse(
            "a length after chunked is refused", post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n"),
            .twoFramings),
        refuse(
            "an unknown coding beside a length is refused", post("Content-Length: 5\r\nTransfer-Encoding: x\r\n"),
            .twoFramings),
        refuse(
            "chunked in HTTP/1.0 is refused", "POST / HTTP/1.0\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n",
            .transferEncodingVersion),
        refuse(
            "chunked twice is refused", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n"),
            error: .transferCodingUnsupported),
        refuse(
            "chunked and identity are refused", post("Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n"),
            error: .transferCodingUnsupported),
        refuse(
            "a list of codings is refused", post("Transfer-Encoding: gzip, chunked\r\n"),
            error: .transferCodingUnsupported),
        refuse(
            "an empty element before chunked is refused", post("Transfer-Encoding: ,chunked\r\n"),
            error: .transferCodingUnsupported),
        refuse("identity is refused", post("Transfer-Encoding: identity\r\n"), error: .transferCodingUnsupported),
        refuse("an empty coding is refused", post("Transfer-Encoding:\r\n"), error: .transferCodingUnsupported),
        refuse(
            "a coding that starts like chunked is refused", post("Transfer-Encoding: chunk\r\n"),
            error: .transferCodingUnsupported),
        refuse(
            "chunked with a parameter is refused", post("Transfer-Encoding: chunked;q=1\r\n"),
            error: .transferCodingUnsupported),
        refuse(
            "quoted chunked is refused", post("Transfer-Encoding: \"chunked\"\r\n"), error: .transferCodingUnsupported),
        refuse(
            "chunked behind a byte above 0x7F is refused", post("Transfer-Encoding: \u{a0}chunked\r\n"),
            error: .transferCodingUnsupported),
        refuse(
            "chunked before a byte above 0x7F is refused", post("Transfer-Encoding: chunked\u{85}\r\n"),
            error: .transferCodingUnsupported),
        refuse("chunked before a vertical tab is refused", post("Transfer-Encoding: chunked\u{b}\r\n"), .fieldValue),
        refuse("Transfer_Encoding is refused", post("Transfer_Encoding: chunked\r\n"), .framingImitation),
        refuse("content_LENGTH is refused", post("content_LENGTH: 5\r\n"), .framingImitation),
        refuse("TransferEncoding is refused", post("TransferEncoding: x\r\n"), .framingImitation),
        refuse("-Content--Length_ is refused", post("-Content--Length_: 5\r\n"), .framingImitation),
        refuse("Transfer-%45ncoding is refused", post("Transfer-%45ncoding: chunked\r\n"), .framingImitation),
        refuse("%63ontent-length is refused", post("%63ontent-length: 5\r\n"), .framingImitation),
        accept("names with more letters are other names", get("X-Content-Length: 5\r\nTransfer-Encodings: x\r\n")),
        accept("names with fewer letters are other names", get("Content: 5\r\nTransfer-Encodin%: x\r\n-: x\r\n")),
        refuse("Transfer.Encoding is refused", post("Transfer.Encoding: x\r\n"), .framingImitation),
    ]
}

@Suite("A request's framing")
struct HTTP1FramingTests {
    @Test("is one, or the request is refused", arguments: HTTP1Tables.requestFraming)
    func verdict(_ row: HTTP1Case) { row.check() }

    @Test("separates requests that are sent back to back")
    func pipeline() {
        let first = post("Content-Length: 3\r\n", "abc")
        let second = chunked("2\r\nde\r\n0\r\nX-T: 1\r\n\r\n")
        let third = get("")
        let outcome = read(first + second + "\r\n" + third)
        #expect(outcome.messages.map { text($0.body) } == ["abc", "de", ""])
        #expect(outcome.messages.map(\.trailers) == ["", "X-T: 1\r\n", ""])
    }

    @Test("does not take a request hidden in content for one")
    func hidden() {
        let inner = "GET /smuggled HTTP/1.1\r\nHost: h.example\r\n\r\n"
        let outcome = read(post("Content-Length: \(inner.utf8.count)\r\n", inner) + get(""))
        #expect(outcome.messages.map(\.firstLine) == ["POST /p 1.1", "GET / 1.1"])
        #expect(outcome.messages.first.map { text($0.body) } == inner)
    }
}
