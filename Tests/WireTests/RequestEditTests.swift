import Testing

@testable import Wire

@Suite("request edits")
struct RequestEditTests {
    private static let operations: [String: Operation] = [
        "chat": RequestFactsTests.operation("/v1/chat/completions"),
        "completions": RequestFactsTests.operation("/v1/completions"),
        "responses": RequestFactsTests.operation("/v1/responses"),
        "messages": RequestFactsTests.operation("/v1/messages", .anthropic),
        "gemini": RequestFactsTests.operation("/v1/models/m:generateContent", .gemini),
        "cohere": RequestFactsTests.operation("/v2/chat", .cohere),
        "converse": RequestFactsTests.operation("/model/m/converse", .bedrock),
        "embeddings": RequestFactsTests.operation("/v1/embeddings"),
        "count": RequestFactsTests.operation("/v1/messages/count_tokens", .anthropic),
    ]

    private func capped(
        _ body: String, _ name: String, _ tokenCount: Int, _ field: OutputLimitField = .maxTokens
    ) throws -> String? {
        let operation = try #require(Self.operations[name])
        let bytes = Array(body.utf8)
        let facts = try RequestFacts.read(operation, bytes.span)
        var edits = JSONEdits()
        guard facts.capOutput(operation, tokenCount: tokenCount, field: field, &edits) else {
            #expect(edits.isEmpty)
            return nil
        }
        let edited = edits.apply(to: bytes.span)
        let again = try RequestFacts.read(operation, edited.span)
        #expect(try #require(again.outputLimit).value <= tokenCount)
        #expect(RequestFacts.canLimitOutput(operation))
        return String(decoding: edited, as: UTF8.self)
    }

    @Test(
        "the output's limit is lowered in its place, or inserted as the dialect calls it",
        arguments: [
            ("chat", #"{"model":"m", "max_tokens" : 900 ,"n":1}"#, #"{"model":"m", "max_tokens" : 100 ,"n":1}"#),
            ("chat", #"{"max_tokens":50}"#, #"{"max_tokens":50}"#),
            ("chat", #"{"max_tokens":null}"#, #"{"max_tokens":100}"#),
            ("chat", #"{"max_tokens":-1}"#, #"{"max_tokens":100}"#),
            ("chat", #"{"max_completion_tokens":1e3}"#, #"{"max_completion_tokens":100}"#),
            (
                "chat", #"{"max_completion_tokens":7,"max_tokens":700}"#,
                #"{"max_completion_tokens":7,"max_tokens":100}"#
            ),
            (
                "chat", #"{"max_completion_tokens":null,"max_tokens":700}"#,
                #"{"max_completion_tokens":null,"max_tokens":100}"#
            ),
            ("chat", #"{ "model":"m"}"#, #"{"max_tokens":100, "model":"m"}"#),
            ("chat", #"{}"#, #"{"max_tokens":100}"#),
            ("completions", #"{"prompt":"a"}"#, #"{"max_tokens":100,"prompt":"a"}"#),
            ("responses", #"{"input":"a"}"#, #"{"max_output_tokens":100,"input":"a"}"#),
            ("messages", #"{"max_tokens":4096}"#, #"{"max_tokens":100}"#),
            ("cohere", #"{"model":"c"}"#, #"{"max_tokens":100,"model":"c"}"#),
            (
                "gemini", #"{"generationConfig":{"maxOutputTokens":700}}"#,
                #"{"generationConfig":{"maxOutputTokens":100}}"#
            ),
            (
                "gemini", #"{"generation_config":{"temperature":1}}"#,
                #"{"generation_config":{"maxOutputTokens":100,"temperature":1}}"#
            ),
            ("gemini", #"{"generationConfig":{}}"#, #"{"generationConfig":{"maxOutputTokens":100}}"#),
            ("gemini", #"{"generationConfig":null}"#, #"{"generationConfig":{"maxOutputTokens":100}}"#),
            ("gemini", #"{"contents":[]}"#, #"{"generationConfig":{"maxOutputTokens":100},"contents":[]}"#),
        ])
    func cap(_ name: String, _ body: String, _ expected: String) throws {
        #expect(try capped(body, name, 100) == expected)
    }

    @Test("the provider's row says how the limit is called where leo writes it")
    func field() throws {
        #expect(try capped("{}", "chat", 5, .maxCompletionTokens) == #"{"max_completion_tokens":5}"#)
        #expect(try capped(#"{"max_tokens":9}"#, "chat", 5, .maxCompletionTokens) == #"{"max_tokens":5}"#)
    }

    @Test("what has no output, and what is signed, is not edited", arguments: ["converse", "embeddings", "count"])
    func none(_ name: String) throws {
        #expect(try capped(#"{"inferenceConfig":{"maxTokens":9000},"max_tokens":9000}"#, name, 100) == nil)
        #expect(!RequestFacts.canLimitOutput(try #require(Self.operations[name])))
    }

    private func asked(_ body: String, _ name: String = "chat") throws -> String? {
        let operation = try #require(Self.operations[name])
        let bytes = Array(body.utf8)
        let facts = try RequestFacts.read(operation, bytes.span)
        var edits = JSONEdits()
        guard facts.askForUsage(operation, &edits) else {
            #expect(edits.isEmpty)
            return nil
        }
        let edited = edits.apply(to: bytes.span)
        #expect(try RequestFacts.read(operation, edited.span).streamOptions.asksForUsage)
        return String(decoding: edited, as: UTF8.self)
    }

    @Test(
        "the usage of a stream is asked for, unless the client asked or said no",
        arguments: [
            (#"{"stream":true}"#, #"{"stream_options":{"include_usage":true},"stream":true}"#),
            (
                #"{"stream":true,"stream_options":null}"#, #"{"stream":true,"stream_options":{"include_usage":true}}"#
            ),
            (#"{"stream":true,"stream_options":{}}"#, #"{"stream":true,"stream_options":{"include_usage":true}}"#),
            (
                #"{"stream":true,"stream_options":{"a":1}}"#,
                #"{"stream":true,"stream_options":{"include_usage":true,"a":1}}"#
            ),
            (
                #"{"stream":true,"stream_options":{"include_usage":null}}"#,
                #"{"stream":true,"stream_options":{"include_usage":true}}"#
            ),
            (#"{"stream":true,"stream_options":{"include_usage":true}}"#, nil),
            (#"{"stream":true,"stream_options":{"include_usage":false}}"#, nil),
            (#"{"stream":false}"#, nil), (#"{}"#, nil),
        ])
    func usage(_ body: String, _ expected: String?) throws { #expect(try asked(body) == expected) }

    @Test("only chats and completions of OpenAI's shape are asked", arguments: ["responses", "messages", "cohere"])
    func usageElsewhere(_ name: String) throws { #expect(try asked(#"{"stream":true}"#, name) == nil) }

    @Test("both edits at once leave the rest of a recorded request as it was")
    func both() throws {
        let request = try RecordedRequest("groq-chat")
        let operation = request.operation
        let facts = try RequestFacts.read(operation, request.body.span)
        var edits = JSONEdits()
        #expect(facts.capOutput(operation, tokenCount: 10, field: .maxTokens, &edits))
        #expect(facts.askForUsage(operation, &edits))
        let edited = String(decoding: edits.apply(to: request.body.span), as: UTF8.self)
        let original = String(decoding: request.body, as: UTF8.self)
        #expect(
            edited
                == "{\"stream_options\":{\"include_usage\":true},"
                + original.dropFirst().replacing("\"max_completion_tokens\":20", with: "\"max_completion_tokens\":10"))
    }
}
