/// A table that never holds more than a given number of entries, each for a limited time.
///
/// When full, the entry used least recently makes room. Time comes in with each call, so the table has no clock of
/// its own. Not for sharing: whoever shares it brings the lock.
public struct BoundedTable<Key: Hashable, Value> {
    private struct Node {
        var key: Key
        var value: Value
        var expiresAt: UInt64
        var newer: Int
        var older: Int
    }

    private static var none: Int { -1 }

    /// The largest number of entries held.
    public let countMax: Int
    private var places: [Key: Int] = [:]
    private var nodes: [Node?] = []
    private var free: [Int] = []
    private var newest = none
    private var oldest = none

    /// Makes an empty table; `countMax` must be at least 1.
    public init(countMax: Int) {
        precondition(countMax >= 1, "a bounded table holds at least one entry")
        self.countMax = countMax
    }

    /// How many entries are held, expired ones that nobody asked for included.
    public var count: Int { places.count }

    /// The value for `key` unless it is missing or has expired; a value found becomes the most recently used.
    public mutating func value(for key: Key, now: UInt64) -> Value? {
        guard let place = places[key], let node = nodes[place] else { return nil }
        if node.expiresAt <= now {
            remove(key)
            return nil
        }
        unlink(place)
        linkAsNewest(place)
        return node.value
    }

    /// Keeps `value` until `expiresAt`. Returns the value that had to make room, if one did.
    @discardableResult
    public mutating func insert(_ value: Value, for key: Key, expiresAt: UInt64) -> Value? {
        var displaced = remove(key)
        if places.count >= countMax, let last = nodes[oldest] { displaced = remove(last.key) }
        let node = Node(key: key, value: value, expiresAt: expiresAt, newer: Self.none, older: Self.none)
        let place: Int
        if let reused = free.popLast() {
            place = reused
            nodes[place] = node
        } else {
            place = nodes.count
            nodes.append(node)
        }
        places[key] = place
        linkAsNewest(place)
        return displaced
    }

    /// Drops the entry for `key` and returns its value.
    @discardableResult
    public mutating func remove(_ key: Key) -> Value? {
        guard let place = places.removeValue(forKey: key) else { return nil }
        unlink(place)
        let value = nodes[place]?.value
        nodes[place] = nil
        free.append(place)
        return value
    }

    /// Drops every entry.
    public mutating func removeAll() {
        places.removeAll()
        nodes.removeAll()
        free.removeAll()
        newest = Self.none
        oldest = Self.none
    }

    private mutating func linkAsNewest(_ place: Int) {
        nodes[place]!.newer = Self.none
        nodes[place]!.older = newest
        if newest != Self.none { nodes[newest]!.newer = place }
        newest = place
        if oldest == Self.none { oldest = place }
    }

    private mutating func unlink(_ place: Int) {
        let newer = nodes[place]!.newer
        let older = nodes[place]!.older
        if newer != Self.none { nodes[newer]!.older = older } else { newest = older }
        if older != Self.none { nodes[older]!.newer = newer } else { oldest = newer }
    }
}
