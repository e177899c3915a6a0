import Testing
import Wire

@Suite("The list of content codings")
struct ContentCodingTests {
    private func list(_ fieldLines: String) throws -> Result<[ContentCoding], ContentCodingError> {
        let text = bytes(post(fieldLines + "Content-Length: 0\r\n"))
        var head = HTTP1Head(.request)
        try #require(try head.parse(text.span))
        do throws(ContentCodingError) {
            return .success(try ContentCoding.list(of: head, in: text.span))
        } catch { return .failure(error) }
    }

    @Test(
        "is read in the order of application, in any case and over any fields",
        arguments: [
            ("", []), ("Content-Encoding: \r\n", []), ("Content-Encoding: identity\r\n", []),
            ("content-encoding: gzip\r\n", [.gzip]), ("Content-Encoding: X-GZip\r\n", [.gzip]),
            ("Content-Encoding: deflate\r\n", [.deflate]), ("Content-Encoding: BR\r\n", [.brotli]),
            ("Content-Encoding: zstd\r\n", [.zstandard]),
            ("Content-Encoding: gzip, br\r\n", [.gzip, .brotli]),
            ("Content-Encoding: gzip ,, identity ,\tzstd\r\n", [.gzip, .zstandard]),
            ("Content-Encoding: br\r\nContent-Encoding: gzip\r\n", [.brotli, .gzip]),
        ] as [(String, [ContentCoding])])
    func known(_ fieldLines: String, _ codings: [ContentCoding]) throws {
        #expect(try list(fieldLines) == .success(codings))
    }

    @Test(
        "is refused with what leo cannot undo",
        arguments: [
            ("Content-Encoding: compress\r\n", ContentCodingError.codingUnknown),
            ("Content-Encoding: dcz\r\n", .codingUnknown), ("Content-Encoding: aes128gcm\r\n", .codingUnknown),
            ("Content-Encoding: gzip, what\r\n", .codingUnknown), ("Content-Encoding: gzip;q=1\r\n", .codingUnknown),
            ("Content-Encoding: gzip br\r\n", .codingUnknown),
            ("Content-Encoding: gzip, gzip, gzip\r\n", .tooManyCodings),
            ("Content-Encoding: br\r\nContent-Encoding: br\r\nContent-Encoding: br\r\n", .tooManyCodings),
        ])
    func unknown(_ fieldLines: String, _ error: ContentCodingError) throws {
        #expect(try list(fieldLines) == .failure(error))
    }

    @Test("has a sentence for each reason", arguments: ContentCodingError.allCases)
    func explanations(_ error: ContentCodingError) { #expect(!error.explanation.isEmpty) }
}
