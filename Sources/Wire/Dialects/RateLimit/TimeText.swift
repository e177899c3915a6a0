/// Moments as header fields write them.
enum TimeText {
    private static let months: [StaticString] = [
        "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ]

    /// Seconds since 1970 of a moment in HTTP's form, `Sun, 06 Nov 1994 08:49:37 GMT` (RFC 9110 5.6.7), or in RFC 3339's,
    /// `1994-11-06T08:49:37.5Z` or with an offset; nil for anything else. Fractions of a second are cut off.
    static func unixSeconds(_ text: Span<UInt8>) -> Int64? { http(text) ?? rfc3339(text) }

    private static func http(_ text: Span<UInt8>) -> Int64? {
        guard text.count == 29, text[3] == UInt8(ascii: ","), matches(text, [4, 7, 11, 16, 25], " "),
            matches(text, [19, 22], ":"), RateLimitFields.isEqual(text.extracting(26..<29), "gmt"),
            let month = month(text.extracting(8..<11)), let year = number(text, 12..<16)
        else { return nil }
        return moment(
            year: year, month: month, day: number(text, 5..<7), hour: number(text, 17..<19),
            minute: number(text, 20..<22), second: number(text, 23..<25))
    }

    private static func rfc3339(_ text: Span<UInt8>) -> Int64? {
        guard text.count >= 20, matches(text, [4, 7], "-"), matches(text, [13, 16], ":"),
            text[10] | 0x20 == UInt8(ascii: "t"), let year = number(text, 0..<4), let month = number(text, 5..<7),
            let moment = moment(
                year: year, month: month, day: number(text, 8..<10), hour: number(text, 11..<13),
                minute: number(text, 14..<16), second: number(text, 17..<19))
        else { return nil }
        var index = 19
        if text[index] == UInt8(ascii: ".") {
            index += 1
            while index < text.count, ASCII.isDigit(text[index]) { index += 1 }
        }
        guard index < text.count else { return nil }
        if text[index] | 0x20 == UInt8(ascii: "z") { return index + 1 == text.count ? moment : nil }
        guard text[index] == UInt8(ascii: "+") || text[index] == UInt8(ascii: "-"), text.count == index + 6,
            text[index + 3] == ASCII.colon, let hours = number(text, (index + 1)..<(index + 3)),
            let minutes = number(text, (index + 4)..<(index + 6))
        else { return nil }
        let offset = hours * 3600 + minutes * 60
        return text[index] == UInt8(ascii: "+") ? moment - offset : moment + offset
    }

    private static func matches(_ text: Span<UInt8>, _ places: [Int], _ mark: Unicode.Scalar) -> Bool {
        places.allSatisfy { text[$0] == UInt8(ascii: mark) }
    }

    private static func number(_ text: Span<UInt8>, _ range: Range<Int>) -> Int64? {
        var value: Int64 = 0
        for index in range {
            guard ASCII.isDigit(text[index]) else { return nil }
            value = value * 10 + Int64(text[index] & 0x0f)
        }
        return value
    }

    private static func month(_ name: Span<UInt8>) -> Int64? {
        for (index, month) in months.enumerated() where RateLimitFields.isEqual(name, month) { return Int64(index) + 1 }
        return nil
    }

    private static func moment(
        year: Int64, month: Int64, day: Int64?, hour: Int64?, minute: Int64?, second: Int64?
    ) -> Int64? {
        guard let day, let hour, let minute, let second, (1...12).contains(month), (1...31).contains(day), hour < 24,
            minute < 60, second <= 60
        else { return nil }
        // Years that begin in March have the leap day as their last, in eras of 400 years.
        let shifted = month > 2 ? year : year - 1
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let days = era * 146_097 + yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear - 719_468
        return days * 86_400 + hour * 3600 + minute * 60 + second
    }
}
