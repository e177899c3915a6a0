import Testing

@testable import Wire

/// The forms that this suite judges documents of.
enum JudgedForm: String, CaseIterable {
    case gemini, geminiEmbedding, geminiCount, cohere, cohereEmbed, cohereRerank, converse, invoke

    var type: any DocumentForm.Type {
        switch self {
        case .gemini: GeminiDocument.self
        case .geminiEmbedding: GeminiEmbeddingDocument.self
        case .geminiCount: GeminiCountDocument.self
        case .cohere: CohereDocument.self
        case .cohereEmbed: CohereEmbedDocument.self
        case .cohereRerank: CohereRerankDocument.self
        case .converse: ConverseDocument.self
        case .invoke: InvokeDocument.self
        }
    }
}

/// What becomes of an answer that came as a document.
struct DocumentVerdict: CustomTestStringConvertible {
    var form: JudgedForm
    var flaw: AnswerFlaw?
    var document: String

    var testDescription: String { "\(form): \(document)" }

    init(_ form: JudgedForm, _ flaw: AnswerFlaw?, _ document: String) {
        self.form = form
        self.flaw = flaw
        self.document = document
    }

    static let all = gemini + cohere + converse + invoke

    private static let gemini: [DocumentVerdict] = [
        DocumentVerdict(.gemini, .incomplete, "{}"),
        DocumentVerdict(.gemini, .incomplete, #"{"candidates":[]}"#),
        DocumentVerdict(.gemini, .unfinished, #"{"candidates":[{"content":{"parts":[{"text":"a"}]}}]}"#),
        DocumentVerdict(.gemini, .error, #"{"error":{"code":429,"status":"RESOURCE_EXHAUSTED"}}"#),
        DocumentVerdict(.gemini, .filtered, #"{"promptFeedback":{"blockReason":"OTHER"}}"#),
        DocumentVerdict(
            .gemini, .length,
            #"{"candidates":[{"content":{"parts":[{"text":"a"}]},"finishReason":"MAX_TOKENS"}]}"#),
        DocumentVerdict(
            .gemini, .unsupported,
            #"{"candidates":[{"content":{"parts":[{"executableCode":{"code":"1"}}]},"finishReason":"STOP"}]}"#),
        DocumentVerdict(
            .gemini, .incomplete,
            #"{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f","willContinue":true}}]},"#
                + #""finishReason":"STOP"}]}"#),
        DocumentVerdict(
            .gemini, nil,
            #"{"candidates":[{"content":{"parts":[{"inlineData":{"mimeType":"image/png","data":"AA=="}}]},"#
                + #""finishReason":"STOP"}]}"#),
        DocumentVerdict(.geminiEmbedding, nil, #"{"embedding":{"values":[0.5,-1e-3]}}"#),
        DocumentVerdict(.geminiEmbedding, nil, #"{"embeddings":[{"values":[1]},{"values":[2]}]}"#),
        DocumentVerdict(.geminiEmbedding, .incomplete, #"{"embeddings":[{"values":[]}]}"#),
        DocumentVerdict(.geminiEmbedding, .incomplete, #"{"embeddings":[]}"#),
        DocumentVerdict(.geminiEmbedding, .malformed, #"{"embedding":{"values":["a"]}}"#),
        DocumentVerdict(.geminiEmbedding, .malformed, #"{"embedding":{}}"#),
        DocumentVerdict(.geminiEmbedding, .error, #"{"error":{"code":400}}"#),
        DocumentVerdict(.geminiCount, nil, #"{"totalTokens":31,"promptTokensDetails":[]}"#),
        DocumentVerdict(.geminiCount, nil, #"{"tokensInfo":[{"tokenIds":["1"],"role":"user"}]}"#),
        DocumentVerdict(.geminiCount, .malformed, #"{"totalTokens":"31"}"#),
        DocumentVerdict(.geminiCount, .incomplete, #"{}"#),
        DocumentVerdict(.geminiCount, .error, #"{"error":{}}"#),
    ]

    private static let cohere: [DocumentVerdict] = [
        DocumentVerdict(.cohere, .error, #"{"message":"invalid api token"}"#),
        DocumentVerdict(.cohere, .unfinished, #"{"message":{"role":"assistant","content":[]}}"#),
        DocumentVerdict(
            .cohere, .malformed,
            #"{"message":{"role":"assistant","tool_calls":[{"id":"1"}]},"finish_reason":"TOOL_CALL"}"#),
        DocumentVerdict(
            .cohere, nil,
            #"{"message":{"role":"assistant","content":[{"type":"text","text":""}]},"finish_reason":"STOP_SEQUENCE"}"#),
        DocumentVerdict(
            .cohere, .unfinished,
            #"{"message":{"role":"assistant","tool_calls":[{"id":"1","function":{"name":"f","arguments":"{"}}]},"#
                + #""finish_reason":"TOOL_CALL"}"#),
        // The first version.
        DocumentVerdict(.cohere, nil, #"{"text":"Hi","generation_id":"1","finish_reason":"COMPLETE"}"#),
        DocumentVerdict(.cohere, .length, #"{"text":"Hi","finish_reason":"MAX_TOKENS"}"#),
        DocumentVerdict(.cohere, .filtered, #"{"text":"","finish_reason":"ERROR_TOXIC"}"#),
        DocumentVerdict(.cohere, .unfinished, #"{"text":"Hi"}"#),
        DocumentVerdict(.cohere, .malformed, #"{"finish_reason":"COMPLETE"}"#),
        DocumentVerdict(.cohereEmbed, nil, #"{"embeddings":[[0.5],[1]],"texts":["a","b"]}"#),
        DocumentVerdict(
            .cohereEmbed, nil, #"{"embeddings":{"float":[[0.5]],"base64":["AA=="],"int8":null},"texts":[]}"#
        ),
        DocumentVerdict(.cohereEmbed, .malformed, #"{"embeddings":[[0.5]],"texts":["a","b"]}"#),
        DocumentVerdict(.cohereEmbed, .malformed, #"{"embeddings":{"float":[[1]],"int8":[[1],[2]]}}"#),
        DocumentVerdict(.cohereEmbed, .incomplete, #"{"embeddings":{"float":[]}}"#),
        DocumentVerdict(.cohereEmbed, .incomplete, #"{"embeddings":{}}"#),
        DocumentVerdict(.cohereEmbed, .error, #"{"message":"too many texts"}"#),
        DocumentVerdict(.cohereRerank, nil, #"{"results":[{"index":3,"relevance_score":0.99}]}"#),
        DocumentVerdict(.cohereRerank, .incomplete, #"{"results":[]}"#),
        DocumentVerdict(
            .cohereRerank, .malformed,
            #"{"results":[{"index":3,"relevance_score":0.99},{"index":3,"relevance_score":0.1}]}"#),
        DocumentVerdict(.cohereRerank, .malformed, #"{"results":[{"index":-1,"relevance_score":0.99}]}"#),
        DocumentVerdict(.cohereRerank, .malformed, #"{"results":[{"index":0}]}"#),
        DocumentVerdict(.cohereRerank, .error, #"{"message":"no documents"}"#),
    ]

    private static let converse: [DocumentVerdict] = [
        DocumentVerdict(.converse, .unfinished, "{}"),
        DocumentVerdict(
            .converse, .error,
            #"{"Output":{},"__type":"com.amazon.coral.service#UnknownOperationException"}"#),
        DocumentVerdict(.converse, .error, #"{"message":"Too many requests"}"#),
        DocumentVerdict(.converse, .malformed, #"{"output":{},"stopReason":"end_turn"}"#),
        DocumentVerdict(
            .converse, .unsupported,
            #"{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f","input":{},"#
                + #""type":"server_tool_use"}}]}},"stopReason":"end_turn"}"#),
        DocumentVerdict(
            .converse, .malformed,
            #"{"output":{"message":{"role":"assistant","content":[{"toolUse":{"toolUseId":"1","name":"f"}}]}},"#
                + #""stopReason":"tool_use"}"#),
    ]

    private static let invoke: [DocumentVerdict] = [
        DocumentVerdict(
            .invoke, nil,
            #"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"end_turn"}"#),
        DocumentVerdict(
            .invoke, .length,
            #"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"max_tokens"}"#
        ),
        DocumentVerdict(
            .invoke, .refusal,
            #"{"type":"message","role":"assistant","content":[{"type":"text","text":"Hi"}],"stop_reason":"refusal"}"#),
        DocumentVerdict(
            .invoke, nil,
            #"{"output":{"message":{"role":"assistant","content":[{"text":"Hi"}]}},"stopReason":"end_turn"}"#),
        DocumentVerdict(.invoke, nil, #"{"choices":[{"message":{"content":"Hi"},"finish_reason":"stop","index":0}]}"#),
        DocumentVerdict(
            .invoke, .refusal,
            #"{"choices":[{"message":{"content":null,"refusal":"no"},"finish_reason":"stop"}]}"#),
        DocumentVerdict(.invoke, .filtered, #"{"choices":[{"message":{},"finish_reason":"content_filter"}]}"#),
        DocumentVerdict(.invoke, nil, #"{"generation":"Hi","stop_reason":"stop"}"#),
        DocumentVerdict(.invoke, .length, #"{"generation":"Hi","stop_reason":"length"}"#),
        DocumentVerdict(.invoke, .unfinished, #"{"generation":"Hi","stop_reason":null}"#),
        DocumentVerdict(.invoke, nil, #"{"outputs":[{"text":"Hi","stop_reason":"stop"}]}"#),
        DocumentVerdict(.invoke, nil, #"{"results":[{"outputText":"Hi","completionReason":"FINISH"}]}"#),
        DocumentVerdict(.invoke, .filtered, #"{"results":[{"outputText":"","completionReason":"CONTENT_FILTERED"}]}"#),
        DocumentVerdict(.invoke, nil, #"{"results":[{"index":0,"relevance_score":0.5}]}"#),
        DocumentVerdict(.invoke, nil, #"{"generations":[{"text":"Hi","finish_reason":"COMPLETE"}]}"#),
        DocumentVerdict(.invoke, nil, #"{"text":"Hi","finish_reason":"COMPLETE","response_id":"1"}"#),
        DocumentVerdict(.invoke, nil, #"{"embedding":[0.5],"inputTextTokenCount":5}"#),
        DocumentVerdict(.invoke, nil, #"{"embeddingsByType":{"float":[0.5]}}"#),
        DocumentVerdict(.invoke, nil, #"{"embeddings":[[0.5]],"texts":["a"]}"#),
        DocumentVerdict(.invoke, nil, #"{"embeddings":[{"embeddingType":"TEXT","embedding":[0.5]}]}"#),
        DocumentVerdict(.invoke, .incomplete, #"{"embedding":[]}"#),
        DocumentVerdict(.invoke, .incomplete, #"{"embeddingsByType":{}}"#),
        DocumentVerdict(.invoke, .error, #"{"embedding":[0.5],"message":"the image is too large"}"#),
        DocumentVerdict(.invoke, .unsupported, #"{"images":["AA=="]}"#),
        DocumentVerdict(.invoke, .unsupported, "{}"),
        DocumentVerdict(
            .invoke, .filtered,
            #"{"generation":"Hi","stop_reason":"stop","amazon-bedrock-guardrailAction":"INTERVENED"}"#),
        DocumentVerdict(.invoke, .error, #"{"error":{"message":"overloaded"}}"#),
    ]
}

@Suite("Which documents are kept")
struct DocumentVerdictTests {
    @Test("only complete and successful answers are", arguments: DocumentVerdict.all)
    func verdicts(verdict: DocumentVerdict) {
        let document = Array(verdict.document.utf8)
        var flaw: AnswerFlaw?
        do throws(AnswerFlaw) {
            _ = try verdict.form.type.judge(document.span)
        } catch {
            flaw = error
        }
        #expect(flaw == verdict.flaw)
    }

    @Test("an answer of any other kind of JSON is malformed")
    func otherKinds() {
        for form in JudgedForm.allCases {
            for document in ["", "null", "[]", "\"ok\"", "1", "{", "{}{}"] {
                let document = Array(document.utf8)
                #expect(throws: AnswerFlaw.malformed) { try form.type.judge(document.span) }
            }
        }
    }

    @Test("answers with more calls than leo remembers are not kept")
    func manyCalls() {
        let call = #"{"functionCall":{"name":"f"}}"#
        for (count, flaw) in [(128, nil), (129, AnswerFlaw.tooLarge)] {
            let parts = Array(repeating: call, count: count).joined(separator: ",")
            let document = Array(#"{"candidates":[{"content":{"parts":[\#(parts)]},"finishReason":"STOP"}]}"#.utf8)
            var found: AnswerFlaw?
            do throws(AnswerFlaw) {
                _ = try GeminiDocument.judge(document.span)
            } catch {
                found = error
            }
            #expect(found == flaw)
        }
    }
}
