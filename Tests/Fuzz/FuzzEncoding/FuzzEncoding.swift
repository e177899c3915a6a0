// One sentence: whatever the bytes, they are content in a coding or refused with the decoder's own error, alike in any
// pieces and within the limits; and what leo codes itself comes back.
import Wire

@testable import Proxy

private let lists: [[ContentCoding]] = [
    [.gzip], [.deflate], [.brotli], [.zstandard], [.gzip, .gzip], [.brotli, .zstandard], [.zstandard, .deflate], [],
]

/// libFuzzer's entry. The first byte picks the codings and whether the rest is content or text, the second the pieces.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard input.count >= 2 else { return 0 }
    let codings = lists[Int(input[0] & 7)]
    let pieceSize = 1 + Int(input[1])
    let rest = Array(input.dropFirst(2))
    if input[0] & 8 == 0 {
        checkContent(rest, codings, pieceSize)
        checkLimits(rest, codings, pieceSize)
    } else {
        checkText(rest, codings, pieceSize)
    }
    return 0
}

private struct Outcome {
    var text: [UInt8] = []
    var error: ContentCodingError?
}

private func decode(
    _ content: [UInt8], _ codings: [ContentCoding], in pieceSize: Int, _ limits: ContentDecoder.Limits
) -> Outcome {
    var outcome = Outcome()
    do throws(ContentCodingError) {
        let decoder = try ContentDecoder(codings, limits: limits)
        var fed = 0
        while fed < content.count {
            let next = min(content.count, fed + pieceSize)
            try decoder.decode(content.span.extracting(fed..<next)) { text in
                check(!text.isEmpty, "a piece of nothing")
                unsafe text.withUnsafeBufferPointer { unsafe outcome.text.append(contentsOf: $0) }
            }
            fed = next
        }
        try decoder.finish()
    } catch {
        outcome.error = error
    }
    return outcome
}

private func checkContent(_ content: [UInt8], _ codings: [ContentCoding], _ pieceSize: Int) {
    let limits = ContentDecoder.Limits(textBytesMax: 4 * 1024 * 1024, ratioFloorBytes: .max)
    let whole = decode(content, codings, in: max(content.count, 1), limits)
    let pieces = decode(content, codings, in: pieceSize, limits)
    // A library may see a mistake before it gives the text in front of it, which may be too large, or in another
    // coding and wrong there.
    check((whole.error == nil) == (pieces.error == nil), "the pieces change the verdict")
    if whole.error != .tooLarge, pieces.error != .tooLarge, codings.count < 2 {
        check(whole.error == pieces.error, "the pieces change the reason")
    }
    if whole.error == nil {
        check(whole.text == pieces.text, "the pieces change the text")
    } else {
        check(whole.text.starts(with: pieces.text) || pieces.text.starts(with: whole.text), "two texts")
    }
}

private func checkLimits(_ content: [UInt8], _ codings: [ContentCoding], _ pieceSize: Int) {
    let limits = ContentDecoder.Limits(textBytesMax: 100_000, ratioMax: 10, ratioFloorBytes: 10_000)
    let outcome = decode(content, codings, in: pieceSize, limits)
    let most = max(limits.ratioFloorBytes, content.count * limits.ratioMax)
    check(outcome.text.count <= min(limits.textBytesMax, most), "more text than allowed")
}

private func checkText(_ text: [UInt8], _ codings: [ContentCoding], _ pieceSize: Int) {
    do throws(ContentCodingError) {
        let content = try BodyDecoding.coded(text.span, in: codings)
        let coded = content.withBytes { bytes in bytes.indices.map { bytes[$0] } }
        let decoded = decode(coded, codings, in: pieceSize, ContentDecoder.Limits(ratioFloorBytes: .max))
        check(decoded.error == nil && decoded.text == text, "what was coded does not come back")
        guard codings.count == 1 else { return }
        // Flushed after each piece, the text so far can be seen.
        let encoder = try ContentEncoder(codings[0])
        let decoder = try ContentDecoder(codings, limits: ContentDecoder.Limits(ratioFloorBytes: .max))
        var seen: [UInt8] = []
        var fed = 0
        while fed < text.count {
            let next = min(text.count, fed + pieceSize)
            var out = ByteQueue()
            try encoder.encode(text.span.extracting(fed..<next), goal: .flush, to: &out)
            try decoder.decode(out.bytes) { piece in for index in piece.indices { seen.append(piece[index]) } }
            check(seen.count == next, "a flush leaves text behind")
            fed = next
        }
        check(seen == text, "flushes change the text")
    } catch {
        fatalError("leo's own coding is refused")
    }
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
