/// An entry in its shard.
struct MemoryNode {
    let key: CacheKey
    let content: [UInt8]
    let storedAt: UInt64
    let freshUntil: UInt64
    let goneAt: UInt64
    /// The next node of the same bucket.
    var nextInBucket = MemoryShard.none
    /// Neighbours in the queue.
    var newer = MemoryShard.none
    var older = MemoryShard.none
    /// Neighbours among those with the same labels.
    var nextInRow = MemoryShard.none
    var previousInRow = MemoryShard.none
    var row: UInt32
    var queue: Queue
    /// How often it was asked for since it came here, as far as that counts.
    var frequency: UInt8

    enum Queue: UInt8 { case small, main }

    /// What it takes of the cache's bytes.
    var cost: Int { MemoryShard.entryByteCount + content.count }
}

/// A queue of nodes, linked by ``MemoryNode/newer`` and ``MemoryNode/older``.
struct NodeQueue {
    var newest = MemoryShard.none
    var oldest = MemoryShard.none
    var byteCount = 0
}

/// What a look-up finds.
struct MemoryHit {
    let content: [UInt8]
    let storedAt: UInt64
    let freshUntil: UInt64
    /// The time of the look-up, never before `storedAt`.
    let now: UInt64
}

/// An entry on its way in, and what was decided about it so far.
struct MemoryInsertion {
    let key: CacheKey
    let content: [UInt8]
    let labels: MemoryCache.Labels
    let now: UInt64
    let freshFor: UInt64
    let goneAfter: UInt64
    /// Where it goes; nil before the first look.
    var queue: MemoryNode.Queue?
    var frequency: UInt8 = 0
    /// How many entries may still go round the main queue again for its sake. Each of them would cost a step, and there
    /// could be as many as entries; beyond this number the oldest leaves, however often it was asked for.
    var secondChances = 128
}
