/// The fields of a message on their way to an HTTP/2 peer (RFC 9113 8.2 and 8.3): pseudo fields first, names in lower
/// case, the rest in the order in which they were received.
///
/// One array holds all names and values, so a list costs two allocations.
public struct HTTP2FieldList: Sendable, Equatable {
    /// Where one field lies in ``bytes``: its name, and right behind it its value.
    public struct Field: Sendable, Equatable {
        /// Where the name starts.
        public let nameStart: Int
        /// Where the name ends and the value starts.
        public let valueStart: Int
        /// Where the value ends.
        public let valueEnd: Int
        /// Whether no hop may put the field into a compression table (RFC 7541 7.1.3).
        public let isNeverIndexed: Bool
    }

    /// Names and values, one behind the other.
    public private(set) var bytes: [UInt8] = []
    /// The fields in order.
    public private(set) var fields: [Field] = []

    /// Makes an empty list.
    public init() {}

    /// The fields of a request that was received as `head` (RFC 9113 8.3.1).
    ///
    /// `bytes` are those that were parsed, and the head must be complete. `:authority` is what Host says, or the
    /// target's authority in a request without Host; `:path` is the target in origin form. Fields that belong to one
    /// connection are left out, but for `te: trailers`. Credentials are never indexed, nor is what came so. With
    /// `connectProtocol` the request becomes an extended CONNECT for a WebSocket (RFC 8441 4), which has no
    /// Sec-WebSocket-Key.
    public init(
        request head: HTTP1Head, from bytes: Span<UInt8>, scheme: StaticString, connectProtocol: Bool = false
    ) {
        reserve(for: head)
        if connectProtocol {
            append(":method", "CONNECT")
            append(":protocol", "websocket")
        } else {
            append(":method", bytes.extracting(head.methodName))
        }
        if connectProtocol || head.method != .connect {
            append(":scheme", scheme)
        }
        if let authority = head.authority { append(":authority", bytes.extracting(authority)) }
        if connectProtocol || head.method != .connect { appendPath(of: head, from: bytes) }
        for index in head.fields.indices {
            let field = head.fields[index]
            guard field.isEndToEnd, field.known != .host, field.known != .transferEncoding else { continue }
            if connectProtocol, field.known == .contentLength || field.known == .secWebSocketKey { continue }
            append(field, of: head, from: bytes, isSensitive: head.neverIndexedFields.contains(index))
        }
        if head.acceptsTrailers { append("te", "trailers") }
    }

    /// The fields of an answer that was received as `head` (RFC 9113 8.3.2), interim ones too.
    ///
    /// `status` takes the place of the head's own, for a 101 that becomes the 200 of an extended CONNECT (RFC 8441 5),
    /// which has no Sec-WebSocket-Accept.
    public init(answer head: HTTP1Head, from bytes: Span<UInt8>, status: Int? = nil) {
        reserve(for: head)
        let code = status ?? head.status
        var digits = [UInt8](repeating: 0, count: 3)
        digits[0] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: code / 100 % 10)
        digits[1] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: code / 10 % 10)
        digits[2] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: code % 10)
        append(":status", digits.span)
        for index in head.fields.indices {
            let field = head.fields[index]
            guard field.isEndToEnd, field.known != .transferEncoding else { continue }
            if head.status == 101, field.known == .secWebSocketAccept { continue }
            append(field, of: head, from: bytes, isSensitive: head.neverIndexedFields.contains(index))
        }
    }

    /// The fields of a trailer section given as `name: value CRLF` lines; nil if a line is something else.
    public init?(trailers lines: [UInt8]) {
        let bytes = lines.span
        var index = 0
        while index < bytes.count {
            let start = index
            while index < bytes.count, ASCII.isToken(bytes[index]) { index += 1 }
            guard index > start, index + 1 < bytes.count, bytes[index] == ASCII.colon else { return nil }
            let name = start..<index
            index += 1
            while index < bytes.count, ASCII.isBlank(bytes[index]) { index += 1 }
            let valueStart = index
            index = ASCII.firstControl(bytes, from: index, to: bytes.count)
            guard index + 1 < bytes.count, bytes[index] == ASCII.carriageReturn, bytes[index + 1] == ASCII.lineFeed
            else { return nil }
            var valueEnd = index
            while valueEnd > valueStart, ASCII.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }
            index += 2
            appendLowercased(bytes, name, valueStart..<valueEnd, isNeverIndexed: false)
        }
    }

    /// Adds a field of leo's own; `name` is lower case.
    public mutating func append(_ name: StaticString, _ value: StaticString) {
        let start = bytes.count
        append(literal: name)
        let valueStart = bytes.count
        append(literal: value)
        close(start, valueStart, isNeverIndexed: false)
    }

    /// Adds a field as it is: `name` must be lower case, and neither may hold a control character.
    public mutating func append(_ name: [UInt8], _ value: [UInt8], isNeverIndexed: Bool = false) {
        let start = bytes.count
        bytes += name
        let valueStart = bytes.count
        bytes += value
        close(start, valueStart, isNeverIndexed: isNeverIndexed)
    }

    // MARK: - Inside

    /// A cookie this short could be guessed byte by byte from how well it compresses (RFC 7541 7.1.3).
    static let cookieBytesIndexedMin = 20

    private mutating func reserve(for head: HTTP1Head) {
        bytes.reserveCapacity(head.byteCount + 64)
        fields.reserveCapacity(head.fields.count + 5)
    }

    private mutating func appendPath(of head: HTTP1Head, from source: Span<UInt8>) {
        let start = bytes.count
        append(literal: ":path")
        let valueStart = bytes.count
        switch head.target {
        case .origin(_, let whole): append(source.extracting(whole))
        case .asterisk: append(literal: "*")
        case .authority: append(literal: "/")
        case .absolute(_, _, let rest):
            if rest.isEmpty, head.method == .options {
                // The last proxy turns a target without path into the server as a whole (RFC 9112 3.2.4).
                append(literal: "*")
            } else {
                if rest.isEmpty || source[rest.lowerBound] != UInt8(ascii: "/") { append(literal: "/") }
                append(source.extracting(rest))
            }
        }
        close(start, valueStart, isNeverIndexed: false)
    }

    private mutating func append(
        _ field: HTTP1Field, of head: HTTP1Head, from source: Span<UInt8>, isSensitive: Bool
    ) {
        if field.known == .contentLength, let length = head.contentLength {
            let start = bytes.count
            append(literal: "content-length")
            let valueStart = bytes.count
            bytes.append(contentsOf: String(length).utf8)
            close(start, valueStart, isNeverIndexed: false)
            return
        }
        let isNeverIndexed = isSensitive || Self.isCredential(field.known, valueByteCount: field.value.count)
        appendLowercased(source, field.name, field.value, isNeverIndexed: isNeverIndexed)
    }

    private mutating func appendLowercased(
        _ source: Span<UInt8>, _ name: Range<Int>, _ value: Range<Int>, isNeverIndexed: Bool
    ) {
        let start = bytes.count
        for index in name { bytes.append(ASCII.lowercased(source[index])) }
        let valueStart = bytes.count
        append(source.extracting(value))
        close(start, valueStart, isNeverIndexed: isNeverIndexed)
    }

    private mutating func close(_ nameStart: Int, _ valueStart: Int, isNeverIndexed: Bool) {
        fields.append(
            Field(
                nameStart: nameStart, valueStart: valueStart, valueEnd: bytes.count, isNeverIndexed: isNeverIndexed))
    }

    private mutating func append(_ name: StaticString, _ value: Span<UInt8>) {
        let start = bytes.count
        append(literal: name)
        let valueStart = bytes.count
        append(value)
        close(start, valueStart, isNeverIndexed: false)
    }

    private mutating func append(literal: StaticString) {
        unsafe bytes.append(contentsOf: UnsafeBufferPointer(start: literal.utf8Start, count: literal.utf8CodeUnitCount))
    }

    private mutating func append(_ span: Span<UInt8>) {
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
    }

    private static func isCredential(_ name: HTTP1FieldName, valueByteCount: Int) -> Bool {
        switch name {
        case .apiKey, .authorization, .proxyAuthorization, .setCookie, .xAPIKey, .xGoogAPIKey: true
        case .cookie: valueByteCount < cookieBytesIndexedMin
        case .acceptEncoding, .apimRequestID, .connection, .contentEncoding, .contentLength, .contentType, .date,
            .expect, .host, .keepAlive, .other, .proxyAuthenticate, .proxyConnection, .requestID, .retryAfter,
            .secWebSocketAccept, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketVersion, .te,
            .traceparent, .trailer, .transferEncoding, .upgrade, .userAgent, .xAmznRequestID, .xRequestID:
            false
        }
    }
}

extension HTTP2FieldList {
    /// Whether the list is the head of an interim answer (RFC 9110 15.2): `:status` comes first and begins with 1.
    public var isInterim: Bool {
        guard let status = fields.first, bytes[0..<status.valueStart].elementsEqual(":status".utf8) else {
            return false
        }
        return status.valueEnd > status.valueStart && bytes[status.valueStart] == UInt8(ascii: "1")
    }

    /// Whether the list is the head of an extended CONNECT (RFC 8441 4).
    public var isExtendedConnect: Bool {
        // Pseudo fields come first, and there are five at most.
        fields.prefix(5).contains { bytes[$0.nameStart..<$0.valueStart].elementsEqual(":protocol".utf8) }
    }
}

extension HTTP1Head {
    /// Where the server that a request names stands: in Host, or in the target of a request without Host.
    var authority: Range<Int>? {
        if let host = facts.host { return host }
        return switch target {
        case .absolute(_, let authority, _), .authority(let authority): authority
        case .origin, .asterisk: nil
        }
    }

    /// Whether TE lists `trailers`.
    var acceptsTrailers: Bool { facts.acceptsTrailers }

    /// What Content-Length says.
    var contentLength: UInt64? { facts.contentLength }
}
