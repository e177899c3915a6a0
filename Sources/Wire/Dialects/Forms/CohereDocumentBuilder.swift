/// Puts a document of Cohere's second version together from its events.
struct CohereDocumentBuilder: DocumentBuilder {
    private(set) var byteCount = 0

    private var isBegun = false
    private var isOver = false
    /// The values of the document as they came, empty where they did not.
    private var id: [UInt8] = []
    private var role: [UInt8] = []
    private var finishReason: [UInt8] = []
    private var usage: [UInt8] = []
    /// What the model plans to do with its tools, between quotation marks; nil if nothing tells of it.
    private var plan: [UInt8]?
    private var blocks: [Block] = []
    private var calls: [Call] = []
    private var citations: [[UInt8]] = []
    private var openBlock: Int?
    private var openCall: Int?
    private var openCitation: Int?

    private struct Block {
        var isThinking: Bool
        /// Between quotation marks.
        var text: [UInt8]
    }

    private struct Call {
        var id: [UInt8]
        var type: [UInt8]
        var name: [UInt8]
        /// Between quotation marks.
        var arguments: [UInt8]
    }

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        // Some endpoints close as OpenAI's do.
        if isOver, data.count == 6, ASCII.equal(data, 0, "[DONE]") { return }
        let members = try FormValue.whole(data).members(in: data)
        guard let kind = try members.value("type", in: data)?.text(in: data) else {
            throw members.value("message", in: data) != nil ? .error : .unknownEvent
        }
        guard type.isEmpty || String(lossy: type) == kind else { throw .malformed }
        if kind == "error" { throw .error }
        guard isBegun == (kind != "message-start"), !isOver else { throw .malformed }
        let known = try members.known(["type", "id", "index", "delta"], in: data)
        let index = try known.value("index", in: data)?.count(in: data) ?? 0
        let delta = try known.value("delta", in: data)?.members(in: data) ?? []
        switch kind {
        case "message-start": try start(known, delta, data)
        case "message-end": try end(known, delta, data)
        case "content-start": try startBlock(index, try message("content", delta, data), data)
        case "content-delta": try addText(index, try message("content", delta, data), data)
        case "content-end": try close(&openBlock, index)
        case "tool-plan-delta": try addPlan(try message("tool_plan", delta, data), data)
        case "tool-call-start": try startCall(index, try message("tool_calls", delta, data), data)
        case "tool-call-delta": try addArguments(index, try message("tool_calls", delta, data), data)
        case "tool-call-end": try close(&openCall, index)
        case "citation-start": try startCitation(index, try message("citations", delta, data), data)
        case "citation-end": try close(&openCitation, index)
        default: throw .unknownEvent
        }
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        guard isOver else { throw .incomplete }
        var json = JSONText()
        json.write("{")
        if !id.isEmpty { json.write("\"id\":", json: id) }
        if !id.isEmpty { json.write(",") }
        if !finishReason.isEmpty { json.write("\"finish_reason\":", json: finishReason) }
        if !finishReason.isEmpty { json.write(",") }
        json.write("\"message\":{\"role\":", json: role)
        writeBlocks(to: &json)
        if let plan { json.write(",\"tool_plan\":", rawText: plan.span) }
        writeCalls(to: &json)
        Self.write(",\"citations\":[", citations, to: &json)
        json.write("}")
        if !usage.isEmpty { json.write(",\"usage\":", json: usage) }
        json.write("}")
        return json.bytes
    }

    // MARK: Events

    private mutating func start(
        _ members: [FormMember], _ delta: [FormMember], _ data: Span<UInt8>
    ) throws(AnswerFlaw) {
        isBegun = true
        id = try keepText(members.value("id", in: data), data)
        let message = try delta.known(["message"], in: data).need("message", in: data).members(in: data)
        for member in try message.known(["role", "content", "tool_plan", "tool_calls", "citations"], in: data) {
            if member.key.equals("role", in: data) {
                role = try keepText(member.value, data)
            } else {
                // They are given empty here, and come with the events that follow.
                guard try Self.isEmpty(member.value, data) else { throw .unknownEvent }
            }
        }
        guard !role.isEmpty else { throw .malformed }
    }

    private mutating func end(_ members: [FormMember], _ delta: [FormMember], _ data: Span<UInt8>) throws(AnswerFlaw) {
        if delta.value("error", in: data) != nil { throw .error }
        guard openBlock == nil, openCall == nil, openCitation == nil else { throw .malformed }
        isOver = true
        if id.isEmpty { id = try keepText(members.value("id", in: data), data) }
        for member in try delta.known(["finish_reason", "usage"], in: data) {
            if member.key.equals("usage", in: data) {
                usage = keep(member.value, data)
            } else {
                finishReason = try keepText(member.value, data)
            }
        }
    }

    private mutating func startBlock(_ index: Int, _ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard openBlock == nil, index == blocks.count else { throw .malformed }
        let members = try value.members(in: data)
        let isThinking: Bool
        switch try members.need("type", in: data).text(in: data) {
        case "text": isThinking = false
        case "thinking": isThinking = true
        default: throw .unknownEvent
        }
        openBlock = index
        byteCount += FormValue.partBytes
        blocks.append(Block(isThinking: isThinking, text: []))
        try addText(index, value, data)
    }

    private mutating func addText(_ index: Int, _ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard index == openBlock else { throw .malformed }
        let isThinking = blocks[index].isThinking
        for member in try value.members(in: data).known(["type", "text", "thinking"], in: data) {
            switch member.name(in: data) {
            case "text": guard !isThinking else { throw .malformed }
            case "thinking": guard isThinking else { throw .malformed }
            default: continue
            }
            byteCount += try Self.append(member.value, data, to: &blocks[index].text)
        }
    }

    private mutating func addPlan(_ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) {
        if plan == nil { plan = [] }
        plan?.append(try value.rawText(in: data))
        byteCount += value.range.count
    }

    private mutating func startCall(_ index: Int, _ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard openCall == nil, index == calls.count else { throw .malformed }
        let members = try value.members(in: data).known(["id", "type", "function"], in: data)
        let function = try members.need("function", in: data).members(in: data).known(["name", "arguments"], in: data)
        var call = Call(
            id: try keepText(members.need("id", in: data), data),
            type: try keepText(members.need("type", in: data), data),
            name: try keepText(function.need("name", in: data), data), arguments: [])
        if let arguments = function.value("arguments", in: data) {
            byteCount += try Self.append(arguments, data, to: &call.arguments)
        }
        byteCount += FormValue.partBytes
        calls.append(call)
        openCall = index
    }

    private mutating func addArguments(_ index: Int, _ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard index == openCall else { throw .malformed }
        let function = try value.members(in: data).known(["function"], in: data).need("function", in: data)
        let arguments = try function.members(in: data).known(["arguments"], in: data).need("arguments", in: data)
        byteCount += try Self.append(arguments, data, to: &calls[index].arguments)
    }

    private mutating func startCitation(_ index: Int, _ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard openCitation == nil, value.kind == .object else { throw .malformed }
        openCitation = index
        byteCount += FormValue.partBytes
        citations.append(keep(value, data))
    }

    // MARK: Parts of events

    /// What the event tells of the message: one value, of that name.
    private func message(
        _ name: StaticString, _ delta: [FormMember], _ data: Span<UInt8>
    ) throws(AnswerFlaw) -> FormValue {
        let message = try delta.known(["message"], in: data).need("message", in: data)
        return try message.members(in: data).known([name], in: data).need(name, in: data)
    }

    private func close(_ open: inout Int?, _ index: Int) throws(AnswerFlaw) {
        guard open == index else { throw .malformed }
        open = nil
    }

    /// Adds a piece to a text and tells its length.
    private static func append(
        _ value: FormValue, _ data: Span<UInt8>, to text: inout [UInt8]
    ) throws(AnswerFlaw) -> Int {
        let piece = try value.rawText(in: data)
        text.append(piece)
        return piece.count
    }

    private mutating func keep(_ value: FormValue, _ data: Span<UInt8>) -> [UInt8] {
        let copy = value.compact(in: data)
        byteCount += copy.count
        return copy
    }

    private mutating func keepText(_ value: FormValue?, _ data: Span<UInt8>) throws(AnswerFlaw) -> [UInt8] {
        guard let value else { return [] }
        guard value.kind == .string else { throw .malformed }
        return keep(value, data)
    }

    private static func isEmpty(_ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) -> Bool {
        switch value.kind {
        case .string: try value.rawText(in: data).isEmpty
        case .array: try value.elements(in: data).isEmpty
        case .object, .number, .bool, .null: false
        }
    }

    // MARK: The document

    private func writeBlocks(to json: inout JSONText) {
        var values: [[UInt8]] = []
        for block in blocks {
            var value = JSONText()
            value.write(
                block.isThinking ? "{\"type\":\"thinking\",\"thinking\":" : "{\"type\":\"text\",\"text\":",
                rawText: block.text.span)
            value.write("}")
            values.append(value.bytes)
        }
        Self.write(",\"content\":[", values, to: &json)
    }

    private func writeCalls(to json: inout JSONText) {
        var values: [[UInt8]] = []
        for call in calls {
            var value = JSONText()
            value.write("{\"id\":", json: call.id)
            value.write(",\"type\":", json: call.type)
            value.write(",\"function\":{\"name\":", json: call.name)
            value.write(",\"arguments\":", rawText: call.arguments.span)
            value.write("}}")
            values.append(value.bytes)
        }
        Self.write(",\"tool_calls\":[", values, to: &json)
    }

    private static func write(_ opening: StaticString, _ values: [[UInt8]], to json: inout JSONText) {
        guard !values.isEmpty else { return }
        json.write(opening)
        for (place, value) in values.enumerated() {
            if place > 0 { json.write(",") }
            json.raw(value.span)
        }
        json.write("]")
    }
}
