import Policy
import Testing
import Wire

@testable import Proxy

/// A request and an answer carried from one HTTP/1 connection to another.
@Suite("An exchange from HTTP/1 to HTTP/1")
struct ExchangeTests {
    static let bodies: [(framing: String, wire: String, body: String)] = [
        ("Content-Length: 5\r\n", "hello", "hello"),
        ("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n", "hello world"),
        ("Transfer-Encoding: chunked\r\n", "5;a=b\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n", "hello"),
        ("Content-Length: 0\r\n", "", ""),
    ]

    @Test("passes an answer on the same however its bytes arrive", arguments: bodies, 1...9)
    func answerSplit(_ sample: (framing: String, wire: String, body: String), every size: Int) async throws {
        let wire = "HTTP/1.1 200 OK\r\nX-One: 1\r\n\(sample.framing)\r\n\(sample.wire)"
        let got = try await answer(wire, every: size) { parsed($0.received)?.isComplete == true }
        let message = try #require(parsed(got))
        #expect(message.body == sample.body)
        #expect(message.head == "HTTP/1.1 200 OK\r\nX-One: 1\r\n\(sample.framing)\r\n")
    }

    @Test("sends an answer that ends with the connection chunked")
    func closeDelimited() async throws {
        let got = try await answer("HTTP/1.0 200 OK\r\n\r\nwhole", closing: true) { $0.received.hasSuffix("0\r\n\r\n") }
        #expect(got == "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nwhole\r\n0\r\n\r\n")
    }

    @Test("takes an answer that stops short of its length for a cut, also after an orderly end")
    func shortAnswer() async throws {
        let got = try await answer("HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf", closing: true) { $0.hasEnded }
        #expect(got == "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    }

    @Test("never ends a chunked answer that was cut")
    func cutChunks() async throws {
        let got = try await answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", closing: true
        ) { $0.hasEnded }
        #expect(got.hasSuffix("5\r\nhello\r\n"))
    }

    @Test("answers for an upstream that says nothing at all")
    func nothing() async throws {
        let got = try await answer("", closing: true) { $0.hasEnded }
        #expect(got.hasPrefix("HTTP/1.1 502 "))
        #expect(got.contains("x-leo-error: upstream_closed\r\n"))
    }

    @Test("passes interim answers, but not 100, and takes a flood of them for an error")
    func interim() async throws {
        let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        let end = "HTTP/1.1 204 No Content\r\n\r\n"
        let got = try await answer("HTTP/1.1 100 Continue\r\n\r\n\(hints)\(end)", every: 7) {
            $0.received.hasSuffix(end)
        }
        #expect(got == hints + end)
        let flood = String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 17)
        let refused = try await answer(flood, every: 100) { $0.hasEnded }
        #expect(refused.contains("x-leo-error: bad_answer\r\n"))
    }

    @Test("refuses an upstream that switches protocols unasked")
    func switching() async throws {
        let got = try await answer("HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n") {
            $0.hasEnded
        }
        #expect(got.contains("x-leo-error: bad_answer\r\n"))
    }

    @Test("gives an HTTP/1.0 client no chunks and a connection that ends with the answer")
    func oldClient() async throws {
        let got = try await answer(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n",
            to: "GET / HTTP/1.0\r\nHost: api.example.com\r\n\r\n"
        ) { $0.hasEnded }
        #expect(got == "HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nabc")
    }

    @Test("keeps Set-Cookie fields apart and in order, and drops hop-by-hop fields")
    func fields() async throws {
        let got = try await answer(
            "HTTP/1.1 200 OK\r\nset-cookie: a=1\r\nX-B: 2\r\nSet-Cookie: c=3; Path=/\r\n"
                + "Connection: keep-alive, x-hop\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nContent-Length: 0\r\n\r\n",
            every: 50
        ) { $0.received.hasSuffix("\r\n\r\n") }
        let endToEnd = "set-cookie: a=1\r\nX-B: 2\r\nSet-Cookie: c=3; Path=/\r\nContent-Length: 0\r\n\r\n"
        #expect(got == "HTTP/1.1 200 OK\r\n\(endToEnd)")
    }

    @Test("passes a request's body octet for octet, and leaves what follows it alone", arguments: [1, 2, 5, 12, 40])
    func request(every size: Int) async throws {
        let head = "POST /v1/x HTTP/1.1\r\nHost: api.example.com\r\nTransfer-Encoding: chunked\r\n\r\n"
        let next = "GET /next HTTP/1.1\r\nHost: api.example.com\r\n\r\n"
        let wire = head + "3\r\nabc\r\nA\r\n0123456789\r\n0\r\n\r\n" + next
        let fixture = try WorkerFixture()
        let (first, second) = try await fixture.run { worker in
            let exchange = try ExchangeFixture(worker)
            for piece in Array(wire.utf8).pieces(of: size) {
                exchange.client.send(String(decoding: piece, as: UTF8.self))
                await worker.loop.yield()
            }
            _ = await exchange.upstream.wait { $0.received.hasSuffix("0\r\n\r\n") }
            let first = exchange.upstream.received
            exchange.upstream.send("HTTP/1.1 204 No Content\r\n\r\n")
            _ = await exchange.upstream.wait { $0.received.count > first.count }
            let second = String(exchange.upstream.received.dropFirst(first.count))
            await exchange.end()
            return (first, second)
        }
        #expect(first.hasPrefix(head))
        #expect(parsed(first)?.body == "abc0123456789")
        #expect(second == next)
    }

    @Test("addresses take turns by family, the resolver's first family first")
    func interleaving() {
        let v4 = (1...3).map { IPAddress.v4(UInt32($0)) }
        let v6 = (1...2).map { IPAddress.v6(0, UInt64($0)) }
        #expect(Dialer.interleaved(v6 + v4) == [v6[0], v4[0], v6[1], v4[1], v4[2]])
        #expect(Dialer.interleaved(v4) == v4)
        #expect(Dialer.interleaved([]) == [])
    }

    private func answer(
        _ wire: String, every size: Int = .max, closing: Bool = false,
        to request: String = "GET /v1/models HTTP/1.1\r\nHost: api.example.com\r\n\r\n",
        until end: @escaping @Sendable (Peer) -> Bool
    ) async throws -> String {
        let fixture = try WorkerFixture()
        return try await fixture.run { worker in
            let exchange = try ExchangeFixture(worker)
            let answer = await exchange.answer(wire, every: size, to: request, closing: closing, until: end)
            await exchange.end()
            return answer
        }
    }
}

/// A message's head, and its body without framing.
private func parsed(_ message: String) -> (head: String, body: String, isComplete: Bool)? {
    let bytes = Array(message.utf8)
    var head = HTTP1Head(message.hasPrefix("HTTP/") ? .response : .request)
    guard (try? head.parse(bytes.span)) == true else { return nil }
    let framing = message.hasPrefix("HTTP/") ? head.responseFraming(answering: .get) : head.requestFraming
    var decoder = HTTP1BodyDecoder(framing)
    var consumed = head.byteCount
    var body = ""
    while let step = try? decoder.step(bytes.span, consumed: &consumed), case .data(let range) = step {
        body += String(decoding: bytes[range], as: UTF8.self)
    }
    return (String(decoding: bytes[..<head.byteCount], as: UTF8.self), body, decoder.isComplete)
}
