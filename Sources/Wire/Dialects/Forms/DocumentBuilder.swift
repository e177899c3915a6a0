/// Puts the document of one dialect together from the events of a stream.
///
/// Strings are joined as they stand between their quotation marks: pieces of valid JSON strings in a row are one.
protocol DocumentBuilder {
    /// Takes one whole event. `type` is the event's name, empty where there is none; `data` is its JSON, or a word like
    /// `[DONE]`. Whatever it does not know is a flaw, as is whatever breaks the order of events.
    ///
    /// The data was found to be valid JSON without equal keys in one object, or the word `[DONE]`.
    mutating func take(type: Span<UInt8>, data: Span<UInt8>) throws(AnswerFlaw)
    /// The stream is over: the document, if the stream came to its proper end. Finish reasons are judged by the
    /// dialect's `DocumentForm.judge`, not here.
    mutating func finish() throws(AnswerFlaw) -> [UInt8]
    /// How many bytes of the answer it holds.
    var byteCount: Int { get }
}

/// What one dialect's documents are: judges them, and gives them as streams.
protocol DocumentForm {
    /// Whether the document is a complete, successful answer that may be kept. It is valid JSON without equal keys.
    static func judge(_ document: Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts
    /// Writes the document as its dialect's events; false: something in it has no place there, and `events` is not to
    /// be used.
    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool
    /// Whether the document says all that one does which the provider sends as such. What a stream was never asked to
    /// tell is missing in the document made of it.
    static func isWhole(_ document: Span<UInt8>) -> Bool
}

extension DocumentForm {
    static func stream(_ document: Span<UInt8>, tellsUsage: Bool, into events: inout EventWriter) -> Bool { false }

    static func isWhole(_ document: Span<UInt8>) -> Bool { true }
}
