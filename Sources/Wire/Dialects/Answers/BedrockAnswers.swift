// Amazon Bedrock. Converse has one form for all models; cached tokens and those written to the cache stand beside
// `inputTokens`. Of a stream's messages `metadata` tells the usage, as the last. InvokeModel answers in the model's own
// form; a stream carries it in base64, and its last part holds `amazon-bedrock-invocationMetrics`, which leo reads where
// the model itself tells nothing.
extension AnswerDialect {
    static let bedrockConverse = AnswerDialect(
        converseUsageRows("usage") + [
            // Messages.
            ("stopReason", .word(converseFinishWords)),
            ("start.toolUse", .present([.opens, .call])),
            ("start.toolUse.name", .text),
            ("delta.text", .text),
            ("delta.toolUse.input", .text),
            ("delta.reasoningContent.text", .text),
            // Documents.
            ("output.message.content[].text", .text),
            ("output.message.content[].citationsContent.content[].text", .text),
            ("output.message.content[].reasoningContent.reasoningText.text", .text),
            ("output.message.content[].toolUse.name", .text),
            ("output.message.content[].toolUse.input", .json),
        ],
        usage: converseUsage)

    /// All models' forms at once; their names do not collide.
    static let bedrockInvoke = AnswerDialect(
        anthropicRows + [
            ("amazon-bedrock-invocationMetrics", .present(.ended)),
            ("amazon-bedrock-invocationMetrics.inputTokenCount", .count(.otherInput)),
            ("amazon-bedrock-invocationMetrics.outputTokenCount", .count(.otherOutput)),
            ("amazon-bedrock-invocationMetrics.cacheReadInputTokenCount", .count(.otherCached)),
            ("amazon-bedrock-invocationMetrics.cacheWriteInputTokenCount", .count(.otherCacheWrite)),
            // Nova.
            ("usage.inputTokens", .count(.input)),
            ("usage.outputTokens", .count(.output)),
            ("usage.cacheReadInputTokenCount", .count(.cached)),
            ("usage.cacheWriteInputTokenCount", .count(.cacheWrite)),
            ("metadata.usage", .usage),
            ("metadata.usage.inputTokens", .count(.input)),
            ("metadata.usage.outputTokens", .count(.output)),
            ("metadata.usage.cacheReadInputTokenCount", .count(.cached)),
            ("metadata.usage.cacheWriteInputTokenCount", .count(.cacheWrite)),
            ("messageStop.stopReason", .word(converseFinishWords)),
            ("stopReason", .word(converseFinishWords)),
            ("contentBlockDelta.delta.text", .text),
            ("contentBlockDelta.delta.toolUse.input", .text),
            ("contentBlockDelta.delta.reasoningContent.text", .text),
            ("output.message.content[].text", .text),
            ("output.message.content[].toolUse.input", .json),
            // Models in OpenAI's form: Mistral's, DeepSeek's, gpt-oss.
            ("usage.prompt_tokens", .count(.input)),
            ("usage.completion_tokens", .count(.output)),
            ("choices[].finish_reason", .word(converseFinishWords)),
            ("choices[].stop_reason", .word(converseFinishWords)),
            ("choices[].delta.content", .text),
            ("choices[].message.content", .text),
            ("choices[].text", .text),
            ("choices[].message.tool_calls[].function.arguments", .json),
            ("choices[].delta.tool_calls[].function.arguments", .json),
            // Mistral's older form, Llama, Titan, Cohere.
            ("outputs[].text", .text),
            ("outputs[].stop_reason", .word(converseFinishWords)),
            ("generation", .text),
            ("prompt_token_count", .count(.input)),
            ("generation_token_count", .count(.output)),
            ("inputTextTokenCount", .count(.input)),
            ("results[].tokenCount", .count(.output)),
            ("results[].outputText", .text),
            ("results[].completionReason", .word(converseFinishWords)),
            ("outputText", .text),
            ("totalOutputTextTokenCount", .count(.output)),
            ("completionReason", .word(converseFinishWords)),
            ("generations[].text", .text),
            ("generations[].finish_reason", .word(converseFinishWords)),
            ("text", .text),
            ("finish_reason", .word(converseFinishWords)),
        ], mergesUsage: true, usage: invokeUsage)

    private static func converseUsageRows(_ object: String) -> [(path: String, field: AnswerField)] {
        [
            (object, .usage),
            ("\(object).inputTokens", .count(.input)),
            ("\(object).outputTokens", .count(.output)),
            ("\(object).cacheReadInputTokens", .count(.cached)),
            ("\(object).cacheWriteInputTokens", .count(.cacheWrite)),
            ("\(object).cacheDetails[]", .cacheDetail),
            ("\(object).cacheDetails[].ttl", .cacheDetailTime),
            ("\(object).cacheDetails[].inputTokens", .cacheDetailCount),
        ]
    }

    private static func converseUsage(_ counts: AnswerCounts) -> Usage? { anthropicUsage(counts) }

    private static func invokeUsage(_ counts: AnswerCounts) -> Usage? {
        guard !counts.isAbsurd else { return nil }
        if let usage = anthropicUsage(counts) { return usage }
        guard counts.has(.otherInput) || counts.has(.input) else { return nil }
        let cached = counts.number(.otherCached)
        let written = counts.number(.otherCacheWrite)
        return Usage(
            input: counts.number(counts.has(.otherInput) ? .otherInput : .input) + cached + written, cached: cached,
            cacheWrite: written, output: counts.number(counts.has(.otherOutput) ? .otherOutput : .output))
    }

    private static let converseFinishWords = AnswerWords(
        words: [
            ("end_turn", .stop), ("stop_sequence", .stop), ("max_tokens", .length), ("tool_use", .toolUse),
            ("guardrail_intervened", .filtered), ("content_filtered", .filtered),
            ("model_context_window_exceeded", .length),
            // In the models' own forms.
            ("stop", .stop), ("length", .length), ("tool_calls", .toolUse), ("FINISH", .stop), ("LENGTH", .length),
            ("COMPLETE", .stop), ("MAX_TOKENS", .length), ("CONTENT_FILTERED", .filtered), ("", []),
        ], otherwise: .otherFinish)
}
