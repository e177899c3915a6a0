import Testing
import Wire

@testable import Proxy

@Suite("Content in a coding")
struct EncodingDecoderTests {
    private static let everyList: [[ContentCoding]] =
        [[]] + ContentCoding.allCases.map { [$0] } + [[.gzip, .brotli], [.zstandard, .gzip], [.deflate, .deflate]]
    private static let text = Array("{\"model\":\"m\",\"input\":\"hello hello hello\"}".utf8)

    @Test("comes back as the text that it was made of, in pieces of any size", arguments: everyList)
    func roundTrip(_ codings: [ContentCoding]) throws {
        for sample in SampleTexts.all {
            let content = try coded(sample, codings)
            // Which of the two deflate is, only its bytes tell.
            let said = codings.map { $0 == .rawDeflate ? .deflate : $0 }
            for piece in [1, 2, 3, 7, 64, 1021, .max] where piece > 7 || content.count < 20_000 {
                let decoded = decode(content, said, in: piece)
                #expect(decoded.error == nil && decoded.text == sample, "\(sample.count) bytes in pieces of \(piece)")
                #expect(decoded.codings == codings)
            }
        }
    }

    /// Made by Python's zlib and gzip, by zstd(1), and taken from Brotli's own tests.
    @Test(
        "as other programs write it is read",
        arguments: [
            (
                ContentCoding.gzip,
                [
                    0x1f, 0x8b, 0x08, 0x08, 0x01, 0x00, 0x00, 0x00, 0x00, 0xff, 0x61, 0x2e, 0x6a, 0x73, 0x6f, 0x6e,
                    0x00,
                    0xab, 0x56, 0xca, 0xcd, 0x4f, 0x49, 0xcd, 0x51, 0xb2, 0x52, 0xca, 0x55, 0xd2, 0x51, 0xca, 0xcc,
                    0x2b,
                    0x28, 0x2d, 0x01, 0xb2, 0x33, 0x52, 0x73, 0x72, 0xf2, 0x15, 0x90, 0x48, 0xa5, 0x5a, 0x00, 0xc5,
                    0xc8,
                    0xf0, 0xeb, 0x29, 0x00, 0x00, 0x00,
                ]
            ),
            (
                .deflate,
                [
                    0x78, 0xda, 0xab, 0x56, 0xca, 0xcd, 0x4f, 0x49, 0xcd, 0x51, 0xb2, 0x52, 0xca, 0x55, 0xd2, 0x51,
                    0xca,
                    0xcc, 0x2b, 0x28, 0x2d, 0x01, 0xb2, 0x33, 0x52, 0x73, 0x72, 0xf2, 0x15, 0x90, 0x48, 0xa5, 0x5a,
                    0x00,
                    0x18, 0x9c, 0x0d, 0xd3,
                ]
            ),
            (
                .rawDeflate,
                [
                    0xab, 0x56, 0xca, 0xcd, 0x4f, 0x49, 0xcd, 0x51, 0xb2, 0x52, 0xca, 0x55, 0xd2, 0x51, 0xca, 0xcc,
                    0x2b,
                    0x28, 0x2d, 0x01, 0xb2, 0x33, 0x52, 0x73, 0x72, 0xf2, 0x15, 0x90, 0x48, 0xa5, 0x5a, 0x00,
                ]
            ),
            (
                .zstandard,
                [
                    0x28, 0xb5, 0x2f, 0xfd, 0x04, 0x58, 0x25, 0x01, 0x00, 0xf0, 0x7b, 0x22, 0x6d, 0x6f, 0x64, 0x65,
                    0x6c,
                    0x22, 0x3a, 0x22, 0x6d, 0x22, 0x2c, 0x22, 0x69, 0x6e, 0x70, 0x75, 0x74, 0x22, 0x3a, 0x22, 0x68,
                    0x65,
                    0x6c, 0x6c, 0x6f, 0x20, 0x22, 0x7d, 0x01, 0x00, 0xc4, 0x28, 0x4e, 0xd2, 0x1e, 0x9b, 0x5d,
                ]
            ),
        ] as [(ContentCoding, [UInt8])])
    func foreign(_ coding: ContentCoding, _ content: [UInt8]) {
        let decoded = decode(content, [coding == .rawDeflate ? .deflate : coding])
        #expect(decoded == Decoded(text: Self.text, error: nil, codings: [coding]))
    }

    @Test("of Brotli as its authors write it is read")
    func foreignBrotli() {
        #expect(decode([0x06], [.brotli]).text == [] && decode([0x06], [.brotli]).error == nil)
        let hello = decode([0x0b, 0x02, 0x80] + Array("hello".utf8) + [0x03], [.brotli])
        #expect(hello.error == nil && hello.text == Array("hello".utf8))
    }

    @Test("cut anywhere is found to be cut, and none at all is no text", arguments: ContentCoding.allCases)
    func truncation(_ coding: ContentCoding) throws {
        let said: ContentCoding = coding == .rawDeflate ? .deflate : coding
        let content = try coded(Self.text, [coding])
        #expect(decode([], [said]).error == nil)
        for count in 1..<content.count {
            for piece in [1, .max] {
                let decoded = decode(Array(content.prefix(count)), [said], in: piece)
                #expect(decoded.error == .truncated && Self.text.starts(with: decoded.text), "\(count) bytes")
            }
        }
    }

    @Test("followed by anything else is refused", arguments: ContentCoding.allCases)
    func trailingBytes(_ coding: ContentCoding) throws {
        let said: ContentCoding = coding == .rawDeflate ? .deflate : coding
        let content = try coded(Self.text, [coding])
        for rubbish: [UInt8] in [[0], [0x0a], [0xff, 0xff], [UInt8](repeating: 0, count: 100)] {
            for piece in [1, 3, content.count, .max] {
                #expect(decode(content + rubbish, [said], in: piece).error == .trailingBytes, "pieces of \(piece)")
            }
        }
    }

    @Test("may have several gzip members or Zstandard frames", arguments: [ContentCoding.gzip, .zstandard])
    func members(_ coding: ContentCoding) throws {
        let content = try coded([1, 2], [coding]) + coded([], [coding]) + coded([3], [coding])
        for piece in [1, 2, 5, .max] { #expect(decode(content, [coding], in: piece).text == [1, 2, 3]) }
        // One that begins and is none is rubbish; one that is cut is cut.
        let first = try coded([1, 2], [coding])
        #expect(decode(first + first.prefix(1) + [0], [coding]).error == .malformed)
        for count in 1..<first.count {
            #expect(decode(first + first.prefix(count), [coding], in: 3).error == .truncated)
        }
    }

    @Test(
        "that is something else is refused",
        arguments: [
            (ContentCoding.gzip, [0x7b, 0x22]), (.gzip, [0x1f, 0x8c]),
            (.gzip, [0x1f, 0x8b, 0x07, 0, 0, 0, 0, 0, 0, 0]),
            // A block type that does not exist, and zlib's header asking for a dictionary.
            (.deflate, [0xff, 0xff]), (.deflate, [0x78, 0xbb, 0, 0, 0, 1, 0]),
            (.brotli, [0xff, 0xff, 0xff, 0xff, 0xff, 0xff]),
            (.zstandard, [0x7b]), (.zstandard, [0x28, 0xb5, 0x2f, 0xfc]),
            // The magic number of version 0.7.
            (.zstandard, [0x27, 0xb5, 0x2f, 0xfd]),
            // A reserved bit of the frame header, a dictionary, and a reserved block type.
            (.zstandard, [0x28, 0xb5, 0x2f, 0xfd, 0x08, 0x58, 0x01, 0, 0]),
            (.zstandard, [0x28, 0xb5, 0x2f, 0xfd, 0x01, 0x58, 0x07, 0x01, 0, 0]),
            (.zstandard, [0x28, 0xb5, 0x2f, 0xfd, 0x00, 0x58, 0x07, 0, 0]),
        ] as [(ContentCoding, [UInt8])])
    func rubbish(_ coding: ContentCoding, _ content: [UInt8]) {
        for piece in [1, 2, .max] {
            let decoded = decode(content, [coding], in: piece)
            #expect(decoded.error == .malformed && decoded.text == [], "pieces of \(piece)")
        }
    }

    @Test("whose check is wrong is refused", arguments: [ContentCoding.gzip, .deflate])
    func wrongCheck(_ coding: ContentCoding) throws {
        var content = try coded(Self.text, [coding])
        // gzip ends with check and length, zlib with the check.
        content[content.count - (coding == .gzip ? 6 : 2)] ^= 1
        #expect(decode(content, [coding]).error == .malformed)
        if coding == .gzip {
            content = try coded(Self.text, [coding])
            content[content.count - 1] ^= 1
            #expect(decode(content, [coding]).error == .malformed)
        }
        // The text before it was handed on, however the bytes came.
        #expect(decode(content, [coding]).text == Self.text && decode(content, [coding], in: 1).text == Self.text)
    }

    @Test("of Zstandard may skip frames, and have a window of 8 MB but no larger")
    func zstandardFrames() throws {
        let skipped: [UInt8] = [0x5a, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3]
        let content = try skipped + coded([1], [.zstandard]) + skipped
        for piece in [1, 4, .max] {
            let decoded = decode(content, [.zstandard], in: piece)
            #expect(decoded.text == [1] && decoded.error == nil)
        }
        // The descriptor has the exponent, less ten, in five bits and eighths in three.
        func frame(window: UInt8) -> [UInt8] { [0x28, 0xb5, 0x2f, 0xfd, 0x00, window, 0x01, 0x00, 0x00] }
        for piece in [1, 3, .max] {
            #expect(decode(frame(window: 13 << 3), [.zstandard], in: piece).error == nil)
            #expect(decode(frame(window: 12 << 3 | 7), [.zstandard], in: piece).error == nil)
            #expect(decode(frame(window: 13 << 3 | 1), [.zstandard], in: piece).error == .windowTooLarge)
            #expect(decode(frame(window: 0xff), [.zstandard], in: piece).error == .windowTooLarge)
            // One segment of 16 MB, which would be the window.
            let segment: [UInt8] = [0x28, 0xb5, 0x2f, 0xfd, 0xa0, 0, 0, 0, 1, 0, 0, 0]
            #expect(decode(segment, [.zstandard], in: piece).error == .windowTooLarge)
        }
    }

    @Test("of Brotli may not have the large window")
    func brotliWindow() {
        for piece in [1, .max] { #expect(decode([0x11, 0x1e, 0x03], [.brotli], in: piece).error == .windowTooLarge) }
    }

    @Test("under the wrong name is refused", arguments: ContentCoding.allCases)
    func wrongName(_ coding: ContentCoding) throws {
        let content = try coded(Self.text, [coding])
        for other in [ContentCoding.gzip, .deflate, .brotli, .zstandard] where other != coding {
            if coding == .rawDeflate && other == .deflate { continue }
            #expect(decode(content, [other]).error != nil, "\(other)")
        }
    }

    /// Seeds are arguments, so that a failure can be repeated alone.
    @Test("with random damage gives the same verdict in any pieces", arguments: 0..<100)
    func damage(seed: Int) throws {
        let numbers = SampleTexts.randomBytes(8, seed: UInt64(seed) &+ 77)
        let coding = ContentCoding.allCases[Int(numbers[0]) % ContentCoding.allCases.count]
        let said: ContentCoding = coding == .rawDeflate ? .deflate : coding
        var content = try coded(SampleTexts.event + SampleTexts.event, [coding])
        content[Int(numbers[1]) * content.count / 256] ^= numbers[2] | 1
        let whole = decode(content, [said])
        for piece in [1, 2, 13] {
            let pieces = decode(content, [said], in: piece)
            #expect(pieces.error == whole.error, "pieces of \(piece)")
            if whole.error == nil { #expect(pieces == whole) }
        }
    }
}
