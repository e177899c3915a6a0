import Testing
import Wire

@testable import Cache

@Suite("The key of a request")
struct CacheKeyTests {
    // The key itself

    @Test("is 32 bytes and nothing else")
    func digest() throws {
        let bytes = (0..<32).map { UInt8($0 * 8) }
        let key = try #require(self.key(bytes))
        #expect(key.bytes == bytes)
        #expect(key.text == "0008101820283038404850586068707880889098a0a8b0b8c0c8d0d8e0e8f0f8")
        #expect(key.prefix == 0x0008_1018_2028_3038)
        #expect(self.key(Array(bytes.dropLast())) == nil)
        #expect(self.key(bytes + [0]) == nil)
        for index in bytes.indices {
            var other = bytes
            other[index] ^= 1
            #expect(self.key(other) != key)
        }
    }

    private func key(_ bytes: [UInt8]) -> CacheKey? { CacheKey(digest: bytes.span) }

    // What lies around the body

    private func preamble(
        scope: String = "s", upstream: String = "h:443", _ request: CacheCase = .chat(""),
        _ fields: [(String, String)] = [], ignoring: [String] = []
    ) -> [UInt8] {
        var headers = CacheHeaders(request.operation, ignoring: ignoring)
        for (name, value) in fields { headers.take(name: Array(name.utf8).span, value: Array(value.utf8).span) }
        return CacheKeyInput.preamble(
            scope: Array(scope.utf8).span, upstream: upstream, operation: request.operation,
            target: Array(request.path.utf8).span, headers: headers)
    }

    @Test("holds its parts so that no byte can go from one to the next")
    func parts() {
        #expect(preamble(scope: "ab", upstream: "c") != preamble(scope: "a", upstream: "bc"))
        #expect(preamble(CacheCase.chat(""), [("x", "ab")]) != preamble(CacheCase.chat(""), [("xa", "b")]))
        #expect(preamble(CacheCase.chat(""), [("x", "a"), ("y", "b")]) != preamble(CacheCase.chat(""), [("x", "a")]))
        // What a value can hold is not the syntax of a part.
        let whole = preamble(CacheCase.chat(""), [("x", "a"), ("y", "b")])
        let joined = preamble(CacheCase.chat(""), [("x", "a\r\ny: b")])
        #expect(whole != joined)
        #expect(whole.starts(with: [0, 0, 0, 0, 0, 0, 0, 15] + Array("leo cache key 1".utf8)))
    }

    @Test("does not depend on the cookies of networks before the provider, and on all others")
    func cookies() {
        let plain = preamble(CacheCase.chat(""))
        #expect(preamble(CacheCase.chat(""), [("Cookie", "__cf_bm=a1; _cfuvid=b-2")]) == plain)
        #expect(preamble(CacheCase.chat(""), [("cookie", "AWSALB=x"), ("cookie", " GCLB=y ;")]) == plain)
        let session = preamble(CacheCase.chat(""), [("Cookie", "session=1")])
        #expect(session != plain)
        #expect(preamble(CacheCase.chat(""), [("Cookie", "__cf_bm=z; session=1")]) == session)
        for other in ["session=2", "session", "__cf_bmx=1", "__CF_BM=1", "x__cf_bm=1", "session=1; user=2", "=1"] {
            let cookie = preamble(CacheCase.chat(""), [("Cookie", other)])
            #expect(cookie != plain && cookie != session, "\(other)")
        }
    }

    @Test(
        "does not depend on fields of the transport and of the bookkeeping",
        arguments: [
            "Host", "Connection", "Content-Length", "Content-Encoding", "Transfer-Encoding", "Accept",
            "Accept-Encoding",
            "Accept-Language", "User-Agent", "Expect", "TE", "Date", "Authorization", "X-API-Key", "api-key",
            "X-Goog-Api-Key", "x-stainless-retry-count", "X-Stainless-Lang", "X-Fern-Language", "traceparent",
            "tracestate", "baggage",
            "b3",
            "X-B3-TraceId", "x-datadog-trace-id", "X-Amzn-Trace-Id", "sentry-trace", "X-Request-Id",
            "x-client-request-id", "Idempotency-Key", "Cache-Control", "Pragma", "X-Amz-Date", "X-Amz-Security-Token",
            "x-amz-content-sha256", "amz-sdk-invocation-id", "amz-sdk-request", "x-goog-api-client", "X-Forwarded-For",
            "Forwarded", "Via", "Origin", "Referer", "HTTP-Referer", "X-Title", "Sec-Fetch-Mode", "Priority",
            "x-leo-tenant",
        ])
    func ignored(name: String) {
        #expect(preamble(CacheCase.chat(""), [(name, "v")]) == preamble())
        #expect(preamble(CacheCase.chat(""), [(name.uppercased(), "w")]) == preamble())
    }

    @Test(
        "depends on every other field",
        arguments: [
            "anthropic-version", "anthropic-beta", "OpenAI-Organization", "OpenAI-Project", "OpenAI-Beta", "Cookie",
            "X-Unknown", "x-goog-user-project", "ocp-apim-subscription-key", "azureml-model-deployment",
            "extra-parameters",
            "X-Amzn-Bedrock-GuardrailIdentifier", "X-Amzn-Bedrock-Accept", "x-amzn-bedrock-trace",
            "anthropic-workspace-id",
            "Range", "If-None-Match", "x-stainless", "sec", "x-leo", "hosts", "x-api-key2", "Content-MD5",
        ])
    func kept(name: String) {
        let one = preamble(CacheCase.chat(""), [(name, "v")])
        #expect(one != preamble())
        #expect(one != preamble(CacheCase.chat(""), [(name, "w")]))
        #expect(one == preamble(CacheCase.chat(""), [(name.uppercased(), "v")]))
        #expect(preamble(CacheCase.chat(""), [(name, "v")], ignoring: [name.uppercased()]) == preamble())
    }

    @Test("does not depend on the order of fields, but on that of several with one name")
    func order() {
        let fields = [("x", "1"), ("a", "2"), ("x", "3")]
        #expect(
            preamble(CacheCase.chat(""), fields) == preamble(CacheCase.chat(""), [("a", "2"), ("x", "1"), ("x", "3")]))
        #expect(
            preamble(CacheCase.chat(""), fields) != preamble(CacheCase.chat(""), [("x", "3"), ("a", "2"), ("x", "1")]))
        #expect(
            preamble(CacheCase.chat(""), [("x", "1"), ("x", "2")]) != preamble(CacheCase.chat(""), [("x", "1, 2")]))
    }

    @Test("takes Anthropic's betas as the set that they are")
    func betas() {
        let one = preamble(CacheCase.anthropic(""), [("anthropic-beta", "b-1,a-2")])
        #expect(one == preamble(CacheCase.anthropic(""), [("Anthropic-Beta", " a-2 ,\tb-1,,")]))
        #expect(one == preamble(CacheCase.anthropic(""), [("anthropic-beta", "b-1"), ("anthropic-beta", "a-2")]))
        #expect(one != preamble(CacheCase.anthropic(""), [("anthropic-beta", "a-2")]))
        #expect(one != preamble(CacheCase.anthropic(""), [("anthropic-beta", "B-1,a-2")]))
        #expect(preamble(CacheCase.anthropic(""), [("anthropic-beta", "")]) == preamble(CacheCase.anthropic("")))
    }

    @Test(
        "takes a content type for granted that says no more than JSON",
        arguments: [
            ("application/json", true), ("Application/JSON; charset=UTF-8", true),
            ("application/json;charset=\"utf-8\"", true),
            ("application/json; charset=iso-8859-1", false), ("application/json; charset=utf-16", false),
            ("text/plain", false), ("application/x-ndjson", false), ("", false),
        ])
    func contentType(value: String, isPlain: Bool) {
        #expect((preamble(CacheCase.chat(""), [("Content-Type", value)]) == preamble()) == isPlain)
    }

    @Test("depends on the format that an invoked model is to answer in")
    func accept() {
        let invoke = CacheCase.invoke("{}")
        #expect(preamble(invoke, [("Accept", "application/json")]) != preamble(invoke, [("Accept", "image/png")]))
    }

    @Test(
        "differs for paths and queries that a server may tell apart",
        arguments: [
            ("/v1/chat/completions", "/openai/v1/chat/completions"), ("/v1/chat/completions", "/v1/chat/completions/"),
            ("/v1/chat/completions", "/v1/chat/completions?"), ("/v1/chat/completions?a=1", "/v1/chat/completions?a=2"),
            ("/v1/chat/completions?a=1&b=2", "/v1/chat/completions?b=2&a=1"),
            ("/v1/chat/completions?a=1&a=2", "/v1/chat/completions?a=2&a=1"),
            ("/v1/chat/completions?a=1&a=2", "/v1/chat/completions?a=1"),
            ("/v1/chat/completions?key=1", "/v1/chat/completions?key=2"),
            (
                "/openai/deployments/a/chat/completions?api-version=1",
                "/openai/deployments/a/chat/completions?api-version=2"
            ),
            ("/openai/deployments/a/chat/completions", "/openai/deployments/b/chat/completions"),
            ("/openai/deployments/a/chat/completions", "/openai/deployments/%61/chat/completions"),
        ])
    func targets(one: String, other: String) {
        #expect(preamble(CacheCase(path: one, body: "{}")) != preamble(CacheCase(path: other, body: "{}")))
    }

    @Test("differs for operations of one form: a tenant's chat is not another dialect's")
    func dialects() {
        var seen: Set<[UInt8]> = []
        for request in [
            CacheCase.chat(""), .responses(""), .anthropic(""), .gemini(""), .cohere(""), .converse(""), .invoke("{}"),
            CacheCase(path: "/v1/completions", body: "{}"), CacheCase(path: "/v1/embeddings", body: "{}"),
            CacheCase(path: "/v1/moderations", body: "{}"),
        ] {
            #expect(seen.insert(preamble(request)).inserted)
        }
    }

    // Forms that share an entry

    @Test("is the same whether the answer streams or not")
    func forms() throws {
        #expect(CacheCase.chat(",\"stream\":true").keyBytes == CacheCase.chat("").keyBytes)
        #expect(CacheCase.anthropic(",\"stream\":true").keyBytes == CacheCase.anthropic("").keyBytes)
        #expect(CacheCase.cohere(",\"stream\":true").keyBytes == CacheCase.cohere("").keyBytes)
        #expect(CacheCase.responses(",\"stream\":true").keyBytes == CacheCase.responses("").keyBytes)
        #expect(CacheCase.converse("", path: "converse-stream").keyBytes == CacheCase.converse("").keyBytes)
        let plain = CacheCase.gemini("")
        for (path, form) in [
            ("streamGenerateContent", AnswerForm.array), ("streamGenerateContent?alt=json", .array),
            ("streamGenerateContent?alt=sse", .stream(tellsUsage: true)), ("generateContent?key=AIza", .document),
            ("streamGenerateContent?key=AIza&alt=sse", .stream(tellsUsage: true)),
            ("generateContent?alt=json", .document),
        ] {
            let other = CacheCase.gemini("", path: path)
            #expect(other.keyBytes == plain.keyBytes)
            #expect(try other.read().form == form)
            #expect(try (other.read().formText == plain.read().formText) == (form == .document))
        }
        #expect(CacheCase.gemini("", path: "generateContent?fields=a").keyBytes != plain.keyBytes)
        #expect(CacheCase.gemini("", path: "generateContent?access_token=a").keyBytes != plain.keyBytes)
        #expect(CacheCase.gemini("", path: "generateContent?KEY=a").keyBytes != plain.keyBytes)
        #expect(CacheCase.gemini("", path: "countTokens").keyBytes != plain.keyBytes)
    }

    @Test("is not the same for a model that is called like the operation")
    func modelsLikeOperations() {
        let one = CacheCase(api: .bedrock, path: "/model/converse-stream/converse", body: "{}")
        let other = CacheCase(api: .bedrock, path: "/model/converse/converse", body: "{}")
        #expect(one.keyBytes != other.keyBytes)
        let third = CacheCase(api: .gemini, path: "/v1/models/a:streamGenerateContent:generateContent", body: "{}")
        let fourth = CacheCase(api: .gemini, path: "/v1/models/a:generateContent:generateContent", body: "{}")
        #expect(third.keyBytes != nil && third.keyBytes != fourth.keyBytes)
    }

    @Test("keeps the bytes of streams apart whose form was asked for otherwise")
    func formText() throws {
        let texts = try [
            "", ",\"stream\":true", ",\"stream\":true,\"stream_options\":{\"include_usage\":true}",
            ",\"stream\":true,\"stream_options\":{\"include_usage\":false}",
            ",\"stream\":true,\"stream_options\":{\"include_obfuscation\":false}",
        ].map { try CacheCase.chat($0).read().formText }
        #expect(Set(texts).count == texts.count)
        #expect(try CacheCase.chat(",\"stream\":false").read().formText == texts[0])
        let spaced = ",\"stream_options\" : { \"include_usage\" : true }, \"stream\" : true"
        #expect(try CacheCase.chat(spaced).read().formText == texts[2])
    }

    @Test("needs path and body to say the same where both say whether it streams")
    func rawPredict() {
        let vertex = { (verb: String, body: String) in
            CacheCase(
                api: .gemini, path: "/v1/projects/p/locations/l/publishers/anthropic/models/claude:\(verb)", body: body)
        }
        #expect(vertex("rawPredict", "{}").bypass == nil)
        #expect(vertex("streamRawPredict", "{\"stream\":true}").bypass == nil)
        #expect(vertex("rawPredict", "{\"stream\":true}").bypass == .dialect)
        #expect(vertex("streamRawPredict", "{}").bypass == .dialect)
    }

    // The model, and calls that stand in the conversation

    @Test("comes with the model that the body or the path names")
    func model() throws {
        #expect(try CacheCase.chat(",\"models\":[\"x\"]").read().model == "m")
        #expect(try CacheCase.gemini("").read().model == "m")
        #expect(try CacheCase.converse("").read().model == "anthropic.claude-v2:1")
        let path = "/openai/deployments/d/chat/completions"
        #expect(try CacheCase(path: path, body: "{\"messages\":[]}").read().model == "d")
        #expect(try CacheCase(body: "{\"models\":[\"x\"]}").read().model == nil)
    }

    @Test("is deterministic where no temperature matters")
    func deterministic() throws {
        let body = "{\"input\":\"x\",\"model\":\"m\"}"
        #expect(try CacheCase(path: "/v1/embeddings", body: body).read().isDeterministic)
        #expect(try CacheCase(path: "/v1/moderations", body: body).read().isDeterministic)
        #expect(try CacheCase(path: "/v1/responses/input_tokens", body: body).read().isDeterministic)
        #expect(try CacheCase(api: .anthropic, path: "/v1/messages/count_tokens", body: "{}").read().isDeterministic)
        #expect(try CacheCase.gemini("", path: "countTokens").read().isDeterministic)
        #expect(try CacheCase(api: .cohere, path: "/v2/rerank", body: "{}").read().isDeterministic)
        #expect(try CacheCase.invoke("{}", model: "amazon.titan-embed-text-v2%3A0").read().isDeterministic)
        #expect(try !CacheCase.invoke("{}", model: "m").read().isDeterministic)
        #expect(try CacheCase.gemini(",\"generationConfig\":{\"temperature\":0.0}").read().isDeterministic)
        #expect(try CacheCase.gemini(",\"generation_config\":{\"temperature\":0}").read().isDeterministic)
        #expect(try !CacheCase.gemini(",\"generationConfig\":{\"temperature\":\"0\"}").read().isDeterministic)
        #expect(try !CacheCase.gemini(",\"temperature\":0").read().isDeterministic)
        #expect(try CacheCase.converse(",\"inferenceConfig\":{\"temperature\":0}").read().isDeterministic)
        let both = ",\"inferenceConfig\":{\"temperature\":0},\"additionalModelRequestFields\":{\"temperature\":1}"
        #expect(try !CacheCase.converse(both).read().isDeterministic)
        #expect(try CacheCase.anthropic(",\"temperature\":0").read().isDeterministic)
        #expect(try CacheCase.cohere(",\"temperature\":0").read().isDeterministic)
        #expect(try !CacheCase.chat(",\"x\":{\"temperature\":0}").read().isDeterministic)
        #expect(try !CacheCase.chat("").read().isDeterministic)
    }

    @Test("knows the calls that stand in the conversation")
    func mentions() throws {
        let id = "call_\\u0041\\/1"
        let request = try CacheCase(
            body:
                "{\"messages\":[{\"role\":\"tool\",\"tool_call_id\":\"\(id)\",\"content\":\"\\\"call_9\\\" call_8\"}]}"
        ).read()
        #expect(request.mentions(toolCallID: "call_A/1"))
        #expect(!request.mentions(toolCallID: "call_A/"))
        #expect(!request.mentions(toolCallID: "all_A/1"))
        #expect(!request.mentions(toolCallID: "call_9"))
        #expect(!request.mentions(toolCallID: "call_8"))
        #expect(!request.mentions(toolCallID: ""))
    }
}
