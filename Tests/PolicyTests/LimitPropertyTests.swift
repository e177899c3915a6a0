import Testing

@testable import Policy

/// What holds for every order in which things happen, tried with many.
@Suite("Limits, whatever happens in whatever order:")
struct LimitPropertyTests {
    private static let second: Int128 = 1_000_000_000

    /// A rule with small numbers, so that it is full most of the time.
    private func rule(_ kind: LimitKind, _ random: inout SplitMix) -> LimitRule {
        let window = [LimitWindow.second, .minute, .hour, .day].randomElement(using: &random)!
        let burst = Bool.random(using: &random) ? Int.random(in: 1...50, using: &random) : nil
        return .rate(kind, Int.random(in: 1...5000, using: &random), per: window, burst: burst)
    }

    private func scale(_ rule: LimitRule) -> Int128 { Int128(rule.window?.seconds ?? 0) * Self.second }

    /// Steps between calls that are of the order of what the rule needs to let one more in.
    private func step(_ rule: LimitRule, _ random: inout SplitMix) -> Int64 {
        Int64(clamping: scale(rule) / rule.amount) * Int64.random(in: 0...30, using: &random) / 10
    }

    @Test("in any interval no more requests go out than burst + rate · t, also after cancelled ones", arguments: 0..<60)
    func requests(seed: UInt64) {
        var random = SplitMix(state: seed)
        let rule = rule(.requests, &random)
        let book = book(rule)
        var now: Int64 = 1_000_000_000
        var sent: [LimitEvent] = []
        for _ in 0..<400 {
            now += step(rule, &random)
            // Threads read the clock and come in another order.
            let jitter =
                Int64.random(in: 0...3, using: &random) == 0 ? Int64.random(in: 0...now / 10, using: &random) : 0
            let time = LimitTime(monotonic: now - jitter, unixSeconds: 0)
            guard let reservation = book.reserve(.early, at: time) else { continue }
            if Int.random(in: 0...3, using: &random) == 0 {
                now += step(rule, &random)
                book.cancel(reservation, at: LimitTime(monotonic: now, unixSeconds: 0))
            } else {
                sent.append(LimitEvent(at: time.monotonic, amount: 1))
            }
        }
        #expect(!sent.isEmpty)
        let most = mostAtOnce(sent, rate: rule.amount, scale: scale(rule))
        #expect(most <= rule.burst * scale(rule), "\(rule.text)")
    }

    @Test("and the same holds pair by pair", arguments: 100..<110)
    func pairs(seed: UInt64) {
        var random = SplitMix(state: seed)
        let rule = rule(.tokens, &random)
        let book = book(rule)
        var now: Int64 = 1
        var admitted: [LimitEvent] = []
        for _ in 0..<300 {
            now += step(rule, &random)
            let tokens = Int.random(in: 0...Int(rule.burst), using: &random)
            let time = LimitTime(monotonic: now, unixSeconds: 0)
            if let reservation = book.reserve(.tokens(tokens), at: time) {
                admitted.append(LimitEvent(at: now, amount: Int128(tokens)))
                book.settle(reservation, LimitCharge(inputTokens: tokens), at: time)
            }
        }
        for first in admitted.indices {
            var sum: Int128 = 0
            for last in first..<admitted.count {
                sum += admitted[last].amount
                let span = Int128(admitted[last].at - admitted[first].at)
                #expect(sum * scale(rule) <= rule.burst * scale(rule) + rule.amount * span)
            }
        }
    }

    @Test(
        "in any interval reservations, less what came back, stay within burst + rate · t, and charges are exact",
        arguments: 200..<260)
    func tokens(seed: UInt64) {
        var random = SplitMix(state: seed)
        let rule = rule(.tokens, &random)
        let book = book(rule)
        var now: Int64 = 1_000_000_000
        var events: [LimitEvent] = []
        var charged: Int128 = 0
        var corrected: Int128 = 0
        var open = OpenReservations()
        for _ in 0..<500 {
            now += step(rule, &random)
            let time = LimitTime(monotonic: now, unixSeconds: 0)
            if Bool.random(using: &random) || open.isEmpty {
                let (input, output) = (Int.random(in: 0...30, using: &random), Int.random(in: 0...30, using: &random))
                guard let reservation = book.reserve(.tokens(input, output), at: time) else { continue }
                events.append(LimitEvent(at: now, amount: Int128(input + output)))
                open.add(reservation)
                continue
            }
            guard var reservation = open.take(&random) else { continue }
            let held = reservation.inputTokens + reservation.outputTokens
            switch Int.random(in: 0...5, using: &random) {
            case 0:
                book.cancel(reservation, at: time)
                events.append(LimitEvent(at: now, amount: -Int128(held), isAdmission: false))
            case 1:
                // Dropped: charged as it was.
                charged += Int128(held)
            case 2:
                let more = Int.random(in: 1...10, using: &random)
                if book.extend(&reservation, outputTokens: more, money: nil, at: time) == nil {
                    events.append(LimitEvent(at: now, amount: Int128(more)))
                    #expect(reservation.inputTokens + reservation.outputTokens == held + more)
                }
                open.add(reservation)
            default:
                let actual = Int.random(in: 0...80, using: &random)
                let split = Int.random(in: 0...actual, using: &random)
                book.settle(reservation, LimitCharge(inputTokens: split, outputTokens: actual - split), at: time)
                events.append(LimitEvent(at: now, amount: Int128(actual - held), isAdmission: false))
                charged += Int128(actual)
                corrected += Int128(actual - held)
            }
        }
        let most = mostAtOnce(events, rate: rule.amount, scale: scale(rule))
        #expect(most <= rule.burst * scale(rule), "\(rule.text)")
        let level = book.level(at: LimitTime(monotonic: now, unixSeconds: 0))
        #expect(level.charged == charged && level.corrected == corrected)
    }

    @Test("a refused request is admitted when Retry-After is over, and not a nanosecond earlier", arguments: 300..<340)
    func retryAfter(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        let rule = rule(.tokens, &random)
        var now: Int64 = 5
        let book = book(rule)
        for _ in 0..<50 {
            let tokens = Int.random(in: 1...Int(rule.burst), using: &random)
            now += step(rule, &random)
            guard let refusal = book.refusal(.tokens(tokens), at: LimitTime(monotonic: now, unixSeconds: 0)) else {
                continue
            }
            #expect(refusal.reason == .exhausted && refusal.needed == Int128(tokens))
            let wait = try #require(refusal.retryAfter)
            #expect(wait > 0)
            #expect(!book.admits(.tokens(tokens), at: LimitTime(monotonic: now + wait - 1, unixSeconds: 0)))
            #expect(book.admits(.tokens(tokens), at: LimitTime(monotonic: now + wait, unixSeconds: 0)))
            now += wait
        }
    }

    @Test(
        "a budget's window never spends more than it has, but for what exchanges cost beyond their reservations",
        arguments: 400..<440)
    func budgets(seed: UInt64) {
        var random = SplitMix(state: seed)
        let window = [LimitWindow.minute, .hour, .day, .month].randomElement(using: &random)!
        let rule = LimitRule.budget(Money(picodollars: 1000), per: window)
        let book = book(rule)
        let length = window.seconds ?? 30 * 86400
        var unix: Int64 = 1_800_000_000
        var latest = Int64.min
        // What each window was charged, by the rules: in the window of the admission, and what is beyond it at the end.
        var spent: [Int64: Int128] = [:]
        var beyond: [Int64: Int128] = [:]
        var total: Int128 = 0
        var open = OpenReservations()
        for _ in 0..<300 {
            unix += Int64.random(in: -length / 20...length / 10, using: &random)
            latest = max(latest, unix)
            let time = LimitTime(monotonic: 0, unixSeconds: unix)
            let start = window.interval(containing: latest).lowerBound
            if Bool.random(using: &random) || open.isEmpty {
                let money = Money(picodollars: Int128.random(in: 0...300, using: &random))
                guard let reservation = book.reserve(.tokens(0, money: money), at: time) else {
                    #expect(spent[start, default: 0] + money.picodollars > 1000 || spent[start, default: 0] >= 1000)
                    continue
                }
                spent[start, default: 0] += money.picodollars
                open.add(reservation, window: start)
            } else {
                var admittedIn: Int64 = 0
                guard let reservation = open.take(&random, &admittedIn) else { continue }
                let held = reservation.money?.picodollars ?? 0
                let actual = Int128.random(in: 0...400, using: &random)
                book.settle(reservation, LimitCharge(money: Money(picodollars: actual)), at: time)
                total += actual
                let window = actual > held || admittedIn == start ? start : admittedIn
                spent[window, default: 0] += actual - held
                beyond[window, default: 0] += max(0, actual - held)
            }
            let level = book.level(at: time)
            #expect(level.used == spent[start, default: 0] && level.remaining == max(0, 1000 - level.used))
            #expect(level.charged == total)
        }
        for (start, sum) in spent { #expect(sum <= 1000 + beyond[start, default: 0]) }
    }

    @Test(
        "fifty at once at 90 % overshoot by what they use beyond their reservations, and no more", arguments: 500..<520)
    func overshoot(seed: UInt64) {
        var random = SplitMix(state: seed)
        let limit = 100_000
        let book = book(
            .rate(.tokens, limit, per: .minute, burst: limit),
            .budget(Money(picodollars: Int128(limit)), per: .day))
        let now = time(1)
        let first = book.reserve(.tokens(limit * 9 / 10, money: Money(picodollars: Int128(limit * 9 / 10))), at: now)
        guard let first else { Issue.record("90 % of the limit must fit"); return }
        book.settle(
            first, LimitCharge(inputTokens: limit * 9 / 10, money: Money(picodollars: Int128(limit * 9 / 10))), at: now)
        var open = OpenReservations()
        var refused = 0
        for _ in 0..<50 {
            let tokens = Int.random(in: 100...1000, using: &random)
            let request = LimitRequest.tokens(
                tokens / 2, tokens - tokens / 2, money: Money(picodollars: Int128(tokens)))
            if let reservation = book.reserve(request, at: now) { open.add(reservation) } else { refused += 1 }
        }
        #expect(refused > 0)
        var beyond: Int128 = 0
        while let reservation = open.take(&random) {
            let held = reservation.inputTokens + reservation.outputTokens
            let actual = Int.random(in: 0...2 * held, using: &random)
            beyond += Int128(max(0, actual - held))
            let charge = LimitCharge(
                inputTokens: actual / 3, outputTokens: actual - actual / 3, money: Money(picodollars: Int128(actual)))
            book.settle(reservation, charge, at: now)
        }
        for level in book.all(at: now) {
            #expect(level.used - Int128(limit) <= beyond)
            #expect(level.used == level.charged)
        }
    }

    @Test("numbers of any size neither overflow nor let anything through for nothing", arguments: 600..<620)
    func extremes(seed: UInt64) {
        var random = SplitMix(state: seed)
        let numbers = [Int.min, -1, 0, 1, 1_000_000_000, 1_000_000_000_000, Int.max]
        let times = [Int64.min, -1, 0, 1, 1 << 62, Int64.max]
        let rules: [LimitRule] = [
            .rate(.tokens, .max, per: .day, burst: .max), .rate(.inputTokens, .min, per: .second, burst: .min),
            .rate(.outputTokens, .max, per: .second), .budget(Money(picodollars: .max), per: .month, mode: .observe),
            .budget(Money(picodollars: .min), per: .minute, mode: .observe), .concurrent(.max),
        ]
        let book = LimitBook(settings(rules, unpriced: .allow))
        for _ in 0..<300 {
            let time = LimitTime(
                monotonic: times.randomElement(using: &random)!, unixSeconds: times.randomElement(using: &random)!)
            let (input, output) = (numbers.randomElement(using: &random)!, numbers.randomElement(using: &random)!)
            let money = Money(picodollars: [Int128.min, -1, 0, 1, .max].randomElement(using: &random)!)
            if var reservation = book.reserve(.tokens(input, output, money: money), at: time) {
                #expect(reservation.inputTokens >= 0 && reservation.outputTokens >= 0)
                _ = book.extend(&reservation, outputTokens: output, money: money, at: time)
                if Bool.random(using: &random) {
                    let charge = LimitCharge(inputTokens: output, outputTokens: input, money: money)
                    book.settle(reservation, charge, at: time)
                } else {
                    book.cancel(reservation, at: time)
                }
            }
            for level in book.all(at: time) { #expect(level.used >= 0 && level.remaining >= 0) }
            _ = book.status(model: nil, at: time)
        }
    }
}

/// Reservations in no order; they cannot be copied, so an array cannot hold them.
struct OpenReservations: ~Copyable {
    private final class Box {
        var reservation: Reservation?
        let window: Int64

        init(_ reservation: consuming Reservation, _ window: Int64) {
            self.reservation = consume reservation
            self.window = window
        }
    }

    private var boxes: [Box] = []

    var isEmpty: Bool { boxes.isEmpty }

    mutating func add(_ reservation: consuming Reservation, window: Int64 = 0) {
        boxes.append(Box(reservation, window))
    }

    mutating func take(_ random: inout SplitMix) -> Reservation? {
        var window: Int64 = 0
        return take(&random, &window)
    }

    mutating func take(_ random: inout SplitMix, _ window: inout Int64) -> Reservation? {
        if boxes.isEmpty { return nil }
        let box = boxes.remove(at: Int.random(in: boxes.indices, using: &random))
        window = box.window
        return box.reservation.take()
    }
}
