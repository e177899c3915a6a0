import Wire

/// A whole content in its coding and out of it: for a request whose text a policy reads, or edits.
enum BodyDecoding {
    /// The text of `body`, to which `codings` were applied in this order, at most `textBytesMax` of it; and the codings
    /// as found, to be given to ``coded(_:in:)`` after an edit.
    static func whole(
        _ body: Span<UInt8>, _ codings: [ContentCoding], textBytesMax: Int
    ) throws(ContentCodingError) -> Text {
        let decoder = try ContentDecoder(codings, limits: ContentDecoder.Limits(textBytesMax: textBytesMax))
        var bytes = ByteQueue()
        try decoder.decode(body) { piece in bytes.append(piece) }
        try decoder.finish()
        return Text(bytes: bytes, codings: decoder.codings)
    }

    /// What was decoded.
    struct Text: ~Copyable {
        var bytes: ByteQueue
        let codings: [ContentCoding]
    }

    /// `text` with `codings` applied in this order.
    static func coded(_ text: Span<UInt8>, in codings: [ContentCoding]) throws(ContentCodingError) -> ByteQueue {
        var coded = ByteQueue()
        guard let first = codings.first else {
            coded.append(text)
            return coded
        }
        try ContentEncoder(first).encode(text, goal: .end, to: &coded)
        for coding in codings.dropFirst() {
            var next = ByteQueue()
            try ContentEncoder(coding).encode(coded.bytes, goal: .end, to: &next)
            coded = next
        }
        return coded
    }
}
