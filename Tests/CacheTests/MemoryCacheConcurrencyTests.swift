import Synchronization
import Testing

@testable import Cache

/// Run under ThreadSanitizer too: everything here crosses threads.
@Suite("Concurrency: a memory cache")
struct MemoryCacheConcurrencyTests {
    private static let threadCount: UInt64 = 8
    private static let roundCount = 1500
    private static let keyCount: UInt64 = 300
    private static let byteCountMax = 60_000

    @Test("gives each key its own answer, the last ones kept, and stays within its bytes, whatever threads do")
    func everything() async throws {
        let cache = MemoryCache(byteCountMax: Self.byteCountMax, entryByteCountMax: 3000)
        let shared = Shared()
        await withTaskGroup(of: Void.self) { group in
            for thread in 0..<Self.threadCount {
                group.addTask { Self.work(cache, shared, thread) }
            }
        }
        let statistics = cache.statistics
        #expect(statistics.bytes <= Self.byteCountMax && statistics.damaged == 0)
        #expect(statistics.hits > 0 && statistics.evictions > 0)
        #expect(statistics.tenants.values.reduce(0) { $0 + $1.entries } == statistics.entries)
        let purged = cache.purge()
        #expect(purged.entries == statistics.entries && cache.statistics.bytes == 0)
        #expect(cache.statistics.tenants.isEmpty)
    }

    private final class Shared: Sendable {
        let clock = Atomic<UInt64>(1)
        /// What was written last for each key. It has one writer, so that nobody may find anything older.
        let versions = (0..<keyCount).map { _ in Version() }
    }

    private final class Version: Sendable {
        let value = Atomic<UInt64>(0)
    }

    private static func work(_ cache: MemoryCache, _ shared: Shared, _ thread: UInt64) {
        var random = SplitMix(state: thread)
        for _ in 0..<roundCount {
            let now = shared.clock.wrappingAdd(1, ordering: .relaxed).newValue
            let number = random.next() % keyCount
            switch random.next() % 32 {
            case 0..<12:
                let own = number - number % threadCount + thread
                if own < keyCount { write(own, cache, shared.versions[Int(own)], now, &random) }
            case 12..<28:
                let before = shared.versions[Int(number)].value.load(ordering: .sequentiallyConsistent)
                guard let found = cache.entry(for: memoryKey(number), now: now) else { continue }
                let content = memoryNumber(found.entry)
                let after = shared.versions[Int(number)].value.load(ordering: .sequentiallyConsistent)
                #expect(content >> 32 == number)
                #expect(content & 0xffff_ffff <= after + 1 && content & 0xffff_ffff >= before)
            case 28: cache.remove(memoryKey(number))
            case 29: cache.dropScope(random.next() % 5)
            case 30: cache.purge(tenant: "t\(random.next() % 3)")
            default:
                if random.next() % 16 == 0 {
                    cache.resize(byteCountMax: byteCountMax / 2, entryByteCountMax: 2000)
                    cache.resize(byteCountMax: byteCountMax, entryByteCountMax: 3000)
                } else {
                    #expect(cache.statistics.bytes <= byteCountMax)
                }
            }
        }
    }

    private static func write(
        _ number: UInt64, _ cache: MemoryCache, _ last: Version, _ now: UInt64, _ random: inout SplitMix
    ) {
        let version = last.value.load(ordering: .relaxed) + 1
        // What stands there must never be older than what was written last, so it goes before it is replaced.
        cache.remove(memoryKey(number))
        cache.insert(
            memoryEntry(number << 32 | version, documentByteCount: 8 + Int(random.next() % 1500)),
            for: memoryKey(number),
            labels: MemoryCache.Labels(tenant: "t\(random.next() % 3)", scope: random.next() % 5, model: nil), now: now,
            freshFor: 300, goneAfter: 600)
        last.value.store(version, ordering: .sequentiallyConsistent)
    }
}
