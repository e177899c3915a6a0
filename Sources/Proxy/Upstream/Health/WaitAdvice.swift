import Wire

/// What an answer says about trying again.
struct WaitAdvice: Equatable, Sendable {
    /// How long to wait; nil: it does not say.
    var wait: Nanoseconds?
    /// `x-should-retry`, which overrides everything in the SDKs that know it; nil: it does not say.
    var mayRetry: Bool?

    /// Nothing.
    init() {}

    /// Reads `retry-after-ms`, which is the finer one, `Retry-After` (RFC 9110 section 10.2.3) and `x-should-retry`. What
    /// cannot be read says nothing.
    ///
    /// - Parameter unixSeconds: the time of day, for a Retry-After that names a moment.
    init(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, unixSeconds: Int64) {
        for field in head.fields {
            let name = bytes.extracting(field.name)
            let value = bytes.extracting(field.value)
            if field.known == .retryAfter {
                if wait == nil { wait = Self.retryAfter(value, unixSeconds) }
            } else if name.equals(ignoringCase: "retry-after-ms") {
                wait = Self.nanoseconds(value, in: 1_000_000) ?? wait
            } else if name.equals(ignoringCase: "x-should-retry") {
                if value.equals(ignoringCase: "true") { mayRetry = true }
                if value.equals(ignoringCase: "false") { mayRetry = false }
            }
        }
    }

    private static func retryAfter(_ value: Span<UInt8>, _ unixSeconds: Int64) -> Nanoseconds? {
        if let span = nanoseconds(value, in: 1_000_000_000) { return span }
        guard let moment = HTTPDate.unixSeconds(value) else { return nil }
        let (left, overflow) = moment.subtractingReportingOverflow(unixSeconds)
        // A moment that is over says that there is nothing to wait for.
        return overflow ? nil : Nanoseconds(.seconds(max(left, 0)))
    }

    /// A decimal number of units, fraction allowed as some providers write it, of at most a year or so.
    private static func nanoseconds(_ value: Span<UInt8>, in unit: UInt64) -> Nanoseconds? {
        var whole: UInt64 = 0
        var fraction: UInt64 = 0
        var scale = unit
        var digitCount = 0
        var hasPoint = false
        for index in value.indices {
            let byte = value[index]
            if byte == UInt8(ascii: "."), !hasPoint, digitCount > 0 {
                hasPoint = true
                continue
            }
            guard byte >= 0x30, byte <= 0x39 else { return nil }
            let digit = UInt64(byte - 0x30)
            if hasPoint {
                scale /= 10
                fraction += digit * scale
            } else {
                digitCount += 1
                guard digitCount <= 10 else { return nil }
                whole = whole * 10 + digit
            }
        }
        guard digitCount > 0 else { return nil }
        let (product, overflow) = whole.multipliedReportingOverflow(by: unit)
        let (sum, isTooMuch) = product.addingReportingOverflow(fraction)
        return overflow || isTooMuch ? nil : Nanoseconds(count: sum)
    }
}

/// Dates in header fields, in the form that RFC 9110 section 5.6.7 asks senders for: `Sun, 06 Nov 1994 08:49:37 GMT`.
enum HTTPDate {
    private static let byteCount = 29
    private static let months = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// Seconds since 1970; nil for anything that is not in this form. The name of the day is not compared with the date.
    static func unixSeconds(_ text: Span<UInt8>) -> Int64? {
        guard text.count == byteCount, text[3] == UInt8(ascii: ","),
            [4, 7, 11, 16, 25].allSatisfy({ text[$0] == UInt8(ascii: " ") }),
            [19, 22].allSatisfy({ text[$0] == UInt8(ascii: ":") }),
            text.extracting(26..<29).equals(ignoringCase: "gmt"),
            let day = number(text, 5..<7), let year = number(text, 12..<16), let hour = number(text, 17..<19),
            let minute = number(text, 20..<22), let second = number(text, 23..<25),
            let month = month(text.extracting(8..<11)), (1...31).contains(day), hour < 24, minute < 60, second <= 60
        else { return nil }
        return days(year: year, month: month, day: day) * 86_400 + hour * 3600 + minute * 60 + second
    }

    private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            guard text[index] >= 0x30, text[index] <= 0x39 else { return nil }
            value = value * 10 + Int64(text[index] - 0x30)
        }
        return value
    }

    private static func month(_ text: Span<UInt8>) -> Int64? {
        for (index, name) in months.enumerated() where text.equals(ignoringCase: name) { return Int64(index) + 1 }
        return nil
    }

    /// Days from 1970-01-01 in the Gregorian calendar, with years that begin in March so that the leap day is their last.
    private static func days(year: Int64, month: Int64, day: Int64) -> Int64 {
        let shifted = month > 2 ? year : year - 1
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        return era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
    }
}
