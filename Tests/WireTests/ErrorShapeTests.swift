import Testing

@testable import Wire

@Suite("An error that leo answers")
struct ErrorShapeTests {
    private func body(_ family: APIFamily, _ status: Int, _ message: String = "m") -> String {
        String(decoding: family.errorBody(status: status, code: "c", message: message), as: UTF8.self)
    }

    @Test(
        "has OpenAI's shape",
        arguments: [
            (400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
            (404, "invalid_request_error"), (413, "invalid_request_error"), (421, "invalid_request_error"),
            (429, "rate_limit_error"), (500, "server_error"), (502, "server_error"), (503, "server_error"),
            (504, "server_error"),
        ])
    func openAI(status: Int, type: String) {
        #expect(body(.openai, status) == #"{"error":{"message":"m","type":"\#(type)","param":null,"code":"c"}}"#)
    }

    @Test(
        "has Anthropic's shape",
        arguments: [
            (400, "invalid_request_error"), (401, "authentication_error"), (403, "permission_error"),
            (404, "not_found_error"), (413, "request_too_large"), (421, "invalid_request_error"),
            (429, "rate_limit_error"), (500, "api_error"), (502, "api_error"), (503, "overloaded_error"),
            (504, "timeout_error"), (529, "overloaded_error"),
        ])
    func anthropic(status: Int, type: String) {
        #expect(body(.anthropic, status) == #"{"type":"error","error":{"type":"\#(type)","message":"m"}}"#)
    }

    @Test(
        "has Google's shape",
        arguments: [
            (400, "INVALID_ARGUMENT"), (401, "UNAUTHENTICATED"), (403, "PERMISSION_DENIED"), (404, "NOT_FOUND"),
            (408, "DEADLINE_EXCEEDED"), (409, "ABORTED"), (413, "INVALID_ARGUMENT"), (421, "INVALID_ARGUMENT"),
            (429, "RESOURCE_EXHAUSTED"), (499, "CANCELLED"), (500, "INTERNAL"), (501, "UNIMPLEMENTED"),
            (502, "UNAVAILABLE"), (503, "UNAVAILABLE"), (504, "DEADLINE_EXCEEDED"), (505, "INTERNAL"),
        ])
    func gemini(status: Int, name: String) {
        #expect(body(.gemini, status) == #"{"error":{"code":\#(status),"message":"m","status":"\#(name)"}}"#)
    }

    @Test(
        "has Amazon's shape, and its kind in a field",
        arguments: [
            (400, "ValidationException"), (401, "AccessDeniedException"), (403, "AccessDeniedException"),
            (404, "ResourceNotFoundException"), (408, "ModelTimeoutException"), (421, "ValidationException"),
            (424, "ModelErrorException"), (429, "ThrottlingException"), (500, "InternalServerException"),
            (502, "ServiceUnavailableException"), (503, "ServiceUnavailableException"),
        ])
    func bedrock(status: Int, exception: String) {
        #expect(body(.bedrock, status) == #"{"message":"m"}"#)
        let fields = APIFamily.bedrock.errorFields(status: status, code: "c")
        #expect(fields.map(\.name) == ["x-amzn-errortype"])
        #expect(fields.map(\.value) == [exception])
    }

    @Test("has Cohere's shape", arguments: [400, 503])
    func cohere(status: Int) {
        #expect(body(.cohere, status) == #"{"message":"m"}"#)
    }

    @Test("needs no further fields elsewhere", arguments: [APIFamily.openai, .anthropic, .gemini, .cohere])
    func fields(family: APIFamily) {
        #expect(family.errorFields(status: 503, code: "c").isEmpty)
    }

    static let texts: [(String, String)] = [
        (#"say "hi""#, #"say \"hi\""#), (#"a\b"#, #"a\\b"#), ("a\nb\r\tc", #"a\nb\r\tc"#),
        ("\u{0}\u{1}\u{1f}", #"\u0000\u0001\u001f"#), ("\u{7f}", #"\u007f"#), ("\u{8}\u{c}", #"\u0008\u000c"#),
        ("\u{2028}\u{2029}", #"\u2028\u2029"#), ("/<>&'", "/<>&'"), ("é 漢 🦁 e\u{301}", "é 漢 🦁 e\u{301}"), ("", ""),
    ]

    @Test("holds any text as a JSON string", arguments: texts)
    func escaping(text: String, escaped: String) {
        #expect(body(.cohere, 400, text) == "{\"message\":\"\(escaped)\"}")
        let openAI = String(decoding: APIFamily.openai.errorBody(status: 400, code: text, message: ""), as: UTF8.self)
        #expect(openAI.hasSuffix("\"code\":\"\(escaped)\"}}"))
    }
}

@Suite("A refusal of HTTP/1 bytes")
struct HTTP1ErrorTests {
    static let errors: [(HTTP1Error, Int)] =
        HTTP1Flaw.allCases.map { (.malformed($0), 400) } + [
            (.headTooLarge, 431), (.versionUnsupported, 505), (.transferCodingUnsupported, 501),
            (.expectationFailed, 417),
        ]

    @Test("has a status and a reason of its own")
    func explanations() {
        for (error, status) in Self.errors {
            #expect(error.status == status)
            #expect(!error.explanation.isEmpty)
        }
        #expect(Set(Self.errors.map(\.0.explanation)).count == Self.errors.count)
    }
}
