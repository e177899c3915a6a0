/// How the answers of one dialect are read: where its numbers stand, and what they mean.
struct AnswerDialect: Sendable {
    let table: AnswerTable
    /// Whether numbers of several events belong together; otherwise later ones replace all of the earlier.
    let mergesUsage: Bool
    /// The usage that the numbers are; nil if they contradict each other or the main ones are missing.
    let usage: @Sendable (AnswerCounts) -> Usage?

    init(
        _ rows: [(path: String, field: AnswerField)], mergesUsage: Bool = false,
        usage: @escaping @Sendable (AnswerCounts) -> Usage?
    ) {
        table = AnswerTable(rows)
        self.mergesUsage = mergesUsage
        self.usage = usage
    }

    /// The reader of answers that tell nothing.
    static let silent = AnswerDialect([], usage: { _ in nil })

    /// The reader of a dialect's answers; nil where they tell nothing that leo meters.
    static func of(_ dialect: Dialect) -> AnswerDialect? {
        switch dialect {
        case .openaiChat, .openaiCompletions: openAIChat
        case .openaiEmbeddings, .openaiModerations, .cohereRerank: openAIEmbeddings
        case .openaiResponses: openAIResponses
        case .openaiImages, .openaiAudio, .openaiOther: openAIOther
        case .anthropicMessages: anthropic
        case .anthropicOther: nil
        case .geminiGenerate, .geminiEmbed: gemini
        case .geminiOther: nil
        case .cohereChat, .cohereEmbed: cohere
        case .cohereOther: nil
        case .bedrockConverse: bedrockConverse
        case .bedrockInvoke: bedrockInvoke
        case .bedrockOther: nil
        }
    }
}
