/// OpenAI's events of a response. Its last one repeats the whole response, so what came so far is kept, as far as it is
/// not too much; a longer answer ends with the event for an error.
struct ResponsesStreamNotes: StreamNotes {
    private(set) var isTerminated = false
    /// The response as the first event has it.
    private var response: [UInt8] = []
    private var items: [ResponseItem] = []
    private var sequenceNumber = -1
    private var keptByteCount = 0
    private var isTooMuch = false

    /// The text of some 250,000 tokens.
    private static let keptBytesMax = 1024 * 1024
    private static let itemCountMax = 1000

    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {
        let event: ResponseEvent
        do throws(JSONFailure) {
            event = try ResponseEvent(data)
        } catch {
            return
        }
        if let number = event.sequenceNumber { sequenceNumber = max(sequenceNumber, number) }
        switch event.type {
        case "response.completed", "response.incomplete", "response.failed", "response.cancelled", "error":
            isTerminated = true
        default: keep(event)
        }
    }

    private mutating func keep(_ event: ResponseEvent) {
        if isTooMuch { return }
        switch event.type {
        case "response.created":
            response = event.response
            keptByteCount += event.response.count
        case "response.output_item.added":
            items.append(
                ResponseItem(index: event.outputIndex, raw: event.item, itemID: event.itemID, kind: event.kind))
            keptByteCount += event.item.count
        case "response.output_item.done":
            change(event) { item in
                item.raw = event.item
                item.parts = []
                item.isDone = true
            }
            keptByteCount += event.item.count
        case "response.content_part.added":
            change(event) { $0.parts.append(.init(index: event.contentIndex, kind: event.kind)) }
        case "response.output_text.delta", "response.refusal.delta":
            change(event) { item in
                guard let part = item.parts.lastIndex(where: { $0.index == event.contentIndex }) else { return }
                item.parts[part].text += event.delta
            }
            keptByteCount += event.delta.count
        case "response.content_part.done":
            change(event) { item in
                guard let part = item.parts.lastIndex(where: { $0.index == event.contentIndex }) else { return }
                item.parts[part].done = event.part
            }
            keptByteCount += event.part.count
        default: break
        }
        guard keptByteCount > Self.keptBytesMax || items.count > Self.itemCountMax else { return }
        isTooMuch = true
        response = []
        items = []
    }

    private mutating func change(_ event: ResponseEvent, _ body: (inout ResponseItem) -> Void) {
        guard let place = items.lastIndex(where: { $0.index == event.outputIndex }) else { return }
        body(&items[place])
    }

    /// The ends of what is open, then the response as it is, incomplete for its length.
    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        guard !isTooMuch, !response.isEmpty else { return nil }
        // A call of a tool, or anything else that leo cannot end.
        guard items.allSatisfy({ $0.isDone || $0.kind == "message" || $0.kind == "reasoning" }) else { return nil }
        var events: [StreamEvent] = []
        var number = sequenceNumber
        for item in items where !item.isDone { events += item.ends(&number) }
        guard let last = end(usage, &number) else { return nil }
        return events + [last]
    }

    private func end(_ usage: Usage, _ number: inout Int) -> StreamEvent? {
        var output = JSONText()
        output.write("[")
        for (place, item) in items.enumerated() {
            if place > 0 { output.write(",") }
            output.raw(item.json.span)
        }
        output.write("]")
        let members: [(name: StaticString, value: [UInt8])] = [
            ("status", Array("\"incomplete\"".utf8)),
            ("incomplete_details", Array("{\"reason\":\"max_output_tokens\"}".utf8)), ("output", output.bytes),
            ("usage", Self.usage(usage)),
        ]
        guard let edits = Self.edits(of: response.span, members) else { return nil }
        number = number &+ 1
        var json = JSONText()
        json.write("{\"type\":\"response.incomplete\",\"sequence_number\":", number)
        json.write(",\"response\":")
        json.raw(edits.apply(to: response.span).span)
        json.write("}")
        return StreamEvent(type: "response.incomplete", json)
    }

    /// Gives an object these members, in place of those of the same name.
    private static func edits(
        of object: Span<UInt8>, _ members: [(name: StaticString, value: [UInt8])]
    ) -> JSONEdits? {
        var edits = JSONEdits()
        var missing = Array(members.indices)
        var cursor = JSONCursor(object)
        do throws(JSONFailure) {
            try cursor.enterObject()
            while let key = try cursor.nextKey() {
                guard let place = missing.firstIndex(where: { key.equals(members[$0].name, in: object) }) else {
                    continue
                }
                let value = members[missing.remove(at: place)].value
                edits.replace(try cursor.skip(), with: value.span)
            }
        } catch {
            return nil
        }
        for place in missing {
            let value = members[place].value
            edits.insertMember("\(members[place].name)", rawValue: value.span, intoObjectAt: 0..<object.count)
        }
        return edits
    }

    private static func usage(_ usage: Usage) -> [UInt8] {
        var json = JSONText()
        json.write("{\"input_tokens\":", usage.inputTokens)
        json.write(",\"input_tokens_details\":{\"cached_tokens\":", usage.cachedTokens)
        json.write("},\"output_tokens\":", usage.outputTokens)
        json.write(",\"output_tokens_details\":{\"reasoning_tokens\":", usage.reasoningTokens)
        json.write("},\"total_tokens\":", usage.totalTokens)
        json.write("}")
        return json.bytes
    }

    /// The event as it is documented, and as it is sent, which is what the SDK raises: with the error as an object.
    func failure(_ refusal: Refusal) -> [StreamEvent] {
        var json = JSONText()
        json.write("{\"type\":\"error\",\"sequence_number\":", sequenceNumber &+ 1)
        json.write(",\"code\":", refusal.openAICode)
        json.write(",\"message\":", refusal.message)
        json.write(",\"param\":null,\"error\":{\"type\":", refusal.openAIType)
        json.write(",\"code\":", refusal.openAICode)
        json.write(",\"message\":", refusal.message)
        json.write(",\"param\":null}}")
        return [StreamEvent(type: "error", json)]
    }
}

/// An item of a response's output, as far as it has come.
struct ResponseItem: Sendable {
    struct Part: Sendable {
        var index: Int
        /// `output_text` or `refusal`.
        var kind: String
        /// The text so far, between quotation marks.
        var text: [UInt8] = []
        /// The part as its own last event has it.
        var done: [UInt8] = []

        init(index: Int, kind: String) {
            self.index = index
            self.kind = kind
        }

        var isText: Bool { kind != "refusal" }

        var json: [UInt8] {
            if !done.isEmpty { return done }
            var json = JSONText()
            json.write(
                isText
                    ? "{\"type\":\"output_text\",\"annotations\":[],\"logprobs\":[],\"text\":\""
                    : "{\"type\":\"refusal\",\"refusal\":\"")
            json.raw(text.span)
            json.write("\"}")
            return json.bytes
        }
    }

    var index: Int
    /// The item as its last event has it.
    var raw: [UInt8]
    var itemID: [UInt8]
    var kind: String
    var parts: [Part] = []
    var isDone = false

    init(index: Int, raw: [UInt8], itemID: [UInt8], kind: String) {
        self.index = index
        self.raw = raw
        self.itemID = itemID
        self.kind = kind
    }

    /// The item as it is now.
    var json: [UInt8] {
        if isDone || kind != "message" { return raw }
        var json = JSONText()
        json.write("{")
        if !itemID.isEmpty { json.member("id", itemID) }
        json.write("\"type\":\"message\",\"status\":\"incomplete\",\"role\":\"assistant\",\"content\":[")
        for (place, part) in parts.enumerated() {
            if place > 0 { json.write(",") }
            json.raw(part.json.span)
        }
        json.write("]}")
        return json.bytes
    }

    /// The events that end it.
    func ends(_ number: inout Int) -> [StreamEvent] {
        var events: [StreamEvent] = []
        for part in parts where part.done.isEmpty {
            events.append(
                event(part.isText ? "response.output_text.done" : "response.refusal.done", &number) { json in
                    json.write(",\"content_index\":", part.index)
                    json.write(part.isText ? ",\"logprobs\":[],\"text\":\"" : ",\"refusal\":\"")
                    json.raw(part.text.span)
                    json.write("\"")
                })
            events.append(
                event("response.content_part.done", &number) { json in
                    json.write(",\"content_index\":", part.index)
                    json.write(",\"part\":")
                    json.raw(part.json.span)
                })
        }
        events.append(
            event("response.output_item.done", &number) { json in
                json.write(",\"item\":")
                json.raw(self.json.span)
            })
        return events
    }

    private func event(_ type: String, _ number: inout Int, _ body: (inout JSONText) -> Void) -> StreamEvent {
        number = number &+ 1
        var json = JSONText()
        json.write("{\"type\":", type)
        json.write(",\"sequence_number\":", number)
        if !itemID.isEmpty {
            json.write(",\"item_id\":")
            json.raw(itemID.span)
        }
        json.write(",\"output_index\":", index)
        body(&json)
        json.write("}")
        return StreamEvent(type: type, json)
    }
}

/// What an event of a response says.
struct ResponseEvent {
    var type = ""
    var sequenceNumber: Int?
    var outputIndex = 0
    var contentIndex = 0
    var response: [UInt8] = []
    var item: [UInt8] = []
    var part: [UInt8] = []
    var delta: [UInt8] = []
    /// The type of the item or part.
    var kind = ""
    /// The identifier of the item, as JSON.
    var itemID: [UInt8] = []

    init(_ data: Span<UInt8>) throws(JSONFailure) {
        var cursor = JSONCursor(data)
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            switch key.text(in: data) {
            case "type": type = try cursor.word()
            case "sequence_number": sequenceNumber = try cursor.wholeNumber()
            case "output_index": outputIndex = try cursor.wholeNumber() ?? 0
            case "content_index": contentIndex = try cursor.wholeNumber() ?? 0
            case "response": response = try cursor.raw()
            case "item":
                try head(cursor)
                item = try cursor.raw()
            case "part":
                try head(cursor)
                part = try cursor.raw()
            case "delta": delta = try cursor.rawText()
            default: break
            }
        }
    }

    private mutating func head(_ cursor: borrowing JSONCursor) throws(JSONFailure) {
        let data = cursor.bytes
        var cursor = copy cursor
        try cursor.members { (cursor, key) throws(JSONFailure) in
            if key.equals("type", in: data) {
                kind = try cursor.word()
            } else if key.equals("id", in: data) {
                itemID = try cursor.raw()
            }
        }
    }
}
