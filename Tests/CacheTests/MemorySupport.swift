import Wire

@testable import Cache

/// A key that differs in all of its bits, as digests do.
func memoryKey(_ number: UInt64) -> CacheKey {
    var random = SplitMix(state: number)
    let digest = (0..<4).flatMap { _ in
        let word = random.next()
        return (0..<8).map { UInt8(truncatingIfNeeded: word >> (8 * $0)) }
    }
    return CacheKey(digest: digest.span)!
}

/// An entry whose document begins with a number.
func memoryEntry(_ number: UInt64, documentByteCount: Int = 100) -> CacheEntry {
    var document = (0..<8).map { UInt8(truncatingIfNeeded: number >> (8 * UInt64($0))) }
    document += [UInt8](repeating: 0x20, count: max(0, documentByteCount - 8))
    return CacheEntry(document: document, canStream: true, callsTools: false)
}

/// The number of an entry made by ``memoryEntry(_:documentByteCount:)``.
func memoryNumber(_ entry: CacheEntry) -> UInt64 {
    (0..<8).reduce(0) { $0 | UInt64(entry.document[$1]) << (8 * UInt64($1)) }
}

/// What an entry with a document of so many bytes takes in a cache.
func memoryCost(documentByteCount: Int = 100) throws -> Int {
    try EntryCodec.encode(memoryEntry(0, documentByteCount: documentByteCount)).count + MemoryShard.entryByteCount
}

extension MemoryCache {
    /// Keeps an entry that never grows old.
    @discardableResult
    func keep(_ number: UInt64, documentByteCount: Int = 100, tenant: String = "a", scope: UInt64 = 1) -> InsertResult {
        insert(
            memoryEntry(number, documentByteCount: documentByteCount), for: memoryKey(number),
            labels: Labels(tenant: tenant, scope: scope, model: nil), now: 0, freshFor: .max, goneAfter: .max)
    }

    func holds(_ number: UInt64) -> Bool { entry(for: memoryKey(number), now: 0) != nil }
}
