import Testing

@testable import Wire

@Suite("A refusal")
struct RefusalTests {
    private static let now: Int64 = 1_790_000_000
    private static let allowances = [
        LimitAllowance(.requests, limit: 600, remaining: 0, resetNanoseconds: 59_900_000_001),
        LimitAllowance(.tokens, limit: 200_000, remaining: 1234, resetNanoseconds: 360_000_000_000),
        LimitAllowance(.inputTokens, limit: 10, remaining: -5, resetNanoseconds: -1),
    ]

    private static func refusal(_ kind: RefusalKind, after nanoseconds: Int64? = nil) -> Refusal {
        Refusal(kind, code: "limit_x", message: "leo: \"no\"", retryAfterNanoseconds: nanoseconds)
    }

    private static func text(_ refusal: Refusal, _ api: APIFamily) -> String {
        String(decoding: refusal.body(api), as: UTF8.self)
    }

    private static func lines(_ refusal: Refusal, _ api: APIFamily) -> [String] {
        refusal.fields(api, unixSeconds: now).map { "\($0.name): \($0.value)" }
    }

    @Test(
        "has the status that the provider's SDKs understand",
        arguments: [
            (.rate, 429), (.concurrency, 429), (.budget, 429), (.neverFits, 400), (.policy, 403), (.tooLarge, 413),
            (.uninspectable, 400),
        ] as [(RefusalKind, Int)])
    func status(kind: RefusalKind, status: Int) {
        for api in APIFamily.allCases {
            var expected = status
            if kind == .budget, api == .bedrock { expected = 400 }
            if kind == .budget, api == .cohere { expected = 402 }
            #expect(Self.refusal(kind).status(api) == expected)
        }
    }

    @Test("says how long to wait, rounded up, and to try again or not")
    func waits() {
        #expect(
            Self.lines(Self.refusal(.rate, after: 1_000_000_001), .cohere) == [
                "Retry-After: 2", "retry-after-ms: 1001",
            ])
        #expect(Self.lines(Self.refusal(.rate, after: 0), .cohere) == ["Retry-After: 1", "retry-after-ms: 1"])
        #expect(Self.lines(Self.refusal(.rate, after: -7), .cohere) == ["Retry-After: 1", "retry-after-ms: 1"])
        #expect(
            Self.lines(Self.refusal(.rate, after: 60_000_000_000), .cohere)
                == ["Retry-After: 60", "retry-after-ms: 60000"])
        #expect(
            Self.lines(Self.refusal(.rate, after: 60_000_000_001), .cohere)
                == ["x-should-retry: false", "Retry-After: 61", "retry-after-ms: 60001"])
        #expect(Self.lines(Self.refusal(.concurrency), .cohere) == ["Retry-After: 1", "retry-after-ms: 1000"])
        #expect(
            Self.lines(Self.refusal(.rate, after: .max), .cohere)
                == ["x-should-retry: false", "Retry-After: 9223372037", "retry-after-ms: 9223372036855"])
        #expect(
            Self.lines(Self.refusal(.budget, after: 3_000_000_000), .cohere)
                == ["x-should-retry: false", "Retry-After: 3", "retry-after-ms: 3000"])
    }

    @Test("tells nobody to wait where that does not help")
    func permanent() {
        for kind in [RefusalKind.budget, .neverFits, .policy, .tooLarge, .uninspectable] {
            for api in [APIFamily.openai, .anthropic, .gemini, .cohere] {
                #expect(Self.lines(Self.refusal(kind), api) == ["x-should-retry: false"])
            }
        }
    }

    @Test("is OpenAI's: rates by their code, a budget as the quota that it is")
    func openAI() {
        func body(_ type: String, _ code: String) -> String {
            #"{"error":{"message":"leo: \"no\"","type":"\#(type)","param":null,"code":"\#(code)"}}"#
        }
        for (measure, type) in [
            (.requests, "requests"), (.tokens, "tokens"), (.inputTokens, "tokens"), (.outputTokens, "tokens"),
            (nil, "requests"),
        ] as [(LimitAllowance.Measure?, String)] {
            var refusal = Self.refusal(.rate)
            refusal.measure = measure
            #expect(Self.text(refusal, .openai) == body(type, "rate_limit_exceeded"))
        }
        #expect(Self.text(Self.refusal(.concurrency), .openai) == body("requests", "rate_limit_exceeded"))
        #expect(Self.text(Self.refusal(.budget), .openai) == body("insufficient_quota", "insufficient_quota"))
        #expect(Self.text(Self.refusal(.policy), .openai) == body("permission_error", "limit_x"))
        for kind in [RefusalKind.neverFits, .tooLarge, .uninspectable] {
            #expect(Self.text(Self.refusal(kind), .openai) == body("invalid_request_error", "limit_x"))
        }
    }

    @Test(
        "is Anthropic's",
        arguments: [
            (.rate, "rate_limit_error"), (.concurrency, "rate_limit_error"), (.budget, "rate_limit_error"),
            (.neverFits, "invalid_request_error"), (.policy, "permission_error"), (.tooLarge, "request_too_large"),
            (.uninspectable, "invalid_request_error"),
        ] as [(RefusalKind, String)])
    func anthropic(kind: RefusalKind, type: String) {
        #expect(
            Self.text(Self.refusal(kind), .anthropic)
                == #"{"type":"error","error":{"type":"\#(type)","message":"leo: \"no\""}}"#)
    }

    @Test("is Google's, with the quota and the time to wait in its details")
    func gemini() {
        func quota(_ metric: String) -> String {
            #"{"error":{"code":429,"message":"leo: \"no\"","status":"RESOURCE_EXHAUSTED","details":["#
                + #"{"@type":"type.googleapis.com/google.rpc.QuotaFailure","violations":[{"subject":"leo","#
                + #""quotaMetric":"leo/\#(metric)","description":"leo: \"no\""}]}"#
        }
        func retry(_ delay: String) -> String {
            #",{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"\#(delay)"}]}}"#
        }
        #expect(Self.text(Self.refusal(.rate, after: 12_000_000_000), .gemini) == quota("requests") + retry("12s"))
        #expect(Self.text(Self.refusal(.rate, after: 12_034_000_001), .gemini) == quota("requests") + retry("12.035s"))
        #expect(Self.text(Self.refusal(.concurrency), .gemini) == quota("concurrent") + retry("1s"))
        #expect(Self.text(Self.refusal(.budget, after: 5_000_000_000), .gemini) == quota("budget") + "]}}")
        var tokens = Self.refusal(.rate, after: 1)
        tokens.measure = .outputTokens
        #expect(Self.text(tokens, .gemini) == quota("output_tokens") + retry("0.001s"))
        #expect(
            Self.text(Self.refusal(.policy), .gemini)
                == #"{"error":{"code":403,"message":"leo: \"no\"","status":"PERMISSION_DENIED"}}"#)
    }

    @Test(
        "is Amazon's, its kind in a field",
        arguments: [
            (.rate, "ThrottlingException"), (.concurrency, "ThrottlingException"),
            (.budget, "ServiceQuotaExceededException"), (.neverFits, "ValidationException"),
            (.policy, "AccessDeniedException"), (.tooLarge, "ValidationException"),
            (.uninspectable, "ValidationException"),
        ] as [(RefusalKind, String)])
    func bedrock(kind: RefusalKind, exception: String) {
        let refusal = Self.refusal(kind)
        #expect(Self.lines(refusal, .bedrock).filter { $0.hasPrefix("x-amzn") } == ["x-amzn-errortype: \(exception)"])
        #expect(Self.text(refusal, .bedrock) == #"{"message":"leo: \"no\""}"#)
        #expect(Self.text(refusal, .cohere) == #"{"message":"leo: \"no\""}"#)
    }

    @Test("tells how far the rates are used, in the provider's own fields")
    func allowances() {
        func lines(_ api: APIFamily) -> [String] {
            api.allowanceFields(Self.allowances, unixSeconds: Self.now).map { "\($0.name): \($0.value)" }
        }
        #expect(
            lines(.openai) == [
                "x-ratelimit-limit-requests: 600", "x-ratelimit-remaining-requests: 0",
                "x-ratelimit-reset-requests: 59.901s", "x-ratelimit-limit-tokens: 200000",
                "x-ratelimit-remaining-tokens: 1234", "x-ratelimit-reset-tokens: 6m0s",
            ])
        #expect(
            lines(.anthropic) == [
                "anthropic-ratelimit-requests-limit: 600", "anthropic-ratelimit-requests-remaining: 0",
                "anthropic-ratelimit-requests-reset: 2026-09-21T14:14:20Z", "anthropic-ratelimit-tokens-limit: 200000",
                "anthropic-ratelimit-tokens-remaining: 1234", "anthropic-ratelimit-tokens-reset: 2026-09-21T14:19:20Z",
                "anthropic-ratelimit-input-tokens-limit: 10", "anthropic-ratelimit-input-tokens-remaining: 0",
                "anthropic-ratelimit-input-tokens-reset: 2026-09-21T14:13:20Z",
            ])
        for api in [APIFamily.gemini, .cohere, .bedrock] { #expect(lines(api).isEmpty) }
        var refusal = Self.refusal(.rate, after: 1_000_000_000)
        refusal.allowances = Self.allowances
        #expect(Self.lines(refusal, .openai) == ["Retry-After: 1", "retry-after-ms: 1000"] + lines(.openai))
    }

    @Test(
        "writes durations as OpenAI does",
        arguments: [
            (0, "0s"), (1, "1ms"), (17_000_000, "17ms"), (999_000_001, "1s"), (1_500_000_000, "1.5s"),
            (8_640_000_000, "8.64s"), (60_000_000_000, "1m0s"), (3_600_000_000_000, "1h0m0s"),
            (3_723_004_000_000, "1h2m3.004s"), (.max, "2562047h47m16.855s"), (.min, "0s"),
        ] as [(Int64, String)])
    func durations(nanoseconds: Int64, text: String) {
        let allowance = LimitAllowance(.requests, limit: 1, remaining: 1, resetNanoseconds: nanoseconds)
        #expect(allowance.goDuration == text)
    }

    @Test(
        "writes times as Anthropic does",
        arguments: [
            (0, 0, "1970-01-01T00:00:00Z"), (951_782_400, 0, "2000-02-29T00:00:00Z"),
            (1_709_164_799, 1, "2024-02-29T00:00:00Z"), (1_798_761_599, 1_000_000_000, "2027-01-01T00:00:00Z"),
            (.max, .max, "9999-12-31T23:59:59Z"), (.min, 0, "1970-01-01T00:00:00Z"),
            (4_107_542_400, 0, "2100-03-01T00:00:00Z"),
        ] as [(Int64, Int64, String)])
    func times(unixSeconds: Int64, nanoseconds: Int64, text: String) {
        let allowance = LimitAllowance(.requests, limit: 1, remaining: 1, resetNanoseconds: nanoseconds)
        #expect(allowance.resetTime(unixSeconds: unixSeconds) == text)
    }
}
