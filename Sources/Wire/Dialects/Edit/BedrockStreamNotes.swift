/// The messages of Amazon's converse-stream.
struct ConverseStreamNotes: StreamNotes {
    private(set) var isTerminated = false
    private var hasBegun = false
    private var hasStopReason = false
    private var blocks: [Block] = []
    private var isTooMuch = false

    private struct Block: Equatable {
        var index: Int
        var isCall: Bool
    }

    /// Blocks follow each other, so one is open at a time.
    private static let openBlockCountMax = 64

    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {
        switch String(lossy: type) {
        case "messageStart": hasBegun = true
        case "contentBlockStart": open(data)
        // Only calls have a start; a block of text begins with its first delta.
        case "contentBlockDelta": open(data)
        case "contentBlockStop":
            let index = Self.block(data).index
            blocks.removeAll { $0.index == index }
        case "messageStop": hasStopReason = true
        case "metadata": isTerminated = true
        case let name where name.hasSuffix("xception"): isTerminated = true
        default: break
        }
    }

    private mutating func open(_ data: Span<UInt8>) {
        let block = Self.block(data)
        if let known = blocks.firstIndex(where: { $0.index == block.index }) {
            if block.isCall { blocks[known].isCall = true }
        } else if blocks.count < Self.openBlockCountMax {
            blocks.append(block)
        } else {
            isTooMuch = true
        }
    }

    private static func block(_ data: Span<UInt8>) -> Block {
        var block = Block(index: 0, isCall: false)
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.members { (cursor, key) throws(JSONFailure) in
                if key.equals("contentBlockIndex", in: data) {
                    block.index = try cursor.wholeNumber() ?? 0
                } else if key.equals("start", in: data) || key.equals("delta", in: data) {
                    try cursor.members { (cursor, key) throws(JSONFailure) in
                        if key.equals("toolUse", in: data) { block.isCall = true }
                    }
                }
            }
        } catch {
            // What is known so far.
        }
        return block
    }

    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        guard hasBegun, !isTooMuch, !blocks.contains(where: \.isCall) else { return nil }
        var events: [StreamEvent] = []
        for block in blocks {
            var json = JSONText()
            json.write("{\"contentBlockIndex\":", block.index)
            json.write("}")
            events.append(StreamEvent(type: "contentBlockStop", json))
        }
        if !hasStopReason {
            var json = JSONText()
            json.write("{\"stopReason\":\"max_tokens\"}")
            events.append(StreamEvent(type: "messageStop", json))
        }
        var json = JSONText()
        json.write("{\"usage\":{\"inputTokens\":", usage.uncachedTokens)
        json.write(",\"outputTokens\":", usage.outputTokens)
        json.write(",\"totalTokens\":", usage.totalTokens)
        if usage.cachedTokens > 0 { json.write(",\"cacheReadInputTokens\":", usage.cachedTokens) }
        let written = usage.cacheWriteTokens + usage.longCacheWriteTokens
        if written > 0 { json.write(",\"cacheWriteInputTokens\":", written) }
        json.write("},\"metrics\":{\"latencyMs\":0}}")
        return events + [StreamEvent(type: "metadata", json)]
    }

    func failure(_ refusal: Refusal) -> [StreamEvent] { [.amazonThrottling(refusal)] }
}

/// The messages of Amazon's invoke-with-response-stream, which hold the model's own events in base64: leo knows those
/// of Anthropic's models.
struct InvokeStreamNotes: StreamNotes {
    private var model = AnthropicStreamNotes()
    private var hasException = false

    var isTerminated: Bool { hasException || model.isTerminated }

    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {
        if String(lossy: type).hasSuffix("xception") { hasException = true }
        guard type.count == 5, ASCII.equal(type, 0, "chunk") else { return }
        var event: [UInt8] = []
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.members { (cursor, key) throws(JSONFailure) in
                guard key.equals("bytes", in: data) else { return }
                let text = try cursor.rawText()
                _ = Base64.decodeLoose(text.span) { event.append($0) }
            }
        } catch {
            return
        }
        model.note(Span(), event.span)
    }

    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        model.finish(usage, tellsUsage: tellsUsage)?.map { event in
            var json = JSONText()
            json.write("{\"bytes\":\"")
            json.raw(Base64.encode(event.data.span).span)
            json.write("\"}")
            return StreamEvent(type: "chunk", json)
        }
    }

    func failure(_ refusal: Refusal) -> [StreamEvent] { [.amazonThrottling(refusal)] }
}

extension StreamEvent {
    /// The exception that Bedrock's streams declare for it, whatever the limit was.
    fileprivate static func amazonThrottling(_ refusal: Refusal) -> StreamEvent {
        StreamEvent(type: "throttlingException", refusal.body(.bedrock), isException: true)
    }
}
