/// Why an answer is not kept. The raw value is the word that the access log has for it.
public enum AnswerFlaw: String, Error, Sendable, CaseIterable {
    /// It ended without its dialect's last word, or its document ends too early.
    case incomplete
    /// It tells of an error, also within a 200.
    case error
    /// It came to the limit on its output: `length`, `max_tokens`, and the like.
    case length
    /// The provider's filter has kept something back, or all of it.
    case filtered
    /// The model refuses.
    case refusal
    /// Its end has another reason than a stop or the use of a tool, or none.
    case unfinished
    /// It holds an event, or a member of one, that leo does not know: what it means cannot be kept.
    case unknownEvent = "unknown_event"
    /// It is not what its dialect's answers are: no JSON, a key twice, an index out of order.
    case malformed
    /// It is larger than what is kept.
    case tooLarge = "too_large"
    /// leo keeps no such answers.
    case unsupported
}
