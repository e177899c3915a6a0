import Synchronization
import Testing
import Wire

@testable import Policy

/// Run under ThreadSanitizer too: everything here crosses threads.
@Suite("Concurrency: a tenant's limits")
struct LimitConcurrencyTests {
    private static let threadCount: UInt64 = 8
    private static let roundCount = 2000

    private final class Shared: Sendable {
        let clock = Atomic<Int64>(1_000_000_000)
        let charged = Atomic<Int>(0)
    }

    @Test("keep to burst + rate · t whatever threads come in whatever order, and free all that was running")
    func rates() async {
        let requests = LimitRule.rate(.requests, 1000, per: .second, burst: 20)
        let tokens = LimitRule.rate(.tokens, 50_000, per: .second, burst: 1000)
        let book = book(requests, .concurrent(6), tokens, .budget(.dollars(1_000_000), per: .day))
        let shared = Shared()
        var admitted: [LimitEvent] = []
        var reserved: [LimitEvent] = []
        await withTaskGroup(of: ([LimitEvent], [LimitEvent]).self) { group in
            for thread in 0..<Self.threadCount {
                group.addTask { Self.work(book, shared, SplitMix(state: thread)) }
            }
            for await (more, held) in group {
                admitted += more
                reserved += held
            }
        }
        #expect(!admitted.isEmpty && !reserved.isEmpty)
        #expect(mostAtOnce(admitted, rate: 1000, scale: 1_000_000_000) <= 20 * 1_000_000_000)
        #expect(mostAtOnce(reserved, rate: 50_000, scale: 1_000_000_000) <= 1000 * 1_000_000_000)
        let end = LimitTime(monotonic: shared.clock.load(ordering: .relaxed), unixSeconds: 0)
        let levels = book.all(at: end)
        #expect(levels[1].used == 0)
        #expect(levels[2].charged == Int128(shared.charged.load(ordering: .relaxed)))
        #expect(levels[3].charged == levels[3].used)
    }

    private static func work(_ book: LimitBook, _ shared: Shared, _ seed: SplitMix) -> ([LimitEvent], [LimitEvent]) {
        var random = seed
        var admitted: [LimitEvent] = []
        var reserved: [LimitEvent] = []
        for round in 0..<roundCount {
            let step = Int64.random(in: 0...400_000, using: &random)
            let now = shared.clock.add(step, ordering: .relaxed).newValue
            let time = LimitTime(monotonic: now, unixSeconds: 0)
            guard let early = book.reserve(.early, at: time) else { continue }
            admitted.append(LimitEvent(at: now, amount: 1))
            let size = Int.random(in: 0...200, using: &random)
            if let full = book.reserve(.tokens(size, money: Money(picodollars: Int128(size))), at: time) {
                reserved.append(LimitEvent(at: now, amount: Int128(size)))
                // At least what was reserved: then the bound holds for reservations without a word about returns.
                let actual = size + Int.random(in: 0...20, using: &random)
                shared.charged.add(actual, ordering: .relaxed)
                let charge = LimitCharge(inputTokens: actual, money: Money(picodollars: Int128(actual)))
                book.settle(full, charge, at: time)
            }
            if round % 64 == 0 { _ = book.status(model: nil, at: time) }
            if round % 3 == 0 { book.settle(early, LimitCharge(), at: time) }
        }
        return (admitted, reserved)
    }

    @Test("survive new files while exchanges run")
    func reload() async {
        let rules: [[LimitRule]] = [
            [.concurrent(100), .rate(.tokens, 1_000_000, per: .second)],
            [.rate(.tokens, 1_000_000, per: .second), .concurrent(50), .budget(.dollars(1000), per: .day)],
            [.concurrent(100)],
        ]
        let book = LimitBook(settings(rules[0]))
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<Self.threadCount {
                group.addTask {
                    for round in 0..<Self.roundCount {
                        let time = LimitTime(monotonic: Int64(round) * 1000, unixSeconds: Int64(round))
                        let early = book.reserve(.early, at: time)
                        if thread == 0, round % 10 == 0 { book.reload(settings(rules[round / 10 % rules.count])) }
                        if let full = book.reserve(.tokens(5, money: .dollars(0.000005)), at: time) {
                            book.settle(full, LimitCharge(inputTokens: 4), at: time)
                        }
                        _ = consume early
                    }
                }
            }
        }
        book.reload(settings(rules[2]))
        #expect(book.level(at: LimitTime(monotonic: 0, unixSeconds: 0)).used == 0)
    }

    @Test("leave forecasts whole when many learn at once")
    func forecast() async {
        let forecast = UsageForecast()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<Self.threadCount {
                group.addTask {
                    var usage = Usage()
                    (usage.inputTokens, usage.outputTokens) = (200, 50)
                    for round in 0..<Self.roundCount {
                        let model = "m\((round + Int(thread)) % 1500)"
                        forecast.learn(provider: "p", model: model, estimatedInputTokens: 100, usage: usage)
                        _ = forecast.reservation(
                            provider: "p", model: model, estimatedInputTokens: 100, outputLimit: nil)
                    }
                }
            }
        }
        #expect(forecast.entryCount <= UsageForecast.entryCountMax)
    }
}
