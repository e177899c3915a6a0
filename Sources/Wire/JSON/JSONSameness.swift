/// Whether two documents say the same.
enum JSONSameness {
    /// Deeper values than this count as different, since each level goes over what is in it once more.
    static let depthMax = 32
    /// Objects with more members than this are the same only with their members in the same order.
    static let unorderedMemberCountMax = 256

    /// Whether both values are the same: the order of members, blanks and the spelling of strings do not matter, that of
    /// numbers does. What is no JSON, or too deep, is the same only as the same bytes.
    static func same(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        do throws(JSONFailure) {
            return try same(one, other, depthLeft: depthMax)
        } catch {
            return false
        }
    }

    /// Whether what stands between the quotation marks of two strings is the same, decoded.
    static func sameText(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        if sameBytes(one, other) { return true }
        var units = JSONUnits(of: JSONString(range: one.indices, hasEscapes: true), in: one)
        var others = JSONUnits(of: JSONString(range: other.indices, hasEscapes: true), in: other)
        while true {
            let unit = units.next()
            guard unit == others.next() else { return false }
            if unit == nil { return true }
        }
    }

    /// Whether the bytes are the same.
    static func sameBytes(_ one: Span<UInt8>, _ other: Span<UInt8>) -> Bool {
        guard one.count == other.count else { return false }
        for index in one.indices where one[index] != other[index] { return false }
        return true
    }

    private static func same(
        _ one: Span<UInt8>, _ other: Span<UInt8>, depthLeft: Int
    ) throws(JSONFailure) -> Bool {
        if sameBytes(one, other) { return true }
        guard depthLeft > 0 else { return false }
        var mine = JSONCursor(one)
        var its = JSONCursor(other)
        let kind = try mine.peek()
        guard try its.peek() == kind else { return false }
        switch kind {
        case .string: return sameText(try mine.string().raw(in: one), try its.string().raw(in: other))
        case .number, .bool, .null:
            return sameBytes(one.extracting(try mine.skip()), other.extracting(try its.skip()))
        case .array:
            try mine.enterArray()
            try its.enterArray()
            while try mine.nextElement() {
                guard try its.nextElement() else { return false }
                let element = one.extracting(try mine.skip())
                guard try same(element, other.extracting(try its.skip()), depthLeft: depthLeft - 1) else {
                    return false
                }
            }
            return try !its.nextElement()
        case .object: return try sameMembers(one, other, depthLeft: depthLeft)
        }
    }

    private static func sameMembers(
        _ one: Span<UInt8>, _ other: Span<UInt8>, depthLeft: Int
    ) throws(JSONFailure) -> Bool {
        let mine = try members(one)
        var its = try members(other)
        guard mine.count == its.count else { return false }
        for index in mine.indices {
            let key = mine[index].key.raw(in: one)
            var place = index
            if !sameText(key, its[index].key.raw(in: other)) {
                guard mine.count <= unorderedMemberCountMax else { return false }
                place = index + 1
                while place < its.count, !sameText(key, its[place].key.raw(in: other)) { place += 1 }
                guard place < its.count else { return false }
                its.swapAt(index, place)
            }
            let value = one.extracting(mine[index].value)
            guard try same(value, other.extracting(its[index].value), depthLeft: depthLeft - 1) else { return false }
        }
        return true
    }

    private static func members(
        _ object: Span<UInt8>
    ) throws(JSONFailure) -> [(key: JSONString, value: Range<Int>)] {
        var members: [(key: JSONString, value: Range<Int>)] = []
        var cursor = JSONCursor(object)
        try cursor.enterObject()
        while let key = try cursor.nextKey() { members.append((key, try cursor.skip())) }
        return members
    }
}
