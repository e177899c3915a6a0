extension ChatDocument {
    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool {
        guard let chunks = ChunkWriter(document, object: "chat.completion.chunk", tellsUsage: tellsUsage) else {
            return false
        }
        do throws(AnswerFlaw) {
            for (place, range) in chunks.choices.enumerated() {
                let choice = try ChatChoiceDocument(document.extracting(range))
                guard choice.index == place else { return false }
                choice.write(
                    isFirst: place == 0, isLast: place == chunks.choices.count - 1, chunks, into: &events)
            }
        } catch {
            return false
        }
        chunks.writeEnd(into: &events)
        return true
    }
}

/// A choice of a document, with everything in it that has a place in chunks.
private struct ChatChoiceDocument: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var index = -1
    private var role = JSONString(range: 0..<0, hasEscapes: false)
    private var content: JSONString?
    private var reasoning: JSONString?
    /// The names under which the thoughts stand.
    private var isReasoning = false
    private var isReasoningContent = false
    private var hasRefusal = false
    private var calls: [Range<Int>] = []
    private var function: Range<Int>?
    private var logprobs: Range<Int>?
    private var hasLogprobs = false
    private var finishReason = 0..<0
    /// What is said in each chunk, and with the finish reason.
    private var members = JSONText()
    private var lastMembers = JSONText()

    /// Reads the choice. Throws where something has no place in chunks.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) throws(AnswerFlaw) {
        self.bytes = bytes
        var hasMessage = false
        var cursor = AnswerCursor(bytes)
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("message", in: bytes) {
                hasMessage = true
                try readMessage(&cursor)
            } else if key.equals("index", in: bytes) {
                index = try cursor.integer()
            } else if key.equals("finish_reason", in: bytes) {
                finishReason = try cursor.skip()
            } else if key.equals("logprobs", in: bytes) {
                hasLogprobs = true
                if try !cursor.isNull() { logprobs = try cursor.skip() }
            } else if ChatChoice.rule(key, bytes) == .everywhere {
                if try !cursor.isNull() { try members.member(key, &cursor) }
            } else {
                try lastMembers.member(key, &cursor)
            }
        }
        guard hasMessage, !finishReason.isEmpty, members.bytes.count <= ChunkWriter.memberBytesMax else {
            throw .unsupported
        }
    }

    private mutating func readMessage(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = bytes
        var thoughts: JSONString?
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if try cursor.isNull() {
                if key.equals("refusal", in: bytes) { hasRefusal = true }
            } else if key.equals("content", in: bytes) {
                content = try cursor.string()
            } else if key.equals("role", in: bytes) {
                role = try cursor.string()
            } else if key.equals("reasoning_content", in: bytes) {
                thoughts = try cursor.string()
                isReasoningContent = true
            } else if key.equals("reasoning", in: bytes) {
                reasoning = try cursor.string()
                isReasoning = true
            } else if key.equals("tool_calls", in: bytes) {
                try cursor.elements { (cursor) throws(AnswerFlaw) in calls.append(try Self.readCall(&cursor)) }
            } else if key.equals("function_call", in: bytes) {
                function = try Self.readFunction(&cursor)
            } else {
                guard try cursor.passNothing() else { throw .unsupported }
            }
        }
        // Told one after the other, thoughts under two names would be thought twice.
        if let thoughts, let reasoning, !thoughts.equals(reasoning, in: bytes) { throw .unsupported }
        reasoning = reasoning ?? thoughts
    }

    /// Makes sure that a call has nothing but what chunks have, and returns where it stands.
    private static func readCall(_ cursor: inout AnswerCursor) throws(AnswerFlaw) -> Range<Int> {
        let bytes = cursor.bytes
        var ahead = cursor
        var hasFunction = false
        try ahead.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("function", in: bytes) {
                _ = try readFunction(&cursor)
                hasFunction = true
            } else if key.equals("id", in: bytes) {
                if try !cursor.isNull() { _ = try cursor.string() }
            } else if key.equals("type", in: bytes) {
                guard try cursor.isText("function") else { throw .unsupported }
            } else if !key.equals("index", in: bytes), !key.equals("extra_content", in: bytes) {
                guard try cursor.passNothing() else { throw .unsupported }
            }
        }
        guard hasFunction else { throw .unsupported }
        return try cursor.skip()
    }

    private static func readFunction(_ cursor: inout AnswerCursor) throws(AnswerFlaw) -> Range<Int> {
        let bytes = cursor.bytes
        var ahead = cursor
        try ahead.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("name", in: bytes) || key.equals("arguments", in: bytes) {
                _ = try cursor.string()
            } else {
                guard try cursor.passNothing() else { throw .unsupported }
            }
        }
        return try cursor.skip()
    }

    /// Writes the chunks of the choice: its role, its thoughts and its text in pieces, its calls, its end.
    func write(isFirst: Bool, isLast: Bool, _ chunks: borrowing ChunkWriter, into events: inout EventWriter) {
        var opening = begin()
        opening.write("\"role\":\"")
        if role.range.isEmpty { opening.write("assistant") } else { opening.raw(role.raw(in: bytes)) }
        opening.write(content == nil ? "\",\"content\":null" : "\",\"content\":\"\"")
        if hasRefusal { opening.write(",\"refusal\":null") }
        opening.write("}")
        end(&opening)
        chunks.write(opening, isFirst: isFirst, into: &events)
        writeReasoning(chunks, into: &events)
        writeContent(chunks, into: &events)
        writeCalls(chunks, into: &events)
        var closing = begin()
        closing.write("}")
        if hasLogprobs { closing.write(",\"logprobs\":null") }
        closing.write(",\"finish_reason\":")
        closing.raw(bytes.extracting(finishReason))
        closing.raw(members.bytes.span)
        closing.raw(lastMembers.bytes.span)
        closing.write("}")
        chunks.write(closing, isLast: isLast, into: &events)
    }

    private func writeReasoning(_ chunks: borrowing ChunkWriter, into events: inout EventWriter) {
        guard let reasoning else { return }
        var beginning = begin()
        if isReasoning, isReasoningContent {
            // Both names at once, so that nobody reads a thought twice.
            beginning.write("\"reasoning_content\":")
            beginning.raw(bytes.extracting(reasoning.quotedRange))
            beginning.write(",\"reasoning\":\"")
        } else {
            beginning.write(isReasoning ? "\"reasoning\":\"" : "\"reasoning_content\":\"")
        }
        let frame = chunks.frame(beginning, textEnd())
        let text = reasoning.raw(in: bytes)
        if isReasoning, isReasoningContent { return events.write(frame.before.span, text, frame.after.span) }
        EventWriter.pieces(of: text) { piece in events.write(frame.before.span, piece, frame.after.span) }
    }

    private func writeContent(_ chunks: borrowing ChunkWriter, into events: inout EventWriter) {
        if let logprobs {
            // One chunk, so that each probability stands beside its text.
            var json = begin()
            if let content {
                json.write("\"content\":")
                json.raw(bytes.extracting(content.quotedRange))
            }
            json.write("},\"logprobs\":")
            json.raw(bytes.extracting(logprobs))
            json.write(",\"finish_reason\":null")
            json.raw(members.bytes.span)
            json.write("}")
            return chunks.write(json, into: &events)
        }
        guard let content, !content.range.isEmpty else { return }
        var beginning = begin()
        beginning.write("\"content\":\"")
        let frame = chunks.frame(beginning, textEnd())
        EventWriter.pieces(of: content.raw(in: bytes)) { piece in
            events.write(frame.before.span, piece, frame.after.span)
        }
    }

    /// One chunk per call, all of it at once.
    private func writeCalls(_ chunks: borrowing ChunkWriter, into events: inout EventWriter) {
        for (place, call) in calls.enumerated() {
            var json = begin()
            json.write("\"tool_calls\":[{\"index\":", place)
            writeMembers(call, into: &json)
            json.write("}]}")
            end(&json)
            chunks.write(json, into: &events)
        }
        if let function {
            var json = begin()
            json.write("\"function_call\":")
            json.raw(bytes.extracting(function))
            json.write("}")
            end(&json)
            chunks.write(json, into: &events)
        }
    }

    /// Writes the members of a call, each with a comma in front of it, but for the index.
    private func writeMembers(_ call: Range<Int>, into json: inout JSONText) {
        let call = bytes.extracting(call)
        var cursor = AnswerCursor(call)
        do throws(AnswerFlaw) {
            try cursor.members { (cursor, key) throws(AnswerFlaw) in
                if !key.equals("index", in: call) { try json.member(key, &cursor) }
            }
        } catch {
            // It was read before.
        }
    }

    /// Begins a chunk's choice, up to what its delta says.
    private func begin() -> JSONText {
        var json = JSONText()
        json.write("{\"index\":", index)
        json.write(",\"delta\":{")
        return json
    }

    /// What stands behind a delta's text, where it is not the choice's last.
    private func textEnd() -> JSONText {
        var json = JSONText()
        json.write("\"}")
        end(&json)
        return json
    }

    /// Ends a chunk's choice behind its delta, where it is not the choice's last.
    private func end(_ json: inout JSONText) {
        if hasLogprobs { json.write(",\"logprobs\":null") }
        json.write(",\"finish_reason\":null")
        json.raw(members.bytes.span)
        json.write("}")
    }
}
