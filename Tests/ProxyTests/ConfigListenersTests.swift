import Policy
import Testing

@testable import Proxy

@Suite("The listeners of the configuration file")
struct ConfigListenersTests {
    private func read(_ text: String) -> (config: Config?, mistakes: [String]) {
        let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/etc/leo")
        return (config, mistakes.map(\.description))
    }

    @Test("are all off but the proxy and the admin listener")
    func defaults() {
        let listen = Config(baseDirectory: "").listen
        #expect(ListenerKind.allCases.flatMap { listen.endpoints(of: $0) } == [listen.proxy])
        #expect(ListenerKind.allCases.compactMap { listen.path(of: $0) }.isEmpty)
        #expect(listen.proxyProtocolFrom.isEmpty && listen.mark == 0 && listen.tls.names == ["localhost"])
    }

    @Test("can all be on, with one address or several")
    func everyListener() throws {
        let (config, mistakes) = read(
            """
            [listen]
            proxy_tls = ["127.0.0.1:8443", "[::1]:8443"]
            proxy_unix = "run/proxy.sock"
            transparent = ["127.0.0.1:8891", "[::1]:8891"]
            reverse = "127.0.0.1:0"
            proxy_protocol_from = ["10.0.0.0/8", "::1"]
            mark = 4294967295
            [listen.tls]
            certificate = "proxy.pem"
            key = "/proxy.key"
            """)
        let listen = try #require(config, "\(mistakes)").listen
        #expect(listen.proxyTLS.map(\.description) == ["127.0.0.1:8443", "[::1]:8443"])
        #expect(listen.proxyUnix == "/etc/leo/run/proxy.sock")
        #expect(listen.transparent.map(\.description) == ["127.0.0.1:8891", "[::1]:8891"])
        #expect(listen.reverse.map(\.description) == ["127.0.0.1:0"])
        #expect(listen.proxyProtocolFrom.map(\.description) == ["10.0.0.0/8", "::1/128"])
        #expect(listen.mark == .max)
        #expect(listen.tls.certificatePath == "/etc/leo/proxy.pem" && listen.tls.keyPath == "/proxy.key")
    }

    @Test("make leo's CA sign for the names of proxy_tls where it has no certificate of its own")
    func mintedNames() throws {
        let tls = "[listen]\nproxy_tls = \"127.0.0.1:8443\"\n"
        let written = "[listen.tls]\nnames = [\"Proxy.Example\", \"localhost\"]"
        #expect(try #require(read(tls).config).constraintSuffixes.contains("localhost"))
        #expect(try #require(read(tls + written).config).constraintSuffixes.contains("proxy.example"))
        #expect(try #require(read(written).config).constraintSuffixes.contains("localhost") == false)
        let own = "[listen.tls]\ncertificate = \"c\"\nkey = \"k\""
        #expect(try #require(read(tls + own).config).constraintSuffixes.contains("localhost") == false)
    }

    @Test(
        "have their mistakes named",
        arguments: [
            ("[listen]\nreverse = \"0.0.0.0:1\"", "2:11: listen.reverse = \"0.0.0.0:1\" would let other machines use"),
            ("[listen]\nproxy_tls = [\"10.0.0.1:1\"]", "2:14: listen.proxy_tls = \"10.0.0.1:1\" would let other"),
            ("[listen]\ntransparent = [\"::1\"]", "has \"::1\", which is no address with a port"),
            ("[listen]\ntransparent = 8891", "did you mean \"127.0.0.1:8891\"?"),
            ("[listen]\ntransparent = [1]", "must be a list of addresses with a port"),
            (
                "[listen]\nreverse = \"127.0.0.1:8889\"",
                "2:11: listen.reverse is \"127.0.0.1:8889\", but the proxy has port 8889 already"
            ),
            (
                "[listen]\ntransparent = \"127.0.0.1:1\"\nreverse = [\"127.0.0.2:1\"]",
                "3:12: listen.reverse is \"127.0.0.2:1\", but the transparent has port 1 already"
            ),
            ("[listen]\nreverse = [\"127.0.0.1:1\", \"127.0.0.1:1\"]", "has \"127.0.0.1:1\" twice"),
            ("[listen]\nproxy_unix = \"/run/\"", "this is a folder"),
            ("[listen]\nproxy_unix = \"/\(String(repeating: "x", count: 107))\"", "is longer than the 107 bytes"),
            ("[listen]\nproxy_protocol_from = [\"host.example\"]", "which is a host: only networks count here"),
            ("[listen]\nproxy_protocol_from = [\"10.0.0.1/8\"]", "did you mean the network"),
            ("[listen]\nproxy_protocol_from = \"10.0.0.0/8\"", "write [\"10.0.0.0/8\"]"),
            ("[listen]\nmark = -1", "listen.mark must be from 0 to 4294967295"),
            ("[listen]\ntls = 1", "listen.tls is a table, written as [listen.tls]"),
            ("[listen.tls]\ncertificate = \"c\"", "2:15: listen.tls.key is missing: certificate alone"),
            ("[listen.tls]\nkey = \"c\"", "2:7: listen.tls.certificate is missing: key alone"),
            ("[listen.tls]\nnames = []", "listen.tls.names must name at least one host"),
            ("[listen.tls]\nnames = [\"127.0.0.1\"]", "leo's CA signs for names, never for addresses"),
            ("[listen.tls]\nnames = [\"*.example.com\"]", "this is no DNS name"),
            ("[listen.tls]\nkye = \"c\"", "unknown key \"kye\" in [listen.tls], did you mean \"key\"?"),
            ("[listen]\nproxytls = \"127.0.0.1:1\"", "did you mean \"proxy_tls\"?"),
            (
                "[listen]\nreverse = \"127.0.0.1:7\"\n[upstream.resolve]\n\"a.example:1\" = \"127.0.0.1:7\"",
                "this is leo itself"
            ),
        ])
    func mistakes(_ text: String, _ said: String) {
        let mistakes = read(text).mistakes
        #expect(mistakes.contains { $0.contains(said) }, "\(mistakes)")
        #expect(mistakes.count == 1, "\(mistakes)")
    }

    private static let hash =
        "scrypt$ln=15,r=8,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"
    private static let user = "[tenants.a]\nmatch = [{ proxy_user = \"u\", password_hash = \"\(hash)\" }]"
    private static let certificate = "[tenants.a]\nmatch = [{ client_certificate = \"c\" }]"
    private static let authority = "[listen.tls]\nclient_ca = \"c.pem\""
    private static let open = "[listen]\nproxy_tls = \"0.0.0.0:8443\""

    @Test(
        "may be reached from other machines when everybody there has to say who they are",
        arguments: ["\(open)\n\(user)", "\(open)\n\(authority)\n\(certificate)"])
    func reachable(_ text: String) throws {
        let (config, mistakes) = read(text)
        let listen = try #require(config, "\(mistakes)").listen
        #expect(listen.proxyTLS.map(\.description) == ["0.0.0.0:8443"])
        #expect(Config.Listen.clients(at: listen.proxyTLS[0]) == .remote)
        #expect(Config.Listen.clients(at: listen.proxy) == .local && Config.Listen.clients(at: nil) == .local)
    }

    @Test(
        "are refused where somebody could come in without that",
        arguments: [
            (open, "declare [tenants.NAME] with a password or a client certificate"),
            ("\(open)\n\(authority)", "declare [tenants.NAME]"),
            ("\(open)\n\(user)\n[tenants.default]", "because of [tenants.default]"),
            ("\(open)\n[tenants.default]", "because of [tenants.default]"),
            ("[listen]\nproxy = \"0.0.0.0:1\"\n\(user)", "a password must not travel to it in the clear"),
            ("[listen]\nreverse = \"10.0.0.1:1\"\n\(user)", "which cannot ask them who they are there"),
            ("[listen]\ntransparent = \"10.0.0.1:1\"\n\(user)", "which cannot ask them who they are there"),
            ("[listen]\nadmin = \"10.0.0.1:1\"\n\(user)", "would let other machines look into leo"),
            (certificate, "without listen.tls.client_ca no client can show a certificate"),
            ("[listen]\nreverse = \"127.0.0.1:1\"\n\(user)", "listen.reverse lets nobody in"),
            (authority, "client_ca is for the clients of listen.proxy_tls, which is not there"),
        ])
    func unreachable(_ text: String, _ said: String) {
        let mistakes = read(text).mistakes
        #expect(mistakes.contains { $0.contains(said) }, "\(mistakes)")
        #expect(mistakes.count == 1, "\(mistakes)")
    }

    @Test("are not judged by tenants that have mistakes of their own")
    func mistakenTenants() {
        let mistakes = read("\(Self.open)\n[tenants.a]\nmatch = [{ proxy_user = \"u\" }]").mistakes
        #expect(mistakes.count == 1 && mistakes[0].contains("password_hash is missing"), "\(mistakes)")
    }
}
