/// What a limit counts. The raw value is the file's key and the log's word.
public enum LimitKind: String, Sendable, CaseIterable {
    /// Requests, however large.
    case requests
    /// Input and output tokens together.
    case tokens
    /// Input tokens; cached ones weigh what the provider bills for them.
    case inputTokens = "input_tokens"
    /// Output tokens, reasoning included.
    case outputTokens = "output_tokens"
    /// Money, in windows of the calendar.
    case budget
    /// Exchanges at the same time.
    case concurrent

    /// Whether it is counted in a rate with a burst.
    public var isRate: Bool {
        switch self {
        case .requests, .tokens, .inputTokens, .outputTokens: true
        case .budget, .concurrent: false
        }
    }

    /// Whether it counts what requests use, and not the requests.
    public var countsUsage: Bool {
        switch self {
        case .tokens, .inputTokens, .outputTokens, .budget: true
        case .requests, .concurrent: false
        }
    }
}

/// One limit of a tenant: so much of something in so much time, perhaps for some models only.
public struct LimitRule: Equatable, Sendable {
    /// What it counts.
    public let kind: LimitKind
    /// How much: requests, tokens, exchanges, or picodollars.
    public let amount: Int128
    /// In which time; nil for `concurrent` alone.
    public let window: LimitWindow?
    /// How much at once, for a rate; 0 for the others.
    public let burst: Int128
    /// Whether it refuses or only says that it would.
    public let mode: PolicyMode
    /// The models that it is for; nil means all, the unknown one included.
    public let model: ModelGlob?
    /// Where the file has it.
    public let place: Place

    /// A rate of `count` in `window`. Without a burst it is ten seconds' worth, at least 1.
    public static func rate(
        _ kind: LimitKind, _ count: Int, per window: LimitWindow, burst: Int? = nil, mode: PolicyMode = .enforce,
        model: ModelGlob? = nil, place: Place = Place(line: 1, column: 1)
    ) -> LimitRule {
        let amount = Int128(min(max(count, 1), countMax))
        let burst = burst.map { Int128(min(max($0, 1), countMax)) } ?? defaultBurst(amount, window)
        return LimitRule(
            kind: kind, amount: amount, window: window, burst: burst, mode: mode, model: model, place: place)
    }

    /// So much money in a window of the calendar.
    public static func budget(
        _ money: Money, per window: LimitWindow, mode: PolicyMode = .enforce, model: ModelGlob? = nil,
        place: Place = Place(line: 1, column: 1)
    ) -> LimitRule {
        let most = Money.dollarsMax * Money.picodollarsPerDollar
        return LimitRule(
            kind: .budget, amount: min(max(money.picodollars, 1), most), window: window, burst: 0, mode: mode,
            model: model, place: place)
    }

    /// So many exchanges at once.
    public static func concurrent(
        _ count: Int, mode: PolicyMode = .enforce, model: ModelGlob? = nil, place: Place = Place(line: 1, column: 1)
    ) -> LimitRule {
        LimitRule(
            kind: .concurrent, amount: Int128(min(max(count, 1), countMax)), window: nil, burst: 0, mode: mode,
            model: model, place: place)
    }

    /// The largest number of requests, tokens or exchanges that a limit may name. With windows of up to a day in
    /// nanoseconds and sums of many such numbers, 128 bits are never filled.
    public static let countMax = 1_000_000_000_000_000

    /// What unused time lets somebody have at once: ten seconds of the rate, at least 1.
    static func defaultBurst(_ amount: Int128, _ window: LimitWindow) -> Int128 {
        max(1, amount * 10 / Int128(window.seconds ?? 86400))
    }

    /// Whether the burst of a rate is the one that it has when none is written.
    public var hasDefaultBurst: Bool { kind.isRate && window.map { burst == Self.defaultBurst(amount, $0) } ?? false }

    /// The limit as the file could have it: "600/min burst 100", "50.00 USD/day", "64".
    public var text: String {
        let per = window.map { "/\($0.rawValue)" } ?? ""
        switch kind {
        case .requests, .tokens, .inputTokens, .outputTokens: return "\(amount)\(per) burst \(burst)"
        case .budget: return "\(Money(picodollars: amount)) USD\(per)"
        case .concurrent: return "\(amount)"
        }
    }

    /// What the log and the metrics call it: "requests/min", "budget/day gpt-*", "concurrent".
    public var name: String {
        "\(kind.rawValue)\(window.map { "/\($0.rawValue)" } ?? "")\(model.map { " \($0)" } ?? "")"
    }

    /// Whether it is judged before the request's body has been read.
    var isEarly: Bool { model == nil && (kind == .requests || kind == .concurrent) }

    /// Whether it is for a request with this model.
    func applies(to model: String?) -> Bool {
        guard let glob = self.model else { return true }
        return model.map(glob.matches) ?? false
    }
}
