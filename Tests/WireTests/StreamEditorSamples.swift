import Testing

@testable import Wire

/// A stream of one dialect that was cut off, and what ends it.
struct StreamSample: Sendable, CustomTestStringConvertible {
    var name: String
    var dialect: Dialect
    var contentType = "text/event-stream"
    var stream: [UInt8]
    /// What ends it as finished; nil where it cannot be.
    var finish: [UInt8]?
    var error: [UInt8]

    var testDescription: String { name }

    static let refusal = Refusal(.budget, code: "budget_cut", message: "leo: budget")
    static let usage: Usage = {
        var usage = Usage()
        usage.inputTokens = 20
        usage.cachedTokens = 5
        usage.outputTokens = 7
        usage.reasoningTokens = 3
        return usage
    }()

    static let all = [
        chat, chatCall, completions, responses, responsesCall, anthropic, anthropicCall, geminiEvents, geminiArray,
        cohereSecond, cohereFirst, converse, converseCall, invoke,
    ]

    private static func events(_ data: String...) -> [UInt8] { data.flatMap { Array("data: \($0)\n\n".utf8) } }

    private static func typed(_ events: (String, String)..., lineEnd: String = "\n") -> [UInt8] {
        events.flatMap { Array("event: \($0.0)\(lineEnd)data: \($0.1)\(lineEnd)\(lineEnd)".utf8) }
    }

    private static let openAIError =
        #"{"error":{"message":"leo: budget","type":"insufficient_quota","param":null,"code":"insufficient_quota"}}"#

    static let chat = Self(
        name: "chat with two choices, one of them finished", dialect: .openaiChat,
        stream: events(
            #"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt-x","system_fingerprint":"fp","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}]}"#,
            #"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt-x","system_fingerprint":"fp","choices":[{"index":1,"delta":{"content":"Hi"},"finish_reason":null}]}"#,
            #"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt-x","system_fingerprint":"fp","choices":[{"index":0,"delta":{"content":"Ho"},"finish_reason":"stop"}]}"#
        ),
        finish: events(
            #"{"id":"c1","object":"chat.completion.chunk","created":17,"model":"gpt-x","system_fingerprint":"fp","choices":[{"index":1,"delta":{},"logprobs":null,"finish_reason":"length"}]}"#,
            "[DONE]"),
        error: events(openAIError))

    static let chatCall = Self(
        name: "chat within a call", dialect: .openaiChat,
        stream: events(
            #"{"id":"c1","created":17,"model":"gpt-x","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"id":"t","function":{"name":"f","arguments":"{\"a"}}]},"finish_reason":null}]}"#
        ),
        finish: nil, error: events(openAIError))

    static let completions = Self(
        name: "completions", dialect: .openaiCompletions,
        stream: events(
            #"{"id":"c1","object":"text_completion","created":17,"model":"gpt-x","choices":[{"text":"Hi","index":0,"logprobs":null,"finish_reason":null}]}"#
        ),
        finish: events(
            #"{"id":"c1","object":"text_completion","created":17,"model":"gpt-x","choices":[{"index":0,"text":"","logprobs":null,"finish_reason":"length"}]}"#,
            "[DONE]"),
        error: events(openAIError))

    private static let created =
        #""id":"r1","object":"response","created_at":17,"status":"in_progress","error":null,"incomplete_details":null,"model":"gpt-x","output":[],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":null"#
    private static let reasoning = #"{"id":"rs1","type":"reasoning","summary":[]}"#
    private static let message =
        #"{"id":"m1","type":"message","status":"incomplete","role":"assistant","content":[{"type":"output_text","annotations":[],"logprobs":[],"text":"Hi \"you\" "}]}"#
    private static let responsesError =
        #"{"type":"error","sequence_number":NUMBER,"code":"insufficient_quota","message":"leo: budget","param":null,"error":{"type":"insufficient_quota","code":"insufficient_quota","message":"leo: budget","param":null}}"#

    private static let responsesStart: [(String, String)] = [
        ("response.created", #"{"type":"response.created","sequence_number":0,"response":{\#(created)}}"#),
        ("response.in_progress", #"{"type":"response.in_progress","sequence_number":1,"response":{\#(created)}}"#),
        (
            "response.output_item.added",
            #"{"type":"response.output_item.added","sequence_number":2,"output_index":0,"item":\#(reasoning)}"#
        ),
        (
            "response.output_item.done",
            #"{"type":"response.output_item.done","sequence_number":3,"output_index":0,"item":\#(reasoning)}"#
        ),
    ]

    static let responses = Self(
        name: "responses", dialect: .openaiResponses,
        stream: responsesStart.flatMap { typed($0) }
            + typed(
                (
                    "response.output_item.added",
                    #"{"type":"response.output_item.added","sequence_number":4,"output_index":1,"item":{"id":"m1","type":"message","status":"in_progress","role":"assistant","content":[]}}"#
                ),
                (
                    "response.content_part.added",
                    #"{"type":"response.content_part.added","sequence_number":5,"item_id":"m1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"text":""}}"#
                ),
                (
                    "response.output_text.delta",
                    #"{"type":"response.output_text.delta","sequence_number":6,"item_id":"m1","output_index":1,"content_index":0,"delta":"Hi \"","logprobs":[]}"#
                ),
                (
                    "response.output_text.delta",
                    #"{"type":"response.output_text.delta","sequence_number":7,"item_id":"m1","output_index":1,"content_index":0,"delta":"you\" ","logprobs":[]}"#
                )),
        finish: typed(
            (
                "response.output_text.done",
                #"{"type":"response.output_text.done","sequence_number":8,"item_id":"m1","output_index":1,"content_index":0,"logprobs":[],"text":"Hi \"you\" "}"#
            ),
            (
                "response.content_part.done",
                #"{"type":"response.content_part.done","sequence_number":9,"item_id":"m1","output_index":1,"content_index":0,"part":{"type":"output_text","annotations":[],"logprobs":[],"text":"Hi \"you\" "}}"#
            ),
            (
                "response.output_item.done",
                #"{"type":"response.output_item.done","sequence_number":10,"item_id":"m1","output_index":1,"item":\#(message)}"#
            ),
            (
                "response.incomplete",
                #"{"type":"response.incomplete","sequence_number":11,"response":{"id":"r1","object":"response","created_at":17,"status":"incomplete","error":null,"incomplete_details":{"reason":"max_output_tokens"},"model":"gpt-x","output":[\#(reasoning),\#(message)],"parallel_tool_calls":true,"tool_choice":"auto","tools":[],"usage":{"input_tokens":20,"input_tokens_details":{"cached_tokens":5},"output_tokens":7,"output_tokens_details":{"reasoning_tokens":3},"total_tokens":27}}}"#
            )),
        error: typed(("error", responsesError.replacing("NUMBER", with: "8"))))

    static let responsesCall = Self(
        name: "responses within a call", dialect: .openaiResponses,
        stream: responsesStart.flatMap { typed($0) }
            + typed(
                (
                    "response.output_item.added",
                    #"{"type":"response.output_item.added","sequence_number":4,"output_index":1,"item":{"id":"f1","type":"function_call","call_id":"x","name":"f","arguments":""}}"#
                )),
        finish: nil, error: typed(("error", responsesError.replacing("NUMBER", with: "5"))))

    private static let anthropicError =
        typed(("error", #"{"type":"error","error":{"type":"rate_limit_error","message":"leo: budget"}}"#))

    private static let anthropicStart = typed(
        (
            "message_start",
            #"{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":20,"output_tokens":1}}}"#
        ), ("ping", #"{"type":"ping"}"#),
        (
            "content_block_start",
            #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
        ),
        (
            "content_block_delta",
            #"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#
        ))

    static let anthropic = Self(
        name: "anthropic", dialect: .anthropicMessages, stream: anthropicStart,
        finish: typed(
            ("content_block_stop", #"{"type":"content_block_stop","index":0}"#),
            (
                "message_delta",
                #"{"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":7}}"#
            ), ("message_stop", #"{"type":"message_stop"}"#)),
        error: anthropicError)

    static let anthropicCall = Self(
        name: "anthropic within a call", dialect: .anthropicMessages,
        stream: anthropicStart
            + typed(
                ("content_block_stop", #"{"type":"content_block_stop","index":0}"#),
                (
                    "content_block_start",
                    #"{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}"#
                )),
        finish: nil, error: anthropicError)

    private static let geminiChunk =
        #"{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"index":0}],"usageMetadata":{"promptTokenCount":20},"modelVersion":"gemini-x","responseId":"r"}"#
    private static let geminiFinish =
        #"{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"finishReason":"MAX_TOKENS","index":0}],"usageMetadata":{"promptTokenCount":20,"candidatesTokenCount":4,"totalTokenCount":27,"cachedContentTokenCount":5,"thoughtsTokenCount":3},"modelVersion":"gemini-x","responseId":"r"}"#
    private static let geminiError = String(decoding: refusal.body(.gemini), as: UTF8.self)

    static let geminiEvents = Self(
        name: "gemini as events", dialect: .geminiGenerate, stream: Array("data: \(geminiChunk)\r\n\r\n".utf8),
        finish: Array("data: \(geminiFinish)\r\n\r\n".utf8), error: Array("data: \(geminiError)\r\n\r\n".utf8))

    static let geminiArray = Self(
        name: "gemini as an array", dialect: .geminiGenerate, contentType: "application/json; charset=UTF-8",
        stream: Array("[\(geminiChunk)\n,\r\n\(geminiChunk)".utf8),
        finish: Array(",\r\n\(geminiFinish)\r\n]".utf8), error: Array(",\r\n\(geminiError)\r\n]".utf8))

    static let cohereSecond = Self(
        name: "cohere, second version", dialect: .cohereChat,
        stream: typed(
            ("message-start", #"{"id":"x","type":"message-start","delta":{"message":{"role":"assistant"}}}"#),
            (
                "content-start",
                #"{"type":"content-start","index":0,"delta":{"message":{"content":{"type":"text","text":""}}}}"#
            ), ("content-delta", #"{"type":"content-delta","index":0,"delta":{"message":{"content":{"text":"Hi"}}}}"#)),
        finish: typed(
            ("content-end", #"{"type":"content-end","index":0}"#),
            (
                "message-end",
                #"{"type":"message-end","delta":{"finish_reason":"MAX_TOKENS","usage":{"billed_units":{"input_tokens":20,"output_tokens":7},"tokens":{"input_tokens":20,"output_tokens":7}}}}"#
            )),
        error: typed(
            ("message-end", #"{"type":"message-end","delta":{"finish_reason":"ERROR","error":"leo: budget"}}"#)))

    static let cohereFirst = Self(
        name: "cohere, first version", dialect: .cohereChat, contentType: "application/stream+json",
        stream: Array(
            """
            {"is_finished":false,"event_type":"stream-start","generation_id":"g"}
            {"is_finished":false,"event_type":"text-generation","text":"Hi \\""}
            {"is_finished":false,"event_type":"text-generation","text":"you\\" "}

            """.utf8),
        finish: Array(
            #"{"is_finished":true,"event_type":"stream-end","finish_reason":"MAX_TOKENS","response":{"generation_id":"g","text":"Hi \"you\" ","finish_reason":"MAX_TOKENS","meta":{"billed_units":{"input_tokens":20,"output_tokens":7},"tokens":{"input_tokens":20,"output_tokens":7}}}}"#
                .utf8) + [10],
        error: Array(
            #"{"is_finished":true,"event_type":"stream-end","finish_reason":"ERROR","error":"leo: budget","response":{"generation_id":"g","text":"Hi \"you\" ","finish_reason":"ERROR"}}"#
                .utf8) + [10])

    private static func amazon(_ messages: (String, String)..., kind: String = "event") -> [UInt8] {
        var queue = ByteQueue()
        for (type, payload) in messages {
            let payload = Array(payload.utf8)
            queue.appendAmazonMessage(
                headers: [(":\(kind)-type", type), (":content-type", "application/json"), (":message-type", kind)],
                payload: payload.span)
        }
        return Array(queue)
    }

    private static let amazonType = "application/vnd.amazon.eventstream"
    private static let amazonError = amazon(("throttlingException", #"{"message":"leo: budget"}"#), kind: "exception")

    static let converse = Self(
        name: "converse", dialect: .bedrockConverse, contentType: amazonType,
        stream: amazon(
            ("messageStart", #"{"role":"assistant"}"#),
            ("contentBlockDelta", #"{"contentBlockIndex":0,"delta":{"text":"Hi"}}"#)),
        finish: amazon(
            ("contentBlockStop", #"{"contentBlockIndex":0}"#), ("messageStop", #"{"stopReason":"max_tokens"}"#),
            (
                "metadata",
                #"{"usage":{"inputTokens":15,"outputTokens":7,"totalTokens":27,"cacheReadInputTokens":5},"metrics":{"latencyMs":0}}"#
            )),
        error: amazonError)

    static let converseCall = Self(
        name: "converse within a call", dialect: .bedrockConverse, contentType: amazonType,
        stream: amazon(
            ("messageStart", #"{"role":"assistant"}"#),
            (
                "contentBlockStart",
                #"{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"t","name":"f"}}}"#
            )),
        finish: nil, error: amazonError)

    static let invoke = Self(
        name: "invoke", dialect: .bedrockInvoke, contentType: amazonType,
        stream: amazon(
            chunk(
                #"{"type":"message_start","message":{"id":"m1","type":"message","role":"assistant","model":"claude-x","content":[],"usage":{"input_tokens":20,"output_tokens":1}}}"#
            ),
            chunk(#"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#),
            chunk(#"{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hi"}}"#)),
        finish: amazon(
            chunk(#"{"type":"content_block_stop","index":0}"#),
            chunk(
                #"{"type":"message_delta","delta":{"stop_reason":"max_tokens","stop_sequence":null},"usage":{"output_tokens":7}}"#
            ), chunk(#"{"type":"message_stop"}"#)),
        error: amazonError)

    private static func chunk(_ event: String) -> (String, String) {
        let bytes = Array(event.utf8)
        return ("chunk", "{\"bytes\":\"\(String(decoding: Base64.encode(bytes.span), as: UTF8.self))\"}")
    }
}
