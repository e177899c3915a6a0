/// Puts the answer of a chat together from its chunks (OpenAI's `chat.completion.chunk`).
struct ChatDocumentBuilder: DocumentBuilder {
    private var stream = ChunkStream()
    private var choices: [ChatChoice] = []

    var byteCount: Int { stream.byteCount + choices.reduce(0) { $0 + $1.byteCount } }

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        try Self.take(type, data, &stream, &choices)
    }

    private static func take(
        _ type: Span<UInt8>, _ data: Span<UInt8>, _ stream: inout ChunkStream, _ choices: inout [ChatChoice]
    ) throws(AnswerFlaw) {
        try stream.take(type: type, data: data) { (cursor) throws(AnswerFlaw) in
            let index = try ChunkStream.index(of: cursor)
            let place = try ChunkStream.place(of: index, in: choices.map(\.index))
            if place == choices.count || choices[place].index != index { choices.insert(ChatChoice(index), at: place) }
            try choices[place].take(&cursor)
        }
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        guard stream.isDone, !choices.isEmpty else { throw .incomplete }
        var json = JSONText()
        for (place, choice) in choices.enumerated() {
            guard choice.index == place else { throw .malformed }
            if place > 0 { json.write(",") }
            try choice.write(into: &json)
        }
        return try stream.document(object: "chat.completion", choices: json.bytes.span)
    }
}

/// One of the answers to a chat.
struct ChatChoice {
    let index: Int
    private var role = GatheredText()
    private var content = GatheredText()
    /// DeepSeek's name for the thoughts that the model shows, and others' name for them.
    private var reasoningContent = GatheredText()
    private var reasoning = GatheredText()
    private var hasRefusal = false
    private var refusal = GatheredText()
    private var calls: [ChatToolCall] = []
    private var function = ChatFunction()
    private var logprobs = GatheredArrays()
    private var finishReason = GatheredText()
    private var members = ChunkMembers()

    init(_ index: Int) { self.index = index }

    var byteCount: Int {
        content.byteCount + reasoningContent.byteCount + reasoning.byteCount + refusal.byteCount + role.byteCount
            + function.byteCount + logprobs.byteCount + finishReason.byteCount + members.byteCount
            + calls.reduce(0) { $0 + $1.byteCount }
    }

    /// Takes the choice of a chunk.
    mutating func take(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        let wasFinished = finishReason.isThere
        let textBefore = textByteCount
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("delta", in: bytes) {
                try takeDelta(&cursor)
            } else if key.equals("finish_reason", in: bytes) {
                try finishReason.takeWhole(&cursor)
            } else if key.equals("logprobs", in: bytes) {
                try logprobs.take(&cursor)
            } else if key.equals("index", in: bytes) {
                try cursor.skip()
            } else {
                try members.take(key, &cursor, Self.rule(key, bytes))
            }
        }
        members.endRound(counts: true)
        // Nothing is said behind the end.
        if wasFinished, textByteCount != textBefore { throw .malformed }
    }

    /// What becomes of a member that chunks' and documents' choices have beside those of OpenAI.
    static func rule(_ key: JSONString, _ bytes: Span<UInt8>) -> ChunkMembers.Rule {
        // Why the model stopped, in other words: OpenRouter's, vLLM's, SGLang's.
        for name in ["native_finish_reason", "stop_reason", "matched_stop"] as [StaticString]
        where key.equals(name, in: bytes) {
            return .last
        }
        return key.equals("content_filter_results", in: bytes) ? .sameWhereTold : .everywhere
    }

    private var textByteCount: Int {
        content.byteCount + reasoningContent.byteCount + reasoning.byteCount + refusal.byteCount + function.byteCount
            + calls.reduce(0) { $0 + $1.byteCount }
    }

    private mutating func takeDelta(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        if try cursor.isNull() { return }
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("content", in: bytes) {
                try content.take(&cursor)
            } else if key.equals("role", in: bytes) {
                try role.takeWhole(&cursor)
            } else if key.equals("tool_calls", in: bytes) {
                if try cursor.isNull() { return }
                try cursor.elements { (cursor) throws(AnswerFlaw) in try takeCall(&cursor) }
            } else if key.equals("reasoning_content", in: bytes) {
                try reasoningContent.take(&cursor)
            } else if key.equals("reasoning", in: bytes) {
                try reasoning.take(&cursor)
            } else if key.equals("refusal", in: bytes) {
                hasRefusal = true
                try refusal.take(&cursor)
            } else if key.equals("function_call", in: bytes) {
                if try cursor.isNull() { return }
                try function.take(&cursor)
            } else {
                guard try cursor.passNothing() else { throw .unknownEvent }
            }
        }
    }

    private mutating func takeCall(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        var ahead = cursor
        var index: Int?
        try ahead.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("index", in: bytes), try !cursor.isNull() { index = try cursor.integer() }
        }
        // Whoever tells no index tells whole calls.
        let place = index ?? calls.count
        guard place >= 0, place <= calls.count else { throw .malformed }
        if place == calls.count {
            guard place < AnswerDocument.toolCallCountMax else { throw .tooLarge }
            calls.append(ChatToolCall())
        }
        try calls[place].take(&cursor)
    }

    /// Writes the choice of the document.
    func write(into json: inout JSONText) throws(AnswerFlaw) {
        try members.check()
        json.write("{\"index\":", index)
        json.write(",\"message\":{\"role\":")
        if role.isThere { role.write(into: &json) } else { json.write("\"assistant\"") }
        write("content", content, orNull: true, into: &json)
        write("reasoning_content", reasoningContent, orNull: false, into: &json)
        write("reasoning", reasoning, orNull: false, into: &json)
        write("refusal", refusal, orNull: hasRefusal, into: &json)
        for (place, call) in calls.enumerated() {
            json.write(place == 0 ? ",\"tool_calls\":[" : ",")
            call.write(into: &json)
        }
        if !calls.isEmpty { json.write("]") }
        if function.isThere {
            json.write(",\"function_call\":")
            function.write(into: &json)
        }
        json.write("}")
        if logprobs.isThere {
            json.write(",\"logprobs\":")
            logprobs.write(into: &json)
        }
        write("finish_reason", finishReason, orNull: true, into: &json)
        members.write(into: &json)
        json.write("}")
    }

    private func write(_ name: StaticString, _ text: GatheredText, orNull: Bool, into json: inout JSONText) {
        guard text.isThere || orNull else { return }
        json.write(",\"")
        json.write(name)
        json.write("\":")
        if text.isThere { text.write(into: &json) } else { json.write("null") }
    }
}

/// A call of a tool, gathered.
struct ChatToolCall {
    private var id = GatheredText()
    private var kind = GatheredText()
    private var function = ChatFunction()
    private var members = ChunkMembers()

    var byteCount: Int { id.byteCount + kind.byteCount + function.byteCount + members.byteCount }

    /// Takes a piece of the call.
    mutating func take(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("function", in: bytes) {
                if try !cursor.isNull() { try function.take(&cursor) }
            } else if key.equals("id", in: bytes) {
                try id.takeWhole(&cursor)
            } else if key.equals("type", in: bytes) {
                try kind.takeWhole(&cursor)
            } else if key.equals("index", in: bytes) {
                try cursor.skip()
            } else if key.equals("extra_content", in: bytes) {
                // Gemini's, with the signature of the thoughts that led here.
                try members.take(key, &cursor, .sameWhereTold)
            } else {
                guard try cursor.passNothing() else { throw .unknownEvent }
            }
        }
    }

    /// Writes the call of the document.
    func write(into json: inout JSONText) {
        json.write("{")
        if id.isThere {
            json.write("\"id\":")
            id.write(into: &json)
            json.write(",")
        }
        json.write("\"type\":")
        if kind.isThere { kind.write(into: &json) } else { json.write("\"function\"") }
        json.write(",\"function\":")
        function.write(into: &json)
        members.write(into: &json)
        json.write("}")
    }
}

/// The name of a function and what it is called with, gathered.
struct ChatFunction {
    private var name = GatheredText()
    private var arguments = GatheredText()

    var byteCount: Int { name.byteCount + arguments.byteCount }
    /// Whether any of it came.
    var isThere: Bool { name.isThere || arguments.isThere }

    /// Takes a piece.
    mutating func take(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("arguments", in: bytes) {
                try arguments.take(&cursor)
            } else if key.equals("name", in: bytes) {
                try name.takeWhole(&cursor)
            } else {
                guard try cursor.passNothing() else { throw .unknownEvent }
            }
        }
    }

    /// Writes the function of the document.
    func write(into json: inout JSONText) {
        json.write("{\"name\":")
        name.write(into: &json)
        json.write(",\"arguments\":")
        arguments.write(into: &json)
        json.write("}")
    }
}

extension AnswerCursor {
    /// Passes a value; false if it says something, as anything but a null and an empty array does.
    mutating func passNothing() throws(AnswerFlaw) -> Bool {
        let kind = try kind()
        let value = try skip()
        switch kind {
        case .null: return true
        case .array: return JSONScan.blanks(bytes, value.lowerBound + 1) == value.upperBound - 1
        case .object, .string, .number, .bool: return false
        }
    }
}
