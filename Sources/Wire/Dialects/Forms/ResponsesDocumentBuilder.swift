/// Finds the document of a Responses stream: the whole response is in its last event.
///
/// What came before is compared with it, so that a client of the document is told what a client of the stream was. Where
/// the last event leaves the output out, as some providers do, it is put together from the items.
struct ResponsesDocumentBuilder: DocumentBuilder {
    private(set) var byteCount = 0
    private var hasBegun = false
    private var isComplete = false
    /// The response's identifier, as JSON; empty if it has none.
    private var identifier: [UInt8] = []
    private var items: [ResponsesItemSoFar] = []
    private var response: [UInt8] = []

    /// What an item costs beside its bytes.
    private static let itemOverheadBytes = 160

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        if isComplete {
            // Some say OpenAI's older last word here too.
            guard data.isWord("[DONE]") else { throw .malformed }
            return
        }
        let members = try DocumentMembers(data)
        guard let name = members.text("type", in: data) else { throw .malformed }
        guard type.isEmpty || JSONSameness.sameText(type, name.raw(in: data)) else { throw .malformed }
        guard let event = ResponsesDocumentEvent(name, in: data) else { throw .unknownEvent }
        switch event {
        case .error: throw .error
        case .refusal: throw .refusal
        case .ended:
            if let response = members.value("response", in: data) {
                _ = try ResponsesDocument.judge(data.extracting(response.range))
            }
            throw .unfinished
        case .keepAlive: try members.expect(only: event.memberNames, in: data)
        case .lifecycle:
            try members.expect(only: event.memberNames, in: data)
            try begin(members, data)
        case .completed, .itemAdded, .itemDone, .part, .delta, .textDone, .annotation:
            try members.expect(only: event.memberNames, in: data)
            guard hasBegun else { throw .malformed }
            try take(event, members, data)
        }
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        guard isComplete else { throw .incomplete }
        return response
    }

    private mutating func begin(_ members: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard let response = members.value("response", in: data) else { throw .malformed }
        let bytes = data.extracting(response.range)
        let identifier = try DocumentMembers(bytes).copy("id", in: bytes) ?? []
        guard !hasBegun || JSONSameness.same(self.identifier.span, identifier.span) else { throw .malformed }
        self.identifier = identifier
        hasBegun = true
    }

    private mutating func take(
        _ event: ResponsesDocumentEvent, _ members: DocumentMembers, _ data: Span<UInt8>
    ) throws(AnswerFlaw) {
        if case .completed = event { return try complete(members, data) }
        let index = try members.place("output_index", in: data)
        if case .itemAdded = event {
            guard index == items.count, let item = members.value("item", in: data) else { throw .malformed }
            items.append(try ResponsesItemSoFar(data.extracting(item.range)))
            byteCount += Self.itemOverheadBytes
            return
        }
        guard index < items.count, !items[index].isDone else { throw .malformed }
        byteCount -= items[index].byteCount
        switch event {
        case .itemDone:
            guard let item = members.value("item", in: data) else { throw .malformed }
            try items[index].end(data.extracting(item.range))
        case .part:
            // A summary that was not told to its end says so.
            guard members.value("status", in: data) == nil || members.says("status", "completed", in: data) else {
                throw .unfinished
            }
            guard let part = members.value("part", in: data) else { throw .malformed }
            let bytes = data.extracting(part.range)
            if try DocumentMembers(bytes).says("type", "refusal", in: bytes) { throw .refusal }
        case .delta(let place):
            guard let delta = members.text("delta", in: data) else { throw .malformed }
            try items[index].add(delta.raw(in: data), place, try Self.textIndex(place, members, data))
        case .textDone(let place):
            guard let text = members.text(place.textName, in: data) else { throw .malformed }
            try items[index].compare(text.raw(in: data), place, try Self.textIndex(place, members, data))
        case .annotation, .lifecycle, .completed, .ended, .error, .refusal, .keepAlive, .itemAdded: break
        }
        byteCount += items[index].byteCount
    }

    private static func textIndex(
        _ place: ResponsesDocumentEvent.TextPlace, _ members: DocumentMembers, _ data: Span<UInt8>
    ) throws(AnswerFlaw) -> Int {
        guard let name = place.indexName else { return 0 }
        return try members.place(name, in: data)
    }

    private mutating func complete(_ members: DocumentMembers, _ data: Span<UInt8>) throws(AnswerFlaw) {
        guard let member = members.value("response", in: data) else { throw .malformed }
        let bytes = data.extracting(member.range)
        let whole = try DocumentMembers(bytes)
        let last = whole.copy("id", in: bytes) ?? []
        guard JSONSameness.same(identifier.span, last.span) else { throw .malformed }
        if let output = try whole.elements("output", in: bytes) {
            // Without a single item's event there is nothing to compare.
            guard items.isEmpty || items.count == output.count else { throw .malformed }
            for (index, item) in items.enumerated() { try item.expect(bytes.extracting(output[index])) }
            response = DocumentMembers.copy(bytes)
        } else {
            response = try withItems(whole, bytes)
        }
        items = []
        byteCount = response.count
        isComplete = true
    }

    /// The response with the items that came before it.
    private func withItems(_ whole: DocumentMembers, _ bytes: Span<UInt8>) throws(AnswerFlaw) -> [UInt8] {
        var output = JSONText()
        output.write("[")
        for (index, item) in items.enumerated() {
            guard item.isDone else { throw .malformed }
            if index > 0 { output.write(",") }
            output.raw(item.done.span)
        }
        output.write("]")
        var edits = JSONEdits()
        if let member = whole.member("output", in: bytes) {
            guard member.kind == .null else { throw .malformed }
            edits.replace(member.range, with: output.bytes.span)
        } else {
            edits.insertMember("output", rawValue: output.bytes.span, intoObjectAt: 0..<bytes.count)
        }
        return edits.apply(to: bytes)
    }
}

/// An item of a response's output, as far as it has come.
struct ResponsesItemSoFar {
    /// More texts in one item than this are not kept: they are looked for one by one. Reasoning has a dozen summaries.
    private static let textCountMax = 256

    private struct Text {
        var place: ResponsesDocumentEvent.TextPlace
        var index: Int
        /// What stands between its quotation marks.
        var raw: [UInt8]
    }

    /// The item as its last event has it; empty before that.
    private(set) var done: [UInt8] = []
    private(set) var isDone = false
    private let type: [UInt8]
    private let identifier: [UInt8]?
    private let callIdentifier: [UInt8]?
    private var texts: [Text] = []

    /// How many bytes of it are held.
    var byteCount: Int { texts.reduce(done.count) { $0 + $1.raw.count + 64 } }

    /// Begins with the item that `response.output_item.added` has.
    init(_ item: Span<UInt8>) throws(AnswerFlaw) {
        let members = try DocumentMembers(item)
        guard ResponsesDocument.ItemKind(members, in: item) != nil, let type = members.copy("type", in: item) else {
            throw .unknownEvent
        }
        self.type = type
        identifier = members.value("id", in: item).map { DocumentMembers.copy(item.extracting($0.range)) }
        callIdentifier = members.value("call_id", in: item).map { DocumentMembers.copy(item.extracting($0.range)) }
    }

    mutating func add(
        _ raw: Span<UInt8>, _ place: ResponsesDocumentEvent.TextPlace, _ index: Int
    ) throws(AnswerFlaw) {
        if let last = texts.indices.last, texts[last].place == place, texts[last].index == index {
            texts[last].raw.append(raw)
        } else if let known = texts.firstIndex(where: { $0.place == place && $0.index == index }) {
            texts[known].raw.append(raw)
        } else {
            guard texts.count < Self.textCountMax else { throw .tooLarge }
            texts.append(Text(place: place, index: index, raw: DocumentMembers.copy(raw)))
        }
    }

    /// Makes sure that the whole text is what its pieces were, if there were any.
    func compare(
        _ raw: Span<UInt8>, _ place: ResponsesDocumentEvent.TextPlace, _ index: Int
    ) throws(AnswerFlaw) {
        for text in texts where text.place == place && text.index == index {
            guard JSONSameness.sameText(text.raw.span, raw) else { throw .malformed }
        }
    }

    /// Takes the whole item.
    mutating func end(_ item: Span<UInt8>) throws(AnswerFlaw) {
        try expectParts(of: item)
        done = DocumentMembers.copy(item)
        isDone = true
        texts = []
    }

    /// Makes sure that this is the item which the last event repeats as `item`.
    func expect(_ item: Span<UInt8>) throws(AnswerFlaw) {
        guard isDone else { return try expectParts(of: item) }
        guard JSONSameness.same(item, done.span) else { throw .malformed }
    }

    /// Makes sure that `item` is the one that was added, with the texts that came.
    private func expectParts(of item: Span<UInt8>) throws(AnswerFlaw) {
        let members = try DocumentMembers(item)
        try expect(type, members.member("type", in: item), in: item)
        if let identifier { try expect(identifier, members.member("id", in: item), in: item) }
        if let callIdentifier { try expect(callIdentifier, members.member("call_id", in: item), in: item) }
        for text in texts {
            switch text.place {
            case .arguments, .input:
                guard let whole = members.text(text.place.textName, in: item) else { throw .malformed }
                try compare(whole.raw(in: item), text.place, text.index)
            case .content, .summary:
                let name: StaticString = text.place == .content ? "content" : "summary"
                guard let parts = try members.elements(name, in: item), text.index < parts.count else {
                    throw .malformed
                }
                let part = item.extracting(parts[text.index])
                guard let whole = try DocumentMembers(part).text("text", in: part) else { throw .malformed }
                try compare(whole.raw(in: part), text.place, text.index)
            }
        }
    }

    private func expect(
        _ wanted: [UInt8], _ member: DocumentMembers.Member?, in item: Span<UInt8>
    ) throws(AnswerFlaw) {
        guard let member, JSONSameness.same(wanted.span, item.extracting(member.range)) else { throw .malformed }
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes are `word`.
    func isWord(_ word: StaticString) -> Bool {
        count == word.utf8CodeUnitCount && ASCII.equal(self, 0, word)
    }
}
