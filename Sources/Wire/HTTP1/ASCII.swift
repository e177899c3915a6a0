/// The byte classes of RFC 9110 5.6, and comparison and search eight bytes at a time.
enum ASCII {
    static let tab = UInt8(ascii: "\t")
    static let lineFeed = UInt8(ascii: "\n")
    static let carriageReturn = UInt8(ascii: "\r")
    static let space = UInt8(ascii: " ")
    static let colon = UInt8(ascii: ":")

    // One bit per byte value: !#$%&'*+-.^_`|~, digits and letters.
    private static let tokenBitsLow: UInt64 = 0x03ff_6cfa_0000_0000
    private static let tokenBitsHigh: UInt64 = 0x57ff_ffff_c7ff_fffe

    /// tchar: what methods, field names and tokens are made of.
    @inline(__always)
    static func isToken(_ byte: UInt8) -> Bool {
        let bits = byte < 64 ? tokenBitsLow : byte < 128 ? tokenBitsHigh : 0
        return (bits &>> UInt64(byte & 63)) & 1 == 1
    }

    @inline(__always)
    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    static func isLetter(_ byte: UInt8) -> Bool { (byte | 0x20) &- UInt8(ascii: "a") < 26 }

    /// OWS and BWS: space and tab.
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool { byte == space || byte == tab }

    @inline(__always)
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }

    /// The value of a hexadecimal digit.
    @inline(__always)
    static func hexadecimal(_ byte: UInt8) -> UInt8? {
        if isDigit(byte) { return byte & 0x0f }
        let letter = (byte | 0x20) &- UInt8(ascii: "a")
        return letter < 6 ? letter + 10 : nil
    }

    /// Whether the bytes at `start` are `literal`.
    @inline(__always)
    static func equal(_ bytes: Span<UInt8>, _ start: Int, _ literal: StaticString) -> Bool {
        compare(bytes, start, literal, folding: 0)
    }

    /// Whether the token bytes at `start` are `literal` in any case.
    ///
    /// Setting bit 5 folds more than letters, but not on tokens: with that bit cleared, a hyphen and a digit would be
    /// control characters. `literal` is lower-case letters, digits and hyphens.
    @inline(__always)
    static func equalFolded(_ bytes: Span<UInt8>, _ start: Int, _ literal: StaticString) -> Bool {
        compare(bytes, start, literal, folding: 0x2020_2020_2020_2020)
    }

    @inline(__always)
    private static func compare(
        _ bytes: Span<UInt8>, _ start: Int, _ literal: StaticString, folding: UInt64
    ) -> Bool {
        let count = literal.utf8CodeUnitCount
        guard start >= 0, bytes.count - start >= count else { return false }
        let text = unsafe UnsafeRawPointer(literal.utf8Start)
        var offset = 0
        while count - offset >= 8 {
            let wanted = unsafe text.loadUnaligned(fromByteOffset: offset, as: UInt64.self)
            if word(bytes, start + offset) | folding != wanted { return false }
            offset += 8
        }
        let bit = UInt8(truncatingIfNeeded: folding)
        while offset < count {
            let wanted = unsafe text.load(fromByteOffset: offset, as: UInt8.self)
            if bytes[start + offset] | bit != wanted { return false }
            offset += 1
        }
        return true
    }

    /// The eight bytes at `index`, in memory order; there must be as many.
    @inline(__always)
    static func word(_ bytes: Span<UInt8>, _ index: Int) -> UInt64 {
        unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: UInt64.self)
    }

    /// The first index from `start` on, below `end`, of a control character other than tab; `end` if there is none.
    @inline(__always)
    static func firstControl(_ bytes: Span<UInt8>, from start: Int, to end: Int) -> Int {
        var index = start
        while index < end {
            if end - index >= 8 {
                let marks = controlMarks(UInt64(littleEndian: word(bytes, index)))
                if marks == 0 {
                    index += 8
                    continue
                }
                index += marks.trailingZeroBitCount / 8
            } else if !isControl(bytes[index]) {
                index += 1
                continue
            }
            if bytes[index] != tab { return index }
            index += 1
        }
        return end
    }

    @inline(__always)
    private static func isControl(_ byte: UInt8) -> Bool { byte < 0x20 || byte == 0x7f }

    /// A word whose lowest set bit lies in the first byte that is below 0x20 or is 0x7f; 0 if none is.
    ///
    /// Borrows make bytes after that one unreliable, so only the first mark counts.
    @inline(__always)
    private static func controlMarks(_ word: UInt64) -> UInt64 {
        let high: UInt64 = 0x8080_8080_8080_8080
        let ones: UInt64 = 0x0101_0101_0101_0101
        let low = (word &- 0x20 &* ones) & ~word
        let deletes = word ^ (0x7f &* ones)
        return (low | ((deletes &- ones) & ~deletes)) & high
    }
}

extension ASCII {
    /// The index of the first CR or LF from `start` on; the count of `bytes` if there is none.
    @inline(__always)
    static func lineEnd(_ bytes: Span<UInt8>, from start: Int) -> Int {
        var index = start
        while bytes.count - index >= 8 {
            let word = UInt64(littleEndian: ASCII.word(bytes, index))
            let marks = zeroMarks(word ^ 0x0a0a_0a0a_0a0a_0a0a) | zeroMarks(word ^ 0x0d0d_0d0d_0d0d_0d0d)
            if marks != 0 { return index + marks.trailingZeroBitCount / 8 }
            index += 8
        }
        while index < bytes.count, bytes[index] != ASCII.lineFeed, bytes[index] != ASCII.carriageReturn { index += 1 }
        return index
    }

    /// A word whose lowest set bit lies in the first byte that is zero; 0 if none is.
    @inline(__always)
    static func zeroMarks(_ word: UInt64) -> UInt64 {
        (word &- 0x0101_0101_0101_0101) & ~word & 0x8080_8080_8080_8080
    }
}
