/// What the memory for kept answers holds: for `/metrics`.
struct CacheReport {
    /// Answers kept now.
    var entryCount = 0
    /// Bytes that they take.
    var byteCount = 0
    /// Bytes that they may take.
    var byteCountMax = 0
    /// Answers kept since leo started.
    var insertionCount: UInt64 = 0
    /// Answers dropped before their time.
    var evictionCount: UInt64 = 0
    /// Answers dropped because their time was over.
    var expirationCount: UInt64 = 0
    /// Answers that could not be read again.
    var damagedCount: UInt64 = 0

    /// The values of the metrics that are asked for.
    var measures: [Metric: Exposition.Measure] {
        [
            .cacheEntries: .count(UInt64(max(0, entryCount))), .cacheBytes: .count(UInt64(max(0, byteCount))),
            .cacheBytesMax: .count(UInt64(max(0, byteCountMax))), .cacheInsertions: .count(insertionCount),
            .cacheEvictions: .count(evictionCount), .cacheExpirations: .count(expirationCount),
            .cacheDamaged: .count(damagedCount),
        ]
    }
}
