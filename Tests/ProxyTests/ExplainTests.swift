import Glibc
import Policy
import Testing
import Wire

@testable import Proxy

@Suite("leo explain")
struct ExplainTests {
    private func settings(_ limits: String) throws -> LimitSettings {
        let file = FileReader(text: "[limits]\n\(limits)", file: "f")
        let settings = LimitSettings(reading: file.table("limits"), inheriting: nil)
        #expect(file.finish() == [])
        return settings
    }

    private func explain(
        _ body: String, limits: String = "", provider: String = "openai", path: String = "/v1/chat/completions",
        method: HTTP1Method = .post, passes: Bool = false, bodyLimit: Int = 1 << 20, prices: PriceTable = PriceTable(),
        cache: CacheSettings = CacheSettings()
    ) throws -> RequestExplanation {
        let row = try #require(ProviderTable.builtIn.rows.first { $0.name == provider })
        let ground = RequestExplanation.Ground(
            tenant: "checkout", limits: try settings(limits), cache: cache, provider: row, prices: prices,
            bodyByteCountMax: bodyLimit, refusesUninspectable: !passes)
        let path = Array(path.utf8)
        let body = Array(body.utf8)
        return RequestExplanation(method: method, path: path.span, body: body.span, ground)
    }

    private static let chat =
        #"{"model":"gpt-4o","max_tokens":200,"stream":true,"messages":[{"role":"user","content":"Hi"}]}"#

    @Test("says whether the cache may answer, and if not why")
    func cacheVerdict() throws {
        var cache = CacheSettings()
        cache.mode = .enforce
        let sampled = try explain(Self.chat, cache: cache)
        #expect(sampled.lines.contains("cache      enforce: leaves it alone (sampled), the answer is sampled"))
        cache.when = .always
        let kept = try explain(Self.chat, cache: cache)
        #expect(kept.lines.contains("cache      enforce: a kept answer may be given, and the answer kept"))
    }

    @Test("says what the request is and what becomes of it")
    func plain() throws {
        let found = try explain(Self.chat)
        #expect(found.refusal == nil)
        let body = Array(Self.chat.utf8)
        let path = Array("/v1/chat/completions".utf8)
        let operation = Operation.find(.openai, method: .post, path: path.span)
        let tokens = try RequestFacts.read(operation, body.span).estimatedInputTokens(body.span)
        let held = UsageForecast().reservation(
            provider: "openai", model: "gpt-4o", estimatedInputTokens: tokens, outputLimit: 200)
        #expect(
            found.lines == [
                "tenant     checkout",
                "provider   openai, of the family openai",
                "operation  chat.completions, dialect openai-chat, class inspected",
                "metering   by the usage that the answer tells, else by what passes",
                "body       93 bytes",
                "model      \"gpt-4o\"",
                "stream     yes",
                "output     at most 200 tokens",
                "estimate   \(tokens) input tokens of 1 texts, 1 messages, 0 media",
                "reserved   \(held.inputTokens) input and \(held.outputTokens) output tokens, until the usage is known",
                "cost       unknown: the model has no price",
                "limit      none",
                "verdict    goes out",
            ])
    }

    @Test(
        "each guard and limit says what it would do",
        arguments: [
            ("max_output_tokens = 100", "max_output_tokens = 100: caps 200 output tokens at 100", nil),
            ("max_output_tokens = 5000", "max_output_tokens = 5000: passes", nil),
            (
                "max_output_tokens = 100\nmax_output_action = \"refuse\"", "max_output_tokens = 100: refuses",
                "asks for 200 output tokens"
            ),
            ("mode = \"observe\"\nmax_output_tokens = 100", "observes and would cap 200 output tokens", nil),
            ("models = [\"gpt-*\"]", "models = [\"gpt-*\"]: passes", nil),
            ("models = [\"claude-*\"]", "refuses", "\"gpt-4o\" is none of them"),
            ("mode = \"observe\"\nmodels = [\"claude-*\"]", "passes; it observes and would refuse", nil),
            ("max_body = \"64B\"", "max_body = 64 bytes: refuses", "larger than 64 bytes"),
            ("requests = [\"600/min\"]", "requests = 600/min burst 100 (line 2): takes 1, passes", nil),
            ("concurrent = 4", "concurrent = 4 (line 2): takes 1, passes", nil),
            ("tokens = [\"600/min\"]", "(line 2): refuses, it needs 2", "never has more than 100 at once"),
            ("tokens = [\"60k/min\"]", "(line 2): takes 2", nil),
            ("tokens = [{ rate = \"600/min\", mode = \"observe\" }]", "would refuse, it needs 2", nil),
            ("budget = [\"5 USD/day\"]", "refuses, the model has no price", "counts money"),
            ("unpriced = \"allow\"\nbudget = [\"5 USD/day\"]", "takes nothing, since the price is unknown", nil),
            (
                "[limits.model.\"claude-*\"]\nrequests = \"1/day\"", "for \"claude-*\" (line 3): is not for this model",
                nil
            ),
            (
                "[limits.model.\"gpt-*\"]\ninput_tokens = \"1/day\"", "for \"gpt-*\" (line 3): refuses",
                "never has more than 1 at once"
            ),
            ("tokens = [\"60k/min\"]", "stream     yes, and leo asks for its usage", nil),
        ])
    func policies(_ limits: String, _ line: String, _ refusal: String?) throws {
        let found = try explain(Self.chat, limits: limits)
        #expect(found.lines.contains { $0.contains(line) }, "\(found.lines)")
        #expect((found.refusal == nil) == (refusal == nil), "\(found.lines)")
        if let refusal { #expect(found.refusal?.contains(refusal) == true, "\(found.refusal ?? "")") }
    }

    @Test("what cannot be read is refused or let through as the file says")
    func uninspectable() throws {
        let limits = "tokens = [\"60k/min\"]"
        for (body, path) in [("{", "/v1/chat/completions"), ("", "/v1/images/edits"), ("{}", "/v1/brand/new")] {
            #expect(try explain(body, limits: limits, path: path).refusal != nil)
            #expect(try explain(body, limits: limits, path: path, passes: true).refusal == nil)
            #expect(try explain(body, path: path).refusal == nil)
        }
        #expect(try explain(Self.chat, limits: limits, bodyLimit: 50).refusal == nil)
        #expect(try explain(Self.chat, limits: "models = [\"gpt-*\"]", bodyLimit: 50).refusal != nil)
    }

    @Test("work that nobody meters, and what is no work")
    func operations() throws {
        let limits = "tokens = [\"60k/min\"]"
        let batch = try explain("{}", limits: limits, path: "/v1/batches")
        #expect(batch.refusal?.contains("does not see") == true)
        #expect(try explain("{}", limits: limits + "\nunmetered = \"allow\"", path: "/v1/batches").refusal == nil)
        let listing = try explain("", limits: limits, path: "/v1/models", method: .get)
        #expect(listing.refusal == nil && listing.lines.contains("metering   by request: no model works for it"))
        let count = try explain(
            #"{"model":"claude-x","messages":[]}"#, limits: limits, provider: "anthropic",
            path: "/v1/messages/count_tokens")
        #expect(count.lines.contains { $0.contains("takes 0, passes") })
    }

    @Test("nothing of the body but names of models is in the explanation")
    func noPayload() throws {
        let body = #"{"model":"m","messages":[{"role":"user","content":"the secret"}],"max_tokens":"the secret"}"#
        let found = try explain(body, limits: "tokens = [\"60k/min\"]")
        #expect(!found.lines.joined().contains("secret"))
        #expect(found.refusal?.contains("max_tokens") == true)
    }

    private func listing(_ text: String) -> [String] {
        let (config, mistakes) = Config.read(text: text, file: "f", baseDirectory: "/b")
        #expect(mistakes == [])
        let tenants = config?.tenants.isImplicit == false ? config?.tenants.names ?? [] : []
        return EffectiveListing(text, tenants: tenants, cache: config?.cache ?? Config.Cache()).lines
    }

    @Test("every value in force is listed with its line, and the listing is a file that means the same")
    func effective() throws {
        let text = """
            [listen]
            workers = 3
            [intercept]
            splice = ["api.cohere.com"]
            [[provider]]
            name = "mine"
            hosts = ["llm.example.com"]
            api = "openai"
            [upstream.resolve]
            "api.openai.com:443" = "127.0.0.1:9443"
            """
        let lines = listing(text)
        #expect(lines.contains("workers = 3                                 # line 2"))
        #expect(lines.contains("connections_max = 16384                     # default"))
        #expect(lines.contains("splice = [\"api.cohere.com\"]                 # line 4"))
        #expect(lines.contains("[[provider]]") && lines.contains("[upstream.resolve]"))
        let again = Config.read(text: lines.joined(separator: "\n"), file: "f", baseDirectory: "/b")
        #expect(again.0 == Config.read(text: text, file: "f", baseDirectory: "/b").0, "\(again.1)")
    }

    @Test("a tenant's values are its own, what it inherits, and what is added")
    func inheritance() throws {
        let text = """
            [defaults.limits]
            requests = ["100/s"]
            requests_add = ["9/s"]
            tokens = "5k/min"
            tokens_add = ["1M/day"]
            models = ["gpt-*"]
            [defaults.limits.model."gpt-4.1"]
            budget = "1 USD/day"
            [tenants.checkout]
            match = [{ proxy_user = "checkout", password_hash = "scrypt$ln=15,r=8,p=1$Q5XoW0N3bhJ2hP0Zr0sR1w$GT8HvCBdmV6PGZd6nP0YJwJqzCHiQAU3nQf1tGQnhf4" }]
            [tenants.checkout.limits]
            requests = ["600/min"]
            tokens_add = ["2M/day"]
            input_tokens = { rate = "9k/min", mode = "observe" }
            on_exhausted = "error"
            [tenants.default]
            """
        let lines = listing(text)
        func place(_ start: String) -> Int? { lines.firstIndex { $0.hasPrefix(start) } }
        let start = try #require(place("[tenants.checkout.limits]"))
        let end = try #require(place("[tenants.checkout.limits.model.\"gpt-4.1\"]"))
        let limits = lines[start..<end]
        #expect(limits.contains { $0.hasPrefix("requests = [\"600/min\"]") && $0.hasSuffix("# line 12") })
        #expect(!limits.contains { $0.hasPrefix("requests_add") })
        #expect(limits.contains { $0.hasPrefix("tokens = ") && $0.hasSuffix("# line 4, from [defaults.limits]") })
        #expect(limits.contains { $0.hasPrefix("tokens_add = [\"2M/day\"]") })
        #expect(limits.contains("# and tokens_add = [\"1M/day\"], line 5, from [defaults.limits]"))
        #expect(limits.contains { $0.hasPrefix("models = ") && $0.hasSuffix("# line 6, from [defaults.limits]") })
        #expect(limits.contains { $0.hasPrefix("on_exhausted = \"error\"") && $0.hasSuffix("# line 15") })
        #expect(limits.contains { $0.hasPrefix("input_tokens = { rate = \"9k/min\", mode = \"observe\" }") })
        #expect(limits.contains { $0.hasPrefix("unmetered = \"refuse\"") && $0.hasSuffix("# default") })
        #expect(lines[end + 1].hasSuffix("# line 8, from [defaults.limits.model.\"gpt-4.1\"]"))
        #expect(!lines.joined().contains("GT8HvCBdmV6"))
        #expect(place("[tenants.default.limits]") != nil)
    }

    @Test("a table of cache settings is listed whole, and none where there is none")
    func cache() {
        let lines = listing("[defaults.cache]\nttl = \"5m\"\n[cache]\nmemory = \"2MB\"\n")
        #expect(lines.contains { $0.hasPrefix("mode = \"observe\"") && $0.hasSuffix("# default") })
        #expect(lines.contains { $0.hasPrefix("ttl = \"5m\"") && $0.hasSuffix("# line 2") })
        #expect(lines.contains { $0.hasPrefix("scope = \"key\"") && $0.hasSuffix("# default") })
        #expect(lines.contains { $0.hasPrefix("entry_max = \"128KB\"") && $0.hasSuffix("# default") })
        #expect(!listing("[cache]\nmemory = \"2MB\"\n").contains("[defaults.cache]"))
        let again = Config.read(text: lines.joined(separator: "\n"), file: "f", baseDirectory: "/b")
        #expect(again.0?.tenants.policies.first?.cache.timeToLive == .seconds(300), "\(again.1)")
    }

    @Test("the defaults that are listed are those of config/leo.toml")
    func defaults() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let file = unsafe try #require(unsafe fopen("\(root)/config/leo.toml", "r"))
        defer { _ = unsafe fclose(file) }
        var bytes = [UInt8](repeating: 0, count: 1 << 20)
        let count = unsafe bytes.withUnsafeMutableBytes { unsafe fread($0.baseAddress, 1, $0.count, file) }
        let written = WrittenSettings(String(decoding: bytes[..<count], as: UTF8.self))
        for table in written.tables where !table.entries.isEmpty {
            let section =
                switch table.path {
                case ["defaults", "limits"]: EffectiveListing.limitDefaults
                case ["defaults", "cache"]: [("mode", "\"off\"")] + EffectiveListing.cacheDefaults
                default: try #require(EffectiveListing.defaults.first { $0.path == table.path }, "\(table.path)").values
                }
            for entry in table.entries {
                let value = section.first { $0.key == entry.key }
                #expect(value?.text == entry.text, "\(table.path) \(entry.key)")
            }
        }
    }

    @Test("the command tells its verdict by its exit code, and what it misses by a sentence")
    func command() throws {
        let folder = "/tmp/leo-explain-\(getpid())"
        _ = unsafe mkdir(folder, 0o700)
        func write(_ name: String, _ text: String) throws -> String {
            let file = unsafe try #require(unsafe fopen("\(folder)/\(name)", "w"))
            unsafe fputs(text, file)
            unsafe fclose(file)
            return "\(folder)/\(name)"
        }
        let body = try write("body", Self.chat)
        let config = try write("leo.toml", "[defaults.limits]\nmodels = [\"claude-*\"]\n")
        defer {
            _ = unsafe unlink(body)
            _ = unsafe unlink(config)
            _ = unsafe rmdir(folder)
        }
        func run(_ request: ExplainCommand.Request, _ file: String? = nil) -> CommandReport {
            ExplainCommand.explain(request, file: file)
        }
        #expect(run(.init(body: body)).exitCode == 0)
        let refused = run(.init(body: body), config)
        #expect(refused.exitCode == 1 && refused.output.contains("verdict    refused: \"gpt-4o\" is none of them\n"))
        #expect(run(.init(body: "\(folder)/none")).exitCode == 2)
        #expect(run(.init(body: body, tenant: "x")).complaints == ["leo: there is no tenant \"x\"; there are default"])
        #expect(run(.init(body: body, provider: "opnai")).complaints[0].contains("there is no intercepted provider"))
        #expect(run(.init(body: body, provider: "gemini")).complaints[0].contains("give it, --operation PATH"))
        #expect(run(.init(body: body, operation: "POST v1")).exitCode == 2)
        #expect(run(.init(body: body, operation: "GET /v1/models")).output.contains("class no_text"))
        let listing = ExplainCommand.effective(file: config)
        #expect(listing.exitCode == 0 && listing.output.contains("[defaults.limits]"))
        #expect(ExplainCommand.effective(file: nil).output.hasPrefix("# the embedded defaults"))
    }
}
