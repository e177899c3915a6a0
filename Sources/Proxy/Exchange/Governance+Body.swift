import Policy
import Wire

// What the body of a request makes of it: guards, edits, an estimate, its key in the cache.
extension Governance {
    // MARK: With the body

    /// Judges a request whose body is here whole; nil: it goes out as it came.
    func judge(
        _ request: HTTP1Head, _ head: Span<UInt8>, _ body: Span<UInt8>, _ journal: Journal
    ) throws(ProxyError) -> RequestEdit? {
        // Behind the cache, which has read it unless it has nothing to do with the request.
        defer { passDeferred(body, journal) }
        try guardUnknownLength(of: request, UInt64(body.count), journal)
        guard readsText, limits.needsText || cache?.needsBody == true else {
            admission = Admission()
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
        let target = head.extracting(request.targetText)
        guard let text else { return try judge(text: body, codings: [], target, journal) }
        return try text.bytes.withBytes { bytes throws(ProxyError) in
            try judge(text: bytes, codings: text.codings, target, journal)
        }
    }

    /// Judges a request whose body is larger than what is read.
    func judgeUnread(byteCount: UInt64, _ request: HTTP1Head, _ journal: Journal) throws(ProxyError) -> RequestEdit? {
        let length = if case .length(let length) = request.requestFraming { length } else { byteCount }
        try guardUnknownLength(of: request, byteCount, journal)
        // What only the cache would have read streams.
        let isCounted = limits.maxBodyByteCount != nil && request.requestFraming == .chunked
        guard limits.needsText || isCounted else {
            cache?.bypass(.tooLarge)
            admission = Admission(isForAnyModel: model == nil)
            return nil
        }
        if limits.hasGuards, limits.mode == .enforce {
            let limit = policy.destination.bodyByteCountMax
            throw ProxyError(.bodyTooLarge, "the body is larger than intercept.body_limit, \(limit) bytes")
        }
        journal.record.account.wouldHave("uninspectable: the body is larger than intercept.body_limit")
        cache?.bypass(.tooLarge)
        admission = Admission(estimate: .ofLength(Int(clamping: length)), isForAnyModel: model == nil)
        return nil
    }

    private func judge(
        text: Span<UInt8>, codings: [ContentCoding], _ target: Span<UInt8>, _ journal: Journal
    ) throws(ProxyError) -> RequestEdit? {
        var edits = JSONEdits()
        var streams = false
        if limits.needsText {
            let facts: RequestFacts
            do throws(RequestFlaw) { facts = try RequestFacts.read(operation, text) } catch {
                return try pass(unread: text.count, because: error.explanation, journal)
            }
            streams = facts.stream || operation.streamsByPath == true
            try guardFacts(facts, text, &edits, journal)
        } else {
            admission = Admission()
        }
        return try edit(text, codings, edits, streams: streams, target, journal)
    }

    /// Guards a request whose body has been read, and makes the edits that follow.
    private func guardFacts(
        _ facts: RequestFacts, _ text: Span<UInt8>, _ edits: inout JSONEdits, _ journal: Journal
    ) throws(ProxyError) {
        model = facts.model ?? model
        keepModel(journal)
        try guardModel(facts, journal)
        if facts.isBackground { try refuseUnmetered("a response in the background is work", journal) }
        let outputTokensMax = try guardOutput(facts, &edits, journal)
        let raw = facts.estimatedInputTokens(text, model: model)
        let held = policy.forecast.reservation(
            provider: provider.name, model: model, estimatedInputTokens: raw, outputLimit: outputTokensMax,
            choices: facts.choiceCount)
        admission = Admission(
            estimate: ExchangeCharge.Estimate(
                rawInputTokens: raw, inputTokens: held.inputTokens,
                outputTokens: operation.dialect.hasOutput ? held.outputTokens : 0, choiceCount: facts.choiceCount))
        clientAsksForUsage = facts.streamOptions.asksForUsage
        addIncludeUsage(facts, &edits, journal)
    }

    private func edit(
        _ text: Span<UInt8>, _ codings: [ContentCoding], _ edits: JSONEdits, streams: Bool, _ target: Span<UInt8>,
        _ journal: Journal
    ) throws(ProxyError) -> RequestEdit? {
        var edit: RequestEdit?
        if streams, mayEditAnswer, !isSigned {
            edit = RequestEdit()
            edit?.changes.append(EditedHead.Change(name: .acceptEncoding, value: "identity", adding: "accept-encoding"))
        }
        if edits.isEmpty {
            readForCache(text, target, journal)
            return edit
        }
        let edited = edits.apply(to: text)
        // An answer is kept for the request that the provider answered.
        readForCache(edited.span, target, journal)
        let body: ByteQueue
        do throws(ContentCodingError) { body = try BodyDecoding.coded(edited.span, in: codings) } catch {
            throw ProxyError(.internalError, "an edited body could not be coded as the client's was")
        }
        let whole = edit ?? RequestEdit()
        whole.changes.append(EditedHead.Change(name: .contentLength, value: String(body.count)))
        whole.body = consume body
        return whole
    }

    private func readForCache(_ text: Span<UInt8>, _ target: Span<UInt8>, _ journal: Journal) {
        guard let cache, cache.needsBody else { return }
        cache.read(text, target: target, hidesUsage: addedIncludeUsage)
        guard model == nil, let found = cache.model else { return }
        model = found
        keepModel(journal)
    }

    // MARK: Guards

    /// A body whose length the head told has been judged by it.
    func guardUnknownLength(
        of request: HTTP1Head, _ byteCount: UInt64, _ journal: Journal
    ) throws(ProxyError) {
        if request.requestFraming == .chunked { try guardBody(byteCount: byteCount, journal) }
    }

    func guardBody(byteCount: UInt64, _ journal: Journal) throws(ProxyError) {
        guard let byteCountMax = limits.maxBodyByteCount, byteCount > UInt64(byteCountMax) else { return }
        try refuse(
            limits.mode,
            ProxyError(.bodyTooLarge, "the body is larger than the \(byteCountMax) bytes of the tenant's max_body"),
            journal)
    }

    /// The guard for a request whose body nobody reads, where the path names the model.
    func guardKnownModel(_ journal: Journal) throws(ProxyError) {
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

    /// What leo cannot read where a policy has to: refused or let through, as the file says.
    func refuseUninspectable(
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
    func refuseUnmetered(_ what: String, _ journal: Journal) throws(ProxyError) {
        guard limits.countsUsage, limits.unmetered == .refuse else { return }
        try refuse(limits.usageMode, ProxyError(.unmetered, "\(what) whose usage leo does not see"), journal)
    }

    private func pass(unread byteCount: Int, because why: String, _ journal: Journal) throws(ProxyError) -> RequestEdit?
    {
        try guardKnownModel(journal)
        if limits.needsText { try refuseUninspectable(why, journal) }
        cache?.bypass(.unreadable)
        admission = Admission(
            estimate: limits.needsText ? .ofLength(byteCount) : ExchangeCharge.Estimate(), isForAnyModel: model == nil)
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

    func keepModel(_ journal: Journal) {
        guard let model else { return }
        let utf8 = model.utf8
        journal.record.keep(utf8.span, as: .model)
    }
}
