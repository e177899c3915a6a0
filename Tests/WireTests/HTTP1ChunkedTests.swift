import Testing

@testable import Wire

// RFC 9112 7.1: chunks, their extensions, trailer fields.
extension HTTP1Tables {
    static let chunks: [HTTP1Case] = [
        accept("no chunk at all is empty content", chunked("0\r\n\r\n"), .chunked),
        accept("chunks follow each other", chunked("3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"), .chunked, content: "abcde"),
        accept(
            "sizes are hexadecimal in both cases", chunked("a\r\n0123456789\r\nB\r\n0123456789a\r\n0\r\n\r\n"),
            .chunked, content: "01234567890123456789a"),
        accept("sizes may have leading zeros", chunked("0001\r\nx\r\n000\r\n\r\n"), .chunked, content: "x"),
        accept("sixteen digits are a size", chunked("0000000000000001\r\nx\r\n0\r\n\r\n"), .chunked, content: "x"),
        accept(
            "line ends inside a chunk are content", chunked("6\r\n\r\n0\r\n\r\r\n0\r\n\r\n"), .chunked,
            content: "\r\n0\r\n\r"),
        accept("an extension is dropped", chunked("1;a=b;c=\"d\"\r\nx\r\n0;e\r\n\r\n"), .chunked, content: "x"),
        accept(
            "a quoted extension may hold anything that a string may",
            chunked("1;a=\"\\\"; \\\\\t\u{e9}\"\r\nx\r\n0\r\n\r\n"), .chunked, content: "x"),
        accept(
            "white space may stand around an extension's parts", chunked("1 ; a = b\t;c\r\nx\r\n0\r\n\r\n"), .chunked,
            content: "x"),
        HTTP1Case(sentence: "a missing last chunk is incomplete", stream: chunked("1\r\nx\r\n"), verdict: .incomplete),
        HTTP1Case(
            sentence: "a missing blank line is incomplete", stream: chunked("1\r\nx\r\n0\r\n"), verdict: .incomplete),
        HTTP1Case(sentence: "a chunk that stops early is incomplete", stream: chunked("5\r\nx"), verdict: .incomplete),
        HTTP1Case(
            sentence: "the largest chunk is 2^63-1", stream: chunked("7fffffffffffffff\r\nx"), verdict: .incomplete),
        refuse("2^63 is refused", chunked("8000000000000000\r\nx"), .chunkSize),
        refuse("2^64+1 does not wrap to 1", chunked("10000000000000001\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("seventeen digits are refused, even zeros", chunked("00000000000000001\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("an empty size is refused", chunked("\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("0x is refused", chunked("0x1\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("a sign is refused", chunked("+1\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("a negative size is refused", chunked("-1\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("a letter that is no digit is refused", chunked("g\r\n"), .chunkSize),
        refuse("white space before the size is refused", chunked(" 1\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("white space after the size is refused", chunked("1 \r\nx\r\n0\r\n\r\n"), .chunkExtension),
        refuse("a tab after the size is refused", chunked("1\t\r\nx\r\n0\r\n\r\n"), .chunkExtension),
        refuse("a comma after the size is refused", chunked("1,2\r\nx\r\n0\r\n\r\n"), .chunkSize),
        refuse("NUL in a size is refused", chunked("1\u{0}\r\nx"), .chunkSize),
        refuse("a size line that ends in LF is refused", chunked("1\nx\r\n0\r\n\r\n"), .bareLineFeed),
        refuse("a size line that ends in CR is refused", chunked("1\rx\r\n0\r\n\r\n"), .bareCarriageReturn),
        refuse("two CRs after the size are refused", chunked("1\r\r\nx\r\n0\r\n\r\n"), .bareCarriageReturn),
        refuse("data that goes on after the chunk is refused", chunked("1\r\nxy\r\n0\r\n\r\n"), .chunkEnd),
        refuse("a chunk that ends in LF is refused", chunked("1\r\nx\n0\r\n\r\n"), .chunkEnd),
        refuse("a chunk that ends in CR is refused", chunked("1\r\nx\r0\r\n\r\n"), .chunkEnd),
        refuse("a semicolon without extension is refused", chunked("1;\r\nx\r\n0\r\n\r\n"), .chunkExtension),
        refuse("an extension without name is refused", chunked("1;=a\r\nx\r\n0\r\n\r\n"), .chunkExtension),
        refuse("an extension with an equals sign but no value is refused", chunked("1;a=\r\nx"), .chunkExtension),
        refuse("a string that does not end is refused", chunked("1;a=\"b\r\nx"), .chunkExtension),
        refuse("text after a string is refused", chunked("1;a=\"b\"c\r\nx"), .chunkExtension),
        refuse("a CR in an extension is refused", chunked("1;a\rb\r\nx\r\n0\r\n\r\n"), .bareCarriageReturn),
        refuse("an LF in an extension is refused", chunked("1;a\nx\r\n0\r\n\r\n"), .bareLineFeed),
        refuse("an LF in a string is refused", chunked("1;a=\"\n\"\r\nx"), .bareLineFeed),
        refuse("a control character in an extension is refused", chunked("1;a\u{1}\r\nx"), .chunkExtension),
        refuse("NUL in a string is refused", chunked("1;a=\"\u{0}\"\r\nx"), .chunkExtension),
        accept(
            "an extension of 1024 bytes is accepted",
            chunked("1;" + String(repeating: "a", count: 1023) + "\r\nx\r\n0\r\n\r\n"), .chunked, content: "x"),
        refuse(
            "one byte more is not", chunked("1;" + String(repeating: "a", count: 1024) + "\r\nx\r\n0\r\n\r\n"),
            .chunkExtension),
        refuse(
            "more extension than content is refused after 16 KB",
            chunked(String(repeating: "1;" + String(repeating: "a", count: 1000) + "\r\nx\r\n", count: 17)),
            .chunkExtension),
        accept(
            "a signature per chunk is accepted, however many chunks there are",
            chunked(
                String(
                    repeating: "40;chunk-signature=" + String(repeating: "f", count: 64) + "\r\n"
                        + String(repeating: "x", count: 64) + "\r\n", count: 300) + "0\r\n\r\n"),
            .chunked, content: String(repeating: "x", count: 64 * 300)),
    ]

    static let trailers: [HTTP1Case] = [
        accept(
            "trailer fields are kept", chunked("0\r\nX-A: 1\r\nX-B: 2\r\n\r\n"), .chunked,
            trailers: "X-A: 1\r\nX-B: 2\r\n"),
        accept(
            "their white space is put in order", chunked("0\r\nX-A:\t1 \r\nx-b:\r\n\r\n"), .chunked,
            trailers: "X-A: 1\r\nx-b: \r\n"),
        accept(
            "their values may hold bytes above 0x7F", chunked("0\r\nX-A: \u{e9}\r\n\r\n"), .chunked,
            trailers: "X-A: \u{e9}\r\n"),
        refuse("Transfer-Encoding is no trailer", chunked("0\r\nTransfer-Encoding: identity\r\n\r\n"), .trailer),
        refuse("Content-Length is no trailer", chunked("0\r\ncontent-length: 5\r\n\r\n"), .trailer),
        refuse("Content_Length is no trailer", chunked("0\r\nContent_Length: 5\r\n\r\n"), .trailer),
        refuse("Host is no trailer", chunked("0\r\nHost: evil.example\r\n\r\n"), .trailer),
        refuse("Connection is no trailer", chunked("0\r\nConnection: close\r\n\r\n"), .trailer),
        refuse("Authorization is no trailer", chunked("0\r\nAuthorization: x\r\n\r\n"), .trailer),
        refuse("Content-Type is no trailer", chunked("0\r\nContent-Type: x\r\n\r\n"), .trailer),
        refuse("Trailer is no trailer", chunked("0\r\nTrailer: x\r\n\r\n"), .trailer),
        refuse("a trailer without colon is refused", chunked("0\r\nX-A\r\n\r\n"), .trailer),
        refuse("a trailer without name is refused", chunked("0\r\n: x\r\n\r\n"), .trailer),
        refuse("a trailer with a space before its colon is refused", chunked("0\r\nX-A : 1\r\n\r\n"), .trailer),
        refuse("a continued trailer is refused", chunked("0\r\nX-A: 1\r\n 2\r\n\r\n"), .trailer),
        refuse("a control character in a trailer is refused", chunked("0\r\nX-A: \u{1}\r\n\r\n"), .trailer),
        refuse("a trailer that ends in LF is refused", chunked("0\r\nX-A: 1\n\r\n"), .bareLineFeed),
        refuse("a trailer with a bare CR is refused", chunked("0\r\nX-A: 1\r2\r\n\r\n"), .bareCarriageReturn),
        refuse("a trailer section that ends in LF is refused", chunked("0\r\n\n"), .bareLineFeed),
        refuse("content after the last chunk is no trailer", chunked("0\r\nGET / HTTP/1.1\r\n\r\n"), .trailer),
        refuse(
            "trailers end after 8 KB",
            chunked("0\r\n" + String(repeating: "X: \(String(repeating: "a", count: 95))\r\n", count: 82) + "\r\n"),
            .trailer),
    ]
}

@Suite("Chunked content")
struct HTTP1ChunkedTests {
    @Test("is judged by RFC 9112 section 7.1", arguments: HTTP1Tables.chunks)
    func verdict(_ row: HTTP1Case) { row.check() }

    @Test("ends in fields that neither frame, route nor authenticate", arguments: HTTP1Tables.trailers)
    func trailers(_ row: HTTP1Case) { row.check() }

    @Test("is given as ranges of the caller's bytes, with nothing taken past its end")
    func steps() throws {
        let stream = bytes("3\r\nabc\r\n0\r\n\r\nGET ")
        var decoder = HTTP1BodyDecoder(.chunked)
        var consumed = 0
        #expect(try decoder.step(stream.span, consumed: &consumed) == .data(3..<6))
        #expect(consumed == 6)
        #expect(!decoder.isComplete)
        #expect(!decoder.isCompleteAtClose())
        #expect(try decoder.step(stream.span, consumed: &consumed) == .end)
        #expect(consumed == 13)
        #expect(decoder.isComplete)
        #expect(decoder.isCompleteAtClose())
        #expect(try decoder.step(stream.span, consumed: &consumed) == .end)
        #expect(consumed == 13)
    }

    @Test("keeps refusing after a mistake")
    func sticky() {
        let stream = bytes("zz")
        var decoder = HTTP1BodyDecoder(.chunked)
        var consumed = 0
        for _ in 0..<2 {
            #expect(throws: HTTP1Error.malformed(.chunkSize)) { try decoder.step(stream.span, consumed: &consumed) }
        }
        #expect(consumed == 0)
        #expect(!decoder.isCompleteAtClose())
    }

    @Test("is written so that it reads the same", arguments: [0, 1, 15, 16, 17, 255, 4096, 70_000])
    func writing(size: Int) {
        let data = (0..<size).map { UInt8(truncatingIfNeeded: $0) }
        var queue = ByteQueue()
        queue.append(bytes(post("Transfer-Encoding: chunked\r\n")).span)
        queue.appendChunk(data.span)
        let lineEnd: [UInt8] = [13, 10]
        queue.appendChunk(lineEnd.span.extracting(first: 0))
        queue.appendChunk(lineEnd.span)
        queue.appendLastChunk(trailers: bytes("X-T: 1\r\n"))
        let messages = read(text(Array(queue))).messages
        #expect(messages.map(\.body) == [data + lineEnd])
        #expect(messages.map(\.trailers) == ["X-T: 1\r\n"])
    }
}

@Suite("Content of another framing")
struct HTTP1BodyTests {
    private let bytes: [UInt8] = [1, 2, 3, 4]

    @Test("of no kind ends at once", arguments: [HTTP1Framing.none, .length(0)])
    func none(framing: HTTP1Framing) throws {
        var decoder = HTTP1BodyDecoder(framing)
        var consumed = 0
        #expect(decoder.isComplete)
        #expect(try decoder.step(bytes.span.extracting(first: 2), consumed: &consumed) == .end)
        #expect(consumed == 0)
    }

    @Test("with a length ends there and is incomplete before")
    func length() throws {
        var decoder = HTTP1BodyDecoder(.length(3))
        var consumed = 0
        #expect(try decoder.step(bytes.span.extracting(first: 0), consumed: &consumed) == .needsMore)
        #expect(try decoder.step(bytes.span.extracting(first: 2), consumed: &consumed) == .data(0..<2))
        #expect(!decoder.isCompleteAtClose())
        #expect(try decoder.step(bytes.span.extracting(first: 2), consumed: &consumed) == .needsMore)
        #expect(try decoder.step(bytes.span.extracting(first: 4), consumed: &consumed) == .data(2..<3))
        #expect(decoder.isComplete)
        #expect(try decoder.step(bytes.span.extracting(first: 4), consumed: &consumed) == .end)
        #expect(consumed == 3)
    }

    @Test("until close is complete at close and never before")
    func untilClose() throws {
        var decoder = HTTP1BodyDecoder(.untilClose)
        var consumed = 0
        #expect(try decoder.step(bytes.span.extracting(first: 2), consumed: &consumed) == .data(0..<2))
        #expect(try decoder.step(bytes.span.extracting(first: 2), consumed: &consumed) == .needsMore)
        #expect(!decoder.isComplete)
        #expect(decoder.isCompleteAtClose())
    }
}
