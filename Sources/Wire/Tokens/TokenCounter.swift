/// Estimates how many tokens a text is, in one pass and without its vocabulary.
///
/// Each character adds a weight that depends on it and on what stands before it: whether a word begins, which two letters
/// meet, the place in a number, the script. The sums are off by about 5 % on average, over texts of 37 kinds;
/// Benchmarks/tokens measures it and fits the weights. Nothing is allocated, and the text may come in any pieces, also
/// with JSON's escapes in it.
///
/// Several texts may be counted into one; ``endText()`` stands between them. The bytes should be UTF-8; what is not counts
/// as characters of no script.
public struct TokenCounter: Sendable {
    private var parts = InlineArray<2, Int>(repeating: 0)
    private var state = TokenTables.start
    /// The last character if it was one of ASCII.
    private var last = TokenTables.noCharacter
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
        run(bytes, tables.plain, tables)
    }

    /// Counts more of the text, which has the escapes of a JSON string.
    public mutating func take(escaped bytes: Span<UInt8>) {
        let tables = TokenTables.shared
        run(bytes, tables.escaped, tables)
    }

    /// Ends a text: what comes next does not continue its last word.
    public mutating func endText() {
        if missingByteCount > 0 || escape.isOpen {
            var added: UInt64 = 0
            count(scalar: Self.replacement, TokenTables.shared, &added)
            flush(added)
        }
        missingByteCount = 0
        escape = TokenEscape()
        state = TokenTables.start
        last = TokenTables.noCharacter
    }

    /// The estimate for all that was counted.
    public func tokens(_ model: TokenModel) -> Double { Double(parts(model)) / Double(Self.partCount) }

    /// The estimate in parts of a token, of which sums are exact.
    func parts(_ model: TokenModel) -> Int {
        switch model {
        case .o200k: parts[0]
        case .cl100k: parts[1]
        }
    }

    /// The parts of a token that weights are whole numbers of.
    static let partCount = 1024

    /// What stands for bytes that are no character.
    private static let replacement: UInt32 = 0xfffd

    @inline(__always)
    private mutating func run(_ bytes: Span<UInt8>, _ classesOfBytes: [UInt8], _ tables: TokenTables) {
        let (nextStates, weightsOfClasses, weightsOfPairs) = (tables.next, tables.classWeights, tables.pairWeights)
        let classes = classesOfBytes.span
        let next = nextStates.span
        let classWeights = weightsOfClasses.span
        let pairWeights = weightsOfPairs.span
        let count = bytes.count
        var index = 0
        while index < count {
            var added: UInt64 = 0
            let blockEnd = min(count, index + TokenTables.additionCountMax)
            if escape.isOpen { index = takeEscape(bytes, index, tables, &added) }
            if missingByteCount > 0 { index = continueScalar(bytes, index, tables, &added) }
            var state = Int(self.state)
            var last = Int(self.last)
            while index < blockEnd {
                // The tables have an entry for each byte, for each class in each state, and for each pair of ASCII.
                let byte = unsafe Int(bytes[unchecked: index])
                let kind = unsafe classes[unchecked: byte]
                guard kind < TokenTables.beyondASCII else { break }
                let slot = state &+ Int(kind)
                unsafe added &+= classWeights[unchecked: slot] &+ pairWeights[unchecked: last &<< 7 | byte]
                unsafe state = Int(next[unchecked: slot])
                last = byte
                index &+= 1
            }
            self.state = UInt16(truncatingIfNeeded: state)
            self.last = UInt8(truncatingIfNeeded: last)
            if index < blockEnd {
                if bytes[index] >= 0x80 {
                    index = takeBeyondASCII(bytes, index, tables, &added)
                } else {
                    escape.begin()
                    index &+= 1
                }
            }
            flush(added)
        }
    }

    @inline(__always)
    private mutating func flush(_ added: UInt64) {
        parts[0] &+= Int(added & 0xffff_ffff)
        parts[1] &+= Int(added >> 32)
    }

    /// Counts one ASCII character that an escape stands for.
    private mutating func count(ascii byte: UInt8, _ tables: TokenTables, _ added: inout UInt64) {
        let slot = Int(state) + Int(tables.plain[Int(byte)])
        added &+= tables.classWeights[slot] &+ tables.pairWeights[Int(last) << 7 | Int(byte)]
        state = tables.next[slot]
        last = byte
    }

    /// Counts one character beyond ASCII.
    @inline(__always)
    private mutating func count(scalar: UInt32, _ tables: TokenTables, _ added: inout UInt64) {
        let script = TokenScript.of(scalar).rawValue
        let states = tables.scriptStates.count
        let place = script &* (tables.scriptWeights.count / states) &+ Int(state / TokenTables.stateStride)
        added &+= tables.scriptWeights[place]
        state = tables.scriptStates[script]
        last = TokenTables.noCharacter
    }

    /// Takes characters beyond ASCII, at least one of which begins at `start`; returns the place behind them.
    private mutating func takeBeyondASCII(
        _ bytes: Span<UInt8>, _ start: Int, _ tables: TokenTables, _ added: inout UInt64
    ) -> Int {
        var index = start
        let end = min(bytes.count, start + TokenTables.additionCountMax)
        while index < end, bytes[index] >= 0x80 {
            let lead = bytes[index]
            let length: Int
            switch lead {
            case 0xc2...0xdf: length = 2
            case 0xe0...0xef: length = 3
            case 0xf0...0xf4: length = 4
            default:
                count(scalar: Self.replacement, tables, &added)
                index += 1
                continue
            }
            scalar = UInt32(lead) & (0x7f >> UInt32(length))
            missingByteCount = UInt8(length - 1)
            index = continueScalar(bytes, index + 1, tables, &added)
        }
        return index
    }

    /// Takes the rest of a character, as far as it is there; returns the place behind it.
    @inline(__always)
    private mutating func continueScalar(
        _ bytes: Span<UInt8>, _ start: Int, _ tables: TokenTables, _ added: inout UInt64
    ) -> Int {
        var index = start
        while missingByteCount > 0, index < bytes.count {
            guard bytes[index] & 0xc0 == 0x80 else {
                missingByteCount = 0
                count(scalar: Self.replacement, tables, &added)
                return index
            }
            scalar = scalar << 6 | UInt32(bytes[index] & 0x3f)
            missingByteCount -= 1
            index += 1
        }
        // What is too long a form of a shorter character is none.
        if missingByteCount == 0 { count(scalar: scalar < 0x80 ? Self.replacement : scalar, tables, &added) }
        return index
    }

    /// Takes bytes of an escape until it ends; returns the place behind them.
    private mutating func takeEscape(
        _ bytes: Span<UInt8>, _ start: Int, _ tables: TokenTables, _ added: inout UInt64
    ) -> Int {
        var index = start
        while escape.isOpen, index < bytes.count {
            var isTaken = true
            let scalar = escape.take(bytes[index], &isTaken)
            if isTaken { index += 1 }
            guard let scalar else { continue }
            if scalar < 0x80 {
                count(ascii: UInt8(truncatingIfNeeded: scalar), tables, &added)
            } else {
                count(scalar: scalar, tables, &added)
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
