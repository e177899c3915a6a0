extension JSONCursor {
    /// Goes through the members of the object in front of the cursor; `body` reads a value, or leaves it to be skipped.
    ///
    /// A value that is no object is skipped.
    mutating func members(_ body: (inout JSONCursor, JSONString) throws(JSONFailure) -> Void) throws(JSONFailure) {
        guard try peek() == .object else {
            try skip()
            return
        }
        try enterObject()
        while let key = try nextKey() { try body(&self, key) }
    }

    /// Goes through the elements of the array in front of the cursor. A value that is no array is skipped.
    mutating func elements(_ body: (inout JSONCursor) throws(JSONFailure) -> Void) throws(JSONFailure) {
        guard try peek() == .array else {
            try skip()
            return
        }
        try enterArray()
        while try nextElement() { try body(&self) }
    }

    /// The number in front of the cursor; nil if it is something else or not whole, which is skipped.
    mutating func wholeNumber() throws(JSONFailure) -> Int? {
        guard try peek() == .number else {
            try skip()
            return nil
        }
        return try number().integer(in: bytes)
    }

    /// The text of the string in front of the cursor, empty for anything else, which is skipped.
    mutating func word() throws(JSONFailure) -> String {
        guard try peek() == .string else {
            try skip()
            return ""
        }
        return try string().text(in: bytes)
    }

    /// Whether something other than null, false, an empty string or an empty array is in front of the cursor, which
    /// passes it.
    mutating func isSomething() throws(JSONFailure) -> Bool {
        switch try peek() {
        case .null:
            try null()
            return false
        case .bool: return try bool()
        case .string: return try !string().range.isEmpty
        case .array:
            var count = 0
            try elements { (cursor) throws(JSONFailure) in
                count += 1
                try cursor.skip()
            }
            return count > 0
        case .object, .number:
            try skip()
            return true
        }
    }

    /// The bytes of the value in front of the cursor, as they are; passes it.
    mutating func raw() throws(JSONFailure) -> [UInt8] {
        var copy: [UInt8] = []
        copy.append(bytes.extracting(try skip()))
        return copy
    }

    /// The bytes between the quotation marks of the string in front of the cursor; empty for anything else.
    mutating func rawText() throws(JSONFailure) -> [UInt8] {
        guard try peek() == .string else {
            try skip()
            return []
        }
        var copy: [UInt8] = []
        copy.append(try string().raw(in: bytes))
        return copy
    }
}
