/// The family of APIs that a provider speaks: decides the shape of the errors leo answers with.
public enum APIFamily: String, Sendable, CaseIterable {
    /// OpenAI and the many that follow it.
    case openai
    /// Anthropic's Messages API.
    case anthropic
    /// Google's Gemini and Vertex AI.
    case gemini
    /// Amazon Bedrock's runtime.
    case bedrock
    /// Cohere.
    case cohere
}
