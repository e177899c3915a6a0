import Policy
import Wire

/// Where the numbers of an exchange's usage come from.
enum UsageSource: String, CaseIterable, Sendable {
    /// The provider said so, in its answer.
    case provider
    /// leo counted what passed, because the provider's own count never came.
    case metered
    /// Nothing passed that could be counted; it is what was reserved when the exchange began.
    case estimated
}

/// What leo changed in an exchange, by kind.
enum EditKind: String, CaseIterable, Sendable {
    /// The provider was asked to say what a stream used.
    case includeUsage = "include_usage"
    /// The longest answer was set or lowered.
    case outputLimit = "output_limit"
}

/// The part of an access-log line that says what an exchange asked for, used and cost, and what the tenant's policy made
/// of it.
struct ExchangeAccount: Sendable {
    /// The number of the policy that was in force when it began.
    var policyRevision: Int?
    var dialect: Dialect?
    /// leo's word for the operation.
    var operation: String?
    var usage: Usage?
    var usageSource: UsageSource?
    var cost: Money?
    /// What the cache made of it; nil where the tenant has none.
    var cache: CacheResult?
    /// Why, in a word.
    var cacheReason: String?
    /// What it would have used, had the provider been asked.
    var savedUsage: Usage?
    /// What that would have cost; nil for a model without a price.
    var savedCost: Money?
    /// The limit that has the least left, as the file has it.
    var limit: String?
    /// What is left of it, in its own unit.
    var limitRemaining: String?
    /// What rules in observe mode would have done.
    var would: [String] = []
    /// How often each kind of edit was made.
    var edits: [EditKind: Int] = [:]

    /// More rules than this are left out.
    static let wouldCountMax = 8
    private static let wouldBytesMax = 160

    /// Notes what a rule in observe mode would have done.
    mutating func wouldHave(_ text: String) {
        if would.count < Self.wouldCountMax { would.append(text) }
    }

    /// Notes what a limit in observe mode would have refused.
    mutating func wouldHave(_ refusal: LimitRefusal) {
        let error = ProxyError(refusal, LimitStatus())
        wouldHave("\(error.fault.rawValue): \(error.detail)")
    }

    func appendTokens(to line: inout JSONLine) {
        guard let usage else { return }
        line.openObject(AccessField.tokens.rawValue)
        line.field("in", UInt64(max(0, usage.inputTokens)))
        line.field("out", UInt64(max(0, usage.outputTokens)))
        if usage.cachedTokens > 0 { line.field("cached", UInt64(usage.cachedTokens)) }
        let written = max(0, usage.cacheWriteTokens) + max(0, usage.longCacheWriteTokens)
        if written > 0 { line.field("cache_write", UInt64(written)) }
        if usage.reasoningTokens > 0 { line.field("reasoning", UInt64(usage.reasoningTokens)) }
        line.closeObject()
    }

    func appendWould(to line: inout JSONLine) {
        if !would.isEmpty { line.field(AccessField.would.rawValue, would, byteCountMax: Self.wouldBytesMax) }
    }

    func appendEdits(to line: inout JSONLine) {
        if edits.isEmpty { return }
        line.openObject(AccessField.edits.rawValue)
        for kind in EditKind.allCases {
            if let count = edits[kind] { line.field(kind.rawValue, UInt64(count)) }
        }
        line.closeObject()
    }
}
