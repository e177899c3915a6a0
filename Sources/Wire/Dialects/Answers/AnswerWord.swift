/// A short string or number of an answer, escapes decoded, without storage of its own: what is longer is not kept.
struct AnswerWord {
    /// Names of models stay below this.
    static let bytesMax = 128

    private var storage = InlineArray<128, UInt8>(repeating: 0)
    private(set) var count = 0
    /// Whether it was longer than a word, or not written as JSON.
    private(set) var isOverlong = false
    /// What of an escape has passed: 0 nothing, 1 the backslash, 2 to 5 that and digits of a code unit.
    private var escape = 0
    private var unit: UInt32 = 0
    private var highSurrogate: UInt32 = 0

    var isEmpty: Bool { count == 0 }

    var bytes: Span<UInt8> {
        @_lifetime(borrow self)
        get { storage.span.extracting(0..<count) }
    }

    mutating func removeAll() {
        count = 0
        isOverlong = false
        escape = 0
        highSurrogate = 0
    }

    mutating func append(_ byte: UInt8) {
        guard count < Self.bytesMax else {
            isOverlong = true
            return
        }
        storage[count] = byte
        count += 1
    }

    /// Takes the bytes of a string up to its closing mark, which is passed; true if it is here.
    mutating func take(_ bytes: Span<UInt8>, _ index: inout Int) -> Bool {
        while index < bytes.count {
            let byte = bytes[index]
            index += 1
            if escape == 0 {
                if byte == JSONScan.quote {
                    if highSurrogate != 0 { isOverlong = true }
                    return true
                }
                if byte == JSONScan.backslash {
                    escape = 1
                } else {
                    if highSurrogate != 0 { isOverlong = true }
                    append(byte)
                }
            } else {
                takeEscape(byte)
            }
        }
        return false
    }

    private mutating func takeEscape(_ byte: UInt8) {
        if escape == 1 {
            escape = 0
            if byte != UInt8(ascii: "u"), highSurrogate != 0 { isOverlong = true }
            switch byte {
            case JSONScan.quote, JSONScan.backslash, UInt8(ascii: "/"): append(byte)
            case UInt8(ascii: "b"): append(0x08)
            case UInt8(ascii: "f"): append(0x0c)
            case UInt8(ascii: "n"): append(0x0a)
            case UInt8(ascii: "r"): append(0x0d)
            case UInt8(ascii: "t"): append(0x09)
            case UInt8(ascii: "u"):
                escape = 2
                unit = 0
            default: isOverlong = true
            }
            return
        }
        guard let digit = ASCII.hexadecimal(byte) else {
            isOverlong = true
            escape = 0
            return
        }
        unit = unit << 4 | UInt32(digit)
        escape += 1
        guard escape == 6 else { return }
        escape = 0
        takeUnit()
    }

    private mutating func takeUnit() {
        var scalar = unit
        if unit & 0xfc00 == 0xd800 {
            if highSurrogate != 0 { isOverlong = true }
            highSurrogate = unit
            return
        }
        if unit & 0xfc00 == 0xdc00 {
            scalar = 0x10000 + (highSurrogate & 0x3ff) << 10 + unit & 0x3ff
            if highSurrogate == 0 { isOverlong = true }
        } else if highSurrogate != 0 {
            isOverlong = true
        }
        highSurrogate = 0
        guard let valid = Unicode.Scalar(scalar) else {
            isOverlong = true
            return
        }
        guard let encoded = UTF8.encode(valid) else { return }
        for byte in encoded { append(byte) }
    }

    func equals(_ text: StaticString) -> Bool {
        !isOverlong && count == text.utf8CodeUnitCount && ASCII.equal(bytes, 0, text)
    }

    func ends(with text: StaticString) -> Bool {
        !isOverlong && count >= text.utf8CodeUnitCount
            && ASCII.equal(bytes, count - text.utf8CodeUnitCount, text)
    }

    /// The text; nil where it is none.
    var text: String? {
        guard !isOverlong, !isEmpty else { return nil }
        var copy: [UInt8] = []
        for index in 0..<count { copy.append(storage[index]) }
        return String(validating: copy, as: UTF8.self)
    }

    /// The whole number that it is: `12`, `12.0` and `1.2e1` alike; nil for any other number and for no number.
    var integer: Int? {
        guard !isOverlong else { return nil }
        let bytes = bytes
        guard let end = try? JSONScan.number(bytes, 0), end == count else { return nil }
        return JSONNumber(range: 0..<end).integer(in: bytes)
    }
}

extension AnswerWords {
    /// What a word says.
    func signals(of word: AnswerWord) -> AnswerSignals {
        for row in words where word.equals(row.word) { return row.signals }
        if let suffix, word.ends(with: suffix.word) { return suffix.signals }
        return otherwise
    }
}
