// What the input will cost, before anybody counted it.

extension RequestFacts {
    /// About how many tokens the model will read: an estimate of all texts, schemas and arguments as the JSON they are, a
    /// few tokens for each message, and an allowance for each image or other medium.
    ///
    /// `body` is what was read. `model` is the one that the path names, where the body names none. Without a correction by
    /// what the model's usage really is, and without a margin; what lies with the provider is not in it.
    public func estimatedInputTokens(_ body: Span<UInt8>, model pathModel: String? = nil) -> Int {
        var counter = TokenCounter()
        for text in texts {
            let bytes = body.extracting(text.range.clamped(to: 0..<body.count))
            switch text.form {
            case .plain, .json: counter.take(bytes)
            case .escaped: counter.take(escaped: bytes)
            }
            counter.endText()
        }
        let estimate = counter.tokens(Self.tokenModel(pathModel ?? model)).rounded(.up)
        let textTokens = Int(min(max(0, estimate), Double(Usage.tokenCountMax)))
        var tokens = textTokens + tokenNumberCount + mediaCount * dialect.imageTokens
        tokens += otherMediaByteCount / Self.mediaBytesPerToken
        if dialect.hasMessages { tokens += messageCount * Self.messageTokens + Self.answerTokens }
        return tokens
    }

    /// What marks the beginning, the role and the end of a message.
    private static let messageTokens = 4
    /// What marks the beginning of the answer.
    private static let answerTokens = 3
    /// A page of a document is some 50 KB of base64 and 1,500 to 3,000 tokens, as an image and as text; recordings are far
    /// less in both.
    private static let mediaBytesPerToken = 40

    /// The vocabulary of a model. Those of other providers are not public; the newer one is the closer guess.
    private static func tokenModel(_ model: String?) -> TokenModel {
        guard let model else { return .o200k }
        let isOld =
            model.hasPrefix("gpt-3.5") || model.hasPrefix("gpt-35") || model.hasPrefix("text-embedding-")
            || model.hasPrefix("davinci-") || model.hasPrefix("babbage-")
            || model.hasPrefix("gpt-4") && !model.hasPrefix("gpt-4o") && !model.hasPrefix("gpt-4.")
        return isOld ? .cl100k : .o200k
    }
}

extension Dialect {
    /// Whether its answers hold text that a model writes, so that there can be a limit of it.
    public var hasOutput: Bool { hasMessages || self == .openaiCompletions }

    /// The tokens that an image of the usual size costs: the providers' formulas ask for its dimensions, which a policy
    /// cannot know of one that is only named. OpenAI: 765 to 1,105 for a large one in high detail. Anthropic: at most
    /// some 1,600. Gemini: 258 for each tile, five of them.
    fileprivate var imageTokens: Int {
        switch family {
        case .openai: 1100
        case .anthropic, .bedrock: 1600
        case .gemini: 1290
        case .cohere: 1100
        }
    }

    /// Whether the texts are those of a conversation, which is marked up for the model.
    fileprivate var hasMessages: Bool {
        switch self {
        case .openaiChat, .openaiResponses, .anthropicMessages, .geminiGenerate, .cohereChat, .bedrockConverse,
            .bedrockInvoke:
            true
        case .openaiCompletions, .openaiEmbeddings, .openaiModerations, .openaiImages, .openaiAudio, .openaiOther,
            .anthropicOther, .geminiEmbed, .geminiOther, .cohereEmbed, .cohereRerank, .cohereOther, .bedrockOther:
            false
        }
    }
}
