import Policy

/// What went wrong, once: the word for machines and a sentence for people.
struct ProxyError: Error, Sendable {
    /// The documented word.
    let fault: Fault
    /// Where and what, in leo's own words: never a byte of a head or body, never a credential.
    let detail: String
    /// What a tenant's limit says, if it is one that refuses.
    private(set) var limit: Limit?
    /// How long the client should wait, where that is known.
    var retryAfter: Nanoseconds?
    /// It is no mistake of the request's: it is not allowed at all.
    var isForbidden = false

    /// A limit that has no room, and how all limits stand. By reference: errors go through every frame of a connection's
    /// task, and these are large.
    final class Limit: Sendable {
        let refusal: LimitRefusal
        let status: LimitStatus

        init(_ refusal: LimitRefusal, _ status: LimitStatus) {
            self.refusal = refusal
            self.status = status
        }
    }

    init(_ fault: Fault, _ detail: String) {
        self.fault = fault
        self.detail = detail
    }

    /// A limit of the tenant has no room for the request.
    init(_ refusal: LimitRefusal, _ status: LimitStatus) {
        let rule = refusal.rule
        let needed = rule.amountText(refusal.needed)
        let left = rule.amountText(refusal.remaining)
        switch (refusal.reason, rule.kind) {
        case (.unpriced, _):
            self.init(.unpriced, "\(rule.name) counts money, and the model has no price")
        case (.aboveBurst, .budget):
            self.init(.limitUnreachable, "the request may cost \(needed) USD, more than \(rule.name) has in all")
        case (.aboveBurst, _):
            let most = rule.amountText(rule.kind.isRate ? rule.burst : rule.amount)
            self.init(
                .limitUnreachable,
                "the request needs \(needed) of \(rule.name), which gives \(most) at once at the most")
        case (.exhausted, .budget):
            self.init(
                .budgetExhausted, "\(rule.name) of \(rule.amountText(rule.amount)) USD has \(left) USD left")
        case (.exhausted, .concurrent):
            self.init(.concurrencyLimited, "\(rule.amountText(rule.amount)) exchanges are under way, \(rule.name)")
        case (.exhausted, .requests), (.exhausted, .tokens), (.exhausted, .inputTokens), (.exhausted, .outputTokens):
            self.init(.rateLimited, "\(rule.name) has \(left) left, the request needs \(needed)")
        }
        limit = Limit(refusal, status)
    }
}
