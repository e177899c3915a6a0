import Synchronization

/// Answers kept in this process: bounded in bytes, shared by all its threads.
///
/// An entry is under one of sixteen locks, by its key. Under a lock nothing is encoded, decoded, checked or freed, and no
/// more than some dozens of entries are looked at: whoever needs more gives the lock back in between. What makes room is
/// told in ``MemoryShard``.
///
/// It asks no clock. Every call brings `now`, nanoseconds of a clock that is never set and goes on while the machine
/// sleeps; of a clock that goes back nevertheless the latest time counts, so that no entry lives longer than it should.
public final class MemoryCache: Sendable {
    private let shards: [Shard]
    private let entryByteCountMax: Atomic<Int>

    /// The locks; more than the threads that leo has on most machines.
    static let shardCount = 16

    private final class Shard: Sendable {
        let state: Mutex<MemoryShard>

        init(byteCountMax: Int) { state = Mutex(MemoryShard(byteCountMax: byteCountMax)) }
    }

    /// An empty cache that holds at most `byteCountMax` bytes, what it needs for itself included, in entries of at most
    /// `entryByteCountMax` bytes each. A sixteenth of the whole is the most that any entry can have. With 0 bytes it keeps
    /// nothing.
    public init(byteCountMax: Int, entryByteCountMax: Int) {
        let share = Self.share(of: byteCountMax)
        shards = (0..<Self.shardCount).map { _ in Shard(byteCountMax: share) }
        self.entryByteCountMax = Atomic(max(0, entryByteCountMax))
    }

    /// The entry of a key. One that is gone, or damaged, is none, and is dropped.
    public func entry(for key: CacheKey, now: UInt64) -> Found? {
        let shard = shard(of: key)
        guard let hit = shard.state.withLock({ $0.hit(key, now: now) }).hit else { return nil }
        let entry: CacheEntry
        do throws(EntryFlaw) {
            entry = try EntryCodec.decode(hit.content)
        } catch {
            _ = shard.state.withLock { $0.dropDamaged(key, storedAt: hit.storedAt) }
            return nil
        }
        let freshness: Freshness =
            hit.now < hit.freshUntil ? .fresh : .stale(byNanoseconds: hit.now - hit.freshUntil)
        return Found(entry: entry, ageNanoseconds: hit.now - hit.storedAt, freshness: freshness)
    }

    /// Keeps an entry in place of the one that the key may have. It is fresh for `freshFor` nanoseconds, and is dropped
    /// `goneAfter` nanoseconds from now, or when it is no longer fresh if that is later.
    @discardableResult
    public func insert(
        _ entry: CacheEntry, for key: CacheKey, labels: Labels, now: UInt64, freshFor: UInt64, goneAfter: UInt64
    ) -> InsertResult {
        guard entry.documentByteCount <= entryByteCountMax.load(ordering: .relaxed) else { return .tooLarge }
        let content: [UInt8]
        do throws(EntryFlaw) { content = try EntryCodec.encode(entry) } catch { return .tooLarge }
        return insert(
            encoded: content, for: key, labels: labels, now: now, freshFor: freshFor, goneAfter: goneAfter)
    }

    /// The same for bytes that ``EntryCodec`` has made. They are checked when they are looked up, not here.
    func insert(
        encoded content: [UInt8], for key: CacheKey, labels: Labels, now: UInt64, freshFor: UInt64, goneAfter: UInt64
    ) -> InsertResult {
        guard content.count <= entryByteCountMax.load(ordering: .relaxed) else { return .tooLarge }
        let shard = shard(of: key)
        var insertion = MemoryInsertion(
            key: key, content: content, labels: labels, now: now, freshFor: freshFor, goneAfter: goneAfter)
        while true {
            // Freed when the lock is given back.
            var released: [[UInt8]] = []
            if let result = shard.state.withLock({ $0.insert(&insertion, &released) }) { return result }
        }
    }

    /// Drops the entry of a key.
    public func remove(_ key: CacheKey) {
        _ = shard(of: key).state.withLock { $0.remove(key) }
    }

    /// Drops every entry of a scope, and returns how many those were. Where there are none it costs sixteen look-ups.
    @discardableResult
    public func dropScope(_ scope: UInt64) -> Int {
        var count = 0
        for shard in shards {
            var dropped = 0
            repeat {
                var released: [[UInt8]] = []
                dropped = shard.state.withLock { $0.dropScope(scope, &released) }
                count += dropped
            } while dropped == MemoryShard.stepCountMax
        }
        return count
    }

    /// Drops the entries of a tenant, of a model, or of both; nil stands for all of them. Returns how many entries those
    /// were, and the bytes that they had. What is kept while this runs may stay.
    @discardableResult
    public func purge(tenant: String? = nil, model: String? = nil) -> (entries: Int, bytes: Int) {
        var entries = 0
        var bytes = 0
        for shard in shards {
            var row: Int? = 0
            while let from = row {
                var released: [[UInt8]] = []
                let before = entries
                row = shard.state.withLock { state in
                    let bytesBefore = state.byteCount
                    let next = state.purge(tenant: tenant, model: model, fromRow: from, &released)
                    bytes += bytesBefore - state.byteCount
                    return next
                }
                entries = before + released.count
            }
        }
        return (entries, bytes)
    }

    /// Sets other limits. What is too much is dropped before this returns, some dozens of entries at a time; entries larger
    /// than the new limit on one stay.
    public func resize(byteCountMax: Int, entryByteCountMax: Int) {
        self.entryByteCountMax.store(max(0, entryByteCountMax), ordering: .relaxed)
        let share = Self.share(of: byteCountMax)
        for shard in shards {
            var isTooLarge = true
            while isTooLarge {
                var released: [[UInt8]] = []
                isTooLarge = shard.state.withLock { $0.resize(byteCountMax: share, &released) }
            }
        }
    }

    /// What is held now, and what has happened since the start. Each lock is taken in turn, so under load the numbers are
    /// not of one moment.
    public var statistics: Statistics {
        var sum = Statistics()
        for shard in shards { shard.state.withLock { $0.add(to: &sum) } }
        return sum
    }

    /// The shard goes by the highest bits of a key; the index inside of it by the lowest.
    private func shard(of key: CacheKey) -> Shard {
        shards[Int(key.prefix >> UInt64(UInt64.bitWidth - Self.shardCount.trailingZeroBitCount))]
    }

    private static func share(of byteCountMax: Int) -> Int { max(0, byteCountMax) / shardCount }
}
