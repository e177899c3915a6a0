/// The answers of Cohere's chat: of its second version as documents and streams, of the first as documents.
enum CohereDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.value("error", in: document) != nil { throw .error }
        let message = members.value("message", in: document)
        // Where something failed, `message` says what.
        if let message, message.kind == .string { throw .error }
        guard let reason = members.value("finish_reason", in: document) else { throw .unfinished }
        switch try reason.text(in: document) {
        case "COMPLETE", "STOP_SEQUENCE", "TOOL_CALL": break
        case "MAX_TOKENS", "ERROR_LIMIT": throw .length
        case "ERROR_TOXIC": throw .filtered
        case "ERROR", "TIMEOUT": throw .error
        default: throw .unfinished
        }
        var facts = DocumentFacts()
        if let message {
            try judgeMessage(try message.members(in: document), document, &facts)
        } else {
            try judgeFirstVersion(members, document, &facts)
        }
        let stopsForCalls = try reason.text(in: document) == "TOOL_CALL"
        guard facts.callsTools || !stopsForCalls else { throw .incomplete }
        return facts
    }

    private static func judgeMessage(
        _ message: [FormMember], _ document: Span<UInt8>, _ facts: inout DocumentFacts
    ) throws(AnswerFlaw) {
        _ = try message.need("role", in: document).text(in: document)
        var blockCount = 0
        for block in try message.value("content", in: document)?.elements(in: document) ?? [] {
            blockCount += 1
            let members = try block.members(in: document)
            switch try members.need("type", in: document).text(in: document) {
            case "text": _ = try members.need("text", in: document).rawText(in: document)
            case "thinking": _ = try members.need("thinking", in: document).rawText(in: document)
            default: break
            }
        }
        for call in try message.value("tool_calls", in: document)?.elements(in: document) ?? [] {
            let members = try call.members(in: document)
            try facts.call(id: members.need("id", in: document), in: document)
            let function = try members.need("function", in: document).members(in: document)
            _ = try function.need("name", in: document).rawText(in: document)
            // Arguments that are no JSON cannot be called with: a client would be told the same again and again.
            let arguments = try function.need("arguments", in: document).unescaped(in: document)
            if !arguments.isEmpty, (try? FormValue.whole(arguments.span)) == nil { throw .unfinished }
        }
        guard blockCount > 0 || facts.callsTools else { throw .incomplete }
    }

    private static func judgeFirstVersion(
        _ members: [FormMember], _ document: Span<UInt8>, _ facts: inout DocumentFacts
    ) throws(AnswerFlaw) {
        _ = try members.need("text", in: document).rawText(in: document)
        let calls = try members.value("tool_calls", in: document)?.elements(in: document) ?? []
        guard calls.count <= AnswerDocument.toolCallCountMax else { throw .tooLarge }
        for call in calls {
            // These have no ids.
            facts.callsTools = true
            _ = try call.members(in: document).need("name", in: document).rawText(in: document)
        }
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
        let members = try FormValue.whole(document).members(in: document)
            .known(["id", "finish_reason", "message", "usage"], in: document)
        let message = try members.need("message", in: document).members(in: document)
            .known(["role", "content", "tool_plan", "tool_calls", "citations"], in: document)
        let id = members.value("id", in: document)?.compact(in: document)
        start(id, try message.need("role", in: document).compact(in: document), &events)
        if let plan = message.value("tool_plan", in: document) {
            EventWriter.pieces(of: try plan.rawText(in: document)) { piece in
                var json = JSONText()
                json.write("{\"type\":\"tool-plan-delta\",\"delta\":{\"message\":{\"tool_plan\":", rawText: piece)
                json.write("}}}")
                events.write(type: "tool-plan-delta", json)
            }
        }
        var citations = try message.value("citations", in: document)?.elements(in: document) ?? []
        let blocks = try message.value("content", in: document)?.elements(in: document) ?? []
        for (index, block) in blocks.enumerated() {
            // They are told within the last text, since only then everything that they are about has been said.
            let isLast = index == blocks.count - 1
            try write(block, index, isLast ? citations : [], document, &events)
            if isLast { citations = [] }
        }
        for (index, call) in (try message.value("tool_calls", in: document)?.elements(in: document) ?? []).enumerated()
        {
            try writeCall(call, index, document, &events)
        }
        writeCitations(citations, document, &events)
        var json = JSONText()
        json.write("{\"type\":\"message-end\"")
        if let id { json.write(",\"id\":", json: id) }
        json.write(",\"delta\":{")
        let reason = members.value("finish_reason", in: document)?.compact(in: document)
        if let reason { json.write("\"finish_reason\":", json: reason) }
        if let usage = members.value("usage", in: document) {
            json.write(reason == nil ? "\"usage\":" : ",\"usage\":", json: usage.compact(in: document))
        }
        json.write("}}")
        events.write(type: "message-end", json)
    }

    private static func start(_ id: [UInt8]?, _ role: [UInt8], _ events: inout EventWriter) {
        var json = JSONText()
        json.write("{\"type\":\"message-start\"")
        if let id { json.write(",\"id\":", json: id) }
        json.write(",\"delta\":{\"message\":{\"role\":", json: role)
        json.write(",\"content\":[],\"tool_plan\":\"\",\"tool_calls\":[],\"citations\":[]}}}")
        events.write(type: "message-start", json)
    }

    private static func write(
        _ block: FormValue, _ index: Int, _ citations: [FormValue], _ document: Span<UInt8>,
        _ events: inout EventWriter
    ) throws(AnswerFlaw) {
        let members = try block.members(in: document)
        let isThinking: Bool
        switch try members.need("type", in: document).text(in: document) {
        case "text": isThinking = false
        case "thinking": isThinking = true
        default: throw .unknownEvent
        }
        let text = try members.known(["type", isThinking ? "thinking" : "text"], in: document)
            .need(isThinking ? "thinking" : "text", in: document).rawText(in: document)
        let (opening, empty): (StaticString, StaticString) =
            isThinking
            ? ("{\"thinking\":", "{\"type\":\"thinking\",\"thinking\":\"\"")
            : ("{\"text\":", "{\"type\":\"text\",\"text\":\"\"")
        var json = JSONText()
        json.write("{\"type\":\"content-start\",\"index\":", index)
        json.write(",\"delta\":{\"message\":{\"content\":")
        json.write(empty)
        json.write("}}}}")
        events.write(type: "content-start", json)
        EventWriter.pieces(of: text) { piece in
            var json = JSONText()
            json.write("{\"type\":\"content-delta\",\"index\":", index)
            json.write(",\"delta\":{\"message\":{\"content\":")
            json.write(opening, rawText: piece)
            json.write("}}}}")
            events.write(type: "content-delta", json)
        }
        writeCitations(citations, document, &events)
        end("content-end", index, &events)
    }

    private static func writeCall(
        _ call: FormValue, _ index: Int, _ document: Span<UInt8>, _ events: inout EventWriter
    ) throws(AnswerFlaw) {
        let members = try call.members(in: document).known(["id", "type", "function"], in: document)
        let function = try members.need("function", in: document).members(in: document)
            .known(["name", "arguments"], in: document)
        let arguments = try function.need("arguments", in: document).rawText(in: document)
        var json = JSONText()
        json.write("{\"type\":\"tool-call-start\",\"index\":", index)
        json.write(",\"delta\":{\"message\":{\"tool_calls\":{\"id\":")
        json.raw(try members.need("id", in: document).compact(in: document).span)
        json.write(",\"type\":", json: try members.need("type", in: document).compact(in: document))
        json.write(",\"function\":{\"name\":", json: try function.need("name", in: document).compact(in: document))
        json.write(",\"arguments\":\"\"}}}}}")
        events.write(type: "tool-call-start", json)
        EventWriter.pieces(of: arguments) { piece in
            var json = JSONText()
            json.write("{\"type\":\"tool-call-delta\",\"index\":", index)
            json.write(",\"delta\":{\"message\":{\"tool_calls\":{\"function\":{\"arguments\":", rawText: piece)
            json.write("}}}}}")
            events.write(type: "tool-call-delta", json)
        }
        end("tool-call-end", index, &events)
    }

    private static func writeCitations(
        _ citations: [FormValue], _ document: Span<UInt8>, _ events: inout EventWriter
    ) {
        for (index, citation) in citations.enumerated() {
            var json = JSONText()
            json.write("{\"type\":\"citation-start\",\"index\":", index)
            json.write(",\"delta\":{\"message\":{\"citations\":", json: citation.compact(in: document))
            json.write("}}}")
            events.write(type: "citation-start", json)
            end("citation-end", index, &events)
        }
    }

    private static func end(_ type: StaticString, _ index: Int, _ events: inout EventWriter) {
        var json = JSONText()
        json.write("{\"type\":\"")
        json.write(type)
        json.write("\",\"index\":", index)
        json.write("}")
        events.write(type: type, json)
    }
}
