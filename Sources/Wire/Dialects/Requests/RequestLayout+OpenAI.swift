// OpenAI's requests, and what those who follow it add to them. Members that are only numbers, true or false need not be
// named: there is no text in them.

extension RequestLayout {
    static let openaiChat = RequestLayout(
        body: chatOptions + [
            ("messages", .messages), ("tools", .json(.tools)), ("functions", .json(.tools)),
            ("response_format", .json(.tools)),
            ("prediction", .nested(RequestTable([("type", .ignored), ("content", .content(.assistant))]))),
            ("stream_options", .streamOptions),
            ("max_tokens", .outputLimit), ("max_completion_tokens", .outputLimit), ("n", .choices),
            ("model", .model), ("models", .fallbackModels), ("stream", .stream),
            // xAI's answer that comes later; Mistral's agents.
            ("deferred", .stateful), ("agent_id", .stateful),
        ],
        message: chatMessage, part: chatPart)

    static let openaiCompletions = RequestLayout(
        body: chatOptions + [
            ("prompt", .prompts), ("suffix", .texts(.user)), ("stream_options", .streamOptions),
            ("max_tokens", .outputLimit), ("n", .choices), ("best_of", .choices), ("model", .model),
            ("models", .fallbackModels),
            ("stream", .stream),
        ])

    static let openaiResponses = RequestLayout(
        body: chatOptions + [
            ("input", .messages), ("instructions", .content(.system)), ("tools", .json(.tools)),
            ("text", .nested(RequestTable([("format", .json(.tools)), ("verbosity", .ignored)]))),
            ("max_output_tokens", .outputLimit), ("model", .model), ("models", .fallbackModels), ("stream", .stream),
            ("stream_options", .ignored), ("reasoning", .ignored), ("include", .ignored), ("truncation", .ignored),
            ("previous_response_id", .stateful), ("conversation", .stateful), ("prompt", .stateful),
            ("background", .background), ("context_management", .ignored),
        ],
        message: RequestTable([("name", .texts(.assistant)), ("type", .kind)]) + chatMessage + [
            ("status", .ignored), ("call_id", .ignored), ("encrypted_content", .ignored),
            ("arguments", .json(.assistant)), ("input", .texts(.assistant)), ("action", .json(.assistant)),
            ("code", .texts(.assistant)), ("output", .content(.tool)), ("outputs", .content(.tool)),
            ("results", .json(.tool)), ("summary", .content(.assistant)), ("tools", .json(.tools)),
            ("result", .image),
        ],
        part: chatPart)

    static let openaiEmbeddings = RequestLayout(
        body: plainOptions + [("input", .prompts), ("inputs", .prompts), ("messages", .messages)],
        message: chatMessage, part: chatPart)

    static let openaiModerations = RequestLayout(
        body: plainOptions + [("input", .messages), ("inputs", .messages)], message: chatMessage + chatPart,
        part: chatPart)

    static let openaiImages = RequestLayout(
        body: plainOptions + [
            ("prompt", .texts(.user)), ("n", .choices), ("image", .image), ("mask", .image), ("images", .image),
            ("background", .ignored), ("moderation", .ignored), ("output_format", .ignored), ("quality", .ignored),
            ("response_format", .ignored), ("size", .ignored), ("style", .ignored),
        ])

    static let openaiAudio = RequestLayout(
        body: plainOptions + [
            ("input", .texts(.user)), ("instructions", .texts(.system)), ("voice", .ignored),
            ("response_format", .ignored), ("stream_format", .ignored),
        ])

    /// What is no text in any of them.
    private static let chatOptions = RequestTable([
        ("metadata", .ignored), ("user", .ignored), ("safety_identifier", .ignored), ("prompt_cache_key", .ignored),
        ("prompt_cache_retention", .ignored), ("prompt_cache_options", .ignored), ("service_tier", .ignored),
        ("stop", .ignored), ("logit_bias", .ignored), ("tool_choice", .ignored), ("function_call", .ignored),
        ("modalities", .ignored), ("audio", .ignored), ("reasoning_effort", .ignored), ("verbosity", .ignored),
        // OpenRouter's and Mistral's.
        ("provider", .ignored), ("route", .ignored), ("reasoning", .ignored), ("thinking", .ignored),
        ("transforms", .ignored),
        ("prompt_mode", .ignored),
    ])

    private static let plainOptions = RequestTable([
        ("model", .model), ("stream", .stream), ("user", .ignored), ("encoding_format", .ignored),
        ("metadata", .ignored), ("input_type", .ignored),
    ])

    private static let chatMessage = RequestTable([
        ("role", .role), ("content", .content(nil)), ("name", .texts(nil)), ("refusal", .texts(.assistant)),
        ("reasoning", .texts(.assistant)), ("reasoning_content", .texts(.assistant)),
        ("tool_calls", .content(.assistant)), ("function_call", .nested(call)), ("tool_call_id", .ignored),
        ("id", .ignored), ("audio", .stateful), ("annotations", .ignored), ("cache_control", .ignored),
        // Moderations give parts without a message around them.
        ("type", .ignored),
    ])

    private static let chatPart = RequestTable([
        ("type", .kind), ("text", .texts(nil)), ("refusal", .texts(.assistant)), ("thinking", .content(.assistant)),
        ("image_url", .image), ("file_id", .stateful), ("file_url", .media), ("detail", .ignored),
        ("input_audio", .media), ("audio_url", .media), ("video_url", .media), ("file", .media), ("file_data", .media),
        ("document_url", .media), ("filename", .texts(nil)), ("signature", .ignored), ("annotations", .ignored),
        ("logprobs", .ignored), ("cache_control", .ignored), ("prompt_cache_breakpoint", .ignored), ("id", .ignored),
        ("content", .content(nil)),
        // A call of a tool.
        ("function", .nested(call)), ("custom", .nested(call)),
    ])

    private static let call = RequestTable([
        ("name", .texts(.assistant)), ("arguments", .texts(.assistant)), ("input", .texts(.assistant)),
    ])
}
