import Policy
import Testing
import Wire

@testable import Proxy

@Suite("A request that says for itself whom it is for")
struct RequestTargetTests {
    private static let policy: DestinationPolicy = {
        let rows = [
            Provider(
                name: "vllm", api: .openai, hosts: [.init(HostPort(host: "llm.example", port: 8000))], plain: true),
            Provider(name: "local", api: .openai, hosts: [.init(HostPort(host: "127.0.0.1", port: 80))], plain: true),
            Provider(name: "azure", api: .openai, hosts: [try! HostPattern.parse("*.azure.example", defaultPort: 443)]),
            Provider(name: "two", api: .openai, hosts: [try! HostPattern.parse("*.two.example", defaultPort: 443)]),
            Provider(
                name: "two", api: .openai,
                hosts: [
                    try! HostPattern.parse("*.second.example", defaultPort: 443),
                    .init(HostPort(host: "two.example", port: 8443)),
                ]),
        ]
        return DestinationPolicy(
            providers: ProviderTable(ProviderTable.builtIn.rows + rows),
            splice: [try! HostPattern.parse("api.groq.com", defaultPort: nil)],
            refuse: [.hosts(try! HostPattern.parse("bad.example", defaultPort: nil))])
    }()

    /// What becomes of a request: who gets it, and the head that it is sent with.
    private func follow(
        _ text: String, _ find: (HTTP1Head, Span<UInt8>) throws(ProxyError) -> RequestDestination
    ) throws -> (provider: Provider, target: String, head: String) {
        let bytes = Array(text.utf8)
        var head = HTTP1Head(.request)
        let isComplete = try head.parse(bytes.span)
        try #require(isComplete)
        let found = try find(head, bytes.span)
        var out = ByteQueue()
        found.edit.append(head, from: bytes.span, to: &out)
        // What comes out must be a head again.
        var edited = HTTP1Head(.request)
        let isWhole = try edited.parse(out.bytes)
        #expect(isWhole && edited.byteCount == out.count)
        return (found.provider, found.target.description, String(lossy: out.bytes))
    }

    private func forward(_ text: String) throws -> (provider: Provider, target: String, head: String) {
        try follow(text) { head, bytes throws(ProxyError) in
            try ForwardTarget(head, bytes).destination(Self.policy, for: .local)
        }
    }

    private func reverse(_ text: String) throws -> (provider: Provider, target: String, head: String) {
        try follow(text) { head, bytes throws(ProxyError) in
            try ReverseTarget(head, bytes, Self.policy.providers).destination(Self.policy, for: .local)
        }
    }

    // MARK: Whole URLs

    @Test("goes to a provider of plain HTTP by its URL, with every other byte as it came")
    func plainProvider() throws {
        let rest = "X-ODD: \t a  b\r\nhOsT:  LLM.example:8000 \r\nx-last:\r\n\r\n"
        let found = try forward("POST http://LLM.example:8000/v1/chat?a=http://b/ HTTP/1.1\r\n\(rest)")
        #expect(found.provider.name == "vllm" && found.target == "llm.example:8000")
        #expect(
            found.head
                == "POST /v1/chat?a=http://b/ HTTP/1.1\r\nX-ODD: \t a  b\r\nhOsT:  llm.example:8000 \r\nx-last:\r\n\r\n"
        )
    }

    @Test(
        "has the path of its URL",
        arguments: [
            ("http://other.example", "/"), ("http://other.example/", "/"), ("http://other.example?q", "/?q"),
            ("http://other.example/a/../b?c", "/a/../b?c"), ("HTTP://other.example:80/x", "/x"),
            ("http://other.example:81//x", "//x"),
        ])
    func paths(url: String, path: String) throws {
        let found = try forward("GET \(url) HTTP/1.0\r\n\r\n")
        #expect(found.provider.isOther && found.provider.plain)
        let host = url.contains(":81") ? "other.example:81" : "other.example"
        #expect(found.head == "GET \(path) HTTP/1.0\r\nHost: \(host)\r\n\r\n")
    }

    @Test(
        "is refused where plain HTTP must not go",
        arguments: [
            ("http://api.openai.com/v1", Fault.tlsRequired), ("http://api.openai.com:443/v1", .tlsRequired),
            ("http://x.azure.example/", .tlsRequired), ("https://other.example/", .tlsRequired),
            ("http://bad.example/", .hostRefused), ("http://169.254.169.254/latest", .addressRefused),
            ("http://metadata.google.internal/", .addressRefused),
            ("/v1/models", .notConnect),
        ])
    func refused(url: String, fault: Fault) throws {
        let error = try #require(throws: ProxyError.self) {
            _ = try forward("GET \(url) HTTP/1.1\r\nHost: \(hostOf(url))\r\n\r\n")
        }
        #expect(error.fault == fault)
    }

    private func hostOf(_ url: String) -> String {
        url.hasPrefix("/") ? "x" : String(url.split(separator: "/", omittingEmptySubsequences: false)[2])
    }

    @Test("must agree with itself", arguments: ["other.example", "llm.example", "llm.example:80", "llm.example:8001"])
    func contradictions(host: String) throws {
        #expect(throws: HTTP1Error.self) {
            _ = try forward("GET http://llm.example:8000/ HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        }
    }

    // MARK: The reverse listener

    @Test(
        "goes to the provider whose name its path begins with",
        arguments: [
            ("/openai/v1/chat/completions?a=b", "api.openai.com:443", "/v1/chat/completions?a=b", "api.openai.com"),
            ("/anthropic/v1/messages", "api.anthropic.com:443", "/v1/messages", "api.anthropic.com"),
            ("/openai", "api.openai.com:443", "/", "api.openai.com"),
            ("/openai?x", "api.openai.com:443", "/?x", "api.openai.com"),
            ("/openai//v1", "api.openai.com:443", "//v1", "api.openai.com"),
            ("/vllm/v1/models", "llm.example:8000", "/v1/models", "llm.example:8000"),
            ("/local/x", "127.0.0.1:80", "/x", "127.0.0.1"), ("/two/x", "two.example:8443", "/x", "two.example:8443"),
        ])
    func prefixes(path: String, target: String, rewritten: String, host: String) throws {
        let found = try reverse("POST \(path) HTTP/1.1\r\nHost: 127.0.0.1:8892\r\nA: b\r\n\r\n")
        #expect(found.target == target)
        #expect(found.head == "POST \(rewritten) HTTP/1.1\r\nHost: \(host)\r\nA: b\r\n\r\n")
    }

    @Test(
        "goes to the provider that its Host names, with its path as it is",
        arguments: [
            ("api.openai.com", "api.openai.com:443", "api.openai.com"),
            ("API.openai.com:443", "api.openai.com:443", "api.openai.com"),
            ("api.openai.com:8892", "api.openai.com:443", "api.openai.com"),
            ("a.azure.example", "a.azure.example:443", "a.azure.example"),
            ("llm.example:8000", "llm.example:8000", "llm.example:8000"), ("127.0.0.1", "127.0.0.1:80", "127.0.0.1"),
        ])
    func hosts(host: String, target: String, written: String) throws {
        let found = try reverse("GET /openai/v1 HTTP/1.1\r\nHost: \(host)\r\n\r\n")
        #expect(found.target == target)
        #expect(found.head == "GET /openai/v1 HTTP/1.1\r\nHost: \(written)\r\n\r\n")
    }

    @Test(
        "is answered with what there is when it names nobody",
        arguments: ["/", "/v1/chat/completions", "/OpenAI/v1", "/openaix/v1", "/azure/v1", "/?openai"])
    func unknown(path: String) throws {
        let error = try #require(throws: ProxyError.self) {
            _ = try reverse("GET \(path) HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        #expect(error.fault == .routeUnknown)
        #expect(error.detail.contains(path == "/azure/v1" ? "send it in Host" : "/openai, "))
        #expect(!error.detail.contains("OpenAI"))
    }

    @Test("is refused where the rules of the file refuse the host, or where it is meant for a proxy")
    func reverseRefused() throws {
        let spliced = try #require(throws: ProxyError.self) {
            _ = try reverse("GET /groq/v1 HTTP/1.1\r\nHost: localhost\r\n\r\n")
        }
        #expect(spliced.fault == .hostRefused)
        let proxied = try #require(throws: ProxyError.self) {
            _ = try reverse("GET http://api.openai.com/ HTTP/1.1\r\nHost: api.openai.com\r\n\r\n")
        }
        #expect(proxied.fault == .badRequest)
    }
}
