/// The wire format of one kind of operation: what its request and its answer look like.
///
/// Several providers share a dialect, and one API family has several. The raw value is the word of the access log, the
/// metrics and the documentation.
public enum Dialect: String, Sendable, CaseIterable {
    /// `POST …/chat/completions`.
    case openaiChat = "openai-chat"
    /// `POST …/completions`, the older form with one `prompt`.
    case openaiCompletions = "openai-completions"
    /// `POST …/responses`.
    case openaiResponses = "openai-responses"
    /// `POST …/embeddings`.
    case openaiEmbeddings = "openai-embeddings"
    /// `POST …/moderations`.
    case openaiModerations = "openai-moderations"
    /// `POST …/images/…`: metered by request.
    case openaiImages = "openai-images"
    /// `POST …/audio/…`: metered by request.
    case openaiAudio = "openai-audio"
    /// Everything else of OpenAI's shape: models, files, batches, the Realtime sockets.
    case openaiOther = "openai"
    /// `POST /v1/messages` and `…/count_tokens`, also on Vertex AI.
    case anthropicMessages = "anthropic-messages"
    /// Everything else of Anthropic's shape: models, batches, files.
    case anthropicOther = "anthropic"
    /// `…:generateContent`, `…:streamGenerateContent`, `…:countTokens`.
    case geminiGenerate = "gemini-generate"
    /// `…:embedContent`, `…:batchEmbedContents`.
    case geminiEmbed = "gemini-embed"
    /// Everything else of Gemini's shape.
    case geminiOther = "gemini"
    /// `POST /v1/chat` and `/v2/chat`.
    case cohereChat = "cohere-chat"
    /// `POST …/embed`.
    case cohereEmbed = "cohere-embed"
    /// `POST …/rerank`.
    case cohereRerank = "cohere-rerank"
    /// Everything else of Cohere's shape.
    case cohereOther = "cohere"
    /// `…/converse` and `…/converse-stream`.
    case bedrockConverse = "bedrock-converse"
    /// `…/invoke` and `…/invoke-with-response-stream`: the model's own format inside of Amazon's.
    case bedrockInvoke = "bedrock-invoke"
    /// Everything else of Bedrock's runtime.
    case bedrockOther = "bedrock"

    /// The family whose errors its clients understand.
    public var family: APIFamily {
        switch self {
        case .openaiChat, .openaiCompletions, .openaiResponses, .openaiEmbeddings, .openaiModerations, .openaiImages,
            .openaiAudio, .openaiOther:
            .openai
        case .anthropicMessages, .anthropicOther: .anthropic
        case .geminiGenerate, .geminiEmbed, .geminiOther: .gemini
        case .cohereChat, .cohereEmbed, .cohereRerank, .cohereOther: .cohere
        case .bedrockConverse, .bedrockInvoke, .bedrockOther: .bedrock
        }
    }
}

/// What leo can know about an operation's text, and so what a policy can do about it.
public enum OperationClass: String, Sendable, CaseIterable {
    /// The request is JSON whose texts leo finds.
    case inspected
    /// Files, audio, images, multipart: no text that leo finds.
    case opaqueMedia = "opaque_media"
    /// Part of what the model will read lies with the provider: conversations, batches.
    case stateful
    /// Nothing that a model reads: lists of models, look-ups, deletions.
    case noText = "no_text"
    /// Nothing that leo knows.
    case unknown
}
