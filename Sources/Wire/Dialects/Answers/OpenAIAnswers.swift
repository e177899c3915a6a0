// Chat, completions and embeddings in OpenAI's form, as OpenAI, Azure, Mistral, Groq, DeepSeek, xAI, OpenRouter, vLLM and
// many others answer. A stream tells its usage in a chunk of its own with empty `choices`, if the client asked for it;
// Mistral and DeepSeek tell it in the chunk with the finish reason, Groq there as `x_groq.usage`, vLLM in every chunk if
// asked to.
extension AnswerDialect {
    static let openAIChat = AnswerDialect(
        usageRows("usage") + usageRows("x_groq.usage") + [
            ("model", .model),
            ("error", .present(.error)),
            ("x_groq.error", .present(.error)),
            ("choices[].finish_reason", .word(finishWords)),
            ("choices[].error", .present(.error)),
            // Chunks.
            ("choices[].delta.content", .text),
            ("choices[].delta.refusal", .text),
            ("choices[].delta.reasoning_content", .text),
            ("choices[].delta.reasoning", .text),
            ("choices[].delta.audio.transcript", .text),
            ("choices[].delta.function_call", .present(.call)),
            ("choices[].delta.function_call.name", .text),
            ("choices[].delta.function_call.arguments", .json),
            ("choices[].delta.tool_calls[]", .present(.call)),
            ("choices[].delta.tool_calls[].function.name", .text),
            ("choices[].delta.tool_calls[].function.arguments", .json),
            ("choices[].delta.tool_calls[].custom.name", .text),
            ("choices[].delta.tool_calls[].custom.input", .text),
            // Mistral's reasoning models write parts.
            ("choices[].delta.content[].text", .text),
            ("choices[].delta.content[].thinking[].text", .text),
            // Completions: chunks and documents.
            ("choices[].text", .text),
            // Documents.
            ("choices[].message.content", .text),
            ("choices[].message.refusal", .text),
            ("choices[].message.reasoning_content", .text),
            ("choices[].message.reasoning", .text),
            ("choices[].message.audio.transcript", .text),
            ("choices[].message.function_call.name", .text),
            ("choices[].message.function_call.arguments", .json),
            ("choices[].message.tool_calls[].function.name", .text),
            ("choices[].message.tool_calls[].function.arguments", .json),
            ("choices[].message.tool_calls[].custom.name", .text),
            ("choices[].message.tool_calls[].custom.input", .text),
            ("choices[].message.content[].text", .text),
            ("choices[].message.content[].thinking[].text", .text),
        ],
        usage: { counts in openAIUsage(counts, needsOutput: true) })

    /// Embeddings, moderations and rerankings, where they tell tokens: OpenAI's moderations tell nothing, Cohere's
    /// rerankings searches.
    static let openAIEmbeddings = AnswerDialect(
        usageRows("usage") + [("model", .model), ("error", .present(.error))],
        usage: { counts in openAIUsage(counts, needsOutput: false) })

    private static let finishWords = AnswerWords(
        words: [
            ("stop", .stop), ("length", .length), ("tool_calls", .toolUse), ("function_call", .toolUse),
            ("content_filter", .filtered), ("model_length", .length), ("error", [.otherFinish, .error]),
            // What servers of other makers pass on.
            ("eos", .stop), ("eos_token", .stop), ("stop_sequence", .stop), ("end_turn", .stop),
            ("max_tokens", .length), ("tool_use", .toolUse), ("", []),
        ], otherwise: .otherFinish)
}

extension AnswerDialect {
    /// The numbers of a usage object of chat, completions and embeddings.
    static func usageRows(_ object: String) -> [(path: String, field: AnswerField)] {
        [
            (object, .usage),
            ("\(object).prompt_tokens", .count(.input)),
            ("\(object).completion_tokens", .count(.output)),
            ("\(object).total_tokens", .count(.total)),
            ("\(object).prompt_tokens_details.cached_tokens", .count(.cached)),
            ("\(object).prompt_tokens_details.cache_write_tokens", .count(.cacheWrite)),
            ("\(object).completion_tokens_details.reasoning_tokens", .count(.reasoning)),
            // DeepSeek's name for the cached ones, which newer answers of its have beside the other.
            ("\(object).prompt_cache_hit_tokens", .count(.otherCached)),
        ]
    }

    /// `prompt_tokens` and `input_tokens` hold the cached ones and those written to the cache; `completion_tokens` and
    /// `output_tokens` hold the reasoning. Embeddings have no output.
    static func openAIUsage(_ counts: AnswerCounts, needsOutput: Bool) -> Usage? {
        guard !counts.isAbsurd, counts.has(.output) || !needsOutput else { return nil }
        // Voyage's embeddings and vLLM's rerankings tell the total alone.
        guard counts.has(.input) || (!needsOutput && counts.has(.total)) else { return nil }
        let input = counts.number(counts.has(.input) ? .input : .total)
        var output = counts.number(.output)
        var reasoning = counts.number(.reasoning)
        // xAI counts reasoning beside the completion, and Gemini behind OpenAI's form names it in the total alone.
        let beside = counts.number(.total) - input - output
        if beside > 0, counts.has(.output) {
            output += beside
            reasoning = max(reasoning, beside)
        }
        return Usage(
            input: input, cached: counts.has(.cached) ? counts.number(.cached) : counts.number(.otherCached),
            cacheWrite: counts.number(.cacheWrite), output: output, reasoning: reasoning)
    }
}
