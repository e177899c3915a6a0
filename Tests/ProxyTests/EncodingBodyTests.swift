import Testing
import Wire

@testable import Proxy

@Suite("A body in a coding")
struct EncodingBodyTests {
    private func text(_ body: [UInt8], _ codings: [ContentCoding], _ limit: Int) throws -> ([UInt8], [ContentCoding]) {
        let text = try BodyDecoding.whole(body.span, codings, textBytesMax: limit)
        return (text.bytes.withBytes { bytes in bytes.indices.map { bytes[$0] } }, text.codings)
    }

    @Test("is read, edited, and written in the coding that its sender used", arguments: ContentCoding.allCases)
    func edit(_ coding: ContentCoding) throws {
        let body = try coded(Array("{\"name\":\"Ada\"}".utf8), [coding])
        let (read, found) = try text(body, [coding == .rawDeflate ? .deflate : coding], 100)
        #expect(found == [coding])
        let edited = Array(String(decoding: read, as: UTF8.self).replacing("Ada", with: "person 1").utf8)
        let written = try coded(edited, found)
        #expect(try text(written, [coding == .rawDeflate ? .deflate : coding], 100).0 == edited)
        // The program at the other end may know one of the two forms of deflate only.
        #expect(try text(written, [coding == .rawDeflate ? .deflate : coding], 100).1 == [coding])
    }

    @Test(
        "in two codings, or in none, is written as it was read",
        arguments: [[], [.gzip, .zstandard], [.brotli, .gzip]] as [[ContentCoding]])
    func stacked(_ codings: [ContentCoding]) throws {
        let sample = SampleTexts.all[3]
        let body = try coded(sample, codings)
        let (read, found) = try text(body, codings, sample.count)
        #expect(read == sample && found == codings)
        if codings.isEmpty { #expect(body == sample) }
    }

    @Test("is refused with its reason")
    func refusals() throws {
        let body = try coded([UInt8](repeating: 1, count: 101), [.gzip])
        #expect(throws: ContentCodingError.tooLarge) { try text(body, [.gzip], 100) }
        #expect(throws: ContentCodingError.truncated) { try text(body.dropLast(), [.gzip], 101) }
        #expect(throws: ContentCodingError.trailingBytes) { try text(body + [0], [.gzip], 101) }
        #expect(throws: ContentCodingError.malformed) { try text([0x7b], [.gzip], 101) }
    }
}

@Suite("A side copy of an answer")
struct EncodingSideCopyTests {
    private func copy(_ contentEncoding: String) throws -> SideCopyDecoder {
        let bytes = Array("HTTP/1.1 200 OK\r\n\(contentEncoding)Content-Length: 1\r\n\r\n".utf8)
        var head = HTTP1Head(.response)
        try #require(try head.parse(bytes.span))
        return SideCopyDecoder(head, in: bytes.span)
    }

    private static let names = [
        ("", nil), ("Content-Encoding: gzip\r\n", .gzip), ("Content-Encoding: deflate\r\n", .deflate),
        ("Content-Encoding: deflate\r\n", .rawDeflate), ("Content-Encoding: br\r\n", .brotli),
        ("Content-Encoding: zstd\r\n", ContentCoding.zstandard),
    ]

    @Test("shows an event with the bytes that end it", arguments: names)
    func events(_ field: String, _ coding: ContentCoding?) throws {
        var copy = try copy(field)
        let encoder = try coding.map { try ContentEncoder($0) }
        var seen: [UInt8] = []
        for number in 0..<50 {
            let event = Array("data: {\"i\":\(number)}\n\n".utf8)
            var sent = ByteQueue()
            if let encoder { try encoder.encode(event.span, goal: .flush, to: &sent) } else { sent.append(event.span) }
            let before = seen.count
            let flaw = sent.withBytes { bytes in
                copy.feed(bytes) { text in for index in text.indices { seen.append(text[index]) } }
            }
            #expect(flaw == nil && Array(seen[before...]) == event)
        }
        var end = ByteQueue()
        try encoder?.encode(Span(), goal: .end, to: &end)
        let flaw = end.withBytes { bytes in copy.feed(bytes) { _ in Issue.record("text after the end") } }
        #expect(flaw == nil && copy.finish() == nil && copy.uninspectable == nil)
    }

    @Test("says once why there is no more text, and what was good before stays")
    func once() throws {
        var copy = try copy("Content-Encoding: gzip\r\n")
        let good = try coded(SampleTexts.event, [.gzip])
        var seen: [UInt8] = []
        let rubbish = good + [UInt8](repeating: 0, count: 9)
        let first = copy.feed(rubbish.span) { text in for index in text.indices { seen.append(text[index]) } }
        #expect(first == .trailingBytes && copy.uninspectable == .trailingBytes && seen == SampleTexts.event)
        let second = copy.feed(good.span) { _ in Issue.record("text after a mistake") }
        #expect(second == nil && copy.finish() == nil && copy.uninspectable == .trailingBytes)
    }

    @Test("of an answer that is cut says so at its end")
    func cut() throws {
        var copy = try copy("Content-Encoding: gzip\r\n")
        let content = try Array(coded(SampleTexts.event, [.gzip]).dropLast(3))
        let flaw = copy.feed(content.span) { _ in }
        #expect(flaw == nil)
        #expect(copy.finish() == .truncated && copy.finish() == nil && copy.uninspectable == .truncated)
    }

    @Test("of an answer in an unknown coding is none from the start")
    func unknown() throws {
        var copy = try copy("Content-Encoding: sdch\r\n")
        #expect(copy.uninspectable == .codingUnknown)
        let flaw = copy.feed([1, 2].span) { _ in Issue.record("text of an unknown coding") }
        #expect(flaw == nil && copy.finish() == nil)
    }

    @Test("stops at a bomb, in its size and in one call", arguments: [ContentCoding.brotli, .zstandard])
    func bomb(_ coding: ContentCoding) throws {
        let field = coding == .brotli ? "Content-Encoding: br\r\n" : "Content-Encoding: zstd\r\n"
        let most = SideCopyDecoder.textBytesPerCallMax
        let content = try coded([UInt8](repeating: 0x20, count: most + 1), [coding])
        var atOnce = try copy(field)
        var count = 0
        #expect(atOnce.feed(content.span) { count += $0.count } == .bomb)
        #expect(count <= most)
        // In pieces no call is too long; the proportion is.
        var inPieces = try copy(field)
        var flaws: [ContentCodingError] = []
        for index in content.indices {
            if let flaw = inPieces.feed(content.span.extracting(index..<(index + 1)), { _ in }) { flaws.append(flaw) }
        }
        #expect(flaws == [.bomb] && inPieces.uninspectable == .bomb)
    }

    @Test("sees a stream that nobody flushed, as dense as they come", arguments: names)
    func dense(_ field: String, _ coding: ContentCoding?) throws {
        let content = try coded(SampleTexts.denseEvents, coding.map { [$0] } ?? [])
        var copy = try copy(field)
        var count = 0
        let flaw = copy.feed(content.span) { count += $0.count }
        #expect(flaw == nil && copy.finish() == nil && count == SampleTexts.denseEvents.count)
    }
}
