// Field lines (RFC 9112 5) and what the fields about framing and connection mean (RFC 9112 6, RFC 9110 7.6.1).
extension HTTP1Head {
    /// More options than any client sends; each is compared with each field.
    static let connectionOptionCountMax = 32

    /// Parses one field line or the blank line if it is complete, and moves `lineStart` behind it.
    @inline(__always)
    mutating func parseFieldLine(_ bytes: Span<UInt8>, _ end: Int) throws(HTTP1Error) -> Line {
        let start = lineStart
        var index = start
        while index < end, ASCII.isToken(bytes[index]) { index += 1 }
        guard index < end else {
            stoppedIn = .token
            return .incomplete
        }
        guard index > start, bytes[index] == ASCII.colon else { return try parseUnusualLine(bytes, start, index, end) }
        let name = start..<index

        index += 1
        while index < end, ASCII.isBlank(bytes[index]) { index += 1 }
        let valueStart = index
        let lineEnd = ASCII.firstControl(bytes, from: index, to: end)
        guard lineEnd < end else {
            stoppedIn = .value
            return .incomplete
        }
        guard let next = try Self.nextLine(bytes, lineEnd, end, otherwise: .fieldValue) else { return .incomplete }
        var valueEnd = lineEnd
        while valueEnd > valueStart, ASCII.isBlank(bytes[valueEnd - 1]) { valueEnd -= 1 }

        guard fields.count < Self.fieldCountMax else { throw .headTooLarge }
        let known = HTTP1FieldName(recognizing: bytes, name)
        if known == .other, HTTP1FieldName.imitatesFraming(bytes, name) { throw .malformed(.framingImitation) }
        let isCanonical =
            valueStart == name.upperBound + 2 && bytes[name.upperBound + 1] == ASCII.space && valueEnd == lineEnd
        // At once for what most messages have, instead of growing into it from one.
        if fields.isEmpty { fields.reserveCapacity(Self.fieldCountUsual) }
        fields.append(HTTP1Field(known: known, name: name, value: valueStart..<valueEnd, isCanonical: isCanonical))
        lineStart = next
        try note(known, bytes, valueStart..<valueEnd)
        return .field
    }

    /// The blank line, or the mistake in a line whose name ends at `index` without a colon.
    private mutating func parseUnusualLine(
        _ bytes: Span<UInt8>, _ start: Int, _ index: Int, _ end: Int
    ) throws(HTTP1Error) -> Line {
        let byte = bytes[index]
        guard index == start else { throw .malformed(ASCII.isBlank(byte) ? .spaceBeforeColon : .fieldName) }
        if ASCII.isBlank(byte) { throw .malformed(.foldedLine) }
        guard let next = try Self.nextLine(bytes, index, end, otherwise: .fieldName) else { return .incomplete }
        lineStart = next
        return .blank
    }

    /// Takes notice of a field that says something about framing or connection.
    @inline(__always)
    private mutating func note(
        _ known: HTTP1FieldName, _ bytes: Span<UInt8>, _ value: Range<Int>
    ) throws(HTTP1Error) {
        switch known {
        case .contentLength: try noteContentLength(bytes, value)
        case .transferEncoding: try noteTransferEncoding(bytes, value)
        case .host: try noteHost(bytes, value)
        case .connection: try noteConnection(bytes, value)
        case .te: noteTE(bytes, value)
        case .upgrade: facts.hasUpgrade = true
        case .expect: try noteExpect(bytes, value)
        case .acceptEncoding, .apiKey, .apimRequestID, .authorization, .contentEncoding, .contentType, .cookie, .date,
            .keepAlive, .other, .proxyAuthenticate, .proxyAuthorization, .proxyConnection, .requestID, .retryAfter,
            .secWebSocketAccept, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketVersion, .setCookie,
            .traceparent,
            .trailer, .userAgent, .xAmznRequestID, .xAPIKey, .xGoogAPIKey, .xRequestID:
            break
        }
    }

    private mutating func noteContentLength(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTP1Error) {
        if facts.isChunked { throw .malformed(.twoFramings) }
        if facts.contentLength != nil { throw .malformed(.contentLengthRepeated) }
        guard !value.isEmpty else { throw .malformed(.contentLength) }
        var length: UInt64 = 0
        for index in value {
            guard ASCII.isDigit(bytes[index]) else { throw .malformed(.contentLength) }
            let (tenfold, overflows) = length.multipliedReportingOverflow(by: 10)
            let (sum, carries) = tenfold.addingReportingOverflow(UInt64(bytes[index] & 0x0f))
            if overflows || carries { throw .malformed(.contentLength) }
            length = sum
        }
        guard length <= UInt64(Int64.max) else { throw .malformed(.contentLength) }
        facts.contentLength = length
    }

    private mutating func noteTransferEncoding(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTP1Error) {
        if facts.contentLength != nil { throw .malformed(.twoFramings) }
        // A 1.0 sender does not know the field, so whoever wrote it is not who sent the content (RFC 9112 6.1).
        if minorVersion == 0 { throw .malformed(.transferEncodingVersion) }
        guard !facts.isChunked, value.count == 7, ASCII.equalsToken(bytes, value, "chunked") else {
            throw .transferCodingUnsupported
        }
        facts.isChunked = true
    }

    private mutating func noteHost(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTP1Error) {
        guard kind == .request else { return }
        if facts.host != nil { throw .malformed(.hostRepeated) }
        guard Authority.layout(of: bytes.extracting(value)) != nil else { throw .malformed(.hostValue) }
        facts.host = value
    }

    private mutating func noteTE(_ bytes: Span<UInt8>, _ value: Range<Int>) {
        var elements = HTTP1List(value)
        while let element = elements.next(bytes) {
            if ASCII.equalsToken(bytes, element, "trailers") { facts.acceptsTrailers = true }
        }
    }

    private mutating func noteExpect(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTP1Error) {
        guard kind == .request, minorVersion >= 1 else { return }
        guard ASCII.equalsToken(bytes, value, "100-continue") else { throw .expectationFailed }
        facts.expectsContinue = true
    }

    private mutating func noteConnection(_ bytes: Span<UInt8>, _ value: Range<Int>) throws(HTTP1Error) {
        var elements = HTTP1List(value)
        while let option = elements.next(bytes) {
            facts.optionCount += 1
            guard facts.optionCount <= Self.connectionOptionCountMax else { throw .malformed(.connectionOptions) }
            for index in option where !ASCII.isToken(bytes[index]) { throw .malformed(.connectionOptions) }
            if ASCII.equalsToken(bytes, option, "close") {
                facts.options.insert(.close)
            } else if ASCII.equalsToken(bytes, option, "keep-alive") {
                facts.options.insert(.keepAlive)
            } else if ASCII.equalsToken(bytes, option, "upgrade") {
                facts.options.insert(.upgrade)
            } else {
                // Whoever could take Content-Length or Host away from a request would change what it means.
                let named = HTTP1FieldName(recognizing: bytes, option)
                if named.isMessageControl { throw .malformed(.connectionOptions) }
                if !named.isHopByHop { facts.options.insert(.names) }
            }
        }
    }

    // MARK: - The blank line

    /// Judges the head as a whole.
    mutating func finish(_ bytes: Span<UInt8>) throws(HTTP1Error) {
        switch kind {
        case .request: try finishRequest(bytes)
        case .response: try finishResponse()
        }
        if facts.options.contains(.names) { markNamedFields(bytes) }
    }

    private mutating func finishRequest(_ bytes: Span<UInt8>) throws(HTTP1Error) {
        switch target {
        case .origin, .asterisk:
            // HTTP/1.0 allows a request without Host, but leo could not name the server in its own request.
            if facts.host == nil { throw .malformed(.hostMissing) }
        case .authority:
            // A CONNECT is judged by its target alone; some clients send no Host with it, and some the proxy's own.
            break
        case .absolute(let scheme, let authority, _):
            if let host = facts.host {
                let port: UInt16 = scheme.count == 5 ? 443 : 80
                guard Authority.equal(bytes.extracting(host), bytes.extracting(authority), defaultPort: port) else {
                    throw .malformed(.targetContradictsHost)
                }
            } else if minorVersion >= 1 {
                throw .malformed(.hostMissing)
            }
        }
        if facts.isChunked {
            requestFraming = .chunked
        } else if let length = facts.contentLength {
            requestFraming = .length(length)
        } else {
            requestFraming = .none
        }
        if method == .connect {
            // What follows belongs to the tunnel (RFC 9110 9.3.6), so a length would be a second opinion on it.
            if facts.isChunked || facts.contentLength ?? 0 > 0 { throw .malformed(.contentForbidden) }
            requestFraming = .none
        }
    }

    private func finishResponse() throws(HTTP1Error) {
        guard status < 200 || status == 204 else { return }
        if facts.isChunked || facts.contentLength ?? 0 > 0 { throw .malformed(.contentForbidden) }
    }

    /// Marks the fields that Connection names, so that they stay on this connection.
    private mutating func markNamedFields(_ bytes: Span<UInt8>) {
        for field in fields where field.known == .connection {
            var elements = HTTP1List(field.value)
            while let option = elements.next(bytes) {
                for index in fields.indices where ASCII.equalTokens(bytes, option, fields[index].name) {
                    fields[index].isEndToEnd = false
                }
            }
        }
    }
}

/// Walks the elements of a comma-separated list (RFC 9110 5.6.1); empty elements are skipped.
struct HTTP1List {
    private var rest: Range<Int>

    init(_ value: Range<Int>) { rest = value }

    mutating func next(_ bytes: Span<UInt8>) -> Range<Int>? {
        while !rest.isEmpty {
            var index = rest.lowerBound
            while index < rest.upperBound, bytes[index] != UInt8(ascii: ",") { index += 1 }
            var start = rest.lowerBound
            var end = index
            rest = min(index + 1, rest.upperBound)..<rest.upperBound
            while start < end, ASCII.isBlank(bytes[start]) { start += 1 }
            while end > start, ASCII.isBlank(bytes[end - 1]) { end -= 1 }
            if start < end { return start..<end }
        }
        return nil
    }
}

extension ASCII {
    /// Whether a token is `literal`, lower-case, in any case.
    static func equalsToken(_ bytes: Span<UInt8>, _ range: Range<Int>, _ literal: StaticString) -> Bool {
        guard range.count == literal.utf8CodeUnitCount else { return false }
        for offset in 0..<range.count {
            let wanted = unsafe literal.utf8Start[offset]
            if lowercased(bytes[range.lowerBound + offset]) != wanted { return false }
        }
        return true
    }

    /// Whether two tokens are the same in any case.
    static func equalTokens(_ bytes: Span<UInt8>, _ one: Range<Int>, _ other: Range<Int>) -> Bool {
        guard one.count == other.count else { return false }
        for offset in 0..<one.count
        where lowercased(bytes[one.lowerBound + offset]) != lowercased(bytes[other.lowerBound + offset]) {
            return false
        }
        return true
    }
}
