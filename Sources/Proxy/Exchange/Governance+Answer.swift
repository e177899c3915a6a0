import Policy
import Wire

// What an answer uses, and what becomes of one that uses more than there is.
extension Governance {
    /// Whether an answer that streams may have to be changed on its way: its coding has to be one that can be.
    var mayEditAnswer: Bool { addedIncludeUsage || endsExhaustedAnswers }

    private var endsExhaustedAnswers: Bool { limits.metersUsage && limits.onExhausted != .letFinish }

    /// The final head of the answer has come.
    func answered(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, isEventStream: Bool) {
        if provider.isOther || head.status == 101 { return }
        let streams = isEventStream || operation.streamsByPath == true
        // A document that is complete tells its usage; only a limit is worth the counting for one that does not.
        reader = AnswerReader(
            operation, copy head, in: bytes, countsText: streams || limits.countsUsage,
            edits: mayEditAnswer && head.status == 200 && streams, hidesUsage: addedIncludeUsage,
            capture: cache?.answered(head, bytes, isStream: streams))
    }

    /// The head as the client gets it, where it is not the provider's own; nil: it is.
    func editedHead(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) -> EditedHead? {
        var fields = ownFields
        if let cache, cache.isEnforced, let result = cache.result { fields.append(("x-leo-cache", result.word)) }
        if fields.isEmpty, !isEditingAnswer { return nil }
        var changes: [EditedHead.Change] = []
        if isEditingAnswer {
            changes = [
                EditedHead.Change(name: .contentLength, value: nil),
                EditedHead.Change(name: .contentEncoding, value: nil),
            ]
        }
        return try EditedHead(copy head, bytes, changes, adding: fields)
    }

    /// What leo says of itself in the head of any answer.
    var ownFields: [(name: String, value: String)] { limitField.map { [("x-leo-limit", $0)] } ?? [] }

    /// The most constrained limit, as `x-leo-limit` tells it: what is left, and the seconds until it is whole again.
    private var limitField: String? {
        guard charge != nil, let level = charge?.book.status(model: model, at: .now()).mostConstrained else {
            return nil
        }
        let reset = level.resetSeconds.map { "; reset=\($0)" } ?? ""
        return "\(level.rule.name); limit=\(level.limitText); remaining=\(level.remainingText)\(reset)"
    }

    /// The answer's pieces go through ``edit(_:_:)``.
    var isEditingAnswer: Bool { reader?.isEditing ?? false }

    /// Counts a piece of the answer that the client gets as it is.
    func meter(_ data: Span<UInt8>) {
        reader?.read(data)
        if endsExhaustedAnswers { _ = coverOutput() }
    }

    /// Counts a piece of the answer and gives `output` what the client shall have of it. Throws when a limit has been
    /// used up by it and the file says that the answer ends then.
    func edit(_ data: Span<UInt8>, _ output: (Span<UInt8>) -> Void) throws(ProxyError) {
        try reader?.edit(data, output)
        if endsExhaustedAnswers, !coverOutput() {
            throw ProxyError(.budgetCut, "a limit of the tenant was used up in the middle of the answer")
        }
    }

    private func coverOutput() -> Bool {
        guard let tokens = reader?.meter.meteredOutputTokens else { return true }
        return charge?.cover(outputTokens: tokens, price: { price(inputTokens: 0, outputTokens: $0) }, at: .now())
            ?? true
    }

    /// The answer is complete. `output` gets what is left of it, where it is edited.
    func answerEnded(_ output: (Span<UInt8>) -> Void) {
        reader?.end()
        if isEditingAnswer { reader?.endEdit(output) }
        cache?.capture?.end(usage: reader?.meter.usage, model: reader?.meter.model ?? model)
    }

    /// Ends an answer for which there is nothing left, in its own dialect. False: the client has been told, and has to
    /// see a cut.
    func stop(_ error: ProxyError, _ output: (Span<UInt8>) -> Void) -> Bool {
        let refusal = Refusal(.budget, code: error.fault.rawValue, message: "leo: \(error.detail)")
        // What leo has ended is nobody else's answer.
        cache?.capture?.fail(error.fault.rawValue)
        let usage = reader?.meter.usageSoFar ?? estimatedUsage(output: reader?.meter.meteredOutputTokens ?? 0)
        return reader?.stop(
            limits.onExhausted == .finish ? .finish : .error, refusal, usage: usage, tellsUsage: clientAsksForUsage,
            output)
            ?? false
    }

    // MARK: Settlement

    /// How far an exchange came.
    enum Reach {
        /// Nothing of it has left leo.
        case unsent
        /// It may have been worked on, and no answer came.
        case unanswered
        /// An answer came, whole or in part.
        case answered(status: Int)
    }

    /// Charges what the exchange has used, and says so in the log.
    func settle(_ reach: Reach, _ journal: Journal) {
        let answered = reader?.meter.model
        if let answered {
            let utf8 = answered.utf8
            journal.record.keep(utf8.span, as: .modelAnswered)
        }
        // Of an answer that the provider has no part in nothing is charged or counted.
        if charge != nil || reader != nil {
            // The model that answered, if it has a price; else the one that was asked.
            price = answered.flatMap { policy.prices.price(provider: provider.name, model: $0) }
            if price == nil, model != answered { price = policy.prices.price(provider: provider.name, model: model) }
        }
        let time = LimitTime.now()
        switch reach {
        case .unsent: charge?.cancel(at: time)
        case .unanswered:
            // Whether the provider has begun, nobody knows; it bills what it did.
            let usage = estimatedUsage(output: charge?.estimate.outputTokens ?? 0)
            if usage.totalTokens > 0 { note(usage, .estimated, journal) }
            let whole = chargeOf(usage)
            charge?.settle(whole, at: time)
        case .answered(let status):
            let usage = usage(of: status, journal)
            let whole = chargeOf(usage)
            charge?.settle(whole, at: time)
        }
        noteLimits(journal)
        let isRefused = journal.record.error.map { $0.isRefusal || $0 == .budgetCut } ?? false
        totals?.add(journal.record.account, isRefused: isRefused, isWhole: journal.record.error == nil)
    }

    private func usage(of status: Int, _ journal: Journal) -> Usage {
        guard (200..<300).contains(status), operation.createsWork, reader != nil else { return Usage() }
        if let usage = reader?.meter.usage {
            note(usage, .provider, journal)
            learn(usage)
            return usage
        }
        let output = reader?.meter.meteredOutputTokens ?? 0
        let isRead = charge?.estimate.rawInputTokens != nil
        let input = charge?.estimate.inputTokens ?? 0
        let metered = reader?.meteredUsage(estimatedInputTokens: input)
        let usage = metered ?? estimatedUsage(output: output)
        if usage.totalTokens > 0 { note(usage, output > 0 || !isRead ? .metered : .estimated, journal) }
        return usage
    }

    private func estimatedUsage(output: Int) -> Usage {
        var usage = Usage()
        usage.inputTokens = charge?.estimate.inputTokens ?? 0
        usage.outputTokens = output
        return usage
    }

    private func learn(_ usage: Usage) {
        guard let estimate = charge?.estimate, let raw = estimate.rawInputTokens, let model else { return }
        policy.forecast.learn(
            provider: provider.name, model: model, estimatedInputTokens: raw, usage: usage,
            choices: estimate.choiceCount)
    }

    /// What so much usage means to the limits: cached tokens count as the provider bills them.
    private func chargeOf(_ usage: Usage) -> LimitCharge {
        LimitCharge(
            inputTokens: price?.weightedInputTokens(usage) ?? usage.inputTokens, outputTokens: usage.outputTokens,
            money: price?.cost(usage))
    }

    private func note(_ usage: Usage, _ source: UsageSource, _ journal: Journal) {
        journal.record.account.usage = usage
        journal.record.account.usageSource = source
        journal.record.account.cost = price?.cost(usage)
    }

    private func noteLimits(_ journal: Journal) {
        guard let level = charge?.book.status(model: model, at: .now()).mostConstrained else { return }
        journal.record.account.limit = level.rule.name
        journal.record.account.limitRemaining = level.remainingText
    }
}
