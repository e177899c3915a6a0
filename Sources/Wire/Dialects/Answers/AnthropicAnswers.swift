// Anthropic's Messages. A stream tells its input with `message_start` and its output with `message_delta`, whose numbers
// are sums so far and may tell the input again; all are merged, none is added up. Tokens that are read from the cache or
// written to it stand beside `input_tokens`.
extension AnswerDialect {
    static let anthropic = AnswerDialect(anthropicRows, mergesUsage: true, usage: anthropicUsage)

    static let anthropicRows: [(path: String, field: AnswerField)] =
        anthropicUsageRows("usage") + anthropicUsageRows("message.usage") + [
            ("model", .model),
            ("message.model", .model),
            ("error", .present(.error)),
            // Events.
            ("type", .word(anthropicEventWords)),
            ("content_block.type", .word(anthropicCallWords)),
            ("content_block.name", .text),
            ("delta.text", .text),
            ("delta.thinking", .text),
            ("delta.partial_json", .text),
            ("delta.stop_reason", .word(anthropicFinishWords)),
            // Documents.
            ("stop_reason", .word(anthropicFinishWords)),
            ("content[].text", .text),
            ("content[].thinking", .text),
            ("content[].name", .text),
            ("content[].input", .json),
        ]

    static func anthropicUsageRows(_ object: String) -> [(path: String, field: AnswerField)] {
        [
            (object, .usage),
            ("\(object).input_tokens", .count(.input)),
            ("\(object).output_tokens", .count(.output)),
            ("\(object).cache_read_input_tokens", .count(.cached)),
            ("\(object).cache_creation_input_tokens", .count(.cacheWrite)),
            ("\(object).cache_creation.ephemeral_5m_input_tokens", .count(.shortCacheWrite)),
            ("\(object).cache_creation.ephemeral_1h_input_tokens", .count(.longCacheWrite)),
            ("\(object).output_tokens_details.thinking_tokens", .count(.reasoning)),
        ]
    }

    static func anthropicUsage(_ counts: AnswerCounts) -> Usage? {
        guard !counts.isAbsurd, counts.has(.input) || counts.has(.cached) || counts.has(.cacheWrite),
            counts.has(.output)
        else { return nil }
        let parts = counts.number(.shortCacheWrite) + counts.number(.longCacheWrite)
        let written = counts.has(.cacheWrite) ? counts.number(.cacheWrite) : parts
        guard parts <= written else { return nil }
        return Usage(
            input: counts.number(.input) + counts.number(.cached) + written, cached: counts.number(.cached),
            cacheWrite: written - counts.number(.longCacheWrite), longCacheWrite: counts.number(.longCacheWrite),
            output: counts.number(.output), reasoning: counts.number(.reasoning))
    }

    private static let anthropicEventWords = AnswerWords(words: [
        ("message_stop", .ended), ("error", .error), ("content_block_start", .opens),
        ("content_block_stop", .closesAll),
    ])

    private static let anthropicCallWords = AnswerWords(words: [("tool_use", .call)], suffix: ("_tool_use", .call))

    private static let anthropicFinishWords = AnswerWords(
        words: [
            ("end_turn", .stop), ("stop_sequence", .stop), ("max_tokens", .length), ("tool_use", .toolUse),
            ("refusal", .filtered), ("model_context_window_exceeded", .length), ("", []),
            // Llama's words, on Bedrock.
            ("stop", .stop), ("length", .length),
        ], otherwise: .otherFinish)
}
