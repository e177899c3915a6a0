/// Base64 with padding, in the alphabet with `+` and `/` (RFC 4648 4).
public enum Base64 {
    /// The text of `bytes`.
    public static func encode(_ bytes: Span<UInt8>) -> [UInt8] {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let rest = bytes.count - index
            let second = rest > 1 ? bytes[index + 1] : 0
            let third = rest > 2 ? bytes[index + 2] : 0
            text.append(character(bytes[index] >> 2))
            text.append(character(bytes[index] << 4 & 0x30 | second >> 4))
            text.append(rest > 1 ? character(second << 2 & 0x3c | third >> 6) : padding)
            text.append(rest > 2 ? character(third & 0x3f) : padding)
            index += 3
        }
        return text
    }

    /// The bytes of `text`; nil if it is anything but whole groups of four, padded at the end, with every unused bit 0.
    public static func decode(_ text: Span<UInt8>) -> [UInt8]? {
        guard text.count % 4 == 0 else { return nil }
        var bytes: [UInt8] = []
        bytes.reserveCapacity(text.count / 4 * 3)
        var index = 0
        while index < text.count {
            let isLast = index + 4 == text.count
            guard let first = value(text[index]), let second = value(text[index + 1]) else { return nil }
            bytes.append(first << 2 | second >> 4)
            if isLast, text[index + 3] == padding {
                if text[index + 2] == padding { return second & 0x0f == 0 ? bytes : nil }
                guard let third = value(text[index + 2]), third & 0x03 == 0 else { return nil }
                bytes.append(second << 4 | third >> 2)
                return bytes
            }
            guard let third = value(text[index + 2]), let fourth = value(text[index + 3]) else { return nil }
            bytes.append(second << 4 | third >> 2)
            bytes.append(third << 6 | fourth)
            index += 4
        }
        return bytes
    }

    static let padding = UInt8(ascii: "=")

    private static func character(_ value: UInt8) -> UInt8 {
        switch value {
        case 0..<26: UInt8(ascii: "A") + value
        case 26..<52: UInt8(ascii: "a") + value - 26
        case 52..<62: UInt8(ascii: "0") + value - 52
        case 62: UInt8(ascii: "+")
        default: UInt8(ascii: "/")
        }
    }

    /// The six bits that a character stands for.
    static func value(_ character: UInt8) -> UInt8? {
        switch character {
        case UInt8(ascii: "A")...UInt8(ascii: "Z"): character - UInt8(ascii: "A")
        case UInt8(ascii: "a")...UInt8(ascii: "z"): character - UInt8(ascii: "a") + 26
        case UInt8(ascii: "0")...UInt8(ascii: "9"): character - UInt8(ascii: "0") + 52
        case UInt8(ascii: "+"): 62
        case UInt8(ascii: "/"): 63
        default: nil
        }
    }
}
