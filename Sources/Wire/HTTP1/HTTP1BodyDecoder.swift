/// Finds the content in the bytes after a head (RFC 9112 6 and 7): ranges of data, then the end.
///
/// Data is never copied: each ``Step/data(_:)`` is a range of the caller's bytes. Chunk sizes, extensions and line ends
/// are checked byte by byte, so the steps are the same however the bytes arrive. Extensions are dropped; trailers are
/// kept until the end.
public struct HTTP1BodyDecoder: Sendable {
    /// What the next bytes are.
    public enum Step: Equatable, Sendable {
        /// Content, as a range of the bytes that were passed in; never empty.
        case data(Range<Int>)
        /// Every byte is used up and the content goes on.
        case needsMore
        /// The content is complete; bytes that follow belong to the next message.
        case end
    }

    /// The largest extension of one chunk; extensions that are used at all (signatures of streamed uploads) take 90.
    public static let extensionBytesMax = 1024
    /// How many bytes of extensions there may be beyond twice the data; Go's net/http has the same rule, since without
    /// one a megabyte of content could take a gigabyte of reading.
    public static let extensionExcessBytesMax = 16 * 1024
    /// The largest trailer section.
    public static let trailerBytesMax = 8 * 1024

    private enum State: Sendable {
        case data(UInt64)
        case dataUntilClose
        case size(value: UInt64, digitCount: Int)
        case chunkExtension(HTTP1ChunkExtension, size: UInt64, byteCount: Int)
        case sizeLineFeed(UInt64)
        case chunkData(UInt64)
        case chunkCarriageReturn
        case chunkLineFeed
        case trailers
        case ended
    }

    private var state: State
    private var extensionExcessBytes: UInt64 = 0
    private var trailerSection = HTTP1TrailerSection()

    /// Makes a decoder for one message's content.
    public init(_ framing: HTTP1Framing) {
        switch framing {
        case .none, .length(0): state = .ended
        case .length(let length): state = .data(length)
        case .chunked: state = .size(value: 0, digitCount: 0)
        case .untilClose: state = .dataUntilClose
        }
    }

    /// Whether the content has ended.
    public var isComplete: Bool {
        switch state {
        case .ended: true
        case .data, .dataUntilClose, .size, .chunkExtension, .sizeLineFeed, .chunkData, .chunkCarriageReturn,
            .chunkLineFeed, .trailers:
            false
        }
    }

    /// Whether the content is complete if the connection closes now.
    public func isCompleteAtClose() -> Bool {
        switch state {
        case .ended, .dataUntilClose: true
        case .data, .size, .chunkExtension, .sizeLineFeed, .chunkData, .chunkCarriageReturn, .chunkLineFeed, .trailers:
            false
        }
    }

    /// The trailer fields after the end of chunked content, each as `Name: value CRLF`; empty if there are none.
    public var trailers: [UInt8] { trailerSection.fieldLines }

    /// Advances over `bytes` from `consumed` to the next step.
    ///
    /// `bytes` may be other bytes in each call, as long as the stream goes on at `consumed`.
    public mutating func step(_ bytes: Span<UInt8>, consumed: inout Int) throws(HTTP1Error) -> Step {
        while true {
            switch state {
            case .ended: return .end
            case .data(let rest):
                guard let range = take(rest, bytes, &consumed) else { return .needsMore }
                let left = rest - UInt64(range.count)
                state = left == 0 ? .ended : .data(left)
                return .data(range)
            case .dataUntilClose:
                guard let range = take(.max, bytes, &consumed) else { return .needsMore }
                return .data(range)
            case .chunkData(let rest):
                guard let range = take(rest, bytes, &consumed) else { return .needsMore }
                let left = rest - UInt64(range.count)
                state = left == 0 ? .chunkCarriageReturn : .chunkData(left)
                return .data(range)
            case .trailers:
                if try trailerSection.feed(bytes, &consumed) { state = .ended } else { return .needsMore }
            case .size, .chunkExtension, .sizeLineFeed, .chunkCarriageReturn, .chunkLineFeed:
                guard consumed < bytes.count else { return .needsMore }
                state = try stateAfter(bytes[consumed])
                consumed += 1
            }
        }
    }

    private func take(_ rest: UInt64, _ bytes: Span<UInt8>, _ consumed: inout Int) -> Range<Int>? {
        guard consumed < bytes.count else { return nil }
        let start = consumed
        consumed += Int(truncatingIfNeeded: min(UInt64(bytes.count - start), rest))
        return start..<consumed
    }

    /// The state after one byte between the data.
    private mutating func stateAfter(_ byte: UInt8) throws(HTTP1Error) -> State {
        switch state {
        case .size(let value, let digitCount):
            if let digit = ASCII.hexadecimal(byte) {
                // Fifteen digits and a sixteenth below 8 keep the size below 2^63.
                guard digitCount < 16, value < 1 << 59 else { throw .malformed(.chunkSize) }
                return .size(value: value << 4 | UInt64(digit), digitCount: digitCount + 1)
            }
            guard digitCount > 0 else { throw .malformed(byte == ASCII.lineFeed ? .bareLineFeed : .chunkSize) }
            if byte == ASCII.carriageReturn { return .sizeLineFeed(value) }
            if byte == ASCII.lineFeed { throw .malformed(.bareLineFeed) }
            guard byte == UInt8(ascii: ";") || ASCII.isBlank(byte) else { throw .malformed(.chunkSize) }
            return try extended(.beforeSemicolon, value, 0, byte)
        case .chunkExtension(let syntax, let size, let byteCount):
            if byte == ASCII.carriageReturn, syntax.mayEnd { return try .sizeLineFeed(settle(size, byteCount)) }
            return try extended(syntax, size, byteCount, byte)
        case .sizeLineFeed(let size):
            guard byte == ASCII.lineFeed else { throw .malformed(.bareCarriageReturn) }
            return size == 0 ? .trailers : .chunkData(size)
        case .chunkCarriageReturn:
            guard byte == ASCII.carriageReturn else { throw .malformed(.chunkEnd) }
            return .chunkLineFeed
        case .chunkLineFeed:
            guard byte == ASCII.lineFeed else { throw .malformed(.chunkEnd) }
            return .size(value: 0, digitCount: 0)
        case .data, .dataUntilClose, .chunkData, .trailers, .ended:
            return state
        }
    }

    private func extended(
        _ syntax: HTTP1ChunkExtension, _ size: UInt64, _ byteCount: Int, _ byte: UInt8
    ) throws(HTTP1Error) -> State {
        guard byteCount < Self.extensionBytesMax, let next = syntax.after(byte) else {
            throw .malformed(byte == ASCII.lineFeed ? .bareLineFeed : .chunkExtension)
        }
        return .chunkExtension(next, size: size, byteCount: byteCount + 1)
    }

    /// Weighs the extension of a chunk against its data.
    private mutating func settle(_ size: UInt64, _ byteCount: Int) throws(HTTP1Error) -> UInt64 {
        let (allowance, overflows) = size.multipliedReportingOverflow(by: 2)
        extensionExcessBytes += UInt64(byteCount)
        extensionExcessBytes -= overflows ? extensionExcessBytes : min(extensionExcessBytes, allowance)
        guard extensionExcessBytes <= UInt64(Self.extensionExcessBytesMax) else { throw .malformed(.chunkExtension) }
        return size
    }
}

/// Where in a chunk extension the reader is: `*( BWS ";" BWS name [ BWS "=" BWS ( token / quoted-string ) ] )`.
enum HTTP1ChunkExtension: Sendable {
    case beforeSemicolon
    case beforeName
    case name
    case afterName
    case beforeValue
    case token
    case quoted
    case escaped
    case afterValue

    /// Whether the line may end here. White space that nothing follows is not in the grammar.
    var mayEnd: Bool {
        switch self {
        case .name, .token, .afterValue: true
        case .beforeSemicolon, .beforeName, .afterName, .beforeValue, .quoted, .escaped: false
        }
    }

    /// The place after one more byte; nil if it cannot stand here.
    func after(_ byte: UInt8) -> HTTP1ChunkExtension? {
        switch self {
        case .beforeSemicolon:
            if byte == UInt8(ascii: ";") { return .beforeName }
            return ASCII.isBlank(byte) ? .beforeSemicolon : nil
        case .beforeName:
            if ASCII.isBlank(byte) { return .beforeName }
            return ASCII.isToken(byte) ? .name : nil
        case .name:
            if ASCII.isToken(byte) { return .name }
            return HTTP1ChunkExtension.afterName.after(byte)
        case .afterName:
            if byte == UInt8(ascii: "=") { return .beforeValue }
            if byte == UInt8(ascii: ";") { return .beforeName }
            return ASCII.isBlank(byte) ? .afterName : nil
        case .beforeValue:
            if byte == UInt8(ascii: "\"") { return .quoted }
            if ASCII.isBlank(byte) { return .beforeValue }
            return ASCII.isToken(byte) ? .token : nil
        case .token:
            if ASCII.isToken(byte) { return .token }
            return HTTP1ChunkExtension.afterValue.after(byte)
        case .quoted:
            if byte == UInt8(ascii: "\"") { return .afterValue }
            if byte == UInt8(ascii: "\\") { return .escaped }
            return Self.isText(byte) ? .quoted : nil
        case .escaped:
            return Self.isText(byte) ? .quoted : nil
        case .afterValue:
            if byte == UInt8(ascii: ";") { return .beforeName }
            return ASCII.isBlank(byte) ? .beforeSemicolon : nil
        }
    }

    private static func isText(_ byte: UInt8) -> Bool { byte == ASCII.tab || (byte >= 0x20 && byte != 0x7f) }
}
