import Synchronization
import Testing

@testable import Cache

#if LEO_TSAN
    import Wire
    private typealias Mutex = Wire.Mutex
#endif

/// Run under ThreadSanitizer too: everything here crosses threads.
@Suite("Concurrency: flights")
struct FlightConcurrencyTests {
    /// What a task sleeps on, as the proxy's tasks do: a wake that comes before the sleep is remembered.
    private final class Sleeper: Sendable {
        private struct State {
            var isWoken = false
            var sleeper: CheckedContinuation<Void, Never>?
        }

        private let state = Mutex(State())

        func sleep() async {
            await withCheckedContinuation { continuation in
                let isWoken = state.withLock { state in
                    if !state.isWoken { state.sleeper = continuation }
                    defer { state.isWoken = false }
                    return state.isWoken
                }
                if isWoken { continuation.resume() }
            }
        }

        func wake() {
            let sleeper = state.withLock { state in
                if state.sleeper == nil { state.isWoken = true }
                defer { state.sleeper = nil }
                return state.sleeper
            }
            sleeper?.resume()
        }
    }

    /// What an exchange of the tests came to.
    private struct Outcome {
        var word: String
        var text = ""
        var hasHead = false
    }

    /// A cache, a table of flights and a provider, and the exchange that uses them as the proxy does.
    private final class World: Sendable {
        let table: FlightTable
        let entries = Mutex<[CacheKey: String]>([:])
        let askCount = Atomic<Int>(0)
        let failurePercent: Int
        let leavePercent: Int

        init(_ table: FlightTable, failurePercent: Int, leavePercent: Int) {
            self.table = table
            self.failurePercent = failurePercent
            self.leavePercent = leavePercent
        }

        func exchange(_ key: UInt8, _ form: String, _ seed: UInt64) async -> Outcome {
            var random = SplitMix(state: seed)
            if entry(key) != nil { return Outcome(word: "hit") }
            let sleeper = Sleeper()
            switch table.join(.test(key), form: [UInt8](form.utf8), wake: { sleeper.wake() }) {
            case .alone: return Outcome(word: "alone")
            case .leader(let leader): return await lead(leader, key, &random)
            case .follower(let follower): return await follow(follower, key, sleeper, &random)
            }
        }

        private func entry(_ key: UInt8) -> String? { entries.withLock { $0[.test(key)] } }

        /// Each leader's text tells its own from every other's, and how far it got.
        private func lead(_ leader: FlightLeader, _ key: UInt8, _ random: inout SplitMix) async -> Outcome {
            if let entry = entry(key) {
                leader.complete(.kept(entry))
                return Outcome(word: "hit")
            }
            let number = askCount.add(1, ordering: .relaxed).newValue
            let fails = Int.random(in: 0..<100, using: &random) < failurePercent
            var text = ""
            leader.begin(.stream)
            for piece in 0..<Int.random(in: 1...12, using: &random) {
                let more = "\(number).\(piece);"
                leader.append(more)
                text += more
                if random.next() % 3 == 0 { await Task.yield() }
            }
            if fails {
                switch random.next() % 4 {
                case 0: leader.fail()
                case 1: leader.handOver()
                case 2: leader.refuse(status: 400, contentType: "t", body: [])
                default: break
                }
                return Outcome(word: "failed")
            }
            entries.withLock { $0[.test(key)] = text + "!" }
            leader.complete(.kept(text + "!"))
            return Outcome(word: "led")
        }

        private func follow(
            _ follower: FlightFollower, _ key: UInt8, _ sleeper: Sleeper, _ random: inout SplitMix
        ) async -> Outcome {
            var outcome = Outcome(word: "")
            while true {
                if Int.random(in: 0..<100, using: &random) < leavePercent {
                    if random.next() % 2 == 0 { follower.leave() }
                    outcome.word = "left"
                    return outcome
                }
                switch follower.next() {
                case .wait: await sleeper.sleep()
                case .head: outcome.hasHead = true
                case .data(let piece): outcome.text += String(decoding: piece, as: UTF8.self)
                case .lead(let leader):
                    #expect(!outcome.hasHead)
                    return await lead(leader, key, &random)
                case .end(let answer):
                    let document = String(decoding: answer.document ?? [], as: UTF8.self)
                    if !outcome.hasHead { outcome.text = String(document.dropLast()) }
                    #expect(outcome.text + "!" == document)
                    outcome.word = "followed"
                    return outcome
                case .alone, .refused, .cut:
                    outcome.word = "other"
                    return outcome
                }
            }
        }
    }

    @Test("one question is asked once, however many ask it at the same time", arguments: 1...30)
    func once(round: UInt64) async {
        let world = World(FlightTable(), failurePercent: 0, leavePercent: 0)
        let keyCount = 4
        var words: [String: Int] = [:]
        await withTaskGroup(of: Outcome.self) { group in
            for number in 0..<100 {
                let form = number % 3 == 0 ? "document" : "stream"
                group.addTask { await world.exchange(UInt8(number % keyCount), form, round &* 1000 &+ UInt64(number)) }
            }
            for await outcome in group { words[outcome.word, default: 0] += 1 }
        }
        #expect(world.askCount.load(ordering: .relaxed) == keyCount)
        #expect(words["led"] == keyCount)
        #expect((words["followed"] ?? 0) + (words["hit"] ?? 0) == 100 - keyCount)
        #expect(world.table.flightCount == 0)
        #expect(world.table.byteCount == 0)
    }

    @Test("whatever fails and whoever leaves, everybody ends, and no text is mixed", arguments: 1...30)
    func failures(round: UInt64) async {
        let limits = FlightLimits(
            flightCountMax: 3, logByteCountMax: round % 2 == 0 ? 40 : 1 << 20, logByteCountTotalMax: 1 << 20,
            pieceByteCountMax: 8)
        let world = World(FlightTable(limits), failurePercent: 70, leavePercent: 10)
        await withTaskGroup(of: Outcome.self) { group in
            for number in 0..<200 {
                let form = number % 3 == 0 ? "document" : "stream"
                group.addTask { await world.exchange(UInt8(number % 5), form, round &* 1000 &+ UInt64(number)) }
            }
            for await outcome in group {
                // One leader's pieces in their order, from the first: "7.0;7.1;7.2;7." and no further.
                let pieces = outcome.text.split(separator: ";", omittingEmptySubsequences: false).dropLast()
                let leaders = Set(pieces.map { $0.prefix { $0 != "." } })
                #expect(leaders.count <= 1)
                let numbers = pieces.map { String($0.drop { $0 != "." }) }
                #expect(numbers == (0..<numbers.count).map { ".\($0)" })
            }
        }
        #expect(world.table.flightCount == 0)
        #expect(world.table.byteCount == 0)
    }

    /// Who leads now, which nobody may do together with another one.
    private final class Leadership: Sendable {
        let leaderCount = Atomic<Int>(0)
        let turnCount = Atomic<Int>(0)

        func lead(_ end: () -> Void) {
            turnCount.add(1, ordering: .relaxed)
            #expect(leaderCount.add(1, ordering: .sequentiallyConsistent).newValue == 1)
            leaderCount.subtract(1, ordering: .sequentiallyConsistent)
            end()
        }
    }

    /// No exchange in between: nothing but calls, as close together as threads can make them.
    @Test("flights of one key in a row never run into each other", arguments: 1...8)
    func inARow(round: UInt64) async {
        let table = FlightTable()
        let leadership = Leadership()
        await withTaskGroup(of: Void.self) { group in
            for task in 0..<8 {
                group.addTask {
                    var random = SplitMix(state: round &* 100 &+ UInt64(task))
                    for _ in 0..<500 { Self.turn(table, leadership, completes: random.next() % 2 == 0) }
                }
            }
        }
        #expect(leadership.turnCount.load(ordering: .relaxed) > 0)
        #expect(table.flightCount == 0)
    }

    private static func turn(_ table: FlightTable, _ leadership: Leadership, completes: Bool) {
        switch table.join() {
        case .alone: Issue.record("the table is not full")
        case .leader(let leader):
            leadership.lead { if completes { leader.complete(.kept("{}")) } else { leader.fail() } }
        case .follower(let follower):
            let step = follower.next()
            switch step {
            case .lead(let leader): leadership.lead { leader.handOver() }
            case .wait, .alone, .end: break
            case .head, .data, .refused, .cut: Issue.record("\(step.word)")
            }
        }
    }
}
