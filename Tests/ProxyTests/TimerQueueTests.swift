import Testing

@testable import Proxy

@Suite("The timer queue")
struct TimerQueueTests {
    @Test("expires waiters in the order of their deadlines, wherever those were moved", arguments: 1...30)
    func order(seed: UInt64) async throws {
        let fixture = try LoopFixture()
        try await fixture.run { loop in
            var random = SplitMix(state: seed)
            let waiters = (0..<60).map { _ in Waiter(loop: loop) }
            // Nothing suspends here, so the loop itself fires nothing meanwhile.
            for _ in 0..<400 {
                let waiter = waiters[Int(random.next() % 60)]
                switch random.next() % 8 {
                case 0: loop.timers.remove(waiter)
                case 1:
                    waiter.deadline = .never
                default:
                    waiter.deadline = MonotonicTime(nanoseconds: 1 + random.next() % 1000)
                }
                #expect(loop.timers.isConsistent)
            }
            var now: UInt64 = 0
            while loop.timers.count > 0 {
                now += 25
                loop.timers.fire(at: MonotonicTime(nanoseconds: now))
                #expect(loop.timers.isConsistent)
                for waiter in waiters where waiter.timerIndex >= 0 {
                    #expect(waiter.deadline.nanoseconds > now, "a deadline has passed without being fired")
                }
                try #require(now < 2000, "a deadline was never fired")
            }
            for waiter in waiters { loop.timers.remove(waiter) }
        }
    }
}
