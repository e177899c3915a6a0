import Wire

/// One coding of one message, undone step by step: a stream of a C library behind it.
///
/// It stays on one loop.
protocol DecodingStream: AnyObject {
    /// Takes from `bytes` at `consumed` and writes to `room`; returns how many bytes it wrote.
    ///
    /// It stops when `bytes` are used up and all that they give is written, or when `room` is full.
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>
    ) throws(ContentCodingError) -> Int

    /// What is wrong with the bytes behind those that the last step wrote something of.
    var failure: ContentCodingError? { get }

    /// Whether the content may end here.
    var isAtEnd: Bool { get }

    /// The coding, as found in the bytes.
    var coding: ContentCoding { get }
}

/// What an encoder does beyond taking bytes.
enum EncodingGoal {
    /// Take the bytes and write what there is.
    case more
    /// Write so much that a decoder can give back every byte so far.
    case flush
    /// End the coding.
    case end
}

/// One coding of one message, applied step by step.
protocol EncodingStream: AnyObject {
    /// Takes from `bytes` at `consumed` and writes to `room`; returns how many bytes it wrote.
    ///
    /// The goal is reached when `bytes` are used up and `room` is not full.
    func step(
        _ bytes: Span<UInt8>, consumed: inout Int, into room: inout MutableSpan<UInt8>, goal: EncodingGoal
    ) throws(ContentCodingError) -> Int
}

/// Room for a piece of a coding stream's output. The span of an object's property cannot leave it, so whoever has a
/// piece lends itself for the call.
struct CodingPiece: ~Copyable {
    private var bytes: [UInt8]

    init(byteCount: Int) { bytes = [UInt8](repeating: 0, count: byteCount) }

    var count: Int { bytes.count }

    /// Lets a stream write; returns how much it wrote.
    mutating func fill(
        _ write: (inout MutableSpan<UInt8>) throws(ContentCodingError) -> Int
    ) throws(ContentCodingError) -> Int {
        var room = bytes.mutableSpan
        return try write(&room)
    }

    /// Lends the first `byteCount` bytes.
    borrowing func withBytes(
        first byteCount: Int, _ body: (Span<UInt8>) throws(ContentCodingError) -> Void
    ) throws(ContentCodingError) {
        try body(bytes.span.extracting(first: byteCount))
    }
}

/// Follows the first bytes of what can follow itself, gzip members or frames: to tell one more of them from rubbish
/// after the end, and never to hand rubbish to a library that guesses.
struct LeadingBytes {
    /// How many bytes of the current beginning came.
    private(set) var count = 0
    private(set) var isLater = false

    /// Looks at the bytes that a stream takes next, each once. `accepts` judges a byte by its position; nil: the
    /// beginning is over.
    mutating func look(
        _ bytes: Span<UInt8>, _ range: Range<Int>, _ accepts: (_ position: Int, _ byte: UInt8) -> Bool?
    ) throws(ContentCodingError) {
        for index in range {
            guard let isGood = accepts(count, bytes[index]) else { return }
            guard isGood else { throw isLater && count == 0 ? .trailingBytes : .malformed }
            count += 1
        }
    }

    /// One of them is complete.
    mutating func restart() {
        count = 0
        isLater = true
    }

    /// Whether at least one is complete and no other began.
    var isBetween: Bool { isLater && count == 0 }
}
