import Testing

@testable import Cache

@Suite("A memory cache's labels")
struct MemoryCachePurgeTests {
    private let cache = MemoryCache(byteCountMax: 1 << 24, entryByteCountMax: 1 << 20)

    private static let tenants = ["a", "b", "c"]
    private static let models: [String?] = ["m", "n", nil]
    private static let count: UInt64 = 1800

    private static func labels(_ number: UInt64) -> MemoryCache.Labels {
        MemoryCache.Labels(
            tenant: tenants[Int(number % 3)], scope: number % 6, model: models[Int(number / 6 % 3)])
    }

    private func fill() {
        for number in 0..<Self.count {
            cache.insert(
                memoryEntry(number), for: memoryKey(number), labels: Self.labels(number), now: 0, freshFor: 9,
                goneAfter: 9)
        }
    }

    private func left() -> [UInt64] { (0..<Self.count).filter { cache.holds($0) } }

    @Test("drop a scope's entries and no others")
    func scope() {
        fill()
        #expect(cache.dropScope(4) == 300)
        #expect(left() == (0..<Self.count).filter { $0 % 6 != 4 })
        #expect(cache.dropScope(4) == 0 && cache.dropScope(77) == 0)
        #expect(cache.statistics.tenants["b"]?.entries == 300)
        fill()
        #expect(left().count == Int(Self.count))
    }

    @Test(
        "drop the entries of a tenant, of a model, of both, or all",
        arguments: ["a", "x", nil] as [String?], ["m", "n", "x", nil] as [String?])
    func purge(tenant: String?, model: String?) {
        fill()
        let isMeant = { (number: UInt64) in
            let labels = Self.labels(number)
            return (tenant == nil || labels.tenant == tenant) && (model == nil || labels.model == model)
        }
        let before = cache.statistics
        let (entries, bytes) = cache.purge(tenant: tenant, model: model)
        let after = cache.statistics
        #expect(entries == (0..<Self.count).count(where: isMeant))
        #expect(bytes == before.bytes - after.bytes && entries == before.entries - after.entries)
        #expect(left() == (0..<Self.count).filter { !isMeant($0) })
        #expect(after.evictions == 0)
        fill()
        #expect(cache.statistics.bytes == before.bytes)
    }

    @Test("count what each tenant holds")
    func tenants() throws {
        fill()
        let statistics = cache.statistics
        #expect(statistics.tenants.mapValues(\.entries) == ["a": 600, "b": 600, "c": 600])
        #expect(statistics.tenants.values.reduce(0) { $0 + $1.bytes } == 1800 * (try memoryCost()))
        // The labels themselves take room as well.
        #expect(statistics.bytes > 1800 * (try memoryCost()))
    }

    @Test("cost room of their own, so that many of them do not go beyond the limit")
    func room() {
        let cache = MemoryCache(byteCountMax: 1 << 19, entryByteCountMax: 1 << 15)
        for number in 0..<3000 as Range<UInt64> { cache.keep(number, documentByteCount: 8, scope: number) }
        let statistics = cache.statistics
        #expect(statistics.bytes <= 1 << 19 && statistics.entries > 500)
        #expect((0..<3000).reduce(0) { $0 + cache.dropScope($1) } == statistics.entries)
        #expect(cache.statistics.bytes == 0)
    }

    @Test("take no name of a model that is longer than any has")
    func longModel() {
        let long = String(repeating: "m", count: MemoryCache.Labels.modelByteCountMax)
        #expect(MemoryCache.Labels(tenant: "a", scope: 0, model: long).model == long)
        #expect(MemoryCache.Labels(tenant: "a", scope: 0, model: long + "m").model == nil)
    }
}
