// What the limits and guards of a tenant make leo do.
extension LimitSettings {
    /// Whether there is nothing to count and nothing to guard.
    public var isEmpty: Bool { rules.isEmpty && !hasGuards }

    /// Whether something guards requests beside the limits.
    public var hasGuards: Bool {
        mode != .off && (models != nil || maxOutputTokens != nil || maxBodyByteCount != nil)
    }

    /// Whether the text of requests has to be read: for its model, its output limit, or to estimate what it uses.
    public var needsText: Bool {
        countsUsage || rules.contains { $0.model != nil } || mode != .off && (models != nil || maxOutputTokens != nil)
    }

    /// How strictly the text of requests is needed: enforced if a limit or guard that needs it is.
    public var textMode: PolicyMode {
        if !needsText { return .off }
        let hasStrictGuard = mode == .enforce && (models != nil || maxOutputTokens != nil)
        let hasStrictRule = rules.contains { $0.model != nil && $0.mode == .enforce }
        return metersUsage || hasStrictGuard || hasStrictRule ? .enforce : .observe
    }

    /// How strictly usage is counted: enforced if any limit of tokens or money is.
    public var usageMode: PolicyMode { metersUsage ? .enforce : countsUsage ? .observe : .off }
}

extension LimitLevel {
    /// What remains, as people write it: dollars for a budget, else a whole number.
    public var remainingText: String { rule.amountText(remaining) }

    /// The limit's amount in the same way.
    public var limitText: String { rule.amountText(rule.amount) }

    /// `reset` in whole seconds, rounded up; at least 0.
    public var resetSeconds: Int64? {
        reset.map { nanoseconds in
            let (seconds, rest) = max(0, nanoseconds).quotientAndRemainder(dividingBy: 1_000_000_000)
            return rest > 0 ? seconds + 1 : seconds
        }
    }
}

extension LimitRule {
    /// An amount of what the rule counts: dollars for a budget, else a whole number.
    public func amountText(_ amount: Int128) -> String {
        kind == .budget ? Money(picodollars: amount).description : String(amount)
    }
}
