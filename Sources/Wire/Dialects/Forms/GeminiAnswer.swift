/// What Gemini's chunks say together. Each of them is an answer with as much as there is, so a document is read as a
/// stream of one chunk.
///
/// A text that goes on in the next chunk is one part, as in a document. Parts of one chunk stay apart, and so does a
/// text with a signature: Google asks its clients to give such parts back as they came.
struct GeminiAnswer {
    private(set) var candidates: [Candidate] = []
    /// What stands beside the candidates, in the order in which it came first.
    private(set) var members: [Member] = []
    /// How many bytes it holds.
    private(set) var byteCount = 0
    private var chunkCount = 0

    struct Candidate {
        /// Missing where the provider leaves out that it is 0.
        var writtenIndex: Int?
        var role: [UInt8] = []
        var parts: [Part] = []
        /// A text without characters that stood alone in its chunk: it is a part only where there is no other.
        var blank: Part?
        var isFinished = false
        var members: [Member] = []

        var index: Int { writtenIndex ?? 0 }
    }

    struct Part: Equatable {
        /// What stands between a text's quotation marks, or the whole object of a call.
        var content: [UInt8]
        var isCall: Bool
        var isThought: Bool
        /// The signature with its quotation marks, empty if there is none.
        var signature: [UInt8]

        /// Whether it is a text without signature, which may go on in the next chunk.
        var isPlainText: Bool { !isCall && signature.isEmpty }
        var isBlank: Bool { isPlainText && content.isEmpty }

        func goesOn(in next: Part) -> Bool { isPlainText && next.isPlainText && isThought == next.isThought }
    }

    struct Member {
        var name: String
        var key: [UInt8]
        var value: [UInt8]
        var chunkCount = 1
    }

    /// Google has 8 as the largest `candidateCount`.
    private static let candidateCountMax = 64
    /// They are looked for one by one, in every chunk.
    private static let memberCountMax = 64
    /// Of these the last one counts: usage grows with the answer, and ratings are about all of it so far.
    private static let growing: Set<String> = [
        "usageMetadata", "modelVersion", "responseId", "createTime", "promptFeedback", "safetyRatings", "finishReason",
    ]
    /// What a candidate says once; how two of them would go together is not known.
    private static let onceInCandidate: Set<String> = [
        "citationMetadata", "groundingMetadata", "avgLogprobs", "logprobsResult", "tokenCount", "finishMessage",
        "urlContextMetadata",
    ]

    /// Whether every candidate has said why it stopped, or none was made at all. Members that leo does not know must have
    /// stood in every chunk.
    func checkEnd() throws(AnswerFlaw) {
        for member in members where !Self.growing.contains(member.name) && member.chunkCount != chunkCount {
            throw .unknownEvent
        }
        if candidates.isEmpty, members.contains(where: { $0.name == "promptFeedback" }) { return }
        guard !candidates.isEmpty, candidates.allSatisfy(\.isFinished) else { throw .incomplete }
    }

    /// Takes one chunk, or a document.
    mutating func take(_ data: Span<UInt8>) throws(AnswerFlaw) {
        chunkCount += 1
        for member in try FormValue.whole(data).members(in: data) where member.value.kind != .null {
            let name = member.name(in: data)
            switch name {
            case "error": throw .error
            case "candidates":
                var seen: Set<Int> = []
                for element in try member.value.elements(in: data) {
                    let place = try candidate(element, data)
                    guard seen.insert(place).inserted else { throw .malformed }
                }
            default:
                let isNew = try Self.keep(member, name, data, in: &members, &byteCount)
                if isNew, chunkCount > 1, !Self.growing.contains(name) { throw .unknownEvent }
            }
        }
    }

    private mutating func candidate(_ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) -> Int {
        let members = try value.members(in: data)
        let index = try members.value("index", in: data)?.count(in: data)
        var place = candidates.firstIndex { $0.index == index ?? 0 }
        if place == nil {
            guard candidates.count < Self.candidateCountMax else { throw .tooLarge }
            place = candidates.count
            candidates.append(Candidate(writtenIndex: index))
        }
        guard let place else { throw .malformed }
        for member in members where member.value.kind != .null {
            let name = member.name(in: data)
            switch name {
            case "index": break
            case "content": try content(member.value, data, place)
            case _ where Self.growing.contains(name) || Self.onceInCandidate.contains(name):
                let isNew = try Self.keep(member, name, data, in: &candidates[place].members, &byteCount)
                if !isNew, Self.onceInCandidate.contains(name) { throw .unknownEvent }
                if name == "finishReason" { candidates[place].isFinished = true }
            default: throw .unknownEvent
            }
        }
        return place
    }

    private mutating func content(_ value: FormValue, _ data: Span<UInt8>, _ place: Int) throws(AnswerFlaw) {
        var parts: [Part] = []
        for member in try value.members(in: data).known(["role", "parts"], in: data) {
            if member.key.equals("role", in: data) {
                let role = member.value.compact(in: data)
                guard candidates[place].role.isEmpty || candidates[place].role == role else { throw .malformed }
                candidates[place].role = role
            } else {
                for part in try member.value.elements(in: data) { parts.append(try Self.part(part, data)) }
            }
        }
        guard let first = parts.first else { return }
        // What follows the reason to stop is nothing more than a blank.
        guard !candidates[place].isFinished || parts.allSatisfy(\.isBlank) else { throw .malformed }
        if let last = candidates[place].parts.last, last.goesOn(in: first) {
            candidates[place].parts[candidates[place].parts.count - 1].content += first.content
            candidates[place].parts += parts.dropFirst()
        } else if parts.count == 1, first.isBlank {
            candidates[place].blank = candidates[place].blank ?? first
        } else {
            candidates[place].parts += parts
        }
        for part in parts { byteCount += part.content.count + part.signature.count + FormValue.partBytes }
    }

    private static func part(_ value: FormValue, _ data: Span<UInt8>) throws(AnswerFlaw) -> Part {
        var part = Part(content: [], isCall: false, isThought: false, signature: [])
        var isText = false
        let names: [StaticString] = ["text", "functionCall", "thought", "thoughtSignature"]
        for member in try value.members(in: data).known(names, in: data) {
            switch member.name(in: data) {
            case "text":
                isText = true
                part.content.append(try member.value.rawText(in: data))
            case "functionCall":
                part.isCall = true
                // A call whose arguments come in pieces has other members.
                _ = try member.value.members(in: data).known(["id", "name", "args"], in: data)
                part.content = member.value.compact(in: data)
            case "thought": part.isThought = try member.value.bool(in: data)
            default:
                _ = try member.value.rawText(in: data)
                part.signature = member.value.compact(in: data)
            }
        }
        guard isText != part.isCall else { throw .unknownEvent }
        return part
    }

    /// Keeps a member; false if there was one of its name. Of two of which the last one does not count both are equal.
    private static func keep(
        _ member: FormMember, _ name: String, _ data: Span<UInt8>, in members: inout [Member], _ byteCount: inout Int
    ) throws(AnswerFlaw) -> Bool {
        let value = member.value.compact(in: data)
        byteCount += value.count
        guard let place = members.firstIndex(where: { $0.name == name }) else {
            guard members.count < memberCountMax else { throw .tooLarge }
            members.append(Member(name: name, key: member.rawKey(in: data), value: value))
            byteCount += name.utf8.count
            return true
        }
        guard growing.contains(name) || members[place].value == value else { throw .unknownEvent }
        byteCount -= members[place].value.count
        members[place].value = value
        members[place].chunkCount += 1
        return false
    }
}

extension GeminiAnswer {
    /// The whole answer as one document.
    func document() -> JSONText {
        var json = JSONText()
        json.write("{")
        if !candidates.isEmpty {
            json.write("\"candidates\":[")
            for (place, candidate) in candidates.enumerated() {
                if place > 0 { json.write(",") }
                var parts = JSONText()
                for (place, part) in candidate.parts.enumerated() {
                    if place > 0 { parts.write(",") }
                    part.write(part.content.span, to: &parts)
                }
                if candidate.parts.isEmpty { candidate.blank?.write(Span(), to: &parts) }
                candidate.write(parts: parts, isLast: true, to: &json)
            }
            json.write("]")
        }
        Self.write(members, behindOthers: !candidates.isEmpty, to: &json)
        json.write("}")
        return json
    }

    /// Writes the answer as chunks. Several candidates are one chunk, since clients take the first of each chunk for the
    /// first of all.
    func stream(into events: inout EventWriter) {
        guard candidates.count == 1, let candidate = candidates.first, !candidate.parts.isEmpty else {
            return events.write(document())
        }
        var parts = JSONText()
        var isFirst = true
        for (place, part) in candidate.parts.enumerated() {
            var isBegun = place > 0 && !candidate.parts[place - 1].mustShareChunk(with: part)
            var isJoined = place > 0 && !isBegun
            func next(_ content: Span<UInt8>) {
                if isBegun {
                    chunk(candidate, parts, isFirst: isFirst, isLast: false, into: &events)
                    isFirst = false
                    parts = JSONText()
                } else if isJoined {
                    parts.write(",")
                }
                isBegun = true
                isJoined = false
                part.write(content, to: &parts)
            }
            if part.isPlainText {
                EventWriter.pieces(of: part.content.span, next)
            } else {
                next(part.content.span)
            }
        }
        chunk(candidate, parts, isFirst: isFirst, isLast: true, into: &events)
    }

    private func chunk(
        _ candidate: Candidate, _ parts: JSONText, isFirst: Bool, isLast: Bool, into events: inout EventWriter
    ) {
        var json = JSONText()
        json.write("{\"candidates\":[")
        candidate.write(parts: parts, isLast: isLast, to: &json)
        json.write("]")
        let told = members.filter { member in
            switch member.name {
            case "usageMetadata": isLast
            case "promptFeedback": isFirst
            default: true
            }
        }
        Self.write(told, behindOthers: true, to: &json)
        json.write("}")
        events.write(json)
    }

    fileprivate static func write(_ members: [Member], behindOthers: Bool, to json: inout JSONText) {
        for (place, member) in members.enumerated() {
            if behindOthers || place > 0 { json.write(",") }
            json.raw(member.key.span)
            json.write(":", json: member.value)
        }
    }
}

extension GeminiAnswer.Candidate {
    fileprivate func write(parts: JSONText, isLast: Bool, to json: inout JSONText) {
        json.write("{")
        var hasContent = false
        if !parts.bytes.isEmpty || !role.isEmpty {
            hasContent = true
            json.write("\"content\":{")
            if !parts.bytes.isEmpty { json.write("\"parts\":[", json: parts.bytes) }
            if !parts.bytes.isEmpty { json.write("]") }
            if !role.isEmpty { json.write(parts.bytes.isEmpty ? "\"role\":" : ",\"role\":", json: role) }
            json.write("}")
        }
        if let writtenIndex {
            json.write(hasContent ? ",\"index\":" : "\"index\":", writtenIndex)
            hasContent = true
        }
        if isLast { GeminiAnswer.write(members, behindOthers: hasContent, to: &json) }
        json.write("}")
    }
}

extension GeminiAnswer.Part {
    /// Whether both must stand in one chunk to stay two parts: in two chunks a text would go on, and a blank be nothing.
    fileprivate func mustShareChunk(with next: GeminiAnswer.Part) -> Bool {
        goesOn(in: next) || isBlank || next.isBlank
    }

    /// Writes the part with as much of its content.
    fileprivate func write(_ content: Span<UInt8>, to json: inout JSONText) {
        if isCall {
            json.write("{\"functionCall\":")
            json.raw(content)
        } else {
            json.write("{\"text\":", rawText: content)
        }
        if isThought { json.write(",\"thought\":true") }
        if !signature.isEmpty { json.write(",\"thoughtSignature\":", json: signature) }
        json.write("}")
    }
}
