/// The answers of `embedContent` and `batchEmbedContents`.
enum GeminiEmbeddingDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.value("error", in: document) != nil { throw .error }
        var embeddings = try members.value("embeddings", in: document)?.elements(in: document) ?? []
        if let embedding = members.value("embedding", in: document) { embeddings.append(embedding) }
        guard !embeddings.isEmpty else { throw .incomplete }
        for embedding in embeddings {
            let values = try embedding.members(in: document).need("values", in: document)
            guard values.kind == .array else { throw .malformed }
            try values.judgeVector(in: document)
        }
        return DocumentFacts()
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }
}

/// The answers of `countTokens` and `computeTokens`.
enum GeminiCountDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.value("error", in: document) != nil { throw .error }
        if let tokens = members.value("tokensInfo", in: document) {
            guard try !tokens.elements(in: document).isEmpty else { throw .incomplete }
        } else {
            guard let count = members.value("totalTokens", in: document) else { throw .incomplete }
            _ = try count.count(in: document)
        }
        return DocumentFacts()
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }
}
