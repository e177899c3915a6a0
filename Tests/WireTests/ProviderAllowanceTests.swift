import Testing

@testable import Wire

/// What providers say of their own limits.
@Suite("A provider's allowance")
struct ProviderAllowanceTests {
    /// 2026-01-01T00:00:00Z.
    private static let now: Int64 = 1_767_225_600
    private static let second: Int64 = 1_000_000_000

    private static func read(_ fields: [(String, String)]) -> ProviderAllowance {
        var allowance = ProviderAllowance()
        for (name, value) in fields {
            allowance.take(name: Array(name.utf8).span, value: Array(value.utf8).span, unixSeconds: now)
        }
        return allowance
    }

    private static func rate(_ limit: Int?, _ remaining: Int?, _ reset: Int64?) -> ProviderAllowance.Rate {
        var rate = ProviderAllowance.Rate()
        rate.limit = limit
        rate.remaining = remaining
        rate.resetNanoseconds = reset
        return rate
    }

    @Test("is read from OpenAI's fields")
    func openAI() {
        let allowance = Self.read([
            ("x-ratelimit-limit-requests", "60"), ("X-RateLimit-Remaining-Requests", "59"),
            ("x-ratelimit-reset-requests", "1s"), ("x-ratelimit-limit-tokens", "150000"),
            ("x-ratelimit-remaining-tokens", "0"), ("x-ratelimit-reset-tokens", "6m0s"), ("x-request-id", "7"),
        ])
        #expect(allowance.requests == Self.rate(60, 59, Self.second))
        #expect(allowance.tokens == Self.rate(150_000, 0, 360 * Self.second))
        #expect(allowance.waitNanoseconds == 360 * Self.second)
    }

    @Test("is read from Anthropic's fields")
    func anthropic() {
        let allowance = Self.read([
            ("anthropic-ratelimit-requests-limit", "50"), ("anthropic-ratelimit-requests-remaining", "49"),
            ("anthropic-ratelimit-requests-reset", "2026-01-01T00:00:01Z"),
            ("anthropic-ratelimit-input-tokens-limit", "40000"),
            ("anthropic-ratelimit-input-tokens-remaining", "0"),
            ("anthropic-ratelimit-input-tokens-reset", "2026-01-01T00:01:00Z"),
            ("anthropic-ratelimit-output-tokens-limit", "8000"),
            ("anthropic-ratelimit-output-tokens-remaining", "8000"),
            ("anthropic-ratelimit-output-tokens-reset", "2025-12-31T23:59:59Z"),
            ("anthropic-ratelimit-tokens-remaining", "48000"),
        ])
        #expect(allowance.requests == Self.rate(50, 49, Self.second))
        #expect(allowance[.inputTokens] == Self.rate(40_000, 0, 60 * Self.second))
        #expect(allowance[.outputTokens] == Self.rate(8000, 8000, 0))
        #expect(allowance[.tokens].remaining == 48_000)
        #expect(allowance.waitNanoseconds == 60 * Self.second)
    }

    @Test(
        "takes the finer of two waits, in any order",
        arguments: [
            ([("retry-after", "2"), ("retry-after-ms", "1500")], 1_500_000_000),
            ([("retry-after-ms", "1500.5"), ("Retry-After", "2")], 1_500_500_000),
            ([("retry-after", "20")], 20_000_000_000), ([("retry-after", "0.5")], 500_000_000),
            ([("retry-after", "Thu, 01 Jan 2026 00:00:30 GMT")], 30_000_000_000),
            ([("retry-after", "Wed, 31 Dec 2025 00:00:30 GMT")], 0), ([("retry-after", "0")], 0),
            ([("retry-after", "99999999")], ProviderAllowance.spanNanosecondsMax),
            ([("retry-after", "2"), ("retry-after-ms", "soon")], 2_000_000_000),
            ([("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767225605000")], 5_000_000_000),
            ([("x-ratelimit-remaining", "0"), ("x-ratelimit-reset", "1767225605")], 5_000_000_000),
            ([("ratelimit-remaining", "0"), ("ratelimit-reset", "7")], 7_000_000_000),
        ] as [([(String, String)], Int64)])
    func waits(_ fields: [(String, String)], _ nanoseconds: Int64) {
        #expect(Self.read(fields).waitNanoseconds == nanoseconds)
    }

    @Test("asks for no wait where nothing is used up, or nothing is said")
    func noWait() {
        #expect(
            Self.read([("x-ratelimit-remaining-tokens", "1"), ("x-ratelimit-reset-tokens", "6m0s")]).waitNanoseconds
                == nil)
        #expect(Self.read([("x-ratelimit-remaining-tokens", "0")]).waitNanoseconds == nil)
        #expect(Self.read([]) == ProviderAllowance())
        #expect(Self.read([("x-should-retry", "False")]).shouldRetry == false)
        #expect(Self.read([("x-should-retry", "true")]).shouldRetry == true)
        #expect(Self.read([("x-should-retry", "maybe")]).shouldRetry == nil)
    }

    @Test(
        "reads spans of time in all the ways in which they are written",
        arguments: [
            ("1s", 1_000_000_000), ("20ms", 20_000_000), ("8.64s", 8_640_000_000), ("2m59.56s", 179_560_000_000),
            ("1h0m3s", 3_603_000_000_000), ("1d2h", 93_600_000_000_000), ("500us", 500_000), ("500µs", 500_000),
            ("17ns", 17), ("0s", 0), ("0", 0), ("34.074824224s", 34_074_824_224), ("1.0000000001s", 1_000_000_000),
            ("12", 12_000_000_000), ("2026-01-01T00:00:02.25Z", 2_000_000_000),
            ("2026-01-01T01:00:02+01:00", 2_000_000_000),
            ("2025-12-31T23:00:02-01:00", 2_000_000_000), ("1994-11-06T08:49:37Z", 0),
            ("99999999999999999999999s", ProviderAllowance.spanNanosecondsMax),
            ("9999999999999999h9999999999999999h", ProviderAllowance.spanNanosecondsMax),
            ("9999-12-31T23:59:59Z", ProviderAllowance.spanNanosecondsMax),
        ] as [(String, Int64)])
    func spans(_ text: String, _ nanoseconds: Int64) {
        #expect(RateLimitFields.span(Array(text.utf8).span, unixSeconds: Self.now) == nanoseconds)
    }

    @Test(
        "takes anything else for nothing",
        arguments: [
            "", " ", "-1", "-1s", "+5", "1.s", ".5s", "5x", "s", "1 s", "soon", "1m-2s", "2026-13-01T00:00:00Z",
            "2026-01-32T00:00:00Z", "2026-01-01T24:00:00Z", "2026-01-01T00:00:00", "2026-01-01T00:00:00+1",
            "Sun, 06 Foo 1994 08:49:37 GMT", "Sun, 06 Nov 1994 08:49:37 CET", "Sunday, 06-Nov-94 08:49:37 GMT", "µ",
            "1µ",
            "0x10", "1e3", "NaN",
        ])
    func nothing(_ text: String) {
        #expect(RateLimitFields.span(Array(text.utf8).span, unixSeconds: Self.now) == nil)
        #expect(Self.read([("retry-after", text), ("x-ratelimit-remaining-tokens", text)]) == ProviderAllowance())
    }

    @Test("has as many left as it can count")
    func large() {
        #expect(Self.read([("x-ratelimit-remaining-tokens", "99999999999999999999")]).tokens.remaining == Int.max)
    }

    @Test("is read from the head of an answer")
    func head() throws {
        let text =
            "HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nx-ratelimit-limit-tokens: 9\r\nContent-Length: 0\r\n\r\n"
        let wire = Array(text.utf8)
        var head = HTTP1Head(.response)
        let isComplete = try head.parse(wire.span)
        try #require(isComplete)
        let allowance = ProviderAllowance(head, from: wire.span, unixSeconds: Self.now)
        #expect(allowance.waitNanoseconds == 3 * Self.second)
        #expect(allowance.tokens.limit == 9)
    }
}
