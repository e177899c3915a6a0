// OpenAI's Responses, and what else of OpenAI's tells its usage in the same words: images, transcriptions, runs of
// threads. The usage comes with the last event, `response.completed`, `.incomplete` or `.failed`, which repeats the whole
// answer; before it, `response.usage` is null.
extension AnswerDialect {
    static let openAIResponses = AnswerDialect(
        responsesUsageRows("usage") + responsesUsageRows("response.usage") + [
            ("model", .model),
            ("response.model", .model),
            ("error", .present(.error)),
            ("status", .word(statusWords)),
            ("incomplete_details.reason", .word(incompleteWords)),
            ("response.status", .word(statusWords)),
            ("response.incomplete_details.reason", .word(incompleteWords)),
            // Events.
            ("type", .word(eventWords)),
            ("item.type", .word(callWords)),
            // Of text, reasoning, arguments; what a shell wrote is an object here, and no text of the model's.
            ("delta", .text),
            ("response.output[].type", .word(usedWords)),
            // Documents.
            ("output[].type", .word(usedWords)),
            ("output[].content[].text", .text),
            ("output[].content[].refusal", .text),
            ("output[].summary[].text", .text),
            ("output[].name", .text),
            ("output[].arguments", .json),
            ("output[].input", .text),
            ("output[].code", .text),
        ],
        usage: { counts in openAIUsage(counts, needsOutput: true) })

    /// Images, audio, threads, conversations: only usage is read, and where an answer ends.
    static let openAIOther = AnswerDialect(
        responsesUsageRows("usage") + [
            ("usage.prompt_tokens", .count(.input)),
            ("usage.completion_tokens", .count(.output)),
            ("usage.prompt_tokens_details.cached_tokens", .count(.cached)),
            ("usage.completion_tokens_details.reasoning_tokens", .count(.reasoning)),
            ("model", .model),
            ("error", .present(.error)),
            ("type", .word(mediaWords)),
        ],
        usage: { counts in openAIUsage(counts, needsOutput: true) })

    private static func responsesUsageRows(_ object: String) -> [(path: String, field: AnswerField)] {
        [
            (object, .usage),
            ("\(object).input_tokens", .count(.input)),
            ("\(object).output_tokens", .count(.output)),
            ("\(object).total_tokens", .count(.total)),
            ("\(object).input_tokens_details.cached_tokens", .count(.cached)),
            ("\(object).input_tokens_details.cache_write_tokens", .count(.cacheWrite)),
            ("\(object).output_tokens_details.reasoning_tokens", .count(.reasoning)),
        ]
    }

    private static let statusWords = AnswerWords(
        words: [("completed", .stop), ("failed", [.otherFinish, .error]), ("cancelled", .otherFinish)])

    private static let incompleteWords = AnswerWords(
        words: [("max_output_tokens", .length), ("content_filter", .filtered)], otherwise: .otherFinish)

    private static let eventWords = AnswerWords(words: [
        ("response.completed", .ended), ("response.incomplete", .ended), ("response.failed", [.ended, .error]),
        ("response.cancelled", .ended), ("error", .error),
        ("response.output_item.added", .opens), ("response.output_item.done", .closes),
    ])

    private static let callWords = AnswerWords(words: [], suffix: ("_call", .call))

    private static let usedWords = AnswerWords(
        words: [("function_call", .toolUse), ("custom_tool_call", .toolUse)])

    private static let mediaWords = AnswerWords(
        words: [("error", .error), ("transcript.text.done", .ended), ("speech.audio.done", .ended)],
        suffix: (".completed", .ended))
}
