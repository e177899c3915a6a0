/// The keys of one object: whether they are in order, whether two are equal, whether some reader may confuse them.
enum JSONKeyOrder {
    typealias Member = CanonicalJSON.Member

    /// So few keys are compared each with each.
    private static let smallCountMax = 16

    /// Whether the keys come in the order of their decoded bytes, none twice.
    static func isInOrder(_ members: [Member], _ own: Range<Int>, in source: Span<UInt8>) -> Bool {
        for index in own.dropFirst() where order(members[index - 1].key, members[index].key, in: source) >= 0 {
            return false
        }
        return true
    }

    /// Whether two keys that stand beside each other are equal.
    static func hasEqualNeighbours(_ members: [Member], _ own: Range<Int>, in source: Span<UInt8>) -> Bool {
        for index in own.dropFirst() where order(members[index - 1].key, members[index].key, in: source) == 0 {
            return true
        }
        return false
    }

    /// Sorts members by the decoded bytes of their keys.
    static func sort(_ members: inout [Member], _ own: Range<Int>, in source: Span<UInt8>) {
        guard own.count <= smallCountMax else {
            members.replaceSubrange(own, with: merged(Array(members[own]), key: \.key, in: source, by: order))
            return
        }
        for index in own.dropFirst() {
            var place = index
            while place > own.lowerBound, order(members[place - 1].key, members[place].key, in: source) > 0 {
                members.swapAt(place - 1, place)
                place -= 1
            }
        }
    }

    /// Whether two keys are equal but for capitals and underscores, or one has characters beyond ASCII, which some readers
    /// fold too.
    static func hasUnclear(_ members: [Member], _ own: Range<Int>, in source: Span<UInt8>) -> Bool {
        var isPlain = true
        for index in own where !members[index].isPlain {
            isPlain = false
            var units = JSONUnits(of: members[index].key, in: source)
            while let unit = units.next() { if unit >= 0x80 { return true } }
        }
        if isPlain { return false }
        if own.count <= smallCountMax {
            for index in own {
                for other in index + 1..<own.upperBound
                where !(members[index].isPlain && members[other].isPlain)
                    && foldedOrder(members[index].key, members[other].key, in: source) == 0
                {
                    return true
                }
            }
            return false
        }
        let sorted = merged(Array(members[own]), key: \.key, in: source, by: foldedOrder)
        for index in sorted.indices.dropFirst()
        where foldedOrder(sorted[index - 1].key, sorted[index].key, in: source) == 0 {
            return true
        }
        return false
    }

    private static func order(_ left: JSONString, _ right: JSONString, in source: Span<UInt8>) -> Int {
        guard !left.hasEscapes, !right.hasEscapes else { return left.order(right, in: source) }
        let count = min(left.range.count, right.range.count)
        for offset in 0..<count {
            let byte = source[left.range.lowerBound + offset]
            let other = source[right.range.lowerBound + offset]
            if byte != other { return Int(byte) - Int(other) }
        }
        return left.range.count - right.range.count
    }

    private static func foldedOrder(_ left: JSONString, _ right: JSONString, in source: Span<UInt8>) -> Int {
        var units = JSONUnits(of: left, in: source)
        var others = JSONUnits(of: right, in: source)
        while true {
            let unit = units.nextFolded()
            let other = others.nextFolded()
            if unit != other { return Int(unit ?? 0) - Int(other ?? 0) }
            if unit == nil { return 0 }
        }
    }

    /// A merge sort by keys: never slow, and without a closure that would have to hold the span, which the comparison of the
    /// library's sort cannot.
    static func merged<Item>(
        _ items: [Item], key: (Item) -> JSONString, in source: Span<UInt8>,
        by order: (JSONString, JSONString, Span<UInt8>) -> Int
    ) -> [Item] {
        var from = items
        var into = items
        var width = 1
        while width < from.count {
            var start = 0
            while start < from.count {
                let middle = min(start + width, from.count)
                let end = min(middle + width, from.count)
                var left = start
                var right = middle
                for place in start..<end {
                    let takesLeft =
                        left < middle && (right == end || order(key(from[left]), key(from[right]), source) <= 0)
                    into[place] = takesLeft ? from[left] : from[right]
                    if takesLeft { left += 1 } else { right += 1 }
                }
                start = end
            }
            swap(&from, &into)
            width *= 2
        }
        return from
    }
}

extension JSONUnits {
    /// The next decoded byte that is no underscore, in lower case.
    mutating func nextFolded() -> UInt8? {
        while let unit = next() {
            if unit != UInt8(ascii: "_") { return ASCII.lowercased(unit) }
        }
        return nil
    }
}

extension JSONString {
    /// Whether the string, decoded, is `text`.
    public func equals(_ text: Span<UInt8>, in bytes: Span<UInt8>) -> Bool {
        if !hasEscapes {
            guard range.count == text.count else { return false }
            for index in text.indices where bytes[range.lowerBound + index] != text[index] { return false }
            return true
        }
        var units = JSONUnits(of: self, in: bytes)
        for index in text.indices where units.next() != text[index] { return false }
        return units.next() == nil
    }

    /// A digest of the decoded text without capitals and underscores: equal for names that some readers take for one.
    ///
    /// Who chooses the text can make two others equal (FNV-1a).
    public func foldedDigest(in bytes: Span<UInt8>) -> UInt64 {
        var units = JSONUnits(of: self, in: bytes)
        var digest = Self.digestBasis
        while let unit = units.nextFolded() { digest = (digest ^ UInt64(unit)) &* Self.digestPrime }
        return digest
    }

    /// The digest of a name that stands in no document and has no escapes.
    public static func foldedDigest(ofName name: Span<UInt8>) -> UInt64 {
        JSONString(range: 0..<name.count, hasEscapes: false).foldedDigest(in: name)
    }

    private static let digestBasis: UInt64 = 0xcbf2_9ce4_8422_2325
    private static let digestPrime: UInt64 = 0x100_0000_01b3
}
