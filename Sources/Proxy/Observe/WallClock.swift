import Glibc
import Wire

/// A moment in UTC, for people and logs. Durations are measured on the monotonic clock instead.
struct WallTime: Equatable, Sendable {
    /// Seconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    var secondsSinceEpoch: Int64
    /// 0 to 999,999,999.
    var nanoseconds: Int32

    /// The system's clock (`clock_gettime`, CLOCK_REALTIME).
    static func now() -> WallTime {
        var time = timespec()
        unsafe clock_gettime(CLOCK_REALTIME, &time)
        return WallTime(secondsSinceEpoch: Int64(time.tv_sec), nanoseconds: Int32(truncatingIfNeeded: time.tv_nsec))
    }
}

/// A date of the Gregorian calendar and a time of day, in UTC.
struct CivilTime: Equatable, Sendable {
    var year: Int64
    var month: Int64
    var day: Int64
    var hour: Int64
    var minute: Int64
    var second: Int64

    /// 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: what RFC 3339 can write.
    static let secondsWritable: ClosedRange<Int64> = -62_167_219_200...253_402_300_799

    /// Converts without the C library, whose `gmtime_r` is no faster and knows about time zones.
    ///
    /// Counts in eras of 400 years that begin on the first of March, so the leap day is the last of its year. Moments
    /// that RFC 3339 cannot write become the nearest it can.
    init(secondsSinceEpoch: Int64) {
        let seconds = min(max(secondsSinceEpoch, Self.secondsWritable.lowerBound), Self.secondsWritable.upperBound)
        let daySeconds: Int64 = 86_400
        let secondOfDay = ((seconds % daySeconds) + daySeconds) % daySeconds
        hour = secondOfDay / 3600
        minute = secondOfDay / 60 % 60
        second = secondOfDay % 60

        let daysPerEra: Int64 = 146_097
        // 719,468 days lie between 0000-03-01 and 1970-01-01; one era more keeps the sum above zero.
        let days = (seconds - secondOfDay) / daySeconds + 719_468 + daysPerEra
        let dayOfEra = days % daysPerEra
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let monthFromMarch = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * monthFromMarch + 2) / 5 + 1
        month = monthFromMarch < 10 ? monthFromMarch + 3 : monthFromMarch - 9
        year = yearOfEra + (days / daysPerEra - 1) * 400 + (month <= 2 ? 1 : 0)
    }
}

/// Writes moments as RFC 3339 text in UTC with milliseconds, `2025-01-31T23:59:59.123Z`.
///
/// Keeps the text of the second it wrote last, since a busy log writes the same second many times.
struct TimestampText: Sendable {
    private var second: Int64?
    private var text = InlineArray<20, UInt8>(repeating: 0)

    /// Adds 24 bytes to `out`.
    mutating func append(_ time: WallTime, to out: inout ByteQueue) {
        if second != time.secondsSinceEpoch { render(time.secondsSinceEpoch) }
        out.append(text.span)
        let milliseconds = UInt32(min(max(time.nanoseconds, 0), 999_999_999)) / 1_000_000
        out.append(48 + UInt8(milliseconds / 100))
        out.append(48 + UInt8(milliseconds / 10 % 10))
        out.append(48 + UInt8(milliseconds % 10))
        out.append(0x5A)
    }

    /// Renders up to and including the point before the milliseconds.
    private mutating func render(_ secondsSinceEpoch: Int64) {
        let time = CivilTime(secondsSinceEpoch: secondsSinceEpoch)
        put(time.year, digits: 4, at: 0, then: 0x2D)
        put(time.month, digits: 2, at: 5, then: 0x2D)
        put(time.day, digits: 2, at: 8, then: 0x54)
        put(time.hour, digits: 2, at: 11, then: 0x3A)
        put(time.minute, digits: 2, at: 14, then: 0x3A)
        put(time.second, digits: 2, at: 17, then: 0x2E)
        second = secondsSinceEpoch
    }

    private mutating func put(_ value: Int64, digits: Int, at position: Int, then separator: UInt8) {
        var rest = value
        for place in stride(from: position + digits - 1, through: position, by: -1) {
            text[place] = 48 + UInt8(rest % 10)
            rest /= 10
        }
        text[position + digits] = separator
    }
}
