// Cohere's API, versions 1 and 2: their bodies differ and their operations do not.

extension OperationTable {
    static let cohereRows: [OperationRow] = [
        OperationRow(.post, "chat", "chat", .cohereChat),
        OperationRow(.post, "embed", "embed", .cohereEmbed, streams: false),
        OperationRow(.post, "rerank", "rerank", .cohereRerank, streams: false),
        OperationRow(.post, "tokenize", "tokenize", .cohereOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "detokenize", "detokenize", .cohereOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "embed-jobs", "embed-jobs", .cohereOther, .stateful, .batch, streams: false),
        OperationRow(.post, "batches", "batches", .cohereOther, .stateful, .batch, streams: false),
        OperationRow(
            .post, "finetuning/finetuned-models", "finetuned-models", .cohereOther, .stateful, .batch, streams: false),
        OperationRow(.post, "audio/transcriptions", "audio.transcriptions", .cohereOther, .opaqueMedia),
        OperationRow(.post, "parse", "parse", .cohereOther, .opaqueMedia),
        OperationRow(.post, "datasets", "datasets.upload", .cohereOther, .opaqueMedia, .nothing, streams: false),
        .management(.get, "models/**", "models", .cohereOther),
        .management(.get, "embed-jobs/**", "embed-jobs.list", .cohereOther),
        .management(.post, "embed-jobs/*/cancel", "embed-jobs.cancel", .cohereOther),
        .management(.get, "batches/**", "batches.list", .cohereOther),
        .management(.post, "batches/*:cancel", "batches.cancel", .cohereOther),
        .management(.getOrDelete, "datasets/**", "datasets", .cohereOther),
        .management(.getOrDelete, "connectors/**", "connectors", .cohereOther),
        .management(.getOrDelete, "finetuning/**", "finetuned-models.list", .cohereOther),
        .management(.post, "check-api-key", "check-api-key", .cohereOther),
    ]
}
