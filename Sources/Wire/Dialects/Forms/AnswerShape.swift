extension Operation {
    /// Whether its answers have a form in which they can be kept.
    public var hasKeptAnswers: Bool { AnswerShape.of(self) != nil }

    /// Whether its answers are vectors, which the same text always gets.
    public var isEmbedding: Bool {
        dialect == .openaiEmbeddings || dialect == .geminiEmbed || dialect == .cohereEmbed
    }
}

/// How the answers of an operation look: what their documents are, and how their streams are framed and read.
///
/// One line per dialect; an operation without a shape has answers that leo does not keep.
struct AnswerShape {
    /// The dialect's ``DocumentForm/judge(_:)``.
    let judge: (Span<UInt8>) throws(AnswerFlaw) -> DocumentFacts
    /// The dialect's ``DocumentForm/stream(_:tellsUsage:into:)``.
    let stream: (Span<UInt8>, _ tellsUsage: Bool, inout EventWriter) -> Bool
    /// The dialect's ``DocumentForm/isWhole(_:)``.
    let isWhole: (Span<UInt8>) -> Bool
    /// How a stream's events are framed; nil where answers never stream.
    let framing: EventWriter.Framing?
    /// Makes what puts a stream together.
    let makeBuilder: (() -> any DocumentBuilder)?

    /// The shape of an operation's answers; nil if leo keeps none.
    static func of(_ operation: Operation) -> AnswerShape? {
        switch operation.dialect {
        case .openaiChat: events(ChatDocument.self) { ChatDocumentBuilder() }
        // Mistral's code between a prompt and a suffix comes as chats do.
        case .openaiCompletions where operation.name == "fim.completions":
            events(ChatDocument.self) { ChatDocumentBuilder() }
        case .openaiCompletions: events(CompletionDocument.self) { CompletionDocumentBuilder() }
        case .openaiEmbeddings: document(EmbeddingDocument.self)
        case .openaiModerations: document(ModerationDocument.self)
        case .openaiResponses where operation.name == "responses.input_tokens": document(CountDocument.self)
        case .openaiResponses: events(ResponsesDocument.self) { ResponsesDocumentBuilder() }
        case .anthropicMessages where operation.name == "messages.count_tokens": document(CountDocument.self)
        case .anthropicMessages: events(MessageDocument.self) { MessageDocumentBuilder() }
        case .geminiGenerate where operation.name == "countTokens" || operation.name == "computeTokens":
            document(GeminiCountDocument.self)
        case .geminiGenerate: events(GeminiDocument.self, .array) { GeminiDocumentBuilder() }
        case .geminiEmbed: document(GeminiEmbeddingDocument.self)
        case .cohereChat: events(CohereDocument.self) { CohereDocumentBuilder() }
        case .cohereEmbed: document(CohereEmbedDocument.self)
        case .cohereRerank: document(CohereRerankDocument.self)
        case .bedrockConverse: events(ConverseDocument.self, .amazonMessages) { ConverseDocumentBuilder() }
        case .bedrockInvoke: document(InvokeDocument.self)
        case .openaiImages, .openaiAudio, .openaiOther, .anthropicOther, .geminiOther, .cohereOther, .bedrockOther: nil
        }
    }

    /// Answers that are documents and never stream.
    private static func document<Form: DocumentForm>(_: Form.Type) -> AnswerShape { AnswerShape(Form.self, nil, nil) }

    /// Answers that are documents or streams.
    private static func events<Form: DocumentForm>(
        _: Form.Type, _ framing: EventWriter.Framing = .serverSentEvents,
        _ makeBuilder: @escaping () -> any DocumentBuilder
    ) -> AnswerShape {
        AnswerShape(Form.self, framing, makeBuilder)
    }

    private init<Form: DocumentForm>(
        _: Form.Type, _ framing: EventWriter.Framing?, _ makeBuilder: (() -> any DocumentBuilder)?
    ) {
        judge = { (document) throws(AnswerFlaw) in try Form.judge(document) }
        stream = { document, tellsUsage, events in Form.stream(document, tellsUsage: tellsUsage, into: &events) }
        isWhole = { Form.isWhole($0) }
        self.framing = framing
        self.makeBuilder = makeBuilder
    }
}
