/// How content is coded for transport (RFC 9110 8.4.1), as far as leo can undo it.
public enum ContentCoding: Equatable, Sendable, CaseIterable {
    /// `gzip` and `x-gzip` (RFC 1952).
    case gzip
    /// `deflate`: the zlib format (RFC 1950).
    case deflate
    /// `deflate` as some programs take it: without zlib's header and check (RFC 1951). Its first bytes tell.
    case rawDeflate
    /// `br` (RFC 7932).
    case brotli
    /// `zstd` (RFC 8878), with a window of 8 MB at most (RFC 9659).
    case zstandard

    /// The most codings on top of each other. Nobody is known to send two; each more would be another window in memory.
    public static let countMax = 2

    /// The codings that a message's Content-Encoding lists, in the order in which they were applied; empty for none.
    ///
    /// `bytes` are those that the complete `head` was parsed from. `identity` counts for nothing.
    public static func list(of head: HTTP1Head, in bytes: Span<UInt8>) throws(ContentCodingError) -> [ContentCoding] {
        var codings: [ContentCoding] = []
        for field in head.fields where field.known == .contentEncoding {
            var elements = HTTP1List(field.value)
            while let element = elements.next(bytes) {
                if ASCII.equalsToken(bytes, element, "identity") { continue }
                guard let coding = ContentCoding(recognizing: bytes, element) else { throw .codingUnknown }
                guard codings.count < countMax else { throw .tooManyCodings }
                codings.append(coding)
            }
        }
        return codings
    }

    private init?(recognizing bytes: Span<UInt8>, _ name: Range<Int>) {
        if ASCII.equalsToken(bytes, name, "gzip") || ASCII.equalsToken(bytes, name, "x-gzip") {
            self = .gzip
        } else if ASCII.equalsToken(bytes, name, "deflate") {
            self = .deflate
        } else if ASCII.equalsToken(bytes, name, "br") {
            self = .brotli
        } else if ASCII.equalsToken(bytes, name, "zstd") {
            self = .zstandard
        } else {
            return nil
        }
    }
}

/// Why leo does not see the text of coded content.
public enum ContentCodingError: Error, Equatable, Sendable, CaseIterable {
    /// A coding that leo does not know.
    case codingUnknown
    /// More than ``ContentCoding/countMax`` codings.
    case tooManyCodings
    /// The bytes are not in the coding that they are said to be in, or their check is wrong.
    case malformed
    /// The content ends before its coding does.
    case truncated
    /// The coding ends before the content does.
    case trailingBytes
    /// The coding asks for a larger window than leo gives.
    case windowTooLarge
    /// The text is larger than allowed.
    case tooLarge
    /// The text is so much larger than the content that this is its purpose.
    case bomb
    /// A library could not get memory.
    case outOfMemory

    /// The reason in leo's own words; it never contains bytes of the content.
    public var explanation: String {
        switch self {
        case .codingUnknown: "Content-Encoding names a coding that is not known"
        case .tooManyCodings: "Content-Encoding names more than two codings"
        case .malformed: "the content is not in its coding"
        case .truncated: "the content ends in the middle of its coding"
        case .trailingBytes: "bytes follow after the end of the coding"
        case .windowTooLarge: "the coding needs a larger window than allowed"
        case .tooLarge: "the decoded content is larger than allowed"
        case .bomb: "the decoded content is out of proportion to the content"
        case .outOfMemory: "no memory to decode the content"
        }
    }
}
