// Google's APIs: Gemini's own and Vertex AI, where the verb is the end of the last segment, and other makers' models have
// their own formats under it.

extension OperationTable {
    static let geminiRows = geminiPartnerRows + geminiWorkRows + geminiManagementRows

    /// Models on Vertex AI that speak the formats of their makers.
    private static let geminiPartnerRows: [OperationRow] = [
        // Here the body names the model.
        OperationRow(
            .post, "publishers/anthropic/models/count-tokens:rawPredict", "messages.count_tokens", .anthropicMessages,
            .inspected, .nothing, streams: false),
        OperationRow(
            .post, "publishers/anthropic/models/{model}:streamRawPredict", "messages", .anthropicMessages, streams: true
        ),
        OperationRow(
            .post, "publishers/anthropic/models/{model}:rawPredict", "messages", .anthropicMessages, streams: false),
        OperationRow(
            .post, "publishers/mistralai/models/{model}:streamRawPredict", "chat.completions", .openaiChat,
            streams: true),
        OperationRow(
            .post, "publishers/mistralai/models/{model}:rawPredict", "chat.completions", .openaiChat, streams: false),
    ]

    private static let geminiWorkRows: [OperationRow] = [
        OperationRow(.post, "{model}:generateContent", "generateContent", .geminiGenerate, streams: false),
        OperationRow(.post, "{model}:streamGenerateContent", "streamGenerateContent", .geminiGenerate, streams: true),
        OperationRow(
            .post, "{model}:countTokens", "countTokens", .geminiGenerate, .inspected, .nothing, streams: false),
        OperationRow(
            .post, "{model}:computeTokens", "computeTokens", .geminiGenerate, .inspected, .nothing, streams: false),
        OperationRow(.post, "{model}:embedContent", "embedContent", .geminiEmbed, streams: false),
        OperationRow(.post, "{model}:batchEmbedContents", "batchEmbedContents", .geminiEmbed, streams: false),
        OperationRow(
            .post, "{model}:batchGenerateContent", "batchGenerateContent", .geminiOther, .stateful, .batch,
            streams: false),
        OperationRow(
            .post, "{model}:asyncBatchEmbedContent", "asyncBatchEmbedContent", .geminiOther, .stateful, .batch,
            streams: false),
        // Imagen, Vertex AI's older embeddings, and whatever a customer has deployed: the format is the model's own.
        OperationRow(.post, "{model}:predict", "predict", .geminiOther, .opaqueMedia, streams: false),
        OperationRow(
            .post, "{model}:predictLongRunning", "predictLongRunning", .geminiOther, .opaqueMedia, .batch,
            streams: false),
        OperationRow(.post, "interactions", "interactions", .geminiOther, .stateful),
        OperationRow(.post, "cachedContents", "cachedContents", .geminiOther, .stateful, streams: false),
        OperationRow(
            .post, "batchPredictionJobs", "batchPredictionJobs", .geminiOther, .stateful, .batch, streams: false),
        OperationRow(.post, "tuningJobs", "tuningJobs", .geminiOther, .stateful, .batch, streams: false),
        OperationRow(.post, "tunedModels", "tunedModels", .geminiOther, .stateful, .batch, streams: false),
        // The Live API's sockets, and the tokens that let their holders open one.
        OperationRow(
            .get, "google.ai.generativelanguage.*.GenerativeService.BidiGenerateContent", "bidiGenerateContent",
            .geminiOther, .opaqueMedia),
        OperationRow(.get, "*.BidiGenerateContent", "bidiGenerateContent", .geminiOther, .opaqueMedia),
        OperationRow(.get, "*.BidiGenerateContentConstrained", "bidiGenerateContent", .geminiOther, .opaqueMedia),
        OperationRow(.get, "BidiGenerateContent", "bidiGenerateContent", .geminiOther, .opaqueMedia),
        OperationRow(.post, "auth_tokens", "authTokens", .geminiOther, .opaqueMedia, .batch, streams: false),
        OperationRow(.any, "upload/**", "files.upload", .geminiOther, .opaqueMedia, .nothing, streams: false),
    ]

    private static let geminiManagementRows: [OperationRow] = [
        .management(.get, "models/**", "models", .geminiOther),
        .management(.getOrDelete, "tunedModels/**", "tunedModels.list", .geminiOther),
        .management(.getOrDelete, "files/**", "files", .geminiOther),
        .management(.getOrDelete, "cachedContents/**", "cachedContents.list", .geminiOther),
        .management(.patch, "cachedContents/*", "cachedContents.update", .geminiOther),
        .management(.getOrDelete, "interactions/**", "interactions.list", .geminiOther),
        .management(.post, "interactions/*/cancel", "interactions.cancel", .geminiOther),
        .management(.getOrDelete, "batches/**", "batches.list", .geminiOther),
        .management(.post, "batches/*:cancel", "batches.cancel", .geminiOther),
        .management(.getOrDelete, "batchPredictionJobs/**", "batchPredictionJobs.list", .geminiOther),
        .management(.post, "batchPredictionJobs/*:cancel", "batchPredictionJobs.cancel", .geminiOther),
        .management(.getOrDelete, "tuningJobs/**", "tuningJobs.list", .geminiOther),
        .management(.post, "tuningJobs/*:cancel", "tuningJobs.cancel", .geminiOther),
        .management(.getOrDelete, "operations/**", "operations", .geminiOther),
        .management(.post, "*:fetchPredictOperation", "operations", .geminiOther),
    ]
}
