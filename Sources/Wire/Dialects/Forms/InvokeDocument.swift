/// The answers of Amazon's invoke, each in its model's own form: kept where leo knows how that form tells of an end.
enum InvokeDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.value("error", in: document) != nil || members.value("__type", in: document) != nil { throw .error }
        // Amazon's own word, beside the model's.
        if let action = members.value("amazon-bedrock-guardrailAction", in: document),
            try action.text(in: document) != "NONE"
        {
            throw .filtered
        }
        func has(_ name: StaticString) -> Bool { members.value(name, in: document) != nil }
        // Nova, then Anthropic, then models in OpenAI's form: Mistral's, DeepSeek's, Jamba, gpt-oss.
        if has("stopReason"), has("output") { return try ConverseDocument.judge(document) }
        if has("content"), has("stop_reason") { return try MessageDocument.judge(document) }
        if let choices = members.value("choices", in: document) { return try judgeChoices(choices, document) }
        // Cohere's chat, and its older form.
        if has("finish_reason"), has("text") || members.value("message", in: document)?.kind == .object {
            return try CohereDocument.judge(document)
        }
        if has("embedding") || has("embeddings") || has("embeddingsByType") {
            return try judgeEmbeddings(members, document)
        }
        if has("generation") {
            // Llama.
            _ = try members.need("generation", in: document).rawText(in: document)
            try judgeReason(members.value("stop_reason", in: document), document)
            return DocumentFacts()
        }
        for (list, reason, text) in texts {
            guard let values = try members.value(list, in: document)?.elements(in: document) else { continue }
            guard !values.isEmpty else { throw .incomplete }
            // A reranker's results have no reason to stop.
            if let result = try values.first?.members(in: document),
                result.value("relevance_score", in: document) != nil
            {
                return try CohereRerankDocument.judge(document)
            }
            for value in values {
                let value = try value.members(in: document)
                try judgeReason(value.value(reason, in: document), document)
                _ = try value.need(text, in: document).rawText(in: document)
            }
            return DocumentFacts()
        }
        throw .unsupported
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }

    /// Lists of texts, each with its reason to stop: Mistral's older form, Titan, Cohere's older form.
    private static let texts: [(list: StaticString, reason: StaticString, text: StaticString)] = [
        ("outputs", "stop_reason", "text"), ("results", "completionReason", "outputText"),
        ("generations", "finish_reason", "text"),
    ]

    private static func judgeReason(_ reason: FormValue?, _ document: Span<UInt8>) throws(AnswerFlaw) {
        guard let reason else { throw .unfinished }
        switch try reason.text(in: document) {
        case "stop", "end_turn", "stop_sequence", "tool_use", "tool_calls", "FINISH", "COMPLETE", "STOP_SEQUENCE":
            return
        case "length", "max_tokens", "LENGTH", "MAX_TOKENS", "model_context_window_exceeded": throw .length
        case "content_filter", "content_filtered", "CONTENT_FILTERED", "ERROR_TOXIC", "guardrail_intervened":
            throw .filtered
        case "refusal": throw .refusal
        case "ERROR": throw .error
        default: throw .unfinished
        }
    }

    /// Models in OpenAI's form.
    private static func judgeChoices(
        _ value: FormValue, _ document: Span<UInt8>
    ) throws(AnswerFlaw) -> DocumentFacts {
        let choices = try value.elements(in: document)
        guard !choices.isEmpty else { throw .incomplete }
        var facts = DocumentFacts()
        for choice in choices {
            let members = try choice.members(in: document)
            let reason = members.value("finish_reason", in: document) ?? members.value("stop_reason", in: document)
            try judgeReason(reason, document)
            guard let message = members.value("message", in: document) else {
                _ = try members.need("text", in: document).rawText(in: document)
                continue
            }
            let said = try message.members(in: document)
            if said.value("refusal", in: document) != nil { throw .refusal }
            for call in try said.value("tool_calls", in: document)?.elements(in: document) ?? [] {
                try facts.call(id: call.members(in: document).need("id", in: document), in: document)
            }
        }
        return facts
    }

    /// Titan's vector, Titan's and Cohere's lists of them by type, Cohere's list, Nova's list of objects.
    private static func judgeEmbeddings(
        _ members: [FormMember], _ document: Span<UInt8>
    ) throws(AnswerFlaw) -> DocumentFacts {
        // Titan's model for images has the error's text in an answer that is otherwise a success.
        guard members.value("message", in: document) == nil else { throw .error }
        if let embedding = members.value("embedding", in: document) { try embedding.judgeVector(in: document) }
        if let types = try members.value("embeddingsByType", in: document)?.members(in: document) {
            guard !types.isEmpty else { throw .incomplete }
            for type in types { try type.value.judgeVector(in: document) }
        }
        guard let embeddings = members.value("embeddings", in: document) else { return DocumentFacts() }
        if embeddings.kind == .array, let first = try embeddings.elements(in: document).first, first.kind == .object {
            for element in try embeddings.elements(in: document) {
                try element.members(in: document).need("embedding", in: document).judgeVector(in: document)
            }
            return DocumentFacts()
        }
        return try CohereEmbedDocument.judge(document)
    }
}
