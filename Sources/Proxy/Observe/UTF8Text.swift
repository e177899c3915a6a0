/// What a log needs to know about UTF-8 (RFC 3629): where a sequence ends, and where a text may be cut.
enum UTF8Text {
    /// The sequence that starts at `index`: its length, and whether it is well formed.
    ///
    /// A malformed one is as long as the part that could still have become a character, so that replacing each by
    /// U+FFFD gives what every decoder of the WHATWG kind gives. `index` must lie in `bytes`.
    static func sequence(in bytes: borrowing Span<UInt8>, at index: Int) -> (byteCount: Int, isWellFormed: Bool) {
        let followers: Int
        var second: ClosedRange<UInt8> = 0x80...0xBF
        switch bytes[index] {
        case 0x00...0x7F: return (1, true)
        case 0xC2...0xDF: followers = 1
        case 0xE0: (followers, second) = (2, 0xA0...0xBF)
        case 0xED: (followers, second) = (2, 0x80...0x9F)
        case 0xE1...0xEF: followers = 2
        case 0xF0: (followers, second) = (3, 0x90...0xBF)
        case 0xF1...0xF3: followers = 3
        case 0xF4: (followers, second) = (3, 0x80...0x8F)
        default: return (1, false)
        }
        var byteCount = 1
        while byteCount <= followers {
            guard index + byteCount < bytes.count else { return (byteCount, false) }
            let allowed = byteCount == 1 ? second : 0x80...0xBF
            guard allowed.contains(bytes[index + byteCount]) else { return (byteCount, false) }
            byteCount += 1
        }
        return (byteCount, true)
    }

    /// How many bytes to keep of `bytes` so that at most `byteCountMax` remain and no character is cut in two.
    static func prefixLength(of bytes: borrowing Span<UInt8>, byteCountMax: Int) -> Int {
        guard bytes.count > byteCountMax else { return bytes.count }
        // A character has at most three following bytes; more of them in a row are no text and may be cut anywhere.
        for start in stride(from: byteCountMax, through: max(0, byteCountMax - 3), by: -1)
        where bytes[start] & 0xC0 != 0x80 {
            return start
        }
        return byteCountMax
    }
}
