/// OpenAI's chunks, of chats and of the older completions.
struct ChatStreamNotes: StreamNotes {
    let isChat: Bool
    private(set) var isTerminated = false
    /// What every chunk repeats, as it stands in the first one.
    private var id: [UInt8] = []
    private var created: [UInt8] = []
    private var model: [UInt8] = []
    private var fingerprint: [UInt8] = []
    private var choices: [Choice] = []
    private var isTooMuch = false

    private struct Choice: Equatable {
        var index: Int
        var isFinished = false
        var hasCall = false
    }

    /// OpenAI has 128 as the largest `n`.
    private static let choiceCountMax = 128
    private static let valueBytesMax = 1024

    init(isChat: Bool) { self.isChat = isChat }

    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {
        if data.count == 6, ASCII.equal(data, 0, "[DONE]") { isTerminated = true }
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.members { (cursor, key) throws(JSONFailure) in
                if key.equals("choices", in: data) {
                    try cursor.elements { (cursor) throws(JSONFailure) in try noteChoice(&cursor) }
                } else if key.equals("id", in: data) {
                    id = try keep(&cursor, id)
                } else if key.equals("created", in: data) {
                    created = try keep(&cursor, created)
                } else if key.equals("model", in: data) {
                    model = try keep(&cursor, model)
                } else if key.equals("system_fingerprint", in: data) {
                    fingerprint = try keep(&cursor, fingerprint)
                } else if key.equals("error", in: data), try cursor.isSomething() {
                    isTerminated = true
                }
            }
        } catch {
            // Nothing more is known of a chunk that is no JSON.
        }
    }

    /// The value in front of the cursor, or the one that is known already.
    private mutating func keep(_ cursor: inout JSONCursor, _ known: [UInt8]) throws(JSONFailure) -> [UInt8] {
        guard known.isEmpty else { return known }
        let value = try cursor.raw()
        if value.count > Self.valueBytesMax { isTooMuch = true }
        return isTooMuch ? [] : value
    }

    private mutating func noteChoice(_ cursor: inout JSONCursor) throws(JSONFailure) {
        let data = cursor.bytes
        var choice = Choice(index: 0)
        try cursor.members { (cursor, key) throws(JSONFailure) in
            if key.equals("index", in: data) {
                choice.index = try cursor.wholeNumber() ?? 0
            } else if key.equals("finish_reason", in: data) {
                choice.isFinished = try cursor.isSomething()
            } else if key.equals("delta", in: data) {
                try cursor.members { (cursor, key) throws(JSONFailure) in
                    if key.equals("tool_calls", in: data) || key.equals("function_call", in: data) {
                        choice.hasCall = try cursor.isSomething()
                    }
                }
            }
        }
        if let known = choices.firstIndex(where: { $0.index == choice.index }) {
            if choice.isFinished { choices[known].isFinished = true }
            if choice.hasCall { choices[known].hasCall = true }
        } else if choices.count < Self.choiceCountMax {
            choices.append(choice)
        } else {
            isTooMuch = true
        }
    }

    /// A chunk that ends every open choice at its length; the usage, if the client asked for it; `[DONE]`.
    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        guard !isTooMuch, !choices.isEmpty else { return nil }
        let open = choices.filter { !$0.isFinished }
        guard !open.contains(where: \.hasCall) else { return nil }
        var events: [StreamEvent] = []
        if !open.isEmpty {
            var json = beginChunk()
            for (place, choice) in open.enumerated() {
                if place > 0 { json.write(",") }
                json.write("{\"index\":", choice.index)
                json.write(isChat ? ",\"delta\":{}" : ",\"text\":\"\"")
                json.write(",\"logprobs\":null,\"finish_reason\":\"length\"}")
            }
            json.write("]}")
            events.append(StreamEvent(json))
        }
        if tellsUsage {
            var json = beginChunk()
            json.write("],\"usage\":{\"prompt_tokens\":", usage.inputTokens)
            json.write(",\"completion_tokens\":", usage.outputTokens)
            json.write(",\"total_tokens\":", usage.totalTokens)
            json.write(",\"prompt_tokens_details\":{\"cached_tokens\":", usage.cachedTokens)
            json.write("},\"completion_tokens_details\":{\"reasoning_tokens\":", usage.reasoningTokens)
            json.write("}}}")
            events.append(StreamEvent(json))
        }
        return events + [StreamEvent(Array("[DONE]".utf8))]
    }

    private func beginChunk() -> JSONText {
        var json = JSONText()
        json.write("{")
        if !id.isEmpty { json.member("id", id) }
        json.write("\"object\":", isChat ? "chat.completion.chunk" : "text_completion")
        json.write(",")
        if !created.isEmpty { json.member("created", created) }
        if !model.isEmpty { json.member("model", model) }
        if !fingerprint.isEmpty { json.member("system_fingerprint", fingerprint) }
        json.write("\"choices\":[")
        return json
    }

    func failure(_ refusal: Refusal) -> [StreamEvent] { [StreamEvent(refusal.body(.openai))] }
}

extension JSONText {
    /// Adds a member with its comma behind it; `value` is JSON.
    mutating func member(_ name: String, _ value: [UInt8]) {
        string(name)
        write(":")
        raw(value.span)
        write(",")
    }
}
