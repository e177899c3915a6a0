// The requests of Anthropic, Gemini, Cohere and Bedrock.

extension RequestLayout {
    static let anthropicMessages = RequestLayout(
        body: RequestTable(anthropicMembers), message: anthropicMessage, part: anthropicPart)

    private static let anthropicMembers: [(StaticString, RequestShape)] = [
        ("model", .model), ("messages", .messages), ("system", .content(.system)), ("tools", .json(.tools)),
        ("max_tokens", .outputLimit), ("stream", .stream), ("output_format", .json(.tools)),
        ("output_config", .nested(RequestTable([("format", .json(.tools)), ("effort", .ignored)]))),
        ("container", .stateful), ("mcp_servers", .ignored), ("context_management", .ignored),
        ("metadata", .ignored), ("stop_sequences", .ignored), ("service_tier", .ignored), ("thinking", .ignored),
        ("tool_choice", .ignored), ("cache_control", .ignored), ("anthropic_version", .ignored),
        ("anthropic_beta", .ignored), ("inference_geo", .ignored), ("speed", .ignored),
    ]

    private static let anthropicMessage = RequestTable([("role", .role), ("content", .content(nil))])

    private static let anthropicPart = RequestTable([
        ("type", .ignored), ("text", .texts(nil)), ("source", .source), ("title", .texts(nil)),
        ("context", .texts(nil)),
        ("thinking", .texts(.assistant)), ("signature", .ignored), ("data", .ignored), ("encrypted_content", .ignored),
        ("encrypted_index", .ignored), ("id", .ignored), ("name", .texts(.assistant)), ("input", .json(.assistant)),
        ("tool_use_id", .ignored), ("server_name", .ignored), ("content", .content(.tool)), ("file_id", .stateful),
        ("citations", .ignored), ("cache_control", .ignored), ("caller", .ignored),
    ])

    static let geminiGenerate = RequestLayout(
        body: RequestTable(
            geminiMembers + [
                ("model", .ignored),
                // A count of tokens may wrap the request.
                ("generateContentRequest", .nested(RequestTable(geminiMembers + [("model", .ignored)]))),
                ("generate_content_request", .nested(RequestTable(geminiMembers + [("model", .ignored)]))),
            ]),
        message: geminiContent, part: geminiPart)

    // Google's servers take each name in both of its spellings.
    private static let geminiMembers: [(StaticString, RequestShape)] = [
        ("contents", .messages), ("systemInstruction", .content(.system)), ("system_instruction", .content(.system)),
        ("tools", .json(.tools)), ("toolConfig", .ignored), ("tool_config", .ignored),
        ("safetySettings", .ignored), ("safety_settings", .ignored), ("labels", .ignored),
        ("cachedContent", .stateful), ("cached_content", .stateful), ("serviceTier", .ignored),
        ("generationConfig", .config(geminiConfig)), ("generation_config", .config(geminiConfig)),
    ]

    private static let geminiConfig = RequestTable([
        ("maxOutputTokens", .outputLimit), ("max_output_tokens", .outputLimit), ("candidateCount", .choices),
        ("candidate_count", .choices), ("responseSchema", .json(.tools)), ("response_schema", .json(.tools)),
        ("responseJsonSchema", .json(.tools)), ("response_json_schema", .json(.tools)), ("stopSequences", .ignored),
        ("stop_sequences", .ignored), ("responseMimeType", .ignored), ("response_mime_type", .ignored),
        ("responseModalities", .ignored), ("response_modalities", .ignored), ("speechConfig", .ignored),
        ("speech_config", .ignored), ("thinkingConfig", .ignored), ("thinking_config", .ignored),
        ("mediaResolution", .ignored), ("media_resolution", .ignored), ("imageConfig", .ignored),
        ("image_config", .ignored), ("routingConfig", .ignored),
    ])

    private static let geminiContent = RequestTable([("role", .role), ("parts", .content(nil))])

    private static let geminiPart = RequestTable([
        ("text", .texts(nil)), ("inlineData", .source), ("inline_data", .source), ("fileData", .source),
        ("file_data", .source), ("functionCall", .json(.assistant)), ("function_call", .json(.assistant)),
        ("functionResponse", .json(.tool)), ("function_response", .json(.tool)),
        ("executableCode", .json(.assistant)), ("executable_code", .json(.assistant)),
        ("codeExecutionResult", .json(.tool)), ("code_execution_result", .json(.tool)),
        ("thoughtSignature", .ignored), ("thought_signature", .ignored), ("videoMetadata", .ignored),
        ("video_metadata", .ignored), ("mediaResolution", .ignored), ("media_resolution", .ignored),
        // A content in the place of a part: a system instruction is one.
        ("role", .ignored), ("parts", .content(nil)),
    ])

    static let geminiEmbed = RequestLayout(
        body: RequestTable(
            geminiEmbedMembers + [("requests", .bodies(RequestTable(geminiEmbedMembers)))]),
        message: geminiContent, part: geminiPart)

    private static let geminiEmbedMembers: [(StaticString, RequestShape)] = [
        ("model", .ignored), ("content", .messages), ("title", .texts(.user)), ("taskType", .ignored),
        ("task_type", .ignored), ("embedContentConfig", .ignored),
    ]

    static let cohereChat = RequestLayout(
        body: cohereOptions + [
            ("message", .messages), ("chat_history", .messages), ("messages", .messages), ("preamble", .texts(.system)),
            ("documents", .json(.user)), ("tools", .json(.tools)), ("tool_results", .json(.tool)),
            ("response_format", .json(.tools)), ("stream", .stream), ("max_tokens", .outputLimit),
            ("num_generations", .choices), ("conversation_id", .stateful), ("connectors", .ignored),
            ("prompt_truncation", .ignored), ("citation_quality", .ignored), ("citation_options", .ignored),
            ("safety_mode", .ignored), ("stop_sequences", .ignored), ("tool_choice", .ignored), ("thinking", .ignored),
            ("search_queries_only", .ignored),
        ],
        message: RequestTable([
            ("role", .role), ("content", .content(nil)), ("message", .texts(nil)), ("tool_plan", .texts(.assistant)),
            ("tool_calls", .json(.assistant)), ("tool_results", .json(.tool)), ("tool_call_id", .ignored),
            ("citations", .ignored),
        ]),
        part: coherePart)

    static let cohereEmbed = RequestLayout(
        body: cohereOptions + [
            ("texts", .texts(.user)), ("images", .image), ("inputs", .messages), ("input_type", .ignored),
            ("embedding_types", .ignored), ("truncate", .ignored),
        ],
        message: RequestTable([("content", .content(.user))]), part: coherePart)

    static let cohereRerank = RequestLayout(
        body: cohereOptions + [
            ("query", .texts(.user)), ("documents", .texts(.user)), ("rank_fields", .ignored),
        ])

    private static let cohereOptions = RequestTable([("model", .model), ("metadata", .ignored)])

    private static let coherePart = RequestTable([
        ("type", .ignored), ("text", .texts(nil)), ("thinking", .texts(.assistant)), ("image_url", .image),
        ("document", .json(nil)), ("id", .ignored),
    ])

    static let bedrockConverse = RequestLayout(
        body: RequestTable([
            ("messages", .messages), ("system", .content(.system)),
            ("toolConfig", .nested(RequestTable([("tools", .json(.tools)), ("toolChoice", .ignored)]))),
            ("inferenceConfig", .config(RequestTable([("maxTokens", .outputLimit), ("stopSequences", .ignored)]))),
            ("outputConfig", .json(.tools)), ("promptVariables", .texts(.user)), ("guardrailConfig", .ignored),
            ("additionalModelResponseFieldPaths", .ignored), ("requestMetadata", .ignored),
            ("performanceConfig", .ignored), ("serviceTier", .ignored),
        ]),
        message: RequestTable([("role", .role), ("content", .content(nil))]),
        part: RequestTable([
            ("text", .texts(nil)), ("image", .image), ("document", .media), ("video", .media), ("audio", .media),
            ("toolUse", .json(.assistant)), ("cachePoint", .ignored),
            (
                "toolResult",
                .nested(
                    RequestTable([
                        ("toolUseId", .ignored), ("status", .ignored), ("type", .ignored), ("content", .content(.tool)),
                    ]))
            ),
            ("json", .json(nil)), ("guardContent", .content(nil)), ("qualifiers", .ignored),
            ("reasoningContent", .content(.assistant)), ("reasoningText", .content(.assistant)),
            ("signature", .ignored), ("redactedContent", .ignored), ("searchResult", .json(.tool)),
            ("citationsContent", .content(.assistant)), ("citations", .ignored), ("content", .content(nil)),
        ]))

    // The model's own format: what Anthropic's, Amazon's, Meta's, Mistral's, Cohere's and OpenAI's have in common is that a
    // limit has one of these names.
    static let bedrockInvoke = RequestLayout(
        body: RequestTable(
            anthropicMembers.filter { $0.0.description != "model" } + [
                ("max_completion_tokens", .outputLimit), ("max_gen_len", .outputLimit),
                ("max_new_tokens", .outputLimit),
                ("maxTokens", .outputLimit), ("num_generations", .choices), ("n", .choices),
                (
                    "textGenerationConfig",
                    .config(RequestTable([("maxTokenCount", .outputLimit), ("stopSequences", .ignored)]))
                ),
                (
                    "inferenceConfig",
                    .config(
                        RequestTable([
                            ("maxTokens", .outputLimit), ("max_new_tokens", .outputLimit), ("stopSequences", .ignored),
                        ]))
                ),
                ("toolConfig", .nested(RequestTable([("tools", .json(.tools)), ("toolChoice", .ignored)]))),
                ("prompt", .prompts), ("inputText", .texts(.user)), ("texts", .texts(.user)),
                ("query", .texts(.user)), ("documents", .texts(.user)), ("message", .messages),
                ("chat_history", .messages),
                ("preamble", .texts(.system)), ("inputImage", .image), ("images", .image), ("taskType", .ignored),
                ("schemaVersion", .ignored), ("input_type", .ignored), ("embedding_types", .ignored),
                ("api_version", .ignored),
            ]),
        message: RequestTable([
            ("role", .role), ("content", .content(nil)), ("message", .texts(nil)), ("tool_calls", .json(.assistant)),
            ("tool_call_id", .ignored),
        ]),
        part: anthropicPart + [
            ("image", .image), ("document", .media), ("video", .media), ("toolUse", .json(.assistant)),
            ("image_url", .image),
            (
                "toolResult",
                .nested(RequestTable([("toolUseId", .ignored), ("status", .ignored), ("content", .content(.tool))]))
            ),
            ("json", .json(nil)), ("cachePoint", .ignored),
        ])

    /// Of what has no dialect of its own every text counts.
    static let anything = RequestLayout(
        body: RequestTable([
            ("model", .model), ("stream", .stream), ("max_tokens", .outputLimit), ("max_output_tokens", .outputLimit),
            ("max_completion_tokens", .outputLimit),
        ]))
}

extension Dialect {
    /// How the dialect's requests are laid out.
    var requestLayout: RequestLayout {
        switch self {
        case .openaiChat: .openaiChat
        case .openaiCompletions: .openaiCompletions
        case .openaiResponses: .openaiResponses
        case .openaiEmbeddings: .openaiEmbeddings
        case .openaiModerations: .openaiModerations
        case .openaiImages: .openaiImages
        case .openaiAudio: .openaiAudio
        case .anthropicMessages: .anthropicMessages
        case .geminiGenerate: .geminiGenerate
        case .geminiEmbed: .geminiEmbed
        case .cohereChat: .cohereChat
        case .cohereEmbed: .cohereEmbed
        case .cohereRerank: .cohereRerank
        case .bedrockConverse: .bedrockConverse
        case .bedrockInvoke: .bedrockInvoke
        case .openaiOther, .anthropicOther, .geminiOther, .cohereOther, .bedrockOther: .anything
        }
    }
}
