/// Writes JSON in one form, so that what means the same to every reader is the same bytes.
///
/// No blanks; the text of numbers as it was; strings with the escapes that must be, each in its shortest form (`\b`, `\f`,
/// `\n`, `\r`, `\t`, `\"`, `\\`, `\u001f` in lower case) and everything else as raw UTF-8; arrays in their order; the keys
/// of an object sorted by the bytes of their text, or in their own order where the caller says that it matters.
/// Nothing is folded, trimmed or normalised.
///
/// The caller walks a document with a ``JSONCursor`` and writes what it meets; a member can be dropped after it was
/// written. What is written is as valid as what was read.
public struct CanonicalJSON: Sendable {
    /// What is written so far.
    public private(set) var bytes: [UInt8] = []
    /// Whether an object that is closed had two equal keys, dropped ones included.
    public private(set) var hasDuplicateKeys = false
    /// Whether a sorted object that is closed had keys that some readers take for the same, or for others than they are:
    /// equal but for capitals and underscores, or beyond ASCII.
    public private(set) var hasUnclearKeys = false

    /// The members of all open objects.
    private var members: [Member] = []
    private var objects: [OpenObject] = []
    /// How many bytes were put in order so far.
    private var movedByteCount = 0
    private var scratch: [UInt8] = []

    struct Member: Sendable {
        var key: JSONString
        /// Where it stands in what is written, its comma included; nothing for a dropped one.
        var range: Range<Int>
        /// Whether its key is only lower-case letters, digits and the like.
        var isPlain: Bool
    }

    private struct OpenObject: Sendable {
        var start: Int
        var firstMember: Int
    }

    /// Objects within objects are put in order once for each level: so many times the size of the document are moved before
    /// it counts as too intricate, unless it is small. Requests move theirs three or four times.
    static let moveFactorMax = 24
    /// What is moved in any case.
    static let moveByteCountMin = 1 << 20

    /// Nothing.
    ///
    /// `capacity` is about how many bytes are going to be written.
    public init(capacity: Int = 0) { bytes.reserveCapacity(capacity) }

    // Values

    /// Writes a string of the document `source`.
    public mutating func string(_ string: JSONString, in source: Span<UInt8>) {
        let raw = string.raw(in: source)
        bytes.append(JSONScan.quote)
        if string.hasEscapes { rewrite(raw) } else { bytes.append(raw) }
        bytes.append(JSONScan.quote)
    }

    /// Writes a number or a literal as it stands.
    public mutating func word(_ range: Range<Int>, in source: Span<UInt8>) {
        bytes.append(source.extracting(range.clamped(to: 0..<source.count)))
    }

    // Arrays

    /// Begins an array.
    public mutating func beginArray() { bytes.append(JSONScan.openBracket) }

    /// An element of the array is written.
    public mutating func endElement() { bytes.append(JSONScan.comma) }

    /// The array is written.
    public mutating func endArray() { close(with: JSONScan.closeBracket) }

    // Objects

    /// Begins an object.
    public mutating func beginObject() {
        objects.append(OpenObject(start: bytes.count, firstMember: members.count))
        bytes.append(JSONScan.openBrace)
    }

    /// Begins a member; its value is next.
    public mutating func beginMember(_ key: JSONString, in source: Span<UInt8>) throws(JSONFailure) {
        guard members.count < JSONCursor.openKeyCountMax else {
            throw JSONFailure(.tooManyKeys, at: key.range.lowerBound)
        }
        let isPlain = !key.hasEscapes && Self.isPlain(key.raw(in: source))
        members.append(Member(key: key, range: bytes.count..<bytes.count, isPlain: isPlain))
        string(key, in: source)
        bytes.append(JSONScan.colon)
    }

    /// The member that was begun last is written.
    public mutating func endMember() {
        bytes.append(JSONScan.comma)
        guard let last = members.indices.last else { return }
        members[last].range = members[last].range.lowerBound..<bytes.count
    }

    /// The member that was begun last is written and shall not be there; its key still counts as one.
    public mutating func dropMember() {
        guard let last = members.last else { return }
        bytes.removeLast(bytes.count - last.range.lowerBound)
    }

    /// The object is written. `isSorted`: the order of its keys means nothing.
    public mutating func endObject(isSorted: Bool, in source: Span<UInt8>) throws(JSONFailure) {
        guard let object = objects.popLast() else { return }
        let own = members[object.firstMember...]
        let order = JSONKeyOrder(own, in: source)
        if order.hasDuplicates { hasDuplicateKeys = true }
        if isSorted {
            if order.hasUnclear(own, in: source) { hasUnclearKeys = true }
            if let sorted = order.sorted { try move(sorted, from: object.start + 1, in: source) }
        }
        members.removeSubrange(object.firstMember...)
        close(with: JSONScan.closeBrace)
    }

    /// Puts members in order, which stand from `start` on.
    private mutating func move(_ sorted: [Member], from start: Int, in source: Span<UInt8>) throws(JSONFailure) {
        movedByteCount += bytes.count - start
        guard movedByteCount <= max(Self.moveByteCountMin, Self.moveFactorMax * source.count) else {
            throw JSONFailure(.tooManyKeys, at: sorted.first?.key.range.lowerBound ?? 0)
        }
        scratch.removeAll(keepingCapacity: true)
        for member in sorted { scratch.append(contentsOf: bytes[member.range]) }
        bytes.removeLast(bytes.count - start)
        bytes.append(contentsOf: scratch)
    }

    /// Ends an array or an object, behind whose last part stands a comma.
    private mutating func close(with bracket: UInt8) {
        if bytes.last == JSONScan.comma { bytes[bytes.count - 1] = bracket } else { bytes.append(bracket) }
    }

    private static func isPlain(_ key: Span<UInt8>) -> Bool {
        for index in key.indices {
            let byte = key[index]
            if byte >= 0x80 || byte == UInt8(ascii: "_") || byte &- UInt8(ascii: "A") < 26 { return false }
        }
        return true
    }

    // Strings

    /// Writes the inside of a string that has escapes. Those that are as they shall be are copied with what is around them.
    private mutating func rewrite(_ raw: Span<UInt8>) {
        var start = 0
        var index = JSONScan.text(raw, 0)
        while index + 1 < raw.count {
            switch raw[index + 1] {
            case UInt8(ascii: "/"):
                bytes.append(raw.extracting(start..<index))
                start = index + 1
                index += 2
            case UInt8(ascii: "u"):
                let (scalar, length) = JSONUnits.scalar(raw, index, raw.count)
                bytes.append(raw.extracting(start..<index))
                write(scalar)
                index += length
                start = index
            default: index += 2
            }
            index = JSONScan.text(raw, index)
        }
        bytes.append(raw.extracting(start..<raw.count))
    }

    private mutating func write(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": bytes += [JSONScan.backslash, JSONScan.quote]
        case "\\": bytes += [JSONScan.backslash, JSONScan.backslash]
        case "\u{8}": bytes += [JSONScan.backslash, UInt8(ascii: "b")]
        case "\u{c}": bytes += [JSONScan.backslash, UInt8(ascii: "f")]
        case "\n": bytes += [JSONScan.backslash, UInt8(ascii: "n")]
        case "\r": bytes += [JSONScan.backslash, UInt8(ascii: "r")]
        case "\t": bytes += [JSONScan.backslash, UInt8(ascii: "t")]
        case "\u{0}"..."\u{1f}":
            bytes += [JSONScan.backslash, UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
            let value = UInt8(truncatingIfNeeded: scalar.value)
            bytes.append(0x30 + value >> 4)
            bytes.append(value & 0x0f < 10 ? 0x30 + value & 0x0f : 0x57 + value & 0x0f)
        case _:
            for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { bytes.append(unit) }
        }
    }
}
