import Testing

@testable import Policy

@Suite("Cache settings in the file")
struct CacheSettingsTests {
    /// `own` and `defaults` are the tables' lines.
    private func read(_ own: String?, defaults: String? = nil) -> (CacheSettings, [String]) {
        var text = own.map { "[cache]\n\($0)\n" } ?? ""
        if let defaults { text += "[defaults]\n[defaults.cache]\n\(defaults)\n" }
        let reader = FileReader(text: text, file: "f")
        let inherited = defaults == nil ? nil : reader.table("defaults").table("cache")
        let settings = CacheSettings(reading: own == nil ? nil : reader.table("cache"), inheriting: inherited)
        return (settings, reader.finish().map(\.description))
    }

    private func settings(_ own: String?, defaults: String? = nil) -> CacheSettings {
        let (settings, mistakes) = read(own, defaults: defaults)
        #expect(mistakes == [])
        return settings
    }

    @Test("without a table nothing is kept, and a table that says nothing observes")
    func modes() {
        #expect(settings(nil) == CacheSettings() && settings(nil).mode == .off && !settings(nil).isActive)
        for (own, defaults) in [("", nil), (nil, ""), ("ttl = \"5m\"", nil), ("", "ttl = \"5m\"")] {
            #expect(settings(own, defaults: defaults).mode == .observe)
        }
        #expect(settings("when = \"always\"", defaults: "mode = \"enforce\"").mode == .enforce)
        #expect(settings("mode = \"off\"", defaults: "mode = \"enforce\"").mode == .off)
        #expect(settings("mode = \"enforce\"").isActive)
    }

    @Test("what a tenant writes takes the place of what it inherits, key by key")
    func inheritance() {
        let defaults = """
            mode = "enforce"
            when = "always"
            ttl = "24h"
            scope = "tenant"
            client_may_opt_in = true
            tool_calls = false
            coalesce = false
            stale_while_revalidate = "10m"
            stale_if_error = "24h"
            ignore_headers = ["x-a", "X-B"]
            replay_interval = "20ms"
            """
        let all = settings(nil, defaults: defaults)
        var expected = CacheSettings()
        expected.mode = .enforce
        expected.when = .always
        expected.timeToLive = .seconds(86400)
        expected.scope = .tenant
        expected.scopePlace = Place(line: 6, column: 9)
        expected.clientMayOptIn = true
        expected.keepsToolCalls = false
        expected.coalesces = false
        expected.staleWhileRevalidate = .seconds(600)
        expected.staleIfError = .seconds(86400)
        expected.ignoredHeaders = ["x-a", "x-b"]
        expected.replayInterval = .milliseconds(20)
        #expect(all == expected)
        #expect(settings("", defaults: defaults).when == .always)
        let own = """
            when = "deterministic"
            scope = "key"
            tool_calls = true
            stale_if_error = "0s"
            """
        let some = settings(own, defaults: defaults)
        #expect(some.when == .deterministic && some.scope == .key && some.scopePlace == nil && some.keepsToolCalls)
        #expect(some.staleIfError == .zero)
        #expect(some.clientMayOptIn && !some.coalesces && some.mode == .enforce)
    }

    @Test(
        "ignored headers are replaced or added to, in lower case and each once",
        arguments: [
            ("", "", []), ("ignore_headers = [\"X-A\", \"x-a\"]", "", ["x-a"]),
            ("ignore_headers_add = [\"x-c\"]", "ignore_headers = [\"x-a\"]", ["x-a", "x-c"]),
            ("ignore_headers = []", "ignore_headers = [\"x-a\"]", []),
            (
                "ignore_headers = [\"x-b\"]\nignore_headers_add = [\"x-c\"]",
                "ignore_headers = [\"x-a\"]\nignore_headers_add = [\"x-d\"]", ["x-b", "x-c"]
            ),
            (
                "ignore_headers_add = [\"x-c\"]", "ignore_headers = [\"x-a\"]\nignore_headers_add = [\"x-d\"]",
                ["x-a", "x-d", "x-c"]
            ),
        ])
    func headers(own: String, defaults: String, expected: [String]) {
        #expect(settings(own, defaults: defaults).ignoredHeaders == expected)
    }

    @Test(
        "a mistake names what would be right",
        arguments: [
            ("mode = \"on\"", "must be \"off\" or \"observe\" or \"enforce\""),
            ("when = \"sometimes\"", "must be \"deterministic\" or \"always\""),
            ("when = \"allways\"", "did you mean \"always\"?"),
            ("ttl = \"25h\"", "cache.ttl must be from \"1s\" to \"1d\", not \"25h\""),
            ("ttl = \"500ms\"", "must be from \"1s\" to \"1d\""),
            ("ttl = 3600", "\"3600s\" is seconds"),
            ("scope = \"tenants\"", "did you mean \"tenant\"?"),
            ("client_may_opt_in = \"true\"", "must be true or false without quotes"),
            ("tool_calls = 1", "must be true or false"),
            ("coalesce = \"no\"", "must be true or false"),
            ("stale_while_revalidate = \"2d\"", "must be from \"0s\" to \"1d\""),
            ("stale_if_error = \"-1s\"", "must be a duration"),
            ("replay_interval = \"2s\"", "must be from \"0s\" to \"1s\""),
            ("ignore_headers = \"x-a\"", "must be a list of request header names like \"x-team\": write [\"x-a\"]"),
            ("ignore_headers = [\"x a\"]", "has \"x a\", which is no header name of at most 64"),
            ("ignore_headers = [\"\"]", "which is no header name"),
            ("ignore_headers = [\"Anthropic-Beta\"]", "by which the provider's answer differs"),
            ("ignore_headers_add = [\"x-amzn-bedrock-trace\"]", "by which the provider's answer differs"),
            (
                "ignore_headers = [\((0..<65).map { "\"x-\($0)\"" }.joined(separator: ", "))]",
                "ignore_headers makes 65 names, 64 at most"
            ),
            ("tll = \"1h\"", "unknown key \"tll\" in [cache], did you mean \"ttl\"?"),
        ])
    func mistakes(text: String, message: String) {
        let (_, mistakes) = read(text)
        #expect(mistakes.count == 1 && mistakes.allSatisfy { $0.contains(message) }, "\(mistakes)")
        #expect(mistakes.allSatisfy { $0.hasPrefix("f:2:") })
    }

    @Test("whoever is known by where they come from alone has proved nothing")
    func proofs() {
        let proving = TenantMatch.Identification.allCases.filter(\.provesIdentity)
        #expect(proving == [.clientCertificate, .proxyUser, .systemdUnit, .uid, .providerKey])
    }

    @Test("each tenant has its own, over those of all")
    func tenants() {
        let text = """
            [defaults.cache]
            ttl = "5m"
            [tenants.a]
            match = [{ listener = "reverse" }]
            [tenants.a.cache]
            mode = "enforce"
            [tenants.b]
            match = [{ listener = "proxy" }]
            [tenants.default]
            """
        let reader = FileReader(text: text, file: "f")
        let table = TenantTable(reading: reader.table("tenants"), inheriting: reader.table("defaults"))
        #expect(reader.finish() == [])
        #expect(table.policies.map(\.name) == ["a", "b", "default"])
        #expect(table.policies.map(\.cache.mode) == [.enforce, .observe, .observe])
        #expect(table.policies.allSatisfy { $0.cache.timeToLive == .seconds(300) })
    }
}
