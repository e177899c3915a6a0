import Testing
import Wire

@testable import Cache

@Suite("A request that the cache leaves alone")
struct CacheBypassTests {
    @Test(
        "is one that is no JSON object",
        arguments: [
            "", "   ", "[]", "\"x\"", "1", "null", "{", "{}x", "{} {}", "\u{feff}{}", "{\"a\":1,}", "{\"a\":01}",
            "{'a':1}",
            "{\"a\":NaN}", "{\"a\":\"\\ud800\"}", "{\"a\":\"\\udc00\\ud800\"}", "{\"a\":\"\t\"}", "{\"a\":tru}",
            "{\"a\" 1}",
            "{\"user\":\"\\ud800\"}", "{\"stream\":true", "{}\0",
        ])
    func notJSON(body: String) { #expect(CacheCase(body: body).bypass == .notJSON) }

    @Test("is one whose bytes are not UTF-8, wherever they are")
    func notUTF8() {
        for member in ["x", "user", "metadata"] {
            var body = Array("{\"\(member)\":\"?\"}".utf8)
            body[body.firstIndex(of: UInt8(ascii: "?"))!] = 0xff
            let path = Array("/v1/chat/completions".utf8)
            let operation = Operation.find(.openai, method: .post, path: path.span)
            #expect(throws: CacheBypass.notJSON) { try CacheRequest.read(operation, path.span, body.span) }
        }
    }

    @Test(
        "is one with two equal keys, also in what is ignored",
        arguments: [
            "\"a\":1,\"a\":1", "\"a\":1,\"\\u0061\":2", "\"x\":{\"a\":1,\"b\":2,\"a\":3}",
            "\"stream\":true,\"stream\":true",
            "\"user\":\"a\",\"user\":\"b\"", "\"metadata\":{\"a\":1,\"a\":2}",
            "\"tools\":[],\"x\":[[{\"a\":1,\"a\":2}]]",
            "\"messages\":[{\"role\":\"user\",\"role\":\"user\"}]", "\"\":1,\"\":2",
            "\"logit_bias\":{\"1\":1,\"2\":2,\"1\":3}",
        ])
    func duplicateKeys(members: String) { #expect(CacheCase(body: "{\(members)}").bypass == .duplicateKeys) }

    @Test("is one with two equal keys among many, in any order")
    func manyKeys() {
        let keys = (0..<500).map { "\"k\($0 &* 7919 % 500)\":1" }.joined(separator: ",")
        #expect(CacheCase(body: "{\"logit_bias\":{\(keys)}}").bypass == nil)
        #expect(CacheCase(body: "{\"logit_bias\":{\(keys),\"k17\":1}}").bypass == .duplicateKeys)
        #expect(CacheCase(body: "{\"logit_bias\":{\(keys),\"K_17\":1}}").bypass == .unclearKeys)
    }

    @Test(
        "is one whose keys some server may take for others",
        arguments: [
            "\"Stream\":true", "\"maxTokens\":1", "\"STORE\":true", "\"temperature\":0,\"Temperature\":1",
            "\"x_y\":1,\"xY\":2", "\"\u{17f}tream\":true", "\"tool_Choice\":1", "\"\\u0053tream\":true",
            "\"messages\":[{\"Role\":\"user\"}]", "\"tool_choice\":{\"a\":1,\"A\":2}",
        ])
    func unclearKeys(members: String) { #expect(CacheCase(body: "{\(members)}").bypass == .unclearKeys) }

    @Test("is not one whose data or schemas have such keys")
    func dataKeys() {
        let tools = "\"tools\":[{\"type\":\"function\",\"function\":{\"parameters\":{\"a\":1,\"A\":2,\"\u{e9}\":3}}}]"
        #expect(CacheCase(body: "{\(tools)}").bypass == nil)
        #expect(
            CacheCase.anthropic("", content: "[{\"type\":\"tool_use\",\"input\":{\"aB\":1,\"a_b\":2}}]").bypass == nil)
    }

    @Test("is one that is nested too deeply, and not one that nearly is")
    func depth() {
        let deep = { (count: Int) in
            CacheCase(
                body: "{\"x\":" + String(repeating: "[", count: count) + String(repeating: "]", count: count) + "}")
        }
        #expect(deep(127).bypass == nil)
        #expect(deep(128).bypass == .tooIntricate)
        #expect(deep(100_000).bypass == .tooIntricate)
        let objects = { (count: Int) in
            CacheCase(
                body: String(repeating: "{\"b\":1,\"a\":", count: count) + "1" + String(repeating: "}", count: count))
        }
        #expect(objects(128).bypass == nil)
        #expect(objects(129).bypass == .tooIntricate)
        // Messages within messages go another way.
        let parts = { (count: Int) in
            CacheCase.chat(
                ",\"messages2\":0",
                content: String(repeating: "[{\"type\":\"text\",\"content\":", count: count) + "\"x\""
                    + String(repeating: "}]", count: count))
        }
        #expect(parts(61).bypass == nil)
        #expect(parts(64).bypass == .tooIntricate)
    }

    @Test("is one that has too many keys")
    func keys() {
        let keys = (0..<70_000).map { "\"k\($0)\":1" }.joined(separator: ",")
        #expect(CacheCase(body: "{\(keys)}").bypass == .tooIntricate)
    }

    @Test(
        "is one of an operation that leo keeps nothing of",
        arguments: [
            (APIFamily.openai, "/v1/images/generations", CacheBypass.operation),
            (.openai, "/v1/audio/speech", .operation),
            (.openai, "/v1/batches", .operation), (.openai, "/v1/nothing", .operation),
            (.openai, "/v1/models", .operation),
            (.openai, "/v1/responses/compact", .operation), (.openai, "/v1/conversations", .operation),
            (.openai, "/v1/agents/completions", .operation), (.openai, "/v1/fim/completions", .dialect),
            (.openai, "/v1/../v1/chat/completions", .operation), (.openai, "/v1/chat%2Fcompletions", .operation),
            (.openai, "/v1/chat/completions#x", .operation), (.anthropic, "/v1/messages/batches", .operation),
            (.gemini, "/v1beta/models/m:predict", .operation), (.gemini, "/v1beta/cachedContents", .operation),
            (.gemini, "/v1beta/models/m:generateContent?alt=sse", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?alt=proto", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?alt=sse&alt=json", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?al%74=sse", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?$alt=sse", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?%24ALT=sse", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?alt=s%73e", .dialect),
            (.gemini, "/v1beta/models/m:streamGenerateContent?alt", .dialect), (.cohere, "/v1/tokenize", .operation),
            (.bedrock, "/model/m/invoke-with-response-stream", .dialect),
            (.bedrock, "/model/m/count-tokens", .operation),
        ])
    func operation(api: APIFamily, path: String, reason: CacheBypass) {
        #expect(CacheCase(api: api, path: path, body: "{}").bypass == reason)
    }

    @Test("is one whose content type is not JSON's")
    func contentType() {
        let path = Array("/v1/embeddings".utf8)
        let operation = Operation.find(
            .openai, method: .post, path: path.span, contentType: Array("multipart/form-data".utf8).span)
        #expect(throws: CacheBypass.operation) { try CacheRequest.read(operation, path.span, Array("{}".utf8).span) }
    }

    @Test("tells the same reason in whatever order the members come")
    func reasons() {
        let members = [
            "\"store\":true", "\"audio\":{}", "\"plugins\":[{}]", "\"stream\":1", "\"web_search_options\":{}",
        ]
        for shift in members.indices {
            let turned = (members[shift...] + members[..<shift]).joined(separator: ",")
            #expect(CacheCase(body: "{\(turned)}").bypass == .wrongType)
        }
    }

    @Test("has words that the log can have and sentences for people")
    func words() {
        for reason in CacheBypass.allCases {
            #expect(reason.rawValue.allSatisfy { $0.isLowercase || $0 == "_" })
            #expect(reason.explanation.contains(" "))
        }
        #expect(Set(CacheBypass.allCases.map(\.explanation)).count == CacheBypass.allCases.count)
    }
}
