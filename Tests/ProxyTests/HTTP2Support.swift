import Testing
import Wire

@testable import Proxy

/// One side of a connection in memory, which remembers what it was told.
final class HTTP2Side: HTTP2SessionDelegate {
    let session: HTTP2Session
    var requests: [HTTP2Stream] = []
    var closed: [Int32] = []
    var refusals: [Int] = []
    var outputCallCount = 0
    /// What the side does with a request when it comes.
    var onRequest: (HTTP2Stream) -> Void = { _ in }

    init(_ role: HTTP2Session.Role, limits: HTTP2Limits? = nil, enableConnectProtocol: Bool = false) throws {
        session = try HTTP2Session(
            role: role, limits: limits ?? (role == .server ? .server : .client),
            enableConnectProtocol: enableConnectProtocol)
        session.delegate = self
    }

    func sessionHasOutput() { outputCallCount += 1 }
    func received(request stream: HTTP2Stream) {
        requests.append(stream)
        onRequest(stream)
    }
    func streamClosed(_ stream: HTTP2Stream) { closed.append(stream.id) }
    func refused(request stream: HTTP2Stream, status: Int) { refusals.append(status) }

    /// Everything that the side wants to send now.
    func output() -> [UInt8] {
        var out = ByteQueue()
        session.send(into: &out, byteCountMax: .max)
        return out.withBytes { bytes in bytes.indices.map { bytes[$0] } }
    }

    func receive(_ bytes: [UInt8], every pieceSize: Int = .max, at seconds: UInt64 = 0) throws(HTTP2Failure) {
        var start = 0
        while start < bytes.count {
            let end = start + min(pieceSize, bytes.count - start)
            try session.receive(
                bytes.span.extracting(start..<end), now: MonotonicTime(nanoseconds: seconds * 1_000_000_000))
            start = end
        }
    }
}

/// A client session and a server session joined in memory.
struct HTTP2Pair {
    let client: HTTP2Side
    let server: HTTP2Side
    var pieceSize = Int.max

    init(client clientLimits: HTTP2Limits? = nil, server serverLimits: HTTP2Limits? = nil) throws {
        client = try HTTP2Side(.client, limits: clientLimits)
        server = try HTTP2Side(.server, limits: serverLimits, enableConnectProtocol: true)
    }

    /// Carries bytes to and fro until neither side has more to say.
    func settle() throws {
        while true {
            let up = client.output()
            try server.receive(up, every: pieceSize)
            let down = server.output()
            try client.receive(down, every: pieceSize)
            if up.isEmpty, down.isEmpty { return }
        }
    }

    /// Opens a stream with this request and lets the server have it.
    func request(_ head: String, body: String? = nil, ends: Bool = true) throws -> (HTTP2Stream, HTTP2Stream) {
        let stream = try client.session.openStream(fields(request: head), hasBody: body != nil || !ends)
        if let body {
            stream.outbound.append(body)
            stream.dataAdded()
            if ends { stream.finish() }
        }
        try settle()
        return (stream, try #require(server.requests.last))
    }
}

// Heads are written with LF alone in tests.

func fields(request head: String, connectProtocol: Bool = false) throws -> HTTP2FieldList {
    let (parsed, bytes) = try parse(head, as: .request)
    return HTTP2FieldList(request: parsed, from: bytes.span, scheme: "https", connectProtocol: connectProtocol)
}

func fields(answer head: String) throws -> HTTP2FieldList {
    let (parsed, bytes) = try parse(head, as: .response)
    return HTTP2FieldList(answer: parsed, from: bytes.span)
}

private func parse(_ text: String, as kind: HTTP1Head.Kind) throws -> (HTTP1Head, [UInt8]) {
    let lines = text.split(separator: "\n", omittingEmptySubsequences: false).joined(separator: "\r\n")
    let bytes = Array("\(lines)\r\n\r\n".utf8)
    var head = HTTP1Head(kind)
    let isComplete = try head.parse(bytes.span)
    try #require(isComplete)
    return (head, bytes)
}

func list(_ pairs: [(String, String)]) -> HTTP2FieldList {
    var list = HTTP2FieldList()
    for (name, value) in pairs { list.append(name: name, value: value) }
    return list
}

extension HTTP2FieldList {
    /// Adds any field, well-formed or not, one character a byte.
    mutating func append(name: String, value: String) {
        let lines = Array(name.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) })
        append(lines, Array(value.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }))
    }
}

extension HTTP2ReceivedHead {
    /// The text with LF alone, and without the blank line.
    var lines: String {
        String(decoding: text, as: UTF8.self).replacing("\r\n", with: "\n").trimmingSuffix("\n\n")
    }
}

extension String {
    func trimmingSuffix(_ suffix: String) -> String { hasSuffix(suffix) ? String(dropLast(suffix.count)) : self }

    func replacing(_ old: String, with new: String) -> String {
        var result = ""
        var rest = self[...]
        while let range = rest.firstRange(of: old) {
            result += rest[..<range.lowerBound]
            result += new
            rest = rest[range.upperBound...]
        }
        return result + rest
    }
}

extension HTTP2Stream {
    var inboundText: String { inbound.withBytes { String(lossy: $0) } }
    var trailerText: String { String(decoding: trailers, as: UTF8.self) }

    /// Takes all that came.
    func takeAll() -> Int {
        let count = inbound.count
        consume(count)
        return count
    }

    func add(_ text: String) {
        outbound.append(text)
        dataAdded()
    }
}

// MARK: - Frames by hand

/// Frames as an attacker or a careless peer writes them.
enum RawHTTP2 {
    static let preface = Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)
    static let settings = frame(4, 0, 0, [])
    static let settingsAcknowledgement = frame(4, 1, 0, [])
    /// How a client begins.
    static let opening = preface + settings

    static let endStream: UInt8 = 1
    static let endHeaders: UInt8 = 4
    static let padded: UInt8 = 8

    static func frame(_ type: UInt8, _ flags: UInt8, _ stream: UInt32, _ payload: [UInt8]) -> [UInt8] {
        let count = payload.count
        return [UInt8(count >> 16), UInt8(count >> 8 & 0xff), UInt8(count & 0xff), type, flags]
            + word(stream) + payload
    }

    static func word(_ value: UInt32) -> [UInt8] {
        [UInt8(value >> 24), UInt8(value >> 16 & 0xff), UInt8(value >> 8 & 0xff), UInt8(value & 0xff)]
    }

    static func data(_ stream: UInt32, _ text: String, ends: Bool = false) -> [UInt8] {
        frame(0, ends ? endStream : 0, stream, Array(text.utf8))
    }

    static func headers(_ stream: UInt32, _ pairs: [(String, String)], ends: Bool = true) -> [UInt8] {
        frame(1, endHeaders | (ends ? endStream : 0), stream, block(pairs))
    }

    static func reset(_ stream: UInt32, _ code: HTTP2ErrorCode = .cancel) -> [UInt8] {
        frame(3, 0, stream, word(code.rawValue))
    }

    static func windowUpdate(_ stream: UInt32, _ increment: UInt32) -> [UInt8] {
        frame(8, 0, stream, word(increment))
    }

    /// A header block of literals that are not indexed (RFC 7541 6.2.2).
    static func block(_ pairs: [(String, String)]) -> [UInt8] {
        pairs.flatMap { name, value in [0] + string(name) + string(value) }
    }

    private static func string(_ text: String) -> [UInt8] {
        let bytes = text.unicodeScalars.map { UInt8(truncatingIfNeeded: $0.value) }
        var length: [UInt8] = []
        if bytes.count < 127 {
            length = [UInt8(bytes.count)]
        } else {
            var rest = bytes.count - 127
            length = [127]
            while rest >= 128 {
                length.append(UInt8(rest & 127) | 128)
                rest >>= 7
            }
            length.append(UInt8(rest))
        }
        return length + bytes
    }

    static let plain: [(String, String)] = [
        (":method", "POST"), (":scheme", "https"), (":authority", "a.example"), (":path", "/"),
    ]

    /// The frames in `bytes`, a preface skipped.
    static func frames(_ bytes: [UInt8]) -> [Frame] {
        var rest = bytes.starts(with: preface) ? bytes.dropFirst(preface.count) : bytes[...]
        var frames: [Frame] = []
        while rest.count >= 9 {
            let head = Array(rest.prefix(9))
            let count = Int(head[0]) << 16 | Int(head[1]) << 8 | Int(head[2])
            let stream = head[5...].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            frames.append(
                Frame(
                    type: head[3], flags: head[4], stream: stream, payload: Array(rest.dropFirst(9).prefix(count))))
            rest = rest.dropFirst(9 + count)
        }
        return frames
    }

    struct Frame: Equatable {
        var type: UInt8
        var flags: UInt8
        var stream: UInt32
        var payload: [UInt8]

        /// The code of RST_STREAM or GOAWAY.
        var code: HTTP2ErrorCode? {
            guard type == 3 || type == 7, payload.count >= 4 else { return nil }
            let start = type == 3 ? 0 : 4
            guard payload.count >= start + 4 else { return nil }
            return HTTP2ErrorCode(number: payload[start..<start + 4].reduce(UInt32(0)) { $0 << 8 | UInt32($1) })
        }
    }

    static func resets(_ bytes: [UInt8]) -> [UInt32: HTTP2ErrorCode] {
        var found: [UInt32: HTTP2ErrorCode] = [:]
        for frame in frames(bytes) where frame.type == 3 { found[frame.stream] = frame.code }
        return found
    }

    static func goAway(_ bytes: [UInt8]) -> HTTP2ErrorCode? { frames(bytes).last { $0.type == 7 }?.code }
}
