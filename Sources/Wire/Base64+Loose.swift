// As credentials and password hashes are written: with the standard alphabet, and the padding is often left out.
extension Base64 {
    /// The bytes that `text` stands for; nil for anything but letters of the alphabet, with the padding that belongs
    /// there or with none, and with no bit left over.
    public static func decodeLoose(_ text: borrowing Span<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        result.reserveCapacity(text.count / 4 * 3 + 3)
        return decodeLoose(text) { result.append($0) } ? result : nil
    }

    /// The same with each byte handed to `take`, for bytes that are secret and have a place of their own. What was taken
    /// before a `false` is worth nothing.
    public static func decodeLoose(_ text: borrowing Span<UInt8>, take: (UInt8) -> Void) -> Bool {
        var end = text.count
        var paddingCount = 0
        while end > 0, paddingCount < 2, text[end - 1] == UInt8(ascii: "=") {
            end -= 1
            paddingCount += 1
        }
        if paddingCount > 0, text.count % 4 != 0 { return false }
        var bits: UInt32 = 0
        var bitCount = 0
        for index in 0..<end {
            guard let value = value(text[index]).map({ UInt32($0) }) else { return false }
            bits = bits << 6 | value
            bitCount += 6
            guard bitCount >= 8 else { continue }
            bitCount -= 8
            take(UInt8(truncatingIfNeeded: bits >> UInt32(bitCount)))
        }
        // One letter alone says nothing, and the bits that are too many are zero in the one right spelling.
        return end % 4 != 1 && bits & ((1 << UInt32(bitCount)) - 1) == 0
    }

    /// The text for `bytes`, with or without the `=` at the end.
    public static func text(of bytes: [UInt8], padded: Bool = true) -> String {
        var text: [UInt8] = []
        text.reserveCapacity((bytes.count + 2) / 3 * 4)
        var index = 0
        while index < bytes.count {
            let count = min(3, bytes.count - index)
            var bits: UInt32 = 0
            for place in 0..<3 { bits = bits << 8 | (place < count ? UInt32(bytes[index + place]) : 0) }
            for place in 0...count { text.append(alphabet[Int(bits >> UInt32(18 - 6 * place) & 63)]) }
            if padded { text.append(contentsOf: repeatElement(UInt8(ascii: "="), count: 3 - count)) }
            index += count
        }
        return String(decoding: text, as: UTF8.self)
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}
