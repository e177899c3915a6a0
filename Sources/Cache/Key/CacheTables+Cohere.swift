// Cohere's requests, versions 1 and 2.

extension CacheTable {
    static let cohereChat: CacheTable = CacheTable([
        ("model", .model), ("messages", .members { .cohereMessage }), ("message", .content), ("preamble", .content),
        ("chat_history", .members { .cohereMessage }), ("documents", .content), ("tools", .members { .cohereTool }),
        ("tool_results", .content), ("tool_choice", .option), ("strict_tools", .option),
        ("force_single_step", .option), ("response_format", .members { .cohereFormat }), ("citation_options", .option),
        ("citation_quality", .option), ("safety_mode", .option), ("prompt_truncation", .option),
        ("max_tokens", .option),
        ("max_input_tokens", .option), ("stop_sequences", .option), ("temperature", .temperature), ("seed", .option),
        ("k", .option), ("p", .option), ("frequency_penalty", .option), ("presence_penalty", .option),
        ("logprobs", .option), ("thinking", .option), ("priority", .option), ("raw_prompting", .option),
        ("search_queries_only", .option), ("stream", .stream), ("connectors", .absent(.serverTools)),
        ("conversation_id", .absent(.state)),
    ])

    private static let cohereMessage: CacheTable = CacheTable([
        ("role", .role), ("content", .members { .coherePart }), ("message", .content), ("tool_plan", .content),
        ("tool_calls", .content), ("tool_results", .content), ("tool_call_id", .content), ("citations", .content),
    ])

    private static let coherePart: CacheTable = CacheTable([
        ("type", .option), ("text", .content), ("thinking", .content), ("image_url", .address), ("image", .address),
        ("document", .content), ("id", .content),
    ])

    /// Version 1 has tools without a kind.
    private static let cohereTool: CacheTable = CacheTable(
        [
            ("type", .kind), ("function", .members { .function }), ("name", .content), ("description", .content),
            ("parameter_definitions", .content),
        ],
        kinds: CacheKinds(["function"], otherwise: .serverTools), plain: .serverTools)

    private static let cohereFormat: CacheTable = CacheTable([
        ("type", .option), ("schema", .content), ("json_schema", .content),
    ])

    static let cohereEmbed: CacheTable = CacheTable([
        ("model", .anyModel), ("texts", .content), ("images", .address), ("inputs", .members { .embeddedInput }),
        ("input_type", .option), ("embedding_types", .option), ("output_dimension", .option), ("truncate", .option),
        ("max_tokens", .option), ("priority", .option),
    ])

    private static let embeddedInput: CacheTable = CacheTable([("content", .members { .coherePart })])

    static let rerank: CacheTable = CacheTable([
        ("model", .anyModel), ("query", .members { .reranked }), ("documents", .members { .reranked }),
        ("top_n", .option), ("rank_fields", .option), ("return_documents", .option), ("max_chunks_per_doc", .option),
        ("max_tokens_per_doc", .option), ("priority", .option),
    ])

    /// A document that is an object is read as it is; those of some models are images.
    private static let reranked: CacheTable = CacheTable(
        [
            ("image", .address), ("image_url", .address), ("video", .address), ("video_url", .address),
            ("audio", .address), ("audio_url", .address), ("content", .members { .chatPart }),
        ], rest: .content, keepsOrder: true, isMedia: true)
}
