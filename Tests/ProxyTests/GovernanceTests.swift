import Policy
import Testing
import Wire

@testable import Proxy

/// What a tenant's limits and guards do to exchanges, from client to upstream.
@Suite("A tenant's limits in an exchange")
struct GovernanceTests {
    private static let chat = """
        {"model":"gpt-4o","messages":[{"role":"user","content":"Say hello."}],"max_tokens":50}
        """

    @Test("a rate that is used up is answered in the provider's shape, on a connection that goes on")
    func rate() async throws {
        let answers = try await exchange(limits: "requests = [\"1/h\"]", [Self.chat, Self.chat])
        #expect(answers.seen.count == 1)
        #expect(answers.got[0].hasPrefix("HTTP/1.1 200 "))
        #expect(answers.got[0].contains("x-leo-limit: requests/h; limit=1; remaining=0; reset="))
        #expect(answers.got[1].hasPrefix("HTTP/1.1 429 "))
        #expect(answers.got[1].contains("x-leo-error: rate_limited\r\n"))
        #expect(answers.got[1].contains("Retry-After: "))
        #expect(answers.got[1].contains("\"code\":\"rate_limit_exceeded\""))
        #expect(!answers.got[1].contains("Connection: close"))
        #expect(answers.lines[1].contains("\"error\":\"rate_limited\""))
    }

    @Test("a limit in observe mode changes nothing and says what it would have done")
    func observed() async throws {
        let answers = try await exchange(limits: "requests = [\"1/h\"]\nmode = \"observe\"", [Self.chat, Self.chat])
        #expect(answers.seen.count == 2)
        #expect(answers.got[1].hasPrefix("HTTP/1.1 200 "))
        #expect(!answers.got[1].contains("x-leo-"))
        #expect(answers.lines[1].contains("\"would\":[\"rate_limited: "))
    }

    @Test("a model that is not the tenant's is refused before anything is sent")
    func models() async throws {
        let answers = try await exchange(limits: "models = [\"claude-*\"]", [Self.chat])
        #expect(answers.seen.isEmpty)
        #expect(answers.got[0].hasPrefix("HTTP/1.1 403 "))
        #expect(answers.got[0].contains("x-leo-error: model_refused\r\n"))
        #expect(answers.got[0].contains("x-should-retry: false\r\n"))
    }

    @Test("the output is capped by an edit of that number alone")
    func capped() async throws {
        let answers = try await exchange(limits: "max_output_tokens = 7", [Self.chat])
        let body = Self.chat.replacing("\"max_tokens\":50", with: "\"max_tokens\":7")
        #expect(answers.seen.first?.hasSuffix("\r\n\r\n" + body) == true)
        #expect(answers.seen.first?.contains("Content-Length: \(body.utf8.count)\r\n") == true)
        #expect(answers.lines[0].contains("\"edits\":{\"output_limit\":1}"))
    }

    @Test(
        "without an edit the upstream gets the body that the client sent, however it arrived", arguments: [1, 7, 1000])
    func untouched(every size: Int) async throws {
        let answers = try await exchange(limits: "tokens = [\"100M/day\"]", [Self.chat], every: size)
        #expect(answers.seen.first?.hasSuffix("\r\n\r\n" + Self.chat) == true)
        #expect(answers.lines[0].contains("\"model\":\"gpt-4o\""))
    }

    @Test("usage is taken from the answer, and charged")
    func usage() async throws {
        let answers = try await exchange(limits: "tokens = [\"1000/day burst 1000\"]", [Self.chat])
        #expect(answers.lines[0].contains("\"tokens\":{\"in\":11,\"out\":4}"))
        #expect(answers.lines[0].contains("\"usage_source\":\"provider\""))
        #expect(answers.lines[0].contains("\"limit\":\"tokens/day\",\"limit_remaining\":\"985\""))
    }

    @Test("a request that asks for more than a burst is a mistake, not something to wait for")
    func aboveBurst() async throws {
        let answers = try await exchange(limits: "tokens = [\"100/day burst 10\"]", [Self.chat])
        #expect(answers.got[0].hasPrefix("HTTP/1.1 400 "))
        #expect(answers.got[0].contains("x-leo-error: limit_unreachable\r\n"))
    }

    @Test("a body that no policy can read is refused where tokens are limited, and passes where it may")
    func uninspectable() async throws {
        let body = "{\"model\":\"gpt-4o\",\"model\":\"gpt-5\"}"
        let refused = try await exchange(limits: "tokens = [\"100M/day\"]", [body])
        #expect(refused.got[0].hasPrefix("HTTP/1.1 400 "))
        #expect(refused.got[0].contains("x-leo-error: uninspectable\r\n"))
        let passed = try await exchange(limits: "tokens = [\"100M/day\"]", [body]) {
            $0.destination.onUninspectable = .pass
        }
        #expect(passed.seen.first?.hasSuffix(body) == true)
        #expect(passed.lines[0].contains("\"would\":[\"uninspectable: "))
    }

    @Test("a body that is larger than max_body is refused, with and without a length")
    func tooLarge() async throws {
        let limits = "max_body = \"64B\""
        for chunked in [false, true] {
            let answers = try await exchange(limits: limits, [Self.chat], chunked: chunked)
            #expect(answers.seen.isEmpty)
            #expect(answers.got[0].hasPrefix("HTTP/1.1 413 "))
            #expect(answers.got[0].contains("x-leo-error: body_too_large\r\n"))
        }
    }

    @Test("a body without a length is refused where it is too large to be counted, although max_body allows more")
    func tooLargeToCount() async throws {
        let answers = try await exchange(limits: "max_body = \"1KB\"", [Self.chat], chunked: true) {
            $0.destination.bodyByteCountMax = 64
        }
        #expect(answers.seen.isEmpty)
        #expect(answers.got[0].hasPrefix("HTTP/1.1 413 "))
    }

    @Test("a model in the path is guarded although nobody reads the body")
    func modelInPath() async throws {
        let path = "/openai/deployments/other/audio/transcriptions"
        let answers = try await exchange(limits: "models = [\"gpt-*\"]", [Self.chat], path: path) {
            $0.destination.onUninspectable = .pass
        }
        #expect(answers.seen.isEmpty)
        #expect(answers.got[0].contains("x-leo-error: model_refused\r\n"))
    }

    @Test("an observed max_body is told of once")
    func observedOnce() async throws {
        let answers = try await exchange(
            limits: "max_body = \"64B\"\nmode = \"observe\"\ntokens = [\"100M/day\"]", [Self.chat])
        #expect(answers.lines[0].ranges(of: "body_too_large").count == 1)
    }

    /// What the upstream saw, what the client got, and the lines of the log.
    private struct Seen: Sendable {
        var seen: [String] = []
        var got: [String] = []
        var lines: [String] = []
    }

    private static let answer = """
        {"model":"gpt-4o-2024-08-06","choices":[{"message":{"content":"Hello."},"finish_reason":"stop"}],\
        "usage":{"prompt_tokens":11,"completion_tokens":4,"total_tokens":15}}
        """

    private func exchange(
        limits: String, _ bodies: [String], every size: Int = 1000, chunked: Bool = false,
        path: String = "/v1/chat/completions",
        _ change: @escaping (inout Config) -> Void = { _ in }
    ) async throws -> Seen {
        let text = "[defaults.limits]\n\(limits)\n"
        let fixture = try WorkerFixture { config in
            let (read, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/")
            #expect(mistakes.isEmpty)
            config.tenants = read?.tenants ?? config.tenants
            change(&config)
        }
        try fixture.shared.accessLog.start()
        var result = try await fixture.run { worker in
            let exchange = try ExchangeFixture(worker)
            var result = Seen()
            for body in bodies {
                let head = "POST \(path) HTTP/1.1\r\nHost: api.example.com\r\n"
                let length = String(body.utf8.count, radix: 16)
                let wire =
                    chunked
                    ? "\(head)Transfer-Encoding: chunked\r\n\r\n\(length)\r\n\(body)\r\n0\r\n\r\n"
                    : "\(head)Content-Length: \(body.utf8.count)\r\n\r\n\(body)"
                let gotBefore = exchange.client.received.count
                let seenBefore = exchange.upstream.received.count
                for piece in Array(wire.utf8).pieces(of: size) {
                    exchange.client.send(String(decoding: piece, as: UTF8.self))
                    await worker.loop.yield()
                }
                var isAnswered = false
                _ = await exchange.client.wait { client in
                    exchange.upstream.take()
                    let request = String(exchange.upstream.received.dropFirst(seenBefore))
                    if !isAnswered, request.hasSuffix("}") || request.hasSuffix("0\r\n\r\n") {
                        isAnswered = true
                        result.seen.append(request)
                        exchange.upstream.send(
                            "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
                                + "Content-Length: \(Self.answer.utf8.count)\r\n\r\n\(Self.answer)")
                    }
                    return client.hasEnded || String(client.received.dropFirst(gotBefore)).hasSuffix("}")
                }
                result.got.append(String(exchange.client.received.dropFirst(gotBefore)))
            }
            await exchange.end()
            return result
        }
        result.lines = try fixture.logLines()
        return result
    }
}
