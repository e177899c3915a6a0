import Testing

@testable import Wire

@Suite("request facts")
struct RequestFactsTests {
    @Test("what the SDKs send is read as it was meant", arguments: RecordedRequest.names())
    func recorded(_ name: String) throws {
        let request = try RecordedRequest(name)
        let operation = request.operation
        var lines = ["operation \(operation.name), \(operation.dialect.rawValue), \(operation.operationClass.rawValue)"]
        if let model = operation.model(in: request.path.span) { lines.append("path's model \(model)") }
        if operation.operationClass != .noText {
            do throws(RequestFlaw) {
                lines += try RequestFacts.read(operation, request.body.span).lines(request.body)
            } catch {
                lines.append("flaw \(error.word)")
            }
        }
        let expected = try #require(try RecordedRequest.expected()[name])
        #expect(lines == expected)
    }

    @Test("the recorded requests are all there")
    func complete() throws {
        let expected = try RecordedRequest.expected()
        #expect(expected.count >= 50)
        #expect(RecordedRequest.names() == expected.keys.sorted())
    }

    static let chat = operation("/v1/chat/completions")

    static func operation(_ path: String, _ api: APIFamily = .openai) -> Operation {
        let path = Array(path.utf8)
        return Operation.find(api, method: .post, path: path.span)
    }

    private func facts(_ body: String, _ operation: Operation = chat) throws -> RequestFacts {
        let body = Array(body.utf8)
        return try RequestFacts.read(operation, body.span)
    }

    private func flaw(_ body: String, _ operation: Operation = chat) -> RequestFlaw? {
        let body = Array(body.utf8)
        do throws(RequestFlaw) {
            _ = try RequestFacts.read(operation, body.span)
            return nil
        } catch {
            return error
        }
    }

    @Test(
        "a body that is no JSON object tells nothing, and says why without its bytes",
        arguments: [
            ("", "not_json"), ("{", "not_json"), ("{\"model\":\"secret\"", "not_json"), ("{} {}", "not_json"),
            ("\u{feff}{}", "not_json"), ("[]", "not_an_object"), ("\"secret\"", "not_an_object"),
            ("[", "not_json"), ("null", "not_an_object"), ("{\"a\":\"\\ud800\"}", "not_json"),
            ("model=secret&stream=true", "not_json"), ("{\"model\":1,}", "not_json"),
        ])
    func notJSON(_ body: String, _ word: String) throws {
        let flaw = try #require(self.flaw(body))
        #expect(flaw.word == word)
        #expect(!flaw.explanation.contains("secret"))
    }

    @Test(
        "equal keys are refused wherever they are",
        arguments: [
            #"{"model":"a","model":"b"}"#, #"{"model":"a","mod\u0065l":"b"}"#,
            #"{"messages":[{"role":"user","content":"a","content":"b"}]}"#,
            #"{"tools":[{"function":{"parameters":{"a":1,"a":2}}}]}"#, #"{"max_tokens":1,"n":1,"max_tokens":9}"#,
        ])
    func duplicates(_ body: String) { #expect(flaw(body) == .duplicateKeys) }

    @Test(
        "a member that limits depend on must be of its type",
        arguments: [
            (#"{"model":1}"#, "model"), (#"{"model":["a"]}"#, "model"), (#"{"stream":"true"}"#, "stream"),
            (#"{"stream":1}"#, "stream"), (#"{"max_tokens":"10"}"#, "max_tokens"),
            (#"{"max_tokens":1.5}"#, "max_tokens"),
            (#"{"max_tokens":1e99}"#, "max_tokens"), (#"{"max_completion_tokens":[]}"#, "max_completion_tokens"),
            (#"{"n":"2"}"#, "n"), (#"{"stream_options":true}"#, "stream_options"),
            (#"{"stream_options":{"include_usage":"yes"}}"#, "include_usage"), (#"{"models":"a"}"#, "models"),
            (#"{"models":[1]}"#, "models"),
        ])
    func wrongTypes(_ body: String, _ member: String) {
        #expect(flaw(body) == .wrongType(member: member))
        #expect(flaw(body)?.explanation.contains(member) == true)
    }

    @Test("a wrong type does not hide that the rest is no JSON")
    func wrongTypeThenBroken() {
        #expect(flaw(#"{"model":1,"x":}"#)?.word == "not_json")
        #expect(flaw(#"{"model":1,"a":1,"a":2}"#) == .wrongType(member: "model"))
    }

    @Test(
        "numbers are read however they are written, and what is no limit is none",
        arguments: [
            (#"{"max_tokens":1e3}"#, 1000), (#"{"max_tokens":50.0}"#, 50), (#"{"max_tokens":null}"#, nil),
            (#"{"max_tokens":0}"#, nil), (#"{"max_tokens":-1}"#, nil), (#"{"max_tokens":99999999999}"#, nil),
            (#"{"max_tokens":5,"max_completion_tokens":9}"#, 9), (#"{"max_tokens":5,"max_completion_tokens":null}"#, 5),
            (#"{}"#, nil),
        ])
    func outputLimits(_ body: String, _ limit: Int?) throws { #expect(try facts(body).outputLimit?.value == limit) }

    @Test("only a literal true streams")
    func stream() throws {
        #expect(try facts(#"{"stream":true}"#).stream)
        #expect(try !facts(#"{"stream":false}"#).stream)
        #expect(try !facts(#"{"stream":null}"#).stream)
        #expect(try !facts(#"{"Stream":true}"#).stream)
        // Where the path decides, it does.
        let path = Self.operation("/v1beta/models/m:streamGenerateContent", .gemini)
        #expect(try facts("{}", path).stream)
        let vertex = Self.operation("/v1/p/publishers/anthropic/models/m:rawPredict", .gemini)
        #expect(try !facts(#"{"stream":true}"#, vertex).stream)
    }

    @Test("names with escapes are the names")
    func escapes() throws {
        let body = #"{"\u006dodel":"gpt\u002d4o","m\u0061x_tokens":7}"#
        let facts = try facts(body)
        #expect(facts.model == "gpt-4o")
        #expect(facts.outputLimit?.value == 7)
    }

    @Test("the role counts wherever it stands in its message")
    func roles() throws {
        let facts = try facts(
            """
            {"messages":[{"content":"a","role":"system"},{"role":"assistant","content":"b"},
            {"content":[{"type":"text","text":"c"}],"role":"tool"},{"content":"d"},{"content":"e","role":"queen"}]}
            """)
        #expect(facts.texts.map(\.role) == [.system, .assistant, .tool, .user, .user])
        #expect(facts.messageCount == 5)
    }

    @Test("texts in unknown members count, and data in them counts as media")
    func unknownMembers() throws {
        let data = String(repeating: "QUJD", count: 500)
        let facts = try facts(
            #"{"guided_regex":"[a-z]+","documents":[{"title":"t","deep":{"text":"x"}}],"blob":"\#(data)","#
                + #""messages":[{"role":"user","content":[{"type":"new","sculpture":"data:model/x;base64,\#(data)"}]}]}"#
        )
        #expect(facts.texts.map(\.role) == [.other, .other, .other])
        #expect(facts.mediaCount == 2 && facts.otherMediaByteCount > 2 * 2000)
        // A long text of a known member is a text whatever it looks like.
        let known = try self.facts(#"{"messages":[{"role":"user","content":"\#(data)"}]}"#)
        #expect(known.mediaCount == 0 && known.texts.map(\.range.count) == [2000])
    }

    @Test(
        "what lies with the provider makes a request stateful",
        arguments: [
            (#"{"previous_response_id":"r"}"#, true), (#"{"previous_response_id":null}"#, false),
            (#"{"conversation":{"id":"c"}}"#, true), (#"{"background":true}"#, false),
            (#"{"background":false}"#, false),
            (#"{"prompt":{"id":"p"}}"#, true), (#"{"input":[{"type":"item_reference","id":"i"}]}"#, true),
            (#"{"input":[{"type":"message","role":"user","content":"i"}]}"#, false),
            (#"{"input":[{"role":"user","content":[{"type":"input_file","file_id":"f"}]}]}"#, true),
        ])
    func stateful(_ body: String, _ expected: Bool) throws {
        #expect(try facts(body, Self.operation("/v1/responses")).isStateful == expected)
    }

    @Test("how many answers are asked for has a bound")
    func choices() throws {
        #expect(try facts(#"{"n":3}"#).choiceCount == 3)
        #expect(try facts(#"{"n":-3}"#).choiceCount == 1)
        #expect(try facts(#"{"n":9000000000000000000}"#).choiceCount == 1_000_000)
        let completions = Self.operation("/v1/completions")
        #expect(try facts(#"{"prompt":["a","b"],"n":2,"best_of":5}"#, completions).choiceCount == 10)
    }

    @Test("OpenRouter's fallback models are told, and not without end")
    func fallbackModels() throws {
        #expect(try facts(#"{"model":"a","models":["b","c"]}"#).fallbackModels == ["b", "c"])
        let many = Array(repeating: #""m""#, count: 40).joined(separator: ",")
        #expect(flaw(#"{"models":[\#(many)]}"#) == .tooIntricate)
    }

    @Test("depth has a bound")
    func depth() throws {
        func nested(_ depth: Int) -> String {
            #"{"messages":"# + String(repeating: "[", count: depth) + String(repeating: "]", count: depth) + "}"
        }
        #expect(try facts(nested(100)).messageCount == 0)
        #expect(flaw(nested(200))?.word == "too_deep")
        #expect(flaw(nested(1_000_000))?.word == "too_deep")
        let parts = String(repeating: #"{"content":["#, count: 50) + String(repeating: "]}", count: 50)
        #expect(try facts(#"{"messages":[\#(parts)]}"#).messageCount == 1)
    }

    @Test("the number of texts has a bound, and one long text has none")
    func sizes() throws {
        let embeddings = Self.operation("/v1/embeddings")
        let many = Array(repeating: #""a""#, count: RequestFacts.textCountMax).joined(separator: ",")
        #expect(try facts(#"{"input":[\#(many)]}"#, embeddings).texts.count == RequestFacts.textCountMax)
        #expect(flaw(#"{"input":[\#(many),"b"]}"#, embeddings) == .tooIntricate)
        let long = String(repeating: "lorem ipsum ", count: 100_000)
        #expect(try facts(#"{"input":"\#(long)"}"#, embeddings).texts.map(\.range.count) == [1_200_000])
        let numbers = Array(repeating: "1", count: 100_000).joined(separator: ",")
        #expect(try facts(#"{"input":[\#(numbers)]}"#, embeddings).tokenNumberCount == 100_000)
    }

    @Test("a body cut anywhere, or with any byte changed, is read or refused")
    func damage() throws {
        var random = SplitMix(seed: 4)
        for name in RecordedRequest.names() {
            let request = try RecordedRequest(name)
            let operation = request.operation
            for count in request.body.indices {
                let cut = Array(request.body[..<count])
                #expect(throws: RequestFlaw.self) { _ = try RequestFacts.read(operation, cut.span) }
            }
            for _ in 0..<200 where !request.body.isEmpty {
                var body = request.body
                body[Int.random(in: body.indices, using: &random)] = UInt8.random(in: 0...255, using: &random)
                guard let facts = try? RequestFacts.read(operation, body.span) else { continue }
                #expect(facts.texts.allSatisfy { $0.range.upperBound <= body.count })
            }
        }
    }

    @Test(
        "the input is estimated from its texts, its messages and its media",
        arguments: [
            // OpenAI's vocabulary has 10 tokens for the text.
            (#"{"messages":[{"role":"user","content":"The quick brown fox jumps over the lazy dog."}]}"#, 15...23),
            (#"{"messages":[]}"#, 3...3), (#"{"model":"gpt-4","messages":[{"role":"user","content":""}]}"#, 7...7),
            (#"{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}"#, 1107...1107),
            (#"{"messages":[{"role":"user","content":"\u65e5\u672c\u8a9e"}]}"#, 9...11),
        ])
    func estimate(_ body: String, _ expected: ClosedRange<Int>) throws {
        let bytes = Array(body.utf8)
        let facts = try RequestFacts.read(Self.chat, bytes.span)
        #expect(expected.contains(facts.estimatedInputTokens(bytes.span)), "\(facts.estimatedInputTokens(bytes.span))")
    }

    @Test("tokens given as numbers count one each, and embeddings have no messages")
    func numbers() throws {
        let embeddings = Self.operation("/v1/embeddings")
        let bytes = Array(#"{"model":"text-embedding-3-small","input":[[1,2,3],[4,5]]}"#.utf8)
        #expect(try RequestFacts.read(embeddings, bytes.span).estimatedInputTokens(bytes.span) == 5)
    }
}
