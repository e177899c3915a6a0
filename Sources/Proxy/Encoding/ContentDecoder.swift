import Wire

/// Undoes the codings of one content, piece by piece, within limits that the sender does not choose.
///
/// Nothing is kept but what the codings themselves need and one piece of text for each of them. After an error the
/// decoder is of no further use. It stays on one loop.
final class ContentDecoder {
    /// What a sender may make of its bytes.
    struct Limits: Equatable, Sendable {
        /// The most text; for content that nobody gathers it may be without limit.
        var textBytesMax = Int.max
        /// How many times its size content may become. Deflate can do 1032, the others more than 100,000.
        ///
        /// Prompts come to ten or twenty, and even the events of a stream to no more than a hundred. Apache's limit is
        /// the same.
        var ratioMax = 200
        /// Up to here there is no ratio: small texts may be all blanks, and do no harm.
        var ratioFloorBytes = 1024 * 1024

        /// Limits for an answer, of which nothing is gathered: they bound the loop's time.
        ///
        /// A model that repeats one word, in a coding that is not flushed between events, comes to 227 in gzip and to
        /// 25,000 in Brotli. What deflate can do is let through, and more than that up to what one read may yield.
        static let answer = Limits(ratioMax: 1100, ratioFloorBytes: SideCopyDecoder.textBytesPerCallMax)
    }

    /// The size of the pieces that text comes in, at most.
    static let pieceBytesMax = 16 * 1024

    /// The coding applied last, with those before it behind it.
    private let outermost: DecodingStage?
    private let budget: TextBudget

    /// Makes a decoder for content to which `codings` were applied in this order; without any, text is what comes in.
    init(_ codings: [ContentCoding], limits: Limits = Limits()) throws(ContentCodingError) {
        guard codings.count <= ContentCoding.countMax else { throw .tooManyCodings }
        budget = TextBudget(limits)
        var stage: DecodingStage?
        for coding in codings { stage = DecodingStage(try Self.stream(for: coding), next: stage, budget) }
        outermost = stage
    }

    /// The codings as found: deflate turns out to be raw, or not, with its first bytes.
    var codings: [ContentCoding] {
        var found: [ContentCoding] = []
        var stage = outermost
        while let current = stage {
            found.append(current.stream.coding)
            stage = current.next
        }
        return found.reversed()
    }

    /// How much text there was.
    var textByteCount: Int { budget.textByteCount }

    /// Decodes `bytes` and hands the text to `output` in pieces of at most ``pieceBytesMax`` bytes; every byte of text
    /// that can be made of what came so far is handed on.
    func decode(
        _ bytes: Span<UInt8>, _ output: (Span<UInt8>) throws(ContentCodingError) -> Void
    ) throws(ContentCodingError) {
        guard let outermost else {
            budget.contentByteCount += bytes.count
            try budget.add(bytes.count)
            if bytes.count > 0 { try output(bytes) }
            return
        }
        try outermost.decode(bytes, output)
    }

    /// Says that no more bytes come: whether the codings ended too. No content at all is no text.
    func finish() throws(ContentCodingError) {
        var stage = outermost
        while let current = stage {
            guard current.isAtEnd else { throw .truncated }
            stage = current.next
        }
    }

    private static func stream(for coding: ContentCoding) throws(ContentCodingError) -> any DecodingStream {
        switch coding {
        case .gzip, .deflate, .rawDeflate: try ZlibDecoder(coding)
        case .brotli: try BrotliDecoder()
        case .zstandard: try ZstandardDecoder()
        }
    }
}

/// One coding, and what its output goes to.
private final class DecodingStage {
    let stream: any DecodingStream
    let next: DecodingStage?
    private let budget: TextBudget
    private var piece = CodingPiece(byteCount: ContentDecoder.pieceBytesMax)
    private var isEmpty = true
    /// The outermost one counts what comes in.
    private var isOutermost = true
    /// What came out, for the stages that are not the innermost.
    private var byteCount = 0

    init(_ stream: any DecodingStream, next: DecodingStage?, _ budget: TextBudget) {
        self.stream = stream
        self.next = next
        self.budget = budget
        next?.isOutermost = false
    }

    var isAtEnd: Bool { isEmpty || stream.isAtEnd }

    func decode(
        _ bytes: Span<UInt8>, _ output: (Span<UInt8>) throws(ContentCodingError) -> Void
    ) throws(ContentCodingError) {
        guard bytes.count > 0 else { return }
        isEmpty = false
        var consumed = 0
        var written = 0
        repeat {
            let before = consumed
            written = try piece.fill { room throws(ContentCodingError) in
                try stream.step(bytes, consumed: &consumed, into: &room)
            }
            if isOutermost { budget.contentByteCount += consumed - before }
            if written > 0 {
                try hand(on: written, output)
                if let failure = stream.failure { throw failure }
            } else if consumed == before {
                // A library that neither takes nor gives would be asked without end.
                guard consumed == bytes.count else { throw .malformed }
            }
        } while consumed < bytes.count || written == piece.count
    }

    private func hand(
        on written: Int, _ output: (Span<UInt8>) throws(ContentCodingError) -> Void
    ) throws(ContentCodingError) {
        guard let next else {
            try budget.add(written)
            return try piece.withBytes(first: written, output)
        }
        // What lies between two codings is work like the text itself.
        byteCount += written
        try budget.check(byteCount)
        try piece.withBytes(first: written) { bytes throws(ContentCodingError) in try next.decode(bytes, output) }
    }
}

/// What all stages of a decoder share: the limits, and how much of them is used.
private final class TextBudget {
    private let limits: ContentDecoder.Limits
    var contentByteCount = 0
    private(set) var textByteCount = 0

    init(_ limits: ContentDecoder.Limits) { self.limits = limits }

    func add(_ byteCount: Int) throws(ContentCodingError) {
        textByteCount += byteCount
        try check(textByteCount)
    }

    func check(_ byteCount: Int) throws(ContentCodingError) {
        if byteCount > limits.textBytesMax { throw .tooLarge }
        guard byteCount > limits.ratioFloorBytes else { return }
        let (allowed, overflows) = contentByteCount.multipliedReportingOverflow(by: limits.ratioMax)
        if !overflows, byteCount > allowed { throw .bomb }
    }
}
