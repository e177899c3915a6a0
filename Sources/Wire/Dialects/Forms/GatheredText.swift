/// A text that comes in pieces: what stands between the quotation marks of its pieces, in a row.
struct GatheredText {
    /// The text, escaped as it was sent.
    private(set) var raw: [UInt8] = []
    /// Whether any piece came, be it empty.
    private(set) var isThere = false

    /// How many bytes it holds.
    var byteCount: Int { raw.count }

    /// Takes the string in front of the cursor, or a null, which is no piece; anything else is not known.
    mutating func take(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        switch try cursor.kind() {
        case .null: try cursor.skip()
        case .string:
            raw.append(try cursor.string().raw(in: cursor.bytes))
            isThere = true
        case .object, .array, .bool, .number: throw .unknownEvent
        }
    }

    /// Takes the string in front of the cursor as ``take(_:)``, of a text that does not come in pieces: it may be
    /// repeated, and an empty one is none.
    mutating func takeWhole(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        var other = GatheredText()
        try other.take(&cursor)
        guard !other.raw.isEmpty, other.raw != raw else { return }
        guard raw.isEmpty else { throw .malformed }
        self = other
    }

    /// Writes the text with its quotation marks.
    func write(into json: inout JSONText) {
        json.write("\"")
        json.raw(raw.span)
        json.write("\"")
    }
}

/// The log probabilities of a choice: arrays that grow with each chunk, by the names of an object's members.
struct GatheredArrays {
    private struct Member {
        var name: [UInt8]
        /// The elements, with commas between them; nil as long as only nulls came.
        var elements: [UInt8]?
    }

    /// Chat has two of them and the older completions four.
    private static let countMax = 16

    private var members: [Member] = []
    /// Whether the object has come at all, be it as null.
    private(set) var isThere = false
    /// How many bytes it holds.
    private(set) var byteCount = 0

    /// Takes the object in front of the cursor, or a null.
    mutating func take(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        isThere = true
        if try cursor.isNull() { return }
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            let name = bytes.extracting(key.quotedRange)
            var index = members.firstIndex { member in
                guard member.name.count == name.count else { return false }
                for place in member.name.indices where member.name[place] != name[place] { return false }
                return true
            }
            if index == nil {
                guard members.count < Self.countMax else { throw .unknownEvent }
                var member = Member(name: [], elements: nil)
                member.name.append(name)
                byteCount += name.count
                index = members.count
                members.append(member)
            }
            guard let index, try !cursor.isNull() else { return }
            guard try cursor.kind() == .array else { throw .unknownEvent }
            try takeElements(&cursor, index)
        }
    }

    private mutating func takeElements(_ cursor: inout AnswerCursor, _ index: Int) throws(AnswerFlaw) {
        let array = try cursor.skip()
        let start = JSONScan.blanks(cursor.bytes, array.lowerBound + 1)
        let inner = cursor.bytes.extracting(start..<max(start, array.upperBound - 1))
        if members[index].elements == nil { members[index].elements = [] }
        guard !inner.isEmpty else { return }
        if members[index].elements?.isEmpty == false { members[index].elements?.append(JSONScan.comma) }
        members[index].elements?.append(inner)
        byteCount += inner.count + 1
    }

    /// Writes the object, or null if none came.
    func write(into json: inout JSONText) {
        if members.isEmpty { return json.write("null") }
        for (place, member) in members.enumerated() {
            json.write(place == 0 ? "{" : ",")
            json.raw(member.name.span)
            if let elements = member.elements {
                json.write(":[")
                json.raw(elements.span)
                json.write("]")
            } else {
                json.write(":null")
            }
        }
        json.write("}")
    }
}
