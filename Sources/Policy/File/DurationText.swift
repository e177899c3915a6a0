/// How the file writes durations: one whole number and one unit, "500ms", "5s", "10m", "24h", "7d".
///
/// One form only, so that a value can be compared at a glance and searched for: "90m", neither "1h30m" nor "1.5h".
public enum DurationText {
    /// The units, smallest first, with their length in milliseconds.
    static let units: [(name: String, milliseconds: Int)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000),
    ]
    /// Enough for every limit in milliseconds; a longer number is a mistake in any unit.
    static let digitCountMax = 10

    /// Why a text is no duration.
    struct Flaw: Error, Equatable {
        /// The text that was probably meant.
        let meant: String?
    }

    static func parse(_ text: String) throws(Flaw) -> Duration {
        let digits = text.utf8.prefix(while: ASCII.isDigit)
        let unit = text.utf8.dropFirst(digits.count)
        if (1...digitCountMax).contains(digits.count), let count = Int(Substring(digits)),
            let match = units.first(where: { $0.name.utf8.elementsEqual(unit) })
        {
            return .milliseconds(count * match.milliseconds)
        }
        throw Flaw(meant: meaning(of: text))
    }

    /// The duration in the file's form, in the largest unit that leaves a whole number.
    public static func write(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        if attoseconds != 0 { return "\(seconds * 1000 + attoseconds / 1_000_000_000_000_000)ms" }
        if seconds == 0 { return "0s" }
        let unit = units.dropFirst().last { seconds % Int64($0.milliseconds / 1000) == 0 } ?? units[1]
        return "\(seconds / Int64(unit.milliseconds / 1000))\(unit.name)"
    }

    /// What "5 sec", "1h30m", "1.5h" or "5M" was meant to be; nil for anything that leaves a doubt.
    private static func meaning(of text: String) -> String? {
        var rest = ASCII.lowercased(text).utf8.filter { $0 != UInt8(ascii: " ") }[...]
        if rest.isEmpty || rest.count > 32 { return nil }
        var total = 0.0
        while !rest.isEmpty {
            let number = rest.prefix { ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }
            rest = rest.dropFirst(number.count)
            let word = rest.prefix(while: ASCII.isLetter)
            rest = rest.dropFirst(word.count)
            guard let count = Double(String(decoding: number, as: UTF8.self)),
                let length = length(ofUnit: String(decoding: word, as: UTF8.self))
            else { return nil }
            total += count * Double(length)
        }
        guard total <= 1e12, total == total.rounded(), let milliseconds = Int(exactly: total) else { return nil }
        return write(.milliseconds(milliseconds))
    }

    private static func length(ofUnit word: String) -> Int? {
        let name: String
        switch word {
        case "ms", "msec", "msecs", "millis", "millisecond", "milliseconds": name = "ms"
        case "s", "sec", "secs", "second", "seconds": name = "s"
        case "m", "min", "mins", "minute", "minutes": name = "m"
        case "h", "hr", "hrs", "hour", "hours": name = "h"
        case "d", "day", "days": name = "d"
        case "w", "week", "weeks": return 7 * 86_400_000
        default: return nil
        }
        return units.first { $0.name == name }?.milliseconds
    }
}
