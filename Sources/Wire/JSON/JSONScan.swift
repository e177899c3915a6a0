/// The parts of a document that need no memory of what came before: blanks, literals, numbers, strings.
///
/// Each function takes the place where its part begins and returns the place behind it.
enum JSONScan {
    static let quote = UInt8(ascii: "\"")
    static let backslash = UInt8(ascii: "\\")
    static let comma = UInt8(ascii: ",")
    static let colon = UInt8(ascii: ":")
    static let openBrace = UInt8(ascii: "{")
    static let closeBrace = UInt8(ascii: "}")
    static let openBracket = UInt8(ascii: "[")
    static let closeBracket = UInt8(ascii: "]")

    /// Space, tab, line feed and carriage return (RFC 8259 2).
    @inline(__always)
    static func isBlank(_ byte: UInt8) -> Bool {
        byte == 0x20 || byte == 0x0a || byte == 0x0d || byte == 0x09
    }

    /// The first place from `start` on that is not blank.
    @inline(__always)
    static func blanks(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < bytes.count, isBlank(bytes[index]) { index += 1 }
        return index
    }

    /// The kind of the value that begins with `byte`; nil if none does.
    @inline(__always)
    static func kind(_ byte: UInt8) -> JSONKind? {
        switch byte {
        case quote: .string
        case openBrace: .object
        case openBracket: .array
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): .number
        case UInt8(ascii: "t"), UInt8(ascii: "f"): .bool
        case UInt8(ascii: "n"): .null
        default: nil
        }
    }

    /// Passes `literal`.
    static func literal(
        _ literal: StaticString, _ bytes: Span<UInt8>, _ start: Int
    ) throws(JSONFailure) -> Int {
        for offset in 0..<literal.utf8CodeUnitCount {
            guard start + offset < bytes.count else { throw JSONFailure(.cutOff, at: bytes.count) }
            let wanted = unsafe literal.utf8Start[offset]
            guard bytes[start + offset] == wanted else { throw JSONFailure(.unexpectedByte, at: start + offset) }
        }
        return start + literal.utf8CodeUnitCount
    }

    /// Passes a number (RFC 8259 6).
    static func number(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> Int {
        var index = start
        if bytes[index] == UInt8(ascii: "-") { index += 1 }
        guard index < bytes.count else { throw JSONFailure(.cutOff, at: index) }
        if bytes[index] == UInt8(ascii: "0") {
            index += 1
            if index < bytes.count, ASCII.isDigit(bytes[index]) { throw JSONFailure(.number, at: index) }
        } else {
            index = try digits(bytes, index)
        }
        if index < bytes.count, bytes[index] == UInt8(ascii: ".") { index = try digits(bytes, index + 1) }
        if index < bytes.count, bytes[index] | 0x20 == UInt8(ascii: "e") {
            index += 1
            if index < bytes.count, bytes[index] == UInt8(ascii: "+") || bytes[index] == UInt8(ascii: "-") {
                index += 1
            }
            index = try digits(bytes, index)
        }
        return index
    }

    /// Passes one digit or more.
    @inline(__always)
    private static func digits(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> Int {
        var index = start
        while index < bytes.count, ASCII.isDigit(bytes[index]) { index += 1 }
        guard index > start else { throw JSONFailure(index < bytes.count ? .number : .cutOff, at: index) }
        return index
    }

    /// Passes the inside of a string, whose opening mark stands before `start`; returns the place of the closing mark.
    static func string(
        _ bytes: Span<UInt8>, _ start: Int, hasEscapes: inout Bool
    ) throws(JSONFailure) -> Int {
        var index = start
        while true {
            index = plain(bytes, index)
            guard index < bytes.count else { throw JSONFailure(.cutOff, at: bytes.count) }
            let byte = bytes[index]
            if byte == quote { return index }
            if byte == backslash {
                hasEscapes = true
                index = try escape(bytes, index)
            } else if byte < 0x20 {
                throw JSONFailure(.controlCharacter, at: index)
            } else {
                index = try beyondASCII(bytes, index)
            }
        }
    }

    /// The first place from `start` on that is not simply a character of a string: a quotation mark, a backslash, a
    /// control character, or a byte beyond ASCII.
    @inline(__always)
    static func plain(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        // With a scalar on one side, the comparisons would be made lane by lane.
        let space = SIMD16<Int8>(repeating: 0x20)
        let mark = SIMD16<Int8>(repeating: 0x22)
        let slash = SIMD16<Int8>(repeating: 0x5c)
        var index = start
        let count = bytes.count
        while count - index >= 16 {
            // As signed numbers, what is below a space is also what is beyond ASCII.
            let block = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD16<Int8>.self)
            let stops = (block .< space) .| (block .== mark) .| (block .== slash)
            if let offset = first(stops) { return index + offset }
            index += 16
        }
        while index < count {
            let byte = bytes[index]
            if byte < 0x20 || byte >= 0x80 || byte == quote || byte == backslash { break }
            index += 1
        }
        return index
    }

    /// Passes the characters beyond ASCII that begin at `start`: at least one.
    private static func beyondASCII(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> Int {
        var index = start
        let count = bytes.count
        while index < count, bytes[index] >= 0x80 {
            let lead = bytes[index]
            let length: Int
            var low: UInt8 = 0x80
            var high: UInt8 = 0xbf
            switch lead {
            case 0xc2...0xdf: length = 2
            case 0xe0...0xef:
                length = 3
                if lead == 0xe0 { low = 0xa0 }
                if lead == 0xed { high = 0x9f }
            case 0xf0...0xf4:
                length = 4
                if lead == 0xf0 { low = 0x90 }
                if lead == 0xf4 { high = 0x8f }
            default: throw JSONFailure(.notUTF8, at: index)
            }
            for offset in 1..<length {
                guard index + offset < count else { throw JSONFailure(.cutOff, at: count) }
                let byte = bytes[index + offset]
                guard byte >= low, byte <= high else { throw JSONFailure(.notUTF8, at: index + offset) }
                low = 0x80
                high = 0xbf
            }
            index += length
        }
        return index
    }

    /// Passes an escape, which may be a pair of surrogates.
    private static func escape(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> Int {
        guard start + 1 < bytes.count else { throw JSONFailure(.cutOff, at: bytes.count) }
        switch bytes[start + 1] {
        case quote, backslash, UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"), UInt8(ascii: "n"),
            UInt8(ascii: "r"), UInt8(ascii: "t"):
            return start + 2
        case UInt8(ascii: "u"):
            let first = try codeUnit(bytes, start)
            guard first & 0xf800 == 0xd800 else { return start + 6 }
            guard first < 0xdc00 else { throw JSONFailure(.loneSurrogate, at: start) }
            guard start + 6 < bytes.count else { throw JSONFailure(.cutOff, at: bytes.count) }
            guard bytes[start + 6] == backslash else { throw JSONFailure(.loneSurrogate, at: start) }
            guard start + 7 < bytes.count else { throw JSONFailure(.cutOff, at: bytes.count) }
            guard bytes[start + 7] == UInt8(ascii: "u") else { throw JSONFailure(.loneSurrogate, at: start) }
            guard try codeUnit(bytes, start + 6) & 0xfc00 == 0xdc00 else {
                throw JSONFailure(.loneSurrogate, at: start)
            }
            return start + 12
        default: throw JSONFailure(.escape, at: start + 1)
        }
    }

    /// The number in `\uXXXX` at `start`.
    private static func codeUnit(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> UInt32 {
        var value: UInt32 = 0
        for offset in 2..<6 {
            guard start + offset < bytes.count else { throw JSONFailure(.cutOff, at: bytes.count) }
            guard let digit = ASCII.hexadecimal(bytes[start + offset]) else {
                throw JSONFailure(.escape, at: start + offset)
            }
            value = value << 4 | UInt32(digit)
        }
        return value
    }
}

extension JSONScan {
    /// The first quotation mark or backslash from `start` on, or the end: what ends a stretch of a string when nobody
    /// asks whether it is valid.
    @inline(__always)
    static func text(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        let mark = SIMD16<Int8>(repeating: 0x22)
        let slash = SIMD16<Int8>(repeating: 0x5c)
        var index = start
        let count = bytes.count
        while count - index >= 16 {
            let block = unsafe bytes.bytes.unsafeLoadUnaligned(fromByteOffset: index, as: SIMD16<Int8>.self)
            let stops = (block .== mark) .| (block .== slash)
            if let offset = first(stops) { return index + offset }
            index += 16
        }
        while index < count, bytes[index] != quote, bytes[index] != backslash { index += 1 }
        return index
    }

    /// The first place in which the mask is set; nil if in none.
    @inline(__always)
    private static func first(_ mask: SIMDMask<SIMD16<Int8>>) -> Int? {
        let words = unsafe unsafeBitCast(mask, to: SIMD2<UInt64>.self)
        if words.x | words.y == 0 { return nil }
        let low = UInt64(littleEndian: words.x)
        if low != 0 { return low.trailingZeroBitCount / 8 }
        return 8 + UInt64(littleEndian: words.y).trailingZeroBitCount / 8
    }
}
