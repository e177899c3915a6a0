extension LimitSettings {
    /// Reads `[tenants.NAME.limits]` over `[defaults.limits]`, key by key: what a tenant writes takes the place of what it
    /// inherits, and `requests_add` and its like extend it. nil for a table that the file has not.
    public init(reading own: TableReader?, inheriting defaults: TableReader?) {
        let inherited = LimitLayer(reading: defaults)
        let layer = LimitLayer(reading: own)
        let keys = layer.keys.over(inherited.keys)
        mode = keys.mode ?? .enforce
        models = layer.models ?? inherited.models
        if let more = inherited.modelsAdded, layer.models == nil { models = models.map { $0 + more } }
        if let more = layer.modelsAdded {
            if models == nil, let own {
                own.report("models_add", "adds to nothing: all models may be asked", at: own.place(of: "models_add"))
            }
            models = models.map { $0 + more }
        }
        maxOutputTokens = layer.maxOutputTokens ?? inherited.maxOutputTokens
        maxOutputAction = layer.maxOutputAction ?? inherited.maxOutputAction ?? maxOutputAction
        maxBodyByteCount = layer.maxBodyByteCount ?? inherited.maxBodyByteCount
        onExhausted = layer.onExhausted ?? inherited.onExhausted ?? onExhausted
        unmetered = layer.unmetered ?? inherited.unmetered ?? unmetered
        unpriced = layer.unpriced ?? inherited.unpriced ?? unpriced
        rules = keys.rules(mode: mode)
        for glob in (inherited.perModel + layer.perModel).map(\.glob).uniqued() {
            let above = inherited.perModel.first { $0.glob == glob }?.keys ?? LimitKeys()
            let below = layer.perModel.first { $0.glob == glob }?.keys ?? LimitKeys()
            let merged = below.over(above)
            rules += merged.rules(mode: merged.mode ?? mode, model: glob)
        }
        if rules.count > Self.ruleCountMax, let table = own ?? defaults {
            table.file.report(
                "[\(table.name)] has \(rules.count) limits, \(Self.ruleCountMax) at most", at: table.place)
            rules.removeSubrange(Self.ruleCountMax...)
        }
        rules.removeAll { $0.mode == .off }
    }

    /// Every key of a table of limits.
    static var keys: [String] {
        LimitKind.allCases.flatMap { $0 == .concurrent ? [$0.rawValue] : [$0.rawValue, "\($0.rawValue)_add"] } + [
            "mode", "models", "models_add", "max_output_tokens", "max_output_action", "max_body", "on_exhausted",
            "unmetered", "unpriced", "model",
        ]
    }
}

/// One table of limits, as it stands in the file.
private struct LimitLayer {
    var keys = LimitKeys()
    var models: [ModelGlob]?
    var modelsAdded: [ModelGlob]?
    var maxOutputTokens: Int?
    var maxOutputAction: LimitSettings.MaxOutputAction?
    var maxBodyByteCount: Int?
    var onExhausted: LimitSettings.OnExhausted?
    var unmetered: LimitSettings.UnknownAction?
    var unpriced: LimitSettings.UnknownAction?
    var perModel: [(glob: ModelGlob, keys: LimitKeys)] = []

    init(reading table: TableReader?) {
        guard let table else { return }
        keys = LimitKeys(reading: table)
        models = Self.models(table, "models")
        modelsAdded = Self.models(table, "models_add")
        maxOutputTokens = table.integer("max_output_tokens", in: 1...1_000_000_000)
        maxOutputAction = table.choice("max_output_action")
        maxBodyByteCount = table.size("max_body", in: 1...1 << 40)
        onExhausted = table.choice("on_exhausted")
        unmetered = table.choice("unmetered")
        unpriced = table.choice("unpriced")
        for (name, inner) in table.modelTables() {
            let keys = LimitKeys(reading: inner)
            guard let glob = Self.glob(name, { inner.file.report("[\(inner.name)] \($0)", at: name.place) }) else {
                continue
            }
            perModel.append((glob, keys))
        }
    }

    private static func models(_ table: TableReader, _ key: String) -> [ModelGlob]? {
        guard let texts = table.oneOrMore(key, form: "a model's name or a pattern like \"gpt-*\"") else { return nil }
        if table.isEmptyList(key) { table.report(key, "is an empty list: no model would do", at: table.place(of: key)) }
        return texts.compactMap { text in
            glob(text) { table.report(key, "= \(text.value.quoted) \($0)", at: text.place) }
        }
    }

    private static func glob(_ text: Located<String>, _ report: (String) -> Void) -> ModelGlob? {
        if let glob = ModelGlob(text.value) { return glob }
        report("is no model's name: 1 to \(ModelGlob.byteCountMax) bytes without blanks, \"*\" for any characters")
        return nil
    }
}

/// The limits of one table, by kind.
private struct LimitKeys {
    var mode: PolicyMode?
    private var limits: [LimitKind: [Draft]] = [:]
    private var added: [LimitKind: [Draft]] = [:]

    /// A limit whose mode may be its table's.
    private struct Draft {
        let rule: LimitRule
        let mode: PolicyMode?
    }

    init() {}

    init(reading table: TableReader) {
        mode = table.choice("mode")
        for kind in LimitKind.allCases {
            limits[kind] = Self.limits(table, kind.rawValue, kind)
            if kind != .concurrent { added[kind] = Self.limits(table, "\(kind.rawValue)_add", kind) }
        }
    }

    /// These over those that they inherit.
    func over(_ inherited: LimitKeys) -> LimitKeys {
        var merged = self
        merged.mode = mode ?? inherited.mode
        for kind in LimitKind.allCases where limits[kind] == nil {
            let drafts = (inherited.limits[kind] ?? []) + (inherited.added[kind] ?? [])
            merged.limits[kind] = drafts.isEmpty ? nil : drafts
        }
        return merged
    }

    func rules(mode: PolicyMode, model: ModelGlob? = nil) -> [LimitRule] {
        LimitKind.allCases.flatMap { kind in
            ((limits[kind] ?? []) + (added[kind] ?? [])).map { $0.rule.with(mode: $0.mode ?? mode, model: model) }
        }
    }

    private static func limits(_ table: TableReader, _ key: String, _ kind: LimitKind) -> [Draft]? {
        guard let value = table.value(key) else { return nil }
        guard case .array(let values) = value.content else { return draft(value, table, key, kind).map { [$0] } ?? [] }
        if kind == .concurrent {
            table.report(key, "is one number: how many exchanges may run at the same time", at: value.place)
            return []
        }
        return values.compactMap { draft($0, table, key, kind) }
    }

    /// A limit as it stands alone or in a list: a text, for `concurrent` a number, or a table with one and a mode.
    private static func draft(_ value: TOMLValue, _ table: TableReader, _ key: String, _ kind: LimitKind) -> Draft? {
        guard case .table(let entries) = value.content else {
            return rule(value, table, key, kind, burst: nil).map { Draft(rule: $0, mode: nil) }
        }
        let inner = table.file.subtable("\(table.name).\(key)", value.place, entries)
        let name = kind == .concurrent ? "count" : "rate"
        let mode: PolicyMode? = inner.choice("mode")
        let burst = kind.isRate ? inner.burst() : nil
        guard let limit = inner.value(name) else {
            inner.report(name, "is missing", at: value.place)
            return nil
        }
        return rule(limit, inner, name, kind, burst: burst).map { Draft(rule: $0, mode: mode) }
    }

    private static func rule(
        _ value: TOMLValue, _ table: TableReader, _ key: String, _ kind: LimitKind, burst: Int?
    ) -> LimitRule? {
        if kind == .concurrent {
            return table.integer(key, in: 1...1_000_000).map { .concurrent($0, place: value.place) }
        }
        let form = kind == .budget ? LimitText.budgetForm : LimitText.rateForm
        guard case .string(let text) = value.content else {
            var clause = ", not \(value.content.kind)"
            if case .integer(let number) = value.content, number > 0 {
                clause = ": \(number) in which time? \"\(number)\(kind == .budget ? " USD/day" : "/min")\" is one way"
            }
            table.report(key, "must be \(form)\(clause)", at: value.place)
            return nil
        }
        do throws(LimitText.Flaw) {
            if kind == .budget {
                let budget = try LimitText.budget(text)
                return .budget(budget.money, per: budget.window, place: value.place)
            }
            let rate = try LimitText.rate(text)
            if burst != nil, rate.burst != nil { table.report("burst", "is in the rate already", at: value.place) }
            return .rate(kind, rate.count, per: rate.window, burst: burst ?? rate.burst, place: value.place)
        } catch {
            table.report(key, error.reason, at: value.place)
            return nil
        }
    }
}

extension LimitRule {
    fileprivate func with(mode: PolicyMode, model: ModelGlob?) -> LimitRule {
        LimitRule(
            kind: kind, amount: amount, window: window, burst: burst, mode: mode, model: model, place: place)
    }
}

extension TableReader {
    /// `model`'s tables, each for the models that its name means. A table in one of them had dots in its name.
    fileprivate func modelTables() -> [(name: Located<String>, table: TableReader)] {
        guard let value = value("model") else { return [] }
        let name = "\(self.name).model"
        guard case .table(let entries) = value.content else {
            report("model", "is a table of limits for some models, written as [\(name).\"gpt-*\"]", at: value.place)
            return []
        }
        let tables = file.subtable(name, value.place, entries).tables(named: "a table of limits")
        return tables.filter { _, table in
            guard
                let cut = table.entries.first(where: {
                    if case .table = $0.value.content { $0.isModelPart } else { false }
                })
            else { return true }
            file.know(cut.key, in: table.name)
            file.report(
                "[\(table.name)] was cut at its dots: write the model in quotes, [\(name).\"gpt-4.1\"]", at: cut.place)
            return false
        }
    }

    /// A whole number, or one in thousands or millions.
    fileprivate func burst() -> Int? {
        guard let value = value("burst") else { return nil }
        switch value.content {
        case .integer(let number) where 1...Int64(LimitRule.countMax) ~= number: return Int(number)
        case .string(let text):
            if let count = LimitText.count(text[...].utf8) { return count }
        case .table, .array, .integer, .float, .boolean, .date: break
        }
        report("burst", "must be a whole number from 1, or one like \"200k\"", at: value.place)
        return nil
    }
}

extension TOMLEntry {
    /// Whether it is none of a limit's keys.
    fileprivate var isModelPart: Bool {
        !LimitKind.allCases.contains { key == $0.rawValue || key == "\($0.rawValue)_add" }
    }
}

extension Array where Element: Hashable {
    fileprivate func uniqued() -> [Element] {
        var seen: Set<Element> = []
        return filter { seen.insert($0).inserted }
    }
}
