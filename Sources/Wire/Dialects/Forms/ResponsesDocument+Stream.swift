extension ResponsesDocument {
    /// The events in the order in which OpenAI sends them. A response tells its usage in either form, asked or not.
    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool {
        var writer = ResponsesStreamWriter(events: events)
        do throws(AnswerFlaw) {
            try writer.write(document)
        } catch {
            return false
        }
        events = writer.events
        return true
    }
}

/// Writes a response as a stream. It throws where something in it has no place there; which flaw does not matter.
private struct ResponsesStreamWriter {
    private(set) var events: EventWriter
    private var sequenceNumber = 0
    /// What tells two items apart: the official client refuses a stream in which two are the same.
    private var identities: Set<[UInt8]> = []

    init(events: EventWriter) { self.events = events }

    mutating func write(_ bytes: Span<UInt8>) throws(AnswerFlaw) {
        let document = JSONScan.trimmed(bytes)
        let response = try DocumentMembers(document)
        guard let output = try response.elements("output", in: document), response.text("id", in: document) != nil
        else {
            throw .unsupported
        }
        let opening = Self.underWay(response, document)
        for type in ["response.created", "response.in_progress"] as [StaticString] {
            var event = open(type)
            event.json.write(",\"response\":")
            event.json.raw(opening.span)
            close(event)
        }
        for (index, range) in output.enumerated() { try write(item: document.extracting(range), at: index) }
        var event = open("response.completed")
        event.json.write(",\"response\":")
        event.json.raw(document)
        close(event)
    }

    /// The response before anything of it is there.
    private static func underWay(_ response: DocumentMembers, _ document: Span<UInt8>) -> [UInt8] {
        var edits = JSONEdits()
        func replace(_ member: DocumentMembers.Member?, _ text: String) {
            if let member { edits.replace(member.range, with: text) }
        }
        replace(response.member("status", in: document), "\"in_progress\"")
        replace(response.member("output", in: document), "[]")
        replace(response.value("output_text", in: document), "\"\"")
        replace(response.value("usage", in: document), "null")
        replace(response.value("completed_at", in: document), "null")
        return edits.apply(to: document)
    }

    // MARK: Items

    /// An item that is being written.
    private struct Item {
        /// Its identifier, as JSON.
        var identifier: [UInt8]
        var index: Int
    }

    private mutating func write(item bytes: Span<UInt8>, at index: Int) throws(AnswerFlaw) {
        let members = try DocumentMembers(bytes)
        guard let kind = ResponsesDocument.ItemKind(members, in: bytes), members.text("id", in: bytes) != nil,
            let identifier = members.copy("id", in: bytes)
        else { throw .unsupported }
        guard identities.insert(identifier).inserted else { throw .unsupported }
        let item = Item(identifier: identifier, index: index)
        var added = open("response.output_item.added")
        added.json.write(",\"output_index\":", index)
        added.json.write(",\"item\":")
        added.json.raw(Self.underWay(item: members, kind, bytes).span)
        close(added)
        switch kind {
        case .message: try write(parts: "content", "content_index", of: item, members, bytes)
        case .reasoning:
            try write(parts: "summary", "summary_index", of: item, members, bytes)
            try write(parts: "content", "content_index", of: item, members, bytes)
        case .functionCall: try write(.arguments, of: item, members, bytes)
        case .customToolCall: try write(.input, of: item, members, bytes)
        }
        var done = open("response.output_item.done")
        done.json.write(",\"output_index\":", index)
        done.json.write(",\"item\":")
        done.json.raw(bytes)
        close(done)
    }

    private static func underWay(
        item members: DocumentMembers, _ kind: ResponsesDocument.ItemKind, _ bytes: Span<UInt8>
    ) -> [UInt8] {
        var edits = JSONEdits()
        func replace(_ name: StaticString, _ kind: JSONKind, _ text: String) {
            guard let member = members.member(name, in: bytes), member.kind == kind else { return }
            edits.replace(member.range, with: text)
        }
        replace("status", .string, "\"in_progress\"")
        switch kind {
        case .message: replace("content", .array, "[]")
        case .reasoning:
            replace("content", .array, "[]")
            replace("summary", .array, "[]")
        case .functionCall: replace("arguments", .string, "\"\"")
        case .customToolCall: replace("input", .string, "\"\"")
        }
        return edits.apply(to: bytes)
    }

    // MARK: Texts

    /// The events of one text.
    private struct TextEvents {
        var delta: StaticString
        var done: StaticString
        /// The member that has the whole text.
        var name: StaticString
        var hasLogprobs = false

        static let output = TextEvents(
            delta: "response.output_text.delta", done: "response.output_text.done", name: "text", hasLogprobs: true)
        static let reasoning = TextEvents(
            delta: "response.reasoning_text.delta", done: "response.reasoning_text.done", name: "text")
        static let summary = TextEvents(
            delta: "response.reasoning_summary_text.delta", done: "response.reasoning_summary_text.done", name: "text")
        static let arguments = TextEvents(
            delta: "response.function_call_arguments.delta", done: "response.function_call_arguments.done",
            name: "arguments")
        static let input = TextEvents(
            delta: "response.custom_tool_call_input.delta", done: "response.custom_tool_call_input.done", name: "input")
    }

    /// Arguments or input, which stand in the item itself.
    private mutating func write(
        _ texts: TextEvents, of item: Item, _ members: DocumentMembers, _ bytes: Span<UInt8>
    ) throws(AnswerFlaw) {
        guard let text = members.text(texts.name, in: bytes) else { throw .unsupported }
        let place = Self.place(item)
        writeDeltas(text.raw(in: bytes), texts, place, logprobs: [])
        writeDone(text.raw(in: bytes), texts, place, logprobs: [])
    }

    private mutating func write(
        parts name: StaticString, _ index: StaticString, of item: Item, _ members: DocumentMembers,
        _ bytes: Span<UInt8>
    ) throws(AnswerFlaw) {
        guard let parts = try members.elements(name, in: bytes) else { return }
        for (number, range) in parts.enumerated() {
            try write(part: bytes.extracting(range), Self.place(item, index, number))
        }
    }

    private mutating func write(part bytes: Span<UInt8>, _ place: [UInt8]) throws(AnswerFlaw) {
        let members = try DocumentMembers(bytes)
        guard let text = members.text("text", in: bytes) else { throw .unsupported }
        let isSummary = members.says("type", "summary_text", in: bytes)
        let isOutput = members.says("type", "output_text", in: bytes)
        guard isSummary || isOutput || members.says("type", "reasoning_text", in: bytes) else { throw .unsupported }
        var edits = JSONEdits()
        edits.replace(text.quotedRange, with: "\"\"")
        for name in ["annotations", "logprobs"] as [StaticString] {
            guard let member = members.value(name, in: bytes) else { continue }
            guard isOutput, member.kind == .array else { throw .unsupported }
            edits.replace(member.range, with: "[]")
        }
        let added: StaticString =
            isSummary ? "response.reasoning_summary_part.added" : "response.content_part.added"
        write(part: edits.apply(to: bytes).span, added, place)
        let texts = isSummary ? TextEvents.summary : isOutput ? .output : .reasoning
        var logprobs: [UInt8] = []
        if let entries = try members.elements("logprobs", in: bytes), !entries.isEmpty {
            logprobs = members.copy("logprobs", in: bytes) ?? []
        }
        writeDeltas(text.raw(in: bytes), texts, place, logprobs: logprobs)
        for (number, range) in (try members.elements("annotations", in: bytes) ?? []).enumerated() {
            var event = open("response.output_text.annotation.added", place)
            event.json.write(",\"annotation_index\":", number)
            event.json.write(",\"annotation\":")
            event.json.raw(bytes.extracting(range))
            close(event)
        }
        writeDone(text.raw(in: bytes), texts, place, logprobs: logprobs)
        write(
            part: bytes, isSummary ? "response.reasoning_summary_part.done" : "response.content_part.done", place)
    }

    private mutating func write(part: Span<UInt8>, _ type: StaticString, _ place: [UInt8]) {
        var event = open(type, place)
        event.json.write(",\"part\":")
        event.json.raw(part)
        close(event)
    }

    /// A text with log probabilities is one delta: which of them belong to a piece of it cannot be told, since a token
    /// need not be whole characters.
    private mutating func writeDeltas(
        _ raw: Span<UInt8>, _ texts: TextEvents, _ place: [UInt8], logprobs: [UInt8]
    ) {
        // Alike but for their number, which is told last.
        var before = JSONText()
        before.write("{\"type\":\"")
        before.write(texts.delta)
        before.write("\"")
        before.raw(place.span)
        before.write(",\"delta\":\"")
        var after = JSONText()
        after.write("\"")
        if texts.hasLogprobs { Self.write(logprobs, into: &after) }
        after.write(",\"sequence_number\":")
        guard logprobs.isEmpty else { return writeDelta(raw, texts, before, after) }
        EventWriter.pieces(of: raw) { writeDelta($0, texts, before, after) }
    }

    private mutating func writeDelta(
        _ raw: Span<UInt8>, _ texts: TextEvents, _ before: JSONText, _ after: JSONText
    ) {
        var after = after
        after.integer(sequenceNumber)
        after.write("}")
        sequenceNumber += 1
        events.write(type: texts.delta, before.bytes.span, raw, after.bytes.span)
    }

    private mutating func writeDone(
        _ raw: Span<UInt8>, _ texts: TextEvents, _ place: [UInt8], logprobs: [UInt8]
    ) {
        var event = open(texts.done, place)
        event.json.write(",\"")
        event.json.write(texts.name)
        event.json.write("\":\"")
        event.json.raw(raw)
        event.json.write("\"")
        if texts.hasLogprobs { Self.write(logprobs, into: &event.json) }
        close(event)
    }

    private static func write(_ logprobs: [UInt8], into json: inout JSONText) {
        json.write(",\"logprobs\":")
        if logprobs.isEmpty { json.write("[]") } else { json.raw(logprobs.span) }
    }

    // MARK: Events

    private struct Event {
        var type: StaticString
        var json = JSONText()
    }

    /// The members that say where a text stands.
    private static func place(_ item: Item, _ index: StaticString? = nil, _ number: Int = 0) -> [UInt8] {
        var json = JSONText()
        json.write(",\"item_id\":")
        json.raw(item.identifier.span)
        json.write(",\"output_index\":", item.index)
        if let index {
            json.write(",\"")
            json.write(index)
            json.write("\":", number)
        }
        return json.bytes
    }

    private mutating func open(_ type: StaticString, _ place: [UInt8] = []) -> Event {
        var event = Event(type: type)
        event.json.write("{\"type\":\"")
        event.json.write(type)
        event.json.write("\",\"sequence_number\":", sequenceNumber)
        event.json.raw(place.span)
        sequenceNumber += 1
        return event
    }

    private mutating func close(_ event: Event) {
        var json = event.json
        json.write("}")
        events.write(type: event.type, json)
    }
}
