import Wire

// The providers leo knows without a file. A host belongs in here when the provider's own documentation names it as the
// base of its model API. Constraint suffixes are the registrable domain where that domain is the provider's business,
// and the single host where it is shared with unrelated services (Google, AWS, Azure, GitHub, NVIDIA, Hugging Face),
// because whoever stole the CA's key could pose as every name under them.

extension ProviderTable {
    /// Everything leo knows without a file.
    public static let builtIn = ProviderTable(hosted + regional + selfHosted)

    // Streamed usage: OpenAI, Fireworks, GitHub, Ollama and vLLM tell it when asked. Mistral, Groq, xAI, DeepSeek,
    // Together, OpenRouter, Perplexity and Cerebras tell it unasked (and Mistral refuses the question). Azure's answer
    // depends on the version of the API that the client names, and with its own data sources it refuses. Of the others
    // nothing is known for certain.
    // Output limit: whoever follows OpenAI's present reference takes max_completion_tokens; DeepSeek and Mistral do not.
    private static let hosted = [
        // The regional hosts are us., eu., au., ca., jp., in., sg., kr., gb. and ae.api.openai.com.
        row(
            "openai", .openai, ["api.openai.com", "*.api.openai.com"], ["openai.com"], streamUsage: true,
            outputLimitField: .maxCompletionTokens),
        // openai.azure.com is the classic resource, the next two what Foundry resources are given, models.ai.azure.com
        // the serverless deployments, azure.us the government's cloud.
        row(
            "azure-openai", .openai,
            [
                "*.openai.azure.com", "*.cognitiveservices.azure.com", "*.services.ai.azure.com",
                "*.models.ai.azure.com", "*.openai.azure.us", "*.cognitiveservices.azure.us",
            ], outputLimitField: .maxCompletionTokens),
        row("anthropic", .anthropic, ["api.anthropic.com"], ["anthropic.com"]),
        row("gemini", .gemini, ["generativelanguage.googleapis.com"]),
        row("mistral", .openai, ["api.mistral.ai", "codestral.mistral.ai"], ["mistral.ai"]),
        row("cohere", .cohere, ["api.cohere.com", "api.cohere.ai"], ["cohere.com", "cohere.ai"]),
        row("groq", .openai, ["api.groq.com"], ["groq.com"], outputLimitField: .maxCompletionTokens),
        row("xai", .openai, ["api.x.ai", "*.api.x.ai"], ["x.ai"], outputLimitField: .maxCompletionTokens),
        row("deepseek", .openai, ["api.deepseek.com"], ["deepseek.com"]),
        row("together", .openai, ["api.together.xyz", "api.together.ai"], ["together.xyz", "together.ai"]),
        row("fireworks", .openai, ["api.fireworks.ai"], ["fireworks.ai"], streamUsage: true),
        row("openrouter", .openai, ["openrouter.ai", "us.openrouter.ai", "eu.openrouter.ai"], ["openrouter.ai"]),
        row("perplexity", .openai, ["api.perplexity.ai"], ["perplexity.ai"]),
        row("huggingface", .openai, ["router.huggingface.co", "api-inference.huggingface.co"]),
        row("github-models", .openai, ["models.github.ai", "models.inference.ai.azure.com"], streamUsage: true),
        row("nvidia", .openai, ["integrate.api.nvidia.com", "ai.api.nvidia.com"]),
        row("cerebras", .openai, ["api.cerebras.ai"], ["cerebras.ai"], outputLimitField: .maxCompletionTokens),
        row("sambanova", .openai, ["api.sambanova.ai"], ["sambanova.ai"]),
    ]

    private static let regional = [
        row(
            "vertex", .gemini,
            ["aiplatform.googleapis.com", "*-aiplatform.googleapis.com", "aiplatform.*.rep.googleapis.com"],
            ["aiplatform.googleapis.com"] + Regions.vertex.map { "\($0)-aiplatform.googleapis.com" }
                + Regions.vertexMulti.map { "aiplatform.\($0).rep.googleapis.com" }),
        row(
            "bedrock", .bedrock, ["bedrock-runtime.*.amazonaws.com", "bedrock-runtime-fips.*.amazonaws.com"],
            Regions.bedrock.map { "bedrock-runtime.\($0).amazonaws.com" }
                + Regions.bedrockFIPS.map { "bedrock-runtime-fips.\($0).amazonaws.com" }),
        // Bedrock's endpoint for the OpenAI and Anthropic APIs.
        row(
            "bedrock-mantle", .openai, ["bedrock-mantle.*.api.aws"],
            Regions.bedrockMantle.map { "bedrock-mantle.\($0).api.aws" }),
    ]

    private static let selfHosted = [
        row(
            "ollama", .openai, ["localhost:11434", "127.0.0.1:11434", "[::1]:11434"], plain: true, streamUsage: true),
        // vLLM runs on uvicorn, which closes an idle connection after 5 s: a request sent just then would be lost.
        row(
            "vllm", .openai, ["localhost:8000", "127.0.0.1:8000", "[::1]:8000"], plain: true,
            poolIdleTimeout: .seconds(4), streamUsage: true),
    ]

    private static func row(
        _ name: String, _ api: APIFamily, _ hosts: [String], _ constraintSuffixes: [String]? = nil, plain: Bool = false,
        poolIdleTimeout: Duration? = nil, streamUsage: Bool = false, outputLimitField: OutputLimitField = .maxTokens
    ) -> Provider {
        // A pattern that does not parse would be missing here; a test counts them.
        let patterns = hosts.compactMap { text in try? HostPattern.parse(text, defaultPort: 443) }
        return Provider(
            name: name, api: api, hosts: patterns, plain: plain, poolIdleTimeout: poolIdleTimeout,
            streamUsage: streamUsage, outputLimitField: outputLimitField, constraintSuffixes: constraintSuffixes)
    }
}

/// The regions that the clouds' documentation lists for their model endpoints. A name constraint cannot hold a
/// wildcard, so leo's CA names each; a newer region needs `ca.names` until the table has it.
enum Regions {
    /// Vertex AI, REGION-aiplatform.googleapis.com.
    static let vertex = [
        "africa-south1", "asia-east1", "asia-east2", "asia-northeast1", "asia-northeast2", "asia-northeast3",
        "asia-south1", "asia-south2", "asia-southeast1", "asia-southeast2", "australia-southeast1",
        "australia-southeast2", "europe-central2", "europe-north1", "europe-southwest1", "europe-west1",
        "europe-west2", "europe-west3", "europe-west4", "europe-west6", "europe-west8", "europe-west9",
        "europe-west12", "me-central1", "me-central2", "me-west1", "northamerica-northeast1",
        "northamerica-northeast2", "southamerica-east1", "southamerica-west1", "us-central1", "us-east1", "us-east4",
        "us-east5", "us-south1", "us-west1", "us-west2", "us-west3", "us-west4",
    ]
    /// Vertex AI's multi-regions, aiplatform.REGION.rep.googleapis.com.
    static let vertexMulti = ["eu", "us"]
    /// Amazon Bedrock, bedrock-runtime.REGION.amazonaws.com.
    static let bedrock = [
        "af-south-1", "ap-east-2", "ap-northeast-1", "ap-northeast-2", "ap-northeast-3", "ap-south-1", "ap-south-2",
        "ap-southeast-1", "ap-southeast-2", "ap-southeast-3", "ap-southeast-4", "ap-southeast-5", "ap-southeast-6",
        "ap-southeast-7", "ca-central-1", "ca-west-1", "eu-central-1", "eu-central-2", "eu-north-1", "eu-south-1",
        "eu-south-2", "eu-west-1", "eu-west-2", "eu-west-3", "il-central-1", "me-central-1", "me-south-1",
        "mx-central-1", "sa-east-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-1",
        "us-west-2",
    ]
    /// Amazon Bedrock's FIPS endpoints, bedrock-runtime-fips.REGION.amazonaws.com.
    static let bedrockFIPS = [
        "ca-central-1", "us-east-1", "us-east-2", "us-gov-east-1", "us-gov-west-1", "us-west-2",
    ]
    /// Amazon Bedrock's OpenAI and Anthropic APIs, bedrock-mantle.REGION.api.aws.
    static let bedrockMantle = [
        "ap-northeast-1", "ap-south-1", "ap-southeast-2", "ap-southeast-3", "eu-central-1", "eu-north-1", "eu-south-1",
        "eu-west-1", "eu-west-2", "sa-east-1", "us-east-1", "us-east-2", "us-gov-west-1",
        "us-west-2",
    ]
}
