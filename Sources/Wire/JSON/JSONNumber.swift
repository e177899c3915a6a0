/// A number of a document: where it stands. Its text is never changed.
public struct JSONNumber: Equatable, Sendable {
    /// The number, in bytes of the document.
    public let range: Range<Int>

    /// Makes the number that stands in `range`.
    public init(range: Range<Int>) { self.range = range }

    /// The number as an integer if it is one, however it is written: `100`, `1e2` and `100.0` are the same.
    ///
    /// Nil for a fraction and for what `Int` cannot hold. No rounding takes place.
    public func integer(in bytes: Span<UInt8>) -> Int? {
        var index = range.clamped(to: 0..<bytes.count).lowerBound
        let end = range.clamped(to: 0..<bytes.count).upperBound
        let isNegative = index < end && bytes[index] == UInt8(ascii: "-")
        if isNegative { index += 1 }
        // mantissa × 10^(zeros + exponent − fractionDigits), with the last zeros counted instead of multiplied.
        var mantissa: UInt64 = 0
        var zeros = 0
        var fractionDigits = 0
        var isFraction = false
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: ".") {
                isFraction = true
            } else if ASCII.isDigit(byte) {
                if isFraction { fractionDigits += 1 }
                zeros += 1
                if byte != UInt8(ascii: "0") {
                    guard let next = Self.scaled(mantissa, zeros, adding: byte & 0x0f) else { return nil }
                    mantissa = next
                    zeros = 0
                }
            } else {
                break
            }
            index += 1
        }
        guard mantissa != 0 else { return 0 }
        let exponent = index < end ? Self.exponent(bytes, index + 1, end) : 0
        let power = zeros + exponent - fractionDigits
        guard power >= 0, let magnitude = Self.scaled(mantissa, power, adding: 0) else { return nil }
        if isNegative { return magnitude <= UInt64(Int.max) + 1 ? Int(truncatingIfNeeded: 0 &- magnitude) : nil }
        return Int(exactly: magnitude)
    }

    /// `value` × 10^`power` + `digit`; nil if it does not fit.
    private static func scaled(_ value: UInt64, _ power: Int, adding digit: UInt8) -> UInt64? {
        var result = value
        if result != 0 {
            guard power < 20 else { return nil }
            for _ in 0..<power {
                let (product, overflow) = result.multipliedReportingOverflow(by: 10)
                if overflow { return nil }
                result = product
            }
        }
        let (sum, overflow) = result.addingReportingOverflow(UInt64(digit))
        return overflow ? nil : sum
    }

    /// The exponent behind the letter; far beyond what matters it stops growing, so that sums of it stay small.
    private static func exponent(_ bytes: Span<UInt8>, _ start: Int, _ end: Int) -> Int {
        var index = start
        var isNegative = false
        var value = 0
        while index < end {
            let byte = bytes[index]
            if byte == UInt8(ascii: "-") { isNegative = true }
            if ASCII.isDigit(byte) { value = min(value * 10 + Int(byte & 0x0f), 1 << 40) }
            index += 1
        }
        return isNegative ? -value : value
    }
}
