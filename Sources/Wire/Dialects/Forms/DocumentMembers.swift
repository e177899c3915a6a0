/// The members of one object: where each value stands in the object's bytes, which are passed to every function.
struct DocumentMembers {
    struct Member {
        let key: JSONString
        let kind: JSONKind
        /// The value, quotation marks and brackets included.
        let range: Range<Int>
        /// The value if it is a string.
        let text: JSONString?

        /// From the key to the end of the value.
        var whole: Range<Int> { key.quotedRange.lowerBound..<range.upperBound }
    }

    /// An object with more members is refused, so that none can be made that takes long to search: the largest that is
    /// looked into, a response, has some forty.
    static let countMax = 256

    private(set) var members: [Member] = []

    /// Reads the object that `bytes` are. What is no object is malformed.
    init(_ bytes: Span<UInt8>) throws(AnswerFlaw) {
        do throws(JSONFailure) {
            try read(bytes)
        } catch {
            throw .malformed
        }
        guard members.count <= Self.countMax else { throw .malformed }
    }

    private mutating func read(_ bytes: Span<UInt8>) throws(JSONFailure) {
        var cursor = JSONCursor(bytes)
        try cursor.enterObject()
        while members.count <= Self.countMax, let key = try cursor.nextKey() {
            let kind = try cursor.peek()
            if kind == .string {
                let text = try cursor.string()
                members.append(Member(key: key, kind: kind, range: text.quotedRange, text: text))
            } else {
                members.append(Member(key: key, kind: kind, range: try cursor.skip(), text: nil))
            }
        }
        if members.count <= Self.countMax { try cursor.end() }
    }

    /// The member of that name, null or not.
    func member(_ name: StaticString, in bytes: Span<UInt8>) -> Member? {
        for member in members where member.key.equals(name, in: bytes) { return member }
        return nil
    }

    /// The member of that name unless it is null.
    func value(_ name: StaticString, in bytes: Span<UInt8>) -> Member? {
        guard let member = member(name, in: bytes), member.kind != .null else { return nil }
        return member
    }

    /// The string of that name; nil for anything else.
    func text(_ name: StaticString, in bytes: Span<UInt8>) -> JSONString? { member(name, in: bytes)?.text }

    /// Whether the member of that name is the string `word`.
    func says(_ name: StaticString, _ word: StaticString, in bytes: Span<UInt8>) -> Bool {
        text(name, in: bytes)?.equals(word, in: bytes) ?? false
    }

    /// The whole number of that name that is not negative; nil for anything else.
    func count(_ name: StaticString, in bytes: Span<UInt8>) -> Int? {
        guard let member = member(name, in: bytes), member.kind == .number,
            let number = JSONNumber(range: member.range).integer(in: bytes), number >= 0
        else { return nil }
        return number
    }

    /// The number of that name that says where something belongs; malformed if there is none.
    func place(_ name: StaticString, in bytes: Span<UInt8>) throws(AnswerFlaw) -> Int {
        guard let place = count(name, in: bytes) else { throw .malformed }
        return place
    }

    /// Where the elements of the array of that name stand; nil if there is none.
    func elements(_ name: StaticString, in bytes: Span<UInt8>) throws(AnswerFlaw) -> [Range<Int>]? {
        guard let member = member(name, in: bytes), member.kind == .array else { return nil }
        var ranges: [Range<Int>] = []
        var cursor = JSONCursor(bytes.extracting(member.range))
        do throws(JSONFailure) {
            try cursor.enterArray()
            while try cursor.nextElement() {
                let range = try cursor.skip()
                let start = member.range.lowerBound
                ranges.append(start + range.lowerBound..<start + range.upperBound)
            }
        } catch {
            throw .malformed
        }
        return ranges
    }

    /// Makes sure that an event has no other members than these, and none of them twice.
    func expect(only names: [StaticString], in bytes: Span<UInt8>) throws(AnswerFlaw) {
        for (index, member) in members.enumerated() {
            var isKnown = false
            for name in names where member.key.equals(name, in: bytes) { isKnown = true }
            guard isKnown else { throw .unknownEvent }
            // Of more members than names one is there twice, so this stays short.
            guard index < names.count else { throw .malformed }
            for other in members[..<index] where other.key.equals(member.key, in: bytes) { throw .malformed }
        }
    }

    /// The bytes of the value of that name, null or not.
    func copy(_ name: StaticString, in bytes: Span<UInt8>) -> [UInt8]? {
        guard let member = member(name, in: bytes) else { return nil }
        return Self.copy(bytes.extracting(member.range))
    }

    static func copy(_ bytes: Span<UInt8>) -> [UInt8] {
        var copy: [UInt8] = []
        copy.append(bytes)
        return copy
    }
}

extension JSONScan {
    /// The document without the blanks around it: a line end behind it, most of all.
    @_lifetime(copy bytes)
    static func trimmed(_ bytes: Span<UInt8>) -> Span<UInt8> {
        let start = blanks(bytes, 0)
        var end = bytes.count
        while end > start, isBlank(bytes[end - 1]) { end -= 1 }
        return bytes.extracting(start..<end)
    }
}
