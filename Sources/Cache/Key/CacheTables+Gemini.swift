// Gemini's requests, also on Vertex AI. Google's servers take each name in camel case and with underscores.

extension CacheTable {
    static let gemini: CacheTable = proto(geminiMembers + [("labels", .ignored)])

    /// A count of tokens may wrap the request.
    static let geminiCount: CacheTable = proto(
        geminiMembers + [
            ("labels", .option), ("generateContentRequest", .members { .geminiInner }), ("instances", .content),
        ])

    private static let geminiInner: CacheTable = proto(geminiMembers + [("labels", .option)])

    private static func proto(
        _ members: [(name: String, shape: CacheShape)], rest: CacheShape = .unknown, plain: CacheBypass? = nil
    ) -> CacheTable {
        CacheTable(members, rest: rest, isProto: true, plain: plain)
    }

    private static let geminiMembers: [(name: String, shape: CacheShape)] = [
        ("model", .anyModel), ("contents", .members { .geminiContent }),
        ("systemInstruction", .members { .geminiContent }), ("tools", .members { .geminiTool }),
        ("toolConfig", .option), ("safetySettings", .option), ("generationConfig", .members { .geminiConfig }),
        ("serviceTier", .option), ("modelArmorConfig", .option), ("cachedContent", .absent(.state)),
        ("continuationToken", .absent(.state)), ("store", .untrue(.stored)),
        // Where media are to be written.
        ("outputConfig", .absent(.stored)),
    ]

    private static let geminiContent: CacheTable = proto([
        ("role", .role), ("parts", .members { .geminiPart }), ("text", .content),
    ])

    private static let geminiPart: CacheTable = proto([
        ("text", .content), ("thought", .option), ("thoughtSignature", .content),
        ("inlineData", .members { .geminiInline }), ("fileData", .absent(.urlMedia)),
        ("functionCall", .members { .geminiCall }), ("functionResponse", .members { .geminiResponse }),
        ("executableCode", .content), ("codeExecutionResult", .content), ("toolCall", .absent(.serverTools)),
        ("toolResponse", .absent(.serverTools)), ("videoMetadata", .option), ("mediaResolution", .option),
        ("partMetadata", .content), ("mediaProcessing", .option), ("audioMetadata", .option),
        ("audioTranscription", .content), ("documentMetadata", .option), ("speechMetadata", .option),
        ("spreadsheetMetadata", .option),
    ])

    private static let geminiInline: CacheTable = proto([
        ("mimeType", .option), ("data", .content), ("displayName", .content),
    ])

    private static let geminiCall: CacheTable = proto([
        ("id", .content), ("name", .content), ("args", .content), ("partialArgs", .content), ("willContinue", .option),
    ])

    private static let geminiResponse: CacheTable = proto([
        ("id", .content), ("name", .content), ("response", .content), ("parts", .members { .geminiPart }),
        ("willContinue", .option), ("scheduling", .option),
    ])

    /// Whatever else a tool is, the provider works it.
    private static let geminiTool: CacheTable = proto(
        [("functionDeclarations", .members { .geminiFunction })], rest: .absent(.serverTools), plain: .serverTools)

    private static let geminiFunction: CacheTable = proto([
        ("name", .content), ("description", .content), ("behavior", .option), ("parameters", .content),
        ("parametersJsonSchema", .content), ("response", .content), ("responseJsonSchema", .content),
    ])

    private static let geminiConfig: CacheTable = proto([
        ("temperature", .temperature), ("topP", .option), ("topK", .option), ("candidateCount", .option),
        ("maxOutputTokens", .option), ("stopSequences", .option), ("seed", .option), ("presencePenalty", .option),
        ("frequencyPenalty", .option), ("responseLogprobs", .option), ("logprobs", .option),
        ("responseMimeType", .option), ("responseSchema", .content), ("responseJsonSchema", .content),
        ("responseFormat", .content), ("responseModalities", .modalities), ("speechConfig", .absent(.audio)),
        ("audioTranscriptionConfig", .absent(.audio)), ("translationConfig", .absent(.audio)),
        ("imageConfig", .absent(.audio)), ("thinkingConfig", .option), ("mediaResolution", .option),
        ("audioTimestamp", .option), ("enableAffectiveDialog", .option), ("enableEnhancedCivicAnswers", .option),
        ("routingConfig", .option), ("modelSelectionConfig", .option), ("modelConfig", .option),
    ])

    static let geminiEmbed: CacheTable = proto(embedMembers + [("requests", .members { .geminiEmbedOne })])

    private static let geminiEmbedOne: CacheTable = proto(embedMembers)

    private static let embedMembers: [(name: String, shape: CacheShape)] = [
        ("model", .anyModel), ("content", .members { .geminiContent }), ("title", .content), ("taskType", .option),
        ("outputDimensionality", .option), ("autoTruncate", .option), ("mimeType", .option),
        ("embedContentConfig", .members { .embedConfig }),
    ]

    private static let embedConfig: CacheTable = proto([
        ("title", .content), ("taskType", .option), ("outputDimensionality", .option), ("autoTruncate", .option),
        ("mimeType", .option), ("documentOcr", .option), ("audioTrackExtraction", .option),
    ])
}
