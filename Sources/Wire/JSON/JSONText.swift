/// Writes JSON: the syntax as given, strings with their escapes.
public struct JSONText: Equatable, Sendable {
    /// What is written so far.
    public private(set) var bytes: [UInt8] = []

    /// Nothing.
    public init() {}

    /// Adds `syntax` as it is.
    public mutating func write(_ syntax: StaticString) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: syntax.utf8Start, count: syntax.utf8CodeUnitCount))
    }

    /// Adds `syntax` as it is, then `value` as a string.
    public mutating func write(_ syntax: StaticString, _ value: String) {
        write(syntax)
        string(value)
    }

    /// Adds `syntax` as it is, then `value` in decimal.
    public mutating func write(_ syntax: StaticString, _ value: Int) {
        write(syntax)
        integer(value)
    }

    /// Adds bytes that are JSON already.
    public mutating func raw(_ json: Span<UInt8>) { bytes.append(json) }

    /// Adds `value` in decimal.
    public mutating func integer(_ value: Int) { bytes += String(value).utf8 }

    /// Adds a string with its quotation marks.
    public mutating func string(_ value: String) {
        var value = value
        value.makeContiguousUTF8()
        let utf8 = value.utf8
        string(utf8.span)
    }

    /// Adds a string with its quotation marks; its bytes are UTF-8.
    ///
    /// Only the mark, the backslash and control characters must be escaped (RFC 8259 7). DEL and the two line separators
    /// are escaped too, since log viewers and JavaScript stumble over them.
    public mutating func string(_ utf8: Span<UInt8>) {
        bytes.append(JSONScan.quote)
        var start = 0
        var index = 0
        while index < utf8.count {
            let length = Self.lengthToEscape(utf8, index)
            guard length > 0 else {
                index += 1
                continue
            }
            bytes.append(utf8.extracting(start..<index))
            escape(utf8, index, length)
            index += length
            start = index
        }
        bytes.append(utf8.extracting(start..<index))
        bytes.append(JSONScan.quote)
    }

    /// How many bytes from `index` on are a character that is escaped; 0 if it is not.
    @inline(__always)
    private static func lengthToEscape(_ utf8: Span<UInt8>, _ index: Int) -> Int {
        let byte = utf8[index]
        if byte < 0x20 || byte == JSONScan.quote || byte == JSONScan.backslash || byte == 0x7f { return 1 }
        // U+2028 and U+2029 are e2 80 a8 and e2 80 a9.
        guard byte == 0xe2, index + 2 < utf8.count, utf8[index + 1] == 0x80, utf8[index + 2] & 0xfe == 0xa8 else {
            return 0
        }
        return 3
    }

    private mutating func escape(_ utf8: Span<UInt8>, _ index: Int, _ length: Int) {
        switch utf8[index] {
        case JSONScan.quote: write("\\\"")
        case JSONScan.backslash: write("\\\\")
        case UInt8(ascii: "\n"): write("\\n")
        case UInt8(ascii: "\r"): write("\\r")
        case UInt8(ascii: "\t"): write("\\t")
        case let byte:
            write("\\u")
            let value = length == 3 ? 0x2000 | UInt32(utf8[index + 2] & 0x3f) : UInt32(byte)
            for shift in [12, 8, 4, 0] as [UInt32] {
                let digit = UInt8(truncatingIfNeeded: value >> shift) & 0x0f
                bytes.append(digit < 10 ? 0x30 + digit : 0x57 + digit)
            }
        }
    }
}
