/// Puts a document together from the messages of Amazon's converse-stream.
struct ConverseDocumentBuilder: DocumentBuilder {
    private(set) var byteCount = 0

    private var phase = Phase.start
    private var role: [UInt8] = []
    private var blocks: [Block] = []
    /// The members of the document beside `output`, as they came.
    private var members: [(key: [UInt8], value: [UInt8])] = []

    private enum Phase { case start, message, metadata, over }

    private struct Block {
        /// The provider's index.
        var index: Int
        var isOpen = true
        /// Nil until its first piece tells.
        var kind: Kind?
        /// Between quotation marks: the text, or the JSON of a call's input.
        var text: [UInt8] = []
        var signature: [UInt8]?
        var citations: [[UInt8]] = []
        /// A call's id and name, as they came.
        var id: [UInt8] = []
        var name: [UInt8] = []
    }

    /// They are looked for one by one, with every piece.
    private static let blockCountMax = 1024

    private enum Kind { case text, reasoning, redacted, call }

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        let type = String(lossy: type)
        if type.hasSuffix("xception") { throw .error }
        // `p` is there to hide how long an event is.
        let members = try FormValue.whole(data).members(in: data).filter { !$0.key.equals("p", in: data) }
        switch (type, phase) {
        case ("messageStart", .start):
            role = keep(try members.known(["role"], in: data).need("role", in: data), data)
            phase = .message
        case ("contentBlockStart", .message): try start(members, data)
        case ("contentBlockDelta", .message): try add(members, data)
        case ("contentBlockStop", .message):
            let index = try members.known(["contentBlockIndex"], in: data).need("contentBlockIndex", in: data)
            let place = try place(of: index.count(in: data))
            guard blocks[place].kind != nil else { throw .unknownEvent }
            blocks[place].isOpen = false
        case ("messageStop", .message):
            guard blocks.allSatisfy({ !$0.isOpen }) else { throw .malformed }
            keep(try members.known(["stopReason", "additionalModelResponseFields"], in: data), data)
            phase = .metadata
        case ("metadata", .metadata):
            keep(try members.known(["usage", "metrics", "trace", "performanceConfig", "serviceTier"], in: data), data)
            phase = .over
        case ("messageStart", _), ("contentBlockStart", _), ("contentBlockDelta", _), ("contentBlockStop", _),
            ("messageStop", _), ("metadata", _):
            throw .malformed
        default: throw .unknownEvent
        }
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        guard phase == .over else { throw .incomplete }
        var json = JSONText()
        json.write("{\"output\":{\"message\":{\"role\":", json: role)
        json.write(",\"content\":[")
        for (place, block) in blocks.enumerated() {
            if place > 0 { json.write(",") }
            try Self.write(block, to: &json)
        }
        json.write("]}}")
        for member in members {
            json.write(",", json: member.key)
            json.write(":", json: member.value)
        }
        json.write("}")
        return json.bytes
    }

    // MARK: Events

    private mutating func start(_ members: [FormMember], _ data: Span<UInt8>) throws(AnswerFlaw) {
        let members = try members.known(["contentBlockIndex", "start"], in: data)
        let index = try members.need("contentBlockIndex", in: data).count(in: data)
        guard index > blocks.last?.index ?? -1 else { throw .malformed }
        guard blocks.count < Self.blockCountMax else { throw .tooLarge }
        byteCount += FormValue.partBytes
        var block = Block(index: index)
        let start = try members.need("start", in: data).members(in: data).known(["toolUse"], in: data)
        if let call = start.value("toolUse", in: data) {
            // One with a type is a tool of the provider's own.
            let members = try call.members(in: data).known(["toolUseId", "name"], in: data)
            block.kind = .call
            block.id = keep(try members.need("toolUseId", in: data), data)
            block.name = keep(try members.need("name", in: data), data)
        }
        blocks.append(block)
    }

    private mutating func add(_ members: [FormMember], _ data: Span<UInt8>) throws(AnswerFlaw) {
        let members = try members.known(["contentBlockIndex", "delta"], in: data)
        let index = try members.need("contentBlockIndex", in: data).count(in: data)
        // A block of text begins with its first piece.
        if index > blocks.last?.index ?? -1 {
            guard blocks.count < Self.blockCountMax else { throw .tooLarge }
            byteCount += FormValue.partBytes
            blocks.append(Block(index: index))
        }
        let place = try place(of: index)
        let delta = try members.need("delta", in: data).members(in: data)
        for member in try delta.known(["text", "toolUse", "reasoningContent", "citation"], in: data) {
            switch member.name(in: data) {
            case "text": try add(.text, member.value, data, place)
            case "citation":
                try expect(.text, place)
                byteCount += FormValue.partBytes
                blocks[place].citations.append(keep(member.value, data))
            case "toolUse":
                // Without a start nobody knows what is called.
                guard blocks[place].kind == .call else { throw .malformed }
                let input = try member.value.members(in: data).known(["input"], in: data)
                try add(.call, input.need("input", in: data), data, place)
            default: try addReasoning(try member.value.members(in: data), data, place)
            }
        }
    }

    private mutating func addReasoning(
        _ members: [FormMember], _ data: Span<UInt8>, _ place: Int
    ) throws(AnswerFlaw) {
        for member in try members.known(["text", "signature", "redactedContent"], in: data) {
            switch member.name(in: data) {
            case "text": try add(.reasoning, member.value, data, place)
            case "signature":
                try expect(.reasoning, place)
                let piece = try member.value.rawText(in: data)
                var signature = blocks[place].signature ?? []
                signature.append(piece)
                byteCount += piece.count
                blocks[place].signature = signature
            default:
                // Base64 in pieces cannot be joined as text is.
                guard blocks[place].kind == nil else { throw .unknownEvent }
                try add(.redacted, member.value, data, place)
            }
        }
    }

    private mutating func add(
        _ kind: Kind, _ value: FormValue, _ data: Span<UInt8>, _ place: Int
    ) throws(AnswerFlaw) {
        try expect(kind, place)
        let piece = try value.rawText(in: data)
        byteCount += piece.count
        blocks[place].text.append(piece)
    }

    private mutating func expect(_ kind: Kind, _ place: Int) throws(AnswerFlaw) {
        guard blocks[place].kind ?? kind == kind else { throw .unknownEvent }
        blocks[place].kind = kind
    }

    /// Where the open block of that index stands.
    private func place(of index: Int) throws(AnswerFlaw) -> Int {
        guard let place = blocks.lastIndex(where: { $0.index == index && $0.isOpen }) else { throw .malformed }
        return place
    }

    private mutating func keep(_ value: FormValue, _ data: Span<UInt8>) -> [UInt8] {
        let copy = value.compact(in: data)
        byteCount += copy.count
        return copy
    }

    private mutating func keep(_ known: [FormMember], _ data: Span<UInt8>) {
        for member in known { members.append((member.rawKey(in: data), keep(member.value, data))) }
    }

    // MARK: The document

    private static func write(_ block: Block, to json: inout JSONText) throws(AnswerFlaw) {
        switch block.kind {
        case .text where block.citations.isEmpty: json.write("{\"text\":", rawText: block.text.span)
        case .text:
            json.write("{\"citationsContent\":{\"content\":[{\"text\":", rawText: block.text.span)
            json.write("}],\"citations\":[")
            for (place, citation) in block.citations.enumerated() {
                if place > 0 { json.write(",") }
                json.raw(citation.span)
            }
            json.write("]}")
        case .reasoning:
            json.write("{\"reasoningContent\":{\"reasoningText\":{\"text\":", rawText: block.text.span)
            if let signature = block.signature { json.write(",\"signature\":", rawText: signature.span) }
            json.write("}}")
        case .redacted:
            json.write("{\"reasoningContent\":{\"redactedContent\":", rawText: block.text.span)
            json.write("}")
        case .call:
            json.write("{\"toolUse\":{\"toolUseId\":", json: block.id)
            json.write(",\"name\":", json: block.name)
            json.write(",\"input\":", json: try input(block.text))
            json.write("}")
        case nil: throw .unknownEvent
        }
        json.write("}")
    }

    /// The object that the pieces of a call's input are; a call without any has none.
    private static func input(_ text: [UInt8]) throws(AnswerFlaw) -> [UInt8] {
        var decoded: [UInt8] = []
        JSONString(range: 0..<text.count, hasEscapes: true).unescape(in: text.span, into: &decoded)
        if decoded.isEmpty { return Array("{}".utf8) }
        let value = try FormValue.whole(decoded.span)
        guard value.kind == .object else { throw .malformed }
        return value.compact(in: decoded.span)
    }
}
