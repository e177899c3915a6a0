import Cache
import Policy
import Wire

/// What the memory for kept answers holds, and what has come of it since leo started: for `/v1/cache` and `/metrics`.
struct CacheReport {
    /// What is told of one tenant.
    struct Row: Equatable {
        let name: String
        /// nil for one that the file has not any more.
        let mode: PolicyMode?
        let holding: MemoryCache.Holding
        var sums = TenantTotals.Sums()
    }

    let memory: MemoryCache.Statistics
    /// Bytes of the largest answer that is kept.
    let entryByteCountMax: Int
    /// How many requests had each result.
    let requestCounts: [CacheResult: UInt64]
    /// The tenants that have a cache, in the order of the file, and then whoever has answers there without one.
    let rows: [Row]

    /// Everything as it is now.
    init(_ shared: Shared) {
        let cells = shared.metrics.sums()
        let first = shared.metrics.layout.firstCell(of: .cacheRequests)
        let counts = CacheResult.allCases.map { ($0, cells[first + $0.rawValue]) }
        self.init(shared.cache.statistics, Dictionary(uniqueKeysWithValues: counts), shared.policy)
    }

    init(
        _ memory: MemoryCache.Statistics, _ requestCounts: [CacheResult: UInt64] = [:], _ policy: PolicySnapshot
    ) {
        self.memory = memory
        self.requestCounts = requestCounts
        entryByteCountMax = policy.cache.entryByteCountMax
        let tenants = policy.tenants.policies
        var rows: [Row] = []
        for (tenant, totals) in zip(tenants, policy.totals) {
            let holding = memory.tenants[tenant.name]
            guard tenant.cache.isActive || holding != nil else { continue }
            rows.append(
                Row(name: tenant.name, mode: tenant.cache.mode, holding: holding ?? .init(), sums: totals.sums))
        }
        let names = Set(tenants.map(\.name))
        for (name, holding) in memory.tenants.sorted(by: { $0.key < $1.key }) where !names.contains(name) {
            rows.append(Row(name: name, mode: nil, holding: holding))
        }
        self.rows = rows
    }

    // MARK: As metrics

    /// The values of the metrics that are asked for.
    var measures: [Metric: Exposition.Measure] {
        [
            .cacheEntries: Self.count(memory.entries), .cacheBytes: Self.count(memory.bytes),
            .cacheBytesMax: Self.count(memory.byteCountMax), .cacheInsertions: Self.count(memory.insertions),
            .cacheEvictions: Self.count(memory.evictions), .cacheExpirations: Self.count(memory.expirations),
            .cacheDamaged: Self.count(memory.damaged),
        ]
    }

    private static func count(_ number: Int) -> Exposition.Measure { .count(UInt64(max(0, number))) }

    // MARK: As JSON

    /// Adds one JSON object on a line.
    func append(to out: inout ByteQueue) {
        var line = JSONLine(appendingTo: &out)
        line.field("entries", UInt64(max(0, memory.entries)))
        line.field("bytes", UInt64(max(0, memory.bytes)))
        line.field("bytes_max", UInt64(max(0, memory.byteCountMax)))
        line.field("entry_bytes_max", UInt64(max(0, entryByteCountMax)))
        line.openObject("requests")
        for result in CacheResult.allCases { line.field(result.word, requestCounts[result] ?? 0) }
        line.closeObject()
        line.field("insertions", UInt64(max(0, memory.insertions)))
        line.field("not_admitted", UInt64(max(0, memory.notAdmitted)))
        line.field("evictions", UInt64(max(0, memory.evictions)))
        line.field("expirations", UInt64(max(0, memory.expirations)))
        line.field("damaged", UInt64(max(0, memory.damaged)))
        line.openArray("tenants")
        for row in rows {
            line.openElement()
            line.field("name", row.name)
            if let mode = row.mode { line.field("mode", mode.rawValue) }
            line.field("entries", UInt64(max(0, row.holding.entries)))
            line.field("bytes", UInt64(max(0, row.holding.bytes)))
            line.field("hits", row.sums.cacheHitCount)
            line.field("saved_tokens", row.sums.savedTokens)
            line.field("saved_cost", decimal: row.sums.savedCost.description)
            line.closeObject()
        }
        line.closeArray()
        line.finish(into: &out)
    }

    // MARK: As text

    /// The same for people, a line each.
    var lines: [String] {
        var lines: [String] = []
        func say(_ word: String, _ text: String) {
            lines.append(word + String(repeating: " ", count: max(1, 11 - word.utf8.count)) + text)
        }
        let (bytes, most) = (Self.size(memory.bytes), Self.size(memory.byteCountMax))
        let largest = Self.size(entryByteCountMax)
        say(
            "memory",
            memory.byteCountMax == 0
                ? "none: cache.memory is 0B" : "\(bytes) of \(most), the largest answer may have \(largest)")
        say("answers", "\(memory.entries)")
        let results = CacheResult.allCases.map { "\(requestCounts[$0] ?? 0) \($0.word)" }
        say("requests", results.joined(separator: ", "))
        say(
            "so far",
            "\(memory.insertions) kept, \(memory.notAdmitted) not admitted, \(memory.evictions) pushed out, "
                + "\(memory.expirations) expired, \(memory.damaged) damaged")
        for row in rows {
            let mode = row.mode.map(\.rawValue) ?? "not in the file"
            var text = "\(row.name) (\(mode)): \(row.holding.entries) answers, \(Self.size(row.holding.bytes))"
            if row.mode != nil {
                text += ", \(row.sums.cacheHitCount) served, \(row.sums.savedTokens) tokens and "
                text += "\(row.sums.savedCost) USD saved"
            }
            say("tenant", text)
        }
        return lines
    }

    /// A number of bytes with one decimal, as people read it.
    static func size(_ byteCount: Int) -> String {
        let units = ["B", "KB", "MB", "GB", "TB"]
        var unit = 0
        var tenths = min(max(0, byteCount), 1 << 56) * 10
        while tenths >= 10240, unit < units.count - 1 {
            tenths = (tenths + 512) / 1024
            unit += 1
        }
        return tenths % 10 == 0 ? "\(tenths / 10) \(units[unit])" : "\(tenths / 10).\(tenths % 10) \(units[unit])"
    }
}
