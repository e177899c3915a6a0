import Policy

extension Config {
    /// What is right in the file and may not be meant; each with its place. Empty for the embedded defaults.
    public var notes: [Diagnostic] {
        guard let path else { return [] }
        var notes: [Diagnostic] = []
        for rule in tenants.policies.flatMap(\.limits.rules) where rule.hasNarrowBurst {
            let message =
                "\(rule.name): at most \(rule.burst) tokens at once, which is ten seconds of the rate, and a request "
                + "that needs more gets a 400; write a burst as large as the largest request, \"… burst 500k\""
            let note = Diagnostic(file: path, place: rule.place, message: "note: \(message)")
            if !notes.contains(note) { notes.append(note) }
        }
        for tenant in tenants.policies {
            guard tenant.cache.isActive, let place = tenant.cache.scopePlace, sharesNothing(tenant.name) else {
                continue
            }
            let message =
                "note: the clients of tenant \"\(tenant.name)\" are known by where they come from alone, so that the "
                + "cache's scope stays \"key\" for them"
            notes.append(Diagnostic(file: path, place: place, message: message))
        }
        return notes
    }
}

extension Config {
    /// Whether no row of a tenant asks for anything that proves who a client is.
    private func sharesNothing(_ tenant: String) -> Bool {
        !tenants.rows.contains { $0.tenant == tenant && $0.identification.provesIdentity }
    }
}

extension LimitRule {
    /// Whether it counts tokens by a burst that nobody has written and that ordinary prompts are above.
    fileprivate var hasNarrowBurst: Bool {
        switch kind {
        case .tokens, .inputTokens, .outputTokens: hasDefaultBurst && burst < Self.ordinaryTokens
        case .requests, .budget, .concurrent: false
        }
    }

    /// A prompt of some pages and its answer.
    private static let ordinaryTokens: Int128 = 10_000
}
