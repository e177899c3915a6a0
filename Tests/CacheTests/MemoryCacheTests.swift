import Testing
import Wire

@testable import Cache

@Suite("A memory cache")
struct MemoryCacheTests {
    private let labels = MemoryCache.Labels(tenant: "a", scope: 1, model: "m")
    private let large = MemoryCache(byteCountMax: 1 << 24, entryByteCountMax: 1 << 20)

    @Test("gives back what it was given, and its age")
    func roundTrip() throws {
        var usage = Usage()
        usage.inputTokens = 7
        usage.outputTokens = 300
        let entry = CacheEntry(
            document: Array(#"{"id":"x"}"#.utf8), canStream: true, callsTools: true, toolCallIDs: ["call_1"],
            fields: [("x-request-id", "req_1")], model: "gpt", usage: usage)
        #expect(large.insert(entry, for: key(1), labels: labels, now: 100, freshFor: 50, goneAfter: 80) == .kept)
        let found = try #require(large.entry(for: key(1), now: 130))
        #expect(found.entry == entry && found.ageNanoseconds == 30 && found.freshness == .fresh)
        #expect(large.entry(for: key(2), now: 130) == nil)
        let stale = try #require(large.entry(for: key(1), now: 150))
        #expect(stale.freshness == .stale(byNanoseconds: 0))
        #expect(large.entry(for: key(1), now: 179)?.freshness == .stale(byNanoseconds: 29))
        #expect(large.entry(for: key(1), now: 180) == nil)
        #expect(large.statistics.entries == 0 && large.statistics.bytes == 0)
    }
}

/// A key that differs in all of its bits, as digests do.
func key(_ number: UInt64) -> CacheKey {
    var random = SplitMix(state: number)
    let digest = (0..<4).flatMap { _ in
        let word = random.next()
        return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return CacheKey(digest: digest.span)!
}
