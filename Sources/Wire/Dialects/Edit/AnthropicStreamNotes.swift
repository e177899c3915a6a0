/// Anthropic's events of a message.
struct AnthropicStreamNotes: StreamNotes {
    private(set) var isTerminated = false
    private(set) var hasBegun = false
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
        var event = Event()
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.members { (cursor, key) throws(JSONFailure) in
                if key.equals("type", in: data) {
                    event.type = try cursor.word()
                } else if key.equals("index", in: data) {
                    event.index = try cursor.wholeNumber() ?? 0
                } else if key.equals("content_block", in: data) {
                    event.blockType = try Self.member("type", of: &cursor)
                } else if key.equals("delta", in: data) {
                    event.stopReason = try Self.member("stop_reason", of: &cursor)
                }
            }
        } catch {
            return
        }
        take(event)
    }

    private struct Event {
        var type = ""
        var index = 0
        var blockType = ""
        var stopReason = ""
    }

    private static func member(_ name: StaticString, of cursor: inout JSONCursor) throws(JSONFailure) -> String {
        let data = cursor.bytes
        var word = ""
        try cursor.members { (cursor, key) throws(JSONFailure) in
            if key.equals(name, in: data) { word = try cursor.word() }
        }
        return word
    }

    private mutating func take(_ event: Event) {
        switch event.type {
        case "message_start": hasBegun = true
        case "content_block_start":
            blocks.append(Block(index: event.index, isCall: event.blockType.hasSuffix("tool_use")))
            if blocks.count > Self.openBlockCountMax {
                blocks.removeFirst()
                isTooMuch = true
            }
        case "content_block_stop": blocks.removeAll { $0.index == event.index }
        case "message_delta": hasStopReason = hasStopReason || !event.stopReason.isEmpty
        case "message_stop", "error": isTerminated = true
        default: break
        }
    }

    /// The end of the open block, the limit as the reason to stop, the end of the message.
    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        guard hasBegun, !isTooMuch, !blocks.contains(where: \.isCall) else { return nil }
        var events: [StreamEvent] = []
        for block in blocks {
            var json = JSONText()
            json.write("{\"type\":\"content_block_stop\",\"index\":", block.index)
            json.write("}")
            events.append(StreamEvent(type: "content_block_stop", json))
        }
        if !hasStopReason {
            var json = JSONText()
            json.write("{\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"max_tokens\",\"stop_sequence\":null}")
            json.write(",\"usage\":{\"output_tokens\":", usage.outputTokens)
            json.write("}}")
            events.append(StreamEvent(type: "message_delta", json))
        }
        var last = JSONText()
        last.write("{\"type\":\"message_stop\"}")
        return events + [StreamEvent(type: "message_stop", last)]
    }

    func failure(_ refusal: Refusal) -> [StreamEvent] {
        [StreamEvent(type: "error", refusal.body(.anthropic))]
    }
}
