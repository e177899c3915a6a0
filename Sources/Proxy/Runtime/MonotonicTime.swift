import Glibc

/// A point on the monotonic clock, in nanoseconds. Not related to the time of day.
struct MonotonicTime: Comparable, Sendable {
    /// Nanoseconds since some point before the process began.
    var nanoseconds: UInt64

    /// Later than every deadline.
    static let never = MonotonicTime(nanoseconds: .max)

    /// The clock now.
    static func current() -> MonotonicTime {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_MONOTONIC, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// The clock that also runs while the machine sleeps (CLOCK_BOOTTIME). Not to be compared with ``current()``.
    static func sinceBoot() -> MonotonicTime {
        var time = timespec()
        _ = unsafe clock_gettime(CLOCK_BOOTTIME, &time)
        return MonotonicTime(nanoseconds: UInt64(time.tv_sec) &* 1_000_000_000 &+ UInt64(time.tv_nsec))
    }

    /// Whole seconds on the same clock.
    var seconds: Int64 { Int64(clamping: nanoseconds / 1_000_000_000) }

    /// `span` later, or ``never`` when that is beyond the clock.
    func advanced(by span: Nanoseconds) -> MonotonicTime {
        let (sum, overflow) = nanoseconds.addingReportingOverflow(span.count)
        return overflow ? .never : MonotonicTime(nanoseconds: sum)
    }

    /// `span` before; nil when that is before the clock began.
    func earlier(by span: Nanoseconds) -> MonotonicTime? {
        nanoseconds >= span.count ? MonotonicTime(nanoseconds: nanoseconds - span.count) : nil
    }

    /// The time from `earlier` to here; zero if `earlier` is later.
    func since(_ earlier: MonotonicTime) -> Nanoseconds {
        Nanoseconds(count: nanoseconds > earlier.nanoseconds ? nanoseconds - earlier.nanoseconds : 0)
    }

    static func < (left: MonotonicTime, right: MonotonicTime) -> Bool { left.nanoseconds < right.nanoseconds }
}

/// A span of time as a plain number, for the paths where a `Duration`'s 128 bits would be felt.
struct Nanoseconds: Comparable, Sendable {
    /// How many.
    var count: UInt64

    init(count: UInt64) { self.count = count }

    /// A negative duration counts as zero.
    init(_ duration: Duration) {
        let parts = duration.components
        let whole = parts.seconds.multipliedReportingOverflow(by: 1_000_000_000)
        let sum = whole.partialValue.addingReportingOverflow(parts.attoseconds / 1_000_000_000)
        count = whole.overflow || sum.overflow ? .max : UInt64(max(0, sum.partialValue))
    }

    /// In milliseconds with their fraction.
    var milliseconds: Double { Double(count) / 1_000_000 }
    /// In whole microseconds.
    var microseconds: UInt64 { count / 1000 }

    static func < (left: Nanoseconds, right: Nanoseconds) -> Bool { left.count < right.count }
}
