// OpenAI's API, and what the many that follow it add to it. Rows that set a model to work come before those that list or
// store, so that no odd prefix makes one look like the other.

extension OperationTable {
    static let openaiRows = openaiChatRows + openaiWorkRows + openaiMediaRows + openaiManagementRows

    /// Chat, which others offer too.
    static let openaiChatRows: [OperationRow] = [
        // Perplexity's: the answer comes later, and its usage with it.
        OperationRow(
            .post, "async/chat/completions", "async.chat.completions", .openaiOther, .stateful, .batch, streams: false),
        OperationRow(.post, "chat/completions", "chat.completions", .openaiChat),
    ]

    private static let openaiWorkRows: [OperationRow] = [
        OperationRow(.post, "responses", "responses", .openaiResponses),
        OperationRow(.post, "responses/compact", "responses.compact", .openaiResponses, streams: false),
        OperationRow(
            .post, "responses/input_tokens", "responses.input_tokens", .openaiResponses, .inspected, .nothing,
            streams: false),
        // The Responses API over a WebSocket.
        OperationRow(.get, "responses", "responses.socket", .openaiOther, .opaqueMedia),

        // Mistral's: code between a prompt and a suffix; the answer is chat's.
        OperationRow(.post, "fim/completions", "fim.completions", .openaiCompletions),
        // Mistral's agents: their instructions lie with the provider.
        OperationRow(.post, "agents/completions", "agents.completions", .openaiChat, .stateful),
        // Azure's "on your data".
        OperationRow(.post, "extensions/chat/completions", "chat.completions", .openaiChat),
        OperationRow(.post, "completions", "completions", .openaiCompletions),

        // Azure's model inference embeds images so.
        OperationRow(
            .post, "images/embeddings", "images.embeddings", .openaiEmbeddings, .opaqueMedia, streams: false),
        OperationRow(.post, "embeddings", "embeddings", .openaiEmbeddings, streams: false),
        // Mistral's moderate and classify conversations.
        OperationRow(.post, "chat/moderations", "chat.moderations", .openaiModerations, streams: false),
        OperationRow(.post, "chat/classifications", "chat.classifications", .openaiModerations, streams: false),
        OperationRow(.post, "classifications", "classifications", .openaiModerations, streams: false),
        OperationRow(.post, "moderations", "moderations", .openaiModerations, streams: false),
        // vLLM's and Together's, in Cohere's form.
        OperationRow(.post, "rerank", "rerank", .cohereRerank, streams: false),
        // vLLM's count of tokens.
        OperationRow(.post, "tokenize", "tokenize", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "detokenize", "detokenize", .openaiOther, .stateful, .nothing, streams: false),

        OperationRow(.post, "batches", "batches", .openaiOther, .stateful, .batch, streams: false),
        OperationRow(.post, "batch/jobs", "batches", .openaiOther, .stateful, .batch, streams: false),
        OperationRow(.post, "fine_tuning/jobs", "fine_tuning.jobs", .openaiOther, .stateful, .batch, streams: false),
        OperationRow(
            .post, "fine_tuning/jobs/*/resume", "fine_tuning.jobs.resume", .openaiOther, .stateful, .batch,
            streams: false),
        OperationRow(.post, "evals/*/runs", "evals.runs", .openaiOther, .stateful, .batch, streams: false),

        // A conversation or a thread holds what the model will read. Mistral's conversations answer at once, OpenAI's do
        // not; the paths are the same.
        OperationRow(.post, "conversations", "conversations", .openaiOther, .stateful),
        OperationRow(
            .post, "conversations/*/items", "conversations.items", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "conversations/*/restart", "conversations.restart", .openaiOther, .stateful),
        OperationRow(.post, "conversations/*", "conversations.append", .openaiOther, .stateful),
        OperationRow(.post, "threads/runs", "threads.runs", .openaiOther, .stateful, .batch),
        OperationRow(.post, "threads/*/runs", "threads.runs", .openaiOther, .stateful, .batch),
        OperationRow(.post, "threads/*/runs/*/submit_tool_outputs", "threads.runs", .openaiOther, .stateful, .batch),
        OperationRow(
            .post, "threads/*/runs/*/cancel", "threads.runs.cancel", .openaiOther, .noText, .nothing, streams: false),
        OperationRow(.post, "threads", "threads", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(
            .post, "threads/*/messages", "threads.messages", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "assistants", "assistants", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "assistants/*", "assistants", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(
            .post, "vector_stores/*/search", "vector_stores.search", .openaiOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "vector_stores/**", "vector_stores", .openaiOther, .noText, .nothing, streams: false),
    ]

    private static let openaiMediaRows: [OperationRow] = [
        OperationRow(.post, "images/generations", "images.generations", .openaiImages),
        OperationRow(.post, "images/edits", "images.edits", .openaiImages, .opaqueMedia),
        OperationRow(.post, "images/variations", "images.variations", .openaiImages, .opaqueMedia, streams: false),
        OperationRow(.post, "audio/speech", "audio.speech", .openaiAudio),
        OperationRow(.post, "audio/transcriptions", "audio.transcriptions", .openaiAudio, .opaqueMedia),
        OperationRow(.post, "audio/translations", "audio.translations", .openaiAudio, .opaqueMedia, streams: false),
        OperationRow(.post, "ocr", "ocr", .openaiOther, .opaqueMedia, streams: false),
        OperationRow(.post, "videos", "videos", .openaiOther, .opaqueMedia, .batch, streams: false),
        OperationRow(.post, "videos/*/remix", "videos.remix", .openaiOther, .opaqueMedia, .batch, streams: false),
        OperationRow(.post, "videos/edits", "videos.edits", .openaiOther, .opaqueMedia, .batch, streams: false),
        OperationRow(
            .post, "videos/extensions", "videos.extensions", .openaiOther, .opaqueMedia, .batch, streams: false),
        // A session's secret lets its holder speak with a model, perhaps past leo.
        OperationRow(.get, "realtime", "realtime", .openaiOther, .opaqueMedia),
        OperationRow(.post, "realtime/**", "realtime", .openaiOther, .opaqueMedia, .batch),
        OperationRow(.post, "live/**", "live", .openaiOther, .opaqueMedia, .batch),
        OperationRow(
            .post, "containers/*/files", "containers.files", .openaiOther, .opaqueMedia, .nothing, streams: false),
        OperationRow(.post, "files", "files.upload", .openaiOther, .opaqueMedia, .nothing, streams: false),
        OperationRow(.post, "uploads/*/parts", "uploads.parts", .openaiOther, .opaqueMedia, .nothing, streams: false),
    ]

    private static let openaiManagementRows: [OperationRow] = [
        .management(.get, "models/**", "models", .openaiOther),
        .management(.delete, "models/*", "models.delete", .openaiOther),
        .management(.get, "async/chat/completions/**", "async.chat.completions.list", .openaiOther),
        .management(.getOrDelete, "chat/completions/**", "chat.completions.stored", .openaiOther),
        .management(.post, "chat/completions/*", "chat.completions.stored", .openaiOther),
        .management(.post, "responses/*/cancel", "responses.cancel", .openaiOther),
        .management(.getOrDelete, "responses/*/**", "responses.stored", .openaiOther),
        .management(.getOrDelete, "conversations/**", "conversations.stored", .openaiOther),
        .management(.getOrDelete, "files/**", "files", .openaiOther),
        .management(.post, "uploads", "uploads", .openaiOther),
        .management(.post, "uploads/*/complete", "uploads.complete", .openaiOther),
        .management(.post, "uploads/*/cancel", "uploads.cancel", .openaiOther),
        .management(.get, "batches/**", "batches.list", .openaiOther),
        .management(.getOrDelete, "batch/jobs/**", "batches.list", .openaiOther),
        .management(.post, "batches/*/cancel", "batches.cancel", .openaiOther),
        .management(.post, "batch/jobs/*/cancel", "batches.cancel", .openaiOther),
        .management(.getOrDelete, "fine_tuning/**", "fine_tuning.list", .openaiOther),
        .management(.post, "fine_tuning/jobs/*/cancel", "fine_tuning.cancel", .openaiOther),
        .management(.post, "fine_tuning/jobs/*/pause", "fine_tuning.pause", .openaiOther),
        .management(.getOrDelete, "evals/**", "evals.list", .openaiOther),
        .management(.getOrDelete, "threads/**", "threads.list", .openaiOther),
        .management(.getOrDelete, "assistants/**", "assistants.list", .openaiOther),
        .management(.getOrDelete, "vector_stores/**", "vector_stores.list", .openaiOther),
        .management(.getOrDelete, "containers/**", "containers.list", .openaiOther),
        .management(.post, "containers", "containers", .openaiOther),
        .management(.getOrDelete, "videos/**", "videos.list", .openaiOther),
        .management(.get, "chat/deferred-completion/*", "chat.completions.deferred", .openaiOther),
        .management(.any, "organization/**", "organization", .openaiOther),
        // What clients ask of OpenRouter, Ollama and vLLM before they begin.
        .management(.get, "credits", "credits", .openaiOther),
        .management(.get, "key", "key", .openaiOther),
        .management(.get, "generation", "generation", .openaiOther),
        .management(.get, "providers", "providers", .openaiOther),
        .management(.get, "api/tags", "models", .openaiOther),
        .management(.get, "api/ps", "models", .openaiOther),
        .management(.get, "api/version", "version", .openaiOther),
        .management(.post, "api/show", "models", .openaiOther),
        .management(.get, "health", "health", .openaiOther),
        .management(.get, "ping", "health", .openaiOther),
        .management(.get, "version", "version", .openaiOther),
        .management(.get, "metrics", "metrics", .openaiOther),
    ]
}
