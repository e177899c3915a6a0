import Policy
import Wire

/// What the tenants of the policy in force may, what they have used, and what is left: for `/v1/tenants` and `/metrics`.
struct TenantReport {
    private struct Row {
        let name: String
        let limits: LimitSettings
        let cache: CacheSettings
        let levels: [LimitLevel]
        let sums: TenantTotals.Sums
    }

    private let revision: UInt64
    private let rows: [Row]

    /// Everything as it is at a moment.
    init(_ policy: PolicySnapshot, at time: LimitTime) {
        revision = policy.revision
        rows = policy.tenants.policies.indices.map { index in
            let tenant = policy.tenants.policies[index]
            return Row(
                name: tenant.name, limits: tenant.limits, cache: tenant.cache,
                levels: policy.limitBooks[index]?.all(at: time) ?? [], sums: policy.totals[index].sums)
        }
    }

    // MARK: As JSON

    /// Adds one JSON object on a line: every tenant, in the order of the file.
    func append(to out: inout ByteQueue) {
        var line = JSONLine(appendingTo: &out)
        line.field("policy_revision", revision)
        line.openArray("tenants")
        for row in rows {
            line.openElement()
            line.field("name", row.name)
            Self.append(row.sums, to: &line)
            Self.append(row.cache, row.sums, to: &line)
            Self.appendGuards(row.limits, to: &line)
            line.openArray("limits")
            for level in row.levels {
                line.openElement()
                Self.append(level, to: &line)
                line.closeObject()
            }
            line.closeArray()
            line.closeObject()
        }
        line.closeArray()
        line.finish(into: &out)
    }

    private static func append(_ sums: TenantTotals.Sums, to line: inout JSONLine) {
        line.field("exchanges", sums.exchangeCount)
        line.field("refusals", sums.refusalCount)
        line.openObject("tokens")
        line.field("input", sums.inputTokens)
        line.field("cached", sums.cachedTokens)
        line.field("output", sums.outputTokens)
        line.closeObject()
        line.field("cost", decimal: sums.cost.description)
        line.field("unpriced", sums.unpricedCount)
    }

    private static func append(
        _ settings: CacheSettings, _ sums: TenantTotals.Sums, to line: inout JSONLine
    ) {
        line.openObject("cache")
        line.field("mode", settings.mode.rawValue)
        line.field("hits", sums.cacheHitCount)
        line.field("saved_tokens", sums.savedTokens)
        line.field("saved_cost", decimal: sums.savedCost.description)
        line.closeObject()
    }

    /// By the file's keys; those that guard nothing are left out.
    private static func appendGuards(_ limits: LimitSettings, to line: inout JSONLine) {
        line.openObject("guards")
        line.field("mode", limits.mode.rawValue)
        if let models = limits.models { line.field("models", models.map(\.text), byteCountMax: ModelGlob.byteCountMax) }
        if let most = limits.maxOutputTokens {
            line.field("max_output_tokens", UInt64(max(0, most)))
            line.field("max_output_action", limits.maxOutputAction.rawValue)
        }
        if let most = limits.maxBodyByteCount { line.field("max_body", UInt64(max(0, most))) }
        if limits.countsUsage {
            line.field("on_exhausted", limits.onExhausted.rawValue)
            line.field("unmetered", limits.unmetered.rawValue)
        }
        if limits.countsMoney { line.field("unpriced", limits.unpriced.rawValue) }
        line.closeObject()
    }

    private static func append(_ level: LimitLevel, to line: inout JSONLine) {
        let rule = level.rule
        line.field("name", rule.name)
        line.field("kind", rule.kind.rawValue)
        if let window = rule.window { line.field("window", window.rawValue) }
        if let model = rule.model { line.field("model", model.text) }
        line.field("mode", rule.mode.rawValue)
        line.field("limit", decimal: level.limitText)
        if rule.kind.isRate { line.field("burst", decimal: rule.amountText(rule.burst)) }
        line.field("used", decimal: rule.amountText(level.used))
        line.field("remaining", decimal: level.remainingText)
        if let reset = level.resetSeconds { line.field("reset", UInt64(reset)) }
        line.field("charged", decimal: rule.amountText(level.charged))
        line.field("corrected", decimal: rule.amountText(level.corrected))
    }

    // MARK: As metrics

    /// This many tenants have series of their own, the first ones of the file; the others are counted together.
    static let namedTenantCountMax = 200
    /// The value of `tenant` for the others. A tenant of that name is one of them as soon as there are any.
    static let otherName = "other"

    /// The values of all metrics of tenants.
    var measures: [Metric: Exposition.Measure] {
        let (named, others) = split()
        var sums = named.map { (name: $0.name, sums: $0.sums) }
        if !others.isEmpty { sums.append((Self.otherName, others.reduce(into: .init()) { $0.add($1.sums) })) }
        func perTenant(_ value: (TenantTotals.Sums) -> String) -> Exposition.Measure {
            .samples(sums.map { .init(labels: [.init(name: "tenant", value: $0.name)], value: value($0.sums)) })
        }
        let kinds: [(word: String, value: (TenantTotals.Sums) -> UInt64)] = [
            ("input", { $0.inputTokens }), ("cached", { $0.cachedTokens }), ("output", { $0.outputTokens }),
        ]
        let tokens = sums.flatMap { tenant in
            kinds.map { kind in
                Exposition.Sample(
                    labels: [.init(name: "tenant", value: tenant.name), .init(name: "kind", value: kind.word)],
                    value: String(kind.value(tenant.sums)))
            }
        }
        let limits = named.flatMap { row in
            zip(Self.labels(of: row.levels), row.levels).map { label, level in
                (
                    labels: [
                        Exposition.Sample.Label(name: "tenant", value: row.name), .init(name: "limit", value: label),
                    ], level: level
                )
            }
        }
        func perLimit(_ value: (LimitLevel) -> String) -> Exposition.Measure {
            .samples(limits.map { .init(labels: $0.labels, value: value($0.level)) })
        }
        return [
            .tenantExchanges: perTenant { String($0.exchangeCount) },
            .tenantRefusals: perTenant { String($0.refusalCount) },
            .tenantTokens: .samples(tokens),
            .tenantCost: perTenant { $0.cost.description },
            .tenantUnpriced: perTenant { String($0.unpricedCount) },
            .tenantCacheHits: perTenant { String($0.cacheHitCount) },
            .tenantSavedTokens: perTenant { String($0.savedTokens) },
            .tenantSavedCost: perTenant { $0.savedCost.description },
            .tenantLimit: perLimit { $0.limitText },
            .tenantLimitCapacity: perLimit { $0.rule.amountText($0.capacity) },
            .tenantLimitRemaining: perLimit { $0.remainingText },
            .tenantLimitCorrected: perLimit { $0.rule.amountText($0.corrected) },
        ]
    }

    private func split() -> (named: [Row], others: [Row]) {
        if rows.count <= Self.namedTenantCountMax { return (rows, []) }
        var named: [Row] = []
        var others: [Row] = []
        for row in rows {
            if named.count < Self.namedTenantCountMax, row.name != Self.otherName {
                named.append(row)
            } else {
                others.append(row)
            }
        }
        return (named, others)
    }

    /// The value of `limit` for each: its name in the log, numbered where a tenant has several of it. Model patterns have
    /// no blanks, so a number is never taken for a part of one.
    private static func labels(of levels: [LimitLevel]) -> [String] {
        var counts: [String: Int] = [:]
        return levels.map { level in
            let name = level.rule.name
            let number = (counts[name] ?? 0) + 1
            counts[name] = number
            return number == 1 ? name : "\(name) #\(number)"
        }
    }
}
