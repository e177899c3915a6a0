@testable import Policy

/// A book of these limits with nothing used.
func book(_ rules: LimitRule..., unpriced: LimitSettings.UnknownAction = .refuse) -> LimitBook {
    LimitBook(settings(rules, unpriced: unpriced))
}

func settings(_ rules: [LimitRule], unpriced: LimitSettings.UnknownAction = .refuse) -> LimitSettings {
    var settings = LimitSettings()
    settings.rules = rules
    settings.unpriced = unpriced
    return settings
}

/// A moment on both clocks, `seconds` after the boot and after a day in the calendar.
func time(_ seconds: Double, unix: Int64 = 1_800_000_000) -> LimitTime {
    LimitTime(monotonic: Int64(seconds * 1e9), unixSeconds: unix)
}

extension LimitRequest {
    static func tokens(_ input: Int, _ output: Int = 0, model: String? = nil, money: Money? = nil) -> LimitRequest {
        LimitRequest(phase: .full, model: model, inputTokens: input, outputTokens: output, money: money)
    }

    static func dollars(_ dollars: Double, model: String? = nil) -> LimitRequest {
        LimitRequest(phase: .full, model: model, money: .dollars(dollars))
    }

    static let early = LimitRequest(phase: .early)
}

extension Money {
    static func dollars(_ dollars: Double) -> Money {
        Money(picodollars: Int128((dollars * 1e6).rounded()) * 1_000_000)
    }
}

extension LimitBook {
    /// What is held; nil when it was refused.
    func reserve(_ request: LimitRequest, at time: LimitTime) -> Reservation? {
        switch admit(request, at: time) {
        case .admitted(let reservation, _): return reservation
        case .refused: return nil
        }
    }

    /// What is held; a refusal is a mistake in the test.
    func hold(_ request: LimitRequest, at time: LimitTime) throws -> Reservation {
        switch admit(request, at: time) {
        case .admitted(let reservation, _): return reservation
        case .refused(let refusal): throw RefusedInTest(refusal: refusal)
        }
    }

    /// Why a request is refused; nil when it was admitted, and then it is charged as it was.
    func refusal(_ request: LimitRequest, at time: LimitTime) -> LimitRefusal? {
        switch admit(request, at: time) {
        case .admitted: return nil
        case .refused(let refusal): return refusal
        }
    }

    /// What observing limits would have refused; nil when an enforcing one did.
    func would(_ request: LimitRequest, at time: LimitTime) -> [LimitRefusal]? {
        switch admit(request, at: time) {
        case .admitted(_, let would): return would
        case .refused: return nil
        }
    }

    func admits(_ request: LimitRequest, at time: LimitTime) -> Bool { refusal(request, at: time) == nil }

    func level(at time: LimitTime, _ index: Int = 0) -> LimitLevel { all(at: time)[index] }
}

struct RefusedInTest: Error {
    let refusal: LimitRefusal
}

/// What happened to a limit at a time on the boot clock: so much was added, or taken away.
struct LimitEvent {
    let at: Int64
    let amount: Int128
    var isAdmission = true
}

/// The most by which the events of any interval that ends with an admission exceed `rate · t`, in units of which `scale`
/// make one: over all pairs of events, in one pass.
func mostAtOnce(_ events: [LimitEvent], rate: Int128, scale: Int128) -> Int128 {
    var sum: Int128 = 0
    var least: Int128 = .max
    var most: Int128 = 0
    for event in events.enumerated().sorted(by: { ($0.element.at, $0.offset) < ($1.element.at, $1.offset) }) {
        let flow = rate * Int128(event.element.at)
        least = min(least, sum - flow)
        sum += event.element.amount * scale
        if event.element.isAdmission { most = max(most, sum - flow - least) }
    }
    return most
}
