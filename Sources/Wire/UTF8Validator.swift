/// Checks that bytes are UTF-8 (RFC 3629: nothing overlong, no surrogates, nothing beyond U+10FFFF), in any pieces.
///
/// A byte is refused as soon as no text could have it there, not only when its character would be complete.
public struct UTF8Validator: Equatable, Sendable {
    /// How many bytes of the character are to come.
    private var missing: UInt8 = 0
    /// What the next one of them may be.
    private var low: UInt8 = 0x80
    private var high: UInt8 = 0xbf

    /// Makes a validator that stands between two characters.
    public init() {}

    /// Whether the bytes so far end with a character.
    public var isComplete: Bool { missing == 0 }

    /// Takes `bytes[range]` up to the first byte that cannot be; returns how many are good.
    ///
    /// The bytes may be masked; `mask` stands at the first one.
    public mutating func take(_ bytes: Span<UInt8>, _ range: Range<Int>, mask: WebSocketMask = .none) -> Int {
        let start = range.lowerBound
        let maskWord = mask.word
        var index = start
        while index < range.upperBound {
            if missing == 0 {
                // Most text is ASCII. Four bytes further the mask is the same, so a word of it fits at any of these.
                while (index - start) & 3 == 0, range.upperBound - index >= 8,
                    (ASCII.word(bytes, index) ^ maskWord) & 0x8080_8080_8080_8080 == 0
                {
                    index += 8
                }
                guard index < range.upperBound else { break }
            }
            guard take(bytes[index] ^ mask.byte(at: index - start)) else { break }
            index += 1
        }
        return index - start
    }

    /// Takes one byte, or refuses it and stays where it was.
    private mutating func take(_ byte: UInt8) -> Bool {
        if missing > 0 {
            guard byte >= low, byte <= high else { return false }
            missing -= 1
            low = 0x80
            high = 0xbf
            return true
        }
        switch byte {
        case 0x00...0x7f: return true
        case 0xc2...0xdf: missing = 1
        case 0xe0...0xef:
            missing = 2
            if byte == 0xe0 { low = 0xa0 }
            if byte == 0xed { high = 0x9f }
        case 0xf0...0xf4:
            missing = 3
            if byte == 0xf0 { low = 0x90 }
            if byte == 0xf4 { high = 0x8f }
        default: return false
        }
        return true
    }
}
