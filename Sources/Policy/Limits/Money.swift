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
        let magnitude = picodollars.magnitude
        let unit = Self.picodollarsPerDollar.magnitude
        let decimals = String(magnitude % unit)
        var fraction = String(repeating: "0", count: 12 - decimals.utf8.count) + decimals
        while fraction.utf8.count > 2, fraction.hasSuffix("0") { fraction.removeLast() }
        return "\(picodollars < 0 ? "-" : "")\(magnitude / unit).\(fraction)"
    }
}
