import Policy
import Wire

/// What the tenant's policy makes of one exchange, phase by phase.
///
///     begin        identify the operation and the tenant, ask the limits that need nothing else
///     judge        with the body: guards, estimate, the other limits, edits of the request
///     answered …   count what the answer uses, edit it where needed, notice when a limit is used up
///     settle       charge what was used, say so in the log
///
/// It holds the policy that was in force when the exchange began, and knows no sockets. Whatever it has against a request
/// it throws, as an error that tells the client why; whatever it would have against it in observe mode it writes down.
final class Governance {
    /// How the request is changed before it goes out.
    final class RequestEdit {
        /// The body in the place of the client's.
        var body: ByteQueue?
        /// What changes in the head.
        var changes: [EditedHead.Change] = []
    }

    let worker: WorkerState
    let policy: PolicySnapshot
    let provider: Provider
    private(set) var operation: Operation
    /// How much of the body is read before the request goes out.
    enum Reading {
        /// Nothing: it streams.
        case nothing
        /// Until it has told the model, or so much that it hardly will: whom a provider wants to wait depends on it.
        case model
        /// All of it, up to so many bytes.
        case whole(byteCountMax: Int)
    }

    /// Known after ``begin(_:_:isWebSocket:_:)``.
    private(set) var reading = Reading.nothing
    /// What the tenant may.
    var limits = LimitSettings()
    /// What the exchange holds of the tenant's limits; nil: there are none.
    var charge: ExchangeCharge?
    /// The model that was asked for.
    var model: String?
    /// Amazon's signature covers the body, so that nothing can be written into it.
    private var isSigned = false
    /// leo asked the provider to say what the stream used, and takes that out again.
    var addedIncludeUsage = false
    /// The client asked for the usage of its stream.
    private(set) var clientAsksForUsage = false
    /// Looks for the model in a body that nothing has to read; nil: there is none to look for, or it is known.
    private var peek: ModelPeek?
    var reader: AnswerReader?
    /// What the model costs; known when the exchange is settled, nil if it has no price.
    var price: Price?
    /// Where the tenant's sums are kept; nil before the tenant is known.
    private(set) var totals: TenantTotals?

    init(worker: WorkerState, interception: Interception, policy: PolicySnapshot) {
        self.worker = worker
        self.policy = policy
        provider = interception.provider
        operation = Operation.unknown(provider.api)
    }

    // MARK: Before the body

    /// Finds out what the request is, and asks what can be asked without its body. Whose it is stands in the journal.
    func begin(
        _ request: HTTP1Head, _ bytes: Span<UInt8>, isWebSocket: Bool, _ journal: Journal
    ) throws(ProxyError) {
        journal.record.account.policyRevision = Int(policy.revision)
        if provider.isOther { return }
        let contentType = request.first(.contentType).map(\.value) ?? 0..<0
        operation = Operation.find(
            provider.api, method: request.method, path: bytes.extracting(request.targetText),
            contentType: contentType.isEmpty ? nil : bytes.extracting(contentType))
        journal.record.account.dialect = operation.dialect
        journal.record.account.operation = operation.name
        model = operation.model(in: bytes.extracting(request.targetText))
        keepModel(journal)
        isSigned =
            request.first(.authorization).map { bytes.extracting($0.value).hasPrefix(ignoringCase: "aws4-") } ?? false
        if model == nil, readsText, request.first(.contentEncoding) == nil { peek = ModelPeek() }
        guard let tenant = journal.record.tenant else { return }
        limits = policy.tenants.policies[tenant.index].limits
        totals = policy.totals[tenant.index]
        if let book = policy.limitBooks[tenant.index] { charge = ExchangeCharge(book: book) }
        reading = reading(of: request)
        if charge == nil { return }
        if case .length(let length) = request.requestFraming { try guardBody(byteCount: length, journal) }
        if isWebSocket { try refuseUninspectable("a WebSocket's messages are not metered", journal, isForbidden: true) }
        if operation.isBatchCreation { try refuseUnmetered("\(operation.name) starts work", journal) }
        switch operation.operationClass {
        case .inspected, .stateful, .noText: break
        case .opaqueMedia: try refuseUninspectable("\(operation.name) has no text that leo finds", journal)
        case .unknown: try refuseUninspectable("leo does not know this operation", journal)
        }
        try refusing(journal) { charge throws(LimitRefusal) in
            try charge.admitEarly(at: .now()) { journal.record.account.wouldHave($0) }
        }
        switch reading {
        case .whole: break
        case .nothing, .model:
            try guardKnownModel(journal)
            try admit(ExchangeCharge.Estimate(), journal, isForAnyModel: hidesModel)
        }
    }

    private func reading(of request: HTTP1Head) -> Reading {
        if request.requestFraming == .none || request.requestFraming == .length(0) { return .nothing }
        let bodyLimit = policy.destination.bodyByteCountMax
        if charge != nil {
            if readsText, limits.needsText { return .whole(byteCountMax: bodyLimit) }
            // What has no length is counted.
            if let byteCountMax = limits.maxBodyByteCount, request.requestFraming == .chunked {
                return .whole(byteCountMax: min(bodyLimit, byteCountMax))
            }
        }
        return peek != nil && worker.shared.upstreamHealth.knowsWaits(worker.loop.now) ? .model : .nothing
    }

    /// leo knows where the texts of such requests are.
    private var readsText: Bool { operation.operationClass == .inspected || operation.operationClass == .stateful }

    /// The request may have a model that leo does not look for.
    private var hidesModel: Bool { model == nil && operation.createsWork && operation.operationClass == .unknown }

    /// Whether more of the body would tell more about the model.
    var seeksModel: Bool { peek != nil }

    /// Takes a piece of the body, as it comes.
    func pass(_ data: Span<UInt8>, _ journal: Journal) {
        guard peek != nil, let found = peek?.take(data) else { return }
        peek = nil
        guard case .model(let name) = found else { return }
        model = name
        keepModel(journal)
    }

    // MARK: With the body

    /// Judges a request whose body is here whole; nil: it goes out as it came.
    func judge(
        _ request: HTTP1Head, _ head: Span<UInt8>, _ body: Span<UInt8>, _ journal: Journal
    ) throws(ProxyError) -> RequestEdit? {
        try guardUnknownLength(of: request, UInt64(body.count), journal)
        guard readsText, limits.needsText else {
            try admit(ExchangeCharge.Estimate(), journal)
            return nil
        }
        let codings: [ContentCoding]
        let text: BodyDecoding.Text?
        do throws(ContentCodingError) {
            codings = try ContentCoding.list(of: request, in: head)
            text =
                codings.isEmpty
                ? nil
                : try BodyDecoding.whole(body, codings, textBytesMax: policy.destination.bodyByteCountMax)
        } catch {
            return try pass(unread: body.count, because: "the body's \(error.explanation)", journal)
        }
        guard let text else { return try judge(text: body, codings: [], journal) }
        return try text.bytes.withBytes { bytes throws(ProxyError) in
            try judge(text: bytes, codings: text.codings, journal)
        }
    }

    /// Judges a request whose body is larger than what is read.
    func judgeUnread(byteCount: UInt64, _ request: HTTP1Head, _ journal: Journal) throws(ProxyError) -> RequestEdit? {
        let length = if case .length(let length) = request.requestFraming { length } else { byteCount }
        try guardUnknownLength(of: request, byteCount, journal)
        if limits.hasGuards, limits.mode == .enforce {
            let limit = policy.destination.bodyByteCountMax
            throw ProxyError(.bodyTooLarge, "the body is larger than intercept.body_limit, \(limit) bytes")
        }
        journal.record.account.wouldHave("uninspectable: the body is larger than intercept.body_limit")
        try admit(.ofLength(Int(clamping: length)), journal, isForAnyModel: model == nil)
        return nil
    }

    private func judge(
        text: Span<UInt8>, codings: [ContentCoding], _ journal: Journal
    ) throws(ProxyError) -> RequestEdit? {
        let facts: RequestFacts
        do throws(RequestFlaw) { facts = try RequestFacts.read(operation, text) } catch {
            return try pass(unread: text.count, because: error.explanation, journal)
        }
        model = facts.model ?? model
        keepModel(journal)
        try guardModel(facts, journal)
        if facts.isBackground { try refuseUnmetered("a response in the background is work", journal) }
        var edits = JSONEdits()
        let outputTokensMax = try guardOutput(facts, &edits, journal)
        let raw = facts.estimatedInputTokens(text, model: model)
        let held = policy.forecast.reservation(
            provider: provider.name, model: model, estimatedInputTokens: raw, outputLimit: outputTokensMax,
            choices: facts.choiceCount)
        let estimate = ExchangeCharge.Estimate(
            rawInputTokens: raw, inputTokens: held.inputTokens,
            outputTokens: operation.dialect.hasOutput ? held.outputTokens : 0, choiceCount: facts.choiceCount)
        try admit(estimate, journal)
        clientAsksForUsage = facts.streamOptions.asksForUsage
        addIncludeUsage(facts, &edits, journal)
        return try edit(text, codings, edits, streams: facts.stream || operation.streamsByPath == true)
    }

    private func edit(
        _ text: Span<UInt8>, _ codings: [ContentCoding], _ edits: JSONEdits, streams: Bool
    ) throws(ProxyError) -> RequestEdit? {
        let edit = RequestEdit()
        if streams, mayEditAnswer, !isSigned {
            edit.changes.append(EditedHead.Change(name: .acceptEncoding, value: "identity", adding: "accept-encoding"))
        }
        if edits.isEmpty { return edit.changes.isEmpty ? nil : edit }
        let edited = edits.apply(to: text)
        let body: ByteQueue
        do throws(ContentCodingError) { body = try BodyDecoding.coded(edited.span, in: codings) } catch {
            throw ProxyError(.internalError, "an edited body could not be coded as the client's was")
        }
        edit.changes.append(EditedHead.Change(name: .contentLength, value: String(body.count)))
        edit.body = consume body
        return edit
    }

    // MARK: Guards

    /// A body whose length the head told has been judged by it.
    private func guardUnknownLength(
        of request: HTTP1Head, _ byteCount: UInt64, _ journal: Journal
    ) throws(ProxyError) {
        if request.requestFraming == .chunked { try guardBody(byteCount: byteCount, journal) }
    }

    private func guardBody(byteCount: UInt64, _ journal: Journal) throws(ProxyError) {
        guard let byteCountMax = limits.maxBodyByteCount, byteCount > UInt64(byteCountMax) else { return }
        try refuse(
            limits.mode,
            ProxyError(.bodyTooLarge, "the body is larger than the \(byteCountMax) bytes of the tenant's max_body"),
            journal)
    }

    /// The guard for a request whose body nobody reads, where the path names the model.
    private func guardKnownModel(_ journal: Journal) throws(ProxyError) {
        guard let model, operation.createsWork, !limits.permits(model: model) else { return }
        try refuseModel(model, journal)
    }

    private func refuseModel(_ model: String?, _ journal: Journal) throws(ProxyError) {
        let name = model.map { "the model \($0.prefix(80).debugDescription)" } ?? "a request without a model"
        try refuse(limits.mode, ProxyError(.modelRefused, "\(name) is none of the tenant's models"), journal)
    }

    private func guardModel(_ facts: RequestFacts, _ journal: Journal) throws(ProxyError) {
        // Models that the provider may turn to by itself are asked for as well.
        let asked: [String?] = facts.fallbackModels.isEmpty ? [model] : [facts.model] + facts.fallbackModels
        for model in asked where !limits.permits(model: model) {
            if model == nil, !facts.fallbackModels.isEmpty { continue }
            return try refuseModel(model, journal)
        }
    }

    /// The longest answer after the guard; nil: there is no limit.
    private func guardOutput(
        _ facts: RequestFacts, _ edits: inout JSONEdits, _ journal: Journal
    ) throws(ProxyError) -> Int? {
        let asked = facts.outputLimit?.value
        guard let most = limits.maxOutputTokens, operation.createsWork else { return asked }
        if let asked, asked <= most { return asked }
        let what = asked.map { "\($0) output tokens" } ?? "an answer of any length"
        let refusal = ProxyError(.outputLimitRefused, "the request asks for \(what), max_output_tokens is \(most)")
        let caps = limits.maxOutputAction == .cap && !isSigned && RequestFacts.canLimitOutput(operation)
        // An answer without a limit of its own is nothing that could be refused where there is no such limit, as with
        // embeddings.
        if !caps, asked == nil, !operation.dialect.hasOutput { return nil }
        guard caps, limits.mode == .enforce,
            facts.capOutput(operation, tokenCount: most, field: provider.outputLimitField, &edits)
        else {
            try refuse(limits.mode, refusal, journal, as: caps ? "cap the output at \(most) tokens" : nil)
            return asked
        }
        journal.record.account.edits[.outputLimit, default: 0] += 1
        return most
    }

    /// Asks the provider to say what the stream uses, where a limit depends on it, the client has not said otherwise, and
    /// the provider is known to understand.
    private func addIncludeUsage(_ facts: RequestFacts, _ edits: inout JSONEdits, _ journal: Journal) {
        guard limits.metersUsage, provider.streamUsage, !isSigned, facts.askForUsage(operation, &edits) else { return }
        addedIncludeUsage = true
        journal.record.account.edits[.includeUsage, default: 0] += 1
    }

    // MARK: Admission

    /// `isForAnyModel`: the request has a model that leo could not read, and the limits of every model count it.
    private func admit(
        _ estimate: ExchangeCharge.Estimate, _ journal: Journal, isForAnyModel: Bool = false
    ) throws(ProxyError) {
        let isFree = !operation.createsWork
        let estimate = isFree ? ExchangeCharge.Estimate() : estimate
        let money = price(inputTokens: estimate.inputTokens, outputTokens: estimate.outputTokens)
        let model = model
        try refusing(journal) { charge throws(LimitRefusal) in
            try charge.admitFull(
                estimate, model: model, isForAnyModel: isForAnyModel, money: isFree ? .zero : money, at: .now()
            ) {
                journal.record.account.wouldHave($0)
            }
        }
    }

    /// What so much would cost, at the price of tokens that nobody had cached; nil: the model has no price.
    func price(inputTokens: Int, outputTokens: Int) -> Money? {
        var usage = Usage()
        usage.inputTokens = inputTokens
        usage.outputTokens = outputTokens
        return policy.prices.cost(provider: provider.name, model: model, usage)
    }

    private func refusing(
        _ journal: Journal, _ ask: (inout ExchangeCharge) throws(LimitRefusal) -> Void
    ) throws(ProxyError) {
        guard var asked = charge.take() else { return }
        do throws(LimitRefusal) {
            try ask(&asked)
            charge = consume asked
        } catch {
            let book = asked.book
            asked.cancel(at: .now())
            let status = book.status(model: model, at: .now())
            journal.record.account.limit = error.rule.name
            journal.record.account.limitRemaining = error.rule.amountText(error.remaining)
            throw ProxyError(error, status)
        }
    }

    /// What leo cannot read where a policy has to: refused or let through, as the file says.
    private func refuseUninspectable(
        _ why: String, _ journal: Journal, isForbidden: Bool = false
    ) throws(ProxyError) {
        if limits.textMode == .off { return }
        if policy.destination.onUninspectable == .pass {
            return journal.record.account.wouldHave("uninspectable: \(why)")
        }
        var error = ProxyError(.uninspectable, why)
        error.isForbidden = isForbidden
        try refuse(limits.textMode, error, journal)
    }

    /// Work that is done outside of this exchange, where usage is limited.
    private func refuseUnmetered(_ what: String, _ journal: Journal) throws(ProxyError) {
        guard limits.countsUsage, limits.unmetered == .refuse else { return }
        try refuse(limits.usageMode, ProxyError(.unmetered, "\(what) whose usage leo does not see"), journal)
    }

    private func pass(unread byteCount: Int, because why: String, _ journal: Journal) throws(ProxyError) -> RequestEdit?
    {
        try guardKnownModel(journal)
        try refuseUninspectable(why, journal)
        try admit(.ofLength(byteCount), journal, isForAnyModel: model == nil)
        return nil
    }

    private func refuse(
        _ mode: PolicyMode, _ error: ProxyError, _ journal: Journal, as action: String? = nil
    ) throws(ProxyError) {
        switch mode {
        case .enforce: throw error
        case .observe: journal.record.account.wouldHave("\(error.fault.rawValue): \(action ?? error.detail)")
        case .off: break
        }
    }

    private func keepModel(_ journal: Journal) {
        guard let model else { return }
        let utf8 = model.utf8
        journal.record.keep(utf8.span, as: .model)
    }
}
