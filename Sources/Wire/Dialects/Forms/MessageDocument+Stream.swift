extension MessageDocument {
    /// The events in the order in which Anthropic sends them. A message tells its usage in either form, asked or not.
    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool {
        var writer = MessageStreamWriter(events: events)
        do throws(AnswerFlaw) {
            try writer.write(document)
        } catch {
            return false
        }
        events = writer.events
        return true
    }
}

/// Writes a message as a stream. It throws where something in it has no place there; which flaw does not matter.
private struct MessageStreamWriter {
    private(set) var events: EventWriter

    init(events: EventWriter) { self.events = events }

    mutating func write(_ bytes: Span<UInt8>) throws(AnswerFlaw) {
        let document = JSONScan.trimmed(bytes)
        let message = try DocumentMembers(document)
        guard let content = try message.elements("content", in: document),
            let usage = message.value("usage", in: document)
        else { throw .unsupported }
        try start(message, usage, document)
        for (index, range) in content.enumerated() { try write(block: document.extracting(range), at: index) }
        try end(message, document.extracting(usage.range), document)
        var stop = JSONText()
        stop.write("{\"type\":\"message_stop\"}")
        events.write(type: "message_stop", stop)
    }

    // MARK: The message

    /// The message before anything of it is there: only its first token is used.
    private mutating func start(
        _ message: DocumentMembers, _ usage: DocumentMembers.Member, _ document: Span<UInt8>
    ) throws(AnswerFlaw) {
        var edits = JSONEdits()
        if let content = message.member("content", in: document) { edits.replace(content.range, with: "[]") }
        for name in ["stop_reason", "stop_sequence", "stop_details"] as [StaticString] {
            if let member = message.member(name, in: document) { edits.replace(member.range, with: "null") }
        }
        let bytes = document.extracting(usage.range)
        let members = try DocumentMembers(bytes)
        guard let output = members.member("output_tokens", in: bytes),
            let count = members.count("output_tokens", in: bytes)
        else { throw .unsupported }
        var usageEdits = JSONEdits()
        usageEdits.replace(output.range, with: "\(min(count, 1))")
        edits.replace(usage.range, with: usageEdits.apply(to: bytes).span)
        var json = JSONText()
        json.write("{\"type\":\"message_start\",\"message\":")
        json.raw(edits.apply(to: document).span)
        json.write("}")
        events.write(type: "message_start", json)
    }

    /// The usage that the last but one event repeats: what clients take from there.
    private static let lastUsageNames: [StaticString] = [
        "input_tokens", "cache_creation_input_tokens", "cache_read_input_tokens", "output_tokens",
        "output_tokens_details", "server_tool_use", "iterations",
    ]

    private mutating func end(
        _ message: DocumentMembers, _ usage: Span<UInt8>, _ document: Span<UInt8>
    ) throws(AnswerFlaw) {
        var json = JSONText()
        json.write("{\"type\":\"message_delta\",\"delta\":{")
        var isFirst = true
        for name in ["stop_reason", "stop_sequence", "stop_details"] as [StaticString] {
            guard let member = message.member(name, in: document) else { continue }
            Self.write(name, document.extracting(member.range), isFirst: &isFirst, into: &json)
        }
        json.write("},\"usage\":{")
        let members = try DocumentMembers(usage)
        isFirst = true
        for name in Self.lastUsageNames {
            guard let member = members.value(name, in: usage) else { continue }
            Self.write(name, usage.extracting(member.range), isFirst: &isFirst, into: &json)
        }
        json.write("}")
        // The first event has it as well, which newer clients leave in place; older ones take it from here only.
        if let management = message.value("context_management", in: document) {
            json.write(",\"context_management\":")
            json.raw(document.extracting(management.range))
        }
        json.write("}")
        events.write(type: "message_delta", json)
    }

    private static func write(
        _ name: StaticString, _ value: Span<UInt8>, isFirst: inout Bool, into json: inout JSONText
    ) {
        json.write(isFirst ? "\"" : ",\"")
        json.write(name)
        json.write("\":")
        json.raw(value)
        isFirst = false
    }

    // MARK: Blocks

    private mutating func write(block bytes: Span<UInt8>, at index: Int) throws(AnswerFlaw) {
        let block = try DocumentMembers(bytes)
        guard let kind = MessageDocument.BlockKind(block, in: bytes) else { throw .unsupported }
        start(block, kind, bytes, at: index)
        switch kind {
        case .text:
            guard let text = block.text("text", in: bytes) else { throw .unsupported }
            writeDeltas("text_delta", "text", text.raw(in: bytes), at: index)
            for range in try block.elements("citations", in: bytes) ?? [] {
                writeDelta("citations_delta", "citation", bytes.extracting(range), at: index)
            }
        case .thinking:
            guard let thinking = block.text("thinking", in: bytes) else { throw .unsupported }
            if !thinking.range.isEmpty {
                writeDeltas("thinking_delta", "thinking", thinking.raw(in: bytes), at: index)
            }
            if let signature = block.text("signature", in: bytes), !signature.range.isEmpty {
                writeDelta("signature_delta", "signature", bytes.extracting(signature.quotedRange), at: index)
            }
        case .redactedThinking: break
        case .toolUse:
            guard let input = block.member("input", in: bytes), input.kind == .object else { throw .unsupported }
            let object = bytes.extracting(input.range)
            // No parameters are told by one empty piece.
            var quoted = JSONText()
            if try Self.isEmpty(object) { quoted.write("\"\"") } else { quoted.string(object) }
            let raw = quoted.bytes.span.extracting(1..<quoted.bytes.count - 1)
            writeDeltas("input_json_delta", "partial_json", raw, at: index)
        }
        var stop = JSONText()
        stop.write("{\"type\":\"content_block_stop\",\"index\":", index)
        stop.write("}")
        events.write(type: "content_block_stop", stop)
    }

    private mutating func start(
        _ block: DocumentMembers, _ kind: MessageDocument.BlockKind, _ bytes: Span<UInt8>, at index: Int
    ) {
        var edits = JSONEdits()
        func empty(_ name: StaticString, _ kind: JSONKind, _ text: String) {
            guard let member = block.member(name, in: bytes), member.kind == kind else { return }
            edits.replace(member.range, with: text)
        }
        switch kind {
        case .text:
            empty("text", .string, "\"\"")
            empty("citations", .array, "[]")
        case .thinking:
            empty("thinking", .string, "\"\"")
            empty("signature", .string, "\"\"")
        case .redactedThinking: break
        case .toolUse: empty("input", .object, "{}")
        }
        var json = JSONText()
        json.write("{\"type\":\"content_block_start\",\"index\":", index)
        json.write(",\"content_block\":")
        json.raw(edits.apply(to: bytes).span)
        json.write("}")
        events.write(type: "content_block_start", json)
    }

    private static func isEmpty(_ object: Span<UInt8>) throws(AnswerFlaw) -> Bool {
        var cursor = JSONCursor(object)
        do throws(JSONFailure) {
            try cursor.enterObject()
            return try cursor.nextKey() == nil
        } catch {
            throw .malformed
        }
    }

    private mutating func writeDeltas(
        _ type: StaticString, _ name: StaticString, _ raw: Span<UInt8>, at index: Int
    ) {
        let before = Self.openDelta(type, name, "\"", at: index)
        var after = JSONText()
        after.write("\"}}")
        EventWriter.pieces(of: raw) {
            events.write(type: "content_block_delta", before.bytes.span, $0, after.bytes.span)
        }
    }

    private mutating func writeDelta(
        _ type: StaticString, _ name: StaticString, _ json: Span<UInt8>, at index: Int
    ) {
        var delta = Self.openDelta(type, name, "", at: index)
        delta.raw(json)
        delta.write("}}")
        events.write(type: "content_block_delta", delta)
    }

    private static func openDelta(
        _ type: StaticString, _ name: StaticString, _ mark: StaticString, at index: Int
    ) -> JSONText {
        var json = JSONText()
        json.write("{\"type\":\"content_block_delta\",\"index\":", index)
        json.write(",\"delta\":{\"type\":\"")
        json.write(type)
        json.write("\",\"")
        json.write(name)
        json.write("\":")
        json.write(mark)
        return json
    }
}
