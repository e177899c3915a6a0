/// The head of an HTTP/1 message (RFC 9112 2 to 6): a first line and fields, as ranges into the bytes it was parsed from.
///
/// One value serves a connection: ``parse(_:)`` until it answers true, relay, consume ``byteCount`` bytes, ``reset()``.
/// Lines are parsed as they become complete, so a mistake is reported with the line it is in, and the same mistake
/// however the bytes arrive. It reads strictly: what two servers could read differently is refused, because a proxy
/// that guesses lets one request hide in another (RFC 9112 11.2).
public struct HTTP1Head: Sendable {
    /// Which of the two first lines to expect.
    public enum Kind: Sendable {
        /// `METHOD target HTTP/1.x`
        case request
        /// `HTTP/1.x status reason`
        case response
    }

    /// The largest number of fields; real messages have twenty, and servers commonly stop at a hundred.
    public static let fieldCountMax = 200

    /// Fields that there is room for at first; SDKs send about twenty.
    static let fieldCountUsual = 24

    /// The largest head that can be asked for, so that 32-bit offsets do.
    public static let headBytesCeiling = 16 * 1024 * 1024

    let kind: Kind
    let headBytesMax: Int

    /// The size of the complete head with its blank line and a skipped leading CRLF; 0 until complete.
    public internal(set) var byteCount = 0
    /// The method of a request.
    public internal(set) var method = HTTP1Method.other
    /// The method's name.
    public internal(set) var methodName = 0..<0
    /// The request target as sent.
    public internal(set) var targetText = 0..<0
    /// The request target by its parts.
    public internal(set) var target = HTTP1Target.asterisk
    /// The target's path without the query; empty for the forms without path.
    public internal(set) var path = 0..<0
    /// 0 or 1, of HTTP/1.x.
    public internal(set) var minorVersion: UInt8 = 1
    /// The status of a response, 100 to 999.
    public internal(set) var status = 0
    /// The reason phrase of a response, often empty.
    public internal(set) var reason = 0..<0
    /// The fields in the order in which they were sent.
    public internal(set) var fields = ContiguousArray<HTTP1Field>()
    /// Fields, by their index, that came as never indexed and have to stay so on every hop (RFC 7541 6.2.3). Set by whoever
    /// made the text from an HTTP/2 head.
    public var neverIndexedFields: [Int] = []
    /// Where a request's content ends; decided, and every conflict refused, when the head is complete.
    public internal(set) var requestFraming = HTTP1Framing.none

    enum Phase { case firstLine, fields, complete }
    enum Line { case incomplete, field, blank }
    /// The parts of a line that can be long. A line that stopped in one is parsed again only when that part is over, so
    /// a line is parsed a few times at most, even if it comes byte by byte.
    enum Stop { case token, target, value, elsewhere }

    var phase = Phase.firstLine
    /// Where the line that is parsed next starts.
    var lineStart = 0
    /// The incomplete line was looked at up to here.
    var searchedEnd = 0
    /// What the incomplete line stopped in.
    var stoppedIn = Stop.elsewhere
    /// Where the first field line starts.
    var fieldsStart = 0
    var facts = HTTP1Facts()

    /// Makes a parser for heads of at most `headBytesMax` bytes, blank line included.
    public init(_ kind: Kind, headBytesMax: Int = 64 * 1024) {
        self.kind = kind
        self.headBytesMax = min(max(headBytesMax, 0), Self.headBytesCeiling)
    }

    /// Parses as much as there is; true when the head is complete.
    ///
    /// `bytes` starts with the first byte of the message each time; a call with more bytes goes on where the last one
    /// stopped, so the work is linear however the bytes arrive. After an error the connection is of no further use.
    public mutating func parse(_ bytes: Span<UInt8>) throws(HTTP1Error) -> Bool {
        if phase == .complete { return true }
        let end = min(bytes.count, headBytesMax)
        if searchedEnd <= lineStart || hasNews(bytes, end), try parseLines(bytes, end) { return true }
        searchedEnd = end
        if bytes.count >= headBytesMax { throw .headTooLarge }
        return false
    }

    /// Forgets the message and keeps the storage.
    public mutating func reset() {
        byteCount = 0
        method = .other
        methodName = 0..<0
        targetText = 0..<0
        target = .asterisk
        path = 0..<0
        minorVersion = 1
        status = 0
        reason = 0..<0
        fields.removeAll(keepingCapacity: true)
        neverIndexedFields = []
        requestFraming = .none
        phase = .firstLine
        lineStart = 0
        searchedEnd = 0
        stoppedIn = .elsewhere
        fieldsStart = 0
        facts = HTTP1Facts()
    }

    /// The first field of that name.
    public func first(_ name: HTTP1FieldName) -> HTTP1Field? {
        for field in fields where field.known == name { return field }
        return nil
    }

    /// Whether the connection stays open after this message (RFC 9112 9.3).
    public var keepsAlive: Bool {
        if facts.options.contains(.close) { return false }
        return minorVersion >= 1 || facts.options.contains(.keepAlive)
    }

    /// Whether the client waits for a 100 before it sends the content; never in HTTP/1.0 (RFC 9110 10.1.1).
    public var expectsContinue: Bool { facts.expectsContinue && minorVersion >= 1 }

    /// Whether another protocol is asked for, or switched to: `Connection: upgrade` and an Upgrade field.
    public var upgrades: Bool { facts.options.contains(.upgrade) && facts.hasUpgrade }

    /// Where a response's content ends, given the method of the request that it answers (RFC 9112 6.3).
    public func responseFraming(answering method: HTTP1Method) -> HTTP1Framing {
        if status < 200 || status == 204 || status == 304 || method == .head { return .none }
        if method == .connect, status < 300 { return .none }
        if facts.isChunked { return .chunked }
        if let length = facts.contentLength { return .length(length) }
        return .untilClose
    }

    /// Whether the line has to be parsed again: the new bytes are not just more of what it stopped in.
    private func hasNews(_ bytes: Span<UInt8>, _ end: Int) -> Bool {
        var index = searchedEnd
        switch stoppedIn {
        case .elsewhere: break
        case .token: while index < end, ASCII.isToken(bytes[index]) { index += 1 }
        case .target: while index < end, Self.isTargetByte(bytes[index]) { index += 1 }
        case .value: index = ASCII.firstControl(bytes, from: index, to: end)
        }
        return index < end
    }

    private mutating func parseLines(_ bytes: Span<UInt8>, _ end: Int) throws(HTTP1Error) -> Bool {
        stoppedIn = .elsewhere
        if phase == .firstLine {
            guard try parseFirstLine(bytes, end) else { return false }
            phase = .fields
            fieldsStart = lineStart
        }
        while true {
            switch try parseFieldLine(bytes, end) {
            case .incomplete: return false
            case .field: continue
            case .blank:
                try finish(bytes)
                byteCount = lineStart
                phase = .complete
                return true
            }
        }
    }
}

/// What the fields of one head say about its connection and framing, gathered while they are parsed.
struct HTTP1Facts: Sendable {
    /// The options of Connection that mean something to leo.
    struct Options: OptionSet, Sendable {
        let rawValue: UInt8
        static let close = Options(rawValue: 1)
        static let keepAlive = Options(rawValue: 2)
        static let upgrade = Options(rawValue: 4)
        /// Names of fields, which are then not relayed.
        static let names = Options(rawValue: 8)
    }

    var options = Options()
    var optionCount = 0
    var contentLength: UInt64?
    var isChunked = false
    /// The value of Host.
    var host: Range<Int>?
    var hasUpgrade = false
    var expectsContinue = false
    /// TE lists `trailers`.
    var acceptsTrailers = false
}
