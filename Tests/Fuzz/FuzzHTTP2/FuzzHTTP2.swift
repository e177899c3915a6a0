// One sentence: whatever the bytes, a session takes them or fails with its own error, alike in any pieces; its queues
// stay within their limits; what it sends are whole frames; and what it delivers can be read and sent on.
import Wire

@testable import Proxy

/// libFuzzer's entry. The first byte picks the side and the pieces, the second what the owner does; the rest are frames.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard input.count >= 2 else { return 0 }
    let frames = Array(input.dropFirst(2))
    let role: HTTP2Session.Role = input[0] & 1 == 0 ? .server : .client
    let behavior = Behavior(rawValue: input[1])
    let whole = Side(role, behavior)
    whole.feed(frames, every: .max)
    let pieces = Side(role, behavior)
    pieces.feed(frames, every: 1 + Int(input[0] >> 1))
    // A budget spent refuses the piece in which it happens, and with it what came before in that piece.
    if whole.session.failure == nil, pieces.session.failure == nil {
        check(whole.readings == pieces.readings, "the pieces change what was received")
    }
    return 0
}

/// What the owner of the session does.
struct Behavior: OptionSet {
    let rawValue: UInt8
    /// Answers each request with content and trailers.
    static let answers = Behavior(rawValue: 1)
    /// Takes what comes.
    static let consumes = Behavior(rawValue: 2)
    /// Sends after each piece, and not at the end only.
    static let sends = Behavior(rawValue: 4)
    /// Resets every second stream when it comes.
    static let resets = Behavior(rawValue: 8)
    /// Wants nothing of what comes.
    static let discards = Behavior(rawValue: 16)
    /// Ends the connection gracefully after the first piece.
    static let leaves = Behavior(rawValue: 32)
    /// The first bytes of the peer are not given but in the input.
    static let beginsRaw = Behavior(rawValue: 64)
}

/// What came on one stream.
struct Reading: Equatable {
    var id: Int32
    var heads: [HTTP2ReceivedHead]
    var content: [UInt8]
    var hasEnded: Bool
    var trailers: [UInt8]
    var resetCode: HTTP2ErrorCode?
}

final class Side: HTTP2SessionDelegate {
    let session: HTTP2Session
    private let behavior: Behavior
    private let limits: HTTP2Limits
    private var streams: [HTTP2Stream] = []
    private var content: [Int32: [UInt8]] = [:]
    private var heads: [Int32: [HTTP2ReceivedHead]] = [:]

    init(_ role: HTTP2Session.Role, _ behavior: Behavior) {
        self.behavior = behavior
        limits = role == .server ? .server : .client
        guard let session = try? HTTP2Session(role: role, limits: limits, enableConnectProtocol: true) else {
            fatalError("no session")
        }
        self.session = session
        session.delegate = self
        if role == .client { openStreams() }
    }

    func sessionHasOutput() {}
    func streamClosed(_ stream: HTTP2Stream) {}

    func received(request stream: HTTP2Stream) {
        check(stream.heads.count == 1, "a request without head")
        streams.append(stream)
        if behavior.contains(.discards) { stream.stopReceiving() }
        if behavior.contains(.resets), streams.count % 2 == 0 { return stream.reset(.cancel) }
        guard behavior.contains(.answers) else { return }
        var fields = HTTP2FieldList()
        fields.append(":status", "200")
        stream.send(head: fields, ends: false)
        stream.outbound.append("some content")
        stream.finish(trailers: HTTP2FieldList(trailers: Array("x-sum: 1\r\n".utf8)))
    }

    private func openStreams() {
        for method in ["GET", "HEAD", "POST", "CONNECT"] {
            var fields = HTTP2FieldList()
            fields.append(Array(":method".utf8), Array(method.utf8))
            if method == "CONNECT" { fields.append(":protocol", "websocket") }
            fields.append(":scheme", "https")
            fields.append(":authority", "a.example")
            fields.append(":path", "/")
            if let stream = try? session.openStream(fields, hasBody: method == "POST") { streams.append(stream) }
        }
        checkOutput()
    }

    func feed(_ frames: [UInt8], every pieceSize: Int) {
        if !behavior.contains(.beginsRaw) {
            if session.role == .server { receive(Array("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".utf8)) }
            receive([0, 0, 0, 4, 0, 0, 0, 0, 0])
        }
        if behavior.contains(.leaves) { session.goAway(.noError) }
        var start = 0
        while start < frames.count, session.failure == nil {
            let end = start + min(pieceSize, frames.count - start)
            receive(Array(frames[start..<end]))
            start = end
            if behavior.contains(.sends) { checkOutput() }
        }
        checkOutput()
        read()
        if session.failure != nil { check(session.isFinished, "a failed session goes on") }
        session.connectionLost()
        for stream in streams {
            check(stream.isClosed, "a stream outlives its connection")
            stream.release()
        }
    }

    /// What came, for comparison.
    private(set) var readings: [Reading] = []

    private func receive(_ bytes: [UInt8]) {
        try? session.receive(bytes.span, now: MonotonicTime(nanoseconds: 0))
        check(session.openStreamCount <= limits.streamsMax, "more streams than allowed")
        for stream in streams {
            check(stream.inbound.count <= limits.streamWindowBytes, "more content than the window allows")
            check(stream.heads.count <= limits.interimCountMax + 1, "more heads than allowed")
            while let head = stream.takeHead() {
                checkHead(head)
                heads[stream.id, default: []].append(head)
            }
            guard behavior.contains(.consumes) else { continue }
            content[stream.id, default: []] += stream.inbound.withBytes { bytes in bytes.indices.map { bytes[$0] } }
            stream.consume(stream.inbound.count)
        }
    }

    private func read() {
        // With an owner that acts, what comes depends on when it acts.
        guard behavior.isDisjoint(with: [.sends, .resets, .leaves]) else { return }
        readings = streams.filter { $0.resetCode == nil }.map { stream in
            Reading(
                id: stream.id, heads: heads[stream.id] ?? [],
                content: (content[stream.id] ?? [])
                    + stream.inbound.withBytes { bytes in bytes.indices.map { bytes[$0] } },
                hasEnded: stream.hasEnded, trailers: stream.trailers, resetCode: stream.resetCode)
        }
    }

    /// What a head becomes must be readable, or refused by the parser's own error; and leo's own reading must take what
    /// leo would send on.
    private func checkHead(_ received: HTTP2ReceivedHead) {
        let isRequest = session.role == .server
        var head = HTTP1Head(isRequest ? .request : .response, headBytesMax: limits.headBytesMax)
        guard (try? head.parse(received.text.span)) == true else { return }
        check(head.byteCount == received.text.count, "a head holds more than itself")
        let list =
            isRequest
            ? HTTP2FieldList(request: head, from: received.text.span, scheme: "https")
            : HTTP2FieldList(answer: head, from: received.text.span)
        var collector = HTTP2FieldCollector(isRequest ? .request : .answer, bytesMax: 2 * limits.headBytesMax)
        for field in list.fields {
            collector.add(
                name: list.bytes[field.nameStart..<field.valueStart].span,
                value: list.bytes[field.valueStart..<field.valueEnd].span, isNeverIndexed: field.isNeverIndexed)
        }
        check(
            (try? collector.head(endsStream: !received.hasBody && !received.isInterim)) != nil, "sent on is malformed")
    }

    /// Takes what the session sends and looks at the frames' headers.
    private func checkOutput() {
        var out = ByteQueue()
        session.send(into: &out, byteCountMax: 1 << 20)
        let sent = out.withBytes { bytes in bytes.indices.map { bytes[$0] } }
        var index = sent.starts(with: "PRI * ".utf8) ? 24 : 0
        while index < sent.count {
            check(sent.count - index >= 9, "a frame's header is cut")
            let length = Int(sent[index]) << 16 | Int(sent[index + 1]) << 8 | Int(sent[index + 2])
            check(length <= 16_384 && sent[index + 3] < 10, "a frame that leo does not send")
            index += 9 + length
        }
        check(index == sent.count, "a frame is cut")
    }
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
