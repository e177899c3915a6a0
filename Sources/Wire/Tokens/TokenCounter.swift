/// Estimates how many tokens a text is, in one pass and without its vocabulary.
///
/// Counts 22 features of the text (letters in words, groups of digits, characters by script …), of which the number of
/// tokens is a linear function. On text of many kinds the estimate is off by about 6 % on average; Benchmarks/tokens
/// measures it. Nothing is allocated, and the text may come in any pieces, also with JSON's escapes in it.
///
/// Several texts may be counted into one; ``endText()`` stands between them. The bytes should be UTF-8; what is not counts
/// as characters of no script.
public struct TokenCounter: Sendable {
    private var counts = InlineArray<22, Int>(repeating: 0)
    private var state = TokenTables.elsewhere
    /// A character beyond ASCII of which bytes are to come.
    private var scalar: UInt32 = 0
    private var missingByteCount: UInt8 = 0
    /// An escape of which characters are to come.
    private var escape = TokenEscape()

    /// Nothing counted.
    public init() {}

    /// Counts more of the text.
    public mutating func take(_ bytes: Span<UInt8>) {
        let tables = TokenTables.shared
        run(bytes, tables.plain.span, tables.next.span, tables.increments.span)
    }

    /// Counts more of the text, which has the escapes of a JSON string.
    public mutating func take(escaped bytes: Span<UInt8>) {
        let tables = TokenTables.shared
        run(bytes, tables.escaped.span, tables.next.span, tables.increments.span)
    }

    /// Ends a text: what comes next does not continue its last word.
    public mutating func endText() {
        if missingByteCount > 0 || escape.isOpen { count(scalar: Self.replacement) }
        missingByteCount = 0
        escape = TokenEscape()
        state = TokenTables.elsewhere
    }

    /// The estimate for all that was counted.
    public func tokens(_ model: TokenModel) -> Double {
        var sum = 0.0
        for feature in TokenFeature.allCases { sum += Double(counts[feature.rawValue]) * model.weight(feature) }
        return sum
    }

    /// How often the feature was seen.
    func count(_ feature: TokenFeature) -> Int { counts[feature.rawValue] }

    /// What stands for bytes that are no character.
    private static let replacement: UInt32 = 0xfffd

    @inline(__always)
    private mutating func run(
        _ bytes: Span<UInt8>, _ classes: Span<UInt8>, _ next: Span<UInt8>, _ increments: Span<SIMD2<UInt64>>
    ) {
        var index = continueScalar(bytes)
        let count = bytes.count
        var state = Int(self.state)
        while index < count {
            if escape.isOpen {
                index = takeEscape(bytes, index, &state, next, increments)
                continue
            }
            var added = SIMD2<UInt64>.zero
            let blockEnd = min(count, index + TokenTables.additionCountMax)
            while index < blockEnd {
                // The tables have an entry for each byte, and for each class in each state.
                let kind = unsafe classes[unchecked: Int(bytes[unchecked: index])]
                if kind < TokenTables.beyondASCII {
                    let slot = state &+ Int(kind)
                    unsafe added &+= increments[unchecked: slot]
                    unsafe state = Int(next[unchecked: slot])
                    index &+= 1
                } else if kind == TokenTables.beyondASCII {
                    index = takeBeyondASCII(bytes, index)
                    state = Int(TokenTables.elsewhere)
                } else {
                    escape.begin()
                    index &+= 1
                    break
                }
            }
            flush(added)
        }
        self.state = UInt8(truncatingIfNeeded: state)
    }

    private mutating func flush(_ added: SIMD2<UInt64>) {
        add(added.x, 0, .words)
        add(added.x, 1, .long4)
        add(added.x, 2, .long8)
        add(added.x, 3, .upperRun)
        add(added.x, 4, .digits3)
        add(added.y, 0, .alnumMix)
        add(added.y, 1, .punct)
        add(added.y, 2, .punctRun)
        add(added.y, 3, .spaceRun)
        add(added.y, 4, .newline)
    }

    @inline(__always)
    private mutating func add(_ half: UInt64, _ place: UInt64, _ feature: TokenFeature) {
        let count = half >> (place * TokenTables.fieldBits) & UInt64(TokenTables.additionCountMax)
        counts[feature.rawValue] &+= Int(count)
    }

    private mutating func count(scalar: UInt32) {
        let feature = scalar < 0x80 ? TokenFeature.other : .of(scalar)
        counts[feature.rawValue] &+= 1
    }

    /// Takes characters beyond ASCII, at least one of which begins at `start`; returns the place behind them.
    private mutating func takeBeyondASCII(_ bytes: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < bytes.count, bytes[index] >= 0x80 {
            let lead = bytes[index]
            let length: Int
            switch lead {
            case 0xc2...0xdf: length = 2
            case 0xe0...0xef: length = 3
            case 0xf0...0xf4: length = 4
            default:
                count(scalar: Self.replacement)
                index += 1
                continue
            }
            scalar = UInt32(lead) & (0x7f >> UInt32(length))
            missingByteCount = UInt8(length - 1)
            index += 1
            while missingByteCount > 0, index < bytes.count, bytes[index] & 0xc0 == 0x80 {
                scalar = scalar << 6 | UInt32(bytes[index] & 0x3f)
                missingByteCount -= 1
                index += 1
            }
            if missingByteCount == 0 {
                count(scalar: scalar)
            } else if index < bytes.count {
                missingByteCount = 0
                count(scalar: Self.replacement)
            }
        }
        return index
    }

    /// Takes the rest of a character whose first bytes came in the piece before; returns the place behind it.
    private mutating func continueScalar(_ bytes: Span<UInt8>) -> Int {
        var index = 0
        while missingByteCount > 0, index < bytes.count {
            guard bytes[index] & 0xc0 == 0x80 else {
                missingByteCount = 0
                count(scalar: Self.replacement)
                break
            }
            scalar = scalar << 6 | UInt32(bytes[index] & 0x3f)
            missingByteCount -= 1
            index += 1
            if missingByteCount == 0 { count(scalar: scalar) }
        }
        return index
    }

    /// Takes bytes of an escape until it ends; returns the place behind them.
    private mutating func takeEscape(
        _ bytes: Span<UInt8>, _ start: Int, _ state: inout Int, _ next: Span<UInt8>,
        _ increments: Span<SIMD2<UInt64>>
    ) -> Int {
        var index = start
        while escape.isOpen, index < bytes.count {
            var isTaken = true
            let scalar = escape.take(bytes[index], &isTaken)
            if isTaken { index += 1 }
            guard let scalar else { continue }
            if scalar < 0x80 {
                let slot = state + Int(TokenTables.shared.plain[Int(scalar)])
                flush(increments[slot])
                state = Int(next[slot])
            } else {
                count(scalar: scalar)
                state = Int(TokenTables.elsewhere)
            }
        }
        return index
    }
}

/// An escape of a JSON string that comes byte by byte.
private struct TokenEscape {
    private enum Phase { case closed, backslash, digits, secondBackslash, secondLetter }

    private var phase = Phase.closed
    private var unit: UInt32 = 0
    private var digitCount = 0
    /// The first half of a surrogate pair, whose second is to come; else 0.
    private var high: UInt32 = 0

    var isOpen: Bool { phase != .closed }

    mutating func begin() { phase = .backslash }

    /// Takes a byte, or sets `isTaken` to false if it belongs to what follows; returns the character if one is complete.
    ///
    /// What is no escape, or half of a pair, is U+FFFD.
    mutating func take(_ byte: UInt8, _ isTaken: inout Bool) -> UInt32? {
        switch phase {
        case .closed: return nil
        case .backslash:
            if byte == UInt8(ascii: "u") {
                beginDigits()
                return nil
            }
            phase = .closed
            switch byte {
            case UInt8(ascii: "n"): return 10
            case UInt8(ascii: "t"): return 9
            case UInt8(ascii: "r"): return 13
            case UInt8(ascii: "b"): return 8
            case UInt8(ascii: "f"): return 12
            case JSONScan.quote, JSONScan.backslash, UInt8(ascii: "/"): return UInt32(byte)
            default:
                isTaken = false
                return 0xfffd
            }
        case .digits:
            guard let digit = ASCII.hexadecimal(byte) else {
                isTaken = false
                return close(0xfffd)
            }
            unit = unit << 4 | UInt32(digit)
            digitCount += 1
            return digitCount < 4 ? nil : endDigits()
        case .secondBackslash:
            if byte == JSONScan.backslash {
                phase = .secondLetter
                return nil
            }
            isTaken = false
            return close(0xfffd)
        case .secondLetter:
            if byte == UInt8(ascii: "u") {
                beginDigits()
                return nil
            }
            // Another escape: the half before it stands alone.
            isTaken = false
            high = 0
            phase = .backslash
            return 0xfffd
        }
    }

    private mutating func beginDigits() {
        unit = 0
        digitCount = 0
        phase = .digits
    }

    private mutating func endDigits() -> UInt32? {
        switch unit {
        case 0xd800..<0xdc00:
            let isSecond = high != 0
            high = unit
            phase = .secondBackslash
            return isSecond ? 0xfffd : nil
        case 0xdc00..<0xe000: return close(high == 0 ? 0xfffd : 0x10000 + ((high & 0x3ff) << 10 | unit & 0x3ff))
        default: return close(unit)
        }
    }

    private mutating func close(_ scalar: UInt32) -> UInt32 {
        high = 0
        phase = .closed
        return scalar
    }
}
