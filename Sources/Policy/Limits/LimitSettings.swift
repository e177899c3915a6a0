/// The limits and guards of one tenant, as the file has them.
public struct LimitSettings: Equatable, Sendable {
    /// The limits, in the order of the file; none whose mode is "off".
    public var rules: [LimitRule] = []
    /// The mode of the guards below, and of limits that have none of their own.
    public var mode = PolicyMode.enforce
    /// `models`: the models that may be asked; nil means all.
    public var models: [ModelGlob]?
    /// `max_output_tokens`: the most output that a request may ask for; nil means any.
    public var maxOutputTokens: Int?
    /// What happens to a request that asks for more, or for no limit at all.
    public var maxOutputAction = MaxOutputAction.cap
    /// `max_body`: the most bytes of a request's body; nil means any that `listen` allows.
    public var maxBodyByteCount: Int?
    /// What happens to an answer that outgrows what is left.
    public var onExhausted = OnExhausted.letFinish
    /// What happens to work that leo cannot meter, such as the creation of a batch, where tokens or money are limited.
    public var unmetered = UnknownAction.refuse
    /// What happens to a model without a price where money is limited.
    public var unpriced = UnknownAction.refuse

    /// No limit, no guard.
    public init() {}

    /// More would not fit into a reservation's 64 bits.
    public static let ruleCountMax = 64

    /// What to do with a request whose output has no limit or too high a one.
    public enum MaxOutputAction: String, Sendable, CaseIterable {
        /// Write the tenant's limit into the request.
        case cap
        /// Refuse it.
        case refuse
    }

    /// What to do with an answer that outgrows what is left.
    public enum OnExhausted: String, Sendable, CaseIterable {
        /// Let it come to its end, and charge it.
        case letFinish = "let_finish"
        /// Tell the client with the dialect's error, then cut.
        case error
        /// End it with the dialect's own end.
        case finish
    }

    /// What to do with what cannot be known.
    public enum UnknownAction: String, Sendable, CaseIterable {
        /// Refuse it.
        case refuse
        /// Let it through, uncounted.
        case allow
    }

    /// Whether the tenant may ask this model. An unknown one is none of the listed.
    public func permits(model: String?) -> Bool {
        guard let models else { return true }
        return model.map { name in models.contains { $0.matches(name) } } ?? false
    }

    /// Whether some enforced limit counts tokens or money, so that what an exchange uses must be known.
    public var metersUsage: Bool { rules.contains { $0.kind.countsUsage && $0.mode == .enforce } }

    /// Whether some limit, enforced or observed, counts tokens or money.
    public var countsUsage: Bool { rules.contains(where: \.kind.countsUsage) }

    /// Whether some limit counts money.
    public var countsMoney: Bool { rules.contains { $0.kind == .budget } }
}
