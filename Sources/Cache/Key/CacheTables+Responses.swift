// OpenAI's Responses. The answer repeats much of the request, also what is only bookkeeping: so all of that is in the key.

extension CacheTable {
    static let responses: CacheTable = CacheTable(
        responsesInput,
        [
            ("store", .store), ("stream", .stream), ("stream_options", .streamOptions),
            ("background", .untrue(.background)), ("background_options", .option), ("temperature", .temperature),
            ("top_p", .option), ("max_output_tokens", .option), ("max_tool_calls", .option), ("include", .option),
            ("top_logprobs", .option), ("service_tier", .option), ("prompt", .absent(.state)),
            ("context_management", .content), ("moderation", .content), ("access_programs", .option),
            ("image", .option), ("modalities", .modalities), ("audio", .absent(.audio)),
            // Repeated in the answer.
            ("metadata", .content), ("user", .content), ("safety_identifier", .content),
            ("prompt_cache_key", .content), ("prompt_cache_retention", .option),
            ("prompt_cache_options", .members { .responsesPromptCache }),
            // Others' own searches.
            ("plugins", .absent(.serverTools)), ("search_parameters", .absent(.serverTools)),
            ("web_search_options", .absent(.serverTools)), ("preset", .absent(.state)), ("models", .models),
        ])

    /// What a count of a response's input tokens is asked with.
    static let responsesInput: CacheTable = CacheTable([
        ("model", .model), ("input", .members { .responseItem }), ("instructions", .content),
        ("tools", .members { .responseTool }), ("tool_choice", .option), ("parallel_tool_calls", .option),
        ("text", .members { .responseText }), ("reasoning", .option), ("truncation", .option), ("personality", .option),
        ("previous_response_id", .absent(.state)), ("conversation", .absent(.state)),
    ])

    private static let responsesPromptCache: CacheTable = CacheTable([
        ("mode", .option), ("ttl", .option), ("comparison_response_id", .absent(.state)),
    ])

    /// Items of other kinds are of the provider's tools, or refer to what it keeps; one without a kind is a message if it has
    /// a role, and else such a reference.
    private static let responseItem: CacheTable = CacheTable(
        [
            ("type", .kind), ("role", .role), ("content", .members { .responsePart }), ("id", .content),
            ("status", .option), ("phase", .option), ("call_id", .content), ("name", .content), ("namespace", .content),
            ("arguments", .content), ("input", .content), ("output", .members { .responsePart }),
            ("summary", .content), ("encrypted_content", .content), ("async", .option), ("caller", .content),
        ],
        kinds: CacheKinds(
            [
                "message", "function_call", "function_call_output", "custom_tool_call", "custom_tool_call_output",
                "reasoning",
            ], otherwise: .state, absence: .allowedWithRole))

    private static let responsePart: CacheTable = CacheTable([
        ("type", .option), ("text", .content), ("refusal", .content), ("annotations", .content), ("logprobs", .content),
        ("image_url", .address), ("file_url", .address), ("file_data", .data), ("filename", .content),
        ("detail", .option), ("file_id", .absent(.state)), ("input_audio", .members { .responseAudio }),
        ("prompt_cache_breakpoint", .option),
    ])

    private static let responseAudio: CacheTable = CacheTable(
        [("data", .data), ("format", .option)], isMedia: true)

    private static let responseTool: CacheTable = CacheTable(
        function,
        [
            ("type", .kind), ("async", .option), ("allowed_callers", .option), ("defer_loading", .option),
            ("output_schema", .content),
        ],
        kinds: CacheKinds(["function", "custom"], otherwise: .serverTools, absence: .refused), plain: .serverTools)

    private static let responseText: CacheTable = CacheTable([
        ("format", .members { .responseTextFormat }), ("verbosity", .option),
    ])

    private static let responseTextFormat: CacheTable = CacheTable([
        ("type", .option), ("name", .content), ("description", .content), ("schema", .content), ("strict", .option),
    ])
}
