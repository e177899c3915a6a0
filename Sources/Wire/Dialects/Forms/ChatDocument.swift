/// The answer of a chat as one document (OpenAI's `chat.completion`), also as those have it who follow OpenAI.
enum ChatDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        var facts = DocumentFacts()
        try ChoicesDocument.judge(document) { (cursor, reason) throws(AnswerFlaw) in
            let bytes = cursor.bytes
            var hasMessage = false
            var callCount = 0
            var hasContent = false
            try cursor.members { (cursor, key) throws(AnswerFlaw) in
                guard key.equals("message", in: bytes) else { return }
                hasMessage = true
                try judgeMessage(&cursor, &facts, &callCount, &hasContent)
            }
            guard hasMessage else { throw .malformed }
            // A model that stopped in order to call something has called something, and any other has said something.
            switch reason {
            case .stop: guard hasContent || callCount > 0 else { throw .unfinished }
            case .call: guard callCount > 0 else { throw .unfinished }
            }
        }
        return facts
    }

    private static func judgeMessage(
        _ cursor: inout AnswerCursor, _ facts: inout DocumentFacts, _ callCount: inout Int, _ hasContent: inout Bool
    ) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("refusal", in: bytes) {
                guard try cursor.isNull() else { throw .refusal }
            } else if key.equals("audio", in: bytes) {
                // It expires with the provider.
                guard try cursor.isNull() else { throw .unsupported }
            } else if key.equals("content", in: bytes) {
                hasContent = try judgeContent(&cursor)
            } else if key.equals("tool_calls", in: bytes) {
                if try cursor.isNull() { return }
                try cursor.elements { (cursor) throws(AnswerFlaw) in
                    callCount += 1
                    try judgeCall(&cursor, &facts)
                }
            } else if key.equals("function_call", in: bytes) {
                if try cursor.isNull() { return }
                callCount += 1
                try judgeFunction(&cursor)
            }
        }
        if callCount > 0 { facts.callsTools = true }
    }

    /// Whether there is a content: a text, also an empty one, or Mistral's parts.
    private static func judgeContent(_ cursor: inout AnswerCursor) throws(AnswerFlaw) -> Bool {
        if try cursor.isNull() { return false }
        if try cursor.kind() == .string {
            try cursor.skip()
            return true
        }
        let bytes = cursor.bytes
        var count = 0
        try cursor.elements { (cursor) throws(AnswerFlaw) in
            count += 1
            try cursor.members { (cursor, key) throws(AnswerFlaw) in
                if key.equals("type", in: bytes), try cursor.isText("refusal") { throw .refusal }
            }
        }
        return count > 0
    }

    private static func judgeCall(_ cursor: inout AnswerCursor, _ facts: inout DocumentFacts) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("id", in: bytes) {
                if try cursor.isNull() { return }
                guard facts.toolCallIDs.count < AnswerDocument.toolCallCountMax else { throw .tooLarge }
                facts.toolCallIDs.append(try cursor.string().text(in: bytes))
            } else if key.equals("function", in: bytes) {
                try judgeFunction(&cursor)
            }
        }
    }

    /// Arguments that are no JSON cannot be called with: a client would be told the same again and again.
    private static func judgeFunction(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            // Ollama's older servers and some others have an object here, which was read.
            guard key.equals("arguments", in: bytes), try cursor.kind() == .string else { return }
            var text: [UInt8] = []
            try cursor.string().unescape(in: bytes, into: &text)
            if text.isEmpty { return }
            var arguments = JSONCursor(text.span)
            do throws(JSONFailure) {
                try arguments.end()
            } catch {
                throw .unfinished
            }
        }
    }

    static func isWhole(_ document: Span<UInt8>) -> Bool { ChunkStream.isWhole(document) }
}

/// What documents with choices have in common: chats and the older completions.
enum ChoicesDocument {
    /// Why a choice came to its end.
    enum Reason {
        case stop, call
    }

    /// Judges everything but what the choices themselves say, for which `judgeChoice` stands.
    static func judge(
        _ document: Span<UInt8>,
        _ judgeChoice: (inout AnswerCursor, Reason) throws(AnswerFlaw) -> Void
    ) throws(AnswerFlaw) {
        var cursor = AnswerCursor(document)
        var choiceCount = 0
        var isError = false
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("error", in: document) {
                guard try cursor.isNull() else { throw .error }
            } else if key.equals("object", in: document) {
                isError = try cursor.isText("error")
            } else if key.equals("prompt_filter_results", in: document) {
                try judgeFilter(&cursor)
            } else if key.equals("choices", in: document) {
                try cursor.elements { (cursor) throws(AnswerFlaw) in
                    choiceCount += 1
                    var ahead = cursor
                    let reason = try judgeEnd(&ahead)
                    try judgeChoice(&cursor, reason)
                }
            }
        }
        try cursor.end()
        if isError { throw .error }
        guard choiceCount > 0 else { throw .malformed }
    }

    private static func judgeEnd(_ cursor: inout AnswerCursor) throws(AnswerFlaw) -> Reason {
        let bytes = cursor.bytes
        var reason: Reason?
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("error", in: bytes) {
                guard try cursor.isNull() else { throw .error }
            } else if key.equals("content_filter_results", in: bytes) {
                try judgeFilter(&cursor)
            } else if key.equals("finish_reason", in: bytes), try !cursor.isNull() {
                reason = try Self.reason(try cursor.string(), bytes)
            }
        }
        guard let reason else { throw .unfinished }
        return reason
    }

    private static func reason(_ word: JSONString, _ bytes: Span<UInt8>) throws(AnswerFlaw) -> Reason {
        if word.equals("stop", in: bytes) { return .stop }
        if word.equals("tool_calls", in: bytes) || word.equals("function_call", in: bytes) { return .call }
        // Mistral's name for an end at the model's own limit is the second.
        if word.equals("length", in: bytes) || word.equals("model_length", in: bytes) { throw .length }
        if word.equals("content_filter", in: bytes) { throw .filtered }
        throw word.equals("error", in: bytes) ? .error : .unfinished
    }

    /// Azure's notes on what its filter found: nothing may be kept of which something was filtered.
    private static func judgeFilter(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        switch try cursor.kind() {
        case .object:
            let bytes = cursor.bytes
            try cursor.members { (cursor, key) throws(AnswerFlaw) in
                if key.equals("filtered", in: bytes), try cursor.kind() == .bool {
                    if try cursor.bool() { throw .filtered }
                } else {
                    try judgeFilter(&cursor)
                }
            }
        case .array: try cursor.elements { (cursor) throws(AnswerFlaw) in try judgeFilter(&cursor) }
        case .string, .number, .bool, .null: try cursor.skip()
        }
    }
}
