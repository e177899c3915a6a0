// Amazon Bedrock's requests: its own format, and whatever a model's own is.

extension CacheTable {
    static let converse: CacheTable = CacheTable([
        ("messages", .members { .converseMessage }), ("system", .members { .converseBlock }),
        ("inferenceConfig", .members { .converseInference }), ("toolConfig", .members { .converseTools }),
        ("guardrailConfig", .option), ("outputConfig", .content), ("performanceConfig", .option),
        ("serviceTier", .option), ("additionalModelRequestFields", .members { .converseFurther }),
        ("additionalModelResponseFieldPaths", .option), ("requestMetadata", .ignored),
        // Variables of a prompt that is stored.
        ("promptVariables", .absent(.state)),
    ])

    private static let converseMessage: CacheTable = CacheTable([
        ("role", .role), ("content", .members { .converseBlock }),
    ])

    private static let converseBlock: CacheTable = CacheTable([
        ("text", .content), ("image", .members { .converseMedia }), ("document", .members { .converseMedia }),
        ("video", .members { .converseMedia }), ("audio", .members { .converseMedia }),
        ("toolUse", .members { .converseUse }), ("toolResult", .members { .converseResult }), ("json", .content),
        ("guardContent", .members { .converseGuard }), ("cachePoint", .option),
        ("reasoningContent", .content), ("citationsContent", .content), ("searchResult", .content),
    ])

    private static let converseGuard: CacheTable = CacheTable([
        ("text", .content), ("image", .members { .converseMedia }),
    ])

    private static let converseMedia: CacheTable = CacheTable([
        ("format", .option), ("name", .content), ("context", .content), ("citations", .option),
        ("source", .members { .converseSource }), ("error", .content),
    ])

    private static let converseSource: CacheTable = CacheTable([
        ("bytes", .content), ("text", .content), ("content", .content), ("s3Location", .absent(.urlMedia)),
    ])

    private static let converseUse: CacheTable = CacheTable(
        [("toolUseId", .content), ("name", .content), ("input", .content), ("type", .kind)],
        kinds: CacheKinds([], otherwise: .serverTools))

    private static let converseResult: CacheTable = CacheTable(
        [
            ("toolUseId", .content), ("content", .members { .converseBlock }), ("status", .option), ("type", .kind),
        ], kinds: CacheKinds([], otherwise: .serverTools))

    private static let converseInference: CacheTable = CacheTable([
        ("maxTokens", .option), ("temperature", .temperature), ("topP", .option), ("stopSequences", .option),
    ])

    private static let converseTools: CacheTable = CacheTable(
        [
            ("tools", .members { .converseTool }), ("toolChoice", .option),
        ], plain: .serverTools)

    private static let converseTool: CacheTable = CacheTable(
        [("toolSpec", .members { .converseSpec }), ("cachePoint", .option)], rest: .absent(.serverTools),
        plain: .serverTools)

    private static let converseSpec: CacheTable = CacheTable([
        ("name", .content), ("description", .content), ("inputSchema", .content), ("strict", .option),
    ])

    /// Members of the model's own format.
    private static let converseFurther: CacheTable = CacheTable(
        [
            ("tools", .absent(.serverTools)), ("mcp_servers", .absent(.serverTools)), ("container", .absent(.state)),
            ("temperature", .temperature), ("thinking", .content), ("reasoning_config", .content),
            ("anthropic_beta", .content), ("top_k", .content),
        ], keepsOrder: true)

    /// What the formats of Anthropic's, Amazon's, Meta's, Mistral's, Cohere's and OpenAI's models have in common. Nothing is
    /// ignored: what would be bookkeeping in one format may be something else in another.
    static let invoke: CacheTable = CacheTable([
        ("anthropic_version", .option), ("anthropic_beta", .option), ("max_tokens", .option),
        ("messages", .members { .invokeMessage }), ("system", .content), ("tools", .members { .invokeTool }),
        ("tool_choice", .option), ("temperature", .temperature), ("top_p", .option), ("top_k", .option),
        ("stop_sequences", .option), ("thinking", .option), ("output_config", .content),
        ("prompt", .content), ("inputText", .content), ("texts", .content), ("message", .content),
        ("query", .content), ("documents", .content), ("images", .address), ("inputImage", .data),
        ("inferenceConfig", .members { .converseInference }), ("textGenerationConfig", .members { .converseInference }),
        ("toolConfig", .members { .converseTools }), ("stream", .untrue(.dialect)),
        ("mcp_servers", .absent(.serverTools)), ("connectors", .absent(.serverTools)), ("container", .absent(.state)),
        ("conversation_id", .absent(.state)), ("taskType", .option),
    ])

    private static let invokeMessage: CacheTable = CacheTable([("role", .role), ("content", .members { .invokePart })])

    private static let invokePart: CacheTable = CacheTable([
        ("type", .option), ("text", .content), ("input", .content), ("thinking", .content), ("signature", .content),
        ("source", .members { .invokeSource }), ("content", .members { .invokePart }), ("image_url", .address),
        ("json", .content), ("file_id", .absent(.state)), ("toolUse", .members { .converseUse }),
        ("toolResult", .members { .converseResult }), ("image", .members { .converseMedia }),
        ("document", .members { .converseMedia }), ("video", .members { .converseMedia }),
    ])

    private static let invokeSource: CacheTable = CacheTable([
        ("type", .option), ("media_type", .option), ("data", .data), ("bytes", .data), ("url", .address),
        ("uri", .address), ("content", .members { .invokePart }), ("s3Location", .absent(.urlMedia)),
    ])

    private static let invokeTool: CacheTable = CacheTable(
        [
            ("type", .kind), ("name", .content), ("description", .content), ("input_schema", .content),
            ("function", .members { .function }), ("parameter_definitions", .content),
        ], kinds: CacheKinds(["custom", "function"], otherwise: .serverTools), plain: .serverTools)
}
