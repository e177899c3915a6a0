/// When something happens, on both clocks that limits need. Whoever asks a limit reads the clocks.
public struct LimitTime: Equatable, Sendable {
    /// Nanoseconds on the boot clock, which never goes back and runs on while the machine sleeps: for rates.
    public var monotonic: Int64
    /// Seconds since 1970 in UTC, which somebody may set: for budgets, whose windows are those of the calendar.
    public var unixSeconds: Int64

    /// A moment.
    public init(monotonic: Int64, unixSeconds: Int64) {
        self.monotonic = monotonic
        self.unixSeconds = unixSeconds
    }
}

/// What a limit's number is per. The raw value is the file's word.
public enum LimitWindow: String, Sendable, CaseIterable {
    /// A second.
    case second = "s"
    /// A minute.
    case minute = "min"
    /// An hour.
    case hour = "h"
    /// A day.
    case day
    /// A month of the calendar: for budgets alone, because months differ in length.
    case month

    /// Its length; nil for a month.
    public var seconds: Int64? {
        switch self {
        case .second: 1
        case .minute: 60
        case .hour: 3600
        case .day: 86400
        case .month: nil
        }
    }

    /// The calendar's window in UTC that holds a moment, from its first second to the first one after it.
    public func interval(containing unixSeconds: Int64) -> Range<Int64> {
        // Some 30,000 years to either side: clocks that say more are broken, and here they do no harm.
        let moment = min(max(unixSeconds, -(1 << 40)), 1 << 40)
        if let seconds {
            let start = floorDivide(moment, seconds) * seconds
            return start..<start + seconds
        }
        let (year, month) = Self.month(ofDay: floorDivide(moment, 86400))
        let next = month == 12 ? (year + 1, Int64(1)) : (year, month + 1)
        return Self.firstDay(ofMonth: month, year: year) * 86400..<Self.firstDay(ofMonth: next.1, year: next.0) * 86400
    }

    /// The month that holds a day, counted from 1970-01-01: the proleptic Gregorian calendar in eras of 400 years, whose
    /// years begin in March so that the leap day is a year's last.
    private static func month(ofDay day: Int64) -> (year: Int64, month: Int64) {
        let shifted = day + 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let marchMonth = (5 * dayOfYear + 2) / 153
        let month = marchMonth < 10 ? marchMonth + 3 : marchMonth - 9
        return (yearOfEra + era * 400 + (month <= 2 ? 1 : 0), month)
    }

    private static func firstDay(ofMonth month: Int64, year: Int64) -> Int64 {
        let marchYear = month <= 2 ? year - 1 : year
        let era = floorDivide(marchYear, 400)
        let yearOfEra = marchYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}

/// Rounded towards the past, where `/` rounds towards zero.
private func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
    number >= 0 ? number / divisor : -((-number + divisor - 1) / divisor)
}
