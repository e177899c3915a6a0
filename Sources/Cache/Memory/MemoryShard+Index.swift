/// The nodes and the three structures that they are in: the index by key, a queue, and the list of their labels.
///
/// The index grows by linear hashing (Litwin, "Linear hashing: a new tool for file and table addressing", VLDB 1980): with
/// each node comes one bucket, which takes its share of one older bucket, so that nothing is ever rehashed as a whole. The
/// nodes stay dense: where one is removed, the last one moves in. Both shrink as they have grown, and nothing takes long.
extension MemoryShard {
    /// Buckets beyond the number of nodes that are kept, so that coming and going moves no nodes between buckets.
    private static let spareBucketCount = 64

    /// Where the node of a key is.
    func place(of key: CacheKey) -> UInt32? {
        guard buckets.count > 0 else { return nil }
        var place = buckets[bucket(of: key)]
        while place != Self.none {
            if nodes[place].key == key { return place }
            place = nodes[place].nextInBucket
        }
        return nil
    }

    /// Adds a node for a key that has none.
    mutating func add(_ new: MemoryInsertion, now: UInt64) {
        func after(_ nanoseconds: UInt64) -> UInt64 {
            let (sum, isOver) = now.addingReportingOverflow(nanoseconds)
            return isOver ? .max : sum
        }
        let row = labels.row(of: new.labels)
        let node = MemoryNode(
            key: new.key, content: new.content, storedAt: now, freshUntil: after(new.freshFor),
            goneAt: after(max(new.freshFor, new.goneAfter)), row: row, queue: new.queue ?? .small,
            frequency: new.frequency)
        let place = UInt32(nodes.count)
        nodes.append(node)
        if buckets.count < nodes.count { addBucket() }
        linkIntoBucket(place)
        linkIntoRow(place)
        linkAsNewest(place)
        labels.count(node.cost, ofRow: row)
    }

    /// Takes a node out and returns its content.
    mutating func remove(at place: UInt32) -> [UInt8] {
        unlinkFromQueue(place)
        unlinkFromRow(place)
        unlinkFromBucket(place)
        labels.discount(nodes[place].cost, ofRow: nodes[place].row)
        let content = nodes[place].content
        fill(place)
        if buckets.count > nodes.count + Self.spareBucketCount { removeBucket() }
        return content
    }

    /// Makes a node the newest of a queue.
    mutating func move(_ place: UInt32, to queue: MemoryNode.Queue, frequency: UInt8) {
        unlinkFromQueue(place)
        nodes[place].queue = queue
        nodes[place].frequency = frequency
        linkAsNewest(place)
    }

    /// Moves the last node to a place that is free, and tells its neighbours.
    private mutating func fill(_ place: UInt32) {
        guard let node = nodes.popLast(), Int(place) < nodes.count else { return }
        let last = UInt32(nodes.count)
        nodes[place] = node
        let head = bucket(of: node.key)
        if buckets[head] == last {
            buckets[head] = place
        } else {
            var before = buckets[head]
            while nodes[before].nextInBucket != last { before = nodes[before].nextInBucket }
            nodes[before].nextInBucket = place
        }
        withQueue(node.queue) { $0.replace(last, by: place) }
        if node.newer != Self.none { nodes[node.newer].older = place }
        if node.older != Self.none { nodes[node.older].newer = place }
        if node.nextInRow != Self.none { nodes[node.nextInRow].previousInRow = place }
        if node.previousInRow != Self.none {
            nodes[node.previousInRow].nextInRow = place
        } else {
            labels.setFirst(place, ofRow: node.row)
        }
    }

    // MARK: The index

    /// The number below the next power of two that the buckets make possible, or its lower half if it is not there yet.
    private func bucket(of key: CacheKey) -> UInt32 {
        let count = UInt32(buckets.count)
        let mask = UInt32.max >> UInt32((count - 1 | 1).leadingZeroBitCount)
        let number = UInt32(truncatingIfNeeded: key.prefix) & mask
        return number < count ? number : number & mask >> 1
    }

    private mutating func addBucket() {
        let number = UInt32(buckets.count)
        buckets.append(Self.none)
        guard number > 0 else { return }
        let parent = number ^ 1 << UInt32(31 - number.leadingZeroBitCount)
        var place = buckets[parent]
        buckets[parent] = Self.none
        while place != Self.none {
            let next = nodes[place].nextInBucket
            linkIntoBucket(place)
            place = next
        }
    }

    private mutating func removeBucket() {
        guard var place = buckets.popLast() else { return }
        while place != Self.none {
            let next = nodes[place].nextInBucket
            linkIntoBucket(place)
            place = next
        }
    }

    private mutating func linkIntoBucket(_ place: UInt32) {
        let number = bucket(of: nodes[place].key)
        nodes[place].nextInBucket = buckets[number]
        buckets[number] = place
    }

    private mutating func unlinkFromBucket(_ place: UInt32) {
        let number = bucket(of: nodes[place].key)
        let next = nodes[place].nextInBucket
        if buckets[number] == place {
            buckets[number] = next
            return
        }
        var before = buckets[number]
        while nodes[before].nextInBucket != place { before = nodes[before].nextInBucket }
        nodes[before].nextInBucket = next
    }

    // MARK: The queues and the lists of labels

    private mutating func withQueue(_ queue: MemoryNode.Queue, _ body: (inout NodeQueue) -> Void) {
        switch queue {
        case .small: body(&small)
        case .main: body(&main)
        }
    }

    private mutating func linkAsNewest(_ place: UInt32) {
        let queue = nodes[place].queue
        let cost = nodes[place].cost
        var second = Self.none
        withQueue(queue) {
            second = $0.newest
            $0.newest = place
            if $0.oldest == Self.none { $0.oldest = place }
            $0.byteCount += cost
        }
        nodes[place].newer = Self.none
        nodes[place].older = second
        if second != Self.none { nodes[second].newer = place }
    }

    private mutating func unlinkFromQueue(_ place: UInt32) {
        let (newer, older) = (nodes[place].newer, nodes[place].older)
        let cost = nodes[place].cost
        withQueue(nodes[place].queue) {
            if newer == Self.none { $0.newest = older }
            if older == Self.none { $0.oldest = newer }
            $0.byteCount -= cost
        }
        if newer != Self.none { nodes[newer].older = older }
        if older != Self.none { nodes[older].newer = newer }
    }

    private mutating func linkIntoRow(_ place: UInt32) {
        let row = nodes[place].row
        let second = labels.rows[Int(row)].firstNode
        nodes[place].nextInRow = second
        if second != Self.none { nodes[second].previousInRow = place }
        labels.setFirst(place, ofRow: row)
    }

    private mutating func unlinkFromRow(_ place: UInt32) {
        let (next, previous) = (nodes[place].nextInRow, nodes[place].previousInRow)
        if next != Self.none { nodes[next].previousInRow = previous }
        if previous != Self.none {
            nodes[previous].nextInRow = next
        } else {
            labels.setFirst(next, ofRow: nodes[place].row)
        }
    }
}

extension NodeQueue {
    /// Lets its ends follow a node that has moved.
    fileprivate mutating func replace(_ old: UInt32, by new: UInt32) {
        if newest == old { newest = new }
        if oldest == old { oldest = new }
    }
}
