import Testing

@testable import Policy

@Suite("A tenant's limits")
struct LimitBookTests {
    @Test("let a burst through at once and then the rate")
    func rate() throws {
        let book = book(.rate(.requests, 60, per: .minute, burst: 3))
        for _ in 0..<3 { #expect(book.admits(.early, at: time(10))) }
        let refusal = try #require(book.refusal(.early, at: time(10)))
        #expect(refusal.retryAfter == 1_000_000_000 && refusal.remaining == 0 && !refusal.isPermanent)
        #expect(refusal.kind == .requests && refusal.limit == 60 && refusal.scope == nil)
        #expect(book.admits(.early, at: time(11)))
        #expect(!book.admits(.early, at: time(11.5)))
        // However long nobody came, no more than the burst has gathered.
        for _ in 0..<3 { #expect(book.admits(.early, at: time(100_000))) }
        #expect(!book.admits(.early, at: time(100_000)))
    }

    @Test(
        "have a burst of ten seconds of the rate, at least 1",
        arguments: [
            (600, .minute, 100), (20, .second, 200), (200_000, .minute, 33_333), (3, .minute, 1), (1, .day, 1),
            (8640, .day, 1), (17_280, .day, 2), (360, .hour, 1), (3600, .hour, 10),
        ] as [(Int, LimitWindow, Int)])
    func defaultBurst(count: Int, window: LimitWindow, burst: Int) {
        #expect(LimitRule.rate(.requests, count, per: window).burst == Int128(burst))
    }

    @Test("are asked in two phases: requests and concurrency before the body, what needs the model after it")
    func phases() throws {
        let glob = try #require(ModelGlob("gpt-*"))
        let book = book(
            .rate(.requests, 1, per: .minute), .concurrent(1), .rate(.tokens, 600, per: .minute),
            .rate(.requests, 1, per: .hour, model: glob))
        let early = try book.hold(.early, at: time(1))
        #expect(book.refusal(.early, at: time(1))?.kind == .requests)
        #expect(book.refusal(.early, at: time(61))?.kind == .concurrent)
        #expect(book.admits(.tokens(50, model: "gpt-5"), at: time(61)))
        #expect(book.refusal(.tokens(1, model: "GPT-4.1"), at: time(61))?.scope == glob)
        #expect(book.admits(.tokens(10, model: "claude-opus-5"), at: time(61)))
        // A model that nobody knows is not under a model's limit.
        #expect(book.admits(.tokens(10), at: time(61)))
        book.settle(early, LimitCharge(), at: time(61))
        #expect(book.admits(.early, at: time(61)))
    }

    @Test("refuse for good what is more than a burst or a budget, and tell that first")
    func aboveBurst() throws {
        let book = book(
            .rate(.tokens, 600, per: .minute), .budget(.dollars(5), per: .day),
            .rate(.requests, 1, per: .hour, model: ModelGlob("*")))
        let tooMuch = try #require(book.refusal(.tokens(90, 11, model: "m", money: .zero), at: time(0)))
        #expect(tooMuch.reason == .aboveBurst && tooMuch.isPermanent && tooMuch.retryAfter == nil)
        #expect(tooMuch.needed == 101 && tooMuch.rule.burst == 100)
        let tooDear = try #require(book.refusal(.dollars(5.01, model: "m"), at: time(0)))
        #expect(tooDear.reason == .aboveBurst && tooDear.kind == .budget)
        #expect(book.admits(.tokens(100, model: "m", money: .dollars(5)), at: time(0)))
        #expect(book.refusal(.tokens(101, model: "m", money: .zero), at: time(0))?.kind == .tokens)
    }

    @Test("let a request that uses nothing pass where tokens and money are spent, and count it as a request")
    func usesNothing() throws {
        let glob = try #require(ModelGlob("m"))
        let book = book(
            .rate(.tokens, 60, per: .minute, burst: 10), .budget(.dollars(1), per: .day),
            .rate(.requests, 2, per: .hour, burst: 2, model: glob))
        let spent = try book.hold(.tokens(10, model: "m", money: .dollars(1)), at: time(0))
        book.settle(spent, LimitCharge(inputTokens: 100, outputTokens: 0, money: .dollars(2)), at: time(0))
        #expect(!book.admits(.tokens(0, model: "m", money: .zero), at: time(0)))
        var served = LimitRequest(phase: .full, model: "m")
        served.usesNothing = true
        let reservation = try book.hold(served, at: time(0))
        book.settle(reservation, LimitCharge(), at: time(0))
        #expect(book.all(at: time(0)).map(\.used) == [100, 2_000_000_000_000, 2])
        #expect(book.refusal(served, at: time(0))?.kind == .requests)
    }

    @Test("are counted in all or in none")
    func allOrNone() {
        let book = book(
            .rate(.inputTokens, 60, per: .minute, burst: 100), .rate(.outputTokens, 60, per: .minute, burst: 10),
            .budget(.dollars(1), per: .day))
        #expect(!book.admits(.tokens(50, 11, money: .dollars(0.5)), at: time(0)))
        #expect(book.all(at: time(0)).allSatisfy { $0.used == 0 })
        #expect(book.admits(.tokens(50, 10, money: .dollars(0.5)), at: time(0)))
        #expect(book.all(at: time(0)).map(\.used) == [50, 10, 500_000_000_000])
    }

    @Test("of several that refuse tell the one that takes longest")
    func longest() throws {
        let book = book(
            .rate(.requests, 60, per: .minute, burst: 1), .rate(.requests, 60, per: .hour, burst: 1), .concurrent(1))
        let running = try book.hold(.early, at: time(0))
        #expect(book.refusal(.early, at: time(0))?.retryAfter == 60_000_000_000)
        _ = consume running
        #expect(book.refusal(.early, at: time(0))?.rule.window == .hour)
    }

    @Test("hold an estimate and charge what was used, in both directions")
    func settlement() throws {
        let book = book(.rate(.tokens, 60, per: .minute, burst: 100))
        let first = try book.hold(.tokens(60, 40), at: time(0))
        #expect(!book.admits(.tokens(1), at: time(0)))
        book.settle(first, LimitCharge(inputTokens: 20, outputTokens: 10), at: time(0))
        #expect(book.level(at: time(0)).used == 30 && book.level(at: time(0)).remaining == 70)
        let second = try book.hold(.tokens(70), at: time(0))
        book.settle(second, LimitCharge(inputTokens: 200), at: time(0))
        // Debt: everybody waits until it has flowed off.
        #expect(book.level(at: time(0)).used == 230 && book.level(at: time(0)).remaining == 0)
        #expect(book.refusal(.tokens(1), at: time(0))?.retryAfter == 131_000_000_000)
        #expect(book.level(at: time(0)).charged == 230 && book.level(at: time(0)).corrected == 60)
        #expect(book.level(at: time(0)).reset == 230_000_000_000)
        #expect(book.level(at: time(230)).used == 0)
    }

    @Test("give back what was held for an exchange that was never sent; a request's place flows off meanwhile")
    func cancel() throws {
        let book = book(
            .rate(.requests, 60, per: .minute, burst: 1), .concurrent(1), .rate(.tokens, 60, per: .minute, burst: 10),
            .budget(.dollars(1), per: .day))
        let early = try book.hold(.early, at: time(0))
        let full = try book.hold(.tokens(10, money: .dollars(1)), at: time(0))
        book.cancel(full, at: time(0))
        book.cancel(early, at: time(0.25))
        #expect(book.all(at: time(0.25)).map(\.used) == [0, 0, 0, 0])
        #expect(book.all(at: time(0.25)).map(\.charged) == [0, 0, 0, 0])
        // Half a second of the second has flowed off, so half a place came back and the other half flows off by 1 s.
        let again = try book.hold(.early, at: time(10))
        book.cancel(again, at: time(10.5))
        #expect(book.admits(.early, at: time(10.5)))
    }

    @Test("release what runs and charge what is held when a reservation is dropped")
    func dropped() throws {
        let book = book(.concurrent(1), .rate(.tokens, 60, per: .minute, burst: 10))
        do {
            let early = try book.hold(.early, at: time(0))
            let full = try book.hold(.tokens(4), at: time(0))
            #expect(book.all(at: time(0)).map(\.used) == [1, 4])
            _ = consume early
            _ = consume full
        }
        #expect(book.all(at: time(0)).map(\.used) == [0, 4])
        #expect(book.all(at: time(0)).map(\.charged) == [1, 4])
    }

    @Test("hold more for an answer that grows, until one has no room")
    func extend() throws {
        let book = book(
            .rate(.outputTokens, 60, per: .minute, burst: 100), .rate(.inputTokens, 60, per: .minute, burst: 10),
            .budget(.dollars(1), per: .day))
        var reservation = try book.hold(.tokens(10, 50, money: .dollars(0.5)), at: time(0))
        let more = book.extend(&reservation, outputTokens: 50, money: .dollars(0.25), at: time(0))
        #expect(more == nil)
        var (output, money) = (reservation.outputTokens, reservation.money)
        #expect(output == 100 && money == Money.dollars(0.75))
        let refusal = book.extend(&reservation, outputTokens: 1, money: .zero, at: time(0))
        #expect(refusal?.kind == .outputTokens)
        let budget = book.extend(&reservation, outputTokens: 1, money: .dollars(0.26), at: time(5))
        #expect(budget?.kind == .budget)
        (output, money) = (reservation.outputTokens, reservation.money)
        #expect(output == 100 && money == Money.dollars(0.75))
        #expect(book.all(at: time(0)).map(\.used) == [100, 10, 750_000_000_000])
        book.settle(
            reservation, LimitCharge(inputTokens: 10, outputTokens: 30, money: .dollars(0.3)), at: time(0))
        #expect(book.all(at: time(0)).map(\.used) == [30, 10, 300_000_000_000])
        #expect(book.all(at: time(0)).map(\.corrected) == [-70, 0, -450_000_000_000])
    }

    @Test("that only observe let everything through, and tell what they would have refused")
    func observe() throws {
        let book = book(
            .rate(.tokens, 60, per: .minute, burst: 10, mode: .observe),
            .budget(.dollars(1), per: .day, mode: .observe),
            .rate(.tokens, 600, per: .minute, burst: 100))
        #expect(book.would(.tokens(10, money: .dollars(0.9)), at: time(0)) == [])
        let would = try #require(book.would(.tokens(5, money: .dollars(0.2)), at: time(0)))
        #expect(would.map(\.kind) == [.tokens, .budget] && would[0].retryAfter == 5_000_000_000)
        // An enforced rate would not have counted it; what was spent was spent all the same.
        #expect(book.all(at: time(0)).map(\.used) == [10, 1_100_000_000_000, 15])
        #expect(book.would(.tokens(11, money: .zero), at: time(0))?.first?.reason == .aboveBurst)
        #expect(book.refusal(.tokens(90), at: time(0))?.rule.burst == 100)
        // What only observes is nothing that a client may see.
        #expect(book.status(model: nil, at: time(0)).mostConstrained?.rule.burst == 100)
        #expect(book.status(model: nil, at: time(0)).budget == nil)
    }

    @Test("of money refuse a model without a price, unless they are told to let it through")
    func unpriced() throws {
        let rule = LimitRule.budget(.dollars(1), per: .day, model: ModelGlob("gpt-*"))
        let refusal = try #require(book(rule).refusal(.tokens(1, model: "gpt-9"), at: time(0)))
        #expect(refusal.reason == .unpriced && refusal.isPermanent && refusal.remaining == 1_000_000_000_000)
        #expect(book(rule).admits(.tokens(1, model: "other"), at: time(0)))
        let lenient = book(rule, unpriced: .allow)
        #expect(lenient.admits(.tokens(1, model: "gpt-9"), at: time(0)))
        #expect(lenient.level(at: time(0)).used == 0)
        let observed = LimitRule.budget(.dollars(1), per: .day, mode: .observe)
        #expect(book(observed).would(.tokens(1), at: time(0))?.first?.reason == .unpriced)
    }

    @Test("keep what was reserved when nobody knows what an exchange has cost")
    func unknownCost() throws {
        let book = book(.budget(.dollars(1), per: .day))
        let reservation = try book.hold(.dollars(0.4), at: time(0))
        book.settle(reservation, LimitCharge(inputTokens: 5, outputTokens: 5, money: nil), at: time(0))
        #expect(book.level(at: time(0)).used == Money.dollars(0.4).picodollars)
    }

    @Test("report of each kind the one with the least left, and the scarcest of all")
    func status() throws {
        let book = book(
            .rate(.requests, 60, per: .minute, burst: 10), .rate(.requests, 600, per: .hour, burst: 100),
            .rate(.tokens, 60, per: .minute, burst: 1000, model: ModelGlob("gpt-*")), .concurrent(4),
            .budget(.dollars(10), per: .day))
        let early = try book.hold(.early, at: time(0))
        let full = try book.hold(.tokens(900, model: "gpt-5", money: .dollars(5)), at: time(0))
        let status = book.status(model: "gpt-5", at: time(0, unix: 1_800_000_000))
        #expect(status.requests?.remaining == 9 && status.requests?.capacity == 10)
        #expect(status.tokens?.remaining == 100 && status.concurrent?.remaining == 3)
        #expect(status.budget?.remaining == Money.dollars(5).picodollars)
        #expect(status.mostConstrained?.rule.kind == .tokens)
        #expect(book.status(model: "claude", at: time(0)).tokens == nil)
        #expect(LimitStatus().mostConstrained == nil)
        #expect(book.all(at: time(0)).count == 5)
        _ = consume early
        _ = consume full
    }

    @Test("without any let everything through")
    func none() throws {
        let book = LimitBook(LimitSettings())
        let reservation = try book.hold(.tokens(1_000_000_000, model: "m"), at: time(0))
        book.settle(reservation, LimitCharge(inputTokens: 5), at: time(0))
        #expect(book.all(at: time(0)).isEmpty)
    }
}

@Suite("A new file")
struct LimitReloadTests {
    @Test("keeps what unchanged limits have counted, in any order and whatever their mode")
    func unchanged() {
        let requests = LimitRule.rate(.requests, 60, per: .minute, burst: 10)
        let tokens = LimitRule.rate(.tokens, 60, per: .minute, burst: 10, model: ModelGlob("gpt-*"))
        let book = book(requests, tokens, .budget(.dollars(1), per: .day))
        #expect(book.admits(.early, at: time(0)))
        #expect(book.admits(.tokens(7, model: "gpt-5", money: .dollars(0.5)), at: time(0)))
        let observed = LimitRule.rate(.tokens, 60, per: .minute, burst: 10, mode: .observe, model: ModelGlob("GPT-*"))
        book.reload(settings([.budget(.dollars(1), per: .day), observed, requests, .concurrent(3)]))
        #expect(book.all(at: time(0)).map(\.used) == [Money.dollars(0.5).picodollars, 7, 1, 0])
    }

    @Test("goes on from what was used when only the amount is another, and begins anew when the window is")
    func changed() {
        let book = book(.rate(.tokens, 60, per: .minute, burst: 100), .budget(.dollars(1), per: .day))
        #expect(book.admits(.tokens(90, money: .dollars(0.9)), at: time(0)))
        book.reload(settings([.rate(.tokens, 60, per: .minute, burst: 50), .budget(.dollars(2), per: .day)]))
        // A lower burst leaves no debt behind.
        #expect(book.all(at: time(0)).map(\.used) == [50, Money.dollars(0.9).picodollars])
        book.reload(settings([.rate(.tokens, 60, per: .hour, burst: 50), .budget(.dollars(2), per: .month)]))
        #expect(book.all(at: time(0)).map(\.used) == [0, 0])
    }

    @Test("takes each count over once, the exact match first")
    func once() {
        let book = book(.rate(.tokens, 60, per: .minute, burst: 10), .rate(.tokens, 60, per: .minute, burst: 100))
        #expect(book.admits(.tokens(7), at: time(0)))
        book.reload(
            settings([
                .rate(.tokens, 30, per: .minute, burst: 5), .rate(.tokens, 60, per: .minute, burst: 100),
                .rate(.tokens, 20, per: .minute, burst: 5),
            ]))
        #expect(book.all(at: time(0)).map(\.used) == [5, 7, 0])
    }

    @Test("settles exchanges under way where they were admitted, and frees what they occupied")
    func underWay() throws {
        let book = book(.concurrent(2), .rate(.tokens, 60, per: .minute, burst: 10), .budget(.dollars(1), per: .day))
        let early = try book.hold(.early, at: time(0))
        let full = try book.hold(.tokens(7, money: .dollars(0.5)), at: time(0))
        book.reload(settings([.concurrent(1), .budget(.dollars(3), per: .day)]))
        #expect(book.refusal(.early, at: time(0))?.kind == .concurrent)
        book.settle(early, LimitCharge(), at: time(0))
        book.settle(full, LimitCharge(inputTokens: 3, money: .dollars(0.25)), at: time(0))
        #expect(book.all(at: time(0)).map(\.used) == [0, Money.dollars(0.25).picodollars])
        #expect(book.admits(.early, at: time(0)))
    }
}

@Suite("A budget's windows")
struct LimitWindowTests {
    /// Seconds since 1970 of midnight UTC, by counting years and months.
    private func midnight(_ year: Int64, _ month: Int, _ day: Int64) -> Int64 {
        func isLeap(_ year: Int64) -> Bool { year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) }
        var days: Int64 = 0
        for past in 1970..<year { days += isLeap(past) ? 366 : 365 }
        let lengths: [Int64] = [31, isLeap(year) ? 29 : 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]
        for past in 1..<month { days += lengths[past - 1] }
        return (days + day - 1) * 86400
    }

    @Test("begin and end with the calendar's months, leap years and centuries included")
    func months() {
        for year in Int64(1970)...2405 {
            for month in 1...12 {
                let start = midnight(year, month, 1)
                let end = month == 12 ? midnight(year + 1, 1, 1) : midnight(year, month + 1, 1)
                for moment in [start, start + 1, end - 86400, end - 1] {
                    #expect(LimitWindow.month.interval(containing: moment) == start..<end)
                }
            }
        }
        #expect(LimitWindow.month.interval(containing: -1) == -31 * 86400..<0)
    }

    @Test("of fixed length begin where the calendar's do", arguments: [LimitWindow.second, .minute, .hour, .day])
    func fixed(window: LimitWindow) throws {
        let length = try #require(window.seconds)
        for moment in [0, 1, 1_800_000_000, midnight(2028, 2, 29) + 86399, midnight(2026, 12, 31) + 86399, -1, -86401] {
            let interval = window.interval(containing: moment)
            #expect(interval.contains(moment) && interval.lowerBound % length == 0)
            #expect(interval.upperBound - interval.lowerBound == length)
        }
    }

    @Test("hold for broken clocks too", arguments: LimitWindow.allCases)
    func broken(window: LimitWindow) {
        for moment in [Int64.min, Int64.max, 1 << 40, -(1 << 40)] {
            let interval = window.interval(containing: moment)
            #expect(interval.lowerBound < interval.upperBound)
        }
    }

    @Test("open a new budget at midnight UTC, and none for a clock that goes back")
    func rollover() throws {
        let book = book(.budget(.dollars(1), per: .day))
        let midnight = midnight(2028, 2, 29)
        #expect(book.admits(.dollars(1), at: time(0, unix: midnight - 1)))
        let refusal = try #require(book.refusal(.dollars(0.1), at: time(0, unix: midnight - 60)))
        #expect(refusal.retryAfter == 1_000_000_000)
        #expect(book.refusal(.dollars(0.1), at: time(0, unix: midnight - 1))?.reason == .exhausted)
        #expect(book.admits(.dollars(0.6), at: time(0, unix: midnight)))
        #expect(!book.admits(.dollars(0.6), at: time(0, unix: midnight - 1)))
        #expect(!book.admits(.dollars(0.6), at: time(0, unix: midnight - 100_000)))
        #expect(book.level(at: time(0, unix: midnight - 100_000)).used == Money.dollars(0.6).picodollars)
        #expect(book.admits(.dollars(1), at: time(0, unix: midnight + 86400)))
    }

    @Test("count an exchange where it was admitted, and what it costs beyond where it ends")
    func acrossMidnight() throws {
        let book = book(.budget(.dollars(10), per: .day), .budget(.dollars(100), per: .month))
        let noon = midnight(2026, 11, 20) + 43200
        let cheap = try book.hold(.dollars(3), at: time(0, unix: noon))
        let dear = try book.hold(.dollars(3), at: time(0, unix: noon))
        var growing = try book.hold(.dollars(1), at: time(0, unix: noon))
        let next = time(0, unix: noon + 86400)
        let refusal = book.extend(&growing, outputTokens: 0, money: .dollars(2), at: next)
        #expect(refusal == nil)
        #expect(book.all(at: next).map(\.used) == [2, 9].map { Money.dollars($0).picodollars })
        book.settle(cheap, LimitCharge(money: .dollars(1)), at: next)
        book.settle(dear, LimitCharge(money: .dollars(4)), at: next)
        #expect(book.all(at: next).map(\.used) == [3, 8].map { Money.dollars($0).picodollars })
        // Of the two dollars that were added today one and a half come back.
        book.settle(growing, LimitCharge(money: .dollars(1.5)), at: next)
        #expect(book.all(at: next).map(\.used) == [1.5, 6.5].map { Money.dollars($0).picodollars })
        #expect(book.all(at: next).map(\.charged) == [6.5, 6.5].map { Money.dollars($0).picodollars })
    }

    @Test("are charged for an answer that grows through many of them")
    func manyWindows() throws {
        let book = book(.budget(.dollars(10), per: .minute), .budget(.dollars(100), per: .hour))
        let start = midnight(2026, 11, 20)
        var growing = try book.hold(.dollars(1), at: time(0, unix: start))
        for second in 1..<600 {
            let refusal = book.extend(
                &growing, outputTokens: 1, money: .dollars(0.01), at: time(0, unix: start + Int64(second)))
            #expect(refusal == nil)
        }
        let now = time(0, unix: start + 599)
        #expect(book.all(at: now).map(\.used) == [0.6, 6.99].map { Money.dollars($0).picodollars })
        book.settle(growing, LimitCharge(money: .dollars(5)), at: now)
        // Of this minute's 60 cents nothing stays, of the hour two dollars come back.
        #expect(book.all(at: now).map(\.used) == [0, 5].map { Money.dollars($0).picodollars })
    }
}
