/// The answer of an older completion as one document (OpenAI's `text_completion`).
enum CompletionDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        try ChoicesDocument.judge(document) { (cursor, reason) throws(AnswerFlaw) in
            let bytes = cursor.bytes
            var hasText = false
            try cursor.members { (cursor, key) throws(AnswerFlaw) in
                guard key.equals("text", in: bytes) else { return }
                _ = try cursor.string()
                hasText = true
            }
            guard hasText else { throw .malformed }
            // Completions call nothing.
            guard reason == .stop else { throw .unfinished }
        }
        return DocumentFacts()
    }

    static func isWhole(_ document: Span<UInt8>) -> Bool { ChunkStream.isWhole(document) }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool {
        guard let chunks = ChunkWriter(document, object: "text_completion", tellsUsage: tellsUsage) else {
            return false
        }
        do throws(AnswerFlaw) {
            for (place, range) in chunks.choices.enumerated() {
                let choice = try CompletionChoiceDocument(document.extracting(range))
                guard choice.index == place else { return false }
                choice.write(isFirst: place == 0, isLast: place == chunks.choices.count - 1, chunks, into: &events)
            }
        } catch {
            return false
        }
        chunks.writeEnd(into: &events)
        return true
    }
}

/// A choice of a document, with everything in it that has a place in chunks.
private struct CompletionChoiceDocument: ~Escapable {
    private let bytes: Span<UInt8>
    private(set) var index = -1
    private var text = 0..<0
    private var logprobs: Range<Int>?
    private var hasLogprobs = false
    private var finishReason = 0..<0
    private var members = JSONText()
    private var lastMembers = JSONText()

    /// Reads the choice. Throws where something has no place in chunks.
    @_lifetime(copy bytes)
    init(_ bytes: Span<UInt8>) throws(AnswerFlaw) {
        self.bytes = bytes
        var cursor = AnswerCursor(bytes)
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("text", in: bytes) {
                text = try cursor.string().range
            } else if key.equals("index", in: bytes) {
                index = try cursor.integer()
            } else if key.equals("finish_reason", in: bytes) {
                finishReason = try cursor.skip()
            } else if key.equals("logprobs", in: bytes) {
                hasLogprobs = true
                if try !cursor.isNull() { logprobs = try cursor.skip() }
            } else if ChatChoice.rule(key, bytes) == .everywhere {
                if try !cursor.isNull() { try members.member(key, &cursor) }
            } else {
                try lastMembers.member(key, &cursor)
            }
        }
        guard !finishReason.isEmpty, members.bytes.count <= ChunkWriter.memberBytesMax else { throw .unsupported }
    }

    /// Writes the chunks of the choice: its text in pieces, or with its log probabilities in one; and its end.
    func write(isFirst: Bool, isLast: Bool, _ chunks: borrowing ChunkWriter, into events: inout EventWriter) {
        var end = JSONText()
        end.write("\"")
        if hasLogprobs { end.write(",\"logprobs\":") }
        if let logprobs {
            end.raw(bytes.extracting(logprobs))
        } else if hasLogprobs {
            end.write("null")
        }
        end.write(",\"finish_reason\":null")
        end.raw(members.bytes.span)
        end.write("}")
        writeText(end, isFirst: isFirst, chunks, into: &events)
        var closing = begin()
        closing.write("\"")
        if hasLogprobs { closing.write(",\"logprobs\":null") }
        closing.write(",\"finish_reason\":")
        closing.raw(bytes.extracting(finishReason))
        closing.raw(members.bytes.span)
        closing.raw(lastMembers.bytes.span)
        closing.write("}")
        chunks.write(closing, isLast: isLast, into: &events)
    }

    private func writeText(
        _ end: JSONText, isFirst: Bool, _ chunks: borrowing ChunkWriter, into events: inout EventWriter
    ) {
        let raw = bytes.extracting(text)
        // What is said in the first chunk alone is said there.
        let length = logprobs == nil ? EventWriter.pieceEnd(raw, 0) : raw.count
        let first = chunks.frame(begin(), end, isFirst: isFirst)
        events.write(first.before.span, raw.extracting(0..<length), first.after.span)
        guard length < raw.count else { return }
        let frame = chunks.frame(begin(), end)
        EventWriter.pieces(of: raw.extracting(length..<raw.count)) { piece in
            events.write(frame.before.span, piece, frame.after.span)
        }
    }

    /// Begins a chunk's choice, up to its text.
    private func begin() -> JSONText {
        var json = JSONText()
        json.write("{\"index\":", index)
        json.write(",\"text\":\"")
        return json
    }
}
