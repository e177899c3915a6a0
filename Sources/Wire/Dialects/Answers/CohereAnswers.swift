// Cohere's chat and embeddings, versions 1 and 2. What is billed stands in `billed_units`, beside raw `tokens` that also
// count the template around the prompt. Version 2 streams server-sent events whose last is `message-end`, version 1
// lines of JSON whose last is `stream-end`.
extension AnswerDialect {
    static let cohere = AnswerDialect(
        cohereUsageRows("usage") + cohereUsageRows("meta") + cohereUsageRows("delta.usage")
            + cohereUsageRows("response.meta") + [
                ("model", .model),
                ("error", .present(.error)),
                ("delta.error", .present(.error)),
                // Events of version 2.
                ("type", .word(cohereEventWords)),
                ("delta.finish_reason", .word(cohereFinishWords)),
                ("delta.message.content.text", .text),
                ("delta.message.content.thinking", .text),
                ("delta.message.tool_plan", .text),
                ("delta.message.tool_calls.function.name", .text),
                ("delta.message.tool_calls.function.arguments", .text),
                // Events of version 1; the last one repeats the whole answer.
                ("event_type", .word(cohereEventWords)),
                ("response.finish_reason", .word(cohereFinishWords)),
                ("tool_call_delta.parameters", .text),
                // Documents of version 2, then of version 1, whose text events hold as well.
                ("finish_reason", .word(cohereFinishWords)),
                ("message.content[].text", .text),
                ("message.content[].thinking", .text),
                ("message.tool_plan", .text),
                ("message.tool_calls[].function.name", .text),
                ("message.tool_calls[].function.arguments", .json),
                ("text", .text),
                ("tool_calls[].name", .text),
                ("tool_calls[].parameters", .json),
            ],
        usage: cohereUsage)

    private static func cohereUsageRows(_ object: String) -> [(path: String, field: AnswerField)] {
        [
            (object, .usage),
            ("\(object).billed_units.input_tokens", .count(.input)),
            ("\(object).billed_units.output_tokens", .count(.output)),
            ("\(object).tokens.input_tokens", .count(.otherInput)),
            ("\(object).tokens.output_tokens", .count(.otherOutput)),
            ("\(object).cached_tokens", .count(.cached)),
        ]
    }

    private static func cohereUsage(_ counts: AnswerCounts) -> Usage? {
        guard !counts.isAbsurd, counts.has(.input) || counts.has(.otherInput) else { return nil }
        let input = counts.number(counts.has(.input) ? .input : .otherInput)
        guard counts.number(.cached) <= max(input, counts.number(.otherInput)) else { return nil }
        return Usage(
            input: input, cached: min(counts.number(.cached), input),
            output: counts.number(counts.has(.input) || counts.has(.output) ? .output : .otherOutput))
    }

    private static let cohereEventWords = AnswerWords(words: [
        ("message-end", .ended), ("stream-end", .ended), ("tool-call-start", [.opens, .call]),
        ("tool-call-end", .closesAll), ("tool-calls-chunk", .call), ("tool-calls-generation", .closesAll),
    ])

    private static let cohereFinishWords = AnswerWords(
        words: [
            ("COMPLETE", .stop), ("STOP_SEQUENCE", .stop), ("MAX_TOKENS", .length), ("TOOL_CALL", .toolUse),
            ("ERROR_TOXIC", .filtered), ("ERROR_LIMIT", .length), ("ERROR", [.otherFinish, .error]),
            ("TIMEOUT", [.otherFinish, .error]), ("", []),
        ], otherwise: .otherFinish)
}
