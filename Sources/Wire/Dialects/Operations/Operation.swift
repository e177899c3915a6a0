/// What a request asks of a provider, judged by its method and its path: which dialect its body and its answer are in,
/// and what a policy can know about them.
///
/// `find` looks it up in the rows of the provider's family, one file of rows per family beside this one. A path that no
/// row knows is an `unknown` operation, which is still an exchange with a model: it is logged as such, counts as a
/// request, and follows `intercept.on_uninspectable` where something needs its text.
public struct Operation: Sendable, Equatable {
    /// The format of the request and of the answer.
    public let dialect: Dialect
    /// The access log's word: `chat.completions`, `messages`, `converse-stream`, … or `unknown`.
    public let name: String
    /// What leo can know of the request's text.
    public let operationClass: OperationClass
    /// Where the path holds the model, percent-encoded as sent; nil where the body names it, or nothing does.
    public let modelRange: Range<Int>?
    /// Whether the answer streams where the path decides it; nil where the body's `stream` does.
    public let streamsByPath: Bool?
    /// Whether it starts work whose usage no answer of this exchange tells: a batch, a fine-tuning job.
    public let isBatchCreation: Bool
    /// Whether a model works for it at a price. Not so for listings, look-ups, deletions, uploads, token counts.
    public let createsWork: Bool

    /// A model's name longer than this is no model's name; Amazon's resource names may have 2,048 bytes.
    public static let modelBytesMax = 2048

    init(
        dialect: Dialect, name: String, operationClass: OperationClass, modelRange: Range<Int>? = nil,
        streamsByPath: Bool? = nil, isBatchCreation: Bool = false, createsWork: Bool = true
    ) {
        self.dialect = dialect
        self.name = name
        self.operationClass = operationClass
        self.modelRange = modelRange
        self.streamsByPath = streamsByPath
        self.isBatchCreation = isBatchCreation
        self.createsWork = createsWork
    }

    /// What leo knows nothing of.
    public static func unknown(_ api: APIFamily) -> Operation {
        Operation(dialect: api.otherDialect, name: "unknown", operationClass: .unknown)
    }

    /// The operation that a provider of this family does for such a request.
    ///
    /// `path` is the request's target with its query, which tells nothing here. Rows match the end of the path, so a
    /// prefix of a provider's own (`/api/v1`, `/openai/v1`, `/inference/v1`, a gateway's) does not matter. A path with
    /// dot segments, empty segments or percent-encoded letters where a row has plain ones is `unknown`: what a server
    /// makes of it is not known. So is whatever is not an operation of the family. A content type that cannot be
    /// JSON makes an inspected operation `opaque_media`.
    public static func find(
        _ api: APIFamily, method: HTTP1Method, path: Span<UInt8>, contentType: Span<UInt8>? = nil
    ) -> Operation {
        let unknown = unknown(api)
        guard let segments = PathSegments(path) else { return unknown }
        if method == .options {
            return Operation(dialect: api.otherDialect, name: "options", operationClass: .noText, createsWork: false)
        }
        for rows in api.operationRows {
            if let guardWord = rows.onlyBelow, !segments.contains(guardWord, path) { continue }
            for row in rows.rows {
                guard let match = row.match(method, segments, path) else { continue }
                let model = match.model ?? (rows.findsDeployment ? segments.deployment(path) : nil)
                return row.operation(model: model, contentType: contentType)
            }
        }
        return unknown
    }

    /// The model that the path names, percent-decoded; nil where it names none or something too long.
    ///
    /// `path` is the one that `find` was given.
    public func model(in path: Span<UInt8>) -> String? {
        guard let range = modelRange, range.upperBound <= path.count, range.count <= Self.modelBytesMax else {
            return nil
        }
        var decoded: [UInt8] = []
        decoded.reserveCapacity(range.count)
        var index = range.lowerBound
        while index < range.upperBound {
            if let byte = PathSegments.escaped(path, index, before: range.upperBound) {
                decoded.append(byte)
                index += 3
            } else {
                decoded.append(path[index])
                index += 1
            }
        }
        return decoded.isEmpty ? nil : String(lossy: decoded.span)
    }
}

/// Some rows, and where they apply.
struct OperationRows: Sendable {
    /// The rows, tried in their order.
    let rows: [OperationRow]
    /// A segment that the path must have somewhere, for dialects that a provider offers beside its own: Gemini's
    /// `/v1beta/openai/…`, Cohere's `/compatibility/v1/…`.
    var onlyBelow: [PathText]?
    /// Whether `deployments/NAME` or `engines/NAME` before the operation is its model, as Azure writes it.
    var findsDeployment = false
}

extension APIFamily {
    /// The dialect of what is not more closely known.
    public var otherDialect: Dialect {
        switch self {
        case .openai: .openaiOther
        case .anthropic: .anthropicOther
        case .gemini: .geminiOther
        case .cohere: .cohereOther
        case .bedrock: .bedrockOther
        }
    }

    var operationRows: [OperationRows] {
        switch self {
        case .openai: OperationTable.openai
        case .anthropic: OperationTable.anthropic
        case .gemini: OperationTable.gemini
        case .cohere: OperationTable.cohere
        case .bedrock: OperationTable.bedrock
        }
    }
}

/// The rows of each family; the other files of this folder fill it.
enum OperationTable {
    static let openai = [
        OperationRows(rows: openaiRows, findsDeployment: true),
        // What many providers of OpenAI's shape offer beside it, for clients of Anthropic's.
        OperationRows(rows: anthropicMessageRows),
    ]
    static let anthropic = [
        OperationRows(rows: anthropicMessageRows + anthropicRows),
        // Anthropic's endpoint for clients of OpenAI's shape, which has no prefix of its own.
        OperationRows(rows: openaiChatRows),
    ]
    static let gemini = [
        OperationRows(rows: openaiRows, onlyBelow: ["openai", "openapi"]),
        OperationRows(rows: geminiRows),
    ]
    static let cohere = [
        OperationRows(rows: openaiRows, onlyBelow: ["compatibility"]),
        OperationRows(rows: cohereRows),
    ]
    static let bedrock = [
        OperationRows(rows: bedrockRows),
        OperationRows(rows: openaiRows, onlyBelow: ["openai"]),
    ]
}
