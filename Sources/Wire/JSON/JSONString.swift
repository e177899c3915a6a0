/// A string of a document: where it stands and whether it must be decoded.
///
/// The bytes passed to its functions are those of the document that the string was read from. Of other bytes they make
/// something else, but nothing breaks.
public struct JSONString: Equatable, Sendable {
    /// What stands between the quotation marks, in bytes of the document.
    public let range: Range<Int>
    /// Whether there is a backslash in it.
    public let hasEscapes: Bool

    /// Makes the string that stands in `range`, quotation marks not included.
    public init(range: Range<Int>, hasEscapes: Bool) {
        self.range = range
        self.hasEscapes = hasEscapes
    }

    /// The range with the quotation marks.
    public var quotedRange: Range<Int> { max(0, range.lowerBound - 1)..<range.upperBound + 1 }

    /// Whether the string, decoded, is `text`.
    public func equals(_ text: StaticString, in bytes: Span<UInt8>) -> Bool {
        let wanted = text.utf8CodeUnitCount
        if !hasEscapes {
            guard range.count == wanted else { return false }
            return ASCII.equal(bytes, range.lowerBound, text)
        }
        // An escape is longer than what it stands for.
        guard range.count > wanted else { return false }
        var units = JSONUnits(of: self, in: bytes)
        var index = 0
        while let unit = units.next() {
            guard index < wanted else { return false }
            let byte = unsafe text.utf8Start[index]
            guard unit == byte else { return false }
            index += 1
        }
        return index == wanted
    }

    /// Whether both strings of one document are the same, decoded.
    public func equals(_ other: JSONString, in bytes: Span<UInt8>) -> Bool {
        if !hasEscapes, !other.hasEscapes, range.count != other.range.count { return false }
        return order(other, in: bytes) == 0
    }

    /// The text.
    public func text(in bytes: Span<UInt8>) -> String {
        let raw = self.raw(in: bytes)
        if !hasEscapes { return String(lossy: raw) }
        var decoded: [UInt8] = []
        unescape(in: bytes, into: &decoded)
        return String(lossy: decoded.span)
    }

    /// Adds the decoded bytes to `out`.
    public func unescape(in bytes: Span<UInt8>, into out: inout [UInt8]) {
        let raw = self.raw(in: bytes)
        if !hasEscapes { return out.append(raw) }
        out.reserveCapacity(out.count + raw.count)
        var units = JSONUnits(of: self, in: bytes)
        while let unit = units.next() { out.append(unit) }
    }

    /// What stands between the quotation marks.
    @_lifetime(copy bytes)
    public func raw(in bytes: Span<UInt8>) -> Span<UInt8> { bytes.extracting(range.clamped(to: 0..<bytes.count)) }

    /// Negative, 0 or positive as the decoded bytes come before, equal or come after those of `other`.
    func order(_ other: JSONString, in bytes: Span<UInt8>) -> Int {
        var units = JSONUnits(of: self, in: bytes)
        var others = JSONUnits(of: other, in: bytes)
        while true {
            let unit = units.next()
            let its = others.next()
            guard let unit else { return its == nil ? 0 : -1 }
            guard let its else { return 1 }
            if unit != its { return Int(unit) - Int(its) }
        }
    }
}

/// The decoded bytes of a string, one by one. What is no escape, or only half of a surrogate pair, becomes U+FFFD.
struct JSONUnits: ~Escapable {
    private let bytes: Span<UInt8>
    private var index: Int
    private let end: Int
    /// Further bytes of a character that an escape stood for, the next one lowest.
    private var pending: UInt32 = 0

    @_lifetime(copy bytes)
    init(of string: JSONString, in bytes: Span<UInt8>) {
        let range = string.range.clamped(to: 0..<bytes.count)
        self.bytes = bytes
        index = range.lowerBound
        end = range.upperBound
    }

    mutating func next() -> UInt8? {
        if pending != 0 {
            let unit = UInt8(truncatingIfNeeded: pending)
            pending >>= 8
            return unit
        }
        guard index < end else { return nil }
        let byte = bytes[index]
        guard byte == JSONScan.backslash else {
            index += 1
            return byte
        }
        let (scalar, length) = JSONUnits.scalar(bytes, index, end)
        index += length
        guard scalar.value >= 0x80 else { return UInt8(truncatingIfNeeded: scalar.value) }
        var encoded: UInt32 = 0
        var shift: UInt32 = 0
        for unit in UTF8.encode(scalar) ?? UTF8.encodedReplacementCharacter {
            encoded |= UInt32(unit) << shift
            shift += 8
        }
        pending = encoded >> 8
        return UInt8(truncatingIfNeeded: encoded)
    }

    /// What the escape at `start` stands for, and how long it is.
    static func scalar(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> (scalar: Unicode.Scalar, length: Int) {
        guard start + 1 < end else { return ("\u{fffd}", end - start) }
        switch bytes[start + 1] {
        case UInt8(ascii: "b"): return ("\u{8}", 2)
        case UInt8(ascii: "f"): return ("\u{c}", 2)
        case UInt8(ascii: "n"): return ("\n", 2)
        case UInt8(ascii: "r"): return ("\r", 2)
        case UInt8(ascii: "t"): return ("\t", 2)
        case UInt8(ascii: "\""): return ("\"", 2)
        case UInt8(ascii: "\\"): return ("\\", 2)
        case UInt8(ascii: "/"): return ("/", 2)
        case UInt8(ascii: "u"): break
        default: return ("\u{fffd}", 2)
        }
        guard let first = codeUnit(bytes, start, end) else { return ("\u{fffd}", 2) }
        if let scalar = Unicode.Scalar(first) { return (scalar, 6) }
        guard first < 0xdc00, start + 7 < end, bytes[start + 6] == JSONScan.backslash,
            bytes[start + 7] == UInt8(ascii: "u"), let second = codeUnit(bytes, start + 6, end),
            second & 0xfc00 == 0xdc00,
            let scalar = Unicode.Scalar(0x10000 + ((first & 0x3ff) << 10 | second & 0x3ff))
        else { return ("\u{fffd}", 6) }
        return (scalar, 12)
    }

    private static func codeUnit(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> UInt32? {
        guard start + 5 < end else { return nil }
        var value: UInt32 = 0
        for offset in 2..<6 {
            guard let digit = ASCII.hexadecimal(bytes[start + offset]) else { return nil }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

extension [UInt8] {
    /// Adds a copy of `bytes`.
    public mutating func append(_ bytes: Span<UInt8>) {
        unsafe bytes.withUnsafeBufferPointer { unsafe append(contentsOf: $0) }
    }
}
