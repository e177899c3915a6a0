/// Cohere's events: of its second version as server-sent events, of the first as lines of JSON.
struct CohereStreamNotes: StreamNotes {
    private(set) var isTerminated = false
    private var isFirstVersion = false
    private var hasBegun = false
    /// The index of the open block of content.
    private var openContent: Int?
    private var hasOpenCall = false
    /// The text so far, between quotation marks, which the last event of the first version repeats.
    private var text: [UInt8] = []
    private var generationID: [UInt8] = []
    private var isTooMuch = false

    /// Longer answers end with the event for an error.
    private static let textBytesMax = 1024 * 1024

    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {
        var type = ""
        var index = 0
        var part: [UInt8] = []
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.members { (cursor, key) throws(JSONFailure) in
                if key.equals("type", in: data) {
                    type = try cursor.word()
                } else if key.equals("event_type", in: data) {
                    type = try cursor.word()
                    isFirstVersion = true
                } else if key.equals("index", in: data) {
                    index = try cursor.wholeNumber() ?? 0
                } else if key.equals("text", in: data) {
                    part = try cursor.rawText()
                } else if key.equals("generation_id", in: data) {
                    generationID = try cursor.raw()
                }
            }
        } catch {
            return
        }
        switch type {
        case "message-start", "stream-start": hasBegun = true
        case "content-start": openContent = index
        case "content-end": openContent = nil
        case "tool-call-start", "tool-calls-chunk": hasOpenCall = true
        case "tool-call-end", "tool-calls-generation": hasOpenCall = false
        case "message-end", "stream-end": isTerminated = true
        case "text-generation": keep(part)
        default: break
        }
    }

    private mutating func keep(_ part: [UInt8]) {
        if text.count + part.count <= Self.textBytesMax { text += part } else { isTooMuch = true }
    }

    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        guard hasBegun, !hasOpenCall, !isTooMuch else { return nil }
        return end("MAX_TOKENS", error: nil, usage)
    }

    /// Cohere has no event for an error; it tells of one by the reason to stop.
    func failure(_ refusal: Refusal) -> [StreamEvent] { end("ERROR", error: refusal.message, nil) }

    private func end(_ reason: String, error: String?, _ usage: Usage?) -> [StreamEvent] {
        if isFirstVersion { return [firstVersionEnd(reason, error, usage)] }
        var events: [StreamEvent] = []
        if let openContent, error == nil {
            var json = JSONText()
            json.write("{\"type\":\"content-end\",\"index\":", openContent)
            json.write("}")
            events.append(StreamEvent(type: "content-end", json))
        }
        var json = JSONText()
        json.write("{\"type\":\"message-end\",\"delta\":{\"finish_reason\":", reason)
        if let error { json.write(",\"error\":", error) }
        if let usage {
            json.write(",\"usage\":{\"billed_units\":")
            Self.write(usage, to: &json)
            json.write(",\"tokens\":")
            Self.write(usage, to: &json)
            json.write("}")
        }
        json.write("}}")
        return events + [StreamEvent(type: "message-end", json)]
    }

    private func firstVersionEnd(_ reason: String, _ error: String?, _ usage: Usage?) -> StreamEvent {
        var json = JSONText()
        json.write("{\"is_finished\":true,\"event_type\":\"stream-end\",\"finish_reason\":", reason)
        if let error { json.write(",\"error\":", error) }
        json.write(",\"response\":{")
        if !generationID.isEmpty { json.member("generation_id", generationID) }
        json.write("\"text\":\"")
        json.raw(text.span)
        json.write("\",\"finish_reason\":", reason)
        if let usage {
            json.write(",\"meta\":{\"billed_units\":")
            Self.write(usage, to: &json)
            json.write(",\"tokens\":")
            Self.write(usage, to: &json)
            json.write("}")
        }
        json.write("}}")
        return StreamEvent(type: "stream-end", json)
    }

    private static func write(_ usage: Usage, to json: inout JSONText) {
        json.write("{\"input_tokens\":", usage.inputTokens)
        json.write(",\"output_tokens\":", usage.outputTokens)
        json.write("}")
    }
}
