extension ProviderAllowance {
    /// Takes what one field says, if it is about limits.
    ///
    /// `unixSeconds` is the time of day.
    public mutating func take(name: Span<UInt8>, value: Span<UInt8>, unixSeconds: Int64) {
        guard let meaning = RateLimitFields.meaning(name) else { return }
        switch meaning {
        case .limit(let measure): self[measure].limit = RateLimitFields.count(value) ?? self[measure].limit
        case .remaining(let measure): self[measure].remaining = RateLimitFields.count(value) ?? self[measure].remaining
        case .reset(let measure):
            let span = RateLimitFields.span(value, unixSeconds: unixSeconds)
            self[measure].resetNanoseconds = span ?? self[measure].resetNanoseconds
        case .retryAfter:
            // The finer one wins, in any order.
            if retryAfterNanoseconds == nil {
                retryAfterNanoseconds = RateLimitFields.span(value, unixSeconds: unixSeconds)
            }
        case .retryAfterMilliseconds:
            retryAfterNanoseconds =
                RateLimitFields.decimal(value, unitNanoseconds: 1_000_000) ?? retryAfterNanoseconds
        case .shouldRetry:
            if RateLimitFields.isEqual(value, "true") { shouldRetry = true }
            if RateLimitFields.isEqual(value, "false") { shouldRetry = false }
        }
    }
}

/// The providers' fields about limits, and the ways in which they write spans of time.
enum RateLimitFields {
    /// What a field tells.
    enum Meaning {
        case limit(LimitAllowance.Measure)
        case remaining(LimitAllowance.Measure)
        case reset(LimitAllowance.Measure)
        case retryAfter
        case retryAfterMilliseconds
        case shouldRetry
    }

    /// In lower case.
    private static let names: [(name: StaticString, meaning: Meaning)] = [
        ("retry-after", .retryAfter), ("retry-after-ms", .retryAfterMilliseconds),
        ("x-ms-retry-after-ms", .retryAfterMilliseconds), ("x-should-retry", .shouldRetry),
        // OpenAI, Azure, Groq, xAI, Fireworks, Cerebras.
        ("x-ratelimit-limit-requests", .limit(.requests)), ("x-ratelimit-limit-tokens", .limit(.tokens)),
        ("x-ratelimit-remaining-requests", .remaining(.requests)),
        ("x-ratelimit-remaining-tokens", .remaining(.tokens)),
        ("x-ratelimit-reset-requests", .reset(.requests)), ("x-ratelimit-reset-tokens", .reset(.tokens)),
        // Anthropic.
        ("anthropic-ratelimit-requests-limit", .limit(.requests)),
        ("anthropic-ratelimit-requests-remaining", .remaining(.requests)),
        ("anthropic-ratelimit-requests-reset", .reset(.requests)),
        ("anthropic-ratelimit-tokens-limit", .limit(.tokens)),
        ("anthropic-ratelimit-tokens-remaining", .remaining(.tokens)),
        ("anthropic-ratelimit-tokens-reset", .reset(.tokens)),
        ("anthropic-ratelimit-input-tokens-limit", .limit(.inputTokens)),
        ("anthropic-ratelimit-input-tokens-remaining", .remaining(.inputTokens)),
        ("anthropic-ratelimit-input-tokens-reset", .reset(.inputTokens)),
        ("anthropic-ratelimit-output-tokens-limit", .limit(.outputTokens)),
        ("anthropic-ratelimit-output-tokens-remaining", .remaining(.outputTokens)),
        ("anthropic-ratelimit-output-tokens-reset", .reset(.outputTokens)),
        // OpenRouter, Together, and the IETF's draft.
        ("x-ratelimit-limit", .limit(.requests)), ("x-ratelimit-remaining", .remaining(.requests)),
        ("x-ratelimit-reset", .reset(.requests)),
        ("ratelimit-limit", .limit(.requests)), ("ratelimit-remaining", .remaining(.requests)),
        ("ratelimit-reset", .reset(.requests)),
    ]

    /// What a field of that name tells; nil where it is not about limits.
    static func meaning(_ name: Span<UInt8>) -> Meaning? {
        // All begin with one of three letters, and most fields of an answer with another.
        guard name.count >= 11 else { return nil }
        switch ASCII.lowercased(name[0]) {
        case UInt8(ascii: "a"), UInt8(ascii: "r"), UInt8(ascii: "x"): break
        default: return nil
        }
        for row in names where row.name.utf8CodeUnitCount == name.count && ASCII.equalFolded(name, 0, row.name) {
            return row.meaning
        }
        return nil
    }

    static func isEqual(_ value: Span<UInt8>, _ word: StaticString) -> Bool {
        value.count == word.utf8CodeUnitCount && ASCII.equalFolded(value, 0, word)
    }

    /// A whole number; nil for anything else. More than an `Int` holds is as many as it holds.
    static func count(_ value: Span<UInt8>) -> Int? {
        guard !value.isEmpty else { return nil }
        var number = 0
        for index in value.indices {
            guard ASCII.isDigit(value[index]) else { return nil }
            let (product, overflows) = number.multipliedReportingOverflow(by: 10)
            let (sum, isTooMuch) = product.addingReportingOverflow(Int(value[index] & 0x0f))
            number = overflows || isTooMuch ? Int.max : sum
        }
        return number
    }

    /// A span as providers write it, in nanoseconds: `6m0s`, `1.5s`, `20ms`; plain seconds; a moment as RFC 3339 or HTTP
    /// write it, or in seconds or milliseconds since 1970. A moment that is over is 0; nil for anything else.
    static func span(_ value: Span<UInt8>, unixSeconds: Int64) -> Int64? {
        guard let last = value.isEmpty ? nil : value[value.count - 1] else { return nil }
        if ASCII.isDigit(last), let span = decimal(value, unitNanoseconds: 1_000_000_000) {
            let wholeSeconds = count(value) ?? 0
            // No wait has a billion seconds, and no time since 1970 fewer today.
            if wholeSeconds >= 1_000_000_000_000 { return until(Int64(wholeSeconds / 1000), unixSeconds) }
            return wholeSeconds >= 1_000_000_000 ? until(Int64(wholeSeconds), unixSeconds) : span
        }
        if let moment = TimeText.unixSeconds(value) { return until(moment, unixSeconds) }
        return duration(value)
    }

    private static func until(_ moment: Int64, _ unixSeconds: Int64) -> Int64 {
        let (left, overflows) = moment.subtractingReportingOverflow(unixSeconds)
        guard !overflows, left > 0 else { return 0 }
        return clipped(left, unitNanoseconds: 1_000_000_000)
    }

    private static func clipped(_ units: Int64, unitNanoseconds: Int64) -> Int64 {
        let (product, overflows) = units.multipliedReportingOverflow(by: unitNanoseconds)
        return overflows ? ProviderAllowance.spanNanosecondsMax : min(product, ProviderAllowance.spanNanosecondsMax)
    }

    /// A decimal number of units, at most ``ProviderAllowance/spanNanosecondsMax``; nil for anything else.
    static func decimal(_ value: Span<UInt8>, unitNanoseconds: Int64) -> Int64? {
        var index = 0
        guard let (span, _) = decimal(value, &index, unitNanoseconds), index == value.count else { return nil }
        return span
    }

    /// The number from `index` on, in units and as nanoseconds; goes behind it.
    private static func decimal(
        _ value: Span<UInt8>, _ index: inout Int, _ unitNanoseconds: Int64
    ) -> (span: Int64, digitCount: Int)? {
        var units: Int64 = 0
        var digitCount = 0
        while index < value.count, ASCII.isDigit(value[index]) {
            // Far beyond every limit, and far below what overflows.
            units = min(units * 10 + Int64(value[index] & 0x0f), 1 << 55)
            digitCount += 1
            index += 1
        }
        guard digitCount > 0 else { return nil }
        var span = clipped(units, unitNanoseconds: unitNanoseconds)
        guard index < value.count, value[index] == UInt8(ascii: ".") else { return (span, digitCount) }
        index += 1
        var scale = unitNanoseconds
        let fractionStart = index
        while index < value.count, ASCII.isDigit(value[index]) {
            scale /= 10
            span += Int64(value[index] & 0x0f) * scale
            index += 1
        }
        guard index > fractionStart else { return nil }
        return (min(span, ProviderAllowance.spanNanosecondsMax), digitCount)
    }

    /// A duration as Go writes it: numbers with units, the larger first.
    private static func duration(_ value: Span<UInt8>) -> Int64? {
        var sum: Int64 = 0
        var index = 0
        while index < value.count {
            let start = index
            // The unit stands behind the number, so the number is read twice.
            guard decimal(value, &index, 1) != nil else { return nil }
            let unitStart = index
            while index < value.count, ASCII.isLetter(value[index]) || value[index] >= 0x80 { index += 1 }
            guard let unit = unit(value.extracting(unitStart..<index)) else { return nil }
            guard let span = decimal(value.extracting(start..<unitStart), unitNanoseconds: unit) else { return nil }
            sum = min(sum + span, ProviderAllowance.spanNanosecondsMax)
        }
        return sum
    }

    private static let units: [(name: StaticString, nanoseconds: Int64)] = [
        ("ns", 1), ("us", 1000), ("µs", 1000), ("ms", 1_000_000), ("s", 1_000_000_000), ("m", 60_000_000_000),
        ("h", 3_600_000_000_000), ("d", 86_400_000_000_000),
    ]

    private static func unit(_ name: Span<UInt8>) -> Int64? {
        for unit in units where unit.name.utf8CodeUnitCount == name.count && ASCII.equal(name, 0, unit.name) {
            return unit.nanoseconds
        }
        return nil
    }
}
