import Policy
import Testing

@testable import Proxy

@Suite("The ways out in the configuration")
struct UpstreamConfigTests {
    private static let pin = "sha256/AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

    private func read(_ text: String) -> (config: Config?, mistakes: [String]) {
        let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/etc/leo")
        return (config, mistakes.map(\.description))
    }

    private func good(_ text: String) throws -> Config {
        let (config, mistakes) = read(text)
        return try #require(config, "\(mistakes)")
    }

    @Test("all keys are read")
    func everyKey() throws {
        let upstream = try good(
            """
            [upstream]
            via = "HTTPS://Proxy.corp.example.:3129/"
            via_credentials_file = "secrets/parent"
            via_except = ["db.example", ".corp.example", "10.0.0.0/8", "db.example:5432"]
            source = ["10.0.0.5", "FD00::5"]
            [[upstream.tls]]
            hosts = ["api.openai.com", "*.api.openai.com:443"]
            certificate = "certs/client.pem"
            key = "/client.key"
            pins = ["\(Self.pin)"]
            trust = "roots.pem"
            [[upstream.tls]]
            hosts = ["proxy.corp.example"]
            trust = "parent.pem"
            """
        ).upstream
        let via = try #require(upstream.via)
        #expect(via.address == HostPort(host: "proxy.corp.example", port: 3129) && via.isSecure)
        #expect(via.credentialsPath == "/etc/leo/secrets/parent" && via.credentialsPlace == Place(line: 3, column: 24))
        #expect(via.except.map(\.text) == ["db.example", "*.corp.example", "10.0.0.0/8", "db.example:5432"])
        #expect(upstream.source == SourceAddresses(v4: .v4(0x0A00_0005), v6: .v6(0xFD00 << 48, 5)))
        #expect(upstream.tls.count == 2)
        let row = upstream.tls[0]
        #expect(row.hosts.map(\.description) == ["api.openai.com", "*.api.openai.com:443"])
        #expect(row.certificatePath == "/etc/leo/certs/client.pem" && row.keyPath == "/client.key")
        #expect(row.pins.map(\.description) == [Self.pin] && row.trustPath == "/etc/leo/roots.pem")
        #expect(row.places.key == Place(line: 9, column: 7) && row.places.trust == Place(line: 11, column: 9))
        #expect(row.means(host: "eu.api.openai.com", port: 443) && !row.means(host: "eu.api.openai.com", port: 8443))
        #expect(upstream.tls[1].certificatePath == nil && upstream.tls[1].pins.isEmpty)
    }

    @Test("a parent may be an address, without exceptions and credentials")
    func plainParent() throws {
        let via = try good("[upstream]\nvia = \"http://[fd00::1]:3128\"").upstream.via
        #expect(via == ParentProxy(address: HostPort(host: "fd00::1", port: 3128)))
    }

    @Test("rows for a provider of the file, or for all of a suffix, are right")
    func rows() throws {
        let provider =
            "[[provider]]\nname = \"a\"\napi = \"openai\"\nhosts = [\"llm-*.a.example\", \"b.example:8443\"]\n"
        for host in [
            "llm-1.a.example", "*.a.example", "b.example", "b.example:8443", "*.amazonaws.com", "*.googleapis.com",
        ] {
            let text = "[[upstream.tls]]\nhosts = [\"\(host)\"]\npins = [\"\(Self.pin)\"]"
            #expect(try good(provider + text).upstream.tls.count == 1, "\(host)")
        }
    }

    static let row = "[[upstream.tls]]\nhosts = [\"api.openai.com\"]\n"

    static let mistakes: [(text: String, said: String)] = [
        (
            "[upstream]\nvia = \"proxy.example:3128\"",
            "2:7: upstream.via = \"proxy.example:3128\": did you mean \"http://proxy.example:3128\"?"
        ),
        (
            "[upstream]\nvia = \"http://proxy.example\"",
            "the port is missing, did you mean \"http://proxy.example:3128\"?"
        ),
        ("[upstream]\nvia = \"http://proxy.example:0\"", "a proxy like"),
        ("[upstream]\nvia = \"http://proxy.example:99999\"", "a proxy like"),
        ("[upstream]\nvia = \"http://\"", "a proxy like"), ("[upstream]\nvia = \"\"", "a proxy like"),
        ("[upstream]\nvia = \"http://fd00::1:3128\"", "a proxy like"),
        ("[upstream]\nvia = \"http://127.1:3128\"", "a proxy like"),
        ("[upstream]\nvia = \"http://proxy.example:3128/pac\"", "a proxy has no path"),
        ("[upstream]\nvia = \"socks5://proxy.example:1080\"", "HTTP CONNECT to a parent proxy, not SOCKS"),
        ("[upstream]\nvia = \"ftp://proxy.example:1\"", "a proxy like"),
        ("[upstream]\nvia = [\"http://proxy.example:1\"]", "must be a proxy like"),
        ("[upstream]\nvia = \"http://127.0.0.1:8889\"", "this is leo itself"),
        ("[upstream]\nvia = \"http://localhost:8890\"", "this is leo itself"),
        ("[upstream]\nvia = \"http://169.254.169.254:80\"", "2:7: upstream.via = "),
        ("[upstream]\nvia = \"http://metadata.google.internal:80\"", "leo never goes there"),
        ("[upstream]\nvia_except = [\"a.example\"]", "2:14: upstream.via_except has no meaning without upstream.via"),
        (
            "[upstream]\nvia_credentials_file = \"x\"",
            "upstream.via_credentials_file has no meaning without upstream.via"
        ),
        ("[upstream]\nvia = \"http://p.example:1\"\nvia_credentials_file = \"x/\"", "this is a folder"),
        ("[upstream]\nvia = \"http://p.example:1\"\nvia_except = \".corp.example\"", "write [\".corp.example\"]"),
        ("[upstream]\nvia = \"http://p.example:1\"\nvia_except = [\".\"]", "which is no suffix like \".corp.example\""),
        ("[upstream]\nvia = \"http://p.example:1\"\nvia_except = [\"..a\"]", "which is no suffix"),
        ("[upstream]\nvia = \"http://p.example:1\"\nvia_except = [\".a.example:x\"]", "which is no suffix"),
        (
            "[upstream]\nvia = \"http://p.example:1\"\nvia_except = [\"10.0.0.1/8\"]",
            "inside of the network \"10.0.0.0/8\""
        ),
        (
            "[upstream]\nvia = \"http://p.example:1\"\nvia_except = [\"https://a.example/\"]",
            "write the host alone, \"a.example\""
        ),
        ("[upstream]\nvai = \"http://p.example:1\"", "did you mean \"via\"?"),
        ("[upstream]\nsource = \"10.0.0.1\"", "write [\"10.0.0.1\"]"),
        ("[upstream]\nsource = [\"eth0\"]", "addresses of this machine like \"10.0.0.5\" or \"fd00::5\" are needed"),
        ("[upstream]\nsource = [\"10.0.0.1:80\"]", "write the address without a port"),
        ("[upstream]\nsource = [\"[::1]\"]", "are needed"), ("[upstream]\nsource = [\"0.0.0.0\"]", "leave the key out"),
        ("[upstream]\nsource = [\"::ffff:10.0.0.1\"]", "write it as IPv4, \"10.0.0.1\""),
        ("[upstream]\nsource = [\"224.0.0.1\"]", "no machine has this address"),
        ("[upstream]\nsource = [\"fe80::1\"]", "link-local"),
        (
            "[upstream]\nsource = [\"10.0.0.1\", \"10.0.0.2\"]",
            "2:23: upstream.source has \"10.0.0.2\": there is an IPv4 address already, at line 2, column 11"
        ),
        ("[upstream]\nsource = [\"fd00::1\", \"fd00::2\"]", "there is an IPv6 address already"),
        (
            "[upstream.tls]\nhosts = [\"api.openai.com\"]",
            "upstream.tls is a list of tables: write [[upstream.tls]] with double"
        ),
        ("[upstream]\ntls = [1]", "upstream.tls is a list of tables, each written as [[upstream.tls]]"),
        ("[[upstream.tsl]]", "unknown key \"tsl\" in [upstream]"),
        ("[[upstream.tls]]\npins = [\"\(pin)\"]", "1:1: upstream.tls.hosts are missing"),
        ("[[upstream.tls]]\nhosts = []\npins = [\"\(pin)\"]", "must name at least one host"),
        (row, "1:1: upstream.tls.hosts alone say nothing"),
        (row + "key = \"a\"", "3:7: upstream.tls.certificate is missing: a client certificate needs both"),
        (row + "certificate = \"a\"", "3:15: upstream.tls.key is missing: a client certificate needs both"),
        (row + "trust = \"system/\"", "this is a folder"),
        (row + "verify = false\npins = [\"\(pin)\"]", "unknown key \"verify\""),
        (row + "pin = []\ntrust = \"a\"", "unknown key \"pin\" in [upstream.tls], did you mean \"pins\"?"),
        (row + "pins = []", "3:8: upstream.tls.pins must hold at least one pin"),
        (row + "pins = [\"x\"]", "which is no pin"),
        (row + "pins = \"\(pin)\"", "write [\"\(pin)\"]"),
        (
            row + "pins = [\"\(pin)\", \"\(pin)\"]",
            "3:64: upstream.tls.pins has \"\(pin)\" again, after line 3, column 9"
        ),
        (row + "pins = [\"sha256//\(pin.dropFirst(7))\"]", "did you mean \"\(pin)\"?"),
        (row + "pins = [\"SHA256/\(pin.dropFirst(7))\"]", "did you mean \"\(pin)\"?"),
        (row + "pins = [\"\(pin.dropFirst(7))\"]", "did you mean \"\(pin)\"?"),
        (row + "pins = [\"\(pin.dropLast())\"]", "did you mean \"\(pin)\"?"),
        (row + "pins = [\"\(pin.dropLast(2))B=\"]", "which is no pin"),
        (
            row + "pins = [\"\(Array(repeating: "aB", count: 32).joined(separator: ":"))\"]",
            "this is a certificate's fingerprint"
        ),
        (row + "pins = [\"sha1/2jmj7l5rSw0yVb/vlWAYkK/YBwk=\"]", "SHA-256 alone is known here"),
        (
            "[[upstream.tls]]\nhosts = [\"api.openai.co\"]\ntrust = \"a\"",
            "is no provider's host, nor an https:// proxy in upstream.via, did you mean \"api.openai.com\"?"
        ),
        ("[[upstream.tls]]\nhosts = [\"localhost:11434\"]\ntrust = \"a\"", "which is no provider's host"),
        (
            "[[upstream.tls]]\nhosts = [\"bedrock-runtime.*.amazonaws.com\"]\ntrust = \"a\"",
            "write an exact host, or \"*.example.com\""
        ),
        ("[[upstream.tls]]\nhosts = [\"*.com\"]\ntrust = \"a\"", "at least two labels must follow the star"),
        ("[[upstream.tls]]\nhosts = [\"https://api.openai.com\"]\ntrust = \"a\"", "write the host alone"),
        (
            "[upstream]\nvia = \"http://p.example:1\"\n[[upstream.tls]]\nhosts = [\"p.example\"]\ntrust = \"a\"",
            "nor an https:// proxy in upstream.via"
        ),
        (
            row + "trust = \"a\"\n" + row + "trust = \"b\"",
            "5:10: upstream.tls.hosts has \"api.openai.com\" again, after line 2, column 10"
        ),
        (
            "[[upstream.tls]]\nhosts = [\"*.api.openai.com\"]\ntrust = \"a\"\n"
                + "[[upstream.tls]]\nhosts = [\"eu.api.openai.com:443\"]\ntrust = \"b\"",
            "5:10: upstream.tls.hosts has \"eu.api.openai.com:443\", which \"*.api.openai.com\" means too, at line 2, column 10"
        ),
    ]

    @Test("mistakes are named, each with its place and what would be right", arguments: mistakes)
    func mistake(text: String, said: String) {
        let (config, mistakes) = read(text)
        #expect(config == nil)
        #expect(mistakes.count == 1, "\(mistakes)")
        #expect(mistakes.allSatisfy { $0.hasPrefix("leo.toml:") })
        #expect(mistakes.contains { $0.contains(said) }, "\(mistakes)")
    }

    @Test(
        "a password in the parent's URL is refused without being repeated",
        arguments: ["http://user:hunter2@proxy:3128", "hunter2@proxy", "http://x:1@hunter2", "socks5://hunter2:@p:1"])
    func password(via: String) {
        let (config, mistakes) = read("[upstream]\nvia = \"\(via)\"")
        #expect(config == nil && mistakes.count == 1)
        #expect(mistakes[0].contains("upstream.via_credentials_file") && !mistakes[0].contains("hunter2"))
    }

    @Test("the parent is not asked for this machine, nor for what the file excepts")
    func leads() throws {
        let via = try #require(
            try good("[upstream]\nvia = \"http://p.example:1\"\nvia_except = [\".corp.example\", \"192.0.2.0/24\"]")
                .upstream.via)
        for target in ["api.openai.com:443", "corp.example:443", "198.51.100.1:443", "[2001:db8::1]:443"] {
            #expect(via.leads(to: try #require(HostPort.parse(target))), "\(target)")
        }
        for target in [
            "localhost:80", "a.localhost:80", "127.0.0.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "a.corp.example:443",
            "192.0.2.7:443",
        ] {
            #expect(!via.leads(to: try #require(HostPort.parse(target))), "\(target)")
        }
    }

    @Test("a source address is used for its family, and on this machine only if it is a loopback one")
    func source() {
        let outside = SourceAddresses(v4: .v4(0x0A00_0005), v6: nil)
        #expect(outside.address(for: .v4(0x0808_0808)) == .v4(0x0A00_0005))
        #expect(outside.address(for: .v6(1, 1)) == nil)
        #expect(outside.address(for: .loopback4) == nil)
        let inside = SourceAddresses(v4: .v4(0x7F00_0002), v6: .loopback6)
        #expect(inside.address(for: .loopback4) == .v4(0x7F00_0002) && inside.address(for: .loopback6) == .loopback6)
    }
}
