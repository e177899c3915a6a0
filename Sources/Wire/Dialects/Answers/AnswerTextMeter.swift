/// Counts tokens of the text that a model wrote, where its provider does not.
struct AnswerTextMeter: ~Copyable {
    private var byteCount = 0

    /// The tokens so far, rounded up.
    var tokenCount: Int { (byteCount + 3) / 4 }

    /// Takes bytes of a JSON string's content, escapes and all, in any pieces.
    mutating func take(escaped bytes: Span<UInt8>) { byteCount += bytes.count }

    /// Takes bytes as they are.
    mutating func take(raw bytes: Span<UInt8>) { byteCount += bytes.count }

    mutating func take(_ byte: UInt8) { byteCount += 1 }

    /// Ends a string; the text may go on in the next.
    mutating func endPiece() {}
}
