import Wire

/// Applies one coding to content, piece by piece, so that edited content goes on in the coding in which it came.
///
/// The levels are those of a proxy: content passes one hop, and a loop must not stand still for it. It stays on one loop.
final class ContentEncoder {
    private let stream: any EncodingStream
    private var piece = CodingPiece(byteCount: pieceBytes)

    private static let pieceBytes = 16 * 1024
    /// About 75 MB/s of prompts; zlib's own choice, 6, takes nearly three times as long for a tenth of the size.
    private static let zlibLevel: Int32 = 4
    /// About 85 MB/s in 9 MB of memory; the next takes twice the time and 50 MB.
    private static let brotliQuality: UInt32 = 3
    /// The library's own choice: about 100 MB/s in 4 MB.
    private static let zstandardLevel: Int32 = 3

    /// Makes an encoder for one content.
    init(_ coding: ContentCoding) throws(ContentCodingError) {
        switch coding {
        case .gzip, .deflate, .rawDeflate: stream = try ZlibEncoder(coding, level: Self.zlibLevel)
        case .brotli: stream = try BrotliEncoder(quality: Self.brotliQuality)
        case .zstandard: stream = try ZstandardEncoder(level: Self.zstandardLevel)
        }
    }

    /// Encodes `bytes` and appends to `out` what comes of them. The goal says whether a decoder must be able to give
    /// back all of them (`flush`), or the content ends (`end`), after which nothing may follow.
    func encode(_ bytes: Span<UInt8>, goal: EncodingGoal, to out: inout ByteQueue) throws(ContentCodingError) {
        var consumed = 0
        var written = 0
        repeat {
            written = try piece.fill { room throws(ContentCodingError) in
                try stream.step(bytes, consumed: &consumed, into: &room, goal: goal)
            }
            try piece.withBytes(first: written) { out.append($0) }
        } while consumed < bytes.count || written == piece.count
    }
}
