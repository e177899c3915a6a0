/// The keys of one object: whether they are in order, whether two are equal, whether some reader may confuse them.
struct JSONKeyOrder {
    /// The members sorted by the decoded bytes of their keys; nil if they are in that order already.
    private(set) var sorted: [CanonicalJSON.Member]?
    /// Whether two keys are equal.
    private(set) var hasDuplicates = false

    /// So few keys are compared each with each.
    private static let smallCountMax = 16

    init(_ members: ArraySlice<CanonicalJSON.Member>, in source: Span<UInt8>) {
        var isInOrder = true
        for index in members.indices.dropFirst() {
            let order = Self.order(members[index - 1].key, members[index].key, in: source)
            if order == 0 { hasDuplicates = true }
            if order >= 0 { isInOrder = false }
        }
        if isInOrder { return }
        let sorted = Self.sorted(Array(members), in: source, by: Self.order)
        for index in sorted.indices.dropFirst()
        where Self.order(sorted[index - 1].key, sorted[index].key, in: source) == 0 {
            hasDuplicates = true
        }
        self.sorted = sorted
    }

    /// Whether two keys are equal but for capitals and underscores, or one has characters beyond ASCII, which some readers
    /// fold too.
    func hasUnclear(_ members: ArraySlice<CanonicalJSON.Member>, in source: Span<UInt8>) -> Bool {
        var unclear = 0
        for member in members where !member.isPlain {
            unclear += 1
            var units = JSONUnits(of: member.key, in: source)
            while let unit = units.next() { if unit >= 0x80 { return true } }
        }
        if unclear == 0 || members.count < 2 { return false }
        if members.count <= Self.smallCountMax {
            for index in members.indices {
                for other in members.indices.suffix(from: index + 1)
                where !(members[index].isPlain && members[other].isPlain)
                    && Self.foldedOrder(members[index].key, members[other].key, in: source) == 0
                {
                    return true
                }
            }
            return false
        }
        let sorted = Self.sorted(Array(members), in: source, by: Self.foldedOrder)
        for index in sorted.indices.dropFirst()
        where Self.foldedOrder(sorted[index - 1].key, sorted[index].key, in: source) == 0 {
            return true
        }
        return false
    }

    private static func order(_ left: JSONString, _ right: JSONString, in source: Span<UInt8>) -> Int {
        guard !left.hasEscapes, !right.hasEscapes else { return left.order(right, in: source) }
        for (index, other) in zip(left.range, right.range) where source[index] != source[other] {
            return Int(source[index]) - Int(source[other])
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

    /// A merge sort: stable, never slow, and without a closure that would have to hold the span.
    private static func sorted(
        _ members: [CanonicalJSON.Member], in source: Span<UInt8>,
        by order: (JSONString, JSONString, Span<UInt8>) -> Int
    ) -> [CanonicalJSON.Member] {
        var from = members
        var into = members
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
                        left < middle && (right == end || order(from[left].key, from[right].key, source) <= 0)
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
