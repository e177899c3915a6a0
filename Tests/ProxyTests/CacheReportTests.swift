import Cache
import Policy
import Testing
import Wire

@testable import Proxy

@Suite("What is told of the cache")
struct CacheReportTests {
    private func policy(_ text: String) throws -> PolicySnapshot {
        let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/")
        #expect(mistakes.isEmpty)
        return PolicySnapshot(try #require(config))
    }

    private var statistics: MemoryCache.Statistics {
        var statistics = MemoryCache.Statistics()
        statistics.entries = 3
        statistics.bytes = 4096
        statistics.byteCountMax = 64 << 20
        statistics.insertions = 9
        statistics.notAdmitted = 2
        statistics.evictions = 5
        statistics.expirations = 1
        statistics.damaged = 4
        for (name, count) in [("b", 2), ("gone", 1)] {
            var holding = MemoryCache.Holding()
            holding.entries = count
            holding.bytes = 2048
            statistics.tenants[name] = holding
        }
        return statistics
    }

    private func report() throws -> CacheReport {
        let policy = try policy(
            """
            [tenants.a]
            match = [{ listener = "reverse" }]
            [tenants.a.cache]
            mode = "enforce"
            [tenants.b]
            match = [{ listener = "proxy" }]
            [tenants.c]
            match = [{ listener = "transparent" }]
            """)
        var account = ExchangeAccount()
        account.cache = .hit
        var usage = Usage()
        usage.inputTokens = 7
        account.savedUsage = usage
        account.savedCost = Money(picodollars: 2_000_000_000)
        policy.totals[0].add(account, isRefused: false)
        return CacheReport(statistics, [.hit: 6, .bypass: 1], policy)
    }

    @Test("is the memory, what came of requests, and each tenant that has a cache or something in it")
    func whole() throws {
        var out = ByteQueue()
        try report().append(to: &out)
        let expected = [
            #"{"entries":3,"bytes":4096,"bytes_max":67108864,"entry_bytes_max":1048576,"#,
            #""requests":{"hit":6,"miss":0,"coalesced":0,"stale":0,"bypass":1},"#,
            #""insertions":9,"not_admitted":2,"evictions":5,"expirations":1,"damaged":4,"tenants":["#,
            #"{"name":"a","mode":"enforce","entries":0,"bytes":0,"hits":1,"saved_tokens":7,"saved_cost":0.002},"#,
            #"{"name":"b","mode":"off","entries":2,"bytes":2048,"hits":0,"saved_tokens":0,"saved_cost":0.00},"#,
            #"{"name":"gone","entries":1,"bytes":2048,"hits":0,"saved_tokens":0,"saved_cost":0.00}]}"#, "\n",
        ]
        #expect(text(of: out) == expected.joined())
    }

    @Test("is told to people in lines")
    func lines() throws {
        #expect(
            try report().lines == [
                "memory     4 KB of 64 MB, the largest answer may have 1 MB", "answers    3",
                "requests   6 hit, 0 miss, 0 coalesced, 0 stale, 1 bypass",
                "so far     9 kept, 2 not admitted, 5 pushed out, 1 expired, 4 damaged",
                "tenant     a (enforce): 0 answers, 0 B, 1 served, 7 tokens and 0.002 USD saved",
                "tenant     b (off): 2 answers, 2 KB, 0 served, 0 tokens and 0.00 USD saved",
                "tenant     gone (not in the file): 1 answers, 2 KB",
            ])
        let none = CacheReport(MemoryCache.Statistics(), [:], try policy("[cache]\nmemory = \"0B\""))
        #expect(none.lines[0] == "memory     none: cache.memory is 0B" && none.rows.isEmpty)
    }

    @Test(
        "has sizes as people read them",
        arguments: [
            (0, "0 B"), (1023, "1023 B"), (1024, "1 KB"), (1536, "1.5 KB"), (1_048_575, "1 MB"),
            (12_902_400, "12.3 MB"),
            (1 << 40, "1 TB"), (Int.max, "65536 TB"), (-1, "0 B"),
        ])
    func sizes(count: Int, text: String) { #expect(CacheReport.size(count) == text) }

    @Test("is explained, member by member")
    func document() throws {
        var out = ByteQueue()
        try report().append(to: &out)
        let told = try JSONText.parse(text(of: out))
        guard case .array(let tenants) = try #require(told["tenants"]) else { return #expect(Bool(false)) }
        let explained = try #require(Document("docs/admin.md").sections["/v1/cache"])
        #expect(explained == told.members.map(\.name) + tenants[0].members.map(\.name))
    }
}

@Suite("A query to the admin listener")
struct AdminQueryTests {
    private func read(_ target: String) throws -> [String: String] {
        try AdminQuery.read(target.utf8.span, names: ["tenant", "model"])
    }

    @Test(
        "has the values that are asked for, decoded",
        arguments: [
            ("/v1", [:]), ("/v1?tenant=a", ["tenant": "a"]),
            ("/v1?tenant=a&model=gpt-4o", ["tenant": "a", "model": "gpt-4o"]),
            ("/v1?model=arn%3Aaws%3a1%2fx%20y", ["model": "arn:aws:1/x y"]), ("/v1?model=a+b", ["model": "a+b"]),
            ("/v1?model=a=b", ["model": "a=b"]), ("/v1?model=%C3%A9", ["model": "é"]),
        ] as [(String, [String: String])])
    func values(target: String, expected: [String: String]) throws { #expect(try read(target) == expected) }

    @Test(
        "is refused rather than understood in part",
        arguments: [
            ("/v1?", "unknown parameter"), ("/v1?tennant=a", "unknown parameter tennant; there are tenant, model"),
            ("/v1?tenant=a&", "unknown parameter"), ("/v1?tenant", "tenant has no value"),
            ("/v1?tenant=", "tenant has no value"), ("/v1?tenant=a&tenant=b", "tenant is there twice"),
            ("/v1?model=%4", "model has no value"), ("/v1?model=%zz", "model has no value"),
            ("/v1?model=%C3", "model has no value"), ("/v1?model=" + String(repeating: "a", count: 513), "no value"),
        ])
    func flaws(target: String, said: String) {
        do {
            let found = try read(target)
            Issue.record("\(found)")
        } catch {
            #expect("\(error)".contains(said))
        }
    }

    @Test("brings every value over whole", arguments: ["a", "a b&c=d%2F?#", "arn:aws:bedrock:é\u{1F600}", "+", "%"])
    func encoding(value: String) throws {
        #expect(try read("/v1?model=\(AdminQuery.encoded(value))") == ["model": value])
    }
}
