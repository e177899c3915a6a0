/// Puts the answer of an older completion together from its chunks, which look as the document does.
struct CompletionDocumentBuilder: DocumentBuilder {
    private var stream = ChunkStream()
    private var choices: [CompletionChoice] = []

    var byteCount: Int { stream.byteCount + choices.reduce(0) { $0 + $1.byteCount } }

    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw) {
        try Self.take(type, data, &stream, &choices)
    }

    private static func take(
        _ type: Span<UInt8>, _ data: Span<UInt8>, _ stream: inout ChunkStream, _ choices: inout [CompletionChoice]
    ) throws(AnswerFlaw) {
        try stream.take(type: type, data: data) { (cursor) throws(AnswerFlaw) in
            let index = try ChunkStream.index(of: cursor)
            let place = try ChunkStream.place(of: index, in: choices.map(\.index))
            if place == choices.count || choices[place].index != index {
                choices.insert(CompletionChoice(index), at: place)
            }
            try choices[place].take(&cursor)
        }
    }

    mutating func finish() throws(AnswerFlaw) -> [UInt8] {
        guard stream.isDone, !choices.isEmpty else { throw .incomplete }
        var json = JSONText()
        for (place, choice) in choices.enumerated() {
            guard choice.index == place else { throw .malformed }
            if place > 0 { json.write(",") }
            try choice.write(into: &json)
        }
        return try stream.document(object: "text_completion", choices: json.bytes.span)
    }
}

/// One of the answers to a prompt.
private struct CompletionChoice {
    let index: Int
    private var text = GatheredText()
    private var logprobs = GatheredArrays()
    private var finishReason = GatheredText()
    private var members = ChunkMembers()

    init(_ index: Int) { self.index = index }

    var byteCount: Int { text.byteCount + logprobs.byteCount + finishReason.byteCount + members.byteCount }

    /// Takes the choice of a chunk.
    mutating func take(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        let wasFinished = finishReason.isThere
        let textBefore = text.byteCount
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("text", in: bytes) {
                try text.take(&cursor)
            } else if key.equals("finish_reason", in: bytes) {
                try finishReason.takeWhole(&cursor)
            } else if key.equals("logprobs", in: bytes) {
                try logprobs.take(&cursor)
            } else if key.equals("index", in: bytes) {
                try cursor.skip()
            } else {
                try members.take(key, &cursor, ChatChoice.rule(key, bytes))
            }
        }
        members.endRound(counts: true)
        // Nothing is said behind the end.
        if wasFinished, text.byteCount != textBefore { throw .malformed }
    }

    /// Writes the choice of the document.
    func write(into json: inout JSONText) throws(AnswerFlaw) {
        try members.check()
        json.write("{\"text\":")
        text.write(into: &json)
        json.write(",\"index\":", index)
        if logprobs.isThere {
            json.write(",\"logprobs\":")
            logprobs.write(into: &json)
        }
        json.write(",\"finish_reason\":")
        if finishReason.isThere { finishReason.write(into: &json) } else { json.write("null") }
        members.write(into: &json)
        json.write("}")
    }
}
