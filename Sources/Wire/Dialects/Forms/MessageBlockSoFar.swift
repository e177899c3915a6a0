/// A block of a message's content, as far as it has come.
struct MessageBlockSoFar {
    private(set) var isOpen = true
    /// The block: as it began, and whole once it has ended.
    private(set) var json: [UInt8]
    private let kind: MessageDocument.BlockKind
    /// What is added to its text, thinking or input; what stands between the quotation marks.
    private var raw: [UInt8] = []
    /// Further citations, with commas between them.
    private var citations: [UInt8] = []
    /// What stands between the quotation marks of its signature; nil if none came.
    private var signature: [UInt8]?

    /// How many bytes of it are held.
    var byteCount: Int { json.count + raw.count + citations.count + (signature?.count ?? 0) }

    /// Begins with the block that `content_block_start` has.
    init(_ block: Span<UInt8>) throws(AnswerFlaw) {
        guard let kind = MessageDocument.BlockKind(try DocumentMembers(block), in: block) else { throw .unknownEvent }
        self.kind = kind
        json = DocumentMembers.copy(block)
    }

    /// Takes the `delta` of `content_block_delta`.
    mutating func take(_ delta: Span<UInt8>) throws(AnswerFlaw) {
        let members = try DocumentMembers(delta)
        guard let type = members.text("type", in: delta) else { throw .malformed }
        if type.equals("text_delta", in: delta) {
            try members.expect(only: ["type", "text"], in: delta)
            try add(members.text("text", in: delta), of: delta, to: .text)
        } else if type.equals("input_json_delta", in: delta) {
            try members.expect(only: ["type", "partial_json"], in: delta)
            try add(members.text("partial_json", in: delta), of: delta, to: .toolUse)
        } else if type.equals("thinking_delta", in: delta) {
            // The estimate is for a display of progress, and part of no message.
            try members.expect(only: ["type", "thinking", "estimated_tokens"], in: delta)
            try add(members.text("thinking", in: delta), of: delta, to: .thinking)
        } else if type.equals("signature_delta", in: delta) {
            try members.expect(only: ["type", "signature"], in: delta)
            // It comes once. Some clients would join two, others take the last.
            guard kind == .thinking, signature == nil, let text = members.text("signature", in: delta) else {
                throw .malformed
            }
            signature = DocumentMembers.copy(text.raw(in: delta))
        } else if type.equals("citations_delta", in: delta) {
            try members.expect(only: ["type", "citation"], in: delta)
            guard kind == .text, let citation = members.value("citation", in: delta), citation.kind == .object else {
                throw .malformed
            }
            if !citations.isEmpty { citations.append(JSONScan.comma) }
            citations.append(delta.extracting(citation.range))
        } else {
            throw .unknownEvent
        }
    }

    private mutating func add(
        _ text: JSONString?, of delta: Span<UInt8>, to wanted: MessageDocument.BlockKind
    ) throws(AnswerFlaw) {
        guard kind == wanted, let text else { throw .malformed }
        raw.append(text.raw(in: delta))
    }

    /// The block is whole.
    mutating func end() throws(AnswerFlaw) {
        let members = try DocumentMembers(json.span)
        switch kind {
        case .text: json = try whole(members, text: "text", further: withCitations(members))
        case .thinking:
            var further: [(name: StaticString, value: [UInt8])] = []
            if let signature { further.append(("signature", quoted([], signature))) }
            json = try whole(members, text: "thinking", further: further)
        case .redactedThinking: break
        case .toolUse:
            if let input = try input(members) {
                json = try MessageDocumentBuilder.with([("input", input)], in: json.span)
            }
        }
        isOpen = false
        raw = []
        citations = []
        signature = nil
    }

    private func whole(
        _ members: DocumentMembers, text name: StaticString, further: [(name: StaticString, value: [UInt8])]
    ) throws(AnswerFlaw) -> [UInt8] {
        guard let text = members.text(name, in: json.span) else { throw .malformed }
        let start = DocumentMembers.copy(text.raw(in: json.span))
        return try MessageDocumentBuilder.with([(name, quoted(start, raw))] + further, in: json.span)
    }

    private func quoted(_ start: [UInt8], _ rest: [UInt8]) -> [UInt8] {
        var quoted = [JSONScan.quote]
        quoted.append(start.span)
        quoted.append(rest.span)
        quoted.append(JSONScan.quote)
        return quoted
    }

    private func withCitations(
        _ members: DocumentMembers
    ) throws(AnswerFlaw) -> [(name: StaticString, value: [UInt8])] {
        if citations.isEmpty { return [] }
        var array = JSONText()
        array.write("[")
        for range in try members.elements("citations", in: json.span) ?? [] {
            array.raw(json.span.extracting(range))
            array.write(",")
        }
        array.raw(citations.span)
        array.write("]")
        return [("citations", array.bytes)]
    }

    /// The input, if it came in pieces: together they are an object. A tool without parameters gets one empty piece, or
    /// none, and keeps the empty object that it began with.
    private func input(_ members: DocumentMembers) throws(AnswerFlaw) -> [UInt8]? {
        guard let start = members.member("input", in: json.span), start.kind == .object else { throw .malformed }
        if raw.isEmpty { return nil }
        guard try DocumentMembers(json.span.extracting(start.range)).members.isEmpty else { throw .malformed }
        var input: [UInt8] = []
        JSONString(range: raw.indices, hasEscapes: true).unescape(in: raw.span, into: &input)
        do throws(JSONFailure) {
            var cursor = JSONCursor(input.span)
            guard try cursor.peek() == .object, try !JSONCursor.hasDuplicateKeys(input.span) else {
                throw JSONFailure(.otherKind, at: 0)
            }
        } catch {
            throw .malformed
        }
        return input
    }
}
