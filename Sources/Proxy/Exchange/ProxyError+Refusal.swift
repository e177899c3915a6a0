import Policy
import Wire

extension ProxyError {
    /// What the policy has against a request, in the words of the providers' APIs; nil: it is another kind of trouble.
    var refusal: Refusal? {
        guard let kind = refusalKind else { return nil }
        return Refusal(
            kind, code: fault.rawValue, message: "leo: \(detail)",
            retryAfterNanoseconds: limit?.refusal.retryAfter ?? retryAfter.map { Int64(clamping: $0.count) },
            measure: limit?.refusal.kind.measure, allowances: limit?.status.allowances ?? [])
    }

    private var refusalKind: RefusalKind? {
        switch fault {
        case .rateLimited, .providerBackoff: .rate
        case .concurrencyLimited: .concurrency
        case .budgetExhausted: .budget
        case .limitUnreachable, .outputLimitRefused: .neverFits
        case .modelRefused, .unmetered, .unpriced: .policy
        case .bodyTooLarge: .tooLarge
        case .uninspectable: isForbidden ? .policy : .uninspectable
        default: nil
        }
    }
}

extension LimitStatus {
    /// How far the rates are used, as the providers' header fields tell it.
    fileprivate var allowances: [LimitAllowance] {
        [requests, tokens, inputTokens, outputTokens].compactMap { level in
            guard let level, let measure = level.rule.kind.measure else { return nil }
            return LimitAllowance(
                measure, limit: Int(clamping: level.rule.amount), remaining: Int(clamping: level.remaining),
                resetNanoseconds: level.reset ?? 0)
        }
    }
}

extension LimitKind {
    /// What the providers call it; nil for what they do not count.
    fileprivate var measure: LimitAllowance.Measure? {
        switch self {
        case .requests: .requests
        case .tokens: .tokens
        case .inputTokens: .inputTokens
        case .outputTokens: .outputTokens
        case .budget, .concurrent: nil
        }
    }
}
