/// An instant in words, as certificates count them.
struct UTCDate: CustomStringConvertible {
    /// Seconds since 1970.
    let seconds: Int64

    /// The time by the system's clock.
    static func now() -> UTCDate { UTCDate(seconds: WallTime.now().secondsSinceEpoch) }

    /// "2026-01-31 12:00:00 UTC".
    var description: String {
        let time = CivilTime(secondsSinceEpoch: seconds)
        return "\(day) \(Self.two(time.hour)):\(Self.two(time.minute)):\(Self.two(time.second)) UTC"
    }

    /// "2026-01-31".
    var day: String {
        let time = CivilTime(secondsSinceEpoch: seconds)
        return "\(time.year)-\(Self.two(time.month))-\(Self.two(time.day))"
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
