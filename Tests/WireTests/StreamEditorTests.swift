import Testing

@testable import Wire

/// Passes a stream in pieces; `stop` says how it is ended then.
func editStream(
    _ stream: [UInt8], _ dialect: Dialect, _ contentType: String = "text/event-stream", cuts: [Int] = [],
    hidesUsage: Bool = false, tellsUsage: Bool = false, stop: StreamEnding? = nil
) -> (bytes: [UInt8], stop: StreamStop?) {
    let type = Array(contentType.utf8)
    var editor = StreamEditor(dialect, contentType: contentType.isEmpty ? nil : type.span, hidesUsage: hidesUsage)
    var out = ByteQueue()
    var start = 0
    for end in cuts + [stream.count] where end > start {
        editor.take(stream.span.extracting(start..<end), into: &out)
        start = end
    }
    var result: StreamStop?
    if let stop {
        result = editor.stop(
            stop, StreamSample.refusal, usage: StreamSample.usage, tellsUsage: tellsUsage, into: &out)
        let count = out.count
        editor.take(stream.span, into: &out)
        editor.end(into: &out)
        #expect(out.count == count, "something follows the end")
    } else {
        editor.end(into: &out)
    }
    return (Array(out), result)
}

@Suite("A stream that is edited")
struct StreamEditorTests {
    @Test("goes by byte for byte where nothing is to be changed", arguments: StreamSample.all)
    func untouched(sample: StreamSample) {
        let broken = Array(sample.stream.dropLast(9)) + [0xff, 10, 10, 0x5d, 0x2c] + sample.stream
        for stream in [sample.stream, Array(sample.stream.dropLast(7)), broken] {
            for cuts in cuttings(stream.count, seeds: 1...3) + [[]] {
                for type in [sample.contentType, "", "application/json", "text/plain"] {
                    #expect(editStream(stream, sample.dialect, type, cuts: cuts).bytes == stream)
                }
                #expect(
                    editStream(stream, sample.dialect, sample.contentType, cuts: cuts, hidesUsage: true).bytes == stream
                )
            }
        }
    }

    @Test("ends with the dialect's last events, or with its event for an error", arguments: StreamSample.all)
    func endings(sample: StreamSample) {
        for cuts in cuttings(sample.stream.count, seeds: 1...5) + [[]] {
            let finished = editStream(sample.stream, sample.dialect, sample.contentType, cuts: cuts, stop: .finish)
            #expect(text(finished.bytes) == text(sample.stream + (sample.finish ?? sample.error)))
            #expect(finished.stop == (sample.finish == nil ? .error : .finished))
            let failed = editStream(sample.stream, sample.dialect, sample.contentType, cuts: cuts, stop: .error)
            #expect(text(failed.bytes) == text(sample.stream + sample.error))
            #expect(failed.stop == .error)
        }
    }

    @Test("is not ended again when it is over", arguments: StreamSample.all)
    func over(sample: StreamSample) {
        for ending in [sample.finish, sample.error].compactMap({ $0 }) {
            let stream = sample.stream + ending
            for stop in StreamEnding.allCases {
                let outcome = editStream(stream, sample.dialect, sample.contentType, stop: stop)
                #expect(text(outcome.bytes) == text(stream))
                #expect(outcome.stop == .finished)
            }
        }
    }

    @Test("is ended at the last whole event, wherever it is cut off", arguments: StreamSample.all)
    func anywhere(sample: StreamSample) {
        let step = sample.stream.count > 1000 ? 3 : 1
        for count in stride(from: 0, to: sample.stream.count, by: step) {
            for stop in StreamEnding.allCases {
                let cut = Array(sample.stream.prefix(count))
                let outcome = editStream(cut, sample.dialect, sample.contentType, stop: stop)
                let whole = wholeEvents(cut, sample)
                // An array that has not begun can be no stream yet.
                if outcome.stop == .cut { #expect(count < 1 && outcome.bytes.isEmpty) }
                #expect(text(outcome.bytes.prefix(whole)) == text(cut.prefix(whole)))
                if outcome.stop != .cut { #expect(outcome.bytes.count > whole) }
            }
        }
    }

    @Test("that is none goes by and can only be cut")
    func documents() {
        let document = Array(#"{"choices":[{"index":0,"message":{}}],"usage":null}"#.utf8)
        for (dialect, type) in [
            (.openaiChat, "application/json"), (.openaiChat, ""), (.geminiGenerate, "application/json"),
            (.anthropicMessages, "application/json"), (.openaiAudio, "text/event-stream"), (.openaiChat, "audio/mpeg"),
        ] as [(Dialect, String)] {
            #expect(editStream(document, dialect, type, hidesUsage: true).bytes == document)
            let outcome = editStream(document, dialect, type, stop: .finish)
            #expect(outcome.bytes == document && outcome.stop == .cut)
        }
    }

    @Test("can only be cut within an event that is too large to hold, and goes on behind it")
    func oversized() {
        let large = Array("data: {\"x\":\"\(String(repeating: "x", count: 1_100_000))\"}\n\n".utf8)
        let stream = StreamSample.anthropic.stream + large
        let cut = Array(stream.dropLast(40))
        #expect(editStream(cut, .anthropicMessages, cuts: [500, 1_000_000]).bytes == cut)
        let outcome = editStream(cut, .anthropicMessages, cuts: [500, 1_000_000], stop: .error)
        #expect(outcome.stop == .cut && outcome.bytes == cut)
        let behind = editStream(stream, .anthropicMessages, cuts: [500, 1_000_000], stop: .error)
        #expect(behind.stop == .error && behind.bytes == stream + StreamSample.anthropic.error)
    }

    @Test("tells the usage to a client that asked for it")
    func usage() {
        let outcome = editStream(StreamSample.completions.stream, .openaiCompletions, tellsUsage: true, stop: .finish)
        let chunk =
            #"data: {"id":"c1","object":"text_completion","created":17,"model":"gpt-x","choices":[],"usage":{"#
            + #""prompt_tokens":20,"completion_tokens":7,"total_tokens":27,"prompt_tokens_details":{"cached_tokens":5},"#
            + #""completion_tokens_details":{"reasoning_tokens":3}}}"#
        #expect(text(outcome.bytes).hasSuffix("\(chunk)\n\ndata: [DONE]\n\n"))
    }

    @Test("ends a comment before it adds anything")
    func comment() {
        let stream = StreamSample.anthropic.stream + Array(": keep-alive".utf8)
        let outcome = editStream(stream, .anthropicMessages, stop: .error)
        #expect(text(outcome.bytes) == text(stream + [10] + StreamSample.anthropic.error))
    }

    @Test("of Gemini's has one bracket and no comma too many")
    func brackets() {
        let error = text(StreamSample.refusal.body(.gemini))
        for (cut, rest) in [
            ("[", "[\(error)\r\n]"), (" [\n", " [\n\(error)\r\n]"), ("[{}", "[{},\r\n\(error)\r\n]"),
            ("[{}\n,\r\n", "[{},\r\n\(error)\r\n]"), ("[{},{\"a", "[{},\r\n\(error)\r\n]"), ("[{", "[\(error)\r\n]"),
            ("[{}]", "[{}]"), ("[{}]\n", "[{}]\n"), ("[]", "[]"),
        ] {
            for cuts in [[], Array(0..<cut.utf8.count)] {
                let outcome = editStream(Array(cut.utf8), .geminiGenerate, "application/json", cuts: cuts, stop: .error)
                // Blanks may be on either side of what was held.
                #expect(text(outcome.bytes).filter { !$0.isWhitespace } == rest.filter { !$0.isWhitespace }, "\(cut)")
            }
        }
    }

    /// How many bytes the whole events at the beginning have.
    private func wholeEvents(_ stream: [UInt8], _ sample: StreamSample) -> Int {
        switch sample.contentType {
        case "text/event-stream": readEvents(stream).ends.last ?? 0
        case "application/stream+json": (stream.lastIndex(of: 10) ?? -1) + 1
        default: 0
        }
    }

    private func text(_ bytes: some Sequence<UInt8>) -> String { String(decoding: Array(bytes), as: UTF8.self) }
}

@Suite("The usage that leo asked for")
struct UsageRemovalTests {
    private static let chunks: [(before: String, after: String?)] = [
        (
            #"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}],"usage":null}"#,
            #"{"id":"c","choices":[{"index":0,"delta":{"content":"a"}}]}"#
        ),
        (#"{"id":"c","usage":null,"choices":[{"index":0}]}"#, #"{"id":"c","choices":[{"index":0}]}"#),
        (#"{"usage": null , "choices" : [{}]}"#, #"{"choices" : [{}]}"#),
        (
            #"{ "choices":[], "usage":null, "prompt_filter_results":[] }"#,
            #"{ "choices":[], "prompt_filter_results":[] }"#
        ),
        (
            #"{"choices":[{"delta":{"content":"\"usage\":null"}}]}"#,
            #"{"choices":[{"delta":{"content":"\"usage\":null"}}]}"#
        ),
        (#"{"choices":[{"usage":null}]}"#, #"{"choices":[{"usage":null}]}"#),
        (#"{"choices":[{}],"usage":{"total_tokens":3}}"#, #"{"choices":[{}],"usage":{"total_tokens":3}}"#),
        (#"{"usage":null"#, #"{"usage":null"#),
        (#"{"id":"c","choices":[],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}"#, nil),
        (#"{"usage":{"total_tokens":3},"choices":[ ]}"#, nil),
        ("[DONE]", "[DONE]"), (#"{"error":{"message":"no"}}"#, #"{"error":{"message":"no"}}"#),
    ]

    @Test("is taken out of the stream, and nothing else is", arguments: ["\n", "\r\n", "\r"])
    func removal(lineEnd: String) {
        var before = ": hello\(lineEnd)\(lineEnd)"
        var after = before
        for chunk in Self.chunks {
            before += "data: \(chunk.before)\(lineEnd)\(lineEnd)"
            if let kept = chunk.after { after += "data: \(kept)\(lineEnd)\(lineEnd)" }
        }
        let stream = Array(before.utf8)
        for dialect in [Dialect.openaiChat, .openaiCompletions] {
            for cuts in cuttings(stream.count, seeds: 1...20) + [[]] {
                let bytes = editStream(stream, dialect, cuts: cuts, hidesUsage: true).bytes
                #expect(String(decoding: bytes, as: UTF8.self) == after)
                #expect(editStream(stream, dialect, cuts: cuts).bytes == stream)
            }
        }
    }

    @Test(
        "is taken out of events of any form",
        arguments: [
            ("\u{feff}data:{\"usage\":null}\n\n", "\u{feff}data:{}\n\n"),
            (
                "id: 7\r\nevent: x\r\ndata: {\"a\":1,\"usage\":null}\r\n: c\r\n\r\n",
                "id: 7\r\nevent: x\r\ndata: {\"a\":1}\r\n: c\r\n\r\n"
            ),
            ("data: {\"usage\":null,\ndata:\"a\":1,\ndata: \"b\":2}\n\n", "data: {\"a\":1,\ndata: \"b\":2}\n\n"),
            ("data: {\"a\":1,\nid: 3\ndata:\"usage\":null}\n\n", "data: {\"a\":1}\nid: 3\n\n"),
        ])
    func forms(before: String, after: String) {
        let stream = Array(before.utf8)
        for cuts in cuttings(stream.count) + [[]] {
            let bytes = editStream(stream, .openaiChat, cuts: cuts, hidesUsage: true).bytes
            #expect(String(decoding: bytes, as: UTF8.self) == after)
        }
    }
}
