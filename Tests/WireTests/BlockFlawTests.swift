import Testing

@testable import Wire

@Suite("An answer made of blocks that is not kept")
struct BlockFlawTests {
    struct Case: Sendable, CustomTestStringConvertible {
        var testDescription: String
        var form: BlockForm
        var flaw: AnswerFlaw?
        var text: String

        init(_ name: String, _ form: BlockForm, _ flaw: AnswerFlaw?, _ text: String) {
            testDescription = name
            self.form = form
            self.flaw = flaw
            self.text = text
        }
    }

    private static func response(_ output: String, _ more: String = #""status":"completed""#) -> String {
        #"{"id":"r",\#(more),"output":[\#(output)]}"#
    }

    private static func response(part: String) -> String {
        response(#"{"type":"message","id":"m","content":[\#(part)]}"#)
    }

    private static func message(_ content: String, _ end: String = #""stop_reason":"end_turn""#) -> String {
        #"{"type":"message","content":[\#(content)],\#(end)}"#
    }

    private static let call = #""type":"function_call","id":"f","name":"n""#
    private static let use = #""type":"tool_use","name":"n","input":{}"#

    static let documents: [Case] = [
        Case("a response", .responses, nil, response("")),
        Case("a response with null for error", .responses, nil, response("", #""status":"completed","error":null"#)),
        Case("no object", .responses, .malformed, "[]"),
        Case("half of one", .responses, .malformed, #"{"status":"completed","output":["#),
        Case("no output", .responses, .malformed, #"{"status":"completed"}"#),
        Case("no status", .responses, .unfinished, response("", #""x":1"#)),
        Case("under way", .responses, .unfinished, response("", #""status":"in_progress""#)),
        Case("queued", .responses, .unfinished, response("", #""status":"queued""#)),
        Case("cancelled", .responses, .unfinished, response("", #""status":"cancelled""#)),
        Case("failed", .responses, .error, response("", #""status":"failed""#)),
        Case("an error", .responses, .error, response("", #""status":"completed","error":{"code":"x"}"#)),
        Case(
            "incomplete for its length", .responses, .length,
            response("", #""status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}"#)),
        Case(
            "incomplete for a filter", .responses, .filtered,
            response("", #""status":"incomplete","incomplete_details":{"reason":"content_filter"}"#)),
        Case(
            "incomplete for something new", .responses, .unfinished,
            response("", #""status":"incomplete","incomplete_details":{"reason":"steered"}"#)),
        Case("incomplete for nothing", .responses, .unfinished, response("", #""status":"incomplete""#)),
        Case("an error document", .responses, .error, #"{"error":{"message":"slow down","type":"requests"}}"#),
        Case("a refusal", .responses, .refusal, response(part: #"{"type":"refusal","refusal":"No."}"#)),
        Case("an unknown part", .responses, .unsupported, response(part: #"{"type":"output_audio","data":""}"#)),
        Case("a part without text", .responses, .malformed, response(part: #"{"type":"output_text","text":null}"#)),
        Case(
            "a message that is incomplete", .responses, .unfinished,
            response(#"{"type":"message","status":"incomplete","content":[]}"#)),
        Case("a message without content", .responses, .malformed, response(#"{"type":"message"}"#)),
        Case("work at the provider", .responses, .unsupported, response(#"{"type":"web_search_call","id":"w"}"#)),
        Case(
            "a call", .responses, nil,
            response(#"{\#(call),"call_id":"c","arguments":"{\"a\":1}"},{\#(call),"call_id":"d","arguments":""}"#)),
        Case(
            "arguments that are no JSON", .responses, .malformed,
            response(#"{\#(call),"call_id":"c","arguments":"{\"a\":"}"#)),
        Case("a call without id", .responses, .malformed, response(#"{\#(call),"arguments":"{}"}"#)),
        Case(
            "two calls with one id", .responses, .malformed,
            response(#"{\#(call),"call_id":"c","arguments":""},{\#(call),"call_id":"c","arguments":""}"#)),
        Case(
            "too many calls", .responses, .tooLarge,
            response((0...128).map { #"{\#(call),"call_id":"c\#($0)","arguments":""}"# }.joined(separator: ","))),
        Case(
            "reasoning without content", .responses, nil,
            response(#"{"type":"reasoning","id":"r","summary":[],"content":null}"#)),
        Case("a message", .messages, nil, message(#"{"type":"text","text":"Hi"}"#)),
        Case("a stop sequence", .messages, nil, message("", #""stop_reason":"stop_sequence","stop_sequence":"x""#)),
        Case("a use", .messages, nil, message("{\(use),\"id\":\"t\"}", #""stop_reason":"tool_use""#)),
        Case("a use that is not there", .messages, .malformed, message("", #""stop_reason":"tool_use""#)),
        Case("a use without id", .messages, .malformed, message("{\(use)}")),
        Case("two uses with one id", .messages, .malformed, message("{\(use),\"id\":\"t\"},{\(use),\"id\":\"t\"}")),
        Case(
            "an input that is no object", .messages, .malformed,
            message(#"{"type":"tool_use","name":"n","id":"t","input":"{}"}"#)),
        Case("another kind of document", .messages, .malformed, #"{"type":"completion","stop_reason":"end_turn"}"#),
        Case("an error document", .messages, .error, #"{"type":"error","error":{"type":"overloaded_error"}}"#),
        Case("no content", .messages, .malformed, #"{"type":"message","stop_reason":"end_turn"}"#),
        Case("no reason", .messages, .unfinished, message("", #""stop_reason":null"#)),
        Case("a pause", .messages, .unfinished, message("", #""stop_reason":"pause_turn""#)),
        Case("a new reason", .messages, .unfinished, message("", #""stop_reason":"bored""#)),
        Case("too long", .messages, .length, message("", #""stop_reason":"max_tokens""#)),
        Case("beyond the window", .messages, .length, message("", #""stop_reason":"model_context_window_exceeded""#)),
        Case("a refusal", .messages, .refusal, message("", #""stop_reason":"refusal""#)),
        Case(
            "details of a refusal", .messages, .refusal,
            message("", #""stop_reason":"end_turn","stop_details":{"type":"refusal"}"#)),
        Case("a container", .messages, .unsupported, message("", #""stop_reason":"end_turn","container":{"id":"c"}"#)),
        Case("work at the provider", .messages, .unsupported, message(#"{"type":"server_tool_use","id":"s"}"#)),
    ]

    @Test("says so as a document", arguments: documents)
    func document(_ example: Case) {
        #expect(example.form.flaw(ofDocument: example.text) == example.flaw)
    }

    private static let created = #"{"type":"response.created","response":{"id":"r"}}"#
    private static let added =
        #"{"type":"response.output_item.added","output_index":0,"item":{"type":"message","id":"m","content":[]}}"#
    private static let completed =
        #"{"type":"response.completed","response":{"id":"r","status":"completed","output":[{"type":"message","id":"m","content":[{"type":"output_text","text":"Hi"}]}]}}"#

    private static func piece(_ text: String, _ more: String = "") -> String {
        #"{"type":"response.output_text.delta","output_index":0,"content_index":0,"delta":"\#(text)"\#(more)}"#
    }

    private static let start = #"{"type":"message_start","message":{"type":"message","content":[]}}"#
    private static let last = #"{"type":"message_delta","delta":{"stop_reason":"end_turn"}}"#
    private static let stop = #"{"type":"message_stop"}"#
    private static let text = #"{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}"#
    private static let tool =
        #"{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"n","input":{}}}"#
    private static let thinking =
        #"{"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}"#
    private static let end = #"{"type":"content_block_stop","index":0}"#

    private static func delta(_ delta: String) -> String {
        #"{"type":"content_block_delta","index":0,"delta":{\#(delta)}}"#
    }

    private static func input(_ json: String) -> String {
        delta(#""type":"input_json_delta","partial_json":"\#(json)""#)
    }

    private static func lines(_ events: String...) -> String { events.joined(separator: "\n") }

    static let streams: [Case] = [
        Case("a response", .responses, nil, lines(created, added, piece("H"), piece("\\u0069"), completed)),
        Case("a response all at once", .responses, nil, lines(created, completed)),
        Case("a response and a last word", .responses, nil, lines(created, completed, "[DONE]")),
        Case("a response without beginning", .responses, .malformed, completed),
        Case("nothing", .responses, .incomplete, ""),
        Case("a last word only", .responses, .malformed, "[DONE]"),
        Case("something behind the end", .responses, .malformed, lines(created, completed, created)),
        Case("pieces of another text", .responses, .malformed, lines(created, added, piece("Ho"), completed)),
        Case("pieces without an item", .responses, .malformed, lines(created, piece("Hi"), completed)),
        Case("an item too many", .responses, .malformed, lines(created, added, added, completed)),
        Case(
            "another response", .responses, .malformed,
            lines(#"{"type":"response.created","response":{"id":"s"}}"#, completed)),
        Case("an unknown event", .responses, .unknownEvent, lines(created, #"{"type":"response.new"}"#, completed)),
        Case(
            "an unknown item", .responses, .unknownEvent,
            lines(
                created,
                #"{"type":"response.output_item.added","output_index":0,"item":{"type":"web_search_call","id":"w"}}"#)),
        Case(
            "an unknown member", .responses, .unknownEvent, lines(created, added, piece("Hi", #","mood":1"#), completed)
        ),
        Case(
            "a member twice", .responses, .malformed, lines(created, added, piece("Hi", #","delta":"Ho""#), completed)),
        Case(
            "an error", .responses, .error,
            lines(created, #"{"type":"error","code":"rate_limit_exceeded","message":"slow down"}"#)),
        Case(
            "a failure", .responses, .error,
            lines(
                created, #"{"type":"response.failed","response":{"status":"failed","error":{"code":"x"},"output":[]}}"#)
        ),
        Case(
            "its length", .responses, .length,
            lines(
                created,
                #"{"type":"response.incomplete","response":{"status":"incomplete","incomplete_details":{"reason":"max_output_tokens"}}}"#
            )),
        Case("an end without a word", .responses, .unfinished, lines(created, #"{"type":"response.cancelled"}"#)),
        Case(
            "a refusal", .responses, .refusal, lines(created, added, #"{"type":"response.refusal.delta","delta":"No"}"#)
        ),
        Case("no JSON", .responses, .malformed, lines(created, "{")),
        Case(
            "a message", .messages, nil, lines(start, text, delta(#""type":"text_delta","text":"Hi""#), end, last, stop)
        ),
        Case("a sign of life", .messages, nil, lines(#"{"type":"ping"}"#, start, last, #"{"type":"ping"}"#, stop)),
        Case("nothing", .messages, .incomplete, ""),
        Case("a message without an end", .messages, .incomplete, lines(start, text, end, last)),
        Case("a message without a reason", .messages, .unfinished, lines(start, stop)),
        Case("a message without a beginning", .messages, .malformed, lines(text, end, last, stop)),
        Case("a block without an end", .messages, .malformed, lines(start, text, last, stop)),
        Case("a block twice", .messages, .malformed, lines(start, text, text, end, last, stop)),
        Case("a block that ends twice", .messages, .malformed, lines(start, text, end, end, last, stop)),
        Case("a message twice", .messages, .malformed, lines(start, start, last, stop)),
        Case("something behind the end", .messages, .malformed, lines(start, last, stop, last)),
        Case("an unknown event", .messages, .unknownEvent, lines(start, #"{"type":"news"}"#, last, stop)),
        Case(
            "an unknown delta", .messages, .unknownEvent, lines(start, text, delta(#""type":"compaction_delta""#), end)),
        Case(
            "an unknown member", .messages, .unknownEvent,
            lines(start, text, delta(#""type":"text_delta","text":"Hi","mood":1"#), end)),
        Case(
            "work at the provider", .messages, .unknownEvent,
            lines(start, #"{"type":"content_block_start","index":0,"content_block":{"type":"server_tool_use"}}"#)),
        Case(
            "an error", .messages, .error,
            lines(start, #"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#)),
        Case(
            "its length", .messages, .length,
            lines(start, #"{"type":"message_delta","delta":{"stop_reason":"max_tokens"}}"#, stop)),
        Case("a use", .messages, nil, lines(start, tool, input(""), input(#"{\"a\""#), input(":1}"), end, last, stop)),
        Case("half an input", .messages, .malformed, lines(start, tool, input(#"{\"a\""#), end, last, stop)),
        Case("an input that is no object", .messages, .malformed, lines(start, tool, input("[]"), end, last, stop)),
        Case("a key twice", .messages, .malformed, lines(start, tool, input(#"{\"a\":1,\"a\":2}"#), end, last, stop)),
        Case("an input for a text", .messages, .malformed, lines(start, text, input("{}"), end, last, stop)),
        Case(
            "two signatures", .messages, .malformed,
            lines(
                start, thinking, delta(#""type":"signature_delta","signature":"a""#),
                delta(#""type":"signature_delta","signature":"b""#), end, last, stop)),
    ]

    @Test("says so as a stream", arguments: streams)
    func stream(_ example: Case) {
        let stream = example.text.split(separator: "\n").map { "data: \($0)\n\n" }.joined()
        #expect(example.form.flaw(of: Array(stream.utf8)) == example.flaw)
    }

    @Test("has an event of another name than the one it goes by", arguments: BlockFixture.all)
    func names(_ fixture: BlockFixture) {
        let text = String(decoding: fixture.stream, as: UTF8.self)
        let renamed = text.replacing("event: response.created", with: "event: response.completed")
            .replacing("event: message_start", with: "event: message_stop")
        #expect(fixture.form.flaw(of: Array(renamed.utf8)) == .malformed)
        // Without names the data tells.
        let nameless = text.split(separator: "\n", omittingEmptySubsequences: false)
            .filter { !$0.hasPrefix("event: ") }.joined(separator: "\n")
        #expect(fixture.form.flaw(of: Array(nameless.utf8)) == nil)
    }

    @Test(
        "as a stream since it has no place there",
        arguments: [
            (BlockForm.responses, #"{"id":"r","status":"completed","output":[{"type":"message","content":[]}]}"#),
            (
                .responses,
                #"{"id":"r","output":[{"type":"reasoning","id":"x","summary":[]},{"type":"reasoning","id":"x","summary":[]}]}"#
            ),
            (.responses, #"{"id":"r","output":[{"type":"web_search_call","id":"w"}]}"#),
            (.responses, #"{"id":"r","output":[{"type":"message","id":"m","content":[{"type":"new","text":""}]}]}"#),
            (.responses, #"{"output":[]}"#),
            (.responses, "[]"),
            (.messages, #"{"type":"message","content":[],"stop_reason":"end_turn"}"#),
            (.messages, #"{"type":"message","content":[],"usage":{}}"#),
            (.messages, #"{"content":[{"type":"server_tool_use"}],"usage":{"output_tokens":1}}"#),
            (.messages, #"{"content":[{"type":"text"}],"usage":{"output_tokens":1}}"#),
            (.messages, "null"),
        ])
    func cannotStream(_ form: BlockForm, _ document: String) {
        #expect(form.stream(Array(document.utf8)) == nil)
    }

    @Test(
        "is judged where it is a count of tokens",
        arguments: [
            (#"{"input_tokens":12}"#, nil), (#"{"input_tokens":12,"context_management":null}"#, nil),
            (#"{"input_tokens":"12"}"#, .malformed), (#"{"input_tokens":-1}"#, .malformed), ("{}", .malformed),
            (#"{"type":"error","error":{"type":"not_found_error"}}"#, .error),
        ] as [(String, AnswerFlaw?)])
    func count(_ document: String, _ flaw: AnswerFlaw?) {
        var found: AnswerFlaw?
        do throws(AnswerFlaw) {
            _ = try CountDocument.judge(Array(document.utf8).span)
        } catch {
            found = error
        }
        #expect(found == flaw)
        var events = EventWriter(.serverSentEvents)
        let isStream = CountDocument.stream(Array(document.utf8).span, tellsUsage: true, into: &events)
        #expect(!isStream)
    }
}
