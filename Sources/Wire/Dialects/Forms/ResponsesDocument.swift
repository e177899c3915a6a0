/// A response of OpenAI's Responses: messages, reasoning and calls of the client's own tools.
///
/// Items of other kinds are work that was done at the provider, or that the client is to do at its machine; they are
/// not kept.
enum ResponsesDocument: DocumentForm {
    /// The kinds of items that are kept.
    enum ItemKind {
        case message, reasoning, functionCall, customToolCall

        init?(_ item: DocumentMembers, in bytes: Span<UInt8>) {
            guard let type = item.text("type", in: bytes) else { return nil }
            if type.equals("message", in: bytes) {
                self = .message
            } else if type.equals("reasoning", in: bytes) {
                self = .reasoning
            } else if type.equals("function_call", in: bytes) {
                self = .functionCall
            } else if type.equals("custom_tool_call", in: bytes) {
                self = .customToolCall
            } else {
                return nil
            }
        }
    }

    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let response = try DocumentMembers(document)
        try judgeEnd(response, in: document)
        guard let output = try response.elements("output", in: document) else { throw .malformed }
        var facts = DocumentFacts()
        for range in output { try judge(item: document.extracting(range), into: &facts) }
        return facts
    }

    private static func judgeEnd(_ response: DocumentMembers, in document: Span<UInt8>) throws(AnswerFlaw) {
        if response.value("error", in: document) != nil || response.says("status", "failed", in: document) {
            throw .error
        }
        if let details = response.value("incomplete_details", in: document) {
            let bytes = document.extracting(details.range)
            let members = try DocumentMembers(bytes)
            if members.says("reason", "max_output_tokens", in: bytes) { throw .length }
            if members.says("reason", "content_filter", in: bytes) { throw .filtered }
            throw .unfinished
        }
        guard response.says("status", "completed", in: document) else { throw .unfinished }
    }

    private static func judge(item bytes: Span<UInt8>, into facts: inout DocumentFacts) throws(AnswerFlaw) {
        let item = try DocumentMembers(bytes)
        if item.value("status", in: bytes) != nil, !item.says("status", "completed", in: bytes) { throw .unfinished }
        guard item.text("type", in: bytes) != nil else { throw .malformed }
        guard let kind = ItemKind(item, in: bytes) else { throw .unsupported }
        switch kind {
        case .message: try judge(texts: "content", of: "output_text", of: item, in: bytes, isRequired: true)
        case .reasoning:
            try judge(texts: "summary", of: "summary_text", of: item, in: bytes, isRequired: false)
            try judge(texts: "content", of: "reasoning_text", of: item, in: bytes, isRequired: false)
        case .functionCall:
            guard let arguments = item.text("arguments", in: bytes) else { throw .malformed }
            try judge(arguments: arguments, in: bytes)
            try facts.addCall(item, id: "call_id", in: bytes)
        case .customToolCall:
            guard item.text("input", in: bytes) != nil else { throw .malformed }
            try facts.addCall(item, id: "call_id", in: bytes)
        }
    }

    private static func judge(
        texts name: StaticString, of type: StaticString, of item: DocumentMembers, in bytes: Span<UInt8>,
        isRequired: Bool
    ) throws(AnswerFlaw) {
        guard let parts = try item.elements(name, in: bytes) else {
            guard !isRequired, item.value(name, in: bytes) == nil else { throw .malformed }
            return
        }
        for range in parts {
            let part = bytes.extracting(range)
            let members = try DocumentMembers(part)
            if members.says("type", "refusal", in: part) { throw .refusal }
            guard members.says("type", type, in: part) else { throw .unsupported }
            guard members.text("text", in: part) != nil else { throw .malformed }
        }
    }

    /// Arguments that are no JSON come from a model that lost its way. Asking again helps, and must not be answered with
    /// the same ones. Some send nothing where a function takes nothing.
    private static func judge(arguments: JSONString, in bytes: Span<UInt8>) throws(AnswerFlaw) {
        if arguments.range.isEmpty { return }
        var json: [UInt8] = []
        arguments.unescape(in: bytes, into: &json)
        do throws(JSONFailure) {
            var cursor = JSONCursor(json.span)
            try cursor.end()
        } catch {
            throw .malformed
        }
    }
}

extension DocumentFacts {
    /// Notes a call of a tool that has a name and, in the member `id`, an identifier of its own.
    mutating func addCall(
        _ call: DocumentMembers, id: StaticString, in bytes: Span<UInt8>
    ) throws(AnswerFlaw) {
        guard call.text("name", in: bytes) != nil, let id = call.text(id, in: bytes)?.text(in: bytes), !id.isEmpty,
            !toolCallIDs.contains(id)
        else { throw .malformed }
        guard toolCallIDs.count < AnswerDocument.toolCallCountMax else { throw .tooLarge }
        callsTools = true
        toolCallIDs.append(id)
    }
}
