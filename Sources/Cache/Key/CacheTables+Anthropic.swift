// Anthropic's requests. Marks for its prompt cache are no part of what is asked: they are dropped where they are marks, and
// kept where they are data.

extension CacheTable {
    static let anthropic: CacheTable = CacheTable([
        ("model", .model), ("messages", .members { .anthropicMessage }), ("system", .members { .anthropicBlock }),
        ("tools", .members { .anthropicTool }), ("tool_choice", .option), ("max_tokens", .option),
        ("temperature", .temperature), ("top_p", .option), ("top_k", .option), ("stop_sequences", .option),
        ("stream", .stream), ("metadata", .ignored), ("cache_control", .ignored), ("service_tier", .option),
        ("thinking", .option), ("output_config", .members { .anthropicOutput }), ("output_format", .content),
        ("inference_geo", .option), ("speed", .option), ("context_management", .option), ("compaction", .option),
        ("fallbacks", .content), ("billing_policy", .option), ("anthropic_version", .option),
        ("anthropic_beta", .option),
        ("container", .absent(.state)), ("thread", .absent(.state)), ("diagnostics", .absent(.state)),
        ("fallback_credit_token", .absent(.state)), ("mcp_servers", .absent(.serverTools)),
    ])

    /// What a count of tokens is asked with.
    static let anthropicCount: CacheTable = CacheTable(anthropic, [], without: ["stream", "metadata"])

    private static let anthropicOutput: CacheTable = CacheTable([
        ("format", .content), ("effort", .option), ("task_budget", .option),
    ])

    private static let anthropicTool: CacheTable = CacheTable(
        [
            ("type", .kind), ("name", .content), ("description", .content), ("input_schema", .content),
            ("cache_control", .ignored), ("strict", .option), ("defer_loading", .option), ("allowed_callers", .option),
            ("input_examples", .content), ("eager_input_streaming", .option),
        ],
        kinds: CacheKinds(["custom"], otherwise: .serverTools), plain: .serverTools)

    private static let anthropicMessage: CacheTable = CacheTable([
        ("role", .role), ("content", .members { .anthropicBlock }), ("output_config", .members { .anthropicOutput }),
        ("clear_at", .option),
    ])

    /// Blocks of other kinds belong to the provider's tools.
    static let anthropicBlock: CacheTable = CacheTable(
        [
            ("type", .kind), ("text", .content), ("cache_control", .ignored), ("source", .members { .anthropicSource }),
            ("title", .content), ("context", .content), ("citations", .content), ("id", .content), ("name", .content),
            ("input", .content), ("tool_use_id", .content), ("content", .members { .anthropicBlock }),
            ("is_error", .option), ("thinking", .content), ("signature", .content), ("data", .content),
            ("caller", .content), ("toolset_name", .content), ("transformations", .option),
            ("file_id", .absent(.state)),
        ],
        kinds: CacheKinds(
            [
                "text", "image", "document", "search_result", "tool_use", "tool_result", "thinking",
                "redacted_thinking",
            ], otherwise: .serverTools))

    private static let anthropicSource: CacheTable = CacheTable(
        [
            ("type", .kind), ("media_type", .option), ("data", .content), ("content", .members { .anthropicBlock }),
            ("url", .address), ("file_id", .absent(.state)),
        ],
        kinds: CacheKinds(["base64", "text", "content"], otherwise: .urlMedia, absence: .refused))
}
