/// Members that the chunks of a stream repeat, and of which the document has one each.
///
/// What leo does not know must say the same in every chunk: then it is said of the whole answer.
struct ChunkMembers {
    /// What becomes of a member that comes several times.
    enum Rule {
        /// It is the same wherever it stands; an empty text or a zero is none yet.
        case same
        /// The first one counts, since later ones tell when they were sent.
        case first
        /// The last one that is not null counts.
        case last
        /// It is the same wherever it says something.
        case sameWhereTold
        /// It is the same in every chunk; a null is none.
        case everywhere
    }

    private struct Member {
        /// The key with its quotation marks, as it was sent.
        var name: [UInt8]
        /// The value, as it was sent.
        var value: [UInt8]
        var rule: Rule
        /// Whether the value says nothing yet.
        var isNothing: Bool
        var roundCount = 0
        var isInRound = true
    }

    /// More members are not looked after: OpenAI has ten, others have a few of their own.
    private static let countMax = 64

    private var members: [Member] = []
    private var roundCount = 0
    /// How many bytes it holds.
    private(set) var byteCount = 0

    /// Takes the value in front of the cursor.
    mutating func take(
        _ name: JSONString, _ cursor: inout AnswerCursor, _ rule: Rule
    ) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        let kind = try cursor.kind()
        let value = bytes.extracting(try cursor.skip())
        let key = bytes.extracting(name.quotedRange)
        let isNothing = Self.isNothing(value, kind, rule)
        guard let index = members.firstIndex(where: { Self.equal($0.name, key) }) else {
            if isNothing, rule == .everywhere { return }
            guard members.count < Self.countMax else { throw .unknownEvent }
            var member = Member(name: [], value: [], rule: rule, isNothing: isNothing)
            member.name.append(key)
            member.value.append(value)
            byteCount += key.count + value.count
            members.append(member)
            return
        }
        members[index].isInRound = true
        if Self.equal(members[index].value, value) { return }
        switch rule {
        case .everywhere: throw .unknownEvent
        case .first where !members[index].isNothing: return
        case .same where !members[index].isNothing && !isNothing: throw .malformed
        case .sameWhereTold where !members[index].isNothing && !isNothing: throw .unknownEvent
        case .first, .same, .last, .sameWhereTold: if isNothing { return }
        }
        members[index].isNothing = false
        byteCount += value.count - members[index].value.count
        members[index].value = []
        members[index].value.append(value)
    }

    /// A chunk is over. It counts if it is one of those that must repeat what is unknown.
    mutating func endRound(counts: Bool) {
        for index in members.indices where members[index].isInRound {
            if counts { members[index].roundCount += 1 }
            members[index].isInRound = false
        }
        if counts { roundCount += 1 }
    }

    /// Makes sure that what is unknown was the same in every chunk.
    func check() throws(AnswerFlaw) {
        for member in members where member.rule == .everywhere && member.roundCount != roundCount {
            throw .unknownEvent
        }
    }

    /// Writes the members, each with a comma in front of it.
    func write(into json: inout JSONText) {
        for member in members {
            json.write(",")
            json.raw(member.name.span)
            json.write(":")
            json.raw(member.value.span)
        }
    }

    private static func equal(_ kept: [UInt8], _ bytes: Span<UInt8>) -> Bool {
        guard kept.count == bytes.count else { return false }
        for index in kept.indices where kept[index] != bytes[index] { return false }
        return true
    }

    /// Whether a value says nothing.
    private static func isNothing(_ value: Span<UInt8>, _ kind: JSONKind, _ rule: Rule) -> Bool {
        switch kind {
        case .null: true
        // Azure's first chunk, which tells of the prompt alone, has an empty id and was created at 0; chunks that say
        // nothing of a filter have an empty object for it.
        case .string: rule == .same && value.count == 2
        case .number: (rule == .same || rule == .first) && value.count == 1 && value[0] == UInt8(ascii: "0")
        case .object, .array: rule == .sameWhereTold && value.count == 2
        case .bool: false
        }
    }
}
