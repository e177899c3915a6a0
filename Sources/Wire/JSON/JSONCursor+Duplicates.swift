extension JSONCursor {
    /// More keys than this in objects that are open at once are not compared. A document with more is refused: 64 Ki of
    /// them are 2 MB of places to remember, and no request has a hundredth.
    public static let openKeyCountMax = 64 * 1024

    /// Whether any object of the document has two equal keys, escapes decoded; validates all of the document.
    ///
    /// Of two equal keys one parser takes the first and another the last, so such a document can say one thing to leo and
    /// another to the provider. Throws for what is no JSON, and where more than ``openKeyCountMax`` keys are to be compared.
    public static func hasDuplicateKeys(_ bytes: Span<UInt8>) throws(JSONFailure) -> Bool {
        var cursor = JSONCursor(bytes)
        // The keys of all open objects, and where each open container's own begin.
        var keys: [JSONString] = []
        var starts: [Int] = []
        var hasDuplicates = false
        var kind = try cursor.peek()
        while true {
            switch kind {
            case .object:
                try cursor.enterObject()
                starts.append(keys.count)
            case .array:
                try cursor.enterArray()
                starts.append(keys.count)
            case .string, .number, .bool, .null: try cursor.skip()
            }
            // On to the next value, closing what closes before it.
            while let start = starts.last {
                if cursor.isInObject {
                    if let key = try cursor.nextKey() {
                        guard keys.count < openKeyCountMax else { throw JSONFailure(.tooManyKeys, at: cursor.position) }
                        keys.append(key)
                        break
                    }
                    if !hasDuplicates { hasDuplicates = hasEqual(keys[start...], in: bytes) }
                } else if try cursor.nextElement() {
                    break
                }
                keys.removeSubrange(start...)
                starts.removeLast()
            }
            if starts.isEmpty { break }
            kind = try cursor.peek()
        }
        try cursor.end()
        return hasDuplicates
    }

    private static func hasEqual(_ keys: ArraySlice<JSONString>, in bytes: Span<UInt8>) -> Bool {
        if keys.count <= 16 {
            for index in keys.indices {
                for other in keys.indices.suffix(from: index + 1)
                where keys[index].equals(keys[other], in: bytes) {
                    return true
                }
            }
            return false
        }
        // Sorted, so that nobody can choose keys that make this slow.
        let order = JSONKeyOrder.merged(Array(keys), key: { $0 }, in: bytes) { $0.order($1, in: $2) }
        for index in order.indices.dropFirst() where order[index - 1].equals(order[index], in: bytes) { return true }
        return false
    }
}
