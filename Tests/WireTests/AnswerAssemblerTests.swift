import Testing

@testable import Wire

@Suite("An assembler of answers")
struct AnswerAssemblerTests {
    private let chat = AnswerFixture.operation(.openaiChat, .document)

    private func stream(_ text: String) -> [UInt8] {
        Array(
            """
            data: {"id":"1","object":"chat.completion.chunk","choices":[{"index":0,"delta":{"content":"\(text)"}}]}

            data: {"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

            data: [DONE]


            """.utf8)
    }

    private func assembler(_ contentType: String?, status: Int = 200, max: Int = 1000) -> AnswerAssembler {
        guard let contentType else {
            return AnswerAssembler(chat, contentType: nil, status: status, documentBytesMax: max)
        }
        let type = Array(contentType.utf8)
        return AnswerAssembler(chat, contentType: type.span, status: status, documentBytesMax: max)
    }

    @Test(
        "knows from the head what it will not keep",
        arguments: [
            ("application/json", 200, nil), ("TEXT/Event-Stream ; charset=utf-8", 200, nil),
            ("application/json", 400, AnswerFlaw.error), ("application/json", 429, .error),
            ("application/json", 500, .error), ("application/json", 202, .unsupported), (nil, 200, .unsupported),
            ("text/html", 200, .unsupported), ("application/x-ndjson", 200, .unsupported),
            ("audio/mpeg", 200, .unsupported), ("application/vnd.amazon.eventstream", 200, .unsupported),
        ] as [(String?, Int, AnswerFlaw?)])
    func head(_ contentType: String?, _ status: Int, _ flaw: AnswerFlaw?) {
        let made = assembler(contentType, status: status)
        #expect(made.flaw == flaw)
        #expect(made.byteCount == 0)
    }

    @Test("has nothing for dialects without answers to keep")
    func otherDialects() {
        for dialect in [Dialect.openaiImages, .openaiAudio, .openaiOther, .anthropicOther, .geminiOther, .bedrockOther]
        {
            let operation = AnswerFixture.operation(dialect, .document)
            let made = AnswerAssembler(operation, contentType: nil, status: 200, documentBytesMax: 1000)
            #expect(made.flaw == .unsupported)
            #expect(AnswerDocument.render([123, 125].span, of: operation, as: .document) == nil)
        }
    }

    @Test("keeps a document as large as the limit and none that is larger", arguments: ["application/json", nil])
    func limit(_ contentType: String?) throws {
        let body =
            contentType == nil
            ? stream("Hello")
            : Array(#"{"choices":[{"index":0,"message":{"content":"Hello"},"finish_reason":"stop"}]}"#.utf8)
        let type = contentType ?? "text/event-stream"
        let size = try assembled(body, chat, type).get().json.count
        #expect(try assembled(body, chat, type, documentBytesMax: size).get().json.count == size)
        #expect(assembled(body, chat, type, documentBytesMax: size - 1) == .failure(.tooLarge))
        #expect(assembled(body, chat, type, documentBytesMax: 0) == .failure(.tooLarge))
        #expect(assembled(body, chat, type, documentBytesMax: -1) == .failure(.tooLarge))
        #expect(try assembled(body, chat, type, documentBytesMax: .max).get().json.count == size)
    }

    @Test("holds less than the limit, and nothing once an answer is too large")
    func memory() {
        let chunk = Array(
            #"data: {"id":"1","choices":[{"index":0,"delta":{"content":"\#(String(repeating: "x", count: 90))"}}]}"#
                .utf8)
        var events = assembler("text/event-stream")
        var isOver = false
        for _ in 0..<20 {
            events.take((chunk + [10, 10]).span)
            #expect(events.byteCount <= 1000)
            if events.flaw != nil { isOver = true }
            #expect((events.byteCount == 0) == isOver)
        }
        #expect(events.flaw == .tooLarge)

        // One event without an end.
        var endless = assembler("text/event-stream")
        for _ in 0..<2000 { endless.take(chunk.span) }
        #expect(endless.flaw == .tooLarge && endless.byteCount == 0)

        // Comments and events that say nothing are not held.
        var quiet = assembler("text/event-stream")
        for _ in 0..<2000 { quiet.take(Array(": waiting\n\n: still waiting".utf8).span) }
        #expect(quiet.flaw == nil && quiet.byteCount < 100)

        var document = assembler("application/json")
        for _ in 0..<20 { document.take(chunk.span) }
        #expect(document.flaw == .tooLarge && document.byteCount == 0)
    }

    @Test("hands its document out once")
    func once() throws {
        var assembler = assembler("text/event-stream")
        assembler.take(stream("Hello").span)
        #expect(assembler.byteCount > 0)
        _ = try assembler.end()
        #expect(assembler.byteCount == 0)
        #expect(throws: AnswerFlaw.self) { try assembler.end() }
        assembler.take(stream("Hello").span)
        #expect(assembler.byteCount == 0)
    }

    @Test("takes no more of an answer that it will not keep")
    func afterFlaw() {
        var assembler = assembler("text/event-stream")
        assembler.take(Array("data: {\"error\":{\"message\":\"x\"}}\n\n".utf8).span)
        #expect(assembler.flaw == .error)
        assembler.take(stream("Hello").span)
        #expect(assembler.flaw == .error && assembler.byteCount == 0)
        #expect(throws: AnswerFlaw.error) { try assembler.end() }
    }

    @Test("keeps calls of tools with their ids, as many as are kept")
    func toolCalls() throws {
        func document(_ count: Int) -> [UInt8] {
            let calls = (0..<count).map { #"{"id":"call_\#($0)\u00e4","function":{"name":"f","arguments":"{}"}}"# }
            return Array(
                #"{"choices":[{"index":0,"message":{"tool_calls":[\#(calls.joined(separator: ","))]},"finish_reason":"tool_calls"}]}"#
                    .utf8)
        }
        let answer = try assembled(document(2), chat, "application/json").get()
        #expect(answer.toolCallIDs == ["call_0ä", "call_1ä"] && answer.callsTools && answer.canStream)
        #expect(try assembled(document(128), chat, "application/json").get().toolCallIDs.count == 128)
        #expect(assembled(document(129), chat, "application/json") == .failure(.tooLarge))
    }

    @Test("makes a stream of chats for Mistral's completions of code")
    func fillInTheMiddle() throws {
        let operation = Operation(dialect: .openaiCompletions, name: "fim.completions", operationClass: .inspected)
        #expect(try assembled(stream("Hello"), operation, "text/event-stream").get().canStream)
    }
}

@Suite("A stream told from a document")
struct ChunkFormTests {
    private let chat = AnswerFixture.operation(.openaiChat, .document)

    private func told(_ document: String, tellsUsage: Bool) -> [String]? {
        let bytes = Array(document.utf8)
        guard let rendered = AnswerDocument.render(bytes.span, of: chat, as: .stream(tellsUsage: tellsUsage)) else {
            return nil
        }
        return readEvents(rendered.bytes).seen.map { if case .event(_, let data) = $0 { data } else { "" } }
    }

    private static let hello = #""choices":[{"index":0,"message":{"content":"Hi"},"finish_reason":"stop"}]"#

    @Test("tells its usage to those who ask, in a chunk of its own")
    func usage() throws {
        let document = #"{"id":"1",\#(Self.hello),"usage":{"total_tokens":3}}"#
        #expect(
            told(document, tellsUsage: true) == [
                #"{"object":"chat.completion.chunk","id":"1","choices":[{"index":0,"delta":{"role":"assistant","content":""},"finish_reason":null}],"usage":null}"#,
                #"{"object":"chat.completion.chunk","id":"1","choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":null}"#,
                #"{"object":"chat.completion.chunk","id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"usage":null}"#,
                #"{"object":"chat.completion.chunk","id":"1","choices":[],"usage":{"total_tokens":3}}"#,
                "[DONE]",
            ])
        let unasked = try #require(told(document, tellsUsage: false))
        #expect(unasked.count == 4 && !unasked.joined().contains("usage"))
    }

    @Test("tells its usage with the last choice where its provider does")
    func usageBesideChoices() throws {
        let document = #"{"id":"1","usage":{"total_tokens":3},\#(Self.hello)}"#
        for tellsUsage in [true, false] {
            let chunks = try #require(told(document, tellsUsage: tellsUsage))
            #expect(chunks.map { $0.contains("usage") } == [false, false, true, false])
            #expect(chunks[2].contains(#""finish_reason":"stop"}],"usage":{"total_tokens":3}}"#))
        }
    }

    @Test("cannot be had by those who ask for a usage that nobody told, and gives them no document either")
    func usageMissing() {
        for document in [#"{"usage":null,\#(Self.hello)}"#, #"{\#(Self.hello)}"#, #"{\#(Self.hello),"usage":null}"#] {
            #expect(told(document, tellsUsage: true) == nil)
            #expect(told(document, tellsUsage: false)?.count == 4)
        }
        let streamed = Array(#"{"usage":null,\#(Self.hello)}"#.utf8)
        #expect(AnswerDocument.render(streamed.span, of: chat, as: .document) == nil)
        #expect(AnswerDocument.render(streamed.span, of: chat, as: .array) == nil)
    }

    @Test(
        "cannot be had where the document says what has no place in it",
        arguments: [
            #""message":{"content":"Hi","mood":1}"#, #""message":{"content":[{"type":"text","text":"Hi"}]}"#,
            #""message":{"content":1}"#, #""message":null"#, #""delta":{}"#,
            #""message":{"tool_calls":[{"id":"1","type":"custom","custom":{}}]}"#,
            #""message":{"tool_calls":[{"id":"1","function":{"name":"f","arguments":{}}}]}"#,
            #""message":{"tool_calls":[{"id":"1"}]}"#, #""message":{"tool_calls":{}}"#,
            #""message":{"function_call":{"name":"f","arguments":"","more":1}}"#,
            #""message":{"reasoning":"a","reasoning_content":"b","content":""}"#,
            #""message":{"content":""},"note":"\#(String(repeating: "x", count: 600))""#,
        ])
    func noPlace(_ choice: String) {
        #expect(told(#"{"choices":[{"index":0,\#(choice),"finish_reason":"stop"}]}"#, tellsUsage: false) == nil)
    }

    @Test("is no larger than its document allows, since every chunk repeats what is not known")
    func repetition() {
        let member = #""note":"\#(String(repeating: "x", count: 1100))""#
        #expect(told(#"{\#(member),\#(Self.hello)}"#, tellsUsage: false) == nil)
        #expect(told(#"{"note":"x",\#(Self.hello)}"#, tellsUsage: false)?[1].contains(#""note":"x""#) == true)
    }

    @Test("has its thoughts once under each name that they have")
    func thoughts() throws {
        let text = String(repeating: "think ", count: 20)
        func told(_ message: String) -> [String]? {
            self.told(
                #"{"choices":[{"index":0,"message":{"content":"",\#(message)},"finish_reason":"stop"}]}"#,
                tellsUsage: false)
        }
        let both = try #require(told(#""reasoning":"\#(text)","reasoning_content":"\#(text)""#))
        #expect(both.count == 4)
        #expect(both[1].contains(#""delta":{"reasoning_content":"\#(text)","reasoning":"\#(text)"}"#))
        for name in ["reasoning", "reasoning_content"] {
            let one = try #require(told(#""\#(name)":"\#(text)""#))
            #expect(one.filter { $0.contains(#""delta":{"\#(name)":""#) }.count == 2)
        }
    }

    @Test("has an index for each choice in its place")
    func indices() {
        for index in ["1", "null", "-1", "0.5", "\"0\""] {
            #expect(
                told(
                    #"{"choices":[{"index":\#(index),"message":{"content":"a"},"finish_reason":"stop"}]}"#,
                    tellsUsage: false)
                    == nil)
        }
    }
}
