import Testing

@testable import Wire

/// Answers that no provider should give.
@Suite("The answer meter, given nonsense,")
struct AnswerHostileTests {
    private static let json = "application/json"
    private static let events = "text/event-stream"

    private static func read(_ text: String, _ dialect: Dialect = .openaiChat, _ type: String = json) -> AnswerReading {
        let body = Array(text.utf8)
        let whole = AnswerReading(body, dialect, type)
        for size in [1, 2, 3, 7] {
            let pieces = AnswerReading(body, dialect, type, pieces: size)
            #expect(pieces == whole, "in pieces of \(size): \(text)")
        }
        return whole
    }

    private static func usage(input: Int, output: Int) -> Usage {
        var usage = Usage()
        usage.inputTokens = input
        usage.outputTokens = output
        return usage
    }

    @Test(
        "reads no usage from a usage object that is absurd",
        arguments: [
            "-1", "1.5", "1e-1", "1000000001", "1e10", "99999999999999999999", "1e999999999", "-0.5", "\"12\"", "\"\"",
            "true", "false", "[]", "[12]", "{}", "{\"n\":12}", "1.", ".5", "+1", "012", "0x10", "1e", "NaN", "nul",
            "--1",
            String(repeating: "9", count: 200), "1" + String(repeating: "0", count: 300),
        ])
    func absurd(_ number: String) {
        let before = "{\"model\":\"m\",\"choices\":[],\"usage\":{\"prompt_tokens\":"
        let reading = Self.read(before + number + ",\"completion_tokens\":5,\"total_tokens\":9}}")
        #expect(reading.usage == nil)
        #expect(reading.model == "m")
        let second = Self.read("{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":\(number)}}")
        #expect(second.usage == nil)
        let part = Self.read(
            "{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":5,\"prompt_tokens_details\":{\"cached_tokens\":\(number)}}}"
        )
        #expect(part.usage == nil)
    }

    @Test(
        "takes a whole number for what it is, however it is written",
        arguments: [
            ("12", 12), ("12.0", 12), ("1.2e1", 12), ("120E-1", 12), ("0", 0), ("-0", 0), ("0.0", 0),
            ("1e9", 1_000_000_000),
            ("1000000000", 1_000_000_000), (" 7 ", 7),
        ])
    func whole(_ text: String, _ number: Int) {
        let reading = Self.read("{\"usage\":{\"prompt_tokens\":\(text),\"completion_tokens\":1}}")
        #expect(reading.usage == Self.usage(input: number, output: 1))
    }

    @Test(
        "reads no usage where it is missing, null, or no object",
        arguments: [
            "{}", "{\"usage\":null}", "{\"usage\":{}}", "{\"usage\":[]}", "{\"usage\":\"none\"}", "{\"usage\":7}",
            "{\"usage\":true}", "{\"usage\":{\"prompt_tokens\":4}}", "{\"usage\":{\"completion_tokens\":4}}",
            "{\"usage\":{\"prompt_tokens\":null,\"completion_tokens\":null}}", "{\"usage\":[{\"prompt_tokens\":4}]}",
            "[{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":4}}]", "\"usage\"", "7", "null", "", "   ",
            "{\"a\":{\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":4}}}",
            "{\"usage \":{\"prompt_tokens\":4,\"completion_tokens\":4}}",
            "{\"Usage\":{\"prompt_tokens\":4,\"completion_tokens\":4}}",
            "{\"choices\":[{\"message\":{\"content\":\"\\\"usage\\\":{\\\"prompt_tokens\\\":4,\\\"completion_tokens\\\":4}\"}}]}",
        ])
    func absent(_ text: String) {
        #expect(Self.read(text).usage == nil)
    }

    @Test("takes a part that is larger than its whole for nonsense")
    func parts() {
        let details = "\"prompt_tokens_details\":{\"cached_tokens\":11}"
        #expect(Self.read("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1,\(details)}}").usage == nil)
        let reasoning = "\"completion_tokens_details\":{\"reasoning_tokens\":2}"
        #expect(Self.read("{\"usage\":{\"prompt_tokens\":10,\"completion_tokens\":1,\(reasoning)}}").usage == nil)
        let written = "\"cache_creation_input_tokens\":1,\"cache_creation\":{\"ephemeral_1h_input_tokens\":2}"
        #expect(
            Self.read("{\"usage\":{\"input_tokens\":9,\"output_tokens\":1,\(written)}}", .anthropicMessages).usage
                == nil)
        let sum = "\"cache_read_input_tokens\":1000000000"
        #expect(
            Self.read("{\"usage\":{\"input_tokens\":9,\"output_tokens\":1,\(sum)}}", .anthropicMessages).usage == nil)
        let total = "\"total_tokens\":1000000000"
        #expect(Self.read("{\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":1,\(total)}}").usage != nil)
    }

    @Test("takes a number that is told twice for nonsense, unless it is the same")
    func duplicates() {
        let one = "\"prompt_tokens\":10,\"completion_tokens\":1"
        #expect(Self.read("{\"usage\":{\(one),\"prompt_tokens\":1}}").usage == nil)
        #expect(Self.read("{\"usage\":{\(one),\"prompt_tokens\":10}}").usage == Self.usage(input: 10, output: 1))
        #expect(Self.read("{\"usage\":{\(one)},\"usage\":{\"prompt_tokens\":0,\"completion_tokens\":0}}").usage == nil)
        #expect(Self.read("{\"usage\":{\(one)},\"usage\":{\(one)}}").usage == Self.usage(input: 10, output: 1))
        #expect(Self.read("{\"usage\":{\(one),\"prompt_t\\u006fkens\":1}}").usage == nil)
    }

    @Test("knows a key by its characters, not by its spelling")
    func escapes() {
        let text =
            "{\"\\u0075sage\":{\"prompt\\u005Ftokens\":10,\"completion_tokens\":1},\"m\\u006fdel\":\"a\\/b\\u00e9\\ud83d\\ude00\"}"
        let reading = Self.read(text)
        #expect(reading.usage == Self.usage(input: 10, output: 1))
        #expect(reading.model == "a/bé😀")
    }

    @Test(
        "has no name for a model that is too long, or is none",
        arguments: [
            "\"" + String(repeating: "m", count: 129) + "\"", "\"\"", "null", "7", "{}", "[\"m\"]", "\"\\ud800\"",
            "\"\\x\"", "\"\\u12\"",
        ])
    func model(_ text: String) {
        #expect(Self.read("{\"model\":\(text),\"choices\":[]}").model == nil)
    }

    @Test("reads on after events that are broken, unknown, or no JSON")
    func brokenEvents() {
        let usage = "data: {\"choices\":[],\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}}\n\ndata: [DONE]\n\n"
        for broken in [
            "data: {\"choices\":[{\"delta\":{\"content\":\"Hel\n\n", "data: }{\n\n",
            "data: {\"usage\":{\"prompt_tokens\":9,\n\n",
            "data: {\"a\":1} {\"b\":2}\n\n", "data: {\"a\" 1}\n\n", "data: [1,2]\n\n", "data: {,}\n\n",
            "data: \u{0}\n\n",
            "data: {\"a\":[}]\n\n",
        ] {
            let reading = Self.read(broken + usage, .openaiChat, Self.events)
            #expect(reading.usage == Self.usage(input: 3, output: 2), "\(broken)")
            #expect(reading.isTerminated)
        }
        for odd in [
            "event: surprise\ndata: {\"type\":\"surprise\",\"deep\":[[[[[[[[[[[[[[[[[[[[[{}]]]]]]]]]]]]]]]]]]]]]}\n\n",
            ": hi\n\n",
            "id: 7\nretry: 1\n\n", "data\n\n", "data:\n\n", "data: 7\n\n", "data: \"text\"\n\n", "dat: {\n\n",
            "\u{feff}",
        ] {
            let reading = Self.read(odd + usage, .openaiChat, Self.events)
            #expect(reading.usage == Self.usage(input: 3, output: 2), "\(odd)")
            #expect(reading.isTerminated)
            #expect(!reading.isBroken, "\(odd)")
        }
    }

    @Test("says that a document is broken, and believes what it told before")
    func brokenDocument() {
        let usage = "\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2}"
        #expect(Self.read("{\(usage),]").isBroken)
        #expect(Self.read("{\(usage)}}").isBroken)
        #expect(Self.read("{\(usage)} {}").isBroken)
        let cut = Self.read("{\(usage),\"choices\":[{\"mess")
        #expect(!cut.isTerminated)
        #expect(cut.usage == Self.usage(input: 3, output: 2))
        #expect(Self.read("{\"usage\":{\"prompt_tokens\":3,\"completion_tokens\":2").usage == nil)
    }

    @Test("joins the lines of an event's data, but not within a string")
    func lines() {
        let reading = Self.read(
            "data: {\"usage\":\ndata: {\"prompt_tokens\":3\ndata:,\"completion_tokens\"\ndata: :2}\ndata:}\n\ndata: [DONE]\n\n",
            .openaiChat, Self.events)
        #expect(reading.usage == Self.usage(input: 3, output: 2))
        #expect(!reading.isBroken)
        let inString = Self.read("data: {\"model\":\"a\ndata: b\"}\n\n", .openaiChat, Self.events)
        #expect(inString.model == nil)
        #expect(inString.isBroken)
    }

    @Test("reads a stream that never ends, and keeps nothing of it")
    func endless() {
        var meter = AnswerMeter(.openaiChat, contentType: Array(Self.events.utf8).span)
        let chunk = Array(
            "data: {\"choices\":[{\"index\":0,\"delta\":{\"content\":\" word\"}}],\"usage\":null}\n\n".utf8)
        for _ in 0..<20_000 { meter.take(chunk.span) }
        let counted = meter.meteredOutputTokens
        #expect((10_000...40_000).contains(counted))
        let usage = meter.usage
        #expect(usage == nil)
        // And one event that never ends, in one line.
        let bytes = [UInt8](repeating: UInt8(ascii: "a"), count: 1 << 16)
        meter.take(Array("data: {\"choices\":[{\"delta\":{\"content\":\"".utf8).span)
        for _ in 0..<64 { meter.take(bytes.span) }
        let isTerminated = meter.isTerminated
        #expect(!isTerminated)
        meter.take(Array("\"}}]}\n\ndata: [DONE]\n\n".utf8).span)
        meter.end()
        let isOver = meter.isTerminated
        let isBroken = meter.isBroken
        #expect(isOver)
        #expect(!isBroken)
    }

    @Test("counts what a stream has said, whatever its dialect")
    func metered() {
        let words = String(repeating: "The quick brown fox jumps over the lazy dog. ", count: 20)
        let expected = AnswerReading(
            Array("{\"choices\":[{\"message\":{\"content\":\"\(words)\"}}]}".utf8), .openaiChat, Self.json
        ).tokens
        // 200 by the vocabulary; how good the estimate is, its own tests say.
        #expect((140...320).contains(expected))
        for (dialect, event) in [
            (Dialect.openaiChat, "{\"choices\":[{\"delta\":{\"content\":\"\(words)\"}}]}"),
            (.openaiChat, "{\"choices\":[{\"delta\":{\"reasoning_content\":\"\(words)\"}}]}"),
            (.openaiCompletions, "{\"choices\":[{\"text\":\"\(words)\"}]}"),
            (.openaiResponses, "{\"type\":\"response.output_text.delta\",\"delta\":\"\(words)\"}"),
            (
                .anthropicMessages,
                "{\"type\":\"content_block_delta\",\"delta\":{\"type\":\"text_delta\",\"text\":\"\(words)\"}}"
            ),
            (.anthropicMessages, "{\"type\":\"content_block_delta\",\"delta\":{\"thinking\":\"\(words)\"}}"),
            (.anthropicMessages, "{\"type\":\"content_block_delta\",\"delta\":{\"partial_json\":\"\(words)\"}}"),
            (.geminiGenerate, "{\"candidates\":[{\"content\":{\"parts\":[{\"text\":\"\(words)\"}]}}]}"),
            (.cohereChat, "{\"type\":\"content-delta\",\"delta\":{\"message\":{\"content\":{\"text\":\"\(words)\"}}}}"),
        ] {
            #expect(Self.read("data: \(event)\n\n", dialect, Self.events).tokens == expected, "\(dialect) \(event)")
        }
    }

    @Test("joins what a cut answer has told with what has gone by")
    func cutUsage() throws {
        func metered(_ name: String, cutBehind bytes: Int? = nil) throws -> Usage {
            let answer = try #require(AnswerCase(named: name))
            var meter = AnswerMeter(answer.dialect, contentType: Array(answer.contentType.utf8).span)
            meter.take(answer.body.span.extracting(0..<(bytes ?? answer.body.count)))
            meter.end()
            let usage = meter.usage
            #expect(usage == nil)
            return meter.meteredUsage(estimatedInputTokens: 70)
        }
        let anthropic = try metered("anthropic-stream-cut")
        #expect(anthropic.inputTokens == 2025)
        #expect(anthropic.cachedTokens == 2000)
        #expect((3...6).contains(anthropic.outputTokens))
        let late = try metered("anthropic-stream-late-input", cutBehind: 700)
        #expect(late.inputTokens == 70)
        let gemini = try metered("gemini-stream-array-cut")
        #expect(gemini.outputTokens == 35)
        #expect(gemini.reasoningTokens == 30)
        let openai = try metered("openai-chat-stream-cut")
        #expect(openai.inputTokens == 70)
        #expect((2...8).contains(openai.outputTokens))
    }

    @Test("knows a call of a tool that is not complete")
    func openCalls() {
        func isOpen(_ dialect: Dialect, _ events: [String]) -> Bool {
            Self.read(events.map { "data: \($0)\n\n" }.joined(), dialect, Self.events).hasOpenToolCall
        }
        let call = "{\"choices\":[{\"delta\":{\"tool_calls\":[{\"index\":0,\"function\":{\"arguments\":\"{\"}}]}}]}"
        #expect(isOpen(.openaiChat, [call]))
        #expect(!isOpen(.openaiChat, [call, "{\"choices\":[{\"delta\":{},\"finish_reason\":\"tool_calls\"}]}"]))
        #expect(!isOpen(.openaiChat, ["{\"choices\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":[]}}]}"]))
        #expect(!isOpen(.openaiChat, ["{\"choices\":[{\"delta\":{\"content\":\"a\",\"tool_calls\":null}}]}"]))
        let begin =
            "{\"type\":\"content_block_start\",\"index\":1,\"content_block\":{\"type\":\"tool_use\",\"input\":{}}}"
        #expect(isOpen(.anthropicMessages, [begin]))
        #expect(!isOpen(.anthropicMessages, [begin, "{\"type\":\"content_block_stop\",\"index\":1}"]))
        #expect(
            !isOpen(.anthropicMessages, ["{\"type\":\"content_block_start\",\"content_block\":{\"type\":\"text\"}}"]))
        let added = "{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"function_call\",\"arguments\":\"\"}}"
        let done = "{\"type\":\"response.output_item.done\",\"item\":{\"type\":\"function_call\",\"arguments\":\"\"}}"
        #expect(isOpen(.openaiResponses, [added]))
        #expect(isOpen(.openaiResponses, [added, added, done]))
        #expect(!isOpen(.openaiResponses, [added, added, done, done]))
        #expect(
            !isOpen(.openaiResponses, ["{\"type\":\"response.output_item.added\",\"item\":{\"type\":\"message\"}}"]))
        #expect(isOpen(.cohereChat, ["{\"type\":\"tool-call-start\"}"]))
        #expect(!isOpen(.cohereChat, ["{\"type\":\"tool-call-start\"}", "{\"type\":\"tool-call-end\"}"]))
    }

    @Test("reads nothing of errors, of media, and of operations that set no model to work")
    func silent() {
        let body = Array("{\"model\":\"m\",\"usage\":{\"prompt_tokens\":4,\"completion_tokens\":4}}".utf8)
        let chat = Array("/v1/chat/completions".utf8)
        let operation = Operation.find(.openai, method: .post, path: chat.span)
        for (status, isRead) in [
            (200, true), (201, true), (299, true), (400, false), (429, false), (500, false), (304, false),
        ] {
            var meter = AnswerMeter(operation, contentType: Array(Self.json.utf8).span, status: status)
            meter.take(body.span)
            meter.end()
            let usage = meter.usage
            #expect((usage != nil) == isRead, "\(status)")
        }
        let count = Array("/v1/messages/count_tokens".utf8)
        let counting = Operation.find(.anthropic, method: .post, path: count.span)
        var meter = AnswerMeter(counting, contentType: Array(Self.json.utf8).span, status: 200)
        meter.take(Array("{\"input_tokens\":4,\"usage\":{\"input_tokens\":4,\"output_tokens\":1}}".utf8).span)
        let counted = meter.usage
        #expect(counted == nil)
        #expect(AnswerReading(body, .openaiChat, "audio/mpeg").usage == nil)
    }

    @Test("reads the tokens of Bedrock's models from the fields of the head, where the body tells none")
    func fields() throws {
        let text =
            "HTTP/1.1 200 OK\r\nX-Amzn-Bedrock-Input-Token-Count: 11\r\nX-Amzn-Bedrock-Output-Token-Count: 9\r\n"
            + "Content-Length: 0\r\n\r\n"
        let wire = Array(text.utf8)
        var head = HTTP1Head(.response)
        let isComplete = try head.parse(wire.span)
        try #require(isComplete)
        for (dialect, body, expected) in [
            (Dialect.bedrockInvoke, "{\"outputs\":[{\"text\":\"Hi\"}]}", Self.usage(input: 11, output: 9)),
            (.bedrockInvoke, "", Self.usage(input: 11, output: 9)),
            (.bedrockInvoke, "{\"usage\":{\"input_tokens\":3,\"output_tokens\":2}}", Self.usage(input: 3, output: 2)),
            (.bedrockInvoke, "{\"usage\":{\"input_tokens\":-3,\"output_tokens\":2}}", nil),
            (.openaiChat, "{}", nil),
        ] as [(Dialect, String, Usage?)] {
            var meter = AnswerMeter(dialect, contentType: Array(Self.json.utf8).span)
            meter.takeFields(of: head, from: wire.span)
            meter.take(Array(body.utf8).span)
            meter.end()
            let usage = meter.usage
            #expect(usage == expected, "\(body)")
        }
        var meter = AnswerMeter(.bedrockInvoke, contentType: nil)
        meter.takeField(name: Array("x-amzn-bedrock-input-token-count".utf8).span, value: Array("-1".utf8).span)
        meter.takeField(name: Array("x-amzn-bedrock-output-token-count".utf8).span, value: Array("1".utf8).span)
        let usage = meter.usage
        #expect(usage == nil)
    }

    @Test("gives an Amazon stream up where its framing breaks, and keeps what it told")
    func amazon() throws {
        let answer = try #require(AnswerCase(named: "bedrock-converse-stream"))
        for index in stride(from: 0, to: answer.body.count, by: 7) {
            var body = answer.body
            body[index] ^= 0x5a
            let whole = AnswerReading(body, answer.dialect, answer.contentType)
            #expect(whole.isBroken)
            #expect(AnswerReading(body, answer.dialect, answer.contentType, pieces: 3) == whole)
        }
        let cut = AnswerReading(Array(answer.body.dropLast(3)), answer.dialect, answer.contentType)
        #expect(cut.isBroken)
        #expect(cut.usage == nil)
    }
}

/// The same events as the reader that gathers them, without gathering.
@Suite("The reader of events' data")
struct EventDataReaderTests {
    private static func events(_ body: [UInt8], _ size: Int) -> [String] {
        var reader = EventDataReader()
        var events: [String] = []
        var lines: [UInt8] = []
        for start in stride(from: 0, to: body.count, by: size) {
            let piece = body.span.extracting(start..<min(body.count, start + size))
            var consumed = 0
            loop: while true {
                switch reader.step(piece, consumed: &consumed) {
                case .needsMore: break loop
                case .data(let range): for index in range { lines.append(piece[index]) }
                case .lineEnd: lines.append(10)
                case .event:
                    events.append(String(decoding: lines.dropLast(), as: UTF8.self))
                    lines = []
                }
            }
        }
        return events
    }

    private static func gathered(_ body: [UInt8]) -> [String] {
        var parser = EventStreamParser()
        var events: [String] = []
        var consumed = 0
        while true {
            let step = parser.step(body.span, consumed: &consumed)
            if step == .needsMore { return events }
            guard step == .event else { continue }
            let data = parser.data
            events.append(String(decoding: data.indices.map { data[$0] }, as: UTF8.self))
        }
    }

    @Test(
        "sees what the one sees that gathers them",
        arguments: [
            "data: a\n\n", "data:a\r\n\r\n", "data:  a\r\rdata: b\n\n",
            "\u{feff}data:1\n\n\u{feff}data:2\n\ndata:3\n\n",
            "data:1\r:\u{0}\n:\r\ndata:2\n:X\rdata:3\n:data:fail\r:X\ndata:4\n\n",
            "data:\n\ndata\ndata\n\ndata:test\n\n",
            "data:msg\ndata:msg\n\n:\n\nfalsefield:msg\n\nfalsefield:msg\nData:data\n\ndata\n\ndata:end\n\n",
            "data:test\r\ndata\ndata:test\r\n\r", "data:\ttest\rdata: \ndata:test\n\n", "event: \ndata:data\n\n",
            "data: \u{0}\n\n\n\n", "data:a\n\ndata:b\n", "data:a\n\ndata:b",
            "id: 7\nevent: message\ndata: x\n\nid\ndata: y\n\n",
            "data\u{0}:2\n\ndata_5\nda-ta:3\n data:1\n\n", "\n\n\r\r\r\n", "\u{feff}\n\ndata: x\n\n", "\u{feff}",
            "d\n\ndata:\n\n",
        ])
    func same(_ text: String) {
        let body = Array(text.utf8)
        let expected = Self.gathered(body)
        for size in 1...max(1, body.count) { #expect(Self.events(body, size) == expected) }
    }
}
