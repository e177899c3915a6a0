import Policy
import Wire

/// What the tenant's policy makes of one exchange, phase by phase.
///
///     begin        identify the operation and the tenant, ask the limits that need nothing else
///     judge        with the body: guards, estimate, edits of the request, its key in the cache
///     admit        the other limits, when the provider has to answer; or admitServed, when it has not
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
    private let interception: Interception
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
    /// What the exchange has to do with the cache; nil: nothing.
    private(set) var cache: CacheUse?
    /// What is to be asked of the limits when the provider has to answer; nil: nothing, or it has been asked.
    var admission: Admission?
    /// What the exchange holds of the tenant's limits; nil: there are none.
    var charge: ExchangeCharge?
    /// The model that was asked for.
    var model: String?
    /// Amazon's signature covers the body, so that nothing can be written into it.
    private(set) var isSigned = false
    /// leo asked the provider to say what the stream used, and takes that out again.
    var addedIncludeUsage = false
    /// The client asked for the usage of its stream.
    var clientAsksForUsage = false
    /// Looks for the model in a body that nothing has to read; nil: there is none to look for, or it is known.
    private var peek: ModelPeek?
    /// Who reads the whole body finds the model nearly always: only where it was not found it is looked for afterwards.
    private var isPeekDeferred = false
    var reader: AnswerReader?
    /// What the model costs; known when the exchange is settled, nil if it has no price.
    var price: Price?
    /// Where the tenant's sums are kept; nil before the tenant is known.
    private(set) var totals: TenantTotals?

    /// It renews a kept answer, and nobody waits for it.
    private let isRefresh: Bool

    init(worker: WorkerState, interception: Interception, policy: PolicySnapshot, isRefresh: Bool = false) {
        self.isRefresh = isRefresh
        self.worker = worker
        self.policy = policy
        provider = interception.provider
        self.interception = interception
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
        let hasPeek = model == nil && readsText && request.first(.contentEncoding) == nil
        guard let tenant = journal.record.tenant else {
            if hasPeek { peek = ModelPeek() }
            return
        }
        limits = policy.tenants.policies[tenant.index].limits
        totals = policy.totals[tenant.index]
        if let book = policy.limitBooks[tenant.index] { charge = ExchangeCharge(book: book) }
        if !isWebSocket {
            cache = CacheUse(
                request, bytes, operation, tenant, interception, policy, worker.shared,
                credential: journal.record.credential, isRefresh: isRefresh)
        }
        isPeekDeferred = hasPeek && cache?.needsBody == true && !limits.needsText
        if hasPeek, !isPeekDeferred { peek = ModelPeek() }
        reading = reading(of: request)
        if case .nothing = reading { cache?.bypass(.notJSON) }
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
            admission = Admission(isForAnyModel: hidesModel)
        }
    }

    private func reading(of request: HTTP1Head) -> Reading {
        if request.requestFraming == .none || request.requestFraming == .length(0) { return .nothing }
        let bodyLimit = policy.destination.bodyByteCountMax
        if cache?.needsBody == true { return .whole(byteCountMax: bodyLimit) }
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
    var readsText: Bool { operation.operationClass == .inspected || operation.operationClass == .stateful }

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

    /// Looks for the model in what is here of a body that was not looked at while it came, unless the model is known.
    func passDeferred(_ body: Span<UInt8>, _ journal: Journal) {
        guard isPeekDeferred else { return }
        isPeekDeferred = false
        if model != nil { return }
        peek = ModelPeek()
        pass(body, journal)
    }

    // MARK: Admission

    /// What the limits are asked for.
    struct Admission {
        var estimate = ExchangeCharge.Estimate()
        /// The request has a model that leo could not read, and the limits of every model count it.
        var isForAnyModel = false
    }

    /// Asks the limits that depend on what the request will use: now that its provider has to be asked.
    func admit(_ journal: Journal) throws(ProxyError) {
        guard let admission = admission.take() else { return }
        let isForAnyModel = admission.isForAnyModel
        let isFree = !operation.createsWork
        let estimate = isFree ? ExchangeCharge.Estimate() : admission.estimate
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

    /// Asks the limits of one model's requests, for an exchange that is answered without its provider: it is a request,
    /// and uses neither tokens nor money.
    func admitServed(_ journal: Journal) throws(ProxyError) {
        guard let admission = admission.take() else { return }
        let model = model
        try refusing(journal) { charge throws(LimitRefusal) in
            try charge.admitServed(model: model, isForAnyModel: admission.isForAnyModel, at: .now()) {
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
}
