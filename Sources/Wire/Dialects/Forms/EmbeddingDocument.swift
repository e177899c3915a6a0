/// The vectors that texts are embedded in (OpenAI's `list` of `embedding`s), also as those have it who follow OpenAI.
enum EmbeddingDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        var count = 0
        var cursor = AnswerCursor(document)
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("error", in: document) {
                guard try cursor.isNull() else { throw .error }
            } else if key.equals("object", in: document) {
                if try cursor.isText("error") { throw .error }
            } else if key.equals("data", in: document) {
                try cursor.elements { (cursor) throws(AnswerFlaw) in
                    try judgeItem(&cursor, place: count)
                    count += 1
                }
            }
        }
        try cursor.end()
        guard count > 0 else { throw .malformed }
        return DocumentFacts()
    }

    private static func judgeItem(_ cursor: inout AnswerCursor, place: Int) throws(AnswerFlaw) {
        let bytes = cursor.bytes
        var hasVector = false
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("embedding", in: bytes) {
                hasVector = true
                try judgeVector(&cursor)
            } else if key.equals("index", in: bytes) {
                guard try cursor.integer() == place else { throw .malformed }
            }
        }
        guard hasVector else { throw .malformed }
    }

    /// Makes sure that the value in front of the cursor is a vector: numbers, the bytes of numbers in base64, or one
    /// vector for each token as some models have it; and not empty.
    static func judgeVector(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        if try cursor.kind() == .string {
            guard try !cursor.string().range.isEmpty else { throw .malformed }
            return
        }
        var count = 0
        try cursor.elements { (cursor) throws(AnswerFlaw) in
            count += 1
            if try cursor.kind() == .array {
                try cursor.elements { (cursor) throws(AnswerFlaw) in try passNumber(&cursor) }
            } else {
                try passNumber(&cursor)
            }
        }
        guard count > 0 else { throw .malformed }
    }

    private static func passNumber(_ cursor: inout AnswerCursor) throws(AnswerFlaw) {
        guard try cursor.kind() == .number else { throw .malformed }
        try cursor.skip()
    }
}

/// What a moderation or a classification found, one result for each input (OpenAI's and Mistral's).
enum ModerationDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        var count = 0
        var cursor = AnswerCursor(document)
        try cursor.members { (cursor, key) throws(AnswerFlaw) in
            if key.equals("error", in: document) {
                guard try cursor.isNull() else { throw .error }
            } else if key.equals("object", in: document) {
                if try cursor.isText("error") { throw .error }
            } else if key.equals("results", in: document) {
                try cursor.elements { (cursor) throws(AnswerFlaw) in
                    var memberCount = 0
                    try cursor.members { (_, _) throws(AnswerFlaw) in memberCount += 1 }
                    guard memberCount > 0 else { throw .malformed }
                    count += 1
                }
            }
        }
        try cursor.end()
        guard count > 0 else { throw .malformed }
        return DocumentFacts()
    }
}
