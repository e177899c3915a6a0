/// What an exchange asks of its tenant's limits.
public struct LimitRequest: Sendable {
    /// Which limits are asked.
    public enum Phase: Sendable {
        /// Before the body is read: `requests` and `concurrent` without a model.
        case early
        /// When the request is known: all the others.
        case full
    }

    /// Which limits are asked.
    public var phase: Phase
    /// The model; nil when it is not known.
    public var model: String?
    /// Whether the limits of every model count it, because it has a model and nobody knows which.
    public var isForAnyModel: Bool
    /// The estimate of the input; at least 0.
    public var inputTokens: Int
    /// The estimate of the output; at least 0.
    public var outputTokens: Int
    /// What both would cost; nil when the model has no price.
    public var money: Money?
    /// Whether it is answered without its provider, so that it is a request and uses nothing else: the limits of tokens
    /// and money are not asked, and may be used up.
    public var usesNothing = false

    /// A request.
    public init(
        phase: Phase, model: String? = nil, isForAnyModel: Bool = false, inputTokens: Int = 0, outputTokens: Int = 0,
        money: Money? = nil
    ) {
        self.phase = phase
        self.model = model
        self.isForAnyModel = isForAnyModel
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.money = money
    }
}

/// What an exchange has used when it is over.
public struct LimitCharge: Equatable, Sendable {
    /// The input, cached tokens weighted as the provider bills them; at least 0.
    public var inputTokens: Int
    /// The output; at least 0.
    public var outputTokens: Int
    /// What it costs; nil when that is unknown, and then what was reserved stands.
    public var money: Money?

    /// A charge.
    public init(inputTokens: Int = 0, outputTokens: Int = 0, money: Money? = nil) {
        self.inputTokens = inputTokens
        self.outputTokens = outputTokens
        self.money = money
    }
}

/// What a tenant's limits say to a request.
public enum LimitVerdict: ~Copyable, Sendable {
    /// It may go on, and this much is held for it. `would` has the refusals of limits that only observe.
    case admitted(Reservation, would: [LimitRefusal])
    /// It may not, and nothing was counted. Of several limits the one that takes longest to have room again.
    case refused(LimitRefusal)
}

/// Why a limit has no room for a request.
public struct LimitRefusal: Equatable, Sendable {
    /// What stands against it.
    public enum Reason: Equatable, Sendable {
        /// The limit is used up for now.
        case exhausted
        /// The request alone is more than the burst or the budget: it never fits.
        case aboveBurst
        /// The model has no price, and the limit counts money.
        case unpriced
    }

    /// One word that refers to the rest, so that the many requests that are admitted carry no room for it about.
    private let details: Details

    private final class Details: Sendable {
        let rule: LimitRule
        let reason: Reason
        let needed: Int128
        let remaining: Int128
        let retryAfter: Int64?

        init(_ rule: LimitRule, _ reason: Reason, needed: Int128, remaining: Int128, retryAfter: Int64?) {
            self.rule = rule
            self.reason = reason
            self.needed = needed
            self.remaining = remaining
            self.retryAfter = retryAfter
        }
    }

    init(rule: LimitRule, reason: Reason, needed: Int128, remaining: Int128, retryAfter: Int64?) {
        details = Details(rule, reason, needed: needed, remaining: remaining, retryAfter: retryAfter)
    }

    /// The limit.
    public var rule: LimitRule { details.rule }
    /// What stands against it.
    public var reason: Reason { details.reason }
    /// What the request asked for, in the limit's unit.
    public var needed: Int128 { details.needed }
    /// What was left, in the limit's unit.
    public var remaining: Int128 { details.remaining }
    /// Nanoseconds until the limit has room for this request if nobody else comes; nil when nothing tells that: for
    /// `concurrent`, and for a request that never fits.
    public var retryAfter: Int64? { details.retryAfter }

    /// What the limit counts.
    public var kind: LimitKind { rule.kind }
    /// The models that the limit is for; nil means all.
    public var scope: ModelGlob? { rule.model }
    /// The limit's amount, in its unit.
    public var limit: Int128 { rule.amount }
    /// Whether trying again can never help.
    public var isPermanent: Bool {
        switch reason {
        case .exhausted: false
        case .aboveBurst, .unpriced: true
        }
    }

    /// The same limit, for the same reason and in the same state.
    public static func == (left: LimitRefusal, right: LimitRefusal) -> Bool {
        left.rule == right.rule && left.reason == right.reason && left.needed == right.needed
            && left.remaining == right.remaining && left.retryAfter == right.retryAfter
    }
}

/// How far a limit is used.
public struct LimitLevel: Equatable, Sendable {
    /// The limit.
    public let rule: LimitRule
    /// What is in use, reservations included: of a rate what has not flowed off, of a budget what its window has spent.
    /// It may be more than the limit, by what exchanges used beyond their reservations.
    public let used: Int128
    /// What a request could still have at once; at least 0.
    public let remaining: Int128
    /// Nanoseconds until nothing is in use any more (a rate) or the window ends (a budget); nil for `concurrent`.
    public let reset: Int64?
    /// What settled exchanges were charged in all, since leo started or the limit was changed.
    public let charged: Int128
    /// The part of it that was beyond reservations, or negative what reservations had too much.
    public let corrected: Int128

    /// What fits at once when nothing is used.
    public var capacity: Int128 { rule.kind.isRate ? rule.burst : rule.amount }

    /// The share that is left, for comparing limits of different kinds.
    var share: Double { Double(remaining) / Double(max(capacity, 1)) }
}

/// What a tenant's enforced limits have left for a model: of each kind the most constrained one.
public struct LimitStatus: Equatable, Sendable {
    /// `requests`
    public var requests: LimitLevel?
    /// `tokens`
    public var tokens: LimitLevel?
    /// `input_tokens`
    public var inputTokens: LimitLevel?
    /// `output_tokens`
    public var outputTokens: LimitLevel?
    /// `budget`
    public var budget: LimitLevel?
    /// `concurrent`
    public var concurrent: LimitLevel?

    /// No limits.
    public init() {}

    /// Of all limits the one with the smallest share left.
    public var mostConstrained: LimitLevel? {
        [requests, tokens, inputTokens, outputTokens, budget, concurrent].compactMap { $0 }.min { $0.share < $1.share }
    }

    mutating func take(_ level: LimitLevel) {
        func narrower(_ known: LimitLevel?) -> LimitLevel {
            if let known, known.share <= level.share { known } else { level }
        }
        switch level.rule.kind {
        case .requests: requests = narrower(requests)
        case .tokens: tokens = narrower(tokens)
        case .inputTokens: inputTokens = narrower(inputTokens)
        case .outputTokens: outputTokens = narrower(outputTokens)
        case .budget: budget = narrower(budget)
        case .concurrent: concurrent = narrower(concurrent)
        }
    }
}
