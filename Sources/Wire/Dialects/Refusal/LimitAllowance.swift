/// How far one of a client's rates is used, as the providers' header fields tell it.
public struct LimitAllowance: Sendable, Equatable {
    /// What a rate counts.
    public enum Measure: Sendable, CaseIterable {
        /// Requests.
        case requests
        /// Input and output together.
        case tokens
        /// Input.
        case inputTokens
        /// Output.
        case outputTokens
    }

    /// What is counted.
    public var measure: Measure
    /// How many there are when nothing is used.
    public var limit: Int
    /// How many a request could still have; below 0 counts as 0.
    public var remaining: Int
    /// Nanoseconds until nothing is used any more; below 0 counts as 0.
    public var resetNanoseconds: Int64

    /// An allowance.
    public init(_ measure: Measure, limit: Int, remaining: Int, resetNanoseconds: Int64) {
        self.measure = measure
        self.limit = limit
        self.remaining = remaining
        self.resetNanoseconds = resetNanoseconds
    }

    /// The quotient, rounded up; neither may be negative in the result.
    static func divided(_ value: Int64, by divisor: Int64) -> Int64 {
        value <= 0 ? 0 : (value - 1) / divisor + 1
    }

    /// A duration as OpenAI writes it, which is as Go does: `17ms`, `1.5s`, `6m0s`, `1h0m3s`.
    var goDuration: String {
        let milliseconds = Self.divided(resetNanoseconds, by: 1_000_000)
        if milliseconds < 1000 { return milliseconds == 0 ? "0s" : "\(milliseconds)ms" }
        let (seconds, rest) = milliseconds.quotientAndRemainder(dividingBy: 1000)
        var fraction = rest == 0 ? "" : "." + String(1000 + rest).dropFirst()
        while fraction.last == "0" { fraction.removeLast() }
        let (minutes, second) = seconds.quotientAndRemainder(dividingBy: 60)
        if minutes == 0 { return "\(second)\(fraction)s" }
        let (hours, minute) = minutes.quotientAndRemainder(dividingBy: 60)
        return hours == 0 ? "\(minute)m\(second)\(fraction)s" : "\(hours)h\(minute)m\(second)\(fraction)s"
    }

    /// The time of the reset as Anthropic writes it (RFC 3339, UTC, whole seconds).
    func resetTime(unixSeconds: Int64) -> String {
        let (sum, isOver) = unixSeconds.addingReportingOverflow(Self.divided(resetNanoseconds, by: 1_000_000_000))
        // The years that the format has digits for.
        return Self.time(isOver ? Self.unixSecondsMax : min(max(sum, 0), Self.unixSecondsMax))
    }

    /// The last second of the year 9999.
    private static let unixSecondsMax: Int64 = 253_402_300_799

    private static func time(_ unixSeconds: Int64) -> String {
        let (days, second) = unixSeconds.quotientAndRemainder(dividingBy: 86_400)
        // The proleptic Gregorian calendar from March on, in eras of 400 years, so that a leap day is a year's last.
        let day = days + 719_468
        let (era, dayOfEra) = day.quotientAndRemainder(dividingBy: 146_097)
        let year = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * year + year / 4 - year / 100)
        let month = (5 * dayOfYear + 2) / 153
        let civilMonth = month < 10 ? month + 3 : month - 9
        let civilYear = year + era * 400 + (civilMonth <= 2 ? 1 : 0)
        let date = "\(civilYear)-\(two(civilMonth))-\(two(dayOfYear - (153 * month + 2) / 5 + 1))"
        return "\(date)T\(two(second / 3600)):\(two(second / 60 % 60)):\(two(second % 60))Z"
    }

    private static func two(_ value: Int64) -> String { value < 10 ? "0\(value)" : "\(value)" }
}

extension APIFamily {
    /// The provider's own fields for how far a client's rates are used; none where the provider has no such fields.
    ///
    /// They go with a refusal, and with an answer that was let through. `unixSeconds` is the time.
    public func allowanceFields(
        _ allowances: [LimitAllowance], unixSeconds: Int64
    ) -> [(name: String, value: String)] {
        allowances.flatMap { allowance -> [(name: String, value: String)] in
            let limit = String(max(0, allowance.limit))
            let remaining = String(max(0, allowance.remaining))
            switch self {
            case .openai:
                guard let word = Self.openAIWord(allowance.measure) else { return [] }
                return [
                    ("x-ratelimit-limit-\(word)", limit), ("x-ratelimit-remaining-\(word)", remaining),
                    ("x-ratelimit-reset-\(word)", allowance.goDuration),
                ]
            case .anthropic:
                let name = "anthropic-ratelimit-\(Self.anthropicWord(allowance.measure))"
                return [
                    ("\(name)-limit", limit), ("\(name)-remaining", remaining),
                    ("\(name)-reset", allowance.resetTime(unixSeconds: unixSeconds)),
                ]
            case .gemini, .bedrock, .cohere: return []
            }
        }
    }

    private static func openAIWord(_ measure: LimitAllowance.Measure) -> String? {
        switch measure {
        case .requests: "requests"
        case .tokens: "tokens"
        case .inputTokens, .outputTokens: nil
        }
    }

    private static func anthropicWord(_ measure: LimitAllowance.Measure) -> String {
        switch measure {
        case .requests: "requests"
        case .tokens: "tokens"
        case .inputTokens: "input-tokens"
        case .outputTokens: "output-tokens"
        }
    }
}
