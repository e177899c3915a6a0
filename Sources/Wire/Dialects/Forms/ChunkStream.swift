/// What is common to the chunks of OpenAI's chats and of its older completions: everything around the choices.
///
/// A document has its usage where the stream told it, for streams differ in this: OpenAI tells it to those who ask, in a
/// chunk of its own behind the choices; others tell everybody, with the last choice. So `usage` stands in front of
/// `choices` if it came with choices, and behind them if it came alone. A stream that told none gives a document that
/// begins with a `usage` of null: it is a stream's, but not whole as a document.
struct ChunkStream {
    /// What stands where the usage would, in the document of a stream that told none.
    private static let usageMissing: StaticString = "{\"usage\":null,"

    /// OpenAI has 128 as the largest `n`.
    private static let choiceCountMax = 128

    private var members = ChunkMembers()
    private var usage: [UInt8] = []
    private var usageIsBesideChoices = false
    /// Whether the stream's last word has come.
    private(set) var isDone = false

    /// How many bytes it holds.
    var byteCount: Int { members.byteCount + usage.count }

    /// Takes an event; `takeChoice` reads a choice of a chunk.
    mutating func take(
        type: Span<UInt8>, data: Span<UInt8>,
        _ takeChoice: (inout AnswerCursor) throws(AnswerFlaw) -> Void
    ) throws(AnswerFlaw) {
        if type.count == 5, ASCII.equal(type, 0, "error") { throw .error }
        guard !isDone else { throw .malformed }
        guard type.isEmpty else { throw .unknownEvent }
        if data.count == 6, ASCII.equal(data, 0, "[DONE]") {
            isDone = true
            return
        }
        var choiceCount: Int?
        var hasUsage = false
        var cursor = AnswerCursor(data)
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("choices", in: data) {
                var count = 0
                try cursor.elements { (cursor) throws(AnswerFlaw) in
                    count += 1
                    try takeChoice(&cursor)
                }
                choiceCount = count
            } else if key.equals("usage", in: data) {
                hasUsage = try takeUsage(&cursor)
            } else if key.equals("error", in: data) {
                guard try cursor.isNull() else { throw .error }
            } else if key.equals("object", in: data) {
                if try cursor.isText("error") { throw .error }
            } else if let rule = Self.rule(key, data) {
                try members.take(key, &cursor, rule)
            }
        }
        // What no chunk is without.
        guard let choiceCount else { throw .unknownEvent }
        if hasUsage { usageIsBesideChoices = choiceCount > 0 }
        members.endRound(counts: choiceCount > 0)
    }

    private mutating func takeUsage(_ cursor: inout AnswerCursor) throws(AnswerFlaw) -> Bool {
        if try cursor.isNull() { return false }
        guard try cursor.kind() == .object else { throw .malformed }
        // Some tell sums all along; the last is the one.
        usage.removeAll(keepingCapacity: true)
        usage.append(cursor.bytes.extracting(try cursor.skip()))
        return true
    }

    /// What becomes of a member of the chunks; nil if it means nothing.
    private static func rule(_ key: JSONString, _ data: Span<UInt8>) -> ChunkMembers.Rule? {
        // OpenAI's and Mistral's random text, so that the length of a chunk does not tell what is in it.
        if key.equals("obfuscation", in: data) || key.equals("p", in: data) { return nil }
        if key.equals("id", in: data) || key.equals("model", in: data) { return .same }
        if key.equals("created", in: data) { return .first }
        if key.equals("system_fingerprint", in: data) || key.equals("service_tier", in: data) { return .last }
        // Azure's, about the prompt, in one chunk.
        if key.equals("prompt_filter_results", in: data) { return .sameWhereTold }
        return isTold(atTheEnd: key, data) ? .last : .everywhere
    }

    /// Whether a member is said with the last choice, or then most: Groq's own place for a request's id and the usage,
    /// llama.cpp's and Cerebras' times.
    static func isTold(atTheEnd key: JSONString, _ bytes: Span<UInt8>) -> Bool {
        key.equals("x_groq", in: bytes) || key.equals("timings", in: bytes) || key.equals("time_info", in: bytes)
    }

    /// The index of the choice in front of the cursor.
    static func index(of cursor: AnswerCursor) throws(AnswerFlaw) -> Int {
        // It may stand behind what it is about.
        var ahead = cursor
        let bytes = cursor.bytes
        var index = 0
        try ahead.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("index", in: bytes) { index = try cursor.integer() }
        }
        return index
    }

    /// Where the choice with this index is, or would be, among those that there are.
    static func place(of index: Int, in indices: [Int]) throws(AnswerFlaw) -> Int {
        guard 0..<choiceCountMax ~= index else { throw .malformed }
        return indices.firstIndex { $0 >= index } ?? indices.count
    }

    /// Makes the document; `choices` are its choices with commas between them.
    func document(object: StaticString, choices: Span<UInt8>) throws(AnswerFlaw) -> [UInt8] {
        try members.check()
        var json = JSONText()
        json.write(usage.isEmpty ? Self.usageMissing : "{")
        json.write("\"object\":\"")
        json.write(object)
        json.write("\"")
        members.write(into: &json)
        if usageIsBesideChoices { writeUsage(into: &json) }
        json.write(",\"choices\":[")
        json.raw(choices)
        json.write("]")
        if !usageIsBesideChoices { writeUsage(into: &json) }
        json.write("}")
        return json.bytes
    }

    private func writeUsage(into json: inout JSONText) {
        guard !usage.isEmpty else { return }
        json.write(",\"usage\":")
        json.raw(usage.span)
    }

    /// Whether a document is not one of a stream that told no usage.
    static func isWhole(_ document: Span<UInt8>) -> Bool {
        let count = usageMissing.utf8CodeUnitCount
        return document.count < count || !ASCII.equal(document, 0, usageMissing)
    }
}

extension AnswerCursor {
    /// Whether the value in front of the cursor, which is passed, is the string `text`.
    mutating func isText(_ text: StaticString) throws(AnswerFlaw) -> Bool {
        guard try kind() == .string else {
            try skip()
            return false
        }
        return try string().equals(text, in: bytes)
    }
}
