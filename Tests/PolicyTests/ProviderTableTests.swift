import Testing
import Wire

@testable import Policy

@Suite("The built-in provider table")
struct BuiltInProviderTests {
    let table = ProviderTable.builtIn

    @Test(
        "finds a provider by host and port",
        arguments: [
            ("api.openai.com", 443, "openai"), ("API.OpenAI.COM", 443, "openai"), ("api.openai.com.", 443, "openai"),
            ("us.api.openai.com", 443, "openai"), ("eu.api.openai.com", 443, "openai"),
            ("contoso.openai.azure.com", 443, "azure-openai"), ("contoso.services.ai.azure.com", 443, "azure-openai"),
            ("contoso.cognitiveservices.azure.com", 443, "azure-openai"),
            ("phi.eastus2.models.ai.azure.com", 443, "azure-openai"), ("api.anthropic.com", 443, "anthropic"),
            ("generativelanguage.googleapis.com", 443, "gemini"), ("aiplatform.googleapis.com", 443, "vertex"),
            ("us-central1-aiplatform.googleapis.com", 443, "vertex"),
            ("aiplatform.eu.rep.googleapis.com", 443, "vertex"),
            ("bedrock-runtime.us-east-1.amazonaws.com", 443, "bedrock"),
            ("bedrock-runtime-fips.us-gov-west-1.amazonaws.com", 443, "bedrock"),
            ("bedrock-mantle.us-east-1.api.aws", 443, "bedrock-mantle"), ("api.mistral.ai", 443, "mistral"),
            ("api.cohere.com", 443, "cohere"), ("api.cohere.ai", 443, "cohere"), ("api.groq.com", 443, "groq"),
            ("api.x.ai", 443, "xai"), ("us-east-1.api.x.ai", 443, "xai"), ("api.deepseek.com", 443, "deepseek"),
            ("api.together.xyz", 443, "together"), ("api.fireworks.ai", 443, "fireworks"),
            ("openrouter.ai", 443, "openrouter"), ("api.perplexity.ai", 443, "perplexity"),
            ("router.huggingface.co", 443, "huggingface"), ("models.github.ai", 443, "github-models"),
            ("models.inference.ai.azure.com", 443, "github-models"), ("integrate.api.nvidia.com", 443, "nvidia"),
            ("api.cerebras.ai", 443, "cerebras"), ("api.sambanova.ai", 443, "sambanova"),
            ("localhost", 11434, "ollama"), ("127.0.0.1", 8000, "vllm"), ("0:0:0:0:0:0:0:1", 8000, "vllm"),
        ] as [(String, UInt16, String)])
    func known(host: String, port: UInt16, name: String) {
        #expect(table.provider(host: host, port: port)?.name == name)
    }

    @Test(
        "leaves every other host alone",
        arguments: [
            ("openai.com", 443), ("chat.openai.com", 443), ("api.openai.com", 80), ("api.openai.com", 8443),
            ("api.openai.com.evil.example", 443), ("evilapi.openai.com", 443), ("xapi.openai.com", 443),
            ("openai.azure.com", 443), (".openai.azure.com", 443), ("googleapis.com", 443),
            ("storage.googleapis.com", 443), ("-aiplatform.googleapis.com", 443),
            ("a.b-aiplatform.googleapis.com", 443), ("s3.us-east-1.amazonaws.com", 443),
            ("bedrock-runtime..amazonaws.com", 443), ("bedrock-runtime.a.b.amazonaws.com", 443),
            ("bedrock.us-east-1.amazonaws.com", 443), ("huggingface.co", 443), ("localhost", 443), ("localhost", 80),
            ("", 443), (".", 443), ("..", 443),
        ] as [(String, UInt16)])
    func unknown(host: String, port: UInt16) {
        #expect(table.provider(host: host, port: port) == nil)
    }

    @Test("has no pattern that failed to parse, no name twice and no host in two rows")
    func wellFormed() {
        #expect(table.rows.count == 23)
        #expect(table.rows.reduce(0) { $0 + $1.hosts.count } == 45)
        #expect(table.names.count == table.rows.count)
        let hosts = table.rows.flatMap(\.hosts)
        #expect(Set(hosts).count == hosts.count)
        #expect(table.rows.enumerated().allSatisfy { $0.offset == $0.element.index })
        for row in table.rows {
            for pattern in row.hosts {
                #expect(table.provider(host: pattern.sampleHost, port: pattern.port ?? 0)?.name == row.name)
            }
        }
    }

    @Test("has a constraint for every exact host, so that leo's CA may sign for it")
    func covered() {
        for pattern in table.rows.filter({ !$0.plain }).flatMap(\.hosts) {
            if case .exact(let host) = pattern.form { #expect(table.isCovered(host: host), "\(host)") }
            if case .subdomains = pattern.form { #expect(table.isCovered(host: pattern.sampleHost)) }
        }
        #expect(table.isCovered(host: "europe-west4-aiplatform.googleapis.com"))
        #expect(table.isCovered(host: "Bedrock-Runtime.eu-central-1.amazonaws.com."))
    }

    @Test(
        "does not let leo's CA sign for unrelated services",
        arguments: [
            "googleapis.com", "storage.googleapis.com", "gmail.googleapis.com", "amazonaws.com",
            "s3.us-east-1.amazonaws.com", "us-east-1.amazonaws.com", "sts.amazonaws.com", "azure.com",
            "management.azure.com", "vault.azure.com", "github.com", "github.ai", "nvidia.com", "huggingface.co",
            "api.aws", "evilopenai.com", "openai.com.evil.example", "localhost", "127.0.0.1", "", "com",
            "bedrock-runtime.xx-new-1.amazonaws.com", "mars-north1-aiplatform.googleapis.com",
        ])
    func notCovered(host: String) {
        #expect(!table.isCovered(host: host))
    }

    @Test("keeps connections to vLLM for less than the 5 s after which uvicorn closes them")
    func uvicorn() throws {
        let vllm = try #require(table.provider(host: "localhost", port: 8000))
        #expect(vllm.plain && vllm.constraintSuffixes.isEmpty)
        #expect(try #require(vllm.poolIdleTimeout) < .seconds(5))
    }

    @Test("has no constraint twice and none inside another")
    func reduced() {
        let suffixes = table.constraintSuffixes
        #expect(suffixes == suffixes.sorted() && Set(suffixes).count == suffixes.count)
        for suffix in suffixes {
            #expect(!NameConstraints.cover(Set(suffixes.filter { $0 != suffix }), host: suffix))
            #expect(HostName.isValid(suffix) && suffix == suffix.lowercased())
        }
    }
}

@Suite("A provider table")
struct ProviderTableTests {
    private func row(_ name: String, _ hosts: [String], plain: Bool = false) throws -> Provider {
        let patterns = try hosts.map { host in try HostPattern.parse(host, defaultPort: 443) }
        return Provider(name: name, api: .openai, hosts: patterns, plain: plain)
    }

    @Test("prefers exact hosts to patterns, narrow patterns to wide ones, and later rows to earlier ones")
    func precedence() throws {
        let table = ProviderTable([
            try row("wide", ["*.example.com"]), try row("narrow", ["*.eu.example.com"]),
            try row("exact", ["a.eu.example.com"]), try row("late", ["b.example.com"]),
            try row("later", ["b.example.com"]),
        ])
        #expect(table.provider(host: "x.example.com", port: 443)?.name == "wide")
        #expect(table.provider(host: "x.y.example.com", port: 443)?.name == "wide")
        #expect(table.provider(host: "x.eu.example.com", port: 443)?.name == "narrow")
        #expect(table.provider(host: "a.eu.example.com", port: 443)?.name == "exact")
        #expect(table.provider(host: "b.example.com", port: 443)?.name == "later")
        #expect(table.provider(host: "example.com", port: 443) == nil)
    }

    @Test("of some names has those rows, numbered anew, and their constraints only")
    func selecting() {
        let table = ProviderTable.builtIn.selecting(["anthropic", "vllm"])
        #expect(table.names == ["anthropic", "vllm"])
        #expect(table.rows.map(\.index) == [0, 1])
        #expect(table[1].name == "vllm")
        #expect(table.constraintSuffixes == ["anthropic.com"])
        #expect(table.provider(host: "api.openai.com", port: 443) == nil)
    }

    @Test("reduces subtrees to those that lie in no other")
    func reduced() {
        let subtrees = ["b.example", "a.b.example", "x.a.b.example", "ab.example", "c.example", "c.example", "d.b"]
        #expect(NameConstraints.reduced(subtrees) == ["ab.example", "b.example", "c.example", "d.b"])
        #expect(NameConstraints.reduced([]) == [])
    }

    @Test("asks for the narrowest subtrees that hold a row's hosts")
    func subtrees() throws {
        let row = try row("x", ["llm.corp.example", "*.gw.corp.example:8443", "a-*.eu.corp.example"])
        #expect(row.constraintSuffixes == ["llm.corp.example", "gw.corp.example", "eu.corp.example"])
        let plain = try self.row("y", ["10.0.0.1:8000"], plain: true)
        #expect(plain.constraintSuffixes.isEmpty)
    }
}

@Suite("A host pattern")
struct HostPatternTests {
    @Test(
        "is written as it was read",
        arguments: ["a.example:443", "*.a.example:443", "a-*.b.example:443", "a.*.b.example:443", "[::1]:8000", "h:1"])
    func roundTrip(text: String) throws {
        #expect(try HostPattern.parse(text, defaultPort: nil).description == text)
    }

    @Test("without a port means the default one, or every one when there is no default")
    func ports() throws {
        #expect(try HostPattern.parse("A.example.", defaultPort: 443).description == "a.example:443")
        let any = try HostPattern.parse("a.example", defaultPort: nil)
        #expect(any.description == "a.example" && any.matches(host: "a.example", port: 7))
    }

    @Test(
        "that is none says why",
        arguments: [
            ("https://a.example", .isURL), ("a.example/v1", .isURL), ("user@a.example", .isURL), ("a b", .isURL),
            ("10.0.0.0/8", .isURL), ("*.*.example.com", .stars), ("**.example.com", .stars), ("*", .tooWide),
            ("*.com", .tooWide), ("a*", .tooWide), ("a.*", .tooWide), ("a.example:0", .port), ("a.example:x", .port),
            ("a.example:", .port), ("a.example:70000", .port), ("::1", .bareIPv6), ("fe80::1", .bareIPv6),
            ("127.1", .oddAddress), ("0x7f.1", .oddAddress), ("2130706433", .oddAddress), ("010.0.0.1", .oddAddress),
            ("", .name), ("a..example", .name), ("-a.example", .name), ("bücher.example", .name),
            ("a,b.example", .name),
        ] as [(String, HostPattern.Flaw)])
    func flaws(text: String, flaw: HostPattern.Flaw) {
        #expect(throws: flaw) { try HostPattern.parse(text, defaultPort: 443) }
    }
}
