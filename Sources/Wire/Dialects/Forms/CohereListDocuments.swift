/// The answers of Cohere's embed: a list of vectors, or lists of them by their type.
enum CohereEmbedDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.tellsCohereError(in: document) { throw .error }
        guard let embeddings = members.value("embeddings", in: document) else { throw .incomplete }
        var counts: Set<Int> = []
        if embeddings.kind == .array {
            counts.insert(try embeddings.judgeVectors(in: document))
        } else {
            for type in try embeddings.members(in: document) where type.value.kind != .null {
                counts.insert(try type.value.judgeVectors(in: document))
            }
        }
        guard let count = counts.first else { throw .incomplete }
        guard counts.count == 1 else { throw .malformed }
        // The texts are given back; for images there are none.
        let texts = try members.value("texts", in: document)?.elements(in: document) ?? []
        guard texts.isEmpty || texts.count == count else { throw .malformed }
        return DocumentFacts()
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }
}

/// The answers of Cohere's rerank: documents' indexes with their relevance.
enum CohereRerankDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try FormValue.whole(document).members(in: document)
        if members.tellsCohereError(in: document) { throw .error }
        guard let list = members.value("results", in: document) else { throw .incomplete }
        let results = try list.elements(in: document)
        guard !results.isEmpty else { throw .incomplete }
        var indexes: Set<Int> = []
        for result in results {
            let members = try result.members(in: document)
            let index = try members.need("index", in: document).count(in: document)
            guard indexes.insert(index).inserted else { throw .malformed }
            guard try members.need("relevance_score", in: document).kind == .number else { throw .malformed }
        }
        return DocumentFacts()
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }
}

extension [FormMember] {
    /// Whether this is what Cohere says when something has failed: an object whose `message` is a text.
    func tellsCohereError(in bytes: Span<UInt8>) -> Bool {
        value("error", in: bytes) != nil || value("message", in: bytes)?.kind == .string
    }
}
