import Synchronization

/// The counts of one tenant's limits. It asks no clock: every call brings the time.
///
/// A rate is a leaky bucket, which is what GCRA (ITU-T I.371) computes: what is admitted fills it, `amount` per window
/// flows off, and a request is admitted if it fits below `burst`. So in any interval of length t no more is admitted than
/// burst + rate · t, whatever threads come in whatever order, and exactly so, because nothing is rounded. A settlement
/// beyond the reservation may fill it further; then everybody waits until that has flowed off.
///
/// A budget is a sum that begins anew with each window of the calendar in UTC. An exchange counts in the window in which
/// it was admitted; what it costs beyond its reservation counts when it is settled.
///
/// All of a request's limits are asked and booked under one lock: either it is counted in each of them or in none. Limits
/// that observe count as if they were enforced: an exchange that a rate would have refused is not counted in it. Only an
/// observed budget goes on counting, so that its level tells what was really spent.
public final class LimitBook: Sendable {
    private let state: Mutex<State>

    private struct State {
        var generation: LimitGeneration
        /// The latest second that anybody came with: a clock that was set back stands still until it is there again.
        var unixSeconds = Int64.min

        mutating func latest(_ time: LimitTime) -> LimitTime {
            unixSeconds = max(unixSeconds, min(max(time.unixSeconds, -LimitBook.secondsMax), LimitBook.secondsMax))
            return LimitTime(monotonic: time.monotonic, unixSeconds: unixSeconds)
        }
    }

    /// A tenant's limits with nothing used.
    public init(_ settings: LimitSettings) {
        state = Mutex(State(generation: LimitGeneration(settings, after: nil)))
    }

    /// Goes on with the limits of a new file. What was counted stays counted where a limit's kind, window and models are
    /// as before. Exchanges under way are settled in the limits that admitted them.
    public func reload(_ settings: LimitSettings) {
        state.withLock { $0.generation = LimitGeneration(settings, after: $0.generation) }
    }

    /// Asks the limits of a phase, and books the request in all of them or in none.
    public func admit(_ request: LimitRequest, at time: LimitTime) -> LimitVerdict {
        let request = Self.clamped(request)
        let admission = state.withLock { state in
            Self.admit(request, in: state.generation, at: state.latest(time))
        }
        if let refusal = admission.refusal { return .refused(refusal) }
        let reservation = Reservation(
            self, admission.generation, booked: admission.booked, time: admission.time, request: request)
        return .admitted(reservation, would: admission.would)
    }

    /// Holds more for an exchange whose answer has outgrown what was reserved. nil means that it is held; a limit that has
    /// no room is returned, and then nothing more is held. Limits that observe always hold.
    public func extend(
        _ reservation: inout Reservation, outputTokens: Int, money: Money?, at time: LimitTime
    ) -> LimitRefusal? {
        if !reservation.isOpen { return nil }
        let generation = reservation.generation
        let booked = reservation.booked
        let more = Self.clamped(LimitRequest(phase: .full, outputTokens: outputTokens, money: money))
        let (refusal, moment, start): (LimitRefusal?, LimitTime, Int64) = state.withLock { state in
            let moment = state.latest(time)
            let rows = generation.rows.enumerated().filter {
                booked & 1 << $0.offset != 0 && $0.element.growsWithOutput
            }
            for (_, row) in rows where row.isEnforced {
                if let refusal = row.refusal(Self.amount(row.kind, more), at: moment) { return (refusal, moment, 0) }
            }
            var start = Int64.min
            for (_, row) in rows {
                row.book(Self.amount(row.kind, more), at: moment)
                if row.kind == .budget { start = max(start, row.count.window.lowerBound) }
            }
            return (nil, moment, start)
        }
        if refusal != nil { return refusal }
        reservation.request.outputTokens = min(reservation.request.outputTokens + more.outputTokens, Self.tokenCountMax)
        if let money = more.money {
            reservation.request.money = (reservation.request.money ?? .zero) + money
            reservation.held.add(money, at: moment.unixSeconds, start: start)
        }
        return nil
    }

    /// Charges what an exchange has used, in place of what was held for it.
    public func settle(_ reservation: consuming Reservation, _ charge: LimitCharge, at time: LimitTime) {
        if !reservation.isOpen { return }
        let (generation, booked, request) = (reservation.generation, reservation.booked, reservation.request)
        let actual = Self.clamped(
            LimitRequest(
                phase: .full, inputTokens: charge.inputTokens, outputTokens: charge.outputTokens,
                money: charge.money ?? request.money))
        let held = reservation.held
        reservation.close()
        state.withLock { state in
            let time = state.latest(time)
            for (index, row) in generation.rows.enumerated() where booked & 1 << index != 0 {
                let charged = Self.amount(row.kind, actual)
                let difference = charged - Self.amount(row.kind, request)
                row.count.charged += charged
                row.count.corrected += difference
                Self.correct(row, by: difference, held, at: time)
            }
        }
    }

    /// Gives back what was held for an exchange of which nothing was sent. A place in a rate of requests comes back only as
    /// far as it has not flowed off since, so that the requests that do go out keep to the rate in every interval.
    public func cancel(_ reservation: consuming Reservation, at time: LimitTime) {
        if !reservation.isOpen { return }
        let (generation, booked, request) = (reservation.generation, reservation.booked, reservation.request)
        let held = reservation.held
        let age = max(0, Int128(time.monotonic) - Int128(reservation.time.monotonic))
        reservation.close()
        state.withLock { state in
            let time = state.latest(time)
            for (index, row) in generation.rows.enumerated() where booked & 1 << index != 0 {
                if row.kind == .requests {
                    row.count.flow(row.rule, to: time.monotonic)
                    row.count.fill(-max(0, row.scale - row.rule.amount * age))
                } else {
                    Self.correct(row, by: -Self.amount(row.kind, request), held, at: time)
                }
            }
        }
    }

    /// What the enforced limits have left for a model; of each kind the most constrained limit.
    public func status(model: String?, at time: LimitTime) -> LimitStatus {
        state.withLock { state in
            let time = state.latest(time)
            var status = LimitStatus()
            for row in state.generation.rows where row.isEnforced && row.rule.applies(to: model) {
                status.take(row.level(at: time))
            }
            return status
        }
    }

    /// Every limit's level, observed ones too, in the order of the file.
    public func all(at time: LimitTime) -> [LimitLevel] {
        state.withLock { state in
            let time = state.latest(time)
            return state.generation.rows.map { $0.level(at: time) }
        }
    }

    /// What becomes of a reservation that nobody settled: it is charged as it is, and no longer concurrent.
    func drop(_ generation: LimitGeneration, _ booked: UInt64, _ request: LimitRequest) {
        state.withLock { _ in
            for (index, row) in generation.rows.enumerated() where booked & 1 << index != 0 {
                if row.kind == .concurrent { row.count.used -= 1 }
                row.count.charged += Self.amount(row.kind, request)
            }
        }
    }
}

extension LimitBook {
    /// More than any exchange uses; numbers beyond it are mistakes that must not overflow a sum.
    static let tokenCountMax = 1_000_000_000_000

    /// Some 30,000 years to either side of 1970: a clock that says more is broken, and here it does no harm.
    private static let secondsMax: Int64 = 1 << 40

    private struct Admission {
        let generation: LimitGeneration
        let time: LimitTime
        var booked: UInt64 = 0
        var would: [LimitRefusal] = []
        var refusal: LimitRefusal?
    }

    private static func admit(
        _ request: LimitRequest, in generation: LimitGeneration, at time: LimitTime
    ) -> Admission {
        let isEarly = request.phase == .early
        var admission = Admission(generation: generation, time: time)
        for (index, row) in generation.rows.enumerated() where row.isEarly == isEarly {
            guard row.isForAllModels || request.isForAnyModel || row.rule.applies(to: request.model) else { continue }
            if request.usesNothing, row.kind.countsUsage { continue }
            let isUnpriced = row.kind == .budget && request.money == nil
            if isUnpriced && !generation.refusesUnpriced { continue }
            let refusal =
                isUnpriced
                ? row.refusal(.unpriced, 0, at: time) : row.refusal(amount(row.kind, request), at: time)
            if let refusal, row.isEnforced {
                admission.refusal = longer(admission.refusal, refusal)
            } else if let refusal {
                admission.would.append(refusal)
                if row.kind == .budget && !isUnpriced { admission.booked |= 1 << index }
            } else {
                admission.booked |= 1 << index
            }
        }
        if admission.refusal != nil { return admission }
        for (index, row) in generation.rows.enumerated() where admission.booked & 1 << index != 0 {
            row.book(amount(row.kind, request), at: time)
        }
        return admission
    }

    /// Of two refusals the one to tell: the one that never ends, or else the one that lasts longer.
    private static func longer(_ left: LimitRefusal?, _ right: LimitRefusal) -> LimitRefusal {
        guard let left else { return right }
        if left.isPermanent != right.isPermanent { return left.isPermanent ? left : right }
        return (left.retryAfter ?? 0) >= (right.retryAfter ?? 0) ? left : right
    }

    /// What a request is in a limit's unit.
    private static func amount(_ kind: LimitKind, _ request: LimitRequest) -> Int128 {
        switch kind {
        case .requests, .concurrent: 1
        case .tokens: Int128(request.inputTokens) + Int128(request.outputTokens)
        case .inputTokens: Int128(request.inputTokens)
        case .outputTokens: Int128(request.outputTokens)
        case .budget: request.money?.picodollars ?? 0
        }
    }

    private static func correct(_ row: LimitRow, by difference: Int128, _ held: HeldMoney, at time: LimitTime) {
        switch row.kind {
        case .requests: break
        case .tokens, .inputTokens, .outputTokens:
            row.count.flow(row.rule, to: time.monotonic)
            row.count.fill(difference * row.scale)
        case .budget:
            row.count.roll(row.rule, to: time.unixSeconds)
            // What was held in a window that is over cannot come back; the open one gives back at most what it holds.
            let inWindow = held.since(row.count.window.lowerBound).picodollars
            row.count.used += max(difference, -inWindow)
        case .concurrent: row.count.used -= 1
        }
    }

    private static func clamped(_ request: LimitRequest) -> LimitRequest {
        var request = request
        request.inputTokens = min(max(request.inputTokens, 0), tokenCountMax)
        request.outputTokens = min(max(request.outputTokens, 0), tokenCountMax)
        if let money = request.money {
            let most = Money.dollarsMax * Money.picodollarsPerDollar
            request.money = Money(picodollars: min(max(money.picodollars, 0), most))
        }
        return request
    }
}
