/// Gathers one header list as it is decompressed, and turns it into HTTP/1 text when it is complete.
///
/// The library behind the session checks much of this too; here nothing is taken on trust that could let a value become
/// a line of its own, because what follows reads lines.
public struct HTTP2FieldCollector: Sendable {
    /// What a list is for, which decides what it may hold.
    public enum Kind: Sendable {
        /// The head of a request.
        case request
        /// The head of an answer, interim or final.
        case answer
        /// The fields behind the content.
        case trailers
    }

    /// Why a list is refused.
    public enum Flaw: Error, Equatable, Sendable {
        /// The list counts more than it may (RFC 9113 10.5.1).
        case tooLarge
        /// The message is malformed (RFC 9113 8.1.1).
        case malformed
    }

    /// What each field counts in addition to its bytes (RFC 9113 6.5.2).
    public static let fieldOverheadBytes = 32

    /// What there is room for at first: heads of SDKs have some 600 bytes in some fifteen fields, those of providers
    /// a few more.
    private static let byteCountUsual = 960
    private static let fieldCountUsual = 24

    private let kind: Kind
    private let bytesMax: Int
    private var byteCount = 0
    private var bytes: [UInt8] = []
    private var fields: [Field] = []
    private var pseudo = Pseudo()
    private var flaw: Flaw?

    private struct Field: Sendable {
        var name: Range<Int>
        var value: Range<Int>
        var isNeverIndexed: Bool
    }

    /// The pseudo fields, as ranges in `bytes`.
    private struct Pseudo: Sendable {
        var method: Range<Int>?
        var scheme: Range<Int>?
        var authority: Range<Int>?
        var path: Range<Int>?
        var connectProtocol: Range<Int>?
        var status: Range<Int>?
    }

    /// Makes a collector for one list of at most `bytesMax`, counted as RFC 9113 6.5.2 says.
    public init(_ kind: Kind, bytesMax: Int) {
        self.kind = kind
        self.bytesMax = bytesMax
        guard kind != .trailers else { return }
        bytes.reserveCapacity(Self.byteCountUsual)
        fields.reserveCapacity(Self.fieldCountUsual)
    }

    /// Takes one field. What comes after the list became too large is counted and not kept.
    public mutating func add(name: Span<UInt8>, value: Span<UInt8>, isNeverIndexed: Bool) {
        byteCount += name.count + value.count + Self.fieldOverheadBytes
        guard byteCount <= bytesMax else {
            flaw = .tooLarge
            bytes = []
            fields = []
            return
        }
        guard flaw == nil else { return }
        guard name.count > 0, Self.isValue(value) else { return refuse() }
        if name[0] == ASCII.colon { return addPseudo(name, value) }
        guard Self.isLowerCaseToken(name) else { return refuse() }
        let nameRange = keep(name)
        fields.append(Field(name: nameRange, value: keep(value), isNeverIndexed: isNeverIndexed))
    }

    /// The head that the list is. `endsStream`: no content follows; `answersConnect`: an answer's request was an
    /// extended CONNECT.
    public func head(endsStream: Bool, answersConnect: Bool = false) throws(Flaw) -> HTTP2ReceivedHead {
        if let flaw { throw flaw }
        return switch kind {
        case .request: try requestHead(endsStream: endsStream)
        case .answer: try answerHead(endsStream: endsStream, answersConnect: answersConnect)
        case .trailers: throw .malformed
        }
    }

    /// The trailer section that the list is, as `name: value CRLF` lines; fields that frame, route or authenticate a
    /// message are refused there as in HTTP/1 (RFC 9110 6.5.1).
    public func trailerLines() throws(Flaw) -> [UInt8] {
        if let flaw { throw flaw }
        guard kind == .trailers else { throw .malformed }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 4 * fields.count)
        let span = bytes.span
        for field in fields {
            let known = HTTP1FieldName(recognizing: span, field.name)
            guard known.isAllowedInTrailer, !HTTP1FieldName.imitatesFraming(span, field.name) else {
                throw .malformed
            }
            append(field, to: &text)
        }
        guard text.count <= HTTP1BodyDecoder.trailerBytesMax else { throw .tooLarge }
        return text
    }

    // MARK: - Collecting

    private mutating func addPseudo(_ name: Span<UInt8>, _ value: Span<UInt8>) {
        // Pseudo fields come first, once, and never in trailers (RFC 9113 8.3).
        guard fields.isEmpty, kind != .trailers else { return refuse() }
        switch kind {
        case .request:
            if Self.equal(name, ":method") {
                pseudo.method = claim(pseudo.method, value)
            } else if Self.equal(name, ":scheme") {
                pseudo.scheme = claim(pseudo.scheme, value)
            } else if Self.equal(name, ":authority") {
                pseudo.authority = claim(pseudo.authority, value)
            } else if Self.equal(name, ":path") {
                pseudo.path = claim(pseudo.path, value)
            } else if Self.equal(name, ":protocol") {
                pseudo.connectProtocol = claim(pseudo.connectProtocol, value)
            } else {
                refuse()
            }
        case .answer:
            guard Self.equal(name, ":status") else { return refuse() }
            pseudo.status = claim(pseudo.status, value)
        case .trailers: refuse()
        }
    }

    /// Keeps the value of a pseudo field that has not come before.
    private mutating func claim(_ earlier: Range<Int>?, _ value: Span<UInt8>) -> Range<Int>? {
        guard earlier == nil else {
            refuse()
            return earlier
        }
        return keep(value)
    }

    private mutating func refuse() { flaw = flaw ?? .malformed }

    private mutating func keep(_ span: Span<UInt8>) -> Range<Int> {
        let start = bytes.count
        unsafe span.withUnsafeBufferPointer { unsafe bytes.append(contentsOf: $0) }
        return start..<bytes.count
    }

    // MARK: - Requests

    private func requestHead(endsStream: Bool) throws(Flaw) -> HTTP2ReceivedHead {
        let span = bytes.span
        guard let method = pseudo.method, Self.isToken(span.extracting(method)) else { throw .malformed }
        let isConnect = Self.equal(span.extracting(method), "CONNECT")
        if let wanted = pseudo.connectProtocol {
            guard isConnect, pseudo.scheme != nil, pseudo.path != nil, pseudo.authority != nil else { throw .malformed }
            // What is not a WebSocket stays a CONNECT, which the exchange refuses.
            let isWebSocket = ASCII.equalsToken(span, wanted, "websocket")
            return try request(method, endsStream: endsStream, form: isWebSocket ? .webSocket : .connect)
        }
        if isConnect {
            guard pseudo.authority != nil, pseudo.path == nil, pseudo.scheme == nil else { throw .malformed }
            return try request(method, endsStream: endsStream, form: .connect)
        }
        guard pseudo.path != nil, let scheme = pseudo.scheme, Self.isScheme(span.extracting(scheme)) else {
            throw .malformed
        }
        return try request(method, endsStream: endsStream, form: .plain)
    }

    private enum RequestForm { case plain, webSocket, connect }

    private func request(_ method: Range<Int>, endsStream: Bool, form: RequestForm) throws(Flaw) -> HTTP2ReceivedHead {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 4 * fields.count + 128)
        let host = try authority()
        switch form {
        case .plain, .connect: text += bytes[method]
        case .webSocket: text += "GET".utf8
        }
        text.append(ASCII.space)
        text += bytes[form == .connect ? host : try path()]
        text += " HTTP/1.1\r\nhost: ".utf8
        text += bytes[host]
        text += "\r\n".utf8
        var index = 1
        var sensitive: [Int] = []
        var hasLength = false
        for field in fields {
            let known = HTTP1FieldName(recognizing: bytes.span, field.name)
            guard Self.isAllowed(known, bytes.span.extracting(field.value)) else { throw .malformed }
            if known == .host { continue }
            if known == .contentLength { hasLength = true }
            if field.isNeverIndexed { sensitive.append(index) }
            append(field, to: &text)
            index += 1
        }
        switch form {
        case .webSocket: text += "connection: upgrade\r\nupgrade: websocket\r\n".utf8
        case .connect: break
        case .plain: if !endsStream, !hasLength { text += "transfer-encoding: chunked\r\n".utf8 }
        }
        text += "\r\n".utf8
        return HTTP2ReceivedHead(
            text: text, hasBody: !endsStream, isExtendedConnect: form == .webSocket, sensitiveFields: sensitive,
            status: 0)
    }

    /// The one authority that `:authority` and Host name; they may not contradict each other (RFC 9113 8.3.1).
    private func authority() throws(Flaw) -> Range<Int> {
        var found = pseudo.authority
        var hasHost = false
        let span = bytes.span
        for field in fields where HTTP1FieldName(recognizing: span, field.name) == .host {
            if hasHost { throw .malformed }
            hasHost = true
            if let authority = found {
                let isHTTP = pseudo.scheme.map { Self.equal(span.extracting($0), "http") } ?? false
                let isSame = Authority.equal(
                    span.extracting(authority), span.extracting(field.value), defaultPort: isHTTP ? 80 : 443)
                guard isSame else { throw .malformed }
            } else {
                found = field.value
            }
        }
        guard let found, Self.isTarget(span.extracting(found)) else { throw .malformed }
        return found
    }

    private func path() throws(Flaw) -> Range<Int> {
        guard let path = pseudo.path, Self.isTarget(bytes.span.extracting(path)) else { throw .malformed }
        // Origin form or the asterisk; anything else would be read as another form of target (RFC 9113 8.3.1).
        let first = bytes[path.lowerBound]
        guard first == UInt8(ascii: "/") || (first == UInt8(ascii: "*") && path.count == 1) else { throw .malformed }
        return path
    }

    // MARK: - Answers

    private func answerHead(endsStream: Bool, answersConnect: Bool) throws(Flaw) -> HTTP2ReceivedHead {
        guard let digits = pseudo.status, digits.count == 3 else { throw .malformed }
        var status = 0
        for index in digits {
            guard ASCII.isDigit(bytes[index]) else { throw .malformed }
            status = status * 10 + Int(bytes[index] & 0x0f)
        }
        // There is no 101 in HTTP/2 (RFC 9113 8.6), and an interim answer does not end anything (8.1).
        guard status >= 100, status != 101, status >= 200 || !endsStream else { throw .malformed }
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count + 4 * fields.count + 128)
        text += "HTTP/1.1 ".utf8
        text += bytes[digits]
        text.append(ASCII.space)
        text += HTTPStatusPhrase.phrase(for: status).utf8
        text += "\r\n".utf8
        var sensitive: [Int] = []
        var hasLength = false
        for (index, field) in fields.enumerated() {
            let known = HTTP1FieldName(recognizing: bytes.span, field.name)
            guard Self.isAllowed(known, bytes.span.extracting(field.value)) else { throw .malformed }
            if known == .contentLength { hasLength = true }
            if field.isNeverIndexed { sensitive.append(index) }
            append(field, to: &text)
        }
        let isSwitch = answersConnect && status >= 200 && status < 300
        let mayHaveBody = status >= 200 && status != 204 && status != 304 && !isSwitch
        if !endsStream, !hasLength, mayHaveBody { text += "transfer-encoding: chunked\r\n".utf8 }
        text += "\r\n".utf8
        return HTTP2ReceivedHead(
            text: text, hasBody: !endsStream && status >= 200, isExtendedConnect: isSwitch,
            sensitiveFields: sensitive, status: status)
    }

    // MARK: - Pieces

    private func append(_ field: Field, to text: inout [UInt8]) {
        text += bytes[field.name]
        text.append(ASCII.colon)
        text.append(ASCII.space)
        text += bytes[field.value]
        text.append(ASCII.carriageReturn)
        text.append(ASCII.lineFeed)
    }

    /// Whether HTTP/2 allows the field (RFC 9113 8.2.2): nothing about the connection, and TE only as `trailers`.
    private static func isAllowed(_ known: HTTP1FieldName, _ value: Span<UInt8>) -> Bool {
        switch known {
        case .connection, .keepAlive, .proxyConnection, .transferEncoding, .upgrade: false
        case .te: ASCII.equalsToken(value, 0..<value.count, "trailers")
        case .acceptEncoding, .apiKey, .apimRequestID, .authorization, .contentEncoding, .contentLength, .contentType,
            .cookie, .date, .expect, .host, .other, .proxyAuthenticate, .proxyAuthorization, .requestID, .retryAfter,
            .secWebSocketAccept, .secWebSocketExtensions, .secWebSocketKey, .secWebSocketVersion, .setCookie,
            .traceparent,
            .trailer, .userAgent, .xAmznRequestID, .xAPIKey, .xGoogAPIKey, .xRequestID:
            true
        }
    }

    private static func equal(_ span: Span<UInt8>, _ literal: StaticString) -> Bool {
        span.count == literal.utf8CodeUnitCount && ASCII.equal(span, 0, literal)
    }

    private static func isToken(_ span: Span<UInt8>) -> Bool {
        for index in span.indices where !ASCII.isToken(span[index]) { return false }
        return span.count > 0
    }

    private static func isLowerCaseToken(_ span: Span<UInt8>) -> Bool {
        for index in span.indices where !ASCII.isToken(span[index]) || span[index] &- UInt8(ascii: "A") < 26 {
            return false
        }
        return true
    }

    /// No control character but tab, no white space at either end (RFC 9113 8.2.1).
    private static func isValue(_ span: Span<UInt8>) -> Bool {
        guard ASCII.firstControl(span, from: 0, to: span.count) == span.count else { return false }
        return span.count == 0 || (!ASCII.isBlank(span[0]) && !ASCII.isBlank(span[span.count - 1]))
    }

    /// Visible bytes only, so that it cannot end the target; whether they are well chosen the parser of the text says.
    private static func isTarget(_ span: Span<UInt8>) -> Bool {
        for index in span.indices where span[index] <= ASCII.space || span[index] == 0x7f { return false }
        return span.count > 0
    }

    private static func isScheme(_ span: Span<UInt8>) -> Bool { equal(span, "https") || equal(span, "http") }
}
