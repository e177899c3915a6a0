/// Reads server-sent events (WHATWG HTML 9.2) without changing them: bytes in any pieces in, one event at a time out.
///
/// The caller keeps the bytes it passed in; ``step(_:consumed:)`` tells where an event ends, and what the event says
/// can be looked at until the next call. Line ends are CR, LF or CR LF, mixed as they come; a byte order mark at the
/// very beginning is skipped; comments and unknown fields say nothing. `id` and `retry` are among the latter: they
/// matter to a browser that reconnects, and change no event.
///
/// Nothing can be wrong with such a stream. An event beyond the limit is gone over without being kept, and reported
/// when it ends; the ones behind it are read as always. An event that the stream's end cuts off was none.
public struct EventStreamParser: ~Copyable {
    /// What the bytes that were gone over end with.
    public enum Step: Equatable, Sendable {
        /// All bytes are consumed, and nothing ended.
        case needsMore
        /// An event; ``EventStreamParser/data`` and ``EventStreamParser/type`` are its content.
        case event
        /// No event, but a place where one could stand: after a comment or a blank line between two events, or after
        /// lines that ended without any data.
        case boundary
        /// An event or lines without data, larger than the limit: nothing of it was kept.
        case oversized
    }

    /// OpenAI sends images in pieces within events of a few hundred kilobytes; text stays below ten.
    public static let eventBytesMaxDefault = 1024 * 1024

    private let eventBytesMax: Int
    private var block = Block()
    /// What there is of a line that began in earlier pieces.
    private var heldLine = ByteQueue()
    /// The length of that line so far, also where it is not kept.
    private var lineByteCount = 0
    /// The length of the event so far, with one byte for each line's end.
    private var blockByteCount = 0
    private var isFirstLine = true
    private var isOversized = false
    private var isReported = false
    /// Whether the line that has begun is a comment that belongs to no event: nothing of it is kept or counted.
    public private(set) var isInComment = false
    /// Whether the last byte gone over was a CR: an LF that follows it belongs to the same line end.
    public private(set) var isAfterCarriageReturn = false

    /// Makes a parser at the beginning of a stream. An event, all its lines together, is kept up to `eventBytesMax`.
    public init(eventBytesMax: Int = EventStreamParser.eventBytesMaxDefault) { self.eventBytesMax = eventBytesMax }

    /// The data of the event: its `data` lines, joined by LF. Not checked to be UTF-8.
    public var data: Span<UInt8> {
        @_lifetime(borrow self)
        get { block.data.bytes }
    }

    /// The type of the event, empty if it has none and so is a `message`.
    public var type: Span<UInt8> {
        @_lifetime(borrow self)
        get { block.type.bytes }
    }

    /// Whether no event has begun since the last one ended.
    public var isBetweenEvents: Bool { isReported || (blockByteCount == 0 && lineByteCount == 0) }

    /// Whether the event that has begun is beyond the limit already.
    public var isInOversizedEvent: Bool { isOversized && !isReported }

    /// Goes over `bytes` from `consumed` to the end of an event, and no further.
    ///
    /// Where an event ends with CR LF and the LF is not here yet, the event ends with the CR.
    public mutating func step(_ bytes: Span<UInt8>, consumed: inout Int) -> Step {
        if isReported { beginBlock() }
        while consumed < bytes.count {
            if isAfterCarriageReturn {
                isAfterCarriageReturn = false
                if bytes[consumed] == ASCII.lineFeed {
                    consumed += 1
                    continue
                }
            }
            let start = consumed
            let end = ASCII.lineEnd(bytes, from: start)
            guard end < bytes.count else {
                hold(bytes.extracting(start..<end))
                consumed = end
                return .needsMore
            }
            consumed = end + 1
            if bytes[end] == ASCII.carriageReturn {
                if consumed == bytes.count {
                    isAfterCarriageReturn = true
                } else if bytes[consumed] == ASCII.lineFeed {
                    consumed += 1
                }
            }
            guard let step = endLine(bytes.extracting(start..<end)) else { continue }
            isReported = true
            return step
        }
        return .needsMore
    }

    private mutating func beginBlock() {
        isReported = false
        isOversized = false
        blockByteCount = 0
        block.removeAll()
    }

    private mutating func hold(_ part: Span<UInt8>) {
        if lineByteCount == 0 { isInComment = isCommentBetweenEvents(part) }
        lineByteCount += part.count
        if isInComment { return }
        count(part.count)
        if !isOversized { heldLine.append(part) }
    }

    /// A comment between two events belongs to neither, so a stream of comments alone is never held back.
    private func isCommentBetweenEvents(_ line: Span<UInt8>) -> Bool {
        blockByteCount == 0 && !line.isEmpty && line[0] == ASCII.colon
    }

    /// Counts bytes, and lets go of an event that has become too large. The sum is the same in any pieces.
    private mutating func count(_ byteCount: Int) {
        blockByteCount += byteCount
        guard blockByteCount > eventBytesMax, !isOversized else { return }
        isOversized = true
        heldLine.removeAll()
        block.removeAll()
    }

    private mutating func endLine(_ rest: Span<UInt8>) -> Step? {
        let isEmpty = lineByteCount + rest.count == 0
        let isComment = isInComment || (lineByteCount == 0 && isCommentBetweenEvents(rest))
        let isFirst = isFirstLine
        isFirstLine = false
        isInComment = false
        lineByteCount = 0
        if isComment { return .boundary }
        count(rest.count + 1)
        if isOversized { return isEmpty ? .oversized : nil }
        guard !heldLine.isEmpty else { return block.take(rest, isFirst: isFirst) }
        var line = ByteQueue()
        swap(&line, &heldLine)
        line.append(rest)
        let step = block.take(line.bytes, isFirst: isFirst)
        line.removeAll()
        swap(&line, &heldLine)
        return step
    }
}

/// The lines between two blank ones.
private struct Block: ~Copyable {
    var data = ByteQueue()
    var type = ByteQueue()
    private var hasData = false

    mutating func removeAll() {
        data.removeAll()
        type.removeAll()
        hasData = false
    }

    /// Takes one line without its end; the first one of a stream may begin with a byte order mark.
    mutating func take(_ line: Span<UInt8>, isFirst: Bool) -> EventStreamParser.Step? {
        if isFirst, line.count >= 3, line[0] == 0xef, line[1] == 0xbb, line[2] == 0xbf {
            return take(line.extracting(3..<line.count))
        }
        return take(line)
    }

    private mutating func take(_ line: Span<UInt8>) -> EventStreamParser.Step? {
        guard !line.isEmpty else { return hasData ? .event : .boundary }
        if let start = valueStart(line, "data") {
            if hasData { data.append(ASCII.lineFeed) }
            hasData = true
            data.append(line.extracting(start..<line.count))
        } else if let start = valueStart(line, "event") {
            type.removeAll()
            type.append(line.extracting(start..<line.count))
        }
        return nil
    }

    /// Where the value of the field `name` begins; nil if the line is another field.
    @inline(__always)
    private func valueStart(_ line: Span<UInt8>, _ name: StaticString) -> Int? {
        guard ASCII.equal(line, 0, name) else { return nil }
        let end = name.utf8CodeUnitCount
        if line.count == end { return end }
        guard line[end] == ASCII.colon else { return nil }
        return line.count > end + 1 && line[end + 1] == ASCII.space ? end + 2 : end + 1
    }
}
