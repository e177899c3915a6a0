import Cache
import Policy
import Wire

/// What leo would make of a request, said without sending it.
///
/// It asks the same questions in the same order as an exchange does, of limits that nobody has used yet.
struct RequestExplanation {
    /// What the explanation depends on beside the request.
    struct Ground {
        /// The tenant's name.
        var tenant: String
        /// What the tenant may.
        var limits: LimitSettings
        /// What is kept of its answers.
        var cache = CacheSettings()
        /// The provider that the request is for.
        var provider: Provider
        /// What models cost.
        var prices = PriceTable()
        /// `intercept.body_limit`, in bytes.
        var bodyByteCountMax: Int
        /// Whether `intercept.on_uninspectable` is "refuse".
        var refusesUninspectable: Bool
    }

    /// The explanation, a line each.
    private(set) var lines: [String] = []
    /// Why the request would be refused; nil: it would go out.
    private(set) var refusal: String?

    private let ground: Ground
    private let operation: Operation
    private var model: String?
    private var limits: LimitSettings { ground.limits }

    /// Explains a request with this method, path and body.
    init(method: HTTP1Method, path: Span<UInt8>, body: Span<UInt8>, _ ground: Ground) {
        self.ground = ground
        operation = Operation.find(ground.provider.api, method: method, path: path)
        model = operation.model(in: path)
        say("tenant", ground.tenant)
        say("provider", "\(ground.provider.name), of the family \(ground.provider.api.rawValue)")
        say(
            "operation",
            "\(operation.name), dialect \(operation.dialect.rawValue), class \(operation.operationClass.rawValue)")
        say("metering", metering)
        explainBody(body)
        explainCache(path, body)
        say("verdict", refusal.map { "refused: \($0)" } ?? "goes out")
    }

    private var metering: String {
        if !operation.createsWork { return "by request: no model works for it" }
        if operation.isBatchCreation { return "none: the work happens when leo does not see it" }
        return "by the usage that the answer tells, else by what passes"
    }

    private mutating func say(_ word: String, _ text: String) {
        lines.append(word + String(repeating: " ", count: max(1, 11 - word.utf8.count)) + text)
    }

    /// What a guard does, and what becomes of the request by it.
    private mutating func guarding(_ key: String, _ mode: PolicyMode, refuses: String?, else passing: String = "passes")
    {
        guard let refuses else { return say("guard", "\(key): \(passing)") }
        switch mode {
        case .enforce:
            say("guard", "\(key): refuses, \(refuses)")
            if refusal == nil { refusal = refuses }
        case .observe: say("guard", "\(key): passes; it observes and would refuse, \(refuses)")
        case .off: say("guard", "\(key): off")
        }
    }

    // MARK: The steps

    private mutating func explainCache(_ path: Span<UInt8>, _ body: Span<UInt8>) {
        guard ground.cache.isActive, operation.createsWork || operation.hasKeptAnswers else { return }
        let mode = ground.cache.mode.rawValue
        do throws(CacheBypass) {
            let request = try CacheRequest.read(operation, path, body)
            guard request.isDeterministic || ground.cache.when == .always else { throw .sampled }
            say("cache", "\(mode): a kept answer may be given, and the answer kept")
        } catch {
            say("cache", "\(mode): leaves it alone (\(error.rawValue)), \(error.explanation)")
        }
    }

    private mutating func explainBody(_ body: Span<UInt8>) {
        say("body", "\(body.count) bytes")
        if let most = limits.maxBodyByteCount {
            let refuses = body.count > most ? "the body is larger than \(most) bytes" : nil
            guarding("max_body = \(most) bytes", limits.mode, refuses: refuses)
        }
        explainOperation()
        guard operation.operationClass == .inspected || operation.operationClass == .stateful else {
            let hidesModel = model == nil && operation.createsWork && operation.operationClass == .unknown
            return explainLimits(inputTokens: 0, outputTokens: 0, isForAnyModel: hidesModel)
        }
        guard body.count <= ground.bodyByteCountMax || !limits.needsText else {
            let isGuarded = limits.mode == .enforce && limits.hasGuards
            guarding(
                "intercept.body_limit = \(ground.bodyByteCountMax) bytes", isGuarded ? .enforce : .observe,
                refuses: "the body is too large to be read")
            return explainLimits(
                inputTokens: operation.createsWork ? ExchangeCharge.Estimate.ofLength(body.count).inputTokens : 0,
                outputTokens: 0, isForAnyModel: model == nil)
        }
        do throws(RequestFlaw) {
            explain(try RequestFacts.read(operation, body), body)
        } catch {
            explainUninspectable(error.explanation)
            explainLimits(
                inputTokens: operation.createsWork ? ExchangeCharge.Estimate.ofLength(body.count).inputTokens : 0,
                outputTokens: 0, isForAnyModel: model == nil)
        }
    }

    private mutating func explainOperation() {
        if operation.isBatchCreation { explainUnmetered("it starts work") }
        switch operation.operationClass {
        case .inspected, .stateful, .noText: break
        case .opaqueMedia: explainUninspectable("it has no text that leo finds")
        case .unknown: explainUninspectable("leo does not know this operation")
        }
    }

    private mutating func explainUnmetered(_ what: String) {
        guard limits.countsUsage else { return }
        let refuses = limits.unmetered == .refuse ? "\(what) whose usage leo does not see" : nil
        guarding("unmetered = \(limits.unmetered.rawValue.quoted)", limits.usageMode, refuses: refuses)
    }

    private mutating func explainUninspectable(_ why: String) {
        if limits.textMode == .off { return say("text", "not read: \(why)") }
        let key = "intercept.on_uninspectable = \(ground.refusesUninspectable ? "\"refuse\"" : "\"pass\"")"
        guarding(key, limits.textMode, refuses: ground.refusesUninspectable ? why : nil)
    }

    private mutating func explain(_ facts: RequestFacts, _ body: Span<UInt8>) {
        model = facts.model ?? model
        say("model", model?.quoted ?? "none is named")
        if !facts.fallbackModels.isEmpty {
            say("", "or \(facts.fallbackModels.map(\.quoted).joined(separator: ", "))")
        }
        if facts.isStateful {
            say("state", "part of what the model reads lies with the provider, and is not in the estimate")
        }
        if facts.isBackground { explainUnmetered("a response in the background is work") }
        explainStream(facts)
        explainModels(facts)
        let limit = explainOutput(facts, body)
        let raw = facts.estimatedInputTokens(body, model: model)
        let held = UsageForecast().reservation(
            provider: ground.provider.name, model: model, estimatedInputTokens: raw, outputLimit: limit,
            choices: facts.choiceCount)
        say(
            "estimate",
            "\(raw) input tokens of \(facts.texts.count) texts, \(facts.messageCount) messages, \(facts.mediaCount) media"
        )
        guard operation.createsWork else { return explainLimits(inputTokens: 0, outputTokens: 0) }
        let output = operation.dialect.hasOutput ? held.outputTokens : 0
        explainLimits(inputTokens: held.inputTokens, outputTokens: output)
    }

    private mutating func explainStream(_ facts: RequestFacts) {
        guard facts.stream else { return }
        var edits = JSONEdits()
        let asks = limits.metersUsage && ground.provider.streamUsage && facts.askForUsage(operation, &edits)
        let how = asks ? ", and leo asks for its usage (stream_options.include_usage)" : ""
        say("stream", "yes\(how)")
    }

    private mutating func explainModels(_ facts: RequestFacts) {
        guard let models = limits.models else { return }
        let asked = facts.fallbackModels.isEmpty ? [model] : [facts.model].filter { $0 != nil } + facts.fallbackModels
        let refused = asked.first { !limits.permits(model: $0) }
        let list = models.map(\.text.quoted).joined(separator: ", ")
        let refuses = refused.map { name in "\(name?.quoted ?? "a request without a model") is none of them" }
        guarding("models = [\(list)]", limits.mode, refuses: refuses)
    }

    /// The longest answer after the guard; nil: there is no limit.
    private mutating func explainOutput(_ facts: RequestFacts, _ body: Span<UInt8>) -> Int? {
        let asked = facts.outputLimit?.value
        if let asked {
            let times = facts.choiceCount == 1 ? "" : ", \(facts.choiceCount) answers"
            say("output", "at most \(asked) tokens\(times)")
        } else if operation.dialect.hasOutput, operation.createsWork {
            say("output", "the request has no limit\(facts.choiceCount == 1 ? "" : ", \(facts.choiceCount) answers")")
        }
        guard let most = limits.maxOutputTokens, operation.createsWork else { return asked }
        let key = "max_output_tokens = \(most)"
        if let asked, asked <= most {
            guarding(key, limits.mode, refuses: nil)
            return asked
        }
        let caps = limits.maxOutputAction == .cap && RequestFacts.canLimitOutput(operation)
        if !caps, asked == nil, !operation.dialect.hasOutput {
            guarding(key, limits.mode, refuses: nil)
            return nil
        }
        let what = asked.map { "\($0) output tokens" } ?? "an answer of any length"
        guard caps, limits.mode == .enforce else {
            guarding(
                key, limits.mode, refuses: caps ? nil : "the request asks for \(what)",
                else: "passes; it observes and would cap \(what)")
            return asked
        }
        guarding(key, limits.mode, refuses: nil, else: "caps \(what) at \(most), written into the request")
        return most
    }

    // MARK: Limits

    private mutating func explainLimits(inputTokens: Int, outputTokens: Int, isForAnyModel: Bool = false) {
        var usage = Usage()
        usage.inputTokens = inputTokens
        usage.outputTokens = outputTokens
        let cost = ground.prices.cost(provider: ground.provider.name, model: model, usage)
        if operation.createsWork {
            say("reserved", "\(inputTokens) input and \(outputTokens) output tokens, until the usage is known")
            say("cost", cost.map { "\($0) USD for what is reserved" } ?? "unknown: the model has no price")
        }
        let money = operation.createsWork ? cost : .zero
        if limits.rules.isEmpty { say("limit", "none") }
        for rule in limits.rules {
            explain(
                rule,
                LimitRequest(
                    phase: .full, model: model, isForAnyModel: isForAnyModel, inputTokens: inputTokens,
                    outputTokens: outputTokens, money: money))
        }
    }

    /// What one limit says when nobody has used it.
    private mutating func explain(_ rule: LimitRule, _ request: LimitRequest) {
        var alone = LimitSettings()
        alone.rules = [rule]
        alone.unpriced = limits.unpriced
        var text = "\(rule.kind.rawValue) = \(rule.text)"
        if let glob = rule.model { text += " for \(glob.text.quoted)" }
        text += " (line \(rule.place.line))"
        if !request.isForAnyModel, let glob = rule.model, model.map({ glob.matches($0) }) != true {
            return say("limit", "\(text): is not for this model")
        }
        let book = LimitBook(alone)
        let time = LimitTime(monotonic: 0, unixSeconds: 0)
        var early = request
        early.phase = .early
        for request in [early, request] {
            if let found = Self.ask(book, request, time) {
                let mode = rule.mode == .enforce ? "refuses" : "passes; it observes and would refuse"
                let why = Self.explanation(found)
                if rule.mode == .enforce, refusal == nil { refusal = why }
                return say("limit", "\(text): \(mode), \(why)")
            }
        }
        say("limit", "\(text): takes \(Self.need(rule, request)), passes while there is room")
    }

    private static func ask(_ book: LimitBook, _ request: LimitRequest, _ time: LimitTime) -> LimitRefusal? {
        switch book.admit(request, at: time) {
        case .refused(let refusal): return refusal
        case .admitted(let reservation, let would):
            book.settle(reservation, LimitCharge(), at: time)
            return would.first
        }
    }

    private static func need(_ rule: LimitRule, _ request: LimitRequest) -> String {
        switch rule.kind {
        case .requests, .concurrent: "1"
        case .tokens: "\(request.inputTokens + request.outputTokens)"
        case .inputTokens: "\(request.inputTokens)"
        case .outputTokens: "\(request.outputTokens)"
        case .budget: request.money.map { "\($0) USD" } ?? "nothing, since the price is unknown"
        }
    }

    private static func explanation(_ refusal: LimitRefusal) -> String {
        switch refusal.reason {
        case .exhausted: "\(refusal.rule.name) is used up"
        case .unpriced: "the model has no price, and \(refusal.rule.name) counts money (unpriced = \"refuse\")"
        case .aboveBurst:
            refusal.kind == .budget
                ? "it needs \(Money(picodollars: refusal.needed)) USD, \(refusal.rule.name) never has more than "
                    + "\(Money(picodollars: refusal.limit))"
                : "it needs \(refusal.needed), \(refusal.rule.name) never has more than \(refusal.rule.burst) at once"
        }
    }
}
