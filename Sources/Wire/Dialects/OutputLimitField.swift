/// What a provider of OpenAI's chat calls the limit of an answer's tokens.
public enum OutputLimitField: String, Sendable, CaseIterable {
    /// The older name, which most providers of that shape know and OpenAI's reasoning models refuse.
    case maxTokens = "max_tokens"
    /// OpenAI's name since its models reason, whose tokens it counts.
    case maxCompletionTokens = "max_completion_tokens"
}
