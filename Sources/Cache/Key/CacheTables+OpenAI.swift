// OpenAI's requests, and what those who follow it add to them.

extension CacheTable {
    /// An address of media, or what is around one.
    static let address: CacheTable = CacheTable([
        ("url", .address), ("uri", .address), ("detail", .option), ("format", .option), ("data", .data),
        ("file_id", .absent(.state)),
    ])

    static let chat: CacheTable = CacheTable(
        sampling + sharedChoices + [
            ("messages", .members { .chatMessage }), ("model", .model), ("models", .models),
            ("tools", .members { .chatTool }), ("functions", .members { .function }), ("function_call", .option),
            ("max_completion_tokens", .option), ("response_format", .members { .responseFormat }),
            ("reasoning_effort", .option), ("verbosity", .option), ("prediction", .content), ("moderation", .content),
            ("modalities", .modalities), ("audio", .absent(.audio)), ("store", .untrue(.stored)),
            ("web_search_options", .absent(.serverTools)), ("safety_identifier", .ignored), ("metadata", .ignored),
            ("prompt_cache_key", .ignored), ("prompt_cache_retention", .ignored),
            // OpenRouter's, xAI's, Groq's, Alibaba's and others' own searches.
            ("search_parameters", .absent(.serverTools)), ("plugins", .absent(.serverTools)),
            ("enable_search", .untrue(.serverTools)), ("search_options", .absent(.serverTools)),
            ("search_settings", .absent(.serverTools)), ("compound_custom", .absent(.serverTools)),
            ("web_search", .absent(.serverTools)), ("mcp_servers", .absent(.serverTools)),
            // Azure's "on your data", OpenRouter's presets, Mistral's agents, xAI's answers that come later.
            ("data_sources", .absent(.state)), ("dataSources", .absent(.state)), ("preset", .absent(.state)),
            ("agent_id", .absent(.state)), ("deferred", .untrue(.background)),
            ("previous_response_id", .absent(.state)),
        ])

    /// What chat and completions have in common.
    private static let sampling: [(name: String, shape: CacheShape)] = [
        ("temperature", .temperature), ("top_p", .option), ("n", .option), ("stop", .option), ("seed", .option),
        ("max_tokens", .option), ("frequency_penalty", .option), ("presence_penalty", .option), ("logit_bias", .option),
        ("logprobs", .option), ("stream", .stream), ("stream_options", .streamOptions), ("user", .ignored),
    ]

    /// What chat and the Responses have in common.
    private static let sharedChoices: [(name: String, shape: CacheShape)] = [
        ("tool_choice", .option), ("parallel_tool_calls", .option), ("top_logprobs", .option),
        ("service_tier", .option),
        ("prompt_cache_options", .members { .promptCache }),
    ]

    private static let promptCache: CacheTable = CacheTable([
        ("mode", .option), ("ttl", .option), ("comparison_response_id", .absent(.state)),
    ])

    private static let chatMessage: CacheTable = CacheTable([
        ("role", .role), ("content", .members { .chatPart }), ("name", .content), ("refusal", .content),
        ("tool_calls", .members { .chatCall }), ("function_call", .members { .call }), ("tool_call_id", .content),
        ("audio", .absent(.state)), ("reasoning_content", .content), ("reasoning", .content),
        ("reasoning_details", .content), ("annotations", .content), ("prefix", .option),
    ])

    static let chatPart: CacheTable = CacheTable([
        ("type", .option), ("text", .content), ("refusal", .content), ("thinking", .content), ("signature", .content),
        ("image_url", .address), ("video_url", .address), ("audio_url", .address), ("document_url", .address),
        ("input_audio", .members { .file }), ("file", .members { .file }), ("detail", .option),
        ("content", .members { .chatPart }), ("cache_control", .option), ("prompt_cache_breakpoint", .option),
        // A server may know media by a name that an earlier request gave them.
        ("uuid", .absent(.state)), ("file_id", .absent(.state)),
    ])

    private static let file: CacheTable = CacheTable(
        [
            ("file_id", .absent(.state)), ("file_data", .data), ("data", .data), ("filename", .content),
            ("format", .option),
        ], isMedia: true)

    private static let chatCall: CacheTable = CacheTable([
        ("id", .content), ("type", .option), ("index", .option), ("function", .members { .call }),
        ("custom", .members { .call }),
    ])

    private static let call: CacheTable = CacheTable([("name", .content), ("arguments", .content), ("input", .content)])

    private static let chatTool: CacheTable = CacheTable(
        [("type", .kind), ("function", .members { .function }), ("custom", .members { .function })],
        kinds: CacheKinds(["function", "custom"], otherwise: .serverTools, absence: .refused), plain: .serverTools)

    static let function: CacheTable = CacheTable([
        ("name", .content), ("description", .content), ("parameters", .content), ("strict", .option),
        ("format", .content),
    ])

    private static let responseFormat: CacheTable = CacheTable([
        ("type", .option), ("json_schema", .members { .namedSchema }), ("schema", .content),
    ])

    private static let namedSchema: CacheTable = CacheTable([
        ("name", .content), ("description", .content), ("schema", .content), ("strict", .option),
    ])

    static let completions: CacheTable = CacheTable(
        sampling + [
            ("model", .model), ("models", .models), ("prompt", .content), ("suffix", .content), ("best_of", .option),
            ("echo", .option),
        ])

    static let embeddings: CacheTable = CacheTable([
        ("model", .anyModel), ("input", .members { .embedded }), ("messages", .members { .chatMessage }),
        ("dimensions", .option), ("encoding_format", .option), ("user", .ignored),
    ])

    /// A text, tokens, or a part; there are models that take an address for what lies there.
    private static let embedded: CacheTable = CacheTable(chatPart, [], isMedia: true)

    static let moderations: CacheTable = CacheTable([
        ("model", .anyModel), ("input", .members { .moderated }),
    ])

    /// A part, or for some providers a message.
    private static let moderated: CacheTable = CacheTable(
        chatPart, [("role", .role), ("content", .members { .chatPart })])
}
