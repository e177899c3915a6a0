import Policy
import Testing
import Wire

@testable import Proxy

@Suite("What is told of tenants")
struct TenantReportTests {
    /// 08:00 UTC.
    private static let start = LimitTime(monotonic: 1_000_000_000_000, unixSeconds: 1_800_000_000)

    private static let file = """
        [defaults.limits]
        requests = ["600/min burst 100", { rate = "500/min", burst = 50, mode = "observe" }]
        tokens = "5000/day burst 5000"
        budget = "1 USD/day"
        concurrent = 4
        models = ["gpt-*", "o9"]
        max_output_tokens = 700
        max_body = "10KB"
        [defaults.limits.model."gpt-*"]
        requests = "24/day burst 9"
        """

    private func policy(_ text: String, after previous: PolicySnapshot? = nil) throws -> PolicySnapshot {
        let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/")
        #expect(mistakes.isEmpty)
        return PolicySnapshot(try #require(config), after: previous)
    }

    private func json(_ policy: PolicySnapshot, at time: LimitTime = start) throws -> JSONText {
        var out = ByteQueue()
        TenantReport(policy, at: time).append(to: &out)
        return try JSONText.parse(text(of: out))
    }

    private func page(_ policy: PolicySnapshot, at time: LimitTime = start) throws -> ScrapedPage {
        try ScrapedPage(Metrics(providers: []), measures: TenantReport(policy, at: time).measures)
    }

    private func reserve(_ policy: PolicySnapshot, _ request: LimitRequest) throws -> Reservation {
        switch try #require(policy.limitBooks[0]).admit(request, at: Self.start) {
        case .admitted(let reservation, _): return reservation
        case .refused(let refusal): throw Refused(refusal: refusal)
        }
    }

    private struct Refused: Error {
        let refusal: LimitRefusal
    }

    /// A policy of which one exchange has used 1000 and 400 tokens for 0.009 dollars, where 600 and 0.01 were held.
    private func used() throws -> PolicySnapshot {
        let policy = try policy(Self.file)
        let book = try #require(policy.limitBooks[0])
        let early = try reserve(policy, LimitRequest(phase: .early))
        let full = try reserve(
            policy,
            LimitRequest(
                phase: .full, model: "gpt-5", inputTokens: 100, outputTokens: 500,
                money: Money(picodollars: 10_000_000_000)))
        let cost = Money(picodollars: 9_000_000_000)
        book.settle(early, LimitCharge(), at: Self.start)
        book.settle(full, LimitCharge(inputTokens: 1000, outputTokens: 400, money: cost), at: Self.start)
        var usage = Usage()
        usage.inputTokens = 1000
        usage.cachedTokens = 300
        usage.outputTokens = 400
        var account = ExchangeAccount()
        account.usage = usage
        account.cost = cost
        policy.totals[0].add(account, isRefused: false)
        account.cost = nil
        policy.totals[0].add(account, isRefused: true)
        return policy
    }

    @Test("is every limit with what is used, left, charged and corrected, the guards and the sums")
    func whole() throws {
        var out = ByteQueue()
        TenantReport(try used(), at: Self.start).append(to: &out)
        let expected = [
            #"{"policy_revision":1,"tenants":[{"name":"default","exchanges":2,"refusals":1,"#,
            #""tokens":{"input":2000,"cached":600,"output":800},"cost":0.009,"unpriced":1,"#,
            #""cache":{"mode":"off","hits":0,"saved_tokens":0,"saved_cost":0.00},"#,
            #""guards":{"mode":"enforce","models":["gpt-*","o9"],"max_output_tokens":700,"max_output_action":"cap","#,
            #""max_body":10240,"on_exhausted":"let_finish","unmetered":"refuse","unpriced":"refuse"},"limits":["#,
            #"{"name":"requests/min","kind":"requests","window":"min","mode":"enforce","limit":600,"burst":100,"#,
            #""used":1,"remaining":99,"reset":1,"charged":1,"corrected":0},"#,
            #"{"name":"requests/min","kind":"requests","window":"min","mode":"observe","limit":500,"burst":50,"#,
            #""used":1,"remaining":49,"reset":1,"charged":1,"corrected":0},"#,
            #"{"name":"tokens/day","kind":"tokens","window":"day","mode":"enforce","limit":5000,"burst":5000,"#,
            #""used":1400,"remaining":3600,"reset":24192,"charged":1400,"corrected":800},"#,
            #"{"name":"budget/day","kind":"budget","window":"day","mode":"enforce","limit":1.00,"#,
            #""used":0.009,"remaining":0.991,"reset":57600,"charged":0.009,"corrected":-0.001},"#,
            #"{"name":"concurrent","kind":"concurrent","mode":"enforce","limit":4,"#,
            #""used":0,"remaining":4,"charged":1,"corrected":0},"#,
            #"{"name":"requests/day gpt-*","kind":"requests","window":"day","model":"gpt-*","mode":"enforce","#,
            #""limit":24,"burst":9,"used":1,"remaining":8,"reset":3600,"charged":1,"corrected":0}]}]}"#, "\n",
        ]
        #expect(text(of: out) == expected.joined())
    }

    @Test("counts what is held while an exchange runs, and what runs")
    func held() throws {
        let policy = try policy("[defaults.limits]\nconcurrent = 4\ntokens = \"5000/day burst 5000\"")
        let early = try reserve(policy, LimitRequest(phase: .early))
        let full = try reserve(policy, LimitRequest(phase: .full, inputTokens: 20, outputTokens: 30))
        let page = try page(policy)
        #expect(page.samples[#"leo_tenant_limit_remaining{tenant="default",limit="concurrent"}"#] == 3)
        #expect(page.samples[#"leo_tenant_limit_remaining{tenant="default",limit="tokens/day"}"#] == 4950)
        let book = try #require(policy.limitBooks[0])
        book.cancel(early, at: Self.start)
        book.cancel(full, at: Self.start)
        let after = try self.page(policy)
        #expect(after.samples[#"leo_tenant_limit_remaining{tenant="default",limit="concurrent"}"#] == 4)
        #expect(after.samples[#"leo_tenant_limit_remaining{tenant="default",limit="tokens/day"}"#] == 5000)
    }

    @Test("tells what the cache has saved, by what it answered and nothing else")
    func saved() throws {
        let policy = try policy("[defaults.limits]\nconcurrent = 4\n[defaults.cache]\nmode = \"enforce\"")
        var account = ExchangeAccount()
        var usage = Usage()
        usage.inputTokens = 10
        usage.outputTokens = 5
        account.savedUsage = usage
        account.savedCost = Money(picodollars: 2_000_000_000)
        for result in CacheResult.allCases {
            account.cache = result
            policy.totals[0].add(account, isRefused: false)
        }
        account.cache = .hit
        account.savedUsage = nil
        account.savedCost = nil
        policy.totals[0].add(account, isRefused: false)
        guard case .array(let tenants) = try #require(json(policy)["tenants"]) else { return #expect(Bool(false)) }
        let told = try #require(tenants[0]["cache"])
        #expect(told["mode"] == .string("enforce") && told["hits"] == .word("4"))
        #expect(told["saved_tokens"] == .word("45") && told["saved_cost"] == .word("0.006"))
    }

    @Test("says so of a tenant for which nothing is set")
    func empty() throws {
        var out = ByteQueue()
        TenantReport(PolicySnapshot(Config(baseDirectory: "/")), at: Self.start).append(to: &out)
        let expected =
            #"{"policy_revision":1,"tenants":[{"name":"default","exchanges":0,"refusals":0,"tokens":{"input":0,"#
            + #""cached":0,"output":0},"cost":0.00,"unpriced":0,"cache":{"mode":"off","hits":0,"saved_tokens":0,"saved_cost":0.00},"#
            + #""guards":{"mode":"enforce"},"limits":[]}]}"# + "\n"
        #expect(text(of: out) == expected)
    }

    @Test("is exposed as metrics, limits of the same name numbered in the order of the file")
    func metrics() throws {
        let samples = try page(used()).samples.filter { $0.key.hasPrefix("leo_tenant_") }
        var expected: [String: Double] = [
            #"leo_tenant_exchanges_total{tenant="default"}"#: 2,
            #"leo_tenant_refusals_total{tenant="default"}"#: 1,
            #"leo_tenant_tokens_total{tenant="default",kind="input"}"#: 2000,
            #"leo_tenant_tokens_total{tenant="default",kind="cached"}"#: 600,
            #"leo_tenant_tokens_total{tenant="default",kind="output"}"#: 800,
            #"leo_tenant_cost_usd_total{tenant="default"}"#: 0.009,
            #"leo_tenant_unpriced_total{tenant="default"}"#: 1,
            #"leo_tenant_cache_hits_total{tenant="default"}"#: 0,
            #"leo_tenant_saved_tokens_total{tenant="default"}"#: 0,
            #"leo_tenant_saved_cost_usd_total{tenant="default"}"#: 0,
        ]
        let limits: [(label: String, limit: Double, capacity: Double, remaining: Double, corrected: Double)] = [
            ("requests/min", 600, 100, 99, 0), ("requests/min #2", 500, 50, 49, 0),
            ("tokens/day", 5000, 5000, 3600, 800), ("budget/day", 1, 1, 0.991, -0.001), ("concurrent", 4, 4, 4, 0),
            ("requests/day gpt-*", 24, 9, 8, 0),
        ]
        for (label, limit, capacity, remaining, corrected) in limits {
            let labels = #"{tenant="default",limit="\#(label)"}"#
            expected["leo_tenant_limit" + labels] = limit
            expected["leo_tenant_limit_capacity" + labels] = capacity
            expected["leo_tenant_limit_remaining" + labels] = remaining
            expected["leo_tenant_limit_corrected" + labels] = corrected
        }
        #expect(samples == expected)
    }

    @Test("counts those beyond the first 200 together, and a tenant that has their name with them")
    func bounded() throws {
        func table(_ count: Int) -> TenantTable {
            var names = (0..<count).map { "tenant-\($0)" }
            names[3] = TenantReport.otherName
            return TenantTable(
                hasDefault: true,
                policies: names.map { name in
                    var policy = TenantPolicy(name: name)
                    policy.limits.rules = [.rate(.requests, 5, per: .day)]
                    return policy
                })
        }
        func page(_ tenants: TenantTable) throws -> ScrapedPage {
            var config = Config(baseDirectory: "/")
            config.tenants = tenants
            let policy = PolicySnapshot(config)
            var usage = Usage()
            usage.inputTokens = 7
            var account = ExchangeAccount()
            account.usage = usage
            account.cost = Money(picodollars: 500_000_000_000)
            account.cache = .coalesced
            account.savedUsage = usage
            account.savedCost = Money(picodollars: 250_000_000_000)
            for totals in policy.totals { totals.add(account, isRefused: true) }
            return try self.page(policy)
        }
        // With the default tenant that is one too many.
        let many = try page(table(200)).samples
        #expect(many.keys.filter { $0.hasPrefix("leo_tenant_exchanges_total") }.count == 201)
        #expect(many[#"leo_tenant_exchanges_total{tenant="other"}"#] == 1)
        #expect(many[#"leo_tenant_exchanges_total{tenant="default"}"#] == 1)
        #expect(many[#"leo_tenant_limit{tenant="other",limit="requests/day"}"#] == nil)
        let more = try page(table(300)).samples
        #expect(more.keys.filter { $0.hasPrefix("leo_tenant_exchanges_total") }.count == 201)
        #expect(more.keys.filter { $0.hasPrefix("leo_tenant_limit{") }.count == 200)
        #expect(more[#"leo_tenant_exchanges_total{tenant="other"}"#] == 101)
        #expect(more[#"leo_tenant_refusals_total{tenant="other"}"#] == 101)
        #expect(more[#"leo_tenant_tokens_total{tenant="other",kind="input"}"#] == 707)
        #expect(more[#"leo_tenant_cost_usd_total{tenant="other"}"#] == 50.5)
        #expect(more[#"leo_tenant_cache_hits_total{tenant="other"}"#] == 101)
        #expect(more[#"leo_tenant_saved_tokens_total{tenant="other"}"#] == 707)
        #expect(more[#"leo_tenant_saved_cost_usd_total{tenant="other"}"#] == 25.25)
        // As many as there may be: each has its own.
        let few = try page(table(199)).samples
        #expect(few.keys.filter { $0.hasPrefix("leo_tenant_exchanges_total") }.count == 200)
        #expect(few[#"leo_tenant_limit{tenant="other",limit="requests/day"}"#] == 5)
    }

    @Test("goes on over a reload")
    func reload() throws {
        let first = try used()
        let second = try policy(Self.file.replacing("600/min burst 100", with: "900/min burst 90"), after: first)
        second.takeEffect()
        let told = try json(second)
        #expect(told["policy_revision"] == .word("2"))
        guard case .array(let tenants) = try #require(told["tenants"]) else { return #expect(Bool(false)) }
        #expect(tenants.count == 1 && tenants[0]["exchanges"] == .word("2"))
        guard case .array(let limits) = try #require(tenants[0]["limits"]) else { return #expect(Bool(false)) }
        #expect(limits[0]["limit"] == .word("900") && limits[0]["used"] == .word("1"))
        #expect(limits[2]["used"] == .word("1400"))
    }

    @Test("tells debts of any size")
    func debt() throws {
        let policy = try policy("[defaults.limits]\ntokens = \"1/day burst 1\"")
        let full = try reserve(policy, LimitRequest(phase: .full, outputTokens: 1))
        let charge = LimitCharge(inputTokens: 1_000_000_000, outputTokens: 1_000_000_000)
        try #require(policy.limitBooks[0]).settle(full, charge, at: Self.start)
        guard case .array(let tenants) = try #require(json(policy)["tenants"]),
            case .array(let limits) = try #require(tenants[0]["limits"])
        else { return #expect(Bool(false)) }
        #expect(limits[0]["used"] == .word("2000000000") && limits[0]["remaining"] == .word("0"))
        #expect(limits[0]["reset"] == .word("9223372037"))
    }

    @Test("is explained, member by member")
    func document() throws {
        guard case .array(let tenants) = try #require(json(used())["tenants"]),
            case .array(let limits) = try #require(tenants[0]["limits"])
        else { return #expect(Bool(false)) }
        let explained = try #require(Document("docs/admin.md").sections["/v1/tenants"])
        #expect(Set(explained) == Set((tenants[0].members + limits.flatMap(\.members)).map(\.name)))
        let text = try Document("docs/metrics.md").text
        #expect(text.contains("The first \(TenantReport.namedTenantCountMax) tenants of the file"))
        #expect(text.contains("together under `\(TenantReport.otherName)`"))
    }
}
