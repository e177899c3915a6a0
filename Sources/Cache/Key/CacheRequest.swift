import Wire

/// What a request is to the cache.
///
/// Everything in the body is part of the key but for a short list of members that do not change what is answered; a member
/// that leo does not know is part of it too. What the answer depends on but what the request does not hold (files,
/// conversations, what lies behind an address, what a search finds) makes it a request that the cache leaves alone.
public struct CacheRequest: Sendable {
    /// Whether the same request has the same answer: embeddings, moderations, rankings, counts of tokens, and whatever is
    /// asked for with a temperature that is literally zero.
    public let isDeterministic: Bool
    /// The form in which the client wants the answer.
    public let form: AnswerForm
    /// The model that the body names, or else the path.
    public let model: String?
    /// The body in canonical form, without what is ignored. One of two parts of the key; ``CacheKeyInput`` makes the other.
    public let canonical: [UInt8]
    /// What was asked about the form of the answer. Two requests with one key whose texts are equal here get the same bytes
    /// of a stream; others the same answer in two forms.
    public let formText: [UInt8]

    /// Reads the body of a request.
    ///
    /// - Parameters:
    ///   - target: the path and query as sent, the same that the operation was found by.
    ///   - body: the body as it goes to the provider, without content coding.
    ///   - hidesUsage: whether leo itself asked for the usage of the stream, so that the client is not to see it.
    /// - Throws: why the cache has nothing to do with the request.
    public static func read(
        _ operation: Operation, _ target: Span<UInt8>, _ body: Span<UInt8>, hidesUsage: Bool = false
    ) throws(CacheBypass) -> CacheRequest {
        let place = CacheTarget(operation, target)
        let plan = try CachePlan(operation, place)
        var reader = CacheRequestReader(capacity: body.count + 64)
        reader.readBody(body, plan.table)
        let pathModel = operation.model(in: target)
        if let pathModel, let reason = ModelName.bypass(pathModel) { reader.note(reason) }
        if plan.isStoredByDefault, !reader.facts.storeIsFalse { reader.note(.stored) }
        let form = form(plan, operation, place, hidesUsage: hidesUsage, &reader)
        if let bypass = reader.bypass { throw bypass }
        return CacheRequest(
            reader, model: reader.facts.model ?? pathModel, form: form, hidesUsage: hidesUsage,
            isDeterministic: plan.isDeterministic(reader.facts.model ?? pathModel))
    }

    private init(
        _ reader: CacheRequestReader, model: String?, form: AnswerForm, hidesUsage: Bool, isDeterministic: Bool
    ) {
        self.isDeterministic = isDeterministic || reader.facts.isGreedy
        self.form = form
        self.model = model
        canonical = reader.json.canonical()
        var text: [UInt8] =
            switch form {
            case .document: [0]
            case .stream(let tellsUsage): [1, tellsUsage ? 1 : 0, hidesUsage ? 1 : 0]
            case .array: [2]
            }
        if form != .document { text += reader.facts.streamOptions }
        formText = text
    }

    private static func form(
        _ plan: CachePlan, _ operation: Operation, _ target: CacheTarget, hidesUsage: Bool,
        _ reader: inout CacheRequestReader
    ) -> AnswerForm {
        let facts = reader.facts
        if operation.dialect == .geminiGenerate, target.alternative == .other { reader.note(.dialect) }
        switch plan.forms {
        case .document:
            if target.alternative == .events { reader.note(.dialect) }
            return .document
        case .stream: return .stream(tellsUsage: true)
        case .googleStream: return target.alternative == .events ? .stream(tellsUsage: true) : .array
        case .byBodyWithoutStream:
            if facts.streams { reader.note(.dialect) }
            return .document
        case .byBody:
            // Where the path says the same as the body, both must: what servers do of two is not known.
            if let streams = operation.streamsByPath, streams != facts.streams { reader.note(.dialect) }
            guard facts.streams else { return .document }
            if facts.hasOtherStreamOptions { reader.note(.dialect) }
            let mustAsk = operation.dialect == .openaiChat || operation.dialect == .openaiCompletions
            return .stream(tellsUsage: mustAsk ? facts.asksForUsage && !hidesUsage : true)
        }
    }
}
