/// Writes JSON in one form, so that what means the same to every reader is the same bytes.
///
/// No blanks; the text of numbers as it was; strings with the escapes that must be, each in its shortest form (`\b`, `\f`,
/// `\n`, `\r`, `\t`, `\"`, `\\`, `\u001f` in lower case) and everything else as raw UTF-8; arrays in their order; the keys
/// of an object sorted by the bytes of their text, or in their own order where the caller says that it matters.
/// Nothing is folded, trimmed or normalised.
///
/// The caller walks a document with a ``JSONCursor`` and writes what it meets; a member can be dropped after it was
/// written. What is written is as valid as what was read. Nothing moves before the end: objects remember the order of their
/// members, so that the work grows with the document alone, however deep it is.
public struct CanonicalJSON: Sendable {
    /// What is written so far, with members in the order in which they came.
    public private(set) var written: [UInt8] = []
    /// Whether an object that is closed had two equal keys, dropped ones included.
    public private(set) var hasDuplicateKeys = false
    /// Whether a sorted object that is closed had keys that some readers take for the same, or for others than they are:
    /// equal but for capitals and underscores, or beyond ASCII.
    public private(set) var hasUnclearKeys = false

    /// The members of all open objects.
    private var members: [Member] = []
    /// Where each open object's members begin in ``members``, and which of ``orders`` is its own.
    private var open: [(firstMember: Int, order: Int)] = []
    /// One for each object, outer ones before those in them.
    private var orders: [Order] = []
    /// The members of objects that are to be put in order, in that order, as they stand in ``written``.
    private var sorted: [Range<Int>] = []

    struct Member: Sendable {
        var key: JSONString
        /// Where it stands in what is written; empty for a dropped one.
        var range: Range<Int>
        /// Whether its key has neither capitals nor underscores nor escapes and is ASCII.
        var isPlain: Bool
    }

    /// How an object's members are to be ordered.
    private struct Order: Sendable {
        /// From its first member to the end of its last, in ``written``.
        var range: Range<Int>
        /// Its part of ``sorted``; empty where they are in order.
        var sorted = 0..<0
        /// The first order of an object behind this one.
        var next = 0
    }

    /// Nothing.
    ///
    /// `capacity` is about how many bytes are going to be written.
    public init(capacity: Int = 0) {
        written.reserveCapacity(capacity)
        guard capacity > 0 else { return }
        // What small requests need, so that their lists do not grow step by step.
        members.reserveCapacity(16)
        open.reserveCapacity(8)
        orders.reserveCapacity(8)
        sorted.reserveCapacity(16)
    }

    /// What is written from `start` on, a place between values, with the members of objects in order.
    public func canonical(from start: Int = 0) -> [UInt8] {
        if start == 0, sorted.isEmpty { return written }
        var out: [UInt8] = []
        out.reserveCapacity(written.count - start)
        gather(start..<written.count, 0..<orders.count, &out)
        return out
    }

    // Values

    /// Writes a string of the document `source`.
    public mutating func string(_ string: JSONString, in source: Span<UInt8>) {
        let quoted = source.extracting(string.quotedRange.clamped(to: 0..<source.count))
        if string.hasEscapes { rewrite(quoted) } else { written.append(quoted) }
    }

    /// Writes a number or a literal as it stands.
    public mutating func word(_ range: Range<Int>, in source: Span<UInt8>) {
        written.append(source.extracting(range.clamped(to: 0..<source.count)))
    }

    // Arrays

    /// Begins an array.
    public mutating func beginArray() { written.append(JSONScan.openBracket) }

    /// An element of the array is written.
    public mutating func endElement() { written.append(JSONScan.comma) }

    /// The array is written.
    public mutating func endArray() { close(with: JSONScan.closeBracket) }

    // Objects

    /// Begins an object.
    public mutating func beginObject() {
        written.append(JSONScan.openBrace)
        open.append((firstMember: members.count, order: orders.count))
        orders.append(Order(range: written.count..<written.count))
    }

    /// Begins a member; its value is next.
    public mutating func beginMember(_ key: JSONString, in source: Span<UInt8>) throws(JSONFailure) {
        guard members.count < JSONCursor.openKeyCountMax else {
            throw JSONFailure(.tooManyKeys, at: key.range.lowerBound)
        }
        let isPlain = !key.hasEscapes && Self.isPlain(key.raw(in: source))
        members.append(Member(key: key, range: written.count..<written.count, isPlain: isPlain))
        string(key, in: source)
        written.append(JSONScan.colon)
    }

    /// The member that was begun last is written.
    public mutating func endMember() {
        guard let last = members.indices.last else { return }
        members[last].range = members[last].range.lowerBound..<written.count
        written.append(JSONScan.comma)
    }

    /// The member that was begun last is written and shall not be there; its key still counts as one.
    public mutating func dropMember() {
        guard let last = members.last else { return }
        written.removeLast(written.count - last.range.lowerBound)
        while let order = orders.last, order.range.lowerBound > written.count { orders.removeLast() }
    }

    /// The object is written. `isSorted`: the order of its keys means nothing.
    public mutating func endObject(isSorted: Bool, in source: Span<UInt8>) {
        guard let object = open.popLast() else { return }
        let own = object.firstMember..<members.count
        if isSorted, JSONKeyOrder.hasUnclear(members, own, in: source) { hasUnclearKeys = true }
        let isInOrder = JSONKeyOrder.isInOrder(members, own, in: source)
        if !isInOrder {
            JSONKeyOrder.sort(&members, own, in: source)
            if JSONKeyOrder.hasEqualNeighbours(members, own, in: source) { hasDuplicateKeys = true }
        }
        close(with: JSONScan.closeBrace)
        orders[object.order].next = orders.count
        if isSorted, !isInOrder {
            let first = sorted.count
            for member in members[own] where !member.range.isEmpty { sorted.append(member.range) }
            orders[object.order].sorted = first..<sorted.count
            orders[object.order].range = orders[object.order].range.lowerBound..<written.count - 1
        }
        members.removeSubrange(own)
    }

    /// Ends an array or an object, behind whose last part stands a comma.
    private mutating func close(with bracket: UInt8) {
        if written.last == JSONScan.comma { written[written.count - 1] = bracket } else { written.append(bracket) }
    }

    /// Adds a part of what is written to `out`. Of `orders`, those of objects in that part are among `candidates`.
    private func gather(_ range: Range<Int>, _ candidates: Range<Int>, _ out: inout [UInt8]) {
        var position = range.lowerBound
        var index = firstOrder(from: range.lowerBound, candidates)
        while index < candidates.upperBound, orders[index].range.lowerBound < range.upperBound {
            let order = orders[index]
            guard !order.sorted.isEmpty else {
                index += 1
                continue
            }
            out.append(contentsOf: written[position..<order.range.lowerBound])
            for place in order.sorted {
                if place > order.sorted.lowerBound { out.append(JSONScan.comma) }
                gather(sorted[place], index + 1..<order.next, &out)
            }
            position = order.range.upperBound
            index = order.next
        }
        out.append(contentsOf: written[position..<range.upperBound])
    }

    /// The first of `candidates` that begins at `start` or behind it.
    private func firstOrder(from start: Int, _ candidates: Range<Int>) -> Int {
        var low = candidates.lowerBound
        var high = candidates.upperBound
        while low < high {
            let middle = (low + high) / 2
            if orders[middle].range.lowerBound < start { low = middle + 1 } else { high = middle }
        }
        return low
    }

    private static func isPlain(_ key: Span<UInt8>) -> Bool {
        for index in key.indices {
            let byte = key[index]
            if byte >= 0x80 || byte == UInt8(ascii: "_") || byte &- UInt8(ascii: "A") < 26 { return false }
        }
        return true
    }

    // Strings

    /// Writes a string that has escapes, quotation marks included. Those that are as they shall be are copied with what is
    /// around them.
    private mutating func rewrite(_ raw: Span<UInt8>) {
        var start = 0
        var index = JSONScan.text(raw, 1)
        while index + 1 < raw.count {
            switch raw[index + 1] {
            case UInt8(ascii: "/"):
                written.append(raw.extracting(start..<index))
                start = index + 1
                index += 2
            case UInt8(ascii: "u"):
                let (scalar, length) = JSONUnits.scalar(raw, index, raw.count)
                written.append(raw.extracting(start..<index))
                write(scalar)
                index += length
                start = index
            default: index += 2
            }
            index = JSONScan.text(raw, index)
        }
        written.append(raw.extracting(start..<raw.count))
    }

    private mutating func write(_ scalar: Unicode.Scalar) {
        switch scalar {
        case "\"": written += [JSONScan.backslash, JSONScan.quote]
        case "\\": written += [JSONScan.backslash, JSONScan.backslash]
        case "\u{8}": written += [JSONScan.backslash, UInt8(ascii: "b")]
        case "\u{c}": written += [JSONScan.backslash, UInt8(ascii: "f")]
        case "\n": written += [JSONScan.backslash, UInt8(ascii: "n")]
        case "\r": written += [JSONScan.backslash, UInt8(ascii: "r")]
        case "\t": written += [JSONScan.backslash, UInt8(ascii: "t")]
        case "\u{0}"..."\u{1f}":
            written += [JSONScan.backslash, UInt8(ascii: "u"), UInt8(ascii: "0"), UInt8(ascii: "0")]
            let value = UInt8(truncatingIfNeeded: scalar.value)
            written.append(0x30 + value >> 4)
            written.append(value & 0x0f < 10 ? 0x30 + value & 0x0f : 0x57 + value & 0x0f)
        case _:
            for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter { written.append(unit) }
        }
    }
}
