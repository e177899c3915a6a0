import CacheKeyPairs
import Testing

@Suite("Keys of requests that differ in one thing")
struct CacheKeyPairsTests {
    /// `CheckCacheKeys`, built for release, looks at a million.
    @Test("differ where the answer may, and only there", arguments: CacheKeyPairs.names)
    func pairs(name: String) {
        let report = CacheKeyPairs.run(name, count: 6000, seed: 1)
        #expect(report.failures == [])
        #expect(report.pairCount == 6000)
    }
}
