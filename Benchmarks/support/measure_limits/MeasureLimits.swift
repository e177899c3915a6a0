// What a tenant's limits cost an exchange, for Benchmarks/limits: admission in both phases and settlement.
//
//     MeasureLimits SECONDS
//
// One line for each set of limits: its name, the number of limits, and nanoseconds of CPU time for one exchange, the best
// of many rounds; then the same with several threads at one tenant, wall-clock time over all exchanges.
import Glibc
import Policy

@main
struct MeasureLimits {
    private static let roundCount = 20_000

    static func main() async {
        let seconds = Double(CommandLine.arguments.dropFirst().first ?? "") ?? 0.5
        for (name, rules) in sets { print(name, rules.count, Int(measure(rules, seconds))) }
        for threadCount in [1, 2, 4] {
            let nanoseconds = await contended(sets[2].rules, threadCount: threadCount)
            print("threads-\(threadCount)", sets[2].rules.count, Int(nanoseconds))
        }
    }

    /// Wide enough that everything is admitted: refusals come earlier and cost less.
    private static let sets: [(name: String, rules: [LimitRule])] = {
        let most = 1_000_000_000_000_000
        let dollars = Money(picodollars: 1_000_000_000_000_000_000_000)
        let typical: [LimitRule] = [
            .rate(.requests, most, per: .minute), .rate(.requests, most, per: .second), .concurrent(1_000_000),
            .rate(.tokens, most, per: .minute), .rate(.tokens, most, per: .day), .budget(dollars, per: .day),
            .budget(dollars, per: .month),
        ]
        let models = ["gpt-*", "claude-*", "*-pro", "gemini-*"].compactMap { ModelGlob($0) }.flatMap {
            glob -> [LimitRule] in
            [.rate(.tokens, most, per: .minute, model: glob), .budget(dollars, per: .day, model: glob)]
        }
        return [("none", []), ("one", [typical[0]]), ("typical", typical), ("models", typical + models)]
    }()

    private static func measure(_ rules: [LimitRule], _ seconds: Double) -> Double {
        let book = book(rules)
        var best = Double.infinity
        var now: Int64 = 1
        let begin = clock(CLOCK_PROCESS_CPUTIME_ID)
        while clock(CLOCK_PROCESS_CPUTIME_ID) - begin < seconds {
            let start = clock(CLOCK_PROCESS_CPUTIME_ID)
            for _ in 0..<roundCount {
                now += 1000
                exchange(book, LimitTime(monotonic: now, unixSeconds: 1_800_000_000))
            }
            best = min(best, (clock(CLOCK_PROCESS_CPUTIME_ID) - start) / Double(roundCount))
        }
        return best * 1e9
    }

    private static func contended(_ rules: [LimitRule], threadCount: Int) async -> Double {
        let book = book(rules)
        let start = clock(CLOCK_MONOTONIC)
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<threadCount {
                group.addTask {
                    for round in 0..<10 * roundCount {
                        exchange(book, LimitTime(monotonic: Int64(round) * 1000, unixSeconds: 1_800_000_000))
                    }
                }
            }
        }
        return (clock(CLOCK_MONOTONIC) - start) * 1e9 / Double(10 * roundCount * threadCount)
    }

    private static func book(_ rules: [LimitRule]) -> LimitBook {
        var settings = LimitSettings()
        settings.rules = rules
        return LimitBook(settings)
    }

    @inline(never)
    private static func exchange(_ book: LimitBook, _ time: LimitTime) {
        let money = Money(picodollars: 4_150_000_000)
        switch book.admit(LimitRequest(phase: .early), at: time) {
        case .refused: fail()
        case .admitted(let early, _):
            let request = LimitRequest(
                phase: .full, model: "gpt-5.4-mini", inputTokens: 2000, outputTokens: 500, money: money)
            switch book.admit(request, at: time) {
            case .refused: fail()
            case .admitted(let full, _):
                let charge = LimitCharge(inputTokens: 1900, outputTokens: 320, money: money)
                book.settle(early, charge, at: time)
                book.settle(full, charge, at: time)
            }
        }
    }

    private static func clock(_ clock: clockid_t) -> Double {
        var time = timespec()
        unsafe clock_gettime(clock, &time)
        return Double(time.tv_sec) + Double(time.tv_nsec) / 1e9
    }
}

private func fail() -> Never {
    print("MeasureLimits: the limits are too narrow to be measured")
    exit(1)
}
