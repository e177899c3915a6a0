// The first line of a head (RFC 9112 3 and 4). Each byte is judged in order, so the verdict on a line does not depend
// on how much of what follows has arrived.
extension HTTP1Head {
    /// Parses the first line if it is complete, and moves `lineStart` behind it.
    mutating func parseFirstLine(_ bytes: Span<UInt8>, _ end: Int) throws(HTTP1Error) -> Bool {
        switch kind {
        case .request:
            if lineStart == 0, try !skipLeadingBlankLine(bytes, end) { return false }
            return try parseRequestLine(bytes, end)
        case .response:
            return try parseStatusLine(bytes, end)
        }
    }

    /// Skips one CRLF in front of a request, which some clients leave behind the content before (RFC 9112 2.2).
    private mutating func skipLeadingBlankLine(_ bytes: Span<UInt8>, _ end: Int) throws(HTTP1Error) -> Bool {
        guard end > 0 else { return false }
        guard bytes[0] == ASCII.carriageReturn else { return true }
        guard end > 1 else { return false }
        guard bytes[1] == ASCII.lineFeed else { throw .malformed(.bareCarriageReturn) }
        lineStart = 2
        return true
    }

    private mutating func parseRequestLine(_ bytes: Span<UInt8>, _ end: Int) throws(HTTP1Error) -> Bool {
        var index = lineStart
        while index < end, ASCII.isToken(bytes[index]) { index += 1 }
        guard index < end else { return stop(in: .token) }
        guard index > lineStart else { throw .malformed(.method) }
        guard bytes[index] == ASCII.space else {
            throw .malformed(Self.isLineEnd(bytes[index]) ? .requestLine : .method)
        }
        methodName = lineStart..<index

        let targetStart = index + 1
        index = targetStart
        var query = -1
        while index < end {
            let byte = bytes[index]
            guard Self.isTargetByte(byte) else { break }
            if byte == UInt8(ascii: "?"), query < 0 { query = index }
            index += 1
        }
        guard index < end else { return stop(in: .target) }
        guard bytes[index] == ASCII.space else {
            throw .malformed(Self.isLineEnd(bytes[index]) ? .requestLine : .targetByte)
        }
        guard index > targetStart else { throw .malformed(.requestLine) }
        targetText = targetStart..<index

        guard let lineEnd = try parseVersion(bytes, index + 1, end, terminator: .carriageReturn) else { return false }
        method = HTTP1Method(recognizing: bytes, methodName)
        try classifyTarget(bytes, pathEnd: query < 0 ? index : query)
        lineStart = lineEnd
        return true
    }

    private enum VersionTerminator { case carriageReturn, space }

    /// Checks `HTTP/1.x` and what follows it; nil if bytes are missing, else the index after the terminator.
    private mutating func parseVersion(
        _ bytes: Span<UInt8>, _ start: Int, _ end: Int, terminator: VersionTerminator
    ) throws(HTTP1Error) -> Int? {
        if terminator == .carriageReturn, end - start >= 10, ASCII.equal(bytes, start, "HTTP/1.1\r\n") {
            minorVersion = 1
            return start + 10
        }
        let prefix: StaticString = "HTTP/"
        for offset in 0..<5 {
            guard start + offset < end else { return nil }
            let wanted = unsafe prefix.utf8Start[offset]
            guard bytes[start + offset] == wanted else { throw .malformed(flaw(of: terminator, or: .version)) }
        }
        for offset in 5..<8 {
            guard start + offset < end else { return nil }
            let byte = bytes[start + offset]
            guard offset == 6 ? byte == UInt8(ascii: ".") : ASCII.isDigit(byte) else {
                throw .malformed(flaw(of: terminator, or: .version))
            }
        }
        guard start + 8 < end else { return nil }
        let after = bytes[start + 8]
        switch terminator {
        case .space:
            guard after == ASCII.space else { throw .malformed(.statusLine) }
        case .carriageReturn:
            guard after == ASCII.carriageReturn else {
                throw .malformed(after == ASCII.lineFeed ? .bareLineFeed : .requestLine)
            }
            guard start + 9 < end else { return nil }
            guard bytes[start + 9] == ASCII.lineFeed else { throw .malformed(.bareCarriageReturn) }
        }
        let minor = bytes[start + 7] - UInt8(ascii: "0")
        guard bytes[start + 5] == UInt8(ascii: "1"), minor < 2 else { throw .versionUnsupported }
        minorVersion = minor
        return start + (terminator == .space ? 9 : 10)
    }

    private func flaw(of terminator: VersionTerminator, or flaw: HTTP1Flaw) -> HTTP1Flaw {
        switch terminator {
        case .space: .statusLine
        case .carriageReturn: flaw
        }
    }

    private mutating func parseStatusLine(_ bytes: Span<UInt8>, _ end: Int) throws(HTTP1Error) -> Bool {
        guard let start = try parseVersion(bytes, lineStart, end, terminator: .space) else { return false }
        status = 0
        for offset in 0..<3 {
            guard start + offset < end else { return false }
            let byte = bytes[start + offset]
            guard ASCII.isDigit(byte) else { throw .malformed(.statusLine) }
            status = status * 10 + Int(byte & 0x0f)
        }
        guard status >= 100 else { throw .malformed(.statusLine) }
        var index = start + 3
        guard index < end else { return false }
        // The space is not optional (RFC 9112 4), but servers without a reason phrase leave it out too.
        let hasReason = bytes[index] == ASCII.space
        guard hasReason || Self.isLineEnd(bytes[index]) else { throw .malformed(.statusLine) }
        if hasReason { index += 1 }
        let lineEnd = ASCII.firstControl(bytes, from: index, to: end)
        guard lineEnd < end else { return stop(in: .value) }
        guard let next = try Self.nextLine(bytes, lineEnd, end, otherwise: .statusLine) else { return false }
        reason = index..<lineEnd
        lineStart = next
        return true
    }

    private mutating func stop(in part: Stop) -> Bool {
        stoppedIn = part
        return false
    }

    /// What a target is made of: visible ASCII without the fragment's mark. Some clients leave characters bare that
    /// RFC 3986 wants escaped; they cannot be misread here, so they pass.
    @inline(__always)
    static func isTargetByte(_ byte: UInt8) -> Bool { byte &- 0x21 < 0x5e && byte != UInt8(ascii: "#") }

    private static func isLineEnd(_ byte: UInt8) -> Bool { byte == ASCII.carriageReturn || byte == ASCII.lineFeed }

    /// The index after the CRLF at `index`; nil if bytes are missing.
    @inline(__always)
    static func nextLine(
        _ bytes: Span<UInt8>, _ index: Int, _ end: Int, otherwise flaw: HTTP1Flaw
    ) throws(HTTP1Error) -> Int? {
        guard index < end else { return nil }
        guard bytes[index] == ASCII.carriageReturn else {
            throw .malformed(bytes[index] == ASCII.lineFeed ? .bareLineFeed : flaw)
        }
        guard index + 1 < end else { return nil }
        guard bytes[index + 1] == ASCII.lineFeed else { throw .malformed(.bareCarriageReturn) }
        return index + 2
    }

    // MARK: - Target

    /// Decides which of the four forms the target has, and whether the method may have it (RFC 9112 3.2).
    private mutating func classifyTarget(_ bytes: Span<UInt8>, pathEnd: Int) throws(HTTP1Error) {
        if method == .connect {
            guard let layout = Authority.layout(of: bytes.extracting(targetText)), layout.port != nil else {
                throw .malformed(.connectTarget)
            }
            target = .authority(targetText)
            path = 0..<0
            return
        }
        let first = bytes[targetText.lowerBound]
        if first == UInt8(ascii: "/") {
            path = targetText.lowerBound..<pathEnd
            target = .origin(path: path, whole: targetText)
        } else if first == UInt8(ascii: "*"), targetText.count == 1 {
            guard method == .options else { throw .malformed(.targetForm) }
            path = 0..<0
            target = .asterisk
        } else {
            try classifyAbsoluteTarget(bytes, pathEnd: pathEnd)
        }
    }

    private mutating func classifyAbsoluteTarget(_ bytes: Span<UInt8>, pathEnd: Int) throws(HTTP1Error) {
        let start = targetText.lowerBound
        let text = bytes.extracting(targetText)
        let schemeLength: Int
        if text.hasPrefix(ignoringCase: "https://") {
            schemeLength = 5
        } else if text.hasPrefix(ignoringCase: "http://") {
            schemeLength = 4
        } else {
            throw .malformed(.targetForm)
        }
        let authorityStart = start + schemeLength + 3
        var authorityEnd = authorityStart
        while authorityEnd < pathEnd, bytes[authorityEnd] != UInt8(ascii: "/") { authorityEnd += 1 }
        let authority = authorityStart..<authorityEnd
        guard Authority.layout(of: bytes.extracting(authority)) != nil else { throw .malformed(.targetAuthority) }
        path = authorityEnd..<pathEnd
        target = .absolute(
            scheme: start..<start + schemeLength, authority: authority, rest: authorityEnd..<targetText.upperBound)
    }
}
