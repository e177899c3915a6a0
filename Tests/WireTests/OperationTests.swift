import Testing

@testable import Wire

@Suite("operations")
struct OperationTests {
    struct Case: Sendable, CustomTestStringConvertible {
        let api: APIFamily
        let method: HTTP1Method
        let path: String
        let name: String
        let dialect: Dialect
        var operationClass = OperationClass.inspected
        var model: String?
        var streams: Bool?
        var isBatch = false
        var works = true

        var testDescription: String { "\(api.rawValue) \(method) \(path)" }

        init(
            _ api: APIFamily, _ method: HTTP1Method, _ path: String, _ name: String, _ dialect: Dialect,
            _ operationClass: OperationClass = .inspected, model: String? = nil, streams: Bool? = nil,
            isBatch: Bool = false, works: Bool = true
        ) {
            self.api = api
            self.method = method
            self.path = path
            self.name = name
            self.dialect = dialect
            self.operationClass = operationClass
            self.model = model
            self.streams = streams
            self.isBatch = isBatch
            self.works = works
        }
    }

    static let cases: [Case] = [
        Case(.openai, .post, "/v1/chat/completions", "chat.completions", .openaiChat),
        Case(.openai, .post, "/v1/chat/completions/", "chat.completions", .openaiChat),
        Case(.openai, .post, "/v1/chat/completions?api-version=1", "chat.completions", .openaiChat),
        // Groq, OpenRouter, Fireworks, GitHub, Perplexity, Azure's model inference, a gateway.
        Case(.openai, .post, "/openai/v1/chat/completions", "chat.completions", .openaiChat),
        Case(.openai, .post, "/api/v1/chat/completions", "chat.completions", .openaiChat),
        Case(.openai, .post, "/inference/v1/chat/completions", "chat.completions", .openaiChat),
        Case(.openai, .post, "/orgs/acme/inference/chat/completions", "chat.completions", .openaiChat),
        Case(.openai, .post, "/chat/completions", "chat.completions", .openaiChat),
        Case(
            .openai, .post, "/models/chat/completions?api-version=2024-05-01-preview", "chat.completions", .openaiChat),
        Case(.openai, .post, "/v1/acct/gateway/openai/chat/completions", "chat.completions", .openaiChat),
        Case(
            .openai, .post, "/openai/deployments/gpt-4o%20eu/chat/completions?api-version=2024-10-21",
            "chat.completions", .openaiChat, model: "gpt-4o eu"),
        Case(
            .openai, .post, "/openai/deployments/ada/embeddings?api-version=2024-10-21", "embeddings",
            .openaiEmbeddings, model: "ada", streams: false),
        Case(.openai, .post, "/v1/engines/davinci/completions", "completions", .openaiCompletions, model: "davinci"),
        Case(.openai, .post, "/v1/completions", "completions", .openaiCompletions),
        Case(.openai, .post, "/v1/fim/completions", "fim.completions", .openaiCompletions),
        Case(.openai, .post, "/v1/agents/completions", "agents.completions", .openaiChat, .stateful),
        Case(
            .openai, .post, "/async/chat/completions", "async.chat.completions", .openaiOther, .stateful,
            streams: false, isBatch: true),
        Case(.openai, .post, "/v1/responses", "responses", .openaiResponses),
        Case(.openai, .post, "/v1/responses/compact", "responses.compact", .openaiResponses, streams: false),
        Case(
            .openai, .post, "/v1/responses/input_tokens", "responses.input_tokens", .openaiResponses, streams: false,
            works: false),
        Case(
            .openai, .get, "/v1/responses/resp_1?stream=true", "responses.stored", .openaiOther, .noText,
            streams: false, works: false),
        Case(
            .openai, .post, "/v1/responses/resp_1/cancel", "responses.cancel", .openaiOther, .noText, streams: false,
            works: false),
        Case(.openai, .post, "/v1/moderations", "moderations", .openaiModerations, streams: false),
        Case(.openai, .post, "/v1/images/generations", "images.generations", .openaiImages),
        Case(.openai, .post, "/v1/images/edits", "images.edits", .openaiImages, .opaqueMedia),
        Case(.openai, .post, "/v1/audio/speech", "audio.speech", .openaiAudio),
        Case(.openai, .post, "/v1/audio/transcriptions", "audio.transcriptions", .openaiAudio, .opaqueMedia),
        Case(.openai, .get, "/v1/models", "models", .openaiOther, .noText, streams: false, works: false),
        Case(.openai, .head, "/v1/models", "models", .openaiOther, .noText, streams: false, works: false),
        Case(.openai, .get, "/v1/models/a%2Fb", "models", .openaiOther, .noText, streams: false, works: false),
        Case(
            .openai, .post, "/v1/files", "files.upload", .openaiOther, .opaqueMedia, streams: false, works: false),
        Case(.openai, .post, "/v1/batches", "batches", .openaiOther, .stateful, streams: false, isBatch: true),
        Case(.openai, .post, "/v1/batch/jobs", "batches", .openaiOther, .stateful, streams: false, isBatch: true),
        Case(.openai, .get, "/v1/realtime?model=gpt-realtime", "realtime", .openaiOther, .opaqueMedia),
        Case(.openai, .post, "/v1/threads/t/runs", "threads.runs", .openaiOther, .stateful, isBatch: true),
        Case(
            .openai, .post, "/v1/threads/t/messages", "threads.messages", .openaiOther, .stateful, streams: false,
            works: false),
        Case(.openai, .post, "/anthropic/v1/messages", "messages", .anthropicMessages),
        Case(.openai, .options, "/v1/chat/completions", "options", .openaiOther, .noText, works: false),

        Case(.anthropic, .post, "/v1/messages", "messages", .anthropicMessages),
        Case(.anthropic, .post, "/v1/messages?beta=true", "messages", .anthropicMessages),
        Case(
            .anthropic, .post, "/v1/messages/count_tokens", "messages.count_tokens", .anthropicMessages,
            streams: false, works: false),
        Case(
            .anthropic, .post, "/v1/messages/batches", "messages.batches", .anthropicOther, .stateful, streams: false,
            isBatch: true),
        Case(
            .anthropic, .get, "/v1/messages/batches/b/results", "messages.batches.list", .anthropicOther, .noText,
            streams: false, works: false),
        Case(.anthropic, .post, "/v1/chat/completions", "chat.completions", .openaiChat),

        Case(
            .gemini, .post, "/v1beta/models/gemini-2.5-pro:generateContent", "generateContent", .geminiGenerate,
            model: "gemini-2.5-pro", streams: false),
        Case(
            .gemini, .post, "/v1/models/gemini-2.5-pro:streamGenerateContent?alt=sse&key=k", "streamGenerateContent",
            .geminiGenerate, model: "gemini-2.5-pro", streams: true),
        Case(
            .gemini, .post,
            "/v1/projects/p/locations/eu/publishers/google/models/gemini-2.5-flash:streamGenerateContent",
            "streamGenerateContent", .geminiGenerate, model: "gemini-2.5-flash", streams: true),
        Case(
            .gemini, .post, "/v1beta/models/m:countTokens", "countTokens", .geminiGenerate, model: "m",
            streams: false, works: false),
        Case(
            .gemini, .post, "/v1beta/models/e:batchEmbedContents", "batchEmbedContents", .geminiEmbed, model: "e",
            streams: false),
        Case(
            .gemini, .post, "/v1beta/models/imagen-4:predict", "predict", .geminiOther, .opaqueMedia,
            model: "imagen-4", streams: false),
        Case(
            .gemini, .post, "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x@20250101:streamRawPredict",
            "messages", .anthropicMessages, model: "claude-x@20250101", streams: true),
        Case(
            .gemini, .post, "/v1/projects/p/locations/l/publishers/anthropic/models/claude-x:rawPredict", "messages",
            .anthropicMessages, model: "claude-x", streams: false),
        Case(
            .gemini, .post, "/v1/projects/p/locations/l/publishers/anthropic/models/count-tokens:rawPredict",
            "messages.count_tokens", .anthropicMessages, streams: false, works: false),
        Case(
            .gemini, .post, "/v1/projects/p/locations/l/publishers/mistralai/models/codestral:rawPredict",
            "chat.completions", .openaiChat, model: "codestral", streams: false),
        Case(
            .gemini, .post, "/v1/projects/p/locations/l/endpoints/openapi/chat/completions", "chat.completions",
            .openaiChat),
        Case(.gemini, .post, "/v1beta/openai/chat/completions", "chat.completions", .openaiChat),
        Case(.gemini, .post, "/v1beta/openai/embeddings", "embeddings", .openaiEmbeddings, streams: false),
        Case(.gemini, .get, "/v1beta/models", "models", .geminiOther, .noText, streams: false, works: false),
        Case(
            .gemini, .post, "/upload/v1beta/files", "files.upload", .geminiOther, .opaqueMedia, streams: false,
            works: false),
        Case(
            .gemini, .get, "/ws/google.ai.generativelanguage.v1beta.GenerativeService.BidiGenerateContent?key=k",
            "bidiGenerateContent", .geminiOther, .opaqueMedia),

        Case(.cohere, .post, "/v1/chat", "chat", .cohereChat),
        Case(.cohere, .post, "/v2/chat", "chat", .cohereChat),
        Case(.cohere, .post, "/v2/embed", "embed", .cohereEmbed, streams: false),
        Case(.cohere, .post, "/v2/rerank", "rerank", .cohereRerank, streams: false),
        Case(.cohere, .post, "/compatibility/v1/chat/completions", "chat.completions", .openaiChat),
        Case(
            .cohere, .post, "/v1/embed-jobs", "embed-jobs", .cohereOther, .stateful, streams: false, isBatch: true),

        Case(
            .bedrock, .post, "/model/us.anthropic.claude-x-v1%3A0/converse", "converse", .bedrockConverse,
            model: "us.anthropic.claude-x-v1:0", streams: false),
        Case(
            .bedrock, .post,
            "/model/arn%3Aaws%3Abedrock%3Aus-east-1%3A1%3Ainference-profile%2Fus.amazon.nova-v1%3A0/converse-stream",
            "converse-stream", .bedrockConverse,
            model: "arn:aws:bedrock:us-east-1:1:inference-profile/us.amazon.nova-v1:0", streams: true),
        Case(
            .bedrock, .post, "/model/m/invoke-with-response-stream", "invoke-with-response-stream", .bedrockInvoke,
            model: "m", streams: true),
        Case(.bedrock, .post, "/openai/v1/chat/completions", "chat.completions", .openaiChat),
        Case(
            .bedrock, .post, "/async-invoke", "async-invoke", .bedrockOther, .stateful, streams: false, isBatch: true),
    ]

    @Test("a method and a path tell the operation", arguments: cases)
    func finds(_ expected: Case) {
        let path = Array(expected.path.utf8)
        let operation = Operation.find(expected.api, method: expected.method, path: path.span)
        #expect(operation.name == expected.name)
        #expect(operation.dialect == expected.dialect)
        #expect(operation.operationClass == expected.operationClass)
        #expect(operation.model(in: path.span) == expected.model)
        #expect(operation.streamsByPath == expected.streams)
        #expect(operation.isBatchCreation == expected.isBatch)
        #expect(operation.createsWork == expected.works)
    }

    @Test(
        "what servers may read in more than one way, and what no row knows, is unknown and counts as work",
        arguments: [
            "/v1//chat/completions", "/v1/models/../chat/completions", "/v1/models/./x", "/v1/models/%2e%2E/x",
            "/v1/models/..%2Fchat%2Fcompletions", "/v1/models/x%2f..%2fy", "/v1/models/x\\..\\y", "/v1/models/%5c",
            "/v1/chat%2Fcompletions", "/v1/chat/%63ompletions", "/V1/Chat/Completions", "/v1/models/%zz",
            "/v1/models/%", "/v1/models/%00", "", "/", "*", "?x", "v1/chat/completions", "/v1/brand/new",
            "/v1/chat/completions//", "/" + String(repeating: "a/", count: 40) + "v1/chat/completions",
        ])
    func unknown(_ text: String) {
        let path = Array(text.utf8)
        for api in APIFamily.allCases {
            for method in HTTP1Method.allCases {
                let operation = Operation.find(api, method: method, path: path.span)
                if method == .options { continue }
                #expect(operation.name == "unknown")
                #expect(operation.operationClass == .unknown)
                #expect(operation.createsWork && operation.dialect.family == api)
            }
        }
    }

    @Test("a listing is one only by its method", arguments: ["/v1/models", "/v1/files/f", "/v1/responses/r"])
    func methods(_ text: String) {
        let path = Array(text.utf8)
        for method in [HTTP1Method.put, .patch, .other, .trace, .connect] {
            #expect(Operation.find(.openai, method: method, path: path.span).operationClass == .unknown)
        }
    }

    @Test(
        "a body that is called something else than JSON is opaque",
        arguments: [
            ("application/json", OperationClass.inspected), ("Application/JSON; charset=utf-8", .inspected),
            ("text/plain", .inspected), ("", .inspected), ("Multipart/form-data; boundary=x", .opaqueMedia),
            ("audio/wav", .opaqueMedia), ("application/octet-stream", .opaqueMedia),
        ])
    func contentTypes(_ type: String, _ expected: OperationClass) {
        let path = Array("/v1/chat/completions".utf8)
        let contentType = Array(type.utf8)
        let operation = Operation.find(.openai, method: .post, path: path.span, contentType: contentType.span)
        #expect(operation.operationClass == expected)
    }

    @Test("every row is reached by a path of its own form, and none only lists what another sets to work")
    func everyRow() {
        let families: [(APIFamily, [OperationRow], String)] = [
            (.openai, OperationTable.openaiRows, "/v1/"),
            (.anthropic, OperationTable.anthropicMessageRows + OperationTable.anthropicRows, "/"),
            (.gemini, OperationTable.geminiRows, "/v1/"),
            (.cohere, OperationTable.cohereRows, "/v1/"),
            (.bedrock, OperationTable.bedrockRows, "/"),
        ]
        for (api, rows, prefix) in families {
            for row in rows {
                let path = Array((prefix + row.pattern.example).utf8)
                for method in HTTP1Method.allCases where row.methods.contain(method) {
                    let found = Operation.find(api, method: method, path: path.span)
                    #expect(found.operationClass != .unknown, "\(row.name)")
                    if row.effect != .nothing { #expect(found.createsWork, "\(row.name)") }
                    #expect(found.name == row.name, "\(row.name)")
                }
            }
        }
    }
}
