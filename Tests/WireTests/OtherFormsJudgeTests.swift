import Testing

@testable import Wire

/// What becomes of an answer that came as events.
struct StreamVerdict: CustomTestStringConvertible {
    var dialect: OtherForm
    var name: String
    var flaw: AnswerFlaw
    var events: [FormEvent]

    var testDescription: String { "\(dialect.rawValue): \(name)" }

    init(_ dialect: OtherForm, _ name: String, _ flaw: AnswerFlaw, _ events: [FormEvent]) {
        self.dialect = dialect
        self.name = name
        self.flaw = flaw
        self.events = events
    }

    static let all = gemini + cohere + converse

    // MARK: Gemini

    private static func chunk(_ parts: String, _ more: String = "") -> FormEvent {
        FormEvent("", "{\"candidates\":[{\"content\":{\"parts\":[\(parts)],\"role\":\"model\"}\(more)}]}")
    }

    private static let stop = chunk("{\"text\":\"b\"}", ",\"finishReason\":\"STOP\"")

    private static let gemini: [StreamVerdict] = [
        StreamVerdict(.gemini, "nothing", .incomplete, []),
        StreamVerdict(.gemini, "no end", .incomplete, [chunk("{\"text\":\"a\"}")]),
        StreamVerdict(
            .gemini, "the limit", .length,
            [chunk("{\"text\":\"a\"}"), chunk("{\"text\":\"b\"}", ",\"finishReason\":\"MAX_TOKENS\"")]),
        StreamVerdict(
            .gemini, "a filter", .filtered, [chunk("{\"text\":\"a\"}"), chunk("", ",\"finishReason\":\"SAFETY\"")]),
        StreamVerdict(
            .gemini, "a broken call", .unfinished, [chunk("", ",\"finishReason\":\"MALFORMED_FUNCTION_CALL\"")]),
        StreamVerdict(
            .gemini, "a blocked prompt", .filtered,
            [
                FormEvent(
                    "", "{\"promptFeedback\":{\"blockReason\":\"SAFETY\"},\"usageMetadata\":{\"promptTokenCount\":3}}")
            ]
        ),
        StreamVerdict(
            .gemini, "a blocked rating", .filtered,
            [chunk("{\"text\":\"a\"}", ",\"finishReason\":\"STOP\",\"safetyRatings\":[{\"blocked\":true}]")]),
        StreamVerdict(
            .gemini, "an error", .error, [chunk("{\"text\":\"a\"}"), FormEvent("", "{\"error\":{\"code\":503}}")]),
        StreamVerdict(
            .gemini, "no words", .incomplete, [FormEvent("", "{\"candidates\":[{\"finishReason\":\"STOP\"}]}")]),
        StreamVerdict(.gemini, "text behind the end", .malformed, [stop, stop]),
        StreamVerdict(.gemini, "no JSON", .malformed, [FormEvent("", "[DONE]")]),
        StreamVerdict(.gemini, "an array", .malformed, [FormEvent("", "[]")]),
        StreamVerdict(.gemini, "an event with a name", .unknownEvent, [FormEvent("ping", "{}")]),
        StreamVerdict(
            .gemini, "one of two candidates", .incomplete,
            [FormEvent("", "{\"candidates\":[{\"index\":1}]}"), stop]),
        StreamVerdict(
            .gemini, "one candidate twice", .malformed,
            [FormEvent("", "{\"candidates\":[{\"index\":0},{\"finishReason\":\"STOP\"}]}")]),
        StreamVerdict(
            .gemini, "a call in pieces", .unknownEvent,
            [chunk("{\"functionCall\":{\"name\":\"f\",\"willContinue\":true}}"), stop]),
        StreamVerdict(.gemini, "the provider's own tool", .unknownEvent, [chunk("{\"executableCode\":{}}"), stop]),
        StreamVerdict(.gemini, "an image", .unknownEvent, [chunk("{\"inlineData\":{\"data\":\"\"}}"), stop]),
        StreamVerdict(
            .gemini, "two citations", .unknownEvent,
            [
                chunk("{\"text\":\"a\"}", ",\"citationMetadata\":{}"),
                chunk("{\"text\":\"a\"}", ",\"citationMetadata\":{}"),
            ]
        ),
        StreamVerdict(
            .gemini, "a new member", .unknownEvent,
            [
                chunk("{\"text\":\"a\"}"),
                FormEvent("", "{\"modelStatus\":{},\"candidates\":[{\"finishReason\":\"STOP\"}]}"),
            ]
        ),
        StreamVerdict(
            .gemini, "a member that changes", .unknownEvent,
            [FormEvent("", "{\"modelStatus\":1}"), FormEvent("", "{\"modelStatus\":2}")]),
        StreamVerdict(
            .gemini, "a member that ends", .unknownEvent, [FormEvent("", "{\"modelStatus\":1}"), stop]),
    ]

    // MARK: Cohere

    private static func cohere(_ type: String, _ more: String = "") -> FormEvent {
        FormEvent(type, "{\"type\":\"\(type)\"\(more)}")
    }

    private static let begin = cohere("message-start", ",\"id\":\"1\",\"delta\":{\"message\":{\"role\":\"assistant\"}}")
    private static let text = cohere(
        "content-start", ",\"index\":0,\"delta\":{\"message\":{\"content\":{\"type\":\"text\",\"text\":\"a\"}}}")
    private static let textEnd = cohere("content-end", ",\"index\":0")

    private static func end(_ reason: String, _ more: String = "") -> FormEvent {
        cohere("message-end", ",\"delta\":{\"finish_reason\":\"\(reason)\"\(more)}")
    }

    private static let cohere: [StreamVerdict] = [
        StreamVerdict(.cohere, "nothing", .incomplete, []),
        StreamVerdict(.cohere, "no end", .incomplete, [begin, text, textEnd]),
        StreamVerdict(.cohere, "the limit", .length, [begin, text, textEnd, end("MAX_TOKENS")]),
        StreamVerdict(.cohere, "an error", .error, [begin, text, textEnd, end("ERROR")]),
        StreamVerdict(.cohere, "too late", .error, [begin, end("TIMEOUT")]),
        StreamVerdict(.cohere, "another reason", .unfinished, [begin, text, textEnd, end("USER_CANCEL")]),
        StreamVerdict(.cohere, "a filter", .filtered, [begin, text, textEnd, end("ERROR_TOXIC")]),
        StreamVerdict(.cohere, "an error that says it is none", .error, [begin, end("COMPLETE", ",\"error\":\"x\"")]),
        StreamVerdict(.cohere, "an error's event", .error, [begin, cohere("error", ",\"error\":{}")]),
        StreamVerdict(.cohere, "an error instead", .error, [FormEvent("", "{\"message\":\"too many tokens\"}")]),
        StreamVerdict(
            .cohere, "no reason", .unfinished, [begin, text, textEnd, cohere("message-end", ",\"delta\":{}")]),
        StreamVerdict(.cohere, "no words", .incomplete, [begin, end("COMPLETE")]),
        StreamVerdict(.cohere, "a call that is none", .incomplete, [begin, text, textEnd, end("TOOL_CALL")]),
        StreamVerdict(.cohere, "an open block", .malformed, [begin, text, end("COMPLETE")]),
        StreamVerdict(.cohere, "a block out of order", .malformed, [begin, text, textEnd, text]),
        StreamVerdict(.cohere, "two names", .malformed, [FormEvent("content-end", "{\"type\":\"message-start\"}")]),
        StreamVerdict(
            .cohere, "something behind the end", .malformed, [begin, text, textEnd, end("COMPLETE"), textEnd]),
        StreamVerdict(.cohere, "a new event", .unknownEvent, [begin, cohere("audio-delta")]),
        StreamVerdict(.cohere, "an event without a type", .unknownEvent, [FormEvent("", "{}")]),
        StreamVerdict(.cohere, "no JSON", .malformed, [FormEvent("", "hello")]),
        StreamVerdict(
            .cohere, "probabilities", .unknownEvent,
            [
                begin, text,
                cohere(
                    "content-delta",
                    ",\"index\":0,\"logprobs\":{},\"delta\":{\"message\":{\"content\":{\"text\":\"b\"}}}"),
            ]),
        StreamVerdict(
            .cohere, "a new kind of block", .unknownEvent,
            [begin, cohere("content-start", ",\"delta\":{\"message\":{\"content\":{\"type\":\"image\"}}}")]),
    ]

    // MARK: Converse

    private static func converse(_ type: String, _ data: String) -> FormEvent { FormEvent(type, data) }

    private static let hello = [
        converse("messageStart", "{\"role\":\"assistant\",\"p\":\"abc\"}"),
        converse("contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"text\":\"Hi\"}}"),
        converse("contentBlockStop", "{\"contentBlockIndex\":0}"),
    ]
    private static let metadata = converse("metadata", "{\"usage\":{},\"metrics\":{\"latencyMs\":1}}")

    private static func stop(_ reason: String) -> FormEvent {
        converse("messageStop", "{\"stopReason\":\"\(reason)\"}")
    }

    private static func call(_ input: String) -> [FormEvent] {
        [
            converse(
                "contentBlockStart",
                "{\"contentBlockIndex\":1,\"start\":{\"toolUse\":{\"toolUseId\":\"1\",\"name\":\"f\"}}}"),
            converse("contentBlockDelta", "{\"contentBlockIndex\":1,\"delta\":{\"toolUse\":{\"input\":\"\(input)\"}}}"),
            converse("contentBlockStop", "{\"contentBlockIndex\":1}"), stop("tool_use"), metadata,
        ]
    }

    private static let converse: [StreamVerdict] = [
        StreamVerdict(.converse, "nothing", .incomplete, []),
        StreamVerdict(.converse, "no end", .incomplete, hello),
        StreamVerdict(.converse, "no usage", .incomplete, hello + [stop("end_turn")]),
        StreamVerdict(.converse, "the limit", .length, hello + [stop("max_tokens"), metadata]),
        StreamVerdict(.converse, "a full window", .length, hello + [stop("model_context_window_exceeded"), metadata]),
        StreamVerdict(.converse, "a guardrail", .filtered, hello + [stop("guardrail_intervened"), metadata]),
        StreamVerdict(.converse, "a filter", .filtered, hello + [stop("content_filtered"), metadata]),
        StreamVerdict(.converse, "a broken call", .unfinished, hello + [stop("malformed_tool_use"), metadata]),
        StreamVerdict(.converse, "an exception", .error, hello + [converse("throttlingException", "{}")]),
        StreamVerdict(.converse, "no words", .incomplete, [hello[0], stop("end_turn"), metadata]),
        StreamVerdict(.converse, "an open block", .malformed, Array(hello.prefix(2)) + [stop("end_turn"), metadata]),
        StreamVerdict(.converse, "a closed block", .malformed, hello + [hello[1]]),
        StreamVerdict(.converse, "usage first", .malformed, hello + [metadata]),
        StreamVerdict(.converse, "a second end", .malformed, hello + [stop("end_turn"), metadata, metadata]),
        StreamVerdict(.converse, "a new event", .unknownEvent, hello + [converse("thought", "{}")]),
        StreamVerdict(.converse, "a call that is none", .incomplete, hello + [stop("tool_use"), metadata]),
        StreamVerdict(.converse, "arguments cut off", .malformed, hello + call("{\\\"a\\\":")),
        StreamVerdict(.converse, "arguments twice", .malformed, hello + call("{\\\"a\\\":1,\\\"a\\\":2}")),
        StreamVerdict(.converse, "no arguments", .malformed, hello + call("7")),
        StreamVerdict(
            .converse, "the provider's own tool", .unknownEvent,
            hello + [
                converse(
                    "contentBlockStart",
                    """
                    {"contentBlockIndex":1,"start":{"toolUse":{"toolUseId":"1","name":"f","type":"server_tool_use"}}}
                    """)
            ]),
        StreamVerdict(
            .converse, "two kinds in one block", .unknownEvent,
            Array(hello.prefix(2)) + [
                converse(
                    "contentBlockDelta", "{\"contentBlockIndex\":0,\"delta\":{\"reasoningContent\":{\"text\":\"a\"}}}")
            ]),
        StreamVerdict(
            .converse, "an image", .unknownEvent,
            hello + [converse("contentBlockDelta", "{\"contentBlockIndex\":1,\"delta\":{\"image\":{}}}")]),
    ]
}

@Suite("What is kept of the answers of Gemini, Cohere and Bedrock")
struct OtherFormsJudgeTests {
    @Test("a stream that is no complete success is not kept", arguments: StreamVerdict.all)
    func streams(verdict: StreamVerdict) {
        #expect(assemble(verdict.dialect, verdict.events) == .failure(verdict.flaw))
    }

    @Test("the calls of an answer are known")
    func calls() throws {
        let gemini = try #require(FormFixture.all.first { $0.testDescription == "gemini-generate/thinking-calls" })
        let geminiFacts = try GeminiDocument.judge(gemini.document.span)
        #expect(geminiFacts.callsTools)
        #expect(geminiFacts.toolCallIDs == ["fc-1", "fc-2"])
        let cohere = try #require(FormFixture.all.first { $0.testDescription == "cohere-chat/tools" })
        #expect(try CohereDocument.judge(cohere.document.span).toolCallIDs == ["get_1a", "get_2b"])
        let converse = try #require(FormFixture.all.first { $0.testDescription == "bedrock-converse/reasoning-tools" })
        #expect(try ConverseDocument.judge(converse.document.span).toolCallIDs == ["tooluse_1", "tooluse_2"])
        let text = try #require(FormFixture.all.first { $0.testDescription == "bedrock-converse/text" })
        #expect(try ConverseDocument.judge(text.document.span).callsTools == false)
    }

    @Test("what has no place in a stream is not told as one")
    func documentsOnly() {
        let documents: [(OtherForm, String)] = [
            (.gemini, #"{"candidates":[{"content":{"parts":[{"inlineData":{"data":""}}]},"finishReason":"STOP"}]}"#),
            (.gemini, #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"STOP","new":1}]}"#),
            (.gemini, #"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#),
            (.cohere, #"{"text":"Hi","finish_reason":"COMPLETE"}"#),
            (.cohere, #"{"message":{"role":"assistant","content":[]},"logprobs":[],"finish_reason":"COMPLETE"}"#),
            (.cohere, #"{"message":{"role":"assistant","content":[{"type":"image"}]},"finish_reason":"COMPLETE"}"#),
            (
                .converse,
                #"{"output":{"message":{"role":"assistant","content":[{"image":{}}]}},"stopReason":"end_turn"}"#
            ),
            (.converse, #"{"output":{"message":{"role":"a","content":[]}},"stopReason":"end_turn","new":1}"#),
            (
                .converse,
                #"{"output":{"message":{"role":"a","content":[{"citationsContent":{"content":[],"citations":[]}}]}}}"#
            ),
            (.gemini, "[]"), (.cohere, "{}"), (.converse, "7"), (.gemini, ""), (.cohere, "{"), (.converse, "{}}"),
        ]
        for (dialect, document) in documents {
            for framing in dialect.framings {
                #expect(render(dialect, Array(document.utf8), framing) == nil, "\(document)")
            }
        }
    }

    @Test("parts without text fill the memory that is counted")
    func emptyParts() throws {
        var builder = ConverseDocumentBuilder()
        let start = FormEvent("messageStart", "{\"role\":\"assistant\"}")
        var type = Array(start.type.utf8)
        try builder.take(type: type.span, data: start.data.span)
        type = Array("contentBlockDelta".utf8)
        for index in 0..<1024 {
            let data = Array("{\"contentBlockIndex\":\(index),\"delta\":{\"text\":\"\"}}".utf8)
            try builder.take(type: type.span, data: data.span)
        }
        #expect(builder.byteCount > 32 * 1024)
        let data = Array("{\"contentBlockIndex\":1024,\"delta\":{\"text\":\"\"}}".utf8)
        #expect(throws: AnswerFlaw.tooLarge) { try builder.take(type: type.span, data: data.span) }
    }
}
