import Policy
import Testing
import Wire

@testable import Proxy

/// What a tenant's cache does to exchanges, from client to upstream.
@Suite("A cache in an exchange")
struct CacheExchangeTests {
    static let settings = "[defaults.cache]\nmode = \"enforce\"\n"
    static let question = """
        {"model":"gpt-4o","temperature":0,"messages":[{"role":"user","content":"Say hello."}]}
        """
    static let streamed = """
        {"model":"gpt-4o","temperature":0,"messages":[{"role":"user","content":"Say hello."}],"stream":true,\
        "stream_options":{"include_usage":true}}
        """
    static let answer = """
        {"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"gpt-4o-2024-08-06","choices":[{"index":0,\
        "message":{"role":"assistant","content":"Hello."},"finish_reason":"stop"}],\
        "usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}
        """
    static let events = """
        data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","choices":\
        [{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","choices":\
        [{"index":0,"delta":{"content":"Hello."},"finish_reason":null}],"usage":null}

        data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","choices":\
        [{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}

        data: {"id":"chatcmpl-2","object":"chat.completion.chunk","created":1,"model":"gpt-4o-2024-08-06","choices":[],\
        "usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}

        data: [DONE]


        """

    static func request(_ body: String, _ fields: String = "") -> String {
        "POST /v1/chat/completions HTTP/1.1\r\nHost: api.example.com\r\nAuthorization: Bearer sk-1\r\n\(fields)"
            + "Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
    }

    static func response(_ body: String, status: Int = 200, type: String = "application/json") -> String {
        "HTTP/1.1 \(status) X\r\nContent-Type: \(type)\r\nx-request-id: req-1\r\nContent-Length: \(body.utf8.count)"
            + "\r\n\r\n\(body)"
    }

    static let eventStream = response(events, type: "text/event-stream")

    // MARK: Kept answers

    @Test("a kept answer is given byte for byte, says so, and its provider is not asked")
    func hit() async throws {
        let seen = try await run { exchanges in
            let first = try exchanges.make()
            let miss = await first.ask(Self.request(Self.question), answer: Self.response(Self.answer))
            let hit = await first.ask(Self.request(Self.question))
            return [miss, hit]
        }
        #expect(seen.got[0].contains("x-leo-cache: miss\r\n") && seen.got[0].hasSuffix(Self.answer))
        #expect(seen.got[1].hasPrefix("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"))
        #expect(seen.got[1].contains("x-leo-cache: hit\r\n") && seen.got[1].contains("Age: 0\r\n"))
        #expect(seen.got[1].contains("x-request-id: req-1\r\n"))
        #expect(seen.got[1].hasSuffix("\r\n\r\n" + Self.answer))
        #expect(seen.upstreamRequestCount == 1)
        #expect(seen.lines[0].contains("\"cache\":\"miss\",\"cache_reason\":\"kept\""))
        #expect(seen.lines[1].contains("\"cache\":\"hit\""))
        #expect(seen.lines[1].contains("\"saved_tokens\":15") && !seen.lines[1].contains("\"tokens\""))
        #expect(!seen.lines[1].contains("upstream_status") && seen.lines[1].contains("\"status\":200"))
    }

    @Test("an answer that came as a stream is given as a document, and the other way round")
    func bothForms() async throws {
        let seen = try await run { exchanges in
            let first = try exchanges.make()
            let miss = await first.ask(Self.request(Self.streamed), answer: Self.eventStream, until: "[DONE]\n\n")
            let document = await first.ask(Self.request(Self.question))
            let again = await first.ask(Self.request(Self.streamed), until: "0\r\n\r\n")
            return [miss, document, again]
        }
        #expect(seen.got[0].contains("x-leo-cache: miss\r\n") && seen.got[0].hasSuffix(Self.events))
        #expect(seen.got[1].contains("x-leo-cache: hit\r\n") && seen.got[1].contains("\"content\":\"Hello.\""))
        #expect(seen.got[1].contains("\"total_tokens\":15") && seen.got[1].contains("\"object\":\"chat.completion\""))
        #expect(seen.got[2].contains("Content-Type: text/event-stream; charset=utf-8\r\n"))
        #expect(seen.got[2].contains("\"content\":\"Hello.\"") && seen.got[2].contains("data: [DONE]"))
        #expect(seen.upstreamRequestCount == 1)
    }

    @Test(
        "what the client says of caches is obeyed",
        arguments: [
            ("Cache-Control: no-store\r\n", "bypass", 1), ("Cache-Control: no-cache\r\n", "miss", 1),
            ("Cache-Control: max-age=0\r\n", "miss", 1), ("Cache-Control: max-age=60\r\n", "hit", 0),
        ])
    func directives(field: String, label: String, requestCount: Int) async throws {
        let seen = try await run { exchanges in
            let first = try exchanges.make()
            _ = await first.ask(Self.request(Self.question), answer: Self.response(Self.answer))
            let answer = requestCount == 0 ? nil : Self.response(Self.answer)
            return [await first.ask(Self.request(Self.question, field), answer: answer)]
        }
        #expect(seen.got[0].contains("x-leo-cache: \(label)\r\n"))
        #expect(seen.upstreamRequestCount == 1 + requestCount)
    }

    @Test("a client that wants a kept answer or none gets a 504 where there is none")
    func onlyIfCached() async throws {
        let seen = try await run { exchanges in
            [try await exchanges.make().ask(Self.request(Self.question, "Cache-Control: only-if-cached\r\n"))]
        }
        #expect(seen.got[0].hasPrefix("HTTP/1.1 504 ") && seen.got[0].contains("x-leo-error: not_cached\r\n"))
        #expect(seen.upstreamRequestCount == 0)
    }

    @Test("an observed cache changes nothing and says what it would have given")
    func observed() async throws {
        let seen = try await run(settings: "[defaults.cache]\nmode = \"observe\"\n") { exchanges in
            let first = try exchanges.make()
            _ = await first.ask(Self.request(Self.question), answer: Self.response(Self.answer))
            return [await first.ask(Self.request(Self.question), answer: Self.response(Self.answer))]
        }
        #expect(!seen.got[0].contains("x-leo-"))
        #expect(seen.lines[1].contains("\"would\":[\"cache: hit, 15 tokens"))
        #expect(!seen.lines[1].contains("\"cache\":"))
        #expect(seen.upstreamRequestCount == 2)
    }

    @Test("a credential that the provider refuses has no kept answers any more")
    func refusedCredential() async throws {
        let seen = try await run { exchanges in
            let first = try exchanges.make()
            _ = await first.ask(Self.request(Self.question), answer: Self.response(Self.answer))
            let other = Self.question.replacing("hello", with: "goodbye")
            _ = await first.ask(Self.request(other), answer: Self.response("{\"error\":{}}", status: 401))
            return [await first.ask(Self.request(Self.question), answer: Self.response(Self.answer))]
        }
        #expect(seen.got[0].contains("x-leo-cache: miss\r\n"))
        #expect(seen.upstreamRequestCount == 3)
    }

    // MARK: Together

    @Test("identical requests at the same time get the answer to one", arguments: [false, true])
    func coalesced(streams: Bool) async throws {
        let body = streams ? Self.streamed : Self.question
        let seen = try await run { exchanges in
            let clients = try (0..<10).map { _ in try exchanges.make() }
            for client in clients { client.client.send(Self.request(body)) }
            #expect(await exchanges.waitForRequests(1))
            exchanges.answerFirst(streams ? Self.eventStream : Self.response(Self.answer))
            var got: [String] = []
            for client in clients { got.append(await client.wait(for: streams ? "[DONE]\n\n" : "}}")) }
            return got
        }
        #expect(seen.upstreamRequestCount == 1)
        #expect(seen.got.count { $0.contains("x-leo-cache: miss\r\n") } == 1)
        #expect(seen.got.count { $0.contains("x-leo-cache: coalesced\r\n") } == 9)
        #expect(seen.got.allSatisfy { $0.contains("Hello.") })
    }

    @Test("a leader's client that leaves takes nothing from those who follow", arguments: [false, true])
    func leaderLeaves(streams: Bool) async throws {
        let body = streams ? Self.streamed : Self.question
        let whole = streams ? Self.eventStream : Self.response(Self.answer)
        let seen = try await run { exchanges in
            let leader = try exchanges.make()
            leader.client.send(Self.request(body))
            #expect(await exchanges.waitForRequests(1))
            let follower = try exchanges.make()
            follower.client.send(Self.request(body))
            exchanges.answerFirst(String(whole.prefix(300)))
            if streams {
                #expect(await follower.client.wait { $0.received.contains("x-leo-cache: coalesced") })
            } else {
                #expect(await leader.client.wait { $0.received.contains("x-leo-cache: miss") })
                for _ in 0..<200 { await exchanges.worker.loop.yield() }
            }
            leader.client.close()
            for _ in 0..<200 { await exchanges.worker.loop.yield() }
            exchanges.answerFirst(String(whole.dropFirst(300)))
            return [await follower.wait(for: streams ? "[DONE]\n\n" : "}}")]
        }
        #expect(seen.upstreamRequestCount == 1)
        #expect(seen.got[0].contains("x-leo-cache: coalesced\r\n") && seen.got[0].contains("Hello."))
    }

    @Test("where the leader's upstream dies, one that has received nothing asks in its place")
    func promoted() async throws {
        let seen = try await run { exchanges in
            let clients = try (0..<3).map { _ in try exchanges.make() }
            for client in clients { client.client.send(Self.request(Self.question)) }
            #expect(await exchanges.waitForRequests(1))
            exchanges.closeFirst()
            #expect(await exchanges.waitForRequests(2))
            exchanges.answerFirst(Self.response(Self.answer))
            var got: [String] = []
            for client in clients { got.append(await client.wait(for: "}}")) }
            return got
        }
        #expect(seen.upstreamRequestCount == 2)
        #expect(seen.got.count { $0.hasPrefix("HTTP/1.1 502 ") } == 1)
        #expect(seen.got.count { $0.contains("Hello.") } == 2)
    }

    // MARK: The bench

    private struct Seen: Sendable {
        var got: [String] = []
        var upstreamRequestCount = 0
        var lines: [String] = []
    }

    private func run(
        settings: String = settings, _ body: @escaping @Sendable (Exchanges) async throws -> [String]
    ) async throws -> Seen {
        let fixture = try WorkerFixture { config in
            let (read, mistakes) = Config.read(text: settings, file: "leo.toml", baseDirectory: "/")
            #expect(mistakes.isEmpty)
            config.tenants = read?.tenants ?? config.tenants
        }
        try fixture.shared.accessLog.start()
        var seen = try await fixture.run { worker in
            let exchanges = Exchanges(worker)
            var seen = Seen()
            seen.got = try await body(exchanges)
            seen.upstreamRequestCount = exchanges.requestCount
            await exchanges.end()
            return seen
        }
        seen.lines = try fixture.logLines()
        return seen
    }

    /// Several clients of one worker, and the upstreams that it may use.
    final class Exchanges {
        let worker: WorkerState
        private var fixtures: [ExchangeFixture] = []
        private var answered = 0

        init(_ worker: WorkerState) { self.worker = worker }

        func make() throws -> Client {
            let fixture = try ExchangeFixture(worker)
            fixtures.append(fixture)
            return Client(fixture, self)
        }

        /// The requests that have come at any upstream.
        var requestCount: Int {
            fixtures.reduce(0) { sum, fixture in
                fixture.upstream.take()
                return sum + fixture.upstream.received.ranges(of: "POST ").count
            }
        }

        func waitForRequests(_ count: Int) async -> Bool {
            for _ in 0..<200_000 {
                if requestCount == count { return true }
                await worker.loop.yield()
            }
            return false
        }

        /// Sends something at the upstream that got the last request.
        func answerFirst(_ text: String) {
            fixtures.last { $0.upstream.received.contains("POST ") && !$0.upstream.watcher.isClosed }?.upstream.send(
                text)
        }

        func closeFirst() {
            fixtures.first { $0.upstream.received.contains("POST ") && !$0.upstream.watcher.isClosed }?.upstream.close()
        }

        func end() async { for fixture in fixtures { await fixture.end() } }
    }

    /// One client.
    struct Client {
        let fixture: ExchangeFixture
        let exchanges: Exchanges
        var client: Peer { fixture.client }

        init(_ fixture: ExchangeFixture, _ exchanges: Exchanges) {
            (self.fixture, self.exchanges) = (fixture, exchanges)
        }

        /// Sends a request and waits for its answer; with `answer` the upstream is asked, and gives that.
        func ask(_ request: String, answer: String? = nil, until end: String = "}") async -> String {
            let before = client.received.count
            let countBefore = exchanges.requestCount
            client.send(request)
            if let answer {
                #expect(await exchanges.waitForRequests(countBefore + 1))
                exchanges.answerFirst(answer)
            }
            #expect(
                await client.wait { peer in
                    peer.hasEnded || String(peer.received.dropFirst(before)).hasSuffix(end)
                })
            return String(client.received.dropFirst(before))
        }

        /// What has come when it ends so, or with the connection.
        func wait(for end: String) async -> String {
            #expect(await client.wait { $0.hasEnded || $0.received.contains(end) })
            return client.received
        }
    }
}
