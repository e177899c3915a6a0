/// Whether an upstream is worth trying: closed, it is; open, it has failed so often that everybody is spared the wait;
/// half-open, a few try for all.
///
/// Two things open it: connections that fail in a row, and answers that are mostly errors of the server's. A circuit that
/// is opened by the former closes as soon as a connection stands, since an answer may take a minute.
///
/// One upstream's. No clock, no lock, no randomness of its own.
struct CircuitBreaker: Sendable {
    /// What somebody may do.
    enum Admission: Equatable, Sendable {
        /// Try. The pass goes back with what came of it.
        case go(Pass)
        /// Not now; worth another question after this.
        case refuse(Nanoseconds)
    }

    /// Permission to try once.
    struct Pass: Equatable, Sendable {
        /// The state it was given in: what comes later says nothing about another.
        fileprivate let period: UInt64
        /// It tries for all others.
        let isProbe: Bool

        /// The pass of whoever was let through while there was nothing to count.
        static let ordinary = Pass(period: 0, isProbe: false)
    }

    /// What came of a try.
    enum Outcome: Equatable, Sendable {
        /// A connection stands.
        case reached
        /// There was no connection to be had.
        case unreachable
        /// An answer, and none that is the server's own failure.
        case answered
        /// An answer of 5xx, or the end of the connection, or silence.
        case failed
        /// Nobody waited for it.
        case abandoned
    }

    private enum Cause: Sendable { case unreachable, failing }

    private enum State: Sendable {
        case closed(Count)
        case open(until: MonotonicTime, trips: Int, cause: Cause)
        /// With the moments at which those who try have begun.
        case halfOpen(probes: [MonotonicTime], since: MonotonicTime, trips: Int, cause: Cause)
    }

    private struct Count: Sendable {
        var unreachableInRow = 0
        var lastUnreachable = MonotonicTime(nanoseconds: 0)
        var windowBegin = MonotonicTime(nanoseconds: 0)
        var failed = 0
        var answered = 0
    }

    /// Fewer are an accident of the network; each took up to `upstream.connect_timeout`.
    static let unreachableInRowMax = 5
    /// Failures further apart than this are not in a row.
    static let unreachableSpan = Nanoseconds(.seconds(60))
    /// Fewer failed answers than this in a window may be one client's requests that no server could answer.
    static let failedCountMin = 20
    /// The window that they are counted in; it begins with the first.
    static let windowSpan = Nanoseconds(.seconds(10))
    /// How long the circuit is open at first; doubled for each try that fails …
    static let openSpan = Nanoseconds(.seconds(5))
    /// … up to this.
    static let openSpanMax = Nanoseconds(.seconds(60))
    /// How many try at once while it is half-open: models answer slowly, and one of them may be unlucky.
    static let probeCountMax = 3
    /// One who tries and has not come back after this does not keep others from it.
    static let probeSpan = Nanoseconds(.seconds(30))
    /// See ``endOfMeaning``.
    static let forgetSpan = Nanoseconds(.seconds(5 * 60))
    /// What whoever is refused in the half-open state is told to wait.
    static let halfOpenWait = Nanoseconds(.seconds(1))

    private var state = State.closed(Count())
    private var period: UInt64 = 1

    /// Whether nobody gets through, or only a few.
    var isOpen: Bool {
        switch state {
        case .closed: false
        case .open, .halfOpen: true
        }
    }

    /// Until when this has something to say about a request. An open circuit that nobody asks for is forgotten a while
    /// after it would have let somebody try.
    var endOfMeaning: MonotonicTime {
        switch state {
        case .closed(let count):
            let window = count.windowBegin.advanced(by: Self.windowSpan)
            return max(window, count.lastUnreachable.advanced(by: Self.unreachableSpan))
        case .open(let until, _, _): return until.advanced(by: Self.forgetSpan)
        case .halfOpen(let probes, let since, _, _): return (probes.last ?? since).advanced(by: Self.forgetSpan)
        }
    }

    /// Whether somebody may try now.
    mutating func admit(now: MonotonicTime) -> Admission {
        switch state {
        case .closed: return .go(Pass(period: period, isProbe: false))
        case .open(let until, let trips, let cause):
            if now < until { return .refuse(until.since(now)) }
            enter(.halfOpen(probes: [now], since: now, trips: trips, cause: cause))
            return .go(Pass(period: period, isProbe: true))
        case .halfOpen(var probes, let since, let trips, let cause):
            probes.removeAll { now.since($0) >= Self.probeSpan }
            guard probes.count < Self.probeCountMax else { return .refuse(Self.halfOpenWait) }
            probes.append(now)
            state = .halfOpen(probes: probes, since: since, trips: trips, cause: cause)
            return .go(Pass(period: period, isProbe: true))
        }
    }

    /// Takes note of what came of a try. `random`, from 0 to 1, spreads the moments at which several leos try again.
    mutating func note(_ outcome: Outcome, of pass: Pass, now: MonotonicTime, random: Double) {
        switch state {
        case .closed(var count):
            // A pass from before the circuit opened is about an upstream that is not this one any more.
            guard pass.period == period || pass == .ordinary else { return }
            if let cause = Self.add(outcome, to: &count, now: now) {
                open(trips: 1, cause: cause, now: now, random: random)
            } else {
                state = .closed(count)
            }
        case .open: break
        case .halfOpen(var probes, let since, let trips, let cause):
            guard pass.isProbe, pass.period == period else { return }
            switch outcome {
            case .answered: enter(.closed(Count()))
            case .reached: if cause == .unreachable { enter(.closed(Count())) }
            case .unreachable: open(trips: trips + 1, cause: .unreachable, now: now, random: random)
            case .failed: open(trips: trips + 1, cause: cause, now: now, random: random)
            case .abandoned:
                if !probes.isEmpty { probes.removeFirst() }
                state = .halfOpen(probes: probes, since: since, trips: trips, cause: cause)
            }
        }
    }

    /// Counts; returns what the circuit is to be opened for, if it is.
    private static func add(_ outcome: Outcome, to count: inout Count, now: MonotonicTime) -> Cause? {
        if now.since(count.windowBegin) >= windowSpan {
            count.failed = 0
            count.answered = 0
        }
        switch outcome {
        case .abandoned: break
        case .reached: count.unreachableInRow = 0
        case .unreachable:
            if now.since(count.lastUnreachable) >= unreachableSpan { count.unreachableInRow = 0 }
            count.unreachableInRow += 1
            count.lastUnreachable = now
            if count.unreachableInRow >= unreachableInRowMax { return .unreachable }
        case .answered:
            count.unreachableInRow = 0
            if count.failed > 0 { count.answered += 1 }
        case .failed:
            count.unreachableInRow = 0
            if count.failed == 0 { count.windowBegin = now }
            count.failed += 1
            if count.failed >= failedCountMin, count.failed >= count.answered { return .failing }
        }
        return nil
    }

    private mutating func open(trips: Int, cause: Cause, now: MonotonicTime, random: Double) {
        let doubled = Self.openSpan.count << UInt64(min(trips - 1, 6))
        let span = Double(min(doubled, Self.openSpanMax.count)) * (0.9 + 0.2 * min(max(random, 0), 1))
        enter(.open(until: now.advanced(by: Nanoseconds(count: UInt64(span))), trips: min(trips, 64), cause: cause))
    }

    private mutating func enter(_ next: State) {
        state = next
        period &+= 1
    }
}
