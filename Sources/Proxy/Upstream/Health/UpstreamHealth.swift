import Cache
import Policy
import Synchronization

/// What all workers know of the upstreams' condition: who asked to be left alone, who does not answer, and how many retries
/// are left.
///
/// Shared, and not one per worker: what a provider tells one connection holds for all of them, an outage should be found
/// out once, and of a circuit that is half-open a few in the whole process may try, not a few per core. The price is a lock,
/// and it is paid in trouble alone: while nothing was learnt and nothing has failed for a minute, every question is
/// answered by one atomic load. With `upstream.retries` the budget costs the lock once per request.
final class UpstreamHealth: Sendable {
    /// Upstreams in trouble that are remembered at once.
    private static let upstreamCountMax = 1024

    private struct State: ~Copyable {
        var backoff: ProviderBackoff
        var circuits = BoundedTable<HostPort, CircuitBreaker>(countMax: upstreamCountMax)
        var budgets = BoundedTable<HostPort, RetryBudget>(countMax: upstreamCountMax)
        /// Circuits that are open or half-open, and when they are forgotten.
        var open: [HostPort: MonotonicTime] = [:]
        var random = SplitMix(state: .random(in: .min ... .max))

        /// From 0 to 1.
        mutating func fraction() -> Double { Double(random.next() >> 11) / Double(1 << 53) }
    }

    let retries: RetryRule
    private let usesCircuits: Bool
    private let state: Mutex<State>
    /// Until when there is something to look up, in nanoseconds of the monotonic clock.
    private let meaningfulUntil = Atomic<UInt64>(0)
    /// The same for what providers have asked for alone.
    private let waitsUntil = Atomic<UInt64>(0)

    init(_ config: Config.Upstream) {
        retries = RetryRule(countMax: config.retriesMax)
        usesCircuits = config.usesCircuitBreaker
        state = Mutex(State(backoff: ProviderBackoff(spanMax: Nanoseconds(config.backoffMax))))
    }

    /// The values of the metrics that are asked for.
    func measures(now: MonotonicTime) -> [Metric: Exposition.Measure] {
        let count = state.withLock { state in
            state.open = state.open.filter { $0.value > now }
            return state.open.count
        }
        return [.upstreamCircuitsOpen: .count(UInt64(count))]
    }

    // MARK: What an exchange asks and tells, through its UpstreamWatch

    /// Whether some provider wants somebody to wait, so that it matters which model a request is for.
    func knowsWaits(_ now: MonotonicTime) -> Bool { waitsUntil.load(ordering: .relaxed) > now.nanoseconds }

    /// Whether nothing at all is known that could stand in a request's way.
    fileprivate func isQuiet(_ now: MonotonicTime) -> Bool {
        meaningfulUntil.load(ordering: .relaxed) <= now.nanoseconds
    }

    fileprivate func wait(for key: ProviderBackoff.Key, now: MonotonicTime) -> ProviderBackoff.Wait? {
        state.withLock { $0.backoff.wait(for: key, now: now) }
    }

    fileprivate func learn(
        _ status: Int, _ wait: Nanoseconds, for key: ProviderBackoff.Key, now: MonotonicTime
    ) {
        state.withLock { state in
            guard let until = state.backoff.note(status: status, wait: wait, for: key, now: now) else { return }
            extend(to: until)
            if waitsUntil.load(ordering: .relaxed) < until.nanoseconds {
                waitsUntil.store(until.nanoseconds, ordering: .relaxed)
            }
        }
    }

    fileprivate func admit(to upstream: HostPort, now: MonotonicTime) -> CircuitBreaker.Admission {
        guard usesCircuits else { return .go(.ordinary) }
        return state.withLock { state in
            guard var circuit = state.circuits.value(for: upstream, now: now.nanoseconds) else { return .go(.ordinary) }
            let admission = circuit.admit(now: now)
            keep(circuit, for: upstream, &state)
            return admission
        }
    }

    fileprivate func note(
        _ outcome: CircuitBreaker.Outcome, of pass: CircuitBreaker.Pass, to upstream: HostPort, now: MonotonicTime
    ) {
        guard usesCircuits else { return }
        let isTrouble = outcome == .unreachable || outcome == .failed
        if !isTrouble, isQuiet(now) { return }
        state.withLock { state in
            let known = state.circuits.value(for: upstream, now: now.nanoseconds)
            guard isTrouble || known != nil else { return }
            var circuit = known ?? CircuitBreaker()
            circuit.note(outcome, of: pass, now: now, random: state.fraction())
            keep(circuit, for: upstream, &state)
        }
    }

    /// Puts a circuit back for as long as it means something.
    private func keep(_ circuit: CircuitBreaker, for upstream: HostPort, _ state: inout State) {
        let end = circuit.endOfMeaning
        state.circuits.insert(circuit, for: upstream, expiresAt: end.nanoseconds)
        if !circuit.isOpen {
            state.open[upstream] = nil
        } else if state.open[upstream] != nil || state.open.count < Self.upstreamCountMax {
            state.open[upstream] = end
        }
        extend(to: end)
    }

    private func extend(to end: MonotonicTime) {
        if meaningfulUntil.load(ordering: .relaxed) < end.nanoseconds {
            meaningfulUntil.store(end.nanoseconds, ordering: .relaxed)
        }
    }

    fileprivate func countRequest(to upstream: HostPort, now: MonotonicTime) {
        guard retries.countMax > 0 else { return }
        state.withLock { state in
            var budget = state.budgets.value(for: upstream, now: now.nanoseconds) ?? RetryBudget()
            budget.countRequest()
            state.budgets.insert(budget, for: upstream, expiresAt: .max)
        }
    }

    fileprivate func retrySpan(
        after retryCount: Int, _ status: Int, _ advice: WaitAdvice, clientRetries: Bool, to upstream: HostPort,
        now: MonotonicTime
    ) -> Nanoseconds? {
        guard retries.countMax > 0 else { return nil }
        return state.withLock { state in
            let span = retries.span(
                after: retryCount, status: status, advice: advice, clientRetries: clientRetries,
                random: state.fraction())
            guard let span, var budget = state.budgets.value(for: upstream, now: now.nanoseconds), budget.take() else {
                return nil
            }
            state.budgets.insert(budget, for: upstream, expiresAt: .max)
            return span
        }
    }
}

/// What one exchange asks about its upstream and tells of it, in this order:
///
///     verdict      before it connects, and before each retry
///     connected    when it has a connection, new or kept          failed      when it got none, or no answer
///     answered     at the head of the answer                      retrySpan   after that: whether to send it again
///     leave        at its end, however that was
///
/// What it forgets to tell costs others a wait of half a minute at most.
struct UpstreamWatch {
    /// Whether the request may go out.
    enum Verdict: Equatable {
        case go
        /// The provider has asked to be left alone for so long, with this status.
        case backOff(ProviderBackoff.Wait)
        /// The upstream does not work; somebody tries again after this.
        case open(Nanoseconds)
    }

    private let health: UpstreamHealth
    private let upstream: HostPort
    private var pass: CircuitBreaker.Pass?
    private var isCounted = false
    /// How often leo has sent the request again.
    private(set) var retryCount = 0

    /// For a request to `upstream`, the host and port that the client asked for.
    init(_ health: UpstreamHealth, upstream: HostPort) {
        self.health = health
        self.upstream = upstream
    }

    /// Whether the request may go out. `identity`, `UpstreamIdentity.hash`, is asked for only when somebody has to wait;
    /// without one, nobody has.
    mutating func verdict(now: MonotonicTime, identity: () -> UInt64?) -> Verdict {
        if !isCounted { health.countRequest(to: upstream, now: now) }
        isCounted = true
        pass = .ordinary
        if health.isQuiet(now) { return .go }
        // A retry has waited for as long as it was told to.
        if retryCount == 0, let identity = identity(),
            let wait = health.wait(for: ProviderBackoff.Key(upstream: upstream, identity: identity), now: now)
        {
            pass = nil
            return .backOff(wait)
        }
        switch health.admit(to: upstream, now: now) {
        case .go(let pass):
            self.pass = pass
            return .go
        case .refuse(let span):
            pass = nil
            return .open(span)
        }
    }

    /// A connection stands.
    mutating func connected(now: MonotonicTime) { note(.reached, isLast: false, now) }

    /// There is no connection, or no answer.
    mutating func failed(_ fault: Fault, now: MonotonicTime) { note(fault.upstreamOutcome, isLast: true, now) }

    /// The head of an answer is there. `identity` as above.
    mutating func answered(status: Int, advice: WaitAdvice, now: MonotonicTime, identity: () -> UInt64?) {
        // 501 and 505 are about the request.
        note(status >= 500 && status != 501 && status != 505 ? .failed : .answered, isLast: true, now)
        guard ProviderBackoff.speaksForOthers(status), let wait = advice.wait, advice.mayRetry != false,
            let identity = identity()
        else { return }
        health.learn(status, wait, for: ProviderBackoff.Key(upstream: upstream, identity: identity), now: now)
    }

    /// How long to wait before sending the request again, which is then paid for; nil: the answer is the client's.
    ///
    /// `clientRetries`: `ClientAttempt.isRetry`. Not to be asked unless the whole request is still there.
    mutating func retrySpan(
        status: Int, advice: WaitAdvice, clientRetries: Bool, now: MonotonicTime
    ) -> Nanoseconds? {
        let span = health.retrySpan(
            after: retryCount, status, advice, clientRetries: clientRetries, to: upstream, now: now)
        if span != nil { retryCount += 1 }
        return span
    }

    /// The exchange is over.
    mutating func leave(now: MonotonicTime) { note(.abandoned, isLast: true, now) }

    private mutating func note(_ outcome: CircuitBreaker.Outcome, isLast: Bool, _ now: MonotonicTime) {
        guard let pass else { return }
        if isLast { self.pass = nil }
        health.note(outcome, of: pass, to: upstream, now: now)
    }
}

extension Fault {
    private static let unreachable: [Fault] = [.connectFailed, .connectTimeout, .upstreamHandshake, .viaFailed]
    private static let failed: [Fault] = [.upstreamClosed, .upstreamTimeout, .badAnswer]

    /// What an exchange that ended so says about its upstream. Most words are about the client, its request, the file, leo
    /// itself, or something that trying again does not mend and that has a better explanation of its own: a name that does
    /// not resolve, a certificate.
    var upstreamOutcome: CircuitBreaker.Outcome {
        if Self.unreachable.contains(self) { return .unreachable }
        return Self.failed.contains(self) ? .failed : .abandoned
    }
}
