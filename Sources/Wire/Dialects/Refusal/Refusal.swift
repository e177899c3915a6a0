/// Why a policy answers in the provider's place.
public enum RefusalKind: Sendable, CaseIterable {
    /// A rate is used up for now.
    case rate
    /// Too many exchanges at once.
    case concurrency
    /// The money is spent.
    case budget
    /// One request that is more than a limit ever has: waiting would be for ever.
    case neverFits
    /// A guard says no: the model, the size of the answer asked for, a client that belongs to nobody.
    case policy
    /// The request's body is larger than it may be.
    case tooLarge
    /// The body cannot be read where a policy has to read it.
    case uninspectable
}

/// An answer of leo's own to a request that a policy refuses, in the form that the provider's SDKs understand: they
/// raise the exception that their users handle, wait as long as there is to wait, and do not try again where that
/// cannot help.
public struct Refusal: Sendable, Equatable {
    /// Why.
    public var kind: RefusalKind
    /// leo's word for it, as in the access log; it stands in the body where the shape has a place for it.
    public var code: String
    /// What people read. It holds nothing that the client sent.
    public var message: String
    /// When the same request could pass, in nanoseconds; nil where nothing tells that.
    public var retryAfterNanoseconds: Int64?
    /// What ran out, where it is a rate; nil otherwise.
    public var measure: LimitAllowance.Measure?
    /// How far the client's rates are used.
    public var allowances: [LimitAllowance]

    /// A refusal.
    public init(
        _ kind: RefusalKind, code: String, message: String, retryAfterNanoseconds: Int64? = nil,
        measure: LimitAllowance.Measure? = nil, allowances: [LimitAllowance] = []
    ) {
        self.kind = kind
        self.code = code
        self.message = message
        self.retryAfterNanoseconds = retryAfterNanoseconds
        self.measure = measure
        self.allowances = allowances
    }

    /// Whether the SDK should try again on its own.
    ///
    /// Not where somebody has to change something first. Nor where the wait is longer than a minute: older SDKs do not
    /// wait that long for a field that tells them to, and would try again at once instead.
    public var isWorthRetrying: Bool {
        switch kind {
        case .rate, .concurrency: waitMilliseconds <= Self.waitMillisecondsMax
        case .budget, .neverFits, .policy, .tooLarge, .uninspectable: false
        }
    }

    /// The HTTP status.
    ///
    /// Amazon's SDKs try again after any 429, so there a spent budget has the 400 of an exceeded service quota. So does
    /// Cohere's, after a wait of up to a minute each time; 402 is what its API answers at the end of a billing limit.
    public func status(_ api: APIFamily) -> Int {
        switch kind {
        case .rate, .concurrency: 429
        case .budget:
            switch api {
            case .openai, .anthropic, .gemini: 429
            case .bedrock: 400
            case .cohere: 402
            }
        case .neverFits, .uninspectable: 400
        case .policy: 403
        case .tooLarge: 413
        }
    }

    /// The JSON body.
    public func body(_ api: APIFamily) -> [UInt8] {
        let status = status(api)
        switch (api, kind) {
        case (.openai, .rate), (.openai, .concurrency), (.openai, .budget):
            var json = JSONText()
            json.write("{\"error\":{\"message\":", message)
            json.write(",\"type\":", openAIType)
            json.write(",\"param\":null,\"code\":", openAICode)
            json.write("}}")
            return json.bytes
        case (.gemini, .rate), (.gemini, .concurrency), (.gemini, .budget): return geminiBody(status)
        case (.openai, _), (.gemini, _), (.anthropic, _), (.bedrock, _), (.cohere, _):
            return api.errorBody(status: status, code: code, message: message)
        }
    }

    /// The header fields that belong to the answer beside its content type and leo's own `x-leo-error`.
    ///
    /// `unixSeconds` is the time, for fields that tell one.
    public func fields(_ api: APIFamily, unixSeconds: Int64) -> [(name: String, value: String)] {
        var fields = api.errorFields(status: status(api), code: code)
        if api == .bedrock, kind == .budget { fields = [("x-amzn-errortype", "ServiceQuotaExceededException")] }
        if !isWorthRetrying { fields.append(("x-should-retry", "false")) }
        switch kind {
        case .rate, .concurrency, .budget:
            if kind != .budget || retryAfterNanoseconds != nil {
                let milliseconds = waitMilliseconds
                fields.append(("Retry-After", String(LimitAllowance.divided(milliseconds, by: 1000))))
                fields.append(("retry-after-ms", String(milliseconds)))
            }
        case .neverFits, .policy, .tooLarge, .uninspectable: break
        }
        return fields + api.allowanceFields(allowances, unixSeconds: unixSeconds)
    }

    /// Beyond this the first openai and anthropic SDKs to read `Retry-After` did not wait but tried again at once.
    private static let waitMillisecondsMax: Int64 = 60_000

    /// Nobody knows when an exchange ends, but the next one is seldom further than this.
    private static let waitMillisecondsUnknown: Int64 = 1000

    /// The wait, rounded up, so that whoever waits it comes not a moment too early.
    private var waitMilliseconds: Int64 {
        guard let retryAfterNanoseconds else { return Self.waitMillisecondsUnknown }
        return max(1, LimitAllowance.divided(retryAfterNanoseconds, by: 1_000_000))
    }

    /// OpenAI's word for what ran out.
    var openAIType: String {
        switch (kind, measure) {
        case (.budget, _): "insufficient_quota"
        case (_, .tokens), (_, .inputTokens), (_, .outputTokens): "tokens"
        case (_, .requests), (_, nil): "requests"
        }
    }

    var openAICode: String {
        kind == .budget ? "insufficient_quota" : "rate_limit_exceeded"
    }

    /// google.rpc.Status with the details that Google's clients look for: which quota, and how long to wait.
    private func geminiBody(_ status: Int) -> [UInt8] {
        var json = JSONText()
        json.write("{\"error\":{\"code\":", status)
        json.write(",\"message\":", message)
        json.write(",\"status\":\"RESOURCE_EXHAUSTED\",\"details\":[")
        json.write("{\"@type\":\"type.googleapis.com/google.rpc.QuotaFailure\",\"violations\":[{\"subject\":\"leo\"")
        json.write(",\"quotaMetric\":", quotaMetric)
        json.write(",\"description\":", message)
        json.write("}]}")
        if kind != .budget {
            let milliseconds = waitMilliseconds
            let fraction = String(1000 + milliseconds % 1000).dropFirst()
            json.write(",{\"@type\":\"type.googleapis.com/google.rpc.RetryInfo\",\"retryDelay\":")
            json.string(milliseconds % 1000 == 0 ? "\(milliseconds / 1000)s" : "\(milliseconds / 1000).\(fraction)s")
            json.write("}")
        }
        json.write("]}}")
        return json.bytes
    }

    private var quotaMetric: String {
        switch (kind, measure) {
        case (.budget, _): "leo/budget"
        case (.concurrency, _): "leo/concurrent"
        case (_, .tokens): "leo/tokens"
        case (_, .inputTokens): "leo/input_tokens"
        case (_, .outputTokens): "leo/output_tokens"
        case (_, .requests), (_, nil): "leo/requests"
        }
    }
}
