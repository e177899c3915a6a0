/// Gemini's chunks, each of them an answer with as much as there is: as events or as elements of an array.
struct GeminiStreamNotes: StreamNotes {
    private var model: [UInt8] = []
    private var answerID: [UInt8] = []
    private var candidates: [Candidate] = []
    private var hasError = false
    private var isTooMuch = false

    private struct Candidate: Equatable {
        var index = 0
        var isFinished = false
        /// Whether a call's arguments come in pieces and more are to come.
        var hasOpenCall = false
    }

    /// Google has 8 as the largest `candidateCount`.
    private static let candidateCountMax = 64
    private static let valueBytesMax = 1024

    /// There is no last event: an answer is over when every candidate has said why it stopped.
    var isTerminated: Bool { hasError || !candidates.isEmpty && candidates.allSatisfy(\.isFinished) }

    mutating func note(_ type: Span<UInt8>, _ data: Span<UInt8>) {
        var cursor = JSONCursor(data)
        do throws(JSONFailure) {
            try cursor.members { (cursor, key) throws(JSONFailure) in
                if key.equals("candidates", in: data) {
                    try cursor.elements { (cursor) throws(JSONFailure) in try noteCandidate(&cursor) }
                } else if key.equals("modelVersion", in: data) {
                    model = try bounded(cursor.raw())
                } else if key.equals("responseId", in: data) {
                    answerID = try bounded(cursor.raw())
                } else if key.equals("error", in: data), try cursor.isSomething() {
                    hasError = true
                }
            }
        } catch {
            // Nothing more is known of a chunk that is no JSON.
        }
    }

    private mutating func bounded(_ value: [UInt8]) -> [UInt8] {
        if value.count <= Self.valueBytesMax { return value }
        isTooMuch = true
        return []
    }

    private mutating func noteCandidate(_ cursor: inout JSONCursor) throws(JSONFailure) {
        let data = cursor.bytes
        var candidate = Candidate()
        var callGoesOn: Bool?
        try cursor.members { (cursor, key) throws(JSONFailure) in
            if key.equals("index", in: data) {
                candidate.index = try cursor.wholeNumber() ?? 0
            } else if key.equals("finishReason", in: data) {
                candidate.isFinished = try cursor.isSomething()
            } else if key.equals("content", in: data) {
                try cursor.members { (cursor, key) throws(JSONFailure) in
                    guard key.equals("parts", in: data) else { return }
                    try cursor.elements { (cursor) throws(JSONFailure) in
                        if let goesOn = try Self.call(&cursor) { callGoesOn = goesOn }
                    }
                }
            }
        }
        var place = candidates.firstIndex { $0.index == candidate.index }
        if place == nil, candidates.count < Self.candidateCountMax {
            place = candidates.count
            candidates.append(Candidate(index: candidate.index))
        }
        guard let place else { return isTooMuch = true }
        if candidate.isFinished { candidates[place].isFinished = true }
        if let callGoesOn { candidates[place].hasOpenCall = callGoesOn }
    }

    /// Whether the call that a part holds goes on in later chunks; nil for other parts.
    private static func call(_ cursor: inout JSONCursor) throws(JSONFailure) -> Bool? {
        let data = cursor.bytes
        var goesOn: Bool?
        try cursor.members { (cursor, key) throws(JSONFailure) in
            guard key.equals("functionCall", in: data) else { return }
            goesOn = false
            try cursor.members { (cursor, key) throws(JSONFailure) in
                if key.equals("willContinue", in: data) { goesOn = try cursor.isSomething() }
            }
        }
        return goesOn
    }

    /// A chunk that stops every candidate at the limit, with the usage that the last chunk always has.
    func finish(_ usage: Usage, tellsUsage: Bool) -> [StreamEvent]? {
        guard !isTooMuch, !candidates.contains(where: \.hasOpenCall) else { return nil }
        var json = JSONText()
        json.write("{\"candidates\":[")
        let open = candidates.isEmpty ? [Candidate()] : candidates.filter { !$0.isFinished }
        for (place, candidate) in open.enumerated() {
            if place > 0 { json.write(",") }
            json.write("{\"content\":{\"parts\":[{\"text\":\"\"}],\"role\":\"model\"},\"finishReason\":\"MAX_TOKENS\"")
            json.write(",\"index\":", candidate.index)
            json.write("}")
        }
        json.write("],\"usageMetadata\":{\"promptTokenCount\":", usage.inputTokens)
        json.write(",\"candidatesTokenCount\":", max(0, usage.outputTokens - usage.reasoningTokens))
        json.write(",\"totalTokenCount\":", usage.totalTokens)
        if usage.cachedTokens > 0 { json.write(",\"cachedContentTokenCount\":", usage.cachedTokens) }
        if usage.reasoningTokens > 0 { json.write(",\"thoughtsTokenCount\":", usage.reasoningTokens) }
        json.write("}")
        if !model.isEmpty {
            json.write(",\"modelVersion\":")
            json.raw(model.span)
        }
        if !answerID.isEmpty {
            json.write(",\"responseId\":")
            json.raw(answerID.span)
        }
        json.write("}")
        return [StreamEvent(json)]
    }

    func failure(_ refusal: Refusal) -> [StreamEvent] { [StreamEvent(refusal.body(.gemini))] }
}
