import Policy
import Testing

@testable import Proxy

@Suite("The variables of leo env")
struct OperatorEnvironmentTests {
    private func make(_ folder: String = "/certs") -> ClientEnvironment {
        ClientEnvironment(
            proxy: IPEndpoint(address: .loopback4, port: 8889), files: TrustFiles(rootPath: "\(folder)/leo-root.pem"))
    }

    @Test("are exactly the documented ones")
    func names() {
        #expect(
            make().variables.map(\.name) == [
                "HTTPS_PROXY", "https_proxy", "NO_PROXY", "no_proxy", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE",
                "CURL_CA_BUNDLE", "AWS_CA_BUNDLE", "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CODEX_CA_CERTIFICATE",
                "NODE_EXTRA_CA_CERTS", "NODE_USE_ENV_PROXY", "JAVA_TOOL_OPTIONS",
            ])
    }

    @Test("are all in the page about trust")
    func documented() throws {
        let root = #filePath.split(separator: "/").dropLast(3).map { "/\($0)" }.joined()
        let page = try #require(SmallFile.read("\(root)/docs/trust.md"))
        for variable in make().variables { #expect(page.contains("`\(variable.name)`"), "\(variable.name)") }
    }

    @Test("name the proxy with its scheme, in both cases of letters")
    func proxy() {
        #expect(make()["HTTPS_PROXY"] == "http://127.0.0.1:8889")
        #expect(make()["https_proxy"] == "http://127.0.0.1:8889")
        let six = ClientEnvironment(
            proxy: IPEndpoint(address: .v6(0, 1), port: 8889), files: TrustFiles(rootPath: "/certs/leo-root.pem"))
        #expect(six["HTTPS_PROXY"] == "http://[::1]:8889")
    }

    @Test("let clients reach this machine, metadata services and the cluster directly")
    func noProxy() throws {
        let value = try #require(make()["NO_PROXY"])
        #expect(
            value
                == "localhost,127.0.0.1,::1,169.254.169.254,169.254.170.2,metadata.google.internal,.svc,.cluster.local")
        #expect(make()["no_proxy"] == value)
    }

    @Test("have nothing in NO_PROXY that some client cannot read, or that keeps a provider from leo")
    func noProxyForms() throws {
        let list = NoProxyList(try #require(make()["NO_PROXY"]))
        for entry in list.entries { #expect(!entry.contains("/") && !entry.contains("[") && !entry.contains("*")) }
        #expect(list.entries(covering: Canary.host).isEmpty)
        for row in ProviderTable.builtIn.rows where !row.plain {
            for host in row.hosts { #expect(list.entries(covering: host.sampleHost).isEmpty) }
        }
    }

    @Test("point to leo's root where a runtime adds, and to the bundle where it replaces")
    func files() {
        let environment = make()
        #expect(environment["NODE_EXTRA_CA_CERTS"] == "/certs/leo-root.pem")
        for name in [
            "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "AWS_CA_BUNDLE",
            "GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", "CODEX_CA_CERTIFICATE",
        ] { #expect(environment[name] == "/certs/leo-bundle.pem") }
    }

    @Test(
        "give Java a proxy, what goes around it, and a trust store, whatever the folder is called",
        arguments: ["/certs", "/my certs", "/it's", "/\"both\" it's", "'", "/a\tb", "/漢 字"])
    func java(_ folder: String) throws {
        let value = try #require(make(folder)["JAVA_TOOL_OPTIONS"])
        #expect(
            HotSpot.options(in: value) == [
                "-Dhttps.proxyHost=127.0.0.1", "-Dhttps.proxyPort=8889",
                "-Dhttp.nonProxyHosts=localhost|127.*|[::1]|169.254.169.254|169.254.170.2|metadata.google.internal|"
                    + "*.svc|*.cluster.local",
                "-Djavax.net.ssl.trustStore=\(folder)/leo-truststore.p12", "-Djavax.net.ssl.trustStoreType=PKCS12",
                "-Djavax.net.ssl.trustStorePassword=changeit",
            ])
    }

    @Test("keep the options Java has already, and are added once")
    func javaAppended() throws {
        let environment = make()
        let own = try #require(environment["JAVA_TOOL_OPTIONS"])
        let once = environment.merged(into: ["JAVA_TOOL_OPTIONS": "-Xmx1g", "HOME": "/root"])
        #expect(once["JAVA_TOOL_OPTIONS"] == "-Xmx1g \(own)")
        #expect(once["HOME"] == "/root")
        #expect(environment.merged(into: once) == once)
        let alone = environment.merged(into: [:])
        #expect(alone["JAVA_TOOL_OPTIONS"] == own)
        #expect(environment.merged(into: alone) == alone)
        #expect(environment.merged(into: ["JAVA_TOOL_OPTIONS": ""])["JAVA_TOOL_OPTIONS"] == own)
    }

    @Test("take the place of others of the same name")
    func replaced() {
        let merged = make().merged(into: ["HTTPS_PROXY": "http://other:3128", "NO_PROXY": "*"])
        #expect(merged["HTTPS_PROXY"] == "http://127.0.0.1:8889")
        #expect(merged["NO_PROXY"] == make()["NO_PROXY"])
    }

    @Test("need a port that is known")
    func portZero() throws {
        var config = Config(baseDirectory: "/base")
        config.listen.proxy.port = 0
        #expect(throws: OperatorFailure.self) { try ClientEnvironment(config, proxyAddress: nil) }
        let named = try ClientEnvironment(config, proxyAddress: "127.0.0.1:4711")
        #expect(named["HTTPS_PROXY"] == "http://127.0.0.1:4711")
        #expect(named["SSL_CERT_FILE"] == "/base/certs/leo-bundle.pem")
    }

    @Test(
        "take an address and port for the proxy and nothing else",
        arguments: [
            ("127.0.0.1:8889", true), ("[::1]:1", true), ("127.0.0.1:0", false), ("localhost:8889", false), ("", false),
            ("127.0.0.1", false), ("http://127.0.0.1:8889", false),
        ])
    func proxyAddress(_ text: String, _ isGood: Bool) {
        #expect(EnvCommand.isProxyAddress(text) == isGood)
    }
}

/// JAVA_TOOL_OPTIONS as OpenJDK's `Arguments::parse_options_buffer` takes it apart.
private enum HotSpot {
    static func options(in text: String) -> [String] {
        var options: [String] = []
        var rest = Array(text)[...]
        while true {
            rest = rest.drop { $0.isWhitespace }
            guard !rest.isEmpty else { return options }
            var option = ""
            while let character = rest.first, !character.isWhitespace {
                rest = rest.dropFirst()
                guard character == "'" || character == "\"" else {
                    option.append(character)
                    continue
                }
                while let inside = rest.first, inside != character {
                    option.append(inside)
                    rest = rest.dropFirst()
                }
                rest = rest.dropFirst()
            }
            options.append(option)
        }
    }
}
