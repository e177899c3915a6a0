// Anthropic's API. Its Messages are offered by other providers too; on Vertex AI they have paths of Google's.

extension OperationTable {
    /// Messages, which others offer too. The version belongs to the pattern: OpenAI's threads have messages as well.
    static let anthropicMessageRows: [OperationRow] = [
        OperationRow(.post, "v1/messages", "messages", .anthropicMessages),
        OperationRow(
            .post, "v1/messages/count_tokens", "messages.count_tokens", .anthropicMessages, .inspected, .nothing,
            streams: false),
        OperationRow(
            .post, "v1/messages/batches", "messages.batches", .anthropicOther, .stateful, .batch, streams: false),
        .management(.post, "v1/messages/batches/*/cancel", "messages.batches.cancel", .anthropicOther),
        .management(.getOrDelete, "v1/messages/batches/**", "messages.batches.list", .anthropicOther),
    ]

    static let anthropicRows: [OperationRow] = [
        // Managed agents: what they read and when they work lies with the provider.
        OperationRow(.post, "v1/sessions", "sessions", .anthropicOther, .stateful, .batch, streams: false),
        OperationRow(
            .post, "v1/sessions/*/events", "sessions.events", .anthropicOther, .stateful, .batch, streams: false),
        OperationRow(.post, "v1/agents/**", "agents", .anthropicOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "v1/files", "files.upload", .anthropicOther, .opaqueMedia, .nothing, streams: false),
        OperationRow(.post, "v1/skills/**", "skills.upload", .anthropicOther, .opaqueMedia, .nothing, streams: false),
        .management(.get, "v1/models/**", "models", .anthropicOther),
        .management(.getOrDelete, "v1/files/**", "files", .anthropicOther),
        .management(.getOrDelete, "v1/skills/**", "skills", .anthropicOther),
        .management(.getOrDelete, "v1/agents/**", "agents.list", .anthropicOther),
        .management(.getOrDelete, "v1/sessions/**", "sessions.list", .anthropicOther),
        .management(.getOrDelete, "v1/environments/**", "environments", .anthropicOther),
        .management(.any, "v1/organizations/**", "organizations", .anthropicOther),
    ]
}
