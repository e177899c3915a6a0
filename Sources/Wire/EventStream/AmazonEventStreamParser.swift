/// Reads the binary messages of `application/vnd.amazon.eventstream`, in which Amazon Bedrock streams its answers.
///
/// A message is: its length and that of its headers, four bytes each; the check over these; the headers; the payload;
/// the check over all of it. Both checks are made before anything of a message is shown. A message beyond the limit is
/// checked too and gone over without being kept. After an error nothing more can be read, since nobody knows where the
/// next message begins.
public struct AmazonEventStreamParser: ~Copyable {
    /// What the bytes that were gone over end with.
    public enum Step: Equatable, Sendable {
        /// All bytes are consumed, and no message ended.
        case needsMore
        /// A message; ``AmazonEventStreamParser/payload`` and ``AmazonEventStreamParser/header(_:)`` are its content.
        case message
        /// A message larger than the limit, of which nothing was kept.
        case oversized
    }

    /// Bedrock's messages hold one delta each; the model's own format in base64 makes the largest a few kilobytes.
    public static let messageBytesMaxDefault = 1024 * 1024

    private static let preludeByteCount = 12
    private static let checkByteCount = 4

    private let messageBytesMax: Int
    private var buffer = ByteQueue()
    private var headers: [Header] = []
    /// The length of the message, 0 while its prelude is incomplete.
    private var messageByteCount = 0
    private var headerByteCount = 0
    /// What is still to come of a message that is not kept.
    private var skippedByteCount = 0
    /// The check of a message that is not kept, so far, and the last bytes of it.
    private var check = CRC32()
    private var lastFour: UInt32 = 0
    private var isReported = false
    private var failure: AmazonEventStreamError?

    private struct Header {
        var name: Range<Int>
        var value: Range<Int>
        var isText: Bool
    }

    /// Makes a parser at the beginning of a stream. A message is kept up to `messageBytesMax`.
    public init(messageBytesMax: Int = AmazonEventStreamParser.messageBytesMaxDefault) {
        self.messageBytesMax = messageBytesMax
    }

    /// The whole message as it was received.
    public var message: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.bytes }
    }

    /// The content of the message.
    public var payload: Span<UInt8> {
        @_lifetime(borrow self)
        get {
            let start = Self.preludeByteCount + headerByteCount
            let end = max(start, messageByteCount - Self.checkByteCount)
            return end <= buffer.count ? buffer.bytes.extracting(start..<end) : Span()
        }
    }

    /// The value of the header of that name (`:event-type`); empty if there is none, or it is no text.
    @_lifetime(borrow self)
    public func header(_ name: StaticString) -> Span<UInt8> {
        let bytes = buffer.bytes
        for header in headers where header.isText && header.name.count == name.utf8CodeUnitCount {
            if ASCII.equal(bytes, header.name.lowerBound, name) { return bytes.extracting(header.value) }
        }
        return Span()
    }

    /// Whether no message has begun since the last one ended.
    public var isBetweenMessages: Bool { isReported || (buffer.isEmpty && skippedByteCount == 0) }

    /// Whether the message that has begun is beyond the limit.
    public var isInOversizedMessage: Bool { skippedByteCount > 0 }

    /// Goes over `bytes` from `consumed` to the end of a message, and no further.
    public mutating func step(
        _ bytes: Span<UInt8>, consumed: inout Int
    ) throws(AmazonEventStreamError) -> Step {
        if let failure { throw failure }
        do throws(AmazonEventStreamError) {
            return try next(bytes, &consumed)
        } catch {
            failure = error
            throw error
        }
    }

    private mutating func next(_ bytes: Span<UInt8>, _ consumed: inout Int) throws(AmazonEventStreamError) -> Step {
        if isReported { beginMessage() }
        if skippedByteCount > 0 { return try skip(bytes, &consumed) }
        if messageByteCount == 0 {
            guard gather(Self.preludeByteCount, bytes, &consumed) else { return .needsMore }
            (messageByteCount, headerByteCount) = try Self.readPrelude(buffer.bytes)
            if messageByteCount > messageBytesMax {
                beginSkipping()
                return try skip(bytes, &consumed)
            }
        }
        guard gather(messageByteCount, bytes, &consumed) else { return .needsMore }
        guard Self.isChecked(buffer.bytes) else { throw .messageChecksumWrong }
        var found: [Header] = []
        swap(&found, &headers)
        try Self.readHeaders(buffer.bytes, headerByteCount, into: &found)
        swap(&found, &headers)
        isReported = true
        return .message
    }

    private mutating func beginMessage() {
        isReported = false
        buffer.removeAll()
        headers.removeAll(keepingCapacity: true)
        messageByteCount = 0
        headerByteCount = 0
    }

    /// Copies until the buffer has `wanted` bytes; false if there are too few.
    private mutating func gather(_ wanted: Int, _ bytes: Span<UInt8>, _ consumed: inout Int) -> Bool {
        let taken = min(wanted - buffer.count, bytes.count - consumed)
        buffer.append(bytes.extracting(consumed..<(consumed + taken)))
        consumed += taken
        return buffer.count == wanted
    }

    /// The lengths of a message and of its headers.
    private static func readPrelude(
        _ bytes: Span<UInt8>
    ) throws(AmazonEventStreamError) -> (message: Int, headers: Int) {
        var check = CRC32()
        check.take(bytes.extracting(0..<8))
        guard check.value == number(bytes, 8) else { throw .preludeChecksumWrong }
        let total = Int(number(bytes, 0))
        let inHeaders = Int(number(bytes, 4))
        guard total - preludeByteCount - checkByteCount >= inHeaders else { throw .lengthInvalid }
        return (total, inHeaders)
    }

    private static func isChecked(_ message: Span<UInt8>) -> Bool {
        let end = message.count - checkByteCount
        var check = CRC32()
        check.take(message.extracting(0..<end))
        return check.value == number(message, end)
    }

    private mutating func beginSkipping() {
        skippedByteCount = messageByteCount - Self.preludeByteCount
        var prelude = CRC32()
        prelude.take(buffer.bytes)
        check = prelude
        buffer.removeAll()
        headerByteCount = 0
    }

    private mutating func skip(_ bytes: Span<UInt8>, _ consumed: inout Int) throws(AmazonEventStreamError) -> Step {
        let checked = min(skippedByteCount - Self.checkByteCount, bytes.count - consumed)
        if checked > 0 {
            check.take(bytes.extracting(consumed..<(consumed + checked)))
            consumed += checked
            skippedByteCount -= checked
        }
        while consumed < bytes.count, skippedByteCount > 0 {
            lastFour = lastFour << 8 | UInt32(bytes[consumed])
            consumed += 1
            skippedByteCount -= 1
        }
        guard skippedByteCount == 0 else { return .needsMore }
        guard lastFour == check.value else { throw .messageChecksumWrong }
        messageByteCount = 0
        isReported = true
        return .oversized
    }

    private static func readHeaders(
        _ bytes: Span<UInt8>, _ headerByteCount: Int, into headers: inout [Header]
    ) throws(AmazonEventStreamError) {
        let end = preludeByteCount + headerByteCount
        var index = preludeByteCount
        while index < end {
            let nameStart = index + 1
            let nameEnd = nameStart + Int(bytes[index])
            guard nameEnd > nameStart, nameEnd < end else { throw .headersMalformed }
            guard let kind = AmazonEventStreamValue(rawValue: bytes[nameEnd]) else { throw .headersMalformed }
            var valueStart = nameEnd + 1
            var valueByteCount = kind.byteCount ?? 0
            if kind.byteCount == nil {
                guard valueStart + 2 <= end else { throw .headersMalformed }
                valueByteCount = Int(bytes[valueStart]) << 8 | Int(bytes[valueStart + 1])
                valueStart += 2
            }
            guard valueStart + valueByteCount <= end else { throw .headersMalformed }
            index = valueStart + valueByteCount
            let name = nameStart..<nameEnd
            for header in headers where equal(bytes, header.name, name) { throw .headerTwice }
            // A quadratic search is cheap as long as there are few: Bedrock sends three.
            guard headers.count < headerCountMax else { throw .headersMalformed }
            headers.append(Header(name: name, value: valueStart..<index, isText: kind == .text))
        }
    }

    private static let headerCountMax = 100

    private static func equal(_ bytes: Span<UInt8>, _ left: Range<Int>, _ right: Range<Int>) -> Bool {
        guard left.count == right.count else { return false }
        for offset in 0..<left.count where bytes[left.lowerBound + offset] != bytes[right.lowerBound + offset] {
            return false
        }
        return true
    }

    private static func number(_ bytes: Span<UInt8>, _ index: Int) -> UInt32 {
        (0..<4).reduce(0) { $0 << 8 | UInt32(bytes[index + $1]) }
    }
}

/// The types that a header's value can have; the raw value is the byte that says so.
enum AmazonEventStreamValue: UInt8 {
    case isTrue = 0
    case isFalse = 1
    case byte = 2
    case short = 3
    case integer = 4
    case long = 5
    case bytes = 6
    case text = 7
    case timestamp = 8
    case uuid = 9

    /// How many bytes the value has; nil if it says so itself, in two bytes.
    var byteCount: Int? {
        switch self {
        case .isTrue, .isFalse: 0
        case .byte: 1
        case .short: 2
        case .integer: 4
        case .long, .timestamp: 8
        case .uuid: 16
        case .bytes, .text: nil
        }
    }
}
