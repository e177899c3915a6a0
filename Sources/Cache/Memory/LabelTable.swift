/// The labels of a shard's entries, each set of them once, and what tenants hold.
struct LabelTable {
    private(set) var rows = ContiguousArray<LabelRow>()
    private var places: [MemoryCache.Labels: UInt32] = [:]
    private var scopes: [UInt64: UInt32] = [:]
    private var free: ContiguousArray<UInt32> = []
    private(set) var tenants: [String: MemoryCache.Holding] = [:]
    /// What the rows in use take.
    private(set) var byteCount = 0

    /// What a row, its places in the tables and its share of their empty room take, but for its names; rounded up.
    private static let rowByteCount = 320

    /// What labels take if they are not here yet.
    static func byteCount(of labels: MemoryCache.Labels) -> Int {
        rowByteCount + labels.tenant.utf8.count + (labels.model?.utf8.count ?? 0)
    }

    func holds(_ labels: MemoryCache.Labels) -> Bool { places[labels] != nil }

    /// The first row of a scope; the others follow by ``LabelRow/nextInScope``.
    func firstRow(ofScope scope: UInt64) -> UInt32? { scopes[scope] }

    /// The row of labels, made if need be.
    mutating func row(of labels: MemoryCache.Labels) -> UInt32 {
        if let place = places[labels] { return place }
        let after = scopes[labels.scope] ?? MemoryShard.none
        let row = LabelRow(labels: labels, nextInScope: after)
        let place: UInt32
        if let reused = free.popLast() {
            place = reused
            rows[Int(place)] = row
        } else {
            place = UInt32(rows.count)
            rows.append(row)
        }
        if after != MemoryShard.none { rows[Int(after)].previousInScope = place }
        scopes[labels.scope] = place
        places[labels] = place
        byteCount += Self.byteCount(of: labels)
        return place
    }

    /// Makes a node the first of its row's.
    mutating func setFirst(_ node: UInt32, ofRow row: UInt32) { rows[Int(row)].firstNode = node }

    /// Counts an entry of a row.
    mutating func count(_ cost: Int, ofRow row: UInt32) {
        let tenant = rows[Int(row)].labels.tenant
        tenants[tenant, default: MemoryCache.Holding()].entries += 1
        tenants[tenant]?.bytes += cost
    }

    /// Counts an entry of a row no longer; a row without nodes is given back.
    mutating func discount(_ cost: Int, ofRow row: UInt32) {
        let tenant = rows[Int(row)].labels.tenant
        if var holding = tenants[tenant] {
            holding.entries -= 1
            holding.bytes -= cost
            tenants[tenant] = holding.entries > 0 ? holding : nil
        }
        if rows[Int(row)].firstNode == MemoryShard.none { giveBack(row) }
    }

    private mutating func giveBack(_ place: UInt32) {
        let row = rows[Int(place)]
        if row.nextInScope != MemoryShard.none { rows[Int(row.nextInScope)].previousInScope = row.previousInScope }
        if row.previousInScope != MemoryShard.none {
            rows[Int(row.previousInScope)].nextInScope = row.nextInScope
        } else {
            scopes[row.labels.scope] = row.nextInScope == MemoryShard.none ? nil : row.nextInScope
        }
        places[row.labels] = nil
        byteCount -= Self.byteCount(of: row.labels)
        if places.isEmpty {
            // The tables keep the room of their fullest hour; this is the moment to give it back.
            self = LabelTable()
        } else {
            rows[Int(place)] = LabelRow(labels: .none, nextInScope: MemoryShard.none)
            free.append(place)
        }
    }
}

/// A set of labels and the list of nodes that have it.
struct LabelRow {
    let labels: MemoryCache.Labels
    var firstNode = MemoryShard.none
    var nextInScope: UInt32
    var previousInScope = MemoryShard.none
}

extension MemoryCache.Labels {
    /// What a row that nobody uses has.
    fileprivate static let none = MemoryCache.Labels(tenant: "", scope: 0, model: nil)
}
