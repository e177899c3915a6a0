// The two edits that limits make in a request, as spans of its body.

extension RequestFacts {
    /// Whether a limit can be written into requests of this operation. Not into Amazon's: they are signed.
    public static func canLimitOutput(_ operation: Operation) -> Bool { limitMember(operation, .maxTokens) != nil }

    /// Adds the edits that let the output have at most `tokenCount` tokens: larger limits become it, and where there is
    /// none one is inserted. False, and nothing added, where the operation has no such limit or its requests are signed.
    ///
    /// `field` is how the provider calls the limit in OpenAI's chat.
    public func capOutput(
        _ operation: Operation, tokenCount: Int, field: OutputLimitField, _ edits: inout JSONEdits
    ) -> Bool {
        guard let member = Self.limitMember(operation, field) else { return false }
        // Beside a limit under its other name, a null is none: providers refuse two.
        let hasLimit = outputLimits.contains { !$0.isNull }
        for limit in outputLimits where limit.value > tokenCount && !(limit.isNull && hasLimit) {
            edits.replace(limit.range, with: String(tokenCount))
        }
        if !outputLimits.isEmpty { return true }
        guard let config = member.config else {
            edits.insertMember(member.name, rawValue: String(tokenCount), intoObjectAt: objectRange)
            return true
        }
        switch configRange {
        case let range? where !configIsNull:
            edits.insertMember(member.name, rawValue: String(tokenCount), intoObjectAt: range)
        case let range?: edits.replace(range, with: "{\"\(member.name)\":\(tokenCount)}")
        case nil:
            let value = "{\"\(member.name)\":\(tokenCount)}"
            edits.insertMember(config, rawValue: value, intoObjectAt: objectRange)
        }
        return true
    }

    /// Adds the edit that asks for the usage of a stream. False, and nothing added, where the client asked itself, where it
    /// said that it does not want it, where the answer does not stream, and where the operation has no such member.
    ///
    /// Whether the provider understands the member is another question: its row says.
    public func askForUsage(_ operation: Operation, _ edits: inout JSONEdits) -> Bool {
        guard stream, operation.dialect == .openaiChat || operation.dialect == .openaiCompletions else { return false }
        switch streamOptions {
        case .absent:
            edits.insertMember("stream_options", rawValue: "{\"include_usage\":true}", intoObjectAt: objectRange)
        case .null(let range): edits.replace(range, with: "{\"include_usage\":true}")
        case .object(let range, includeUsage: nil):
            edits.insertMember("include_usage", rawValue: "true", intoObjectAt: range)
        case .object(_, let includeUsage?):
            guard includeUsage.value == nil else { return false }
            edits.replace(includeUsage.range, with: "true")
        }
        return true
    }

    /// The member that limits the output of an operation, and the object it is in if that is not the body.
    private static func limitMember(
        _ operation: Operation, _ field: OutputLimitField
    ) -> (config: String?, name: String)? {
        guard operation.createsWork else { return nil }
        switch operation.dialect {
        case .openaiChat: return (nil, field.rawValue)
        case .openaiCompletions, .anthropicMessages, .cohereChat: return (nil, "max_tokens")
        case .openaiResponses: return operation.name == "responses" ? (nil, "max_output_tokens") : nil
        case .geminiGenerate: return ("generationConfig", "maxOutputTokens")
        case .openaiEmbeddings, .openaiModerations, .openaiImages, .openaiAudio, .openaiOther, .anthropicOther,
            .geminiEmbed, .geminiOther, .cohereEmbed, .cohereRerank, .cohereOther, .bedrockConverse, .bedrockInvoke,
            .bedrockOther:
            return nil
        }
    }
}
