/// How the end of a message's content is found (RFC 9112 6.3).
public enum HTTP1Framing: Equatable, Sendable {
    /// There is no content.
    case none
    /// This many bytes; below 2^63.
    case length(UInt64)
    /// Chunks up to the one of size zero, then trailers.
    case chunked
    /// Everything until the connection closes; only answers have this.
    case untilClose
}

/// How a relayed message says where its content ends.
public enum HTTP1FramingOut: Equatable, Sendable {
    /// The way it was received.
    case asReceived
    /// Without Content-Length and with `Transfer-Encoding: chunked`.
    case chunked
    /// Without either field: the close of the connection ends it.
    case untilClose
}

/// A request method (RFC 9110 9); names are case-sensitive.
public enum HTTP1Method: Equatable, Sendable, CaseIterable {
    /// GET.
    case get
    /// HEAD.
    case head
    /// POST.
    case post
    /// PUT.
    case put
    /// PATCH.
    case patch
    /// DELETE.
    case delete
    /// OPTIONS.
    case options
    /// CONNECT.
    case connect
    /// TRACE.
    case trace
    /// Any other token; ``HTTP1Head/methodName`` has it.
    case other

    init(recognizing bytes: Span<UInt8>, _ name: Range<Int>) {
        let start = name.lowerBound
        switch name.count {
        case 3:
            self = ASCII.equal(bytes, start, "GET") ? .get : ASCII.equal(bytes, start, "PUT") ? .put : .other
        case 4:
            self = ASCII.equal(bytes, start, "POST") ? .post : ASCII.equal(bytes, start, "HEAD") ? .head : .other
        case 5:
            self = ASCII.equal(bytes, start, "PATCH") ? .patch : ASCII.equal(bytes, start, "TRACE") ? .trace : .other
        case 6:
            self = ASCII.equal(bytes, start, "DELETE") ? .delete : .other
        case 7:
            self =
                ASCII.equal(bytes, start, "CONNECT")
                ? .connect : ASCII.equal(bytes, start, "OPTIONS") ? .options : .other
        default: self = .other
        }
    }
}

/// The target of a request in one of its four forms (RFC 9112 3.2); ranges lie in the bytes of the head.
public enum HTTP1Target: Equatable, Sendable {
    /// `/path?query`; `path` stops before the `?`.
    case origin(path: Range<Int>, whole: Range<Int>)
    /// `https://authority/path?query`; `rest` starts at the path or at `?`, and may be empty.
    case absolute(scheme: Range<Int>, authority: Range<Int>, rest: Range<Int>)
    /// `host:port`, of a CONNECT.
    case authority(Range<Int>)
    /// `*`, of an OPTIONS.
    case asterisk
}

/// One field line of a head; ranges lie in the bytes of the head.
public struct HTTP1Field: Sendable, Equatable {
    /// The name, if it is one that leo knows.
    public let known: HTTP1FieldName
    /// Whether the line is byte for byte `Name: value CRLF`, so it can be relayed by copying.
    let isCanonical: Bool
    /// Whether the field is for the next server and not for this connection only.
    var isEndToEnd: Bool

    // A head is far smaller than 4 GiB, so 32 bits will do: twenty fields fit in 400 bytes.
    private let nameStart: UInt32
    private let nameEnd: UInt32
    private let valueStart: UInt32
    private let valueEnd: UInt32

    /// The name as sent.
    public var name: Range<Int> { Int(nameStart)..<Int(nameEnd) }
    /// The value as sent, without white space around it.
    public var value: Range<Int> { Int(valueStart)..<Int(valueEnd) }

    init(known: HTTP1FieldName, name: Range<Int>, value: Range<Int>, isCanonical: Bool) {
        self.known = known
        self.isCanonical = isCanonical
        isEndToEnd = !known.isHopByHop
        nameStart = UInt32(truncatingIfNeeded: name.lowerBound)
        nameEnd = UInt32(truncatingIfNeeded: name.upperBound)
        valueStart = UInt32(truncatingIfNeeded: value.lowerBound)
        valueEnd = UInt32(truncatingIfNeeded: value.upperBound)
    }
}
