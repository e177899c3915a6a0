/// An amount of US dollars, exact: whole picodollars, in which the price of one token is a whole number for every price
/// per million tokens of up to six decimals. Sums are never rounded.
public struct Money: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Millionths of a millionth of a dollar. 128 bits hold more dollars than there are; 64 would end at 9 million.
    public let picodollars: Int128

    /// An amount.
    public init(picodollars: Int128) { self.picodollars = picodollars }

    /// Nothing.
    public static let zero = Money(picodollars: 0)
    /// How many of them are a dollar.
    public static let picodollarsPerDollar: Int128 = 1_000_000_000_000
    /// The largest amount that a file may name, 10^9 dollars; sums of far more than one of it are safe.
    static let dollarsMax: Int128 = 1_000_000_000

    /// Both together; beyond 10^26 dollars it stays there.
    public static func + (left: Money, right: Money) -> Money {
        let (sum, overflow) = left.picodollars.addingReportingOverflow(right.picodollars)
        return Money(picodollars: overflow ? (right.picodollars > 0 ? .max : .min) : sum)
    }

    /// What is left of the first; beyond 10^26 dollars it stays there.
    public static func - (left: Money, right: Money) -> Money {
        let (difference, overflow) = left.picodollars.subtractingReportingOverflow(right.picodollars)
        return Money(picodollars: overflow ? (right.picodollars > 0 ? .min : .max) : difference)
    }

    /// Adds to an amount.
    public static func += (left: inout Money, right: Money) { left = left + right }

    /// The order of amounts.
    public static func < (left: Money, right: Money) -> Bool { left.picodollars < right.picodollars }

    /// In millionths of a dollar, rounded to the nearest, halves away from zero; for metrics.
    public var microdollars: Int64 {
        let (whole, rest) = picodollars.quotientAndRemainder(dividingBy: 1_000_000)
        let rounding: Int128 = rest >= 500_000 ? 1 : rest <= -500_000 ? -1 : 0
        return Int64(clamping: whole + rounding)
    }

    /// Dollars with as many decimals as there are, at least two: "50.00", "0.000125".
    public var description: String {
        let (dollars, rest) = picodollars.magnitude.quotientAndRemainder(
            dividingBy: Self.picodollarsPerDollar.magnitude)
        // Every exchange's line has one of these, and text that is put together from texts takes twenty times as long.
        var fraction = UInt64(rest)
        var digits = 12
        while digits > 2, fraction % 10 == 0 {
            fraction /= 10
            digits -= 1
        }
        var text: [UInt8] = []
        text.reserveCapacity(48)
        if picodollars < 0 { text.append(UInt8(ascii: "-")) }
        text.append(contentsOf: (UInt64(exactly: dollars).map { String($0) } ?? String(dollars)).utf8)
        text.append(UInt8(ascii: "."))
        let start = text.count
        for _ in 0..<digits { text.append(UInt8(ascii: "0")) }
        var index = text.count
        while index > start {
            index -= 1
            text[index] = UInt8(ascii: "0") + UInt8(fraction % 10)
            fraction /= 10
        }
        return String(decoding: text, as: UTF8.self)
    }
}
