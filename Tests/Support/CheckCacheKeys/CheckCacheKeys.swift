// Looks at many pairs of requests that differ in one thing, over all dialects, and whether their keys do.
//
//     CheckCacheKeys [PAIRS [SEED]]       a million and 1
import CacheKeyPairs
import Glibc

@main
struct CheckCacheKeys {
    static func main() {
        let numbers = CommandLine.arguments.dropFirst().compactMap { UInt64($0) }
        let count = numbers.first ?? 1_000_000
        let names = CacheKeyPairs.names
        var total = 0
        var failures: [String] = []
        for (index, name) in names.enumerated() {
            let seed = (numbers.dropFirst().first ?? 1) &+ UInt64(index)
            let share = Int(count) / names.count + 1
            let report = CacheKeyPairs.run(name, count: share, seed: seed)
            total += report.pairCount
            failures += report.failures
            print(
                name, "\(report.pairCount) pairs, \(report.sameCount) must be the same,",
                "\(report.bypassCount) became none of the cache's business")
        }
        for failure in failures { print("FAILED:", failure) }
        print("\(total) pairs, \(failures.count) failures")
        exit(failures.isEmpty ? 0 : 1)
    }
}
