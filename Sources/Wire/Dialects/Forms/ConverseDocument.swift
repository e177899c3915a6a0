/// The answers of Amazon's converse.
enum ConverseDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.value("__type", in: document) != nil { throw .error }
        guard let reason = members.value("stopReason", in: document),
            let output = members.value("output", in: document)
        else { throw members.value("message", in: document) == nil ? .unfinished : .error }
        let word = try reason.text(in: document)
        switch word {
        case "end_turn", "tool_use", "stop_sequence": break
        case "max_tokens", "model_context_window_exceeded": throw .length
        case "guardrail_intervened", "content_filtered": throw .filtered
        default: throw .unfinished
        }
        let message = try output.members(in: document).need("message", in: document).members(in: document)
        _ = try message.need("role", in: document).text(in: document)
        let blocks = try message.need("content", in: document).elements(in: document)
        guard !blocks.isEmpty else { throw .incomplete }
        var facts = DocumentFacts()
        for block in blocks {
            for member in try block.members(in: document) where member.value.kind != .null {
                switch member.name(in: document) {
                case "text": _ = try member.value.rawText(in: document)
                case "toolUse": try judgeCall(try member.value.members(in: document), document, &facts)
                // What the provider's own tools have done belongs to a state that is not in the answer.
                case "toolResult", "searchResult", "toolAddition", "toolRemoval": throw .unsupported
                default: break
                }
            }
        }
        guard facts.callsTools || word != "tool_use" else { throw .incomplete }
        return facts
    }

    private static func judgeCall(
        _ call: [FormMember], _ document: Span<UInt8>, _ facts: inout DocumentFacts
    ) throws(AnswerFlaw) {
        if call.value("type", in: document) != nil { throw .unsupported }
        try facts.call(id: call.need("toolUseId", in: document), in: document)
        _ = try call.need("name", in: document).rawText(in: document)
        guard try call.need("input", in: document).kind == .object else { throw .malformed }
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool {
        do throws(AnswerFlaw) {
            try write(document, &events)
            return true
        } catch {
            return false
        }
    }

    private static func write(_ document: Span<UInt8>, _ events: inout EventWriter) throws(AnswerFlaw) {
        let names: [StaticString] = [
            "output", "stopReason", "additionalModelResponseFields", "usage", "metrics", "trace", "performanceConfig",
            "serviceTier",
        ]
        let members = try FormValue.whole(document).members(in: document).known(names, in: document)
        let message = try members.need("output", in: document).members(in: document).known(["message"], in: document)
            .need("message", in: document).members(in: document).known(["role", "content"], in: document)
        var json = JSONText()
        json.write("{\"role\":", json: try message.need("role", in: document).compact(in: document))
        json.write("}")
        events.write(type: "messageStart", json)
        for (index, block) in try message.need("content", in: document).elements(in: document).enumerated() {
            let members = try block.members(in: document).known(
                [
                    "text", "toolUse", "reasoningContent", "citationsContent",
                ], in: document)
            guard let member = members.first, members.count == 1 else { throw .unknownEvent }
            try write(member, index, document, &events)
            var json = JSONText()
            json.write("{\"contentBlockIndex\":", index)
            json.write("}")
            events.write(type: "contentBlockStop", json)
        }
        var stop: [FormMember] = []
        var metadata: [FormMember] = []
        for member in members {
            switch member.name(in: document) {
            case "output": break
            case "stopReason", "additionalModelResponseFields": stop.append(member)
            default: metadata.append(member)
            }
        }
        events.write(type: "messageStop", object(stop, document))
        events.write(type: "metadata", object(metadata, document))
    }

    /// Writes what is in a block.
    private static func write(
        _ member: FormMember, _ index: Int, _ document: Span<UInt8>, _ events: inout EventWriter
    ) throws(AnswerFlaw) {
        switch member.name(in: document) {
        case "text":
            deltas(index, "{\"text\":", "}", try member.value.rawText(in: document), &events)
        case "toolUse":
            let call = try member.value.members(in: document).known(["toolUseId", "name", "input"], in: document)
            let input = try call.need("input", in: document)
            guard input.kind == .object else { throw .unknownEvent }
            var json = JSONText()
            json.write("{\"contentBlockIndex\":", index)
            json.write(",\"start\":{\"toolUse\":{\"toolUseId\":")
            json.raw(try call.need("toolUseId", in: document).compact(in: document).span)
            json.write(",\"name\":", json: try call.need("name", in: document).compact(in: document))
            json.write("}}}")
            events.write(type: "contentBlockStart", json)
            var text = JSONText()
            text.string(input.compact(in: document).span)
            let quoted = text.bytes.span
            deltas(index, "{\"toolUse\":{\"input\":", "}}", quoted.extracting(1..<quoted.count - 1), &events)
        case "reasoningContent":
            try writeReasoning(try member.value.members(in: document), index, document, &events)
        default:
            let members = try member.value.members(in: document).known(["content", "citations"], in: document)
            let texts = try members.need("content", in: document).elements(in: document)
            let citations = try members.need("citations", in: document).elements(in: document)
            guard let text = texts.first, texts.count == 1, !citations.isEmpty else { throw .unknownEvent }
            let content = try text.members(in: document).known(["text"], in: document).need("text", in: document)
            deltas(index, "{\"text\":", "}", try content.rawText(in: document), &events)
            for citation in citations {
                delta(index, &events) { json in
                    json.write("{\"citation\":", json: citation.compact(in: document))
                    json.write("}")
                }
            }
        }
    }

    private static func writeReasoning(
        _ members: [FormMember], _ index: Int, _ document: Span<UInt8>, _ events: inout EventWriter
    ) throws(AnswerFlaw) {
        let members = try members.known(["reasoningText", "redactedContent"], in: document)
        guard let member = members.first, members.count == 1 else { throw .unknownEvent }
        guard member.key.equals("reasoningText", in: document) else {
            _ = try member.value.rawText(in: document)
            return delta(index, &events) { json in
                json.write("{\"reasoningContent\":{\"redactedContent\":", json: member.value.compact(in: document))
                json.write("}}")
            }
        }
        let reasoning = try member.value.members(in: document).known(["text", "signature"], in: document)
        let text = try reasoning.need("text", in: document).rawText(in: document)
        deltas(index, "{\"reasoningContent\":{\"text\":", "}}", text, &events)
        guard let signature = reasoning.value("signature", in: document) else { return }
        _ = try signature.rawText(in: document)
        delta(index, &events) { json in
            json.write("{\"reasoningContent\":{\"signature\":", json: signature.compact(in: document))
            json.write("}}")
        }
    }

    private static func deltas(
        _ index: Int, _ opening: StaticString, _ closing: StaticString, _ text: Span<UInt8>,
        _ events: inout EventWriter
    ) {
        EventWriter.pieces(of: text) { piece in
            var json = JSONText()
            json.write("{\"contentBlockIndex\":", index)
            json.write(",\"delta\":")
            json.write(opening, rawText: piece)
            json.write(closing)
            json.write("}")
            events.write(type: "contentBlockDelta", json)
        }
    }

    private static func delta(_ index: Int, _ events: inout EventWriter, _ body: (inout JSONText) -> Void) {
        var json = JSONText()
        json.write("{\"contentBlockIndex\":", index)
        json.write(",\"delta\":")
        body(&json)
        json.write("}")
        events.write(type: "contentBlockDelta", json)
    }

    private static func object(_ members: [FormMember], _ document: Span<UInt8>) -> JSONText {
        var json = JSONText()
        json.write("{")
        for (place, member) in members.enumerated() {
            if place > 0 { json.write(",") }
            json.raw(member.rawKey(in: document).span)
            json.write(":", json: member.value.compact(in: document))
        }
        json.write("}")
        return json
    }
}
