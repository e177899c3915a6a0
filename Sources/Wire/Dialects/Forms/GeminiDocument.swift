/// Puts a document together from Gemini's chunks, as events or as elements of an array.
struct GeminiDocumentBuilder: DocumentBuilder {
    private var answer = GeminiAnswer()

    var byteCount: Int { answer.byteCount }

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        guard type.isEmpty else { throw .unknownEvent }
        try answer.take(data)
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        try answer.checkEnd()
        return answer.document().bytes
    }
}

/// The answers of `generateContent`.
enum GeminiDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.value("error", in: document) != nil { throw .error }
        if let feedback = members.value("promptFeedback", in: document) {
            let members = try feedback.members(in: document)
            if members.value("blockReason", in: document) != nil { throw .filtered }
            try judgeRatings(members, document)
        }
        guard let candidates = members.value("candidates", in: document) else { throw .incomplete }
        var facts = DocumentFacts()
        var callCount = 0
        var indices: Set<Int> = []
        for candidate in try candidates.elements(in: document) {
            let index = try judge(candidate, document, &facts, &callCount)
            guard indices.insert(index).inserted else { throw .malformed }
        }
        guard !indices.isEmpty else { throw .incomplete }
        return facts
    }

    /// Judges a candidate and tells its index.
    private static func judge(
        _ candidate: FormValue, _ document: Span<UInt8>, _ facts: inout DocumentFacts, _ callCount: inout Int
    ) throws(AnswerFlaw) -> Int {
        let members = try candidate.members(in: document)
        guard let reason = members.value("finishReason", in: document) else { throw .unfinished }
        switch try reason.text(in: document) {
        case "STOP": break
        case "MAX_TOKENS": throw .length
        case "SAFETY", "RECITATION", "BLOCKLIST", "PROHIBITED_CONTENT", "SPII", "IMAGE_SAFETY",
            "IMAGE_PROHIBITED_CONTENT", "IMAGE_RECITATION", "MODEL_ARMOR":
            throw .filtered
        default: throw .unfinished
        }
        try judgeRatings(members, document)
        // Now and then Gemini stops without having said anything; a repeated question gets an answer.
        guard let content = members.value("content", in: document),
            let parts = try content.members(in: document).value("parts", in: document)
        else { throw .incomplete }
        let elements = try parts.elements(in: document)
        guard !elements.isEmpty else { throw .incomplete }
        for part in elements {
            for member in try part.members(in: document) where member.value.kind != .null {
                switch member.name(in: document) {
                case "functionCall":
                    callCount += 1
                    guard callCount <= AnswerDocument.toolCallCountMax else { throw .tooLarge }
                    try judgeCall(member.value, document, &facts)
                // What the provider's own tools have done belongs to a state that is not in the answer.
                case "executableCode", "codeExecutionResult", "toolCall", "toolResponse", "functionResponse",
                    "fileData":
                    throw .unsupported
                default: break
                }
            }
        }
        return try members.value("index", in: document)?.count(in: document) ?? 0
    }

    private static func judgeCall(
        _ call: FormValue, _ document: Span<UInt8>, _ facts: inout DocumentFacts
    ) throws(AnswerFlaw) {
        let members = try call.members(in: document)
        _ = try members.need("name", in: document).text(in: document)
        if let arguments = members.value("args", in: document), arguments.kind != .object { throw .malformed }
        if let goesOn = members.value("willContinue", in: document), try goesOn.bool(in: document) { throw .incomplete }
        if members.value("partialArgs", in: document) != nil { throw .unsupported }
        if let id = members.value("id", in: document) {
            try facts.call(id: id, in: document)
        } else {
            facts.callsTools = true
        }
    }

    private static func judgeRatings(_ members: [FormMember], _ document: Span<UInt8>) throws(AnswerFlaw) {
        guard let ratings = members.value("safetyRatings", in: document) else { return }
        for rating in try ratings.elements(in: document) {
            let blocked = try rating.members(in: document).value("blocked", in: document)
            if let blocked, try blocked.bool(in: document) { throw .filtered }
        }
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool {
        do throws(AnswerFlaw) {
            var answer = GeminiAnswer()
            try answer.take(document)
            try answer.checkEnd()
            answer.stream(into: &events)
            return true
        } catch {
            return false
        }
    }
}
