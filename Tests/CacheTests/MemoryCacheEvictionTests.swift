import Glibc
import Testing

@testable import Cache

@Suite("What a memory cache drops")
struct MemoryCacheEvictionTests {
    /// Room for some 1600 entries of 100 bytes, a hundred in each shard.
    private static let byteCountMax = 1600 * 300
    private let cache = MemoryCache(byteCountMax: byteCountMax, entryByteCountMax: byteCountMax / 16)
    private let labels = MemoryCache.Labels(tenant: "a", scope: 1, model: nil)

    /// Asks for an answer, and keeps it if it was not there, as an exchange does.
    private func ask(_ number: UInt64, _ content: [UInt8]) -> Bool {
        let key = memoryKey(number)
        if cache.entry(for: key, now: 0) != nil { return true }
        _ = cache.insert(encoded: content, for: key, labels: labels, now: 0, freshFor: .max, goneAfter: .max)
        return false
    }

    private func ask(_ numbers: Range<UInt64>) throws {
        let content = try EntryCodec.encode(memoryEntry(0))
        for number in numbers { _ = ask(number, content) }
    }

    @Test("is not what is asked for again and again, when a long scan of other things passes by")
    func scan() throws {
        let hot = 0..<UInt64(500)
        for _ in 0..<4 { try ask(hot) }
        // Ten times what there is room for, each asked for once; the hot ones meanwhile not at all.
        try ask(1_000_000..<1_016_000)
        let left = hot.count { cache.holds($0) }
        #expect(left >= 490, "\(left) of 500 are left")
        #expect(cache.statistics.evictions > 14_000)

        var plain = PlainCache(byteCountMax: Self.byteCountMax)
        for _ in 0..<4 { hot.forEach { _ = plain.ask($0, cost: 300) } }
        for number in 1_000_000..<1_016_000 as Range<UInt64> { _ = plain.ask(number, cost: 300) }
        #expect(hot.count { plain.ask($0, cost: 300) } == 0)
    }

    @Test("is the hot set of the past, when another one is asked for")
    func change() throws {
        for _ in 0..<4 { try ask(0..<1000) }
        for _ in 0..<12 { try ask(5000..<6000) }
        let left = (5000..<6000).count { cache.holds($0) }
        #expect(left >= 950, "\(left) of 1000 are held")
    }

    @Test(
        "is chosen better than by what was used least recently, where few things are asked for often",
        arguments: [0.7, 1.0])
    func zipf(_ skew: Double) throws {
        var trace = ZipfTrace(objectCount: 6000, skew: skew, seed: 42)
        let content = try EntryCodec.encode(memoryEntry(0))
        let cost = try memoryCost()
        var plain = PlainCache(byteCountMax: Self.byteCountMax)
        var misses = 0
        var plainMisses = 0
        // The first quarter fills both.
        for index in 0..<36_000 {
            let number = trace.next()
            let isHit = ask(number, content)
            let isPlainHit = plain.ask(number, cost: cost)
            if index < 9000 { continue }
            misses += isHit ? 0 : 1
            plainMisses += isPlainHit ? 0 : 1
        }
        #expect(
            Double(misses) < 0.95 * Double(plainMisses),
            "S3-FIFO missed \(misses), least recently used \(plainMisses) of 27000")
    }

    @Test("is chosen better also where sizes differ and every fourth request is for something new")
    func mixed() throws {
        var trace = ZipfTrace(objectCount: 4000, skew: 0.9, seed: 7)
        let contents = try (1...37).map { try EntryCodec.encode(memoryEntry(0, documentByteCount: 16 * $0)) }
        var plain = PlainCache(byteCountMax: Self.byteCountMax)
        var misses = 0
        var plainMisses = 0
        for index in 0..<20_000 as Range<UInt64> {
            let number = index % 4 == 3 ? 1_000_000 + index : trace.next()
            let content = contents[Int(number * 7 % 37)]
            if !ask(number, content) { misses += 1 }
            if !plain.ask(number, cost: content.count + MemoryShard.entryByteCount) { plainMisses += 1 }
        }
        #expect(
            Double(misses) < 0.92 * Double(plainMisses),
            "S3-FIFO missed \(misses), least recently used \(plainMisses)")
        #expect(cache.statistics.bytes <= Self.byteCountMax)
    }

    @Test("is nothing, for an entry that would fill the small queue at its first sight; at its second it has its place")
    func large() throws {
        try ask(0..<3000)
        let before = cache.statistics
        #expect(cache.keep(9_999, documentByteCount: 20_000) == .notAdmitted)
        #expect(cache.statistics.entries >= before.entries - 8 && cache.statistics.notAdmitted == 1)
        #expect(cache.keep(9_999, documentByteCount: 20_000) == .kept)
        #expect(cache.holds(9_999))
        #expect(cache.statistics.bytes <= Self.byteCountMax)
        // Replacing it is no first sight.
        #expect(cache.keep(9_999, documentByteCount: 21_000) == .kept)
        #expect(cache.holds(9_999))
    }

    @Test("makes room for a large entry in an empty cache at once")
    func largeAtFirst() {
        #expect(cache.keep(1, documentByteCount: 25_000) == .kept)
        #expect(cache.holds(1))
    }
}

/// What was used least recently makes room; the common rule to compare with.
private struct PlainCache {
    let byteCountMax: Int
    private var byteCount = 0
    private var uses: [UInt64: (use: Int, cost: Int)] = [:]
    private var order: [UInt64] = []
    private var oldest = 0

    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// Whether it is there; if not, it is now.
    mutating func ask(_ number: UInt64, cost: Int) -> Bool {
        let known = uses.updateValue((order.count, cost), forKey: number)
        order.append(number)
        byteCount += cost - (known?.cost ?? 0)
        while byteCount > byteCountMax {
            // A place in the order counts if nothing later has the same number.
            if let last = uses[order[oldest]], last.use == oldest {
                uses[order[oldest]] = nil
                byteCount -= last.cost
            }
            oldest += 1
        }
        return known != nil
    }
}

/// Objects asked for with probabilities like 1/rank^skew.
struct ZipfTrace {
    private var random: SplitMix
    private let sums: [Double]

    init(objectCount: Int, skew: Double, seed: UInt64) {
        random = SplitMix(state: seed)
        var sum = 0.0
        sums = (1...objectCount).map { rank in
            sum += pow(Double(rank), -skew)
            return sum
        }
    }

    mutating func next() -> UInt64 {
        let wanted = Double.random(in: 0..<(sums.last ?? 1), using: &random)
        var (low, high) = (0, sums.count - 1)
        while low < high {
            let middle = (low + high) / 2
            if sums[middle] > wanted { high = middle } else { low = middle + 1 }
        }
        return UInt64(low)
    }
}
