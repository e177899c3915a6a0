// Gemini's generateContent and embedContent, and Vertex AI's. Every chunk of a stream holds `usageMetadata`: sums so far,
// of which the last count. `promptTokenCount` holds the cached ones; what tools put in stands beside it, and thoughts
// stand beside the candidates. A number that is 0 is left out.
extension AnswerDialect {
    static let gemini = AnswerDialect(
        [
            ("usageMetadata", .usage),
            ("usageMetadata.promptTokenCount", .count(.input)),
            ("usageMetadata.candidatesTokenCount", .count(.output)),
            ("usageMetadata.totalTokenCount", .count(.total)),
            ("usageMetadata.cachedContentTokenCount", .count(.cached)),
            ("usageMetadata.thoughtsTokenCount", .count(.reasoning)),
            ("usageMetadata.toolUsePromptTokenCount", .count(.toolInput)),
            ("modelVersion", .model),
            ("error", .present(.error)),
            ("promptFeedback.blockReason", .word(AnswerWords(words: [], otherwise: [.filtered, .ended]))),
            ("candidates[].finishReason", .word(geminiFinishWords)),
            ("candidates[].content.parts[].text", .text),
            ("candidates[].content.parts[].executableCode.code", .text),
            ("candidates[].content.parts[].functionCall", .present(.closesAll)),
            ("candidates[].content.parts[].functionCall.willContinue", .present(.call)),
            ("candidates[].content.parts[].functionCall.name", .text),
            ("candidates[].content.parts[].functionCall.args", .json),
        ],
        usage: geminiUsage)

    private static func geminiUsage(_ counts: AnswerCounts) -> Usage? {
        guard !counts.isAbsurd, counts.has(.input) || counts.has(.output) else { return nil }
        return Usage(
            input: counts.number(.input) + counts.number(.toolInput), cached: counts.number(.cached),
            output: counts.number(.output) + counts.number(.reasoning), reasoning: counts.number(.reasoning))
    }

    private static let geminiFinishWords = AnswerWords(
        words: [
            ("STOP", [.stop, .ended]), ("MAX_TOKENS", [.length, .ended]), ("SAFETY", [.filtered, .ended]),
            ("RECITATION", [.filtered, .ended]), ("BLOCKLIST", [.filtered, .ended]),
            ("PROHIBITED_CONTENT", [.filtered, .ended]), ("SPII", [.filtered, .ended]),
            ("IMAGE_SAFETY", [.filtered, .ended]), ("IMAGE_PROHIBITED_CONTENT", [.filtered, .ended]),
            ("IMAGE_RECITATION", [.filtered, .ended]), ("MODEL_ARMOR", [.filtered, .ended]),
            ("FINISH_REASON_UNSPECIFIED", []), ("", []),
        ], otherwise: [.otherFinish, .ended])
}
