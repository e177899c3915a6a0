import Policy
import Testing
import Wire

@testable import Proxy

/// A request and an answer carried by the two relay cores, without a socket.
@Suite("The relay cores")
struct RelayTests {
    static let bodies: [(framing: String, wire: String, body: String)] = [
        ("Content-Length: 5\r\n", "hello", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
        ("Content-Length: 0\r\n", "", ""),
    ]

    @Test("pass an answer on the same however its bytes arrive", arguments: bodies, 1...9)
    func answerSplit(_ sample: (framing: String, wire: String, body: String), every size: Int) throws {
        let wire = "HTTP/1.1 200 OK\r\nX-One: 1\r\n\(sample.framing)\r\n\(sample.wire)"
        let whole = try relayAnswer(wire, every: wire.utf8.count)
        let split = try relayAnswer(wire, every: size)
        #expect(whole.isComplete && split.isComplete)
        #expect(split.bodyBytes == UInt64(sample.body.utf8.count))
        #expect(dechunked(split.out) == dechunked(whole.out))
        #expect(dechunked(split.out).hasSuffix("\r\n\r\n\(sample.body)"))
    }

    @Test("an answer that ends with the connection is sent chunked, and only an orderly end completes it")
    func closeDelimited() throws {
        var relay = AnswerRelay(method: .get, clientMinorVersion: 1)
        var out = ByteQueue()
        var consumed = 0
        let wire = Array("HTTP/1.0 200 OK\r\n\r\npartial".utf8)
        try relay.feed(wire.span, consumed: &consumed, closing: false, into: &out)
        #expect(!relay.isComplete && !relay.upstreamKeepsAlive)
        var cut = relay
        var cutOut = ByteQueue()
        #expect(cut.upstreamEnded(orderly: false, into: &cutOut) == .cut)
        #expect(text(cutOut) == "", "a cut answer must not get a last chunk")
        #expect(relay.upstreamEnded(orderly: true, into: &out) == .complete)
        #expect(text(out) == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n7\r\npartial\r\n0\r\n\r\n")
    }

    @Test("an answer that stops short of its length is a cut, also after an orderly end")
    func shortAnswer() throws {
        var relay = AnswerRelay(method: .post, clientMinorVersion: 1)
        var out = ByteQueue()
        var consumed = 0
        try relay.feed(
            Array("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf".utf8).span, consumed: &consumed, closing: false,
            into: &out)
        #expect(relay.upstreamEnded(orderly: true, into: &out) == .cut)
    }

    @Test("nothing at all is told apart from a cut")
    func nothing() throws {
        var relay = AnswerRelay(method: .post, clientMinorVersion: 1)
        var out = ByteQueue()
        #expect(relay.upstreamEnded(orderly: true, into: &out) == .beforeAnswer)
    }

    @Test("interim answers pass, 100 does not, and a flood of them is an error")
    func interim() throws {
        let (out, _, isComplete) = try relayAnswer(
            "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n",
            every: 7)
        #expect(isComplete)
        #expect(out == "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\nHTTP/1.1 204 No Content\r\n\r\n")
        let flood = String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17)
        #expect(throws: ProxyError.self) { try relayAnswer(flood, every: 100) }
    }

    @Test("an upstream that switches protocols unasked is refused")
    func switching() {
        #expect(throws: ProxyError.self) {
            try relayAnswer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n", every: 200)
        }
    }

    @Test("an HTTP/1.0 client gets no chunks and a connection that ends with the answer")
    func oldClient() throws {
        var relay = AnswerRelay(method: .get, clientMinorVersion: 0)
        var out = ByteQueue()
        var consumed = 0
        let wire = Array("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n".utf8)
        try relay.feed(wire.span, consumed: &consumed, closing: false, into: &out)
        #expect(relay.isComplete && relay.mustCloseClient)
        #expect(text(out).hasSuffix("\r\n\r\nabc"))
        #expect(!text(out).contains("chunked"))
    }

    @Test("Set-Cookie fields stay apart and in order, and hop-by-hop fields go")
    func fields() throws {
        let (out, _, _) = try relayAnswer(
            "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nX-B: 2\r\nSet-Cookie: c=3; Path=/\r\n"
                + "Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
            every: 50)
        let endToEnd = "set-cookie: a=1\r\nX-B: 2\r\nSet-Cookie: c=3; Path=/\r\nContent-Length: 0\r\n\r\n"
        #expect(out == "HTTP/1.1 200 OK\r\n\(endToEnd)")
    }

    @Test("a request's body passes octet for octet, and what follows it is left alone", arguments: 1...12)
    func request(every size: Int) throws {
        let wire = "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\nGET /next HTTP/1.1\r\n"
        var relay = RequestRelay(framing: .chunked)
        var out = ByteQueue()
        var waiting: [UInt8] = []
        for chunk in Array(wire.utf8).chunks(of: size) {
            waiting += chunk
            var consumed = 0
            try relay.feed(waiting.span, consumed: &consumed, into: &out)
            waiting.removeFirst(consumed)
        }
        #expect(relay.isComplete && relay.bodyBytes == 13)
        #expect(String(decoding: waiting, as: UTF8.self) == "GET /next HTTP/1.1\r\n")
        #expect(dechunked("\r\n\r\n" + text(out)).hasSuffix("abc0123456789"))
    }

    @Test("addresses take turns by family, the resolver's first family first")
    func interleaving() {
        let v4 = (1...3).map { IPAddress.v4(UInt32($0)) }
        let v6 = (1...2).map { IPAddress.v6(0, UInt64($0)) }
        #expect(Dialer.interleaved(v6 + v4) == [v6[0], v4[0], v6[1], v4[1], v4[2]])
        #expect(Dialer.interleaved(v4) == v4)
        #expect(Dialer.interleaved([]) == [])
    }
}

private func relayAnswer(_ wire: String, every size: Int) throws -> (out: String, bodyBytes: UInt64, isComplete: Bool) {
    var relay = AnswerRelay(method: .post, clientMinorVersion: 1)
    var out = ByteQueue()
    var waiting: [UInt8] = []
    for chunk in Array(wire.utf8).chunks(of: size) {
        waiting += chunk
        var consumed = 0
        try relay.feed(waiting.span, consumed: &consumed, closing: false, into: &out)
        waiting.removeFirst(consumed)
    }
    return (text(out), relay.bodyBytes, relay.isComplete)
}

private func text(_ queue: borrowing ByteQueue) -> String { String(lossy: queue.bytes) }

/// The message with its chunked body, if it has one, in one piece and without trailers.
private func dechunked(_ message: String) -> String {
    let head = message.range("\r\n\r\n")
    let body = Array(message.utf8.dropFirst(head))
    let isBodyAlone = message.hasPrefix("\r\n\r\n")
    guard isBodyAlone || message.contains("chunked") else { return message }
    var decoder = HTTP1BodyDecoder(.chunked)
    var consumed = 0
    var text = ""
    while let step = try? decoder.step(body.span, consumed: &consumed), case .data(let range) = step {
        text += String(decoding: body[range], as: UTF8.self)
    }
    return String(decoding: message.utf8.prefix(head), as: UTF8.self) + text
}

extension String {
    /// How many bytes stand up to the end of the first `separator`.
    fileprivate func range(_ separator: String) -> Int {
        let bytes = Array(utf8)
        let wanted = Array(separator.utf8)
        for start in 0...max(0, bytes.count - wanted.count) where bytes[start...].starts(with: wanted) {
            return start + wanted.count
        }
        return bytes.count
    }
}

extension Array {
    fileprivate func chunks(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: size).map { Array(self[$0..<Swift.min($0 + size, count)]) }
    }
}
