import Testing

@testable import Wire

@Suite("An answer of Gemini, Cohere or Bedrock that is gathered")
struct OtherFormsAnswerTests {
    private static let documentBytesMax = 1024 * 1024

    private func operation(_ dialect: OtherForm, streams: Bool) throws -> Operation {
        let (family, path): (APIFamily, String) =
            switch (dialect, streams) {
            case (.gemini, false): (.gemini, "/v1beta/models/m:generateContent")
            case (.gemini, true): (.gemini, "/v1beta/models/m:streamGenerateContent?alt=sse")
            case (.cohere, _): (.cohere, "/v2/chat")
            case (.converse, false): (.bedrock, "/model/m/converse")
            case (.converse, true): (.bedrock, "/model/m/converse-stream")
            }
        let bytes = Array(path.utf8)
        return Operation.find(family, method: .post, path: bytes.span)
    }

    private func contentType(_ framing: EventWriter.Framing?) -> String {
        switch framing {
        case .serverSentEvents?: "text/event-stream; charset=utf-8"
        case .amazonMessages?: "application/vnd.amazon.eventstream"
        case .array?, nil: "application/json"
        }
    }

    private func gather(
        _ dialect: OtherForm, _ body: [UInt8], _ framing: EventWriter.Framing?, cuts: [Int] = []
    ) throws -> Result<AnswerDocument, AnswerFlaw> {
        let type = Array(contentType(framing).utf8)
        var assembler = AnswerAssembler(
            try operation(dialect, streams: framing != nil), contentType: type.span, status: 200,
            documentBytesMax: Self.documentBytesMax)
        forPieces(body, cuts) { _, piece in assembler.take(piece) }
        do throws(AnswerFlaw) {
            return .success(try assembler.end())
        } catch {
            return .failure(error)
        }
    }

    @Test("is the same document in whatever pieces it comes", arguments: FormFixture.all)
    func pieces(fixture: FormFixture) throws {
        for stream in fixture.streams {
            for cuts in cuttings(stream.bytes.count, seeds: 1...5) + [[]] {
                let answer = try gather(fixture.dialect, stream.bytes, stream.framing, cuts: cuts).get()
                #expect(meaning(answer.json) == meaning(fixture.document))
                #expect(answer.canStream)
            }
        }
        let answer = try gather(fixture.dialect, fixture.document, nil).get()
        #expect(answer.json == fixture.document)
        #expect(answer.canStream)
    }

    @Test("is not kept where it is cut off at any byte", arguments: FormFixture.all)
    func cutOff(fixture: FormFixture) throws {
        var streams: [(framing: EventWriter.Framing?, bytes: [UInt8])] = [(nil, fixture.document)]
        for stream in fixture.streams { streams.append((stream.framing, stream.bytes)) }
        for stream in streams {
            // The line ends behind an array or a document say nothing.
            let trailing = stream.bytes.reversed().prefix { [10, 13, 32].contains($0) }.count
            let end = stream.bytes.count - (stream.framing == .serverSentEvents ? 0 : trailing)
            let lengths = stride(from: 0, to: end, by: 7)
            for length in Array(lengths) + Array(max(0, end - 100)..<end) {
                let prefix = Array(stream.bytes.prefix(length))
                guard (try? gather(fixture.dialect, prefix, stream.framing).get()) != nil else { continue }
                // Of the CR LF that end an event only the last LF may be missing.
                #expect(stream.framing == .serverSentEvents && length == end - 1 && stream.bytes.suffix(2) == [13, 10])
            }
        }
    }

    @Test("is given in every form, and each of them says the same", arguments: FormFixture.all)
    func forms(fixture: FormFixture) throws {
        let forms: [(AnswerForm, EventWriter.Framing?)] =
            switch fixture.dialect {
            case .gemini: [(.document, nil), (.stream(tellsUsage: true), .serverSentEvents), (.array, .array)]
            case .cohere: [(.document, nil), (.stream(tellsUsage: false), .serverSentEvents)]
            case .converse: [(.document, nil), (.stream(tellsUsage: true), .amazonMessages)]
            }
        let operation = try operation(fixture.dialect, streams: false)
        for (form, framing) in forms {
            let rendered = AnswerDocument.render(fixture.document.span, of: operation, as: form)
            let answer = try #require(rendered)
            #expect(answer.contentType == contentType(framing))
            #expect(answer.eventEnds.isEmpty == (framing == nil))
            let again = try gather(fixture.dialect, answer.bytes, framing).get()
            #expect(meaning(again.json) == meaning(fixture.document))
        }
    }

    @Test("token counts and vectors are kept as documents only")
    func documents() throws {
        let cases: [(APIFamily, String, String)] = [
            (.gemini, "/v1beta/models/m:countTokens", #"{"totalTokens":31}"#),
            (.gemini, "/v1beta/models/m:batchEmbedContents", #"{"embeddings":[{"values":[0.5]}]}"#),
            (.cohere, "/v2/embed", #"{"embeddings":{"float":[[0.5]]}}"#),
            (.cohere, "/v2/rerank", #"{"results":[{"index":0,"relevance_score":0.5}]}"#),
            (.bedrock, "/model/m/invoke", #"{"embedding":[0.5]}"#),
        ]
        for (family, path, json) in cases {
            let target = Array(path.utf8)
            let operation = Operation.find(family, method: .post, path: target.span)
            let type = Array("application/json".utf8)
            var assembler = AnswerAssembler(operation, contentType: type.span, status: 200, documentBytesMax: 1024)
            let body = Array(json.utf8)
            assembler.take(body.span)
            let answer = try assembler.end()
            #expect(answer == AnswerDocument(json: body))
            let stream = AnswerDocument.render(body.span, of: operation, as: .stream(tellsUsage: true))
            #expect(stream == nil)
        }
    }
}
