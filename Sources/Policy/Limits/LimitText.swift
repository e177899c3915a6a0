import Wire

/// How the file writes limits: "600/min", "200k/min burst 200k", "1.5M/day", "50 USD/month".
enum LimitText {
    /// Why a text is no limit, as the rest of a sentence: "must be …", or what is wrong with a part of it.
    struct Flaw: Error, Equatable {
        let reason: String
    }

    /// A number in a time, perhaps with a burst.
    struct Rate: Equatable {
        let count: Int
        let window: LimitWindow
        let burst: Int?
    }

    static let rateForm = "a rate like \"600/min\", \"200k/min burst 200k\" or \"1.5M/day\""
    static let budgetForm = "money in a window like \"50 USD/day\" or \"900 USD/month\""

    static func rate(_ text: String) throws(Flaw) -> Rate {
        let words = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let parts = words.first?.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) ?? []
        guard words.count == 1 || words.count == 3 && words[1].elementsEqual("burst".utf8), parts.count == 2 else {
            throw Flaw(reason: form(rateForm, text, meaning(ofRate: text)))
        }
        guard let count = count(parts[0]) else {
            throw Flaw(reason: form(rateForm, text, meaning(ofRate: text)))
        }
        let window = try window(parts[1], text, months: false)
        guard words.count == 3 else { return Rate(count: count, window: window, burst: nil) }
        guard let burst = self.count(words[2]) else {
            throw Flaw(reason: "has the burst \(String(Substring(words[2])).quoted): a whole number from 1 is needed")
        }
        return Rate(count: count, window: window, burst: burst)
    }

    static func budget(_ text: String) throws(Flaw) -> (money: Money, window: LimitWindow) {
        let words = text.utf8.split(separator: UInt8(ascii: " "), omittingEmptySubsequences: false)
        let parts = words.last?.split(separator: UInt8(ascii: "/"), omittingEmptySubsequences: false) ?? []
        guard words.count == 2, parts.count == 2, parts[0].elementsEqual("USD".utf8) else {
            throw Flaw(reason: form(budgetForm, text, meaning(ofBudget: text)))
        }
        guard let money = money(words[0]) else {
            let most = Money.dollarsMax
            throw Flaw(reason: "= \(text.quoted) needs from 0.000001 to \(most) dollars, with six decimals at most")
        }
        return (money, try window(parts[1], text, months: true))
    }

    /// A whole number of at least 1, perhaps in thousands or millions: "600", "200k", "1.5M".
    static func count(_ text: Substring.UTF8View) -> Int? {
        let scale: Int128
        switch text.last {
        case UInt8(ascii: "k"): scale = 1000
        case UInt8(ascii: "M"): scale = 1_000_000
        default: scale = 1
        }
        guard let millionths = millionths(scale == 1 ? text : text.dropLast()) else { return nil }
        let (count, rest) = (millionths * scale).quotientAndRemainder(dividingBy: 1_000_000)
        return rest == 0 && (1...Int128(LimitRule.countMax)).contains(count) ? Int(count) : nil
    }

    static func money(_ text: Substring.UTF8View) -> Money? {
        guard let millionths = millionths(text), 1...Money.dollarsMax * 1_000_000 ~= millionths else { return nil }
        return Money(picodollars: millionths * 1_000_000)
    }

    /// A decimal number with six decimals at most, in millionths.
    private static func millionths(_ text: Substring.UTF8View) -> Int128? {
        let parts = text.split(separator: UInt8(ascii: "."), omittingEmptySubsequences: false)
        guard (1...2).contains(parts.count), (1...16).contains(parts[0].count),
            parts.allSatisfy({ !$0.isEmpty && $0.allSatisfy(ASCII.isDigit) }), parts.count == 1 || parts[1].count <= 6,
            let whole = Int128(Substring(parts[0]))
        else { return nil }
        guard parts.count == 2 else { return whole * 1_000_000 }
        let padded = String(Substring(parts[1])) + String(repeating: "0", count: 6 - parts[1].count)
        return whole * 1_000_000 + (Int128(padded) ?? 0)
    }

    private static func window(
        _ text: Substring.UTF8View, _ whole: String, months: Bool
    ) throws(Flaw) -> LimitWindow {
        let word = String(Substring(text))
        if let window = LimitWindow(rawValue: word), months || window != .month { return window }
        let known = months ? "\"s\", \"min\", \"h\", \"day\" or \"month\"" : "\"s\", \"min\", \"h\" or \"day\""
        var clause = ""
        if let likely = likelyWindow(word) {
            if likely == .month, !months {
                clause = "; months are for budgets, the longest window of a rate is \"day\""
            } else {
                clause = ", did you mean \"\(likely.rawValue)\"?"
            }
        } else if let meaning = months ? meaning(ofBudget: whole) : meaning(ofRate: whole) {
            clause = ", did you mean \"\(meaning)\"?"
        } else if ["week", "weeks", "w", "fortnight", "fortnights", "year", "years", "y", "quarter"]
            .contains(ASCII.lowercased(word))
        {
            clause = months ? ": the nearest are \"day\" and \"month\"" : ": the nearest is \"day\""
        }
        throw Flaw(reason: "= \(whole.quoted) has the window \(word.quoted), which must be \(known)\(clause)")
    }

    private static func likelyWindow(_ word: String) -> LimitWindow? {
        switch ASCII.lowercased(word) {
        case "s", "sec", "secs", "second", "seconds": .second
        case "m", "mins", "min", "minute", "minutes": .minute
        case "h", "hr", "hrs", "hour", "hours": .hour
        case "d", "day", "days": .day
        case "mo", "mon", "month", "months": .month
        default: nil
        }
    }

    private static func form(_ form: String, _ text: String, _ meaning: String?) -> String {
        "must be \(form), not \(text.quoted)\(meaning.map { ", did you mean \"\($0)\"?" } ?? "")"
    }

    /// What "600 / minute", "200K/min", "600 per min", "600rpm" or "600/min, burst 50" was meant to be; nil for anything
    /// that leaves a doubt.
    private static func meaning(ofRate text: String) -> String? {
        guard let (number, rest) = leadingNumber(text) else { return nil }
        var words = rest.split(whereSeparator: { " ,;/()=:".contains($0) }).map { ASCII.lowercased(String($0)) }
        if words == ["rpm"] || words == ["tpm"] { return "\(number)/min" }
        if words == ["rps"] { return "\(number)/s" }
        words.removeAll { ["per", "a", "each", "requests", "request", "tokens", "token", "req", "tok"].contains($0) }
        guard let window = words.first.flatMap(likelyWindow), window != .month else { return nil }
        if words.count == 1 { return "\(number)/\(window.rawValue)" }
        guard words.count == 3, words[1] == "burst", count(words[2][...].utf8) != nil else { return nil }
        return "\(number)/\(window.rawValue) burst \(words[2])"
    }

    /// What "$50/day", "50/day", "50USD/day" or "50 dollars per day" was meant to be.
    private static func meaning(ofBudget text: String) -> String? {
        let bare = text.hasPrefix("$") ? String(text.dropFirst()) : text
        let digits = bare.utf8.prefix { ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }
        guard money(digits) != nil else { return nil }
        var words = Substring(bare.utf8.dropFirst(digits.count)).split(whereSeparator: { " /".contains($0) })
            .map { ASCII.lowercased(String($0)) }
        words.removeAll { ["usd", "$", "dollar", "dollars", "per", "a", "us$"].contains($0) }
        guard words.count == 1, let window = likelyWindow(words[0]) else { return nil }
        return "\(Substring(digits)) USD/\(window.rawValue)"
    }

    private static func leadingNumber(_ text: String) -> (number: String, rest: Substring)? {
        let trimmed = text.drop { $0 == " " }
        let digits = trimmed.utf8.prefix { ASCII.isDigit($0) || $0 == UInt8(ascii: ".") }
        var rest = Substring(trimmed.utf8.dropFirst(digits.count))
        var number = String(Substring(digits))
        if let letter = rest.first, "kKmM".contains(letter), rest.dropFirst().first.map({ !$0.isLetter }) ?? true,
            letter != "m"
        {
            number += letter == "M" ? "M" : "k"
            rest = rest.dropFirst()
        }
        return count(number[...].utf8) == nil ? nil : (number, rest)
    }
}
