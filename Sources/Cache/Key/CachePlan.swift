import Wire

/// What the cache does with one operation.
struct CachePlan {
    /// How the form of the answer is chosen.
    enum Forms {
        /// It is always one document.
        case document
        /// By the body's `stream`.
        case byBody
        /// Likewise, but leo keeps only documents.
        case byBodyWithoutStream
        /// By the path: this one streams.
        case stream
        /// By the path, and Google's `alt`: this one streams.
        case googleStream
    }

    let table: CacheTable
    let forms: Forms
    private let isAlwaysDeterministic: Bool
    private let isInvocation: Bool
    /// Whether the provider keeps the answer unless it is told not to.
    let isStoredByDefault: Bool

    /// Throws where leo keeps no answers of the operation, or not in this form.
    init(_ operation: Operation, _ target: CacheTarget) throws(CacheBypass) {
        guard operation.operationClass == .inspected, !target.hasFragment else { throw .operation }
        switch (operation.dialect, operation.name) {
        case (.openaiChat, "chat.completions"): self.init(.chat, .byBody)
        case (.openaiCompletions, "completions"): self.init(.completions, .byBody)
        // Mistral's: the answer is chat's.
        case (.openaiCompletions, "fim.completions"): throw .dialect
        case (.openaiResponses, "responses"): self.init(.responses, .byBody, isStoredByDefault: true)
        case (.openaiResponses, "responses.input_tokens"): self.init(.responsesInput, .document, isDeterministic: true)
        case (.openaiEmbeddings, _): self.init(.embeddings, .document, isDeterministic: true)
        case (.openaiModerations, _): self.init(.moderations, .document, isDeterministic: true)
        case (.anthropicMessages, "messages"): self.init(.anthropic, .byBody)
        case (.anthropicMessages, "messages.count_tokens"): self.init(.anthropicCount, .document, isDeterministic: true)
        case (.geminiGenerate, "generateContent"): self.init(.gemini, .document)
        case (.geminiGenerate, "streamGenerateContent"): self.init(.gemini, .googleStream)
        case (.geminiGenerate, "countTokens"), (.geminiGenerate, "computeTokens"):
            self.init(.geminiCount, .document, isDeterministic: true)
        case (.geminiEmbed, _): self.init(.geminiEmbed, .document, isDeterministic: true)
        case (.cohereChat, _): self.init(.cohereChat, target.isCohereV2 ? .byBody : .byBodyWithoutStream)
        case (.cohereEmbed, _): self.init(.cohereEmbed, .document, isDeterministic: true)
        case (.cohereRerank, _): self.init(.rerank, .document, isDeterministic: true)
        case (.bedrockConverse, "converse"): self.init(.converse, .document)
        case (.bedrockConverse, "converse-stream"): self.init(.converse, .stream)
        case (.bedrockInvoke, "invoke"): self.init(.invoke, .document)
        case (.bedrockInvoke, _): throw .dialect
        case (
            .openaiChat, _
        ), (.openaiCompletions, _), (.openaiResponses, _), (.openaiImages, _), (.openaiAudio, _),
            (.openaiOther, _), (.anthropicMessages, _), (.anthropicOther, _), (.geminiGenerate, _), (.geminiOther, _),
            (.cohereOther, _), (.bedrockConverse, _), (.bedrockOther, _):
            throw .operation
        }
    }

    private init(
        _ table: CacheTable, _ forms: Forms, isDeterministic: Bool = false, isStoredByDefault: Bool = false
    ) {
        self.table = table
        self.forms = forms
        isAlwaysDeterministic = isDeterministic
        isInvocation = table === CacheTable.invoke
        self.isStoredByDefault = isStoredByDefault
    }

    /// Whether the same request has the same answer, whatever its temperature. Bedrock's embeddings are known by their
    /// models alone.
    func isDeterministic(_ model: String?) -> Bool {
        isAlwaysDeterministic || isInvocation && model?.lowercased().contains("embed") ?? false
    }
}
