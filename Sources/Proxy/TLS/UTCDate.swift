import Glibc

/// An instant in words, as certificates count them.
struct UTCDate: CustomStringConvertible {
    /// Seconds since 1970.
    let seconds: Int64

    /// The time by the system's clock. `time`
    static func now() -> UTCDate { UTCDate(seconds: Int64(time(nil))) }

    /// "2026-01-31 12:00:00 UTC".
    var description: String {
        let second = secondOfDay
        return "\(day) \(Self.two(second / 3600)):\(Self.two(second / 60 % 60)):\(Self.two(second % 60)) UTC"
    }

    /// "2026-01-31", by the proleptic Gregorian calendar.
    var day: String {
        // Years begin in March here, so that the leap day is the last of its year; 719,468 days lie between the first
        // of March of the year 0 and 1970. An era is 400 years, after which the calendar repeats.
        let days = (seconds - secondOfDay) / 86_400 + 719_468
        let era = (days >= 0 ? days : days - 146_096) / 146_097
        let dayOfEra = days - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        let month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return "\(year)-\(Self.two(month))-\(Self.two(dayOfYear - (153 * monthFromMarch + 2) / 5 + 1))"
    }

    private var secondOfDay: Int64 {
        let rest = seconds % 86_400
        return rest < 0 ? rest + 86_400 : rest
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}
