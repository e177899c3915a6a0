/// Why bytes are refused as HTTP/1: the closed set of answers that a refusal can lead to.
///
/// For a request each case has a status of its own; a response that throws any of these is a bad answer.
public enum HTTP1Error: Error, Equatable, Sendable {
    /// The bytes are not a message by RFC 9112, or one that two readers could cut in two ways.
    case malformed(HTTP1Flaw)
    /// The head has more bytes than allowed, or more than ``HTTP1Head/fieldCountMax`` fields.
    case headTooLarge
    /// A well-formed version other than HTTP/1.0 and HTTP/1.1.
    case versionUnsupported
    /// A transfer coding other than a single `chunked` (RFC 9112 6.1).
    case transferCodingUnsupported
    /// `Expect` asks for something else than `100-continue` (RFC 9110 10.1.1).
    case expectationFailed

    /// The status that answers a request with this error.
    public var status: Int {
        switch self {
        case .malformed: 400
        case .headTooLarge: 431
        case .versionUnsupported: 505
        case .transferCodingUnsupported: 501
        case .expectationFailed: 417
        }
    }

    /// The reason in leo's own words; it never contains bytes of the message.
    public var explanation: String {
        switch self {
        case .malformed(let flaw): flaw.explanation
        case .headTooLarge: "the head has more bytes or more fields than allowed"
        case .versionUnsupported: "the HTTP version is neither 1.0 nor 1.1"
        case .transferCodingUnsupported: "Transfer-Encoding is something else than a single chunked"
        case .expectationFailed: "Expect asks for something else than 100-continue"
        }
    }
}

/// What exactly is wrong with a malformed message.
public enum HTTP1Flaw: Equatable, Sendable, CaseIterable {
    // Lines.
    /// A line ends in LF without CR before it.
    case bareLineFeed
    /// A CR without LF after it.
    case bareCarriageReturn
    /// The first line has another shape than `METHOD SP target SP HTTP/1.x`.
    case requestLine
    /// The method is no token.
    case method
    /// The version is not `HTTP/` digit `.` digit.
    case version
    /// The first line of an answer has another shape than `HTTP/1.x SP 3DIGIT [SP reason]`.
    case statusLine

    // Target.
    /// The target holds a byte that must be percent-encoded, or a fragment.
    case targetByte
    /// The target is in none of the four forms, or in one that its method does not have (RFC 9112 3.2).
    case targetForm
    /// The target of a CONNECT is not `host:port`.
    case connectTarget
    /// The authority of an absolute target is not `host[:port]`; user names count as such.
    case targetAuthority
    /// The authority of an absolute target and `Host` name different servers.
    case targetContradictsHost

    // Fields.
    /// A line that continues the one before it (obs-fold), or starts the fields with white space.
    case foldedLine
    /// A field name is empty or holds a byte that no token has, or the line has no colon.
    case fieldName
    /// White space between a field name and its colon.
    case spaceBeforeColon
    /// A control character in a field value.
    case fieldValue
    /// A name that some servers read as Content-Length or Transfer-Encoding, such as `Transfer_Encoding`.
    case framingImitation
    /// No `Host`.
    case hostMissing
    /// More than one `Host`.
    case hostRepeated
    /// `Host` is not `host[:port]`.
    case hostValue
    /// `Connection` is no list of tokens, is too long a list, or names a field that is not the connection's.
    case connectionOptions

    // Framing.
    /// Content-Length is not one decimal number below 2^63.
    case contentLength
    /// More than one Content-Length.
    case contentLengthRepeated
    /// Content-Length and Transfer-Encoding together.
    case twoFramings
    /// Transfer-Encoding in HTTP/1.0, where it does not exist.
    case transferEncodingVersion
    /// Content on a message that cannot have any: CONNECT, 1xx, 204.
    case contentForbidden

    // Chunks.
    /// A chunk size is not 1 to 16 hexadecimal digits for less than 2^63.
    case chunkSize
    /// A chunk extension is not by RFC 9112 7.1.1, or there is too much of them.
    case chunkExtension
    /// The data of a chunk is not followed by CRLF.
    case chunkEnd
    /// A trailer field is malformed or of a kind that trailers cannot have, or there is too much of them.
    case trailer

    /// The reason in leo's own words.
    public var explanation: String {
        switch self {
        case .bareLineFeed: "a line ends in a bare LF"
        case .bareCarriageReturn: "a CR that ends no line"
        case .requestLine: "the first line is not METHOD target HTTP/1.x"
        case .method: "the method is not a token"
        case .version: "the version is not HTTP/1.x"
        case .statusLine: "the first line is not HTTP/1.x and a status of three digits"
        case .targetByte: "the request target holds a byte that must be percent-encoded"
        case .targetForm: "the request target is in a form that the method does not have"
        case .connectTarget: "the CONNECT target is not host:port"
        case .targetAuthority: "the request target's authority is not host[:port]"
        case .targetContradictsHost: "the request target and Host name different servers"
        case .foldedLine: "a field line starts with white space"
        case .fieldName: "a field line has no valid name and colon"
        case .spaceBeforeColon: "white space before the colon of a field"
        case .fieldValue: "a control character in a field value"
        case .framingImitation: "a field name imitates Content-Length or Transfer-Encoding"
        case .hostMissing: "Host is missing"
        case .hostRepeated: "more than one Host"
        case .hostValue: "Host is not host[:port]"
        case .connectionOptions: "Connection is not a short list of connection options"
        case .contentLength: "Content-Length is not a decimal number"
        case .contentLengthRepeated: "more than one Content-Length"
        case .twoFramings: "Content-Length and Transfer-Encoding together"
        case .transferEncodingVersion: "Transfer-Encoding in HTTP/1.0"
        case .contentForbidden: "content is announced where there cannot be any"
        case .chunkSize: "a chunk size is not a hexadecimal number"
        case .chunkExtension: "a chunk extension is malformed or too long"
        case .chunkEnd: "the data of a chunk is not followed by CRLF"
        case .trailer: "a trailer field is malformed, forbidden or too long"
        }
    }
}
