import Wire

/// Writes one JSON object (RFC 8259) and a line feed at the end of a byte queue.
///
/// It takes the queue over while the object is being written, and `finish(into:)` gives it back; nothing else is
/// allocated. Whatever bytes come in, the line is valid UTF-8 without raw control characters, so one object is one
/// line, also on a terminal.
///
///     var line = JSONLine(appendingTo: &queue)
///     line.field("status", 200)
///     line.finish(into: &queue)
struct JSONLine: ~Copyable {
    private var out = ByteQueue()
    private var needsComma = false

    init(appendingTo queue: inout ByteQueue) {
        swap(&out, &queue)
        out.append(0x7B)
    }

    /// Closes the object, ends the line and gives the queue back.
    consuming func finish(into queue: inout ByteQueue) {
        out.append("}\n")
        swap(&out, &queue)
    }

    /// Adds a text, cut to `byteCountMax` bytes before escaping.
    mutating func field(_ name: String, _ value: String, byteCountMax: Int = .max) {
        let utf8 = value.utf8
        field(name, utf8.span, byteCountMax: byteCountMax)
    }

    /// Adds bytes as text: what is no UTF-8 becomes U+FFFD.
    mutating func field(_ name: String, _ value: borrowing Span<UInt8>, byteCountMax: Int = .max) {
        appendName(name)
        appendQuoted(value, byteCountMax: byteCountMax)
    }

    /// Adds a number.
    mutating func field(_ name: String, _ value: UInt64) {
        appendName(name)
        out.append(decimal: value)
    }

    /// Adds `true` or `false`.
    mutating func field(_ name: String, _ value: Bool) {
        appendName(name)
        out.append(value ? "true" : "false")
    }

    /// Adds a number as a text of 16 hexadecimal digits.
    mutating func field(_ name: String, hexadecimal value: UInt64) {
        appendName(name)
        var text = InlineArray<18, UInt8>(repeating: 0x22)
        for index in 1...16 {
            text[index] = Self.digit(UInt8(truncatingIfNeeded: value &>> UInt64(64 &- 4 &* index) & 15))
        }
        out.append(text.span)
    }

    /// Adds nanoseconds as a number of milliseconds with up to three decimals: `12.345`, `7`.
    mutating func field(_ name: String, millisecondsOfNanoseconds value: UInt64) {
        appendName(name)
        let microseconds = value / 1000
        out.append(decimal: microseconds / 1000)
        let fraction = microseconds % 1000
        if fraction == 0 { return }
        out.append(0x2E)
        out.append(48 + UInt8(fraction / 100))
        if fraction % 100 != 0 { out.append(48 + UInt8(fraction / 10 % 10)) }
        if fraction % 10 != 0 { out.append(48 + UInt8(fraction % 10)) }
    }

    /// Adds a moment as RFC 3339 text; `stamp` remembers the second it wrote last.
    mutating func field(_ name: String, _ time: WallTime, stamp: inout TimestampText) {
        appendName(name)
        out.append(0x22)
        stamp.append(time, to: &out)
        out.append(0x22)
    }

    /// Opens an object as the value of `name`; `closeObject()` ends it.
    mutating func openObject(_ name: String) {
        appendName(name)
        out.append(0x7B)
        needsComma = false
    }

    /// Ends the object opened last.
    mutating func closeObject() {
        out.append(0x7D)
        needsComma = true
    }

    /// Opens a list as the value of `name`; `closeArray()` ends it.
    mutating func openArray(_ name: String) {
        appendName(name)
        out.append(0x5B)
        needsComma = false
    }

    /// Opens an object as the next element of the list opened last; `closeObject()` ends it.
    mutating func openElement() {
        if needsComma { out.append(0x2C) }
        out.append(0x7B)
        needsComma = false
    }

    /// Ends the list opened last.
    mutating func closeArray() {
        out.append(0x5D)
        needsComma = true
    }

    /// Adds a number that is written already, as JSON has it (RFC 8259 section 6).
    mutating func field(_ name: String, decimal text: String) {
        appendName(name)
        out.append(text)
    }

    /// Adds a list of texts, each cut to `byteCountMax` bytes before escaping.
    mutating func field(_ name: String, _ values: [String], byteCountMax: Int) {
        appendName(name)
        out.append(0x5B)
        for index in values.indices {
            if index > 0 { out.append(0x2C) }
            let utf8 = values[index].utf8
            appendQuoted(utf8.span, byteCountMax: byteCountMax)
        }
        out.append(0x5D)
    }

    /// Names are leo's own words or header names: nothing in them needs escaping.
    private mutating func appendName(_ name: String) {
        if needsComma { out.append(",\"") } else { out.append(0x22) }
        needsComma = true
        out.append(name)
        out.append("\":")
    }

    private mutating func appendQuoted(_ bytes: borrowing Span<UInt8>, byteCountMax: Int) {
        out.append(0x22)
        let end = UTF8Text.prefixLength(of: bytes, byteCountMax: byteCountMax)
        var copied = 0
        var index = 0
        while index < end {
            index = Self.firstUnusual(bytes, from: index, to: end)
            if index == end { break }
            let byte = bytes[index]
            let (byteCount, isWellFormed) = UTF8Text.sequence(in: bytes, at: index)
            // The second of two bytes after 0xC2 is below 0xA0 for the C1 controls, which some terminals obey.
            let isC1 = byte == 0xC2 && isWellFormed && bytes[index + 1] < 0xA0
            if byte >= 0x80, isWellFormed, !isC1 {
                index += byteCount
                continue
            }
            out.append(bytes.extracting(copied..<index))
            if isWellFormed { appendEscape(isC1 ? bytes[index + 1] : byte) } else { out.append("\u{FFFD}") }
            index += byteCount
            copied = index
        }
        out.append(bytes.extracting(copied..<index))
        out.append(0x22)
    }

    /// The first byte that is not a printable ASCII character other than quote and backslash; `end` if there is none.
    ///
    /// Eight bytes at a time: nearly every value is short and plain.
    private static func firstUnusual(_ bytes: borrowing Span<UInt8>, from start: Int, to end: Int) -> Int {
        let high: UInt64 = 0x8080_8080_8080_8080
        let ones: UInt64 = 0x0101_0101_0101_0101
        var index = start
        while end - index >= 8 {
            let word = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
            // Each term has a byte's high bit set where the byte is: 0x80 and above, 0x7F, below 0x20, quote, backslash.
            let quote = word ^ (0x22 &* ones)
            let backslash = word ^ (0x5C &* ones)
            let marks =
                word | (word &+ ones) | (word &- 0x20 &* ones) | (quote &- ones) & ~quote | (backslash &- ones)
                & ~backslash
            // Borrows only ever mark too much, and the byte-wise search below sorts that out.
            if marks & high != 0 { break }
            index += 8
        }
        while index < end {
            let byte = bytes[index]
            if byte < 0x20 || byte >= 0x7F || byte == 0x22 || byte == 0x5C { return index }
            index += 1
        }
        return end
    }

    /// Adds a character below U+0100 in its escaped form.
    private mutating func appendEscape(_ character: UInt8) {
        switch character {
        case 0x22: out.append("\\\"")
        case 0x5C: out.append("\\\\")
        case 0x08: out.append("\\b")
        case 0x09: out.append("\\t")
        case 0x0A: out.append("\\n")
        case 0x0C: out.append("\\f")
        case 0x0D: out.append("\\r")
        default:
            out.append("\\u00")
            out.append(Self.digit(character >> 4))
            out.append(Self.digit(character & 15))
        }
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 48 + value : 87 + value }
}
