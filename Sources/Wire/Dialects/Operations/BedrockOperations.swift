// Amazon Bedrock's runtime. The model's id is one segment, percent-encoded where it is the name of a resource.

extension OperationTable {
    static let bedrockRows: [OperationRow] = [
        OperationRow(.post, "model/{model}/converse", "converse", .bedrockConverse, streams: false),
        OperationRow(.post, "model/{model}/converse-stream", "converse-stream", .bedrockConverse, streams: true),
        OperationRow(.post, "model/{model}/invoke", "invoke", .bedrockInvoke, streams: false),
        OperationRow(
            .post, "model/{model}/invoke-with-response-stream", "invoke-with-response-stream", .bedrockInvoke,
            streams: true),
        OperationRow(
            .post, "model/{model}/invoke-with-bidirectional-stream", "invoke-with-bidirectional-stream", .bedrockOther,
            .opaqueMedia, streams: true),
        // Its body holds a body of one of the two others.
        OperationRow(
            .post, "model/{model}/count-tokens", "count-tokens", .bedrockOther, .stateful, .nothing, streams: false),
        OperationRow(.post, "guardrail/*/version/*/apply", "apply-guardrail", .bedrockOther, .stateful, streams: false),
        OperationRow(.post, "guardrail-checks/invoke", "guardrail-checks", .bedrockOther, .stateful, streams: false),
        OperationRow(.post, "async-invoke", "async-invoke", .bedrockOther, .stateful, .batch, streams: false),
        .management(.get, "async-invoke/**", "async-invoke.list", .bedrockOther),
    ]
}
