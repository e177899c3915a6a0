import Testing

@testable import Cache

@Suite("A shard of the memory cache")
struct MemoryShardTests {
    @Test("agrees with a plain dictionary while nothing has to go, and holds together", arguments: 1...4)
    func model(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var shard = MemoryShard(byteCountMax: 1 << 30)
        var model: [UInt64: (size: Int, labels: MemoryCache.Labels, freshUntil: UInt64, goneAt: UInt64)] = [:]
        var now: UInt64 = 1000
        for step in 0..<2000 {
            let number = random.next() % 200
            switch random.next() % 16 {
            case 0..<8:
                let size = Int(random.next() % 50)
                let labels = Self.labels(&random)
                let (freshFor, goneAfter) = (random.next() % 2000, random.next() % 2000)
                var new = Self.insertion(
                    number, size: size, labels: labels, now: now, freshFor: freshFor, goneAfter: goneAfter)
                var released: [[UInt8]] = []
                #expect(shard.insert(&new, &released) == .kept)
                model[number] = (size, labels, now + freshFor, now + max(freshFor, goneAfter))
            case 8..<13:
                let hit = shard.hit(memoryKey(number), now: now).hit
                let known = model[number].flatMap { $0.goneAt > now ? $0 : nil }
                #expect(hit?.content.count == known?.size && hit?.freshUntil == known?.freshUntil)
            case 13:
                let removed = shard.remove(memoryKey(number))
                // What has expired may have been swept away already.
                if let known = model.removeValue(forKey: number), known.goneAt > now {
                    #expect(removed?.count == known.size)
                }
            case 14 where step % 7 == 0:
                let scope = random.next() % 5
                var released: [[UInt8]] = []
                while shard.dropScope(scope, &released) == MemoryShard.stepCountMax { released = [] }
                model = model.filter { $0.value.labels.scope != scope }
            default: now += random.next() % 40
            }
            if step % 100 == 0 { try shard.check() }
        }
        try shard.check()
        for number in 0..<200 as Range<UInt64> {
            let known = model[number].flatMap { $0.goneAt > now ? $0 : nil }
            #expect(shard.hit(memoryKey(number), now: now).hit?.content.count == known?.size)
        }
    }

    @Test("stays within its bytes and holds together while much has to go", arguments: 1...4)
    func tight(seed: UInt64) throws {
        var random = SplitMix(state: seed)
        var shard = MemoryShard(byteCountMax: 30_000)
        var latest: [UInt64: Int] = [:]
        for step in 0..<2400 {
            let number = random.next() % 150
            switch random.next() % 8 {
            case 0..<4:
                let size = Int(random.next() % 8 == 0 ? random.next() % 20_000 : random.next() % 400)
                var new = Self.insertion(
                    number, size: size, labels: Self.labels(&random), now: UInt64(step), freshFor: 500, goneAfter: 900)
                var result: MemoryCache.InsertResult?
                while result == nil {
                    var released: [[UInt8]] = []
                    result = shard.insert(&new, &released)
                }
                if result == .kept { latest[number] = size }
            case 4..<7:
                let hit = shard.hit(memoryKey(number), now: UInt64(step)).hit
                if let hit { #expect(hit.content.count == latest[number]) }
            default: _ = shard.remove(memoryKey(number))
            }
            #expect(shard.byteCount <= 30_000)
            if step % 100 == 0 { try shard.check() }
            if step == 1200 {
                var released: [[UInt8]] = []
                while shard.resize(byteCountMax: 10_000, &released) {}
                #expect(shard.byteCount <= 10_000)
                try shard.check()
                while shard.resize(byteCountMax: 30_000, &released) {}
            }
        }
    }

    @Test("lets its tables grow and shrink with its entries")
    func tables() throws {
        var shard = MemoryShard(byteCountMax: 1 << 30)
        for number in 0..<1500 as Range<UInt64> {
            var released: [[UInt8]] = []
            var new = Self.insertion(number, size: 1, labels: .init(tenant: "a", scope: number % 9, model: nil))
            #expect(shard.insert(&new, &released) == .kept)
        }
        #expect(shard.nodes.count == 1500 && shard.buckets.count == 1500)
        try shard.check()
        for number in 0..<1400 as Range<UInt64> { #expect(shard.remove(memoryKey(number)) != nil) }
        #expect(shard.nodes.count == 100 && shard.buckets.count <= 164)
        try shard.check()
        #expect((1400..<1500).allSatisfy { shard.place(of: memoryKey($0)) != nil })
    }

    static func labels(_ random: inout SplitMix) -> MemoryCache.Labels {
        MemoryCache.Labels(
            tenant: "t\(random.next() % 3)", scope: random.next() % 5, model: random.next() % 2 == 0 ? "m" : nil)
    }

    static func insertion(
        _ number: UInt64, size: Int, labels: MemoryCache.Labels, now: UInt64 = 0, freshFor: UInt64 = .max,
        goneAfter: UInt64 = .max
    ) -> MemoryInsertion {
        MemoryInsertion(
            key: memoryKey(number), content: [UInt8](repeating: 7, count: size), labels: labels, now: now,
            freshFor: freshFor, goneAfter: goneAfter)
    }
}

extension MemoryShard {
    private struct Broken: Error { let what: String }

    private func require(_ isTrue: Bool, _ what: String) throws(Broken) {
        if !isTrue { throw Broken(what: what) }
    }

    /// Whether every structure has every node once, and all sums are right.
    func check() throws {
        let places = Set(0..<UInt32(nodes.count))
        var indexed: [UInt32] = []
        for bucket in 0..<UInt32(buckets.count) {
            var place = buckets[bucket]
            while place != Self.none {
                indexed.append(place)
                try require(indexed.count <= nodes.count, "a bucket's chain has no end")
                try require(self.place(of: nodes[place].key) == place, "a key leads elsewhere")
                place = nodes[place].nextInBucket
            }
        }
        try require(indexed.count == nodes.count && Set(indexed) == places, "the index lacks nodes")
        let queued = try check(small, .small) + check(main, .main)
        try require(queued.count == nodes.count && Set(queued) == places, "the queues lack nodes")
        try checkRows(places)
    }

    private func check(_ queue: NodeQueue, _ kind: MemoryNode.Queue) throws -> [UInt32] {
        var found: [UInt32] = []
        var place = queue.newest
        var before = Self.none
        while place != Self.none {
            try require(nodes[place].newer == before && nodes[place].queue == kind, "a queue is torn")
            found.append(place)
            try require(found.count <= nodes.count, "a queue has no end")
            (before, place) = (place, nodes[place].older)
        }
        try require(queue.oldest == before, "a queue has another end")
        try require(queue.byteCount == found.reduce(0) { $0 + nodes[$1].cost }, "a queue's bytes are wrong")
        return found
    }

    private func checkRows(_ places: Set<UInt32>) throws {
        var found: [UInt32] = []
        var tenants: [String: MemoryCache.Holding] = [:]
        var byteCount = 0
        for row in labels.rows.indices where labels.rows[row].firstNode != Self.none {
            let tenant = labels.rows[row].labels.tenant
            byteCount += LabelTable.byteCount(of: labels.rows[row].labels)
            var place = labels.rows[row].firstNode
            var before = Self.none
            while place != Self.none {
                try require(nodes[place].row == UInt32(row) && nodes[place].previousInRow == before, "a list is torn")
                found.append(place)
                try require(found.count <= nodes.count, "a list of labels has no end")
                tenants[tenant, default: .init()].entries += 1
                tenants[tenant]?.bytes += nodes[place].cost
                (before, place) = (place, nodes[place].nextInRow)
            }
        }
        try require(found.count == nodes.count && Set(found) == places, "the lists of labels lack nodes")
        try require(tenants == labels.tenants && byteCount == labels.byteCount, "what tenants hold is wrong")
    }
}
