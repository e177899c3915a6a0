/// A message of Anthropic's Messages: text, thinking and calls of the client's own tools.
///
/// Blocks of other kinds are work that was done at the provider; they are not kept.
enum MessageDocument: DocumentForm {
    /// The kinds of blocks that are kept.
    enum BlockKind {
        case text, thinking, redactedThinking, toolUse

        init?(_ block: DocumentMembers, in bytes: Span<UInt8>) {
            guard let type = block.text("type", in: bytes) else { return nil }
            if type.equals("text", in: bytes) {
                self = .text
            } else if type.equals("thinking", in: bytes) {
                self = .thinking
            } else if type.equals("redacted_thinking", in: bytes) {
                self = .redactedThinking
            } else if type.equals("tool_use", in: bytes) {
                self = .toolUse
            } else {
                return nil
            }
        }
    }

    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let message = try DocumentMembers(document)
        if message.value("error", in: document) != nil || message.says("type", "error", in: document) { throw .error }
        guard message.says("type", "message", in: document) else { throw .malformed }
        try judgeEnd(message, in: document)
        // What stands in a container at the provider.
        if message.value("container", in: document) != nil { throw .unsupported }
        guard let content = try message.elements("content", in: document) else { throw .malformed }
        var facts = DocumentFacts()
        for range in content { try judge(block: document.extracting(range), into: &facts) }
        // A tool that is said to be used, and is not there.
        guard facts.callsTools || !message.says("stop_reason", "tool_use", in: document) else { throw .malformed }
        return facts
    }

    private static func judgeEnd(_ message: DocumentMembers, in document: Span<UInt8>) throws(AnswerFlaw) {
        guard let reason = message.text("stop_reason", in: document) else { throw .unfinished }
        for (word, flaw) in flaws where reason.equals(word, in: document) { throw flaw }
        for word in ["end_turn", "tool_use", "stop_sequence"] as [StaticString]
        where reason.equals(word, in: document) {
            // Details are known of refusals only.
            guard let details = message.value("stop_details", in: document) else { return }
            let bytes = document.extracting(details.range)
            guard try DocumentMembers(bytes).says("type", "refusal", in: bytes) else { throw .unfinished }
            throw .refusal
        }
        throw .unfinished
    }

    private static let flaws: [(StaticString, AnswerFlaw)] = [
        ("max_tokens", .length), ("model_context_window_exceeded", .length), ("refusal", .refusal),
    ]

    private static func judge(block bytes: Span<UInt8>, into facts: inout DocumentFacts) throws(AnswerFlaw) {
        let block = try DocumentMembers(bytes)
        guard block.text("type", in: bytes) != nil else { throw .malformed }
        guard let kind = BlockKind(block, in: bytes) else { throw .unsupported }
        switch kind {
        case .text:
            guard block.text("text", in: bytes) != nil else { throw .malformed }
            let citations = block.value("citations", in: bytes)
            guard citations == nil || citations?.kind == .array else { throw .malformed }
        case .thinking: guard block.text("thinking", in: bytes) != nil else { throw .malformed }
        case .redactedThinking: guard block.text("data", in: bytes) != nil else { throw .malformed }
        case .toolUse:
            guard block.member("input", in: bytes)?.kind == .object else { throw .malformed }
            try facts.addCall(block, id: "id", in: bytes)
        }
    }
}
