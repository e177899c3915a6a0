/// Puts a message together from Anthropic's events, as the official clients do: blocks by their index, usage and the
/// reason to stop from the last event that tells them.
struct MessageDocumentBuilder: DocumentBuilder {
    private(set) var byteCount = 0
    /// The message as it began; empty before that.
    private var message: [UInt8] = []
    private var blocks: [MessageBlockSoFar] = []
    /// The usage so far, an object.
    private var usage: [UInt8] = []
    /// What the message gets at its end.
    private var lastMembers: [(name: StaticString, value: [UInt8])] = []
    private var isComplete = false

    /// What a block costs beside its bytes.
    private static let blockOverheadBytes = 160

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        // Some say OpenAI's last word here too.
        if isComplete, data.isWord("[DONE]") { return }
        let event = try DocumentMembers(data)
        guard let name = event.text("type", in: data) else { throw .malformed }
        guard type.isEmpty || JSONSameness.sameText(type, name.raw(in: data)) else { throw .malformed }
        if name.equals("ping", in: data) { return try event.expect(only: ["type"], in: data) }
        if name.equals("error", in: data) { throw .error }
        guard !isComplete else { throw .malformed }
        if name.equals("content_block_delta", in: data) {
            try event.expect(only: ["type", "index", "delta"], in: data)
            try change(event, data)
        } else if name.equals("content_block_start", in: data) {
            try event.expect(only: ["type", "index", "content_block"], in: data)
            try beginBlock(event, data)
        } else if name.equals("content_block_stop", in: data) {
            try event.expect(only: ["type", "index"], in: data)
            try endBlock(event, data)
        } else if name.equals("message_start", in: data) {
            try event.expect(only: ["type", "message"], in: data)
            try begin(event, data)
        } else if name.equals("message_delta", in: data) {
            try event.expect(
                only: ["type", "delta", "usage", "context_management", "input_transformations"], in: data)
            try takeEnd(event, data)
        } else if name.equals("message_stop", in: data) {
            try event.expect(only: ["type"], in: data)
            guard !message.isEmpty, blocks.allSatisfy({ !$0.isOpen }) else { throw .malformed }
            isComplete = true
        } else {
            throw .unknownEvent
        }
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        guard isComplete else { throw .incomplete }
        var content = JSONText()
        content.write("[")
        for (index, block) in blocks.enumerated() {
            if index > 0 { content.write(",") }
            content.raw(block.json.span)
        }
        content.write("]")
        var members = lastMembers
        members.append(("content", content.bytes))
        if !usage.isEmpty { members.append(("usage", usage)) }
        return try Self.with(members, in: message.span)
    }

    // MARK: The message

    private mutating func begin(_ event: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard message.isEmpty, let member = event.value("message", in: data) else { throw .malformed }
        let bytes = data.extracting(member.range)
        let members = try DocumentMembers(bytes)
        guard try members.elements("content", in: bytes)?.isEmpty ?? true else { throw .malformed }
        if let usage = members.value("usage", in: bytes) {
            let object = bytes.extracting(usage.range)
            _ = try DocumentMembers(object)
            self.usage = DocumentMembers.copy(object)
        }
        message = DocumentMembers.copy(bytes)
        byteCount += message.count + usage.count
    }

    private mutating func takeEnd(_ event: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard !message.isEmpty, let member = event.value("delta", in: data) else { throw .malformed }
        let bytes = data.extracting(member.range)
        let delta = try DocumentMembers(bytes)
        try delta.expect(only: ["stop_reason", "stop_sequence", "stop_details", "container"], in: bytes)
        if delta.value("container", in: bytes) != nil { throw .unsupported }
        for name in ["stop_reason", "stop_sequence"] as [StaticString] {
            if let value = delta.copy(name, in: bytes) { setLast(name, value) }
        }
        // Null where the message does not have them either says nothing.
        if delta.value("stop_details", in: bytes) != nil, let value = delta.copy("stop_details", in: bytes) {
            setLast("stop_details", value)
        }
        for name in ["context_management", "input_transformations"] as [StaticString] {
            guard event.value(name, in: data) != nil, let value = event.copy(name, in: data) else { continue }
            setLast(name, value)
        }
        guard let told = event.value("usage", in: data) else { return }
        byteCount -= usage.count
        try merge(data.extracting(told.range))
        byteCount += usage.count
    }

    private mutating func setLast(_ name: StaticString, _ value: [UInt8]) {
        byteCount += value.count
        for index in lastMembers.indices where "\(lastMembers[index].name)" == "\(name)" {
            byteCount -= lastMembers[index].value.count
            lastMembers[index].value = value
            return
        }
        lastMembers.append((name, value))
    }

    /// Numbers are sums so far, so the last one counts; null leaves the one before.
    private mutating func merge(_ told: Span<UInt8>) throws(AnswerFlaw) {
        let members = try DocumentMembers(told)
        guard !usage.isEmpty else {
            usage = DocumentMembers.copy(told)
            return
        }
        let known = try DocumentMembers(usage.span)
        var edits = JSONEdits()
        for member in members.members where member.kind != .null {
            let value = told.extracting(member.range)
            let key = member.key.raw(in: told)
            if let place = known.members.first(where: { JSONSameness.sameText($0.key.raw(in: usage.span), key) }) {
                edits.replace(place.range, with: value)
            } else {
                edits.insertMember(member.key.text(in: told), rawValue: value, intoObjectAt: 0..<usage.count)
            }
        }
        usage = edits.apply(to: usage.span)
    }

    /// The object with these members, in place of those of the same name.
    static func with(
        _ values: [(name: StaticString, value: [UInt8])], in object: Span<UInt8>
    ) throws(AnswerFlaw) -> [UInt8] {
        let members = try DocumentMembers(object)
        var edits = JSONEdits()
        for (name, value) in values {
            if let member = members.member(name, in: object) {
                edits.replace(member.range, with: value.span)
            } else {
                edits.insertMember("\(name)", rawValue: value.span, intoObjectAt: 0..<object.count)
            }
        }
        return edits.apply(to: object)
    }

    // MARK: Blocks

    private mutating func beginBlock(_ event: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard !message.isEmpty, let member = event.value("content_block", in: data),
            try event.place("index", in: data) == blocks.count
        else { throw .malformed }
        let block = try MessageBlockSoFar(data.extracting(member.range))
        byteCount += block.byteCount + Self.blockOverheadBytes
        blocks.append(block)
    }

    private mutating func change(_ event: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        let index = try openBlock(event, data)
        guard let delta = event.value("delta", in: data) else { throw .malformed }
        byteCount -= blocks[index].byteCount
        try blocks[index].take(data.extracting(delta.range))
        byteCount += blocks[index].byteCount
    }

    private mutating func endBlock(_ event: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        let index = try openBlock(event, data)
        byteCount -= blocks[index].byteCount
        try blocks[index].end()
        byteCount += blocks[index].byteCount
    }

    private func openBlock(_ event: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) -> Int {
        let index = try event.place("index", in: data)
        guard index < blocks.count, blocks[index].isOpen else { throw .malformed }
        return index
    }
}
