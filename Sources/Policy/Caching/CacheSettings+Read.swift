extension CacheSettings {
    /// Reads `[tenants.NAME.cache]` over `[defaults.cache]`, key by key: what a tenant writes takes the place of what it
    /// inherits, and `ignore_headers_add` extends it. nil for a table that the file has not. Where there is a table, and
    /// nobody has written a mode, leo observes.
    public init(reading own: TableReader?, inheriting defaults: TableReader?) {
        let inherited = CacheLayer(reading: defaults)
        let layer = CacheLayer(reading: own)
        mode = layer.mode ?? inherited.mode ?? (own == nil && defaults == nil ? .off : .observe)
        when = layer.when ?? inherited.when ?? when
        timeToLive = layer.timeToLive ?? inherited.timeToLive ?? timeToLive
        if let written = layer.scope ?? inherited.scope {
            scope = written.value
            scopePlace = scope == .tenant ? written.place : nil
        }
        clientMayOptIn = layer.clientMayOptIn ?? inherited.clientMayOptIn ?? clientMayOptIn
        keepsToolCalls = layer.keepsToolCalls ?? inherited.keepsToolCalls ?? keepsToolCalls
        coalesces = layer.coalesces ?? inherited.coalesces ?? coalesces
        staleWhileRevalidate = layer.staleWhileRevalidate ?? inherited.staleWhileRevalidate ?? staleWhileRevalidate
        staleIfError = layer.staleIfError ?? inherited.staleIfError ?? staleIfError
        replayInterval = layer.replayInterval ?? inherited.replayInterval ?? replayInterval
        let headers = layer.ignoredHeaders ?? (inherited.ignoredHeaders ?? []) + inherited.ignoredHeadersAdded
        for name in headers + layer.ignoredHeadersAdded where !ignoredHeaders.contains(name) {
            ignoredHeaders.append(name)
        }
        if ignoredHeaders.count > Self.ignoredHeaderCountMax, let table = own ?? defaults {
            let key = table.has("ignore_headers") ? "ignore_headers" : "ignore_headers_add"
            table.report(
                key, "makes \(ignoredHeaders.count) names, \(Self.ignoredHeaderCountMax) at most",
                at: table.place(of: key))
            ignoredHeaders.removeSubrange(Self.ignoredHeaderCountMax...)
        }
    }

    /// Every key of a table of cache settings.
    static let keys = [
        "mode", "when", "ttl", "scope", "client_may_opt_in", "tool_calls", "coalesce", "stale_while_revalidate",
        "stale_if_error", "ignore_headers", "ignore_headers_add", "replay_interval",
    ]
}

/// One table of cache settings, as it stands in the file.
private struct CacheLayer {
    var mode: PolicyMode?
    var when: CacheSettings.When?
    var timeToLive: Duration?
    var scope: Located<CacheSettings.Scope>?
    var clientMayOptIn: Bool?
    var keepsToolCalls: Bool?
    var coalesces: Bool?
    var staleWhileRevalidate: Duration?
    var staleIfError: Duration?
    var ignoredHeaders: [String]?
    var ignoredHeadersAdded: [String] = []
    var replayInterval: Duration?

    init(reading table: TableReader?) {
        guard let table else { return }
        mode = table.choice("mode")
        when = table.choice("when")
        timeToLive = table.duration("ttl", in: .seconds(1)...CacheSettings.timeToLiveMax)
        let written: CacheSettings.Scope? = table.choice("scope")
        scope = written.map { Located($0, at: table.place(of: "scope")) }
        clientMayOptIn = table.boolean("client_may_opt_in")
        keepsToolCalls = table.boolean("tool_calls")
        coalesces = table.boolean("coalesce")
        staleWhileRevalidate = table.duration("stale_while_revalidate", in: .zero...CacheSettings.timeToLiveMax)
        staleIfError = table.duration("stale_if_error", in: .zero...CacheSettings.timeToLiveMax)
        // A client waits for every event: with a second each, a long answer takes minutes.
        replayInterval = table.duration("replay_interval", in: .zero ... .seconds(1))
        ignoredHeaders = Self.headers(table, "ignore_headers")
        ignoredHeadersAdded = Self.headers(table, "ignore_headers_add") ?? []
    }

    /// Longer ones are no names of headers that a program sends.
    private static let headerByteCountMax = 64
    /// Headers by which a provider answers otherwise, and how the names of such begin.
    private static let meaningfulHeaders = ["anthropic-beta", "anthropic-version", "openai-beta"]
    private static let meaningfulBeginnings = ["x-amzn-bedrock-"]

    private static func headers(_ table: TableReader, _ key: String) -> [String]? {
        table.strings(key, form: "request header names like \"x-team\"")?.compactMap { text in
            let name = ASCII.lowercased(text.value)
            var reason: String?
            if !(1...headerByteCountMax).contains(name.utf8.count) || !name.utf8.allSatisfy(ASCII.isToken) {
                reason = "which is no header name of at most \(headerByteCountMax) letters, digits and hyphens"
            } else if meaningfulHeaders.contains(name) || meaningfulBeginnings.contains(where: name.hasPrefix) {
                reason = "by which the provider's answer differs: without it leo would serve wrong answers"
            }
            guard let reason else { return name }
            table.report(key, "has \(text.value.quoted), \(reason)", at: text.place)
            return nil
        }
    }
}
