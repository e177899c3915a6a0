import Policy
import Testing

@testable import Proxy

@Suite("The configuration file")
struct ConfigReadTests {
    private func read(_ text: String) -> (config: Config?, mistakes: [String]) {
        let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/etc/leo")
        return (config, mistakes.map(\.description))
    }

    private func good(_ text: String) throws -> Config {
        let (config, mistakes) = read(text)
        return try #require(config, "\(mistakes)")
    }

    private static let hash =
        "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"

    @Test("sets every key")
    func everyKey() throws {
        let config = try good(
            """
            [listen]
            proxy = "[::1]:0"
            admin = "127.0.0.2:9000"
            workers = 256
            connections_max = 1
            handshakes_max = 2
            body_memory_max = "1GB"
            body_rate_min = "0B"
            handshake_timeout = "100ms"
            head_timeout = "1s"
            idle_timeout = "1d"
            stall_timeout = "3m"
            drain_timeout = "0s"
            [ca]
            certificate = "/ca.pem"
            key = "./ca.key"
            root = "../root.pem"
            names = ["LLM.corp.example", "api.aws"]
            leaf_lifetime = "30d"
            [upstream]
            trust = "roots.pem"
            connect_timeout = "2m"
            idle_timeout = "7d"
            pool_idle_timeout = "1h"
            pool_connections_max = 0
            [upstream.resolve]
            "API.openai.com:443" = "127.0.0.1:9443"
            "[::1]:443" = "[fd00::1]:1"
            [intercept]
            providers = ["openai", "mine"]
            other_hosts = "refuse"
            tunnel_without_sni = "refuse"
            on_overload = "tunnel"
            splice = ["eu.api.openai.com", "*.mine.example:8443"]
            allow = ["10.0.0.0/8", "pypi.example", "db.example:5432", "fd12::1"]
            refuse = []
            [[provider]]
            name = "mine"
            hosts = ["llm.mine.example", "*.mine.example:8443"]
            api = "anthropic"
            [[provider]]
            name = "local"
            hosts = ["10.0.0.1:8080"]
            api = "openai"
            plain = true
            [access_log]
            path = "log/access.json"
            block_timeout = "1m"
            labels = ["X-Team", "x-app"]
            [tenants.a]
            match = [{ proxy_user = "u", password_hash = "\(Self.hash)" }]
            """)
        #expect(config.path == "leo.toml")
        #expect(config.listen.proxy.description == "[::1]:0" && config.listen.admin?.description == "127.0.0.2:9000")
        #expect(config.listen.workerCount == 256 && config.listen.connectionsMax == 1)
        #expect(config.listen.handshakeTimeout == .milliseconds(100) && config.listen.headTimeout == .seconds(1))
        #expect(config.listen.idleTimeout == .seconds(86400) && config.listen.stallTimeout == .seconds(180))
        #expect(config.listen.drainTimeout == .zero)
        #expect(config.listen.handshakesMax == 2 && config.listen.bodyMemoryMax == 1 << 30)
        #expect(config.listen.bodyRateMin == 0 && config.destination.onOverload == .tunnel)
        #expect(config.tenants.names == ["a"])
        #expect(config.authority.certificatePath == "/ca.pem" && config.authority.keyPath == "/etc/leo/ca.key")
        #expect(config.authority.rootPath == "/etc/leo/../root.pem")
        #expect(config.authority.names == ["llm.corp.example", "api.aws"])
        #expect(config.authority.leafLifetime == .seconds(30 * 86400))
        #expect(config.upstream.trust == .file("/etc/leo/roots.pem"))
        #expect(config.upstream.connectTimeout == .seconds(120) && config.upstream.idleTimeout == .seconds(7 * 86400))
        #expect(config.upstream.poolIdleTimeout == .seconds(3600) && config.upstream.poolConnectionsMax == 0)
        #expect(
            config.upstream.resolve == [
                HostPort(host: "api.openai.com", port: 443): IPEndpoint(address: .loopback4, port: 9443),
                HostPort(host: "::1", port: 443): IPEndpoint(address: .v6(0xFD00 << 48, 1), port: 1),
            ])
        #expect(config.providers.names == ["openai", "mine"])
        #expect(config.providers.provider(host: "llm.mine.example", port: 443)?.api == .anthropic)
        #expect(config.providers.provider(host: "10.0.0.1", port: 8080) == nil)
        #expect(config.destination.otherHosts == .refuse && config.destination.tunnelWithoutServerName == .refuse)
        #expect(config.destination.splice.map(\.description) == ["eu.api.openai.com", "*.mine.example:8443"])
        #expect(
            config.destination.allow.map(\.text) == ["10.0.0.0/8", "pypi.example", "db.example:5432", "fd12::1/128"])
        #expect(config.destination.refuse.isEmpty)
        #expect(config.accessLog.path == "/etc/leo/log/access.json" && config.accessLog.onFull == .block)
        #expect(config.accessLog.blockTimeout == .seconds(60) && config.accessLog.labels == ["x-team", "x-app"])
        #expect(config.constraintSuffixes == ["api.aws", "llm.corp.example", "mine.example", "openai.com"])
    }

    @Test("that is empty means the defaults")
    func empty() throws {
        var defaults = Config(baseDirectory: "/etc/leo")
        defaults.path = "leo.toml"
        #expect(try good("") == defaults)
        #expect(defaults.listen.proxy.description == "127.0.0.1:8889")
        #expect(defaults.listen.admin?.description == "127.0.0.1:8890")
        #expect(defaults.authority.keyPath == "/etc/leo/certs/leo-ca.key")
        #expect(defaults.providers == .builtIn)
    }

    @Test("can switch the admin listener off and the log to a file or back")
    func words() throws {
        #expect(try good("[listen]\nadmin = \"off\"").listen.admin == nil)
        #expect(try good("[listen]\nproxy = \"127.0.0.1:8890\"\nadmin = \"off\"").listen.admin == nil)
        #expect(try good("[listen]\nproxy = \"127.0.0.1:0\"\nadmin = \"127.0.0.1:0\"").listen.admin?.port == 0)
        #expect(try good("[access_log]\npath = \"-\"\non_full = \"block\"").accessLog.onFull == .block)
        #expect(try good("[access_log]\npath = \"x\"\non_full = \"drop\"").accessLog.onFull == .drop)
        #expect(try good("[access_log]\npath = \"x\"").accessLog.onFull == .block)
        #expect(try good("[upstream]\ntrust = \"system\"").upstream.trust == .system)
        #expect(try good("[upstream]\ntrust = \"./system\"").upstream.trust == .file("/etc/leo/system"))
        #expect(try good("[intercept]\nproviders = []").providers.rows.isEmpty)
    }

    @Test("adds a row to the built-in provider of the same name, and may take a host over")
    func rows() throws {
        let config = try good(
            """
            [intercept]
            providers = ["vllm"]
            [[provider]]
            name = "vllm"
            hosts = ["llm.internal.example"]
            api = "openai"
            [[provider]]
            name = "mine"
            hosts = ["localhost:8000"]
            api = "cohere"
            plain = true
            """)
        #expect(config.providers.names == ["vllm"])
        #expect(config.providers.provider(host: "llm.internal.example", port: 443)?.plain == false)
        #expect(config.providers.provider(host: "127.0.0.1", port: 8000)?.name == "vllm")
        let all = try good("[[provider]]\nname=\"m\"\nhosts=[\"localhost:8000\"]\napi=\"cohere\"\nplain=true")
        #expect(all.providers.provider(host: "localhost", port: 8000)?.name == "m")
        #expect(all.providers.provider(host: "api.openai.com", port: 443)?.name == "openai")
        #expect(try #require(all.providers.provider(host: "localhost", port: 8000)?.poolIdleTimeout) < .seconds(5))
    }

    @Test("a provider's streams are asked for their usage where the table or the row says so")
    func streamUsage() throws {
        let config = try good(
            """
            [[provider]]
            name = "mine"
            hosts = ["a.example"]
            api = "openai"
            stream_usage = true
            [[provider]]
            name = "silent"
            hosts = ["b.example"]
            api = "openai"
            [[provider]]
            name = "openai"
            hosts = ["c.example"]
            api = "openai"
            [[provider]]
            name = "azure-openai"
            hosts = ["acme.openai.azure.com"]
            api = "openai"
            stream_usage = true
            """)
        func provider(_ host: String) throws -> Provider {
            try #require(config.providers.provider(host: host, port: 443))
        }
        #expect(try provider("a.example").streamUsage)
        #expect(try !provider("b.example").streamUsage)
        #expect(try provider("c.example").streamUsage)
        #expect(try provider("acme.openai.azure.com").streamUsage)
        #expect(try !provider("other.openai.azure.com").streamUsage)
        #expect(try provider("api.openai.com").streamUsage)
        #expect(try !provider("api.mistral.ai").streamUsage)
        #expect(try provider("c.example").outputLimitField == .maxCompletionTokens)
        #expect(try provider("b.example").outputLimitField == .maxTokens)
    }

    @Test("covers what its rows and names ask for, and tells what it does not")
    func covered() throws {
        let config = try good(
            "[ca]\nnames = [\"bedrock-runtime.xx-new-1.amazonaws.com\"]\n"
                + "[[provider]]\nname=\"m\"\nhosts=[\"*.m.example\"]\napi=\"openai\"")
        for host in ["api.openai.com", "a.m.example", "bedrock-runtime.xx-new-1.amazonaws.com"] {
            #expect(config.isCovered(host: host))
        }
        #expect(!config.isCovered(host: "bedrock-runtime.xx-new-2.amazonaws.com"))
        #expect(config.providers.provider(host: "bedrock-runtime.xx-new-2.amazonaws.com", port: 443) != nil)
    }

    /// One mistake each: the file's lines and what is said about it.
    static let mistakes: [(text: String, said: String)] = [
        ("[listen]\nproxy = \"0.0.0.0:8889\"", "2:9: listen.proxy = \"0.0.0.0:8889\" would let other machines use leo"),
        ("[listen]\nproxy = \"[::]:8889\"", "a password must not travel to it in the clear"),
        ("[listen]\nproxy = \"10.0.0.1:8889\"", "use a loopback address like \"127.0.0.1:8889\""),
        ("[listen]\nadmin = \"192.168.1.1:8890\"", "2:9: listen.admin = \"192.168.1.1:8890\" would let"),
        ("[listen]\nproxy = \"localhost:8889\"", "did you mean \"127.0.0.1:8889\"?"),
        ("[listen]\nproxy = \":8889\"", "did you mean \"127.0.0.1:8889\"?"),
        ("[listen]\nproxy = 8889", "not a whole number, did you mean \"127.0.0.1:8889\"?"),
        ("[listen]\nproxy = \"8889\"", "did you mean \"127.0.0.1:8889\"?"),
        ("[listen]\nproxy = \"http://127.0.0.1:8889/\"", "did you mean \"127.0.0.1:8889\"?"),
        ("[listen]\nproxy = \"::1:8889\"", "did you mean \"[::1]:8889\"?"),
        ("[listen]\nproxy = \"127.0.0.1\"", "must be an address and a port"),
        ("[listen]\nproxy = \"127.0.0.1:88890\"", "must be an address and a port"),
        ("[listen]\nproxy = \"off\"", "listen.proxy must be an address and a port"),
        ("[listen]\nadmin = \"none\"", "did you mean \"off\"?"),
        ("[listen]\nadmin = \"Off\"", "did you mean \"off\"?"),
        ("[listen]\nadmin = false", "or \"off\", not true or false"),
        (
            "[listen]\nadmin = \"127.0.0.1:8889\"",
            "2:9: listen.admin is \"127.0.0.1:8889\", but the proxy has port 8889"
        ),
        ("[listen]\nproxy = \"[::1]:8890\"", "2:9: listen.admin is \"127.0.0.1:8890\", but the proxy has port 8890"),
        ("[listen]\nworkers = 257", "2:11: listen.workers must be from 0 to 256, not 257"),
        ("[listen]\nworkers = -1", "must be from 0 to 256, not -1"),
        ("[listen]\nworkers = 1.0", "not a number with a point"),
        ("[listen]\nworkers = \"4\"", "must be a number without quotes: 4"),
        ("[listen]\nworkers = true", "must be a whole number from 0 to 256, not true or false"),
        ("[listen]\nbody_memory_max = \"64 kb\"", "must be a size like"),
        ("[listen]\nbody_memory_max = 65536", "65536 of which unit?"),
        ("[listen]\nbody_rate_min = \"2MB\"", "must be from \"0B\" to \"1MB\", not \"2MB\""),
        ("[listen]\nconnections_max = 0", "must be from 1 to 1000000, not 0"),
        ("[listen]\nhead_timeout = 30", "30 of which unit? \"30s\" is seconds"),
        ("[listen]\nhead_timeout = \"30\"", "must be a duration like \"500ms\""),
        ("[listen]\nhead_timeout = \"5 min\"", "did you mean \"5m\"?"),
        ("[listen]\nhead_timeout = \"1h\"", "must be from \"100ms\" to \"10m\", not \"1h\""),
        ("[listen]\nhead_timeout = \"10ms\"", "must be from \"100ms\" to \"10m\""),
        ("[listen]\nhead_timeout = \"-1s\"", "must be a duration"),
        (
            "[listen]\nconections_max = 5",
            "2:1: unknown key \"conections_max\" in [listen], did you mean \"connections_max\"?"
        ),
        ("[listen]\nproviders = \"all\"", "unknown key \"providers\" in [listen], it belongs in [intercept]"),
        ("[listen]\nkey = \"x\"", "it belongs in [listen.tls] or [ca]"),
        ("[listen]\npath = \"x\"", "it belongs in [access_log]"),
        ("proxy = \"127.0.0.1:1\"", "1:1: unknown key \"proxy\" before the first table; it belongs in [listen]"),
        ("[lisen]", "unknown table \"[lisen]\", did you mean [listen]?"),
        ("[acces_log]", "did you mean [access_log]?"), ("[resolve]", "did you mean [upstream.resolve]?"),
        ("[[providers]]", "did you mean [provider]?"), ("[redis]\nurl = \"x\"", "unknown table \"[redis]\""),
        ("[provider]\nname = \"x\"", "write [[provider]] with double brackets"),
        ("[[listen]]", "[listen] is one table, written with single brackets"),
        ("[ca]\nkey = \"\"", "a path is needed"), ("[ca]\nkey = \"~/ca.key\"", "\"~\" is not known here"),
        ("[ca]\nkey = \"$HOME/ca.key\"", "variables are not known here"),
        ("[ca]\nkey = \"certs/\"", "this is a folder"), ("[ca]\nkey = \"a\\u0000b\"", "no control characters"),
        ("[ca]\nkey = [\"a\"]", "must be a path like \"certs/leo-ca.pem\", not a list"),
        ("[ca]\nkey = \"\(String(repeating: "x", count: 5000))\"", "a path has at most 4095 bytes"),
        ("[ca]\nnames = \"a.example\"", "write [\"a.example\"]"),
        ("[ca]\nnames = [\"*.a.example\"]", "write \"a.example\", which covers the name and everything below it"),
        ("[ca]\nnames = [\".a.example\"]", "write \"a.example\""),
        ("[ca]\nnames = [\"com\"]", "a whole top-level domain"),
        ("[ca]\nnames = [\"10.0.0.1\"]", "never for addresses"), ("[ca]\nnames = [\"::1\"]", "never for addresses"),
        ("[ca]\nnames = [\"https://a.example\"]", "this is no DNS name"),
        ("[ca]\nnames = [\"a.example:443\"]", "this is no DNS name"),
        ("[ca]\nleaf_lifetime = \"59m\"", "must be from \"1h\" to \"30d\", not \"59m\""),
        ("[ca]\nleaf_lifetime = \"31d\"", "must be from \"1h\" to \"30d\", not \"31d\""),
        ("[upstream]\ntrust = false", "there is no switch that turns verification off"),
        ("[upstream]\ntrust = \"none\"", "there is no switch that turns verification off"),
        ("[upstream]\ntrust = \"sytem\"", "did you mean \"system\"? A file is written \"./sytem\""),
        ("[upstream]\nresolve = \"x\"", "upstream.resolve is a table, written as [upstream.resolve]"),
        ("[upstream.resolve]\napi.openai.com = \"127.0.0.1:1\"", "cut at its dots: write host and port in quotes"),
        ("[upstream.resolve]\n\"api.openai.com\" = \"127.0.0.1:1\"", "did you mean \"api.openai.com:443\"?"),
        ("[upstream.resolve]\n\"*.openai.com:443\" = \"127.0.0.1:1\"", "stars are not known here"),
        ("[upstream.resolve]\n\"a.example:0\" = \"127.0.0.1:1\"", "a host and a port like"),
        ("[upstream.resolve]\n\"a.example:443\" = \"127.0.0.1\"", "an address and a port like"),
        ("[upstream.resolve]\n\"a.example:443\" = \"localhost:1\"", "an address and a port like"),
        ("[upstream.resolve]\n\"a.example:443\" = \"127.0.0.1:0\"", "an address and a port like"),
        ("[upstream.resolve]\n\"a.example:443\" = 443", "not a whole number"),
        ("[upstream.resolve]\n\"a.example:443\" = \"169.254.169.254:80\"", "2:19: upstream.resolve has"),
        ("[upstream.resolve]\n\"a.example:443\" = \"127.0.0.9:8889\"", "this is leo itself"),
        (
            "[upstream.resolve]\n\"a.example:443\" = \"127.0.0.1:1\"\n\"A.example.:443\" = \"127.0.0.1:1\"",
            "3:1: upstream.resolve has \"a.example:443\" already, at line 2, column 1"
        ),
        ("[intercept]\nproviders = \"openai\"", "not \"openai\": write [\"openai\"]"),
        ("[intercept]\nproviders = \"none\"", "must be \"all\" or a list of provider names"),
        ("[intercept]\nproviders = true", "must be a list of provider names, or \"all\""),
        (
            "[intercept]\nproviders = [\"antropic\"]",
            "2:14: intercept.providers has \"antropic\", which is no provider, did you mean \"anthropic\"?"
        ),
        ("[intercept]\nproviders = [\"all\"]", "write providers = \"all\""),
        ("[intercept]\nproviders = [\"xai\", \"xai\"]", "has \"xai\" again, after line 2, column 14"),
        ("[intercept]\nother_hosts = \"block\"", "must be \"tunnel\" or \"refuse\", not \"block\""),
        ("[intercept]\nother_hosts = \"Refuse\"", "did you mean \"refuse\"?"),
        ("[intercept]\nsplice = [\"pypi.example\"]", "which is no provider's host"),
        ("[intercept]\nsplice = [\"api.openai.co\"]", "did you mean \"api.openai.com\"?"),
        ("[intercept]\nsplice = [\"api.openai.com:8443\"]", "which is no provider's host"),
        ("[intercept]\nsplice = [\"https://api.openai.com/v1\"]", "write the host alone, \"api.openai.com\""),
        ("[intercept]\nallow = [\"10.0.0.1/8\"]", "inside of the network \"10.0.0.0/8\""),
        ("[intercept]\nallow = [\"10.0.0.0/33\"]", "whose prefix must be from 0 to 32"),
        ("[intercept]\nallow = [\"fd00::/129\"]", "whose prefix must be from 0 to 128"),
        ("[intercept]\nallow = [\"10.0.0.0/x\"]", "whose prefix must be from 0 to 32"),
        ("[intercept]\nallow = [\"169.254.1.0/24\"]", "cannot be allowed"),
        ("[intercept]\nallow = [\"fd00:ec2::254\"]", "cannot be allowed"),
        ("[intercept]\nallow = [\"169.254.169.254:80\"]", "cannot be allowed"),
        ("[intercept]\nallow = [\"metadata.google.internal\"]", "cannot be allowed"),
        ("[intercept]\nallow = [\"*.com\"]", "at least two labels must follow the star"),
        ("[intercept]\nallow = [\"*\"]", "at least two labels must follow the star"),
        ("[intercept]\nrefuse = [\"127.1\"]", "four decimal numbers"),
        ("[intercept]\nrefuse = [\"a.example:http\"]", "the port is a number from 1 to 65535"),
        ("[intercept]\nrefuse = [\"[::1]:80x\"]", "the port is a number"),
        ("[[provider]]\nhosts = [\"a.example\"]\napi = \"openai\"", "1:1: provider.name is missing"),
        ("[[provider]]\nname = \"a\"\nhosts = [\"a.example\"]", "provider.api is missing: one of \"openai\""),
        ("[[provider]]\nname = \"a\"\napi = \"openai\"", "provider.hosts are missing"),
        ("[[provider]]\nname = \"a\"\nhosts = []\napi = \"openai\"", "must name at least one host"),
        ("[[provider]]\nname = \"A\"\nhosts = [\"a.example\"]\napi = \"openai\"", "did you mean \"a\"?"),
        ("[[provider]]\nname = \"all\"\nhosts = [\"a.example\"]\napi = \"openai\"", "must not be \"all\""),
        ("[[provider]]\nname = \"a b\"\nhosts = [\"a.example\"]\napi = \"openai\"", "must be lower-case letters"),
        ("[[provider]]\nname = \"a\"\nhosts = [\"a.example\"]\napi = \"open-ai\"", "did you mean \"openai\"?"),
        (
            "[[provider]]\nname = \"openai\"\nhosts = [\"a.example\"]\napi = \"cohere\"",
            "as for the built-in \"openai\""
        ),
        (
            "[[provider]]\nname = \"a\"\nhosts = [\"a.example\"]\napi = \"openai\"\nplain = true",
            "a plain provider needs its port"
        ),
        ("[[provider]]\nname = \"a\"\nhosts = [\"10.0.0.1\"]\napi = \"openai\"", "an address needs plain = true"),
        (
            "[[provider]]\nname = \"a\"\nhosts = [\"a.example\"]\napi = \"cohere\"\nstream_usage = true",
            "5:16: provider.stream_usage is about requests of OpenAI's shape"
        ),
        (
            "[[provider]]\nname = \"a\"\nhosts = [\"169.254.169.254:80\"]\napi = \"openai\"\nplain = true",
            "leo never goes there"
        ),
        (
            "[[provider]]\nname = \"a\"\nhosts = [\"a.example/v1\"]\napi = \"openai\"",
            "write the host alone, \"a.example\""
        ),
        (
            "[[provider]]\nname = \"a\"\nhosts = [\"a.example\", \"A.example:443\"]\napi = \"openai\"",
            "3:23: provider.hosts has \"a.example:443\" again, after line 3, column 10"
        ),
        (
            "[[provider]]\nname = \"a\"\nhost = \"a.example\"\nhosts = [\"b.example\"]\napi = \"openai\"",
            "unknown key \"host\" in [provider], did you mean \"hosts\"?"
        ),
        ("[access_log]\npath = \"/var/log/\"", "this is a folder"),
        ("[access_log]\npath = false", "must be \"-\" for standard output, or a path, not true or false"),
        ("[access_log]\non_full = \"Block\"", "did you mean \"block\"?"),
        ("[access_log]\nblock_timeout = \"2m\"", "must be from \"10ms\" to \"1m\""),
        ("[access_log]\nlabels = \"x-team\"", "write [\"x-team\"]"),
        ("[access_log]\nlabels = [\"Authorization\"]", "carries credentials"),
        ("[access_log]\nlabels = [\"x-api-key\"]", "carries credentials"),
        ("[access_log]\nlabels = [\"Cookie\"]", "carries credentials"),
        ("[access_log]\nlabels = [\"X-Amz-Security-Token\"]", "carries credentials"),
        ("[access_log]\nlabels = [\"x team\"]", "no header name"), ("[access_log]\nlabels = [\"\"]", "no header name"),
        ("[access_log]\nlabels = [\"x-a\", \"X-A\"]", "a second time"),
        ("[access_log]\nlabels = [\"a\",\"b\",\"c\",\"d\",\"e\",\"f\",\"g\",\"h\",\"i\"]", "at most 8 are allowed"),
        ("[listen]\nproxy = 127.0.0.1:8889", "not valid TOML"),
    ]

    @Test("has its mistakes named, each with its place and what would be right", arguments: mistakes)
    func mistake(text: String, said: String) {
        let (config, mistakes) = read(text)
        #expect(config == nil)
        #expect(mistakes.count == 1, "\(mistakes)")
        #expect(mistakes.allSatisfy { $0.hasPrefix("leo.toml:") })
        #expect(mistakes.contains { $0.contains(said) }, "\(mistakes)")
    }

    @Test("has all its mistakes named at once, in the order of the file")
    func allAtOnce() {
        let text = """
            [[provider]]
            name = "a"
            hosts = ["a.example"]
            api = "openai"
            [[provider]]
            name = "a"
            hosts = ["a.example"]
            api = "opnai"
            [listen]
            proxy = "0.0.0.0:1"
            idle_timeout = 5
            idel_timeout = "5s"
            [intercept]
            providers = ["a", "b"]
            splice = ["a.example"]
            """
        let (config, mistakes) = read(text)
        #expect(config == nil)
        let starts = [
            "leo.toml:6:8: provider.name = \"a\" is taken already, at line 2, column 8",
            "leo.toml:7:10: provider.hosts has \"a.example:443\" again, after line 3, column 10",
            "leo.toml:8:7: provider.api must be \"openai\" or", "leo.toml:10:9: listen.proxy = \"0.0.0.0:1\" would",
            "leo.toml:11:16: listen.idle_timeout must be", "leo.toml:12:1: unknown key \"idel_timeout\"",
            "leo.toml:14:19: intercept.providers has \"b\"",
        ]
        #expect(mistakes.count == starts.count, "\(mistakes)")
        for (mistake, start) in zip(mistakes, starts) { #expect(mistake.hasPrefix(start)) }
    }

    @Test("does not report a row's mistake again where the row is used")
    func noEcho() {
        let (_, mistakes) = read(
            """
            [intercept]
            providers = ["mine"]
            splice = ["a.mine.example"]
            [[provider]]
            name = "mine"
            hosts = ["*.mine.example"]
            api = "x"
            """)
        #expect(mistakes.count == 1, "\(mistakes)")
    }

    @Test("may be a megabyte and no more")
    func size() {
        let fits = "#" + String(repeating: "x", count: Config.fileByteCountMax - 1)
        #expect(read(fits).config != nil)
        #expect(read(fits + "x").mistakes == ["leo.toml:1:1: the file is larger than 1048576 bytes"])
    }

    @Test(
        "of a megabyte of the same thing is read in bounded time and memory",
        arguments: [
            "x = 1\n", "[a]\n", "[[provider]]\n", "[[provider]]\nname = \"é\"\n", "a.b.c.d = 1\n", "[listen]\n",
            "\"\" = 1\n", "x = [[], []]\n", "[[access_log.labels]]\n",
        ])
    func repeated(piece: String) {
        let text = String(repeating: piece, count: Config.fileByteCountMax / piece.utf8.count)
        let (config, mistakes) = read(text)
        #expect(config == nil && (1...101).contains(mistakes.count))
    }

    @Test("of a megabyte of different keys is read in bounded time and memory")
    func manyKeys() {
        var text = "[upstream.resolve]\n"
        for number in 0..<25_000 { text += "\"h\(number).example:443\" = \"10.0.0.1:1\"\n" }
        #expect(read(text).config?.upstream.resolve.count == 25_000)
        text = "[listen]\n"
        for number in 0..<80_000 { text += "k\(number) = 1\n" }
        #expect(read(text).mistakes.count == 101)
    }
}

@Suite("What is noted in a file that is right")
struct ConfigNotesTests {
    @Test("a token limit whose burst nobody wrote is noted where prompts would be above it, once, with its place")
    func narrowBurst() {
        let text = """
            [defaults.limits]
            tokens = ["20M/day", "200k/min", "20M/day burst 2400"]
            requests = ["5/day"]
            [tenants.one]
            match = [{ source = ["10.0.0.0/8"] }]
            [tenants.two]
            match = [{ source = ["10.1.0.0/16"] }]
            """
        let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/")
        #expect(mistakes.isEmpty)
        let notes = (config?.notes ?? []).map(\.description)
        #expect(notes.count == 1)
        #expect(notes.first?.hasPrefix("leo.toml:2:11: note: tokens/day: at most 2314 tokens at once") == true)
    }
}
