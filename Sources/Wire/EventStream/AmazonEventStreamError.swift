/// Why bytes are no messages of an Amazon event stream.
public enum AmazonEventStreamError: Error, Equatable, Sendable, CaseIterable {
    /// The lengths of a message contradict each other.
    case lengthInvalid
    /// The check over the two lengths is wrong.
    case preludeChecksumWrong
    /// The check over the whole message is wrong.
    case messageChecksumWrong
    /// The headers go beyond their length, or have a type that does not exist.
    case headersMalformed
    /// Two headers of a message have one name.
    case headerTwice

    /// The reason in leo's own words; it never contains bytes of the stream.
    public var explanation: String {
        switch self {
        case .lengthInvalid: "the lengths of a message contradict each other"
        case .preludeChecksumWrong: "the check over a message's lengths is wrong"
        case .messageChecksumWrong: "the check over a message is wrong"
        case .headersMalformed: "the headers of a message are malformed"
        case .headerTwice: "a message has a header twice"
        }
    }
}
