/// A part of the cache: entries under one lock, and what decides which of them go.
///
/// That is S3-FIFO (Yang, Zhang, Qiu, Yue and Rashmi, "FIFO Queues are All You Need for Cache Eviction", SOSP 2023). A new
/// entry goes into a small queue, a tenth of the bytes. At its end, one that was asked for more than once goes on to the
/// main queue, and any other leaves and is remembered by its key alone; if such a key comes again, its entry goes into the
/// main queue at once. At the end of the main queue, what was asked for since goes round again, as often as it was asked
/// for but three times at most. So entries that nobody asks for twice pass through a tenth of the cache and push out
/// nothing else.
///
/// Two things are different. Sizes vary widely here: an entry larger than the small queue is kept at its second sight only,
/// unless there is room. And how many go round again for one insertion is bounded.
struct MemoryShard {
    var nodes = ChunkedArray<MemoryNode>()
    /// The first node of each bucket; see MemoryShard+Index.swift.
    var buckets = ChunkedArray<UInt32>()
    var small = NodeQueue()
    var main = NodeQueue()
    var labels = LabelTable()
    private(set) var byteCountMax: Int
    private var ghosts = GhostTable()
    private var counts = MemoryCache.Statistics()
    private var latest: UInt64 = 0
    private var sweepPlace = 0

    /// No node, no row.
    static let none = UInt32.max
    /// What an entry takes beside its content: its node, its places in the index and among the ghosts, and what the array
    /// and the allocator add. Benchmarks/cache-memory measures it.
    static let entryByteCount = 176
    /// Steps under one lock: entries dropped, or moved.
    static let stepCountMax = 64
    /// Nodes looked at for their time with each insertion.
    private static let sweepCount = 8
    private static let rowCountMax = 1024
    private static let frequencyMax: UInt8 = 3

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// The bytes held, all that entries cost included.
    var byteCount: Int { small.byteCount + main.byteCount + labels.byteCount }

    private var smallByteCountMax: Int { byteCountMax / 10 }

    /// Looks a key up. The second value is content to be freed when the lock is given back.
    mutating func hit(_ key: CacheKey, now: UInt64) -> (hit: MemoryHit?, gone: [UInt8]?) {
        let now = advance(to: now)
        guard let place = place(of: key) else {
            counts.misses += 1
            return (nil, nil)
        }
        if nodes[place].goneAt <= now {
            counts.misses += 1
            counts.expirations += 1
            return (nil, remove(at: place))
        }
        counts.hits += 1
        nodes[place].frequency = min(nodes[place].frequency + 1, Self.frequencyMax)
        let node = nodes[place]
        let hit = MemoryHit(content: node.content, storedAt: node.storedAt, freshUntil: node.freshUntil, now: now)
        return (hit, nil)
    }

    /// Keeps an entry; nil means that there is no room yet, and asks for another call. Content to be freed when the lock
    /// is given back is added to `released`.
    mutating func insert(_ new: inout MemoryInsertion, _ released: inout [[UInt8]]) -> MemoryCache.InsertResult? {
        let cost = Self.entryByteCount + new.content.count
        guard cost + LabelTable.byteCount(of: new.labels) <= byteCountMax, nodes.count < Int(Self.none) else {
            return .tooLarge
        }
        let now = advance(to: new.now)
        if new.queue == nil { sweep(now: now, &released) }
        choose(&new, &released)
        if !hasRoom(for: cost, new.labels) {
            if new.queue == .small && cost > smallByteCountMax {
                ghosts.insert(new.key, capacity: nodes.count)
                counts.notAdmitted += 1
                return .notAdmitted
            }
            for _ in 0..<Self.stepCountMax where !hasRoom(for: cost, new.labels) {
                evict(now: now, secondChances: &new.secondChances, &released)
            }
            if !hasRoom(for: cost, new.labels) { return nil }
        }
        add(new, now: now)
        counts.insertions += 1
        return .kept
    }

    /// Drops the entry of a key and returns its content.
    mutating func remove(_ key: CacheKey) -> [UInt8]? {
        place(of: key).map { remove(at: $0) }
    }

    /// Drops an entry that turned out to be damaged, unless another has taken its place since.
    mutating func dropDamaged(_ key: CacheKey, storedAt: UInt64) -> [UInt8]? {
        counts.hits -= 1
        counts.misses += 1
        counts.damaged += 1
        guard let place = place(of: key), nodes[place].storedAt == storedAt else { return nil }
        return remove(at: place)
    }

    /// Drops entries of a scope, ``stepCountMax`` at most, and returns how many.
    mutating func dropScope(_ scope: UInt64, _ released: inout [[UInt8]]) -> Int {
        while released.count < Self.stepCountMax, let row = labels.firstRow(ofScope: scope) {
            dropRow(row, &released)
        }
        return released.count
    }

    /// Drops entries by their labels, ``stepCountMax`` at most. Returns the row with which to go on, or nil at the end.
    mutating func purge(
        tenant: String?, model: String?, fromRow first: Int, _ released: inout [[UInt8]]
    ) -> Int? {
        var row = first
        while row < labels.rows.count, row - first < Self.rowCountMax {
            let entry = labels.rows[row]
            let isMeant =
                entry.firstNode != Self.none && (tenant == nil || entry.labels.tenant == tenant)
                && (model == nil || entry.labels.model == model)
            if isMeant { dropRow(UInt32(row), &released) }
            if released.count == Self.stepCountMax { return row }
            row += 1
        }
        return row < labels.rows.count ? row : nil
    }

    /// Sets the limit and makes some way towards it; whether there is more to do.
    mutating func resize(byteCountMax: Int, _ released: inout [[UInt8]]) -> Bool {
        self.byteCountMax = byteCountMax
        var secondChances = 0
        for _ in 0..<Self.stepCountMax where byteCount > byteCountMax {
            evict(now: latest, secondChances: &secondChances, &released)
        }
        return byteCount > byteCountMax
    }

    /// Adds what is here to a sum.
    func add(to sum: inout MemoryCache.Statistics) {
        sum.entries += nodes.count
        sum.bytes += byteCount
        sum.byteCountMax += byteCountMax
        sum.insertions += counts.insertions
        sum.hits += counts.hits
        sum.misses += counts.misses
        sum.evictions += counts.evictions
        sum.expirations += counts.expirations
        sum.damaged += counts.damaged
        sum.notAdmitted += counts.notAdmitted
        for (tenant, holding) in labels.tenants {
            sum.tenants[tenant, default: MemoryCache.Holding()].entries += holding.entries
            sum.tenants[tenant]?.bytes += holding.bytes
        }
    }

    /// A clock that goes back stands still until it is there again.
    private mutating func advance(to now: UInt64) -> UInt64 {
        latest = max(latest, now)
        return latest
    }

    private func hasRoom(for cost: Int, _ new: MemoryCache.Labels) -> Bool {
        let room = byteCountMax - byteCount - cost
        // Most labels are here, so that it is seldom worth looking.
        return room >= LabelTable.byteCount(of: new) || room >= 0 && labels.holds(new)
    }

    /// Finds out where an entry goes, and takes the one out that it replaces, whose place and use it inherits.
    private mutating func choose(_ new: inout MemoryInsertion, _ released: inout [[UInt8]]) {
        if let place = place(of: new.key) {
            // Seen twice already, it may be as large as it likes.
            let isLarge = Self.entryByteCount + new.content.count > smallByteCountMax
            new.queue = isLarge ? .main : nodes[place].queue
            new.frequency = nodes[place].frequency
            released.append(remove(at: place))
        } else if new.queue == nil {
            new.queue = ghosts.take(new.key, capacity: nodes.count) ? .main : .small
        }
    }

    /// One step towards room.
    private mutating func evict(now: UInt64, secondChances: inout Int, _ released: inout [[UInt8]]) {
        let isSmall = main.oldest == Self.none || small.byteCount > smallByteCountMax
        let place = isSmall ? small.oldest : main.oldest
        guard place != Self.none else { return }
        if nodes[place].goneAt <= now {
            counts.expirations += 1
        } else if isSmall && nodes[place].frequency > 1 {
            return move(place, to: .main, frequency: 0)
        } else if !isSmall && nodes[place].frequency > 0 && secondChances > 0 {
            secondChances -= 1
            return move(place, to: .main, frequency: nodes[place].frequency - 1)
        } else {
            if isSmall { ghosts.insert(nodes[place].key, capacity: nodes.count) }
            counts.evictions += 1
        }
        released.append(remove(at: place))
    }

    /// Drops some nodes whose time is over, going round among all of them.
    private mutating func sweep(now: UInt64, _ released: inout [[UInt8]]) {
        for _ in 0..<min(Self.sweepCount, nodes.count) {
            if sweepPlace >= nodes.count { sweepPlace = 0 }
            let place = UInt32(sweepPlace)
            // What is dropped leaves its place to the last node, which is looked at the next time.
            if sweepPlace < nodes.count, nodes[place].goneAt <= now {
                counts.expirations += 1
                released.append(remove(at: place))
            } else {
                sweepPlace += 1
            }
        }
    }

    /// Drops nodes of a row until it has none or `released` is full.
    private mutating func dropRow(_ row: UInt32, _ released: inout [[UInt8]]) {
        while released.count < Self.stepCountMax {
            // The row may have gone with its last node, and the table with its last row.
            guard Int(row) < labels.rows.count else { return }
            let node = labels.rows[Int(row)].firstNode
            guard node != Self.none else { return }
            released.append(remove(at: node))
        }
    }
}
