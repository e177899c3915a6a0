/// What an event of a response's stream says, as far as a document's builder asks.
enum ResponsesDocumentEvent {
    /// Where in an item a text stands.
    enum TextPlace {
        /// `content[].text`, of a message or of reasoning.
        case content
        /// `summary[].text`
        case summary
        case arguments
        /// A custom tool's `input`.
        case input

        /// The member of a text's event that says which of several it is; nil where an item has only one.
        var indexName: StaticString? {
            switch self {
            case .content: "content_index"
            case .summary: "summary_index"
            case .arguments, .input: nil
            }
        }

        /// The member that has the whole text: of the event that ends it, and of the item or its part.
        var textName: StaticString {
            switch self {
            case .content, .summary: "text"
            case .arguments: "arguments"
            case .input: "input"
            }
        }
    }

    /// `response.created` and what else tells of a response that is under way.
    case lifecycle
    case completed
    /// It ended in another way.
    case ended
    case error
    case refusal
    /// A sign of life.
    case keepAlive
    case itemAdded
    case itemDone
    /// A part of `content` or `summary` begins or ends.
    case part(TextPlace)
    case delta(TextPlace)
    case textDone(TextPlace)
    case annotation

    /// The event of that type; nil for one that leo does not know, or that belongs to a tool of the provider's.
    init?(_ type: JSONString, in bytes: Span<UInt8>) {
        for row in Self.rows where type.equals(row.type, in: bytes) {
            self = row.event
            return
        }
        return nil
    }

    /// The most frequent ones first. `response.reasoning_part` is what vLLM calls a reasoning item's content part;
    /// `keepalive` is in no reference, but sent.
    private static let rows: [(type: StaticString, event: ResponsesDocumentEvent)] = [
        ("response.output_text.delta", .delta(.content)),
        ("response.function_call_arguments.delta", .delta(.arguments)),
        ("response.reasoning_summary_text.delta", .delta(.summary)),
        ("response.reasoning_text.delta", .delta(.content)),
        ("response.custom_tool_call_input.delta", .delta(.input)),
        ("response.output_text.done", .textDone(.content)),
        ("response.function_call_arguments.done", .textDone(.arguments)),
        ("response.reasoning_summary_text.done", .textDone(.summary)),
        ("response.reasoning_text.done", .textDone(.content)),
        ("response.custom_tool_call_input.done", .textDone(.input)),
        ("response.output_text.annotation.added", .annotation),
        ("response.output_item.added", .itemAdded),
        ("response.output_item.done", .itemDone),
        ("response.content_part.added", .part(.content)),
        ("response.content_part.done", .part(.content)),
        ("response.reasoning_summary_part.added", .part(.summary)),
        ("response.reasoning_summary_part.done", .part(.summary)),
        ("response.reasoning_part.added", .part(.content)),
        ("response.reasoning_part.done", .part(.content)),
        ("response.created", .lifecycle),
        ("response.queued", .lifecycle),
        ("response.in_progress", .lifecycle),
        ("response.completed", .completed),
        ("response.incomplete", .ended),
        ("response.failed", .ended),
        ("response.cancelled", .ended),
        ("response.refusal.delta", .refusal),
        ("response.refusal.done", .refusal),
        ("error", .error),
        ("keepalive", .keepAlive),
    ]

    /// The members that such an event may have. `obfuscation` is noise against those who watch the lengths of packets.
    var memberNames: [StaticString] {
        switch self {
        case .lifecycle, .completed: ["type", "sequence_number", "response"]
        case .keepAlive: ["type", "sequence_number"]
        case .itemAdded, .itemDone: ["type", "sequence_number", "output_index", "item"]
        case .part:
            [
                "type", "sequence_number", "item_id", "output_index", "content_index", "summary_index", "part",
                "status",
            ]
        case .delta:
            [
                "type", "sequence_number", "item_id", "output_index", "content_index", "summary_index", "delta",
                "logprobs", "obfuscation",
            ]
        case .textDone:
            [
                "type", "sequence_number", "item_id", "output_index", "content_index", "summary_index", "text",
                "arguments", "input", "name", "logprobs",
            ]
        case .annotation:
            [
                "type", "sequence_number", "item_id", "output_index", "content_index", "annotation_index", "annotation",
            ]
        // Whatever they have, the answer is not kept.
        case .ended, .error, .refusal: []
        }
    }
}
