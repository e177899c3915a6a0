import Testing
import Wire

@testable import Cache

@Suite("A memory cache")
struct MemoryCacheTests {
    private let labels = MemoryCache.Labels(tenant: "a", scope: 1, model: "m")
    private let cache = MemoryCache(byteCountMax: 1 << 24, entryByteCountMax: 1 << 20)

    @Test("gives back what it was given, with its age, until it is gone")
    func roundTrip() throws {
        var usage = Usage()
        usage.inputTokens = 7
        usage.outputTokens = 300
        let kept = CacheEntry(
            document: Array(#"{"id":"x"}"#.utf8), canStream: true, callsTools: true, toolCallIDs: ["call_1"],
            fields: [("x-request-id", "req_1")], model: "gpt", usage: usage)
        #expect(cache.insert(kept, for: memoryKey(1), labels: labels, now: 100, freshFor: 50, goneAfter: 80) == .kept)
        let found = try #require(cache.entry(for: memoryKey(1), now: 130))
        #expect(found.entry == kept && found.ageNanoseconds == 30 && found.freshness == .fresh)
        #expect(cache.entry(for: memoryKey(2), now: 130) == nil)
        #expect(cache.entry(for: memoryKey(1), now: 149)?.freshness == .fresh)
        #expect(cache.entry(for: memoryKey(1), now: 150)?.freshness == .stale(byNanoseconds: 0))
        #expect(cache.entry(for: memoryKey(1), now: 179)?.freshness == .stale(byNanoseconds: 29))
        #expect(cache.entry(for: memoryKey(1), now: 180) == nil)
        let statistics = cache.statistics
        #expect(statistics.entries == 0 && statistics.bytes == 0 && statistics.tenants.isEmpty)
        #expect(statistics.insertions == 1 && statistics.hits == 4 && statistics.misses == 2)
        #expect(statistics.expirations == 1 && statistics.evictions == 0)
    }

    @Test("keeps a marker without a document")
    func marker() throws {
        cache.insert(memoryEntry(1).marker, for: memoryKey(1), labels: labels, now: 0, freshFor: 10, goneAfter: 10)
        let found = try #require(cache.entry(for: memoryKey(1), now: 0)?.entry)
        #expect(found.isMarker && found.documentByteCount == 0 && found.document.isEmpty && found.canStream)
    }

    @Test("lets nothing live longer because the clock goes back, and trusts no age below nothing")
    func clock() throws {
        cache.insert(memoryEntry(1), for: memoryKey(1), labels: labels, now: 1000, freshFor: 50, goneAfter: 100)
        #expect(cache.entry(for: memoryKey(1), now: 10)?.ageNanoseconds == 0)
        #expect(cache.entry(for: memoryKey(1), now: 1060)?.freshness == .stale(byNanoseconds: 10))
        #expect(cache.entry(for: memoryKey(1), now: 0)?.freshness == .stale(byNanoseconds: 10))
        #expect(cache.entry(for: memoryKey(1), now: 1100) == nil)
        #expect(cache.entry(for: memoryKey(1), now: 0) == nil)
        cache.insert(memoryEntry(1), for: memoryKey(1), labels: labels, now: 0, freshFor: 5, goneAfter: 5)
        #expect(cache.entry(for: memoryKey(1), now: 0)?.ageNanoseconds == 0)
        #expect(cache.entry(for: memoryKey(1), now: 1105) == nil)
    }

    @Test("lets an entry live at least as long as it is fresh, and for ever if its time has no end")
    func times() {
        cache.insert(memoryEntry(1), for: memoryKey(1), labels: labels, now: 10, freshFor: 50, goneAfter: 0)
        #expect(cache.entry(for: memoryKey(1), now: 59)?.freshness == .fresh)
        #expect(cache.entry(for: memoryKey(1), now: 60) == nil)
        cache.insert(memoryEntry(2), for: memoryKey(2), labels: labels, now: 10, freshFor: .max, goneAfter: .max)
        #expect(cache.entry(for: memoryKey(2), now: .max - 1)?.freshness == .fresh)
        #expect(cache.entry(for: memoryKey(2), now: .max) == nil)
    }

    @Test("drops what has expired also where nobody asks for it")
    func sweep() {
        for number in 0..<1000 as Range<UInt64> {
            cache.insert(
                memoryEntry(number), for: memoryKey(number), labels: labels, now: 0, freshFor: 10, goneAfter: 10)
        }
        for number in 1000..<2000 as Range<UInt64> {
            cache.insert(
                memoryEntry(number), for: memoryKey(number), labels: labels, now: 10, freshFor: 10, goneAfter: 10)
        }
        #expect(cache.statistics.entries == 1000 && cache.statistics.expirations == 1000)
        #expect((1000..<2000).allSatisfy { cache.entry(for: memoryKey($0), now: 10) != nil })
    }

    @Test("replaces what a key has, and removes it")
    func replace() throws {
        cache.keep(1)
        let other = MemoryCache.Labels(tenant: "b", scope: 2, model: nil)
        cache.insert(
            memoryEntry(7, documentByteCount: 9), for: memoryKey(1), labels: other, now: 0, freshFor: 9, goneAfter: 9)
        let found = try #require(cache.entry(for: memoryKey(1), now: 0))
        #expect(memoryNumber(found.entry) == 7)
        #expect(cache.statistics.entries == 1)
        #expect(cache.statistics.tenants.keys.sorted() == ["b"])
        cache.remove(memoryKey(1))
        cache.remove(memoryKey(1))
        #expect(cache.entry(for: memoryKey(1), now: 0) == nil)
        #expect(cache.statistics.entries == 0 && cache.statistics.bytes == 0)
    }

    @Test("takes a damaged entry for none, whichever byte it is, and counts it", arguments: 0..<40)
    func damage(_ place: Int) throws {
        var bytes = try EntryCodec.encode(memoryEntry(1, documentByteCount: 20))
        let index = place % bytes.count
        bytes[index] ^= 1 << UInt8(place % 8)
        let insert = cache.insert(
            encoded: bytes, for: memoryKey(1), labels: labels, now: 0, freshFor: 9, goneAfter: 9)
        #expect(insert == .kept)
        #expect(cache.entry(for: memoryKey(1), now: 0) == nil)
        let statistics = cache.statistics
        #expect(statistics.damaged == 1 && statistics.entries == 0 && statistics.bytes == 0)
        #expect(statistics.hits == 0 && statistics.misses == 1)
        #expect(cache.keep(1) == .kept && cache.holds(1))
    }

    @Test("keeps nothing that is larger than an entry may be, or than its share")
    func tooLarge() {
        let cache = MemoryCache(byteCountMax: 1 << 20, entryByteCountMax: 10_000)
        #expect(cache.keep(1, documentByteCount: 9900) == .kept)
        #expect(cache.keep(2, documentByteCount: 10_000) == .tooLarge)
        #expect(cache.keep(3, documentByteCount: 10_001) == .tooLarge)
        let small = MemoryCache(byteCountMax: 16_384, entryByteCountMax: 10_000)
        #expect(small.keep(1, documentByteCount: 1100) == .tooLarge)
        #expect(small.keep(1, documentByteCount: 200) == .kept)
        let ids = (0...AnswerDocument.toolCallCountMax).map { "call_\($0)" }
        let many = CacheEntry(document: [0x31], canStream: false, callsTools: true, toolCallIDs: ids)
        #expect(cache.insert(many, for: memoryKey(9), labels: labels, now: 0, freshFor: 1, goneAfter: 1) == .tooLarge)
        #expect(cache.statistics.entries == 1)
    }

    @Test("keeps nothing when it has no bytes, or fewer than none", arguments: [0, -1, Int.min, 15])
    func nothing(_ byteCountMax: Int) {
        let cache = MemoryCache(byteCountMax: byteCountMax, entryByteCountMax: byteCountMax)
        #expect(cache.keep(1) == .tooLarge && !cache.holds(1))
        #expect(cache.statistics.bytes == 0 && cache.statistics.byteCountMax == 0)
        cache.resize(byteCountMax: 1 << 20, entryByteCountMax: 1 << 16)
        #expect(cache.keep(1) == .kept && cache.holds(1))
    }

    @Test("keeps a lower limit at once, and has all of its room again when that is raised")
    func resize() throws {
        for number in 0..<5000 as Range<UInt64> { cache.keep(number) }
        cache.resize(byteCountMax: 1 << 18, entryByteCountMax: 1 << 12)
        let statistics = cache.statistics
        #expect(statistics.bytes <= 1 << 18 && statistics.byteCountMax == 1 << 18)
        #expect(statistics.entries > 500 && statistics.evictions == 5000 - statistics.entries)
        #expect((0..<5000).count { cache.holds($0) } == statistics.entries)
        cache.resize(byteCountMax: 0, entryByteCountMax: 0)
        #expect(cache.statistics.entries == 0 && cache.statistics.bytes == 0 && cache.statistics.tenants.isEmpty)
        cache.resize(byteCountMax: 1 << 24, entryByteCountMax: 1 << 20)
        for number in 0..<5000 as Range<UInt64> { #expect(cache.keep(number) == .kept) }
        #expect((0..<5000).allSatisfy { cache.holds($0) })
    }
}
