import Policy
import Testing

@testable import Proxy

@Suite("What a probe wrote is understood:")
struct OperatorProbeResultTests {
    @Test("leo's answer, and nothing else, is success")
    func works() {
        let answer = ProbeResult(ChildProcess.Ending(cause: .exited(0), output: Canary.body + "\n"))
        #expect(answer.outcome == .works)
        let other = ProbeResult(ChildProcess.Ending(cause: .exited(0), output: "<html>parked</html>"))
        #expect(other.outcome == .bypasses)
    }

    @Test("a program that had to be killed got no answer")
    func silent() {
        #expect(ProbeResult(ChildProcess.Ending(cause: .stopped, errors: "x509: ")).outcome == .silent)
    }

    /// The words of real programs, taken from curl 7.88, Python 3.11, Node 20, Java 17 and Go 1.19.
    @Test(
        "every runtime's words",
        arguments: [
            ("curl: (6) Could not resolve host: doctor.leo.internal", .bypasses),
            ("curl: (5) Could not resolve proxy: nowhere", .unreachable),
            ("curl: (7) Failed to connect to 127.0.0.1 port 1 after 0 ms: Couldn't connect to server", .unreachable),
            ("curl: (56) CONNECT tunnel failed, response 403", .refused),
            ("curl: (60) SSL certificate problem: unable to get local issuer certificate", .distrusts),
            ("curl: (77) error setting certificate file: /nowhere", .distrusts),
            ("socket.gaierror: [Errno -2] Name or service not known", .bypasses),
            ("httpx.ConnectError: [Errno -3] Temporary failure in name resolution", .bypasses),
            (
                "ssl.SSLCertVerificationError: [SSL: CERTIFICATE_VERIFY_FAILED] certificate verify failed: "
                    + "self-signed certificate in certificate chain (_ssl.c:1002)", .distrusts
            ),
            ("OSError: Could not find a suitable TLS CA certificate bundle, invalid path: /nowhere", .distrusts),
            ("OSError: Tunnel connection failed: 502 Bad Gateway", .refused),
            ("httpx.ConnectError: [Errno 111] Connection refused", .unreachable),
            ("TypeError: fetch failed { code: 'ENOTFOUND', syscall: 'getaddrinfo' }", .bypasses),
            ("Error: self-signed certificate in certificate chain code: 'SELF_SIGNED_CERT_IN_CHAIN'", .distrusts),
            ("Error: unable to get local issuer certificate 'UNABLE_TO_GET_ISSUER_CERT_LOCALLY'", .distrusts),
            ("Error: connect ECONNREFUSED 127.0.0.1:1", .unreachable),
            (
                "Exception in thread \"main\" java.net.ConnectException\n"
                    + "Caused by: java.nio.channels.UnresolvedAddressException", .bypasses
            ),
            (
                "Exception in thread \"main\" javax.net.ssl.SSLHandshakeException: PKIX path building failed: "
                    + "unable to find valid certification path to requested target", .distrusts
            ),
            ("Get \"https://doctor.leo.internal/\": dial tcp: lookup doctor.leo.internal: no such host", .bypasses),
            ("Get \"https://doctor.leo.internal/\": x509: certificate signed by unknown authority", .distrusts),
            (
                "Get \"https://doctor.leo.internal/\": proxyconnect tcp: dial tcp 127.0.0.1:1: connection refused",
                .unreachable
            ),
            ("Segmentation fault", .fails),
        ] as [(String, ProbeResult.Outcome)])
    func words(_ errors: String, _ outcome: ProbeResult.Outcome) {
        #expect(ProbeResult(ChildProcess.Ending(cause: .exited(1), errors: errors)).outcome == outcome)
    }

    @Test("the last words are the message, not the trace around it")
    func lastWords() {
        let python = "Traceback (most recent call last):\n  File \"<string>\", line 1\nValueError: bad\n"
        #expect(ProbeResult(ChildProcess.Ending(cause: .exited(1), errors: python)).detail == "ValueError: bad")
        let java =
            "Picked up JAVA_TOOL_OPTIONS: -Dx\nException in thread \"main\" X: why\n\tat a.b(C.java)\nCaused by: Y\n"
        #expect(
            ProbeResult(ChildProcess.Ending(cause: .exited(1), errors: java)).detail
                == "Exception in thread \"main\" X: why")
    }

    @Test("what a program writes cannot reach beyond its line")
    func oneLine() {
        #expect(OneLine.of("a\nb\u{1B}[31m\u{9B}c\r\n") == "a b [31m c")
        #expect(OneLine.of(String(repeating: "x", count: 5000)).count == OneLine.characterCountMax + 1)
    }

    @Test(
        "Java's version is found below what it picked up",
        arguments: [
            ("openjdk version \"17.0.15\" 2025-04-15\nOpenJDK Runtime Environment", "17.0.15"),
            ("Picked up JAVA_TOOL_OPTIONS: \"-Da= version \"\njava version \"1.8.0_402\"", "1.8.0_402"),
            ("nothing", ""),
        ])
    func javaVersion(_ text: String, _ version: String) {
        #expect(Prober.javaVersion(in: text) == version)
    }
}

@Suite("The doctor judges:")
struct OperatorDiagnosisTests {
    static let wanted = ClientEnvironment(
        proxy: IPEndpoint(address: .loopback4, port: 8889), files: TrustFiles(rootPath: "/leo/leo-root.pem"))
    static let curl = Runtime(kind: .curl, version: "8.0")
    static let works = ProbeResult(outcome: .works, detail: "")

    static func facts(
        _ present: [String: String], _ trustFiles: [String: EnvironmentFacts.TrustFile] = [:]
    ) -> EnvironmentFacts {
        let own: [String: EnvironmentFacts.TrustFile] = [
            "/leo/leo-bundle.pem": .holdsRoot, "/leo/leo-root.pem": .holdsRoot,
        ]
        return EnvironmentFacts(
            present: present, wanted: wanted, trustFiles: own.merging(trustFiles) { $1 })
    }

    private func judge(
        _ runtime: Runtime, _ outcome: ProbeResult.Outcome, _ facts: EnvironmentFacts,
        then: ProbeResult = OperatorDiagnosisTests.works
    ) -> Finding {
        let asIs = ProbeResult(outcome: outcome, detail: "its words")
        return Diagnosis.judge(runtime, asIs: asIs, withVariables: outcome == .works ? nil : then, facts)
    }

    @Test("what works is well")
    func good() {
        #expect(judge(Self.curl, .works, Self.facts([:])) == Finding(verdict: .good, subject: "curl 8.0", text: ""))
    }

    @Test("aiohttp's duty is told even when it works")
    func duty() {
        let finding = judge(Runtime(kind: .python(.aiohttp), version: ""), .works, Self.facts([:]))
        #expect(finding.verdict == .good && finding.text.contains("trust_env=True"))
    }

    @Test("nothing set means the proxy first, then trust")
    func nothingSet() {
        #expect(
            judge(Self.curl, .bypasses, Self.facts([:])).line
                == "FAIL  curl 8.0: bypasses the proxy: HTTPS_PROXY is not set, CURL_CA_BUNDLE is not set; set "
                + "HTTPS_PROXY=http://127.0.0.1:8889 CURL_CA_BUNDLE=/leo/leo-bundle.pem")
    }

    @Test(
        "each runtime is told its own trust variable",
        arguments: [
            (Runtime.Kind.curl, "CURL_CA_BUNDLE=/leo/leo-bundle.pem"),
            (.python(.httpx), "SSL_CERT_FILE=/leo/leo-bundle.pem"),
            (.python(.openai), "SSL_CERT_FILE=/leo/leo-bundle.pem"), (.go, "SSL_CERT_FILE=/leo/leo-bundle.pem"),
            (.python(.requests), "REQUESTS_CA_BUNDLE=/leo/leo-bundle.pem"),
            (.python(.boto3), "AWS_CA_BUNDLE=/leo/leo-bundle.pem"),
            (.node(knowsProxy: false), "NODE_EXTRA_CA_CERTS=/leo/leo-root.pem"),
        ])
    func trustVariable(_ kind: Runtime.Kind, _ remedy: String) {
        let facts = Self.facts(["HTTPS_PROXY": "http://127.0.0.1:8889"])
        let finding = judge(Runtime(kind: kind, version: ""), .distrusts, facts)
        #expect(finding.verdict == .bad && finding.text.hasPrefix("does not trust leo: "))
        #expect(finding.text.hasSuffix("; set \(remedy)"))
    }

    @Test("a trust variable with another file is named with what is wrong with the file")
    func wrongFile() {
        let present = ["HTTPS_PROXY": "http://127.0.0.1:8889/", "SSL_CERT_FILE": "/etc/ca.crt"]
        let go = Runtime(kind: .go, version: "")
        #expect(
            judge(go, .distrusts, Self.facts(present, ["/etc/ca.crt": .lacksRoot])).text
                == "does not trust leo: SSL_CERT_FILE names /etc/ca.crt, which does not hold leo's root; set "
                + "SSL_CERT_FILE=/leo/leo-bundle.pem")
        #expect(
            judge(go, .distrusts, Self.facts(present, ["/etc/ca.crt": .unreadable])).text.contains("cannot be read"))
    }

    @Test("of two trust variables the one that the runtime takes is judged")
    func precedence() {
        let requests = Runtime(kind: .python(.requests), version: "")
        let present = [
            "HTTPS_PROXY": "http://127.0.0.1:8889", "REQUESTS_CA_BUNDLE": "/other.pem",
            "CURL_CA_BUNDLE": "/leo/leo-bundle.pem",
        ]
        #expect(
            judge(requests, .distrusts, Self.facts(present, ["/other.pem": .lacksRoot])).text
                .contains("REQUESTS_CA_BUNDLE names /other.pem"))
        let later = ["HTTPS_PROXY": "http://127.0.0.1:8889", "CURL_CA_BUNDLE": "/other.pem"]
        #expect(
            judge(requests, .distrusts, Self.facts(later, ["/other.pem": .lacksRoot])).text
                .contains("CURL_CA_BUNDLE names /other.pem"))
    }

    @Test(
        "another proxy is named, under the name that the runtime takes",
        arguments: [
            (["HTTPS_PROXY": "http://proxy.example:3128"], "HTTPS_PROXY is http://proxy.example:3128"),
            (["HTTPS_PROXY": "http://127.0.0.1:8889", "https_proxy": "http://x:1"], "https_proxy is http://x:1"),
            (["HTTPS_PROXY": "https://127.0.0.1:8889"], "HTTPS_PROXY is https://127.0.0.1:8889"),
        ])
    func otherProxy(_ present: [String: String], _ text: String) {
        #expect(judge(Self.curl, .unreachable, Self.facts(present)).text.contains(text))
    }

    @Test("a star in NO_PROXY is named")
    func star() {
        let present = [
            "HTTPS_PROXY": "http://127.0.0.1:8889", "NO_PROXY": "a,*", "CURL_CA_BUNDLE": "/leo/leo-bundle.pem",
        ]
        #expect(
            judge(Self.curl, .bypasses, Self.facts(present)).text.hasPrefix("bypasses the proxy: NO_PROXY has *; set"))
    }

    @Test("Java is told which options are missing")
    func java() {
        let runtime = Runtime(kind: .java, version: "17")
        let none = judge(runtime, .bypasses, Self.facts([:])).text
        #expect(none.contains("has no -Dhttps.proxyHost") && none.contains("has no -Djavax.net.ssl.trustStore"))
        #expect(none.hasSuffix("; set JAVA_TOOL_OPTIONS as leo env prints it"))
        let other = [
            "JAVA_TOOL_OPTIONS": "-Dhttps.proxyHost=127.0.0.1 -Dhttps.proxyPort=8889 -Djavax.net.ssl.trustStore=/x"
        ]
        #expect(
            judge(runtime, .distrusts, Self.facts(other)).text
                == "does not trust leo: JAVA_TOOL_OPTIONS has another -Djavax.net.ssl.trustStore; set "
                + "JAVA_TOOL_OPTIONS as leo env prints it")
    }

    @Test("a Node that knows of proxies is told to use them")
    func newNode() {
        let runtime = Runtime(kind: .node(knowsProxy: true), version: "24.5.0")
        let facts = Self.facts(["HTTPS_PROXY": "http://127.0.0.1:8889", "NODE_EXTRA_CA_CERTS": "/leo/leo-root.pem"])
        #expect(
            judge(runtime, .bypasses, facts).text
                == "bypasses the proxy: NODE_USE_ENV_PROXY is not 1; set NODE_USE_ENV_PROXY=1")
    }

    @Test("a Node that does not is a note as long as it trusts leo, and a failure when not")
    func oldNode() {
        let runtime = Runtime(kind: .node(knowsProxy: false), version: "20.0.0")
        let note = Diagnosis.judgeOldNode(runtime, asIs: Self.works, withVariables: nil, Self.facts([:]))
        #expect(note.verdict == .note && note.text.contains("agent"))
        let distrust = ProbeResult(outcome: .distrusts, detail: "")
        let facts = Self.facts(["HTTPS_PROXY": "http://127.0.0.1:8889"])
        let failure = Diagnosis.judgeOldNode(runtime, asIs: distrust, withVariables: Self.works, facts)
        #expect(failure.verdict == .bad)
        #expect(failure.text.contains("set NODE_EXTRA_CA_CERTS=/leo/leo-root.pem") && failure.text.contains("agent"))
        #expect(!failure.text.contains("NODE_USE_ENV_PROXY is not"))
    }

    @Test("what the variables do not help is said to be so, with the runtime's own words")
    func stubborn() {
        let pinned = judge(
            Self.curl, .distrusts, Self.facts([:]), then: ProbeResult(outcome: .distrusts, detail: "no way"))
        #expect(pinned.verdict == .bad)
        #expect(
            pinned.text.hasPrefix("even with the variables of leo env it does not trust leo; it takes its roots from"))
        #expect(pinned.text.hasSuffix("it said: no way"))
    }

    @Test("a difference that leo does not know is admitted")
    func unknownDifference() {
        let present = ["HTTPS_PROXY": "http://localhost:8889", "CURL_CA_BUNDLE": "/leo/leo-bundle.pem"]
        let text = judge(Self.curl, .fails, Self.facts(present)).text
        #expect(text == "fails: the variables of leo env help, for a reason that leo does not know; it said: its words")
    }

    @Test("a NO_PROXY that covers a provider is a failure, one for other hosts is not")
    func noProxy() {
        let hosts = ["api.openai.com", "sample.openai.azure.com"]
        let findings = Diagnosis.judgeNoProxy(["NO_PROXY": "localhost,.openai.com,example.com"], providerHosts: hosts)
        #expect(findings.map(\.verdict) == [.bad])
        #expect(
            findings[0].subject == "NO_PROXY"
                && findings[0].text.hasPrefix(".openai.com lets clients reach api.openai.com"))
        #expect(Diagnosis.judgeNoProxy(["no_proxy": "example.com,.svc"], providerHosts: hosts).isEmpty)
    }

    @Test(
        "a proxy variable is leo's in any way to write it",
        arguments: [
            ("http://127.0.0.1:8889", true), ("http://127.0.0.1:8889/", true), ("127.0.0.1:8889", true),
            ("HTTP://localhost:8889", true), ("http://team:secret@127.0.0.1:8889", true), ("http://127.0.0.1", false),
            ("http://127.0.0.1:8888", false), ("https://127.0.0.1:8889", false), ("socks5://127.0.0.1:8889", false),
            ("", false), ("http://[::1]:8889", false), ("http://example.com:8889", false),
        ])
    func isLeo(_ value: String, _ isLeo: Bool) {
        #expect(EnvironmentFacts.isLeo(value, Self.wanted.proxy) == isLeo)
    }
}

@Suite("NO_PROXY is read as clients read it:")
struct OperatorNoProxyTests {
    @Test(
        "an entry covers a host and what lies below it",
        arguments: [
            ("openai.com", true), (".openai.com", true), ("*.openai.com", true), ("API.OpenAI.com", true), ("*", true),
            ("api.openai.com:443", true), ("api.openai.com:8443", false), ("ai.com", false), ("penai.com", false),
            ("::1", false), ("10.0.0.0/8", false), ("", false), (".", false),
        ])
    func covers(_ entry: String, _ isCovered: Bool) {
        #expect(NoProxyList(entry).entries(covering: "api.openai.com").isEmpty == !isCovered)
    }

    @Test("entries are apart by commas and spaces")
    func separators() {
        #expect(NoProxyList(" a, b,,c\td ").entries == ["a", "b", "c", "d"])
    }

    @Test("what keeps only the canary away is taken out, and a star is not")
    func canary() {
        let (variables, removed) = NoProxyList.openingTheWayToCanary([
            "NO_PROXY": "localhost,.internal,.corp", "no_proxy": "leo.internal,*", "OTHER": ".internal",
        ])
        #expect(variables == ["NO_PROXY": "localhost,.corp", "no_proxy": "*", "OTHER": ".internal"])
        #expect(removed == [".internal", "leo.internal"])
        let untouched = ["NO_PROXY": "a b"]
        #expect(NoProxyList.openingTheWayToCanary(untouched).variables == untouched)
    }
}
