import Testing
import Wire

@testable import Proxy

@Suite("A content coding's limits")
struct EncodingLimitTests {
    private static let blanks = [UInt8](repeating: 0x20, count: 8 * 1024 * 1024)

    @Test(
        "stop a bomb soon after the megabyte that is always allowed",
        arguments: ContentCoding.allCases.map { [$0] } + [[.gzip, .gzip], [.zstandard, .brotli]])
    func bomb(_ codings: [ContentCoding]) throws {
        let content = try coded(Self.blanks, codings)
        let said = codings.map { $0 == .rawDeflate ? .deflate : $0 }
        #expect(content.count < Self.blanks.count / 200)
        for piece in [64, .max] {
            let decoded = decode(content, said, in: piece)
            #expect(decoded.error == .bomb)
            let floor = ContentDecoder.Limits().ratioFloorBytes
            #expect(decoded.text.count <= max(floor, 200 * content.count))
        }
        // The same content is good where more is asked for.
        var limits = ContentDecoder.Limits()
        limits.ratioFloorBytes = Self.blanks.count
        #expect(decode(content, said, limits: limits).error == nil)
    }

    @Test("stop a bomb inside of the outer coding, whose text is small")
    func innerBomb() throws {
        // Blanks come out of the outer coding; the inner one refuses the first of them.
        let content = try coded(Self.blanks, [.brotli])
        #expect(decode(content, [.gzip, .brotli]).error == .malformed)
        // Empty gzip members come out of it, by the megabyte, and no text of them.
        let empty = try coded([], [.gzip])
        let many = try coded(Array((0..<100_000).map { _ in empty }.joined()), [.zstandard])
        let decoded = decode(many, [.gzip, .zstandard])
        #expect(decoded.error == .bomb && decoded.text.isEmpty)
    }

    @Test("let repetitive text pass that is no bomb", arguments: ContentCoding.allCases)
    func honest(_ coding: ContentCoding) throws {
        let content = try coded(SampleTexts.denseEvents, [coding])
        #expect(decode(content, [coding == .rawDeflate ? .deflate : coding], in: 4096).error == nil)
    }

    @Test("hold to the byte for the text's size", arguments: ContentCoding.allCases.map { [$0] } + [[]])
    func textBytesMax(_ codings: [ContentCoding]) throws {
        let text = SampleTexts.randomBytes(40_000, seed: 5)
        let content = try coded(text, codings)
        let said = codings.map { $0 == .rawDeflate ? .deflate : $0 }
        for (limit, error) in [(40_000, nil), (39_999, ContentCodingError.tooLarge), (0, .tooLarge)] {
            let decoded = decode(content, said, limits: .init(textBytesMax: limit))
            #expect(decoded.error == error && decoded.text.count <= limit)
        }
    }

    @Test("hold for the number of codings")
    func codingCount() {
        #expect(decode([], [.gzip, .gzip, .gzip]).error == .tooManyCodings)
    }

    @Test("hold for the size of a piece")
    func pieceSize() throws {
        let decoder = try ContentDecoder([.zstandard])
        let content = try coded(SampleTexts.all[3], [.zstandard])
        var sizes: [Int] = []
        try decoder.decode(content.span) { sizes.append($0.count) }
        #expect(sizes.allSatisfy { (1...ContentDecoder.pieceBytesMax).contains($0) })
        #expect(sizes.reduce(0, +) == SampleTexts.all[3].count && decoder.textByteCount == SampleTexts.all[3].count)
    }
}
