/// Anthropic's answer to `count_tokens`: one number. It has no stream.
enum CountDocument: DocumentForm {
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts {
        let members = try DocumentMembers(document)
        if members.value("error", in: document) != nil { throw .error }
        guard members.count("input_tokens", in: document) != nil else { throw .malformed }
        return DocumentFacts()
    }

    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }
}
