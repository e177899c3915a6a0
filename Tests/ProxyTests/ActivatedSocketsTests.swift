import Testing

@testable import Proxy

@Suite("Sockets that systemd hands over")
struct ActivatedSocketsTests {
    private func read(_ process: String?, _ count: String?, _ names: String?) throws -> [String] {
        try ActivatedSockets(process: process, count: count, names: names, ownProcess: 7).assignments
            .map { "\($0.descriptor) \($0.kind?.rawValue ?? "admin")" }
    }

    @Test(
        "are known by their names",
        arguments: [
            (
                "6", "proxy:proxy_tls:proxy_unix:transparent:reverse:admin",
                ["3 proxy", "4 proxy_tls", "5 proxy_unix", "6 transparent", "7 reverse", "8 admin"]
            ), ("2", "proxy:proxy", ["3 proxy", "4 proxy"]), ("1", nil, ["3 proxy"]), ("1", "unknown", ["3 proxy"]),
            ("1", "leo.socket", ["3 proxy"]), ("2", "unknown:reverse", ["3 proxy", "4 reverse"]), ("0", "", []),
            ("0", nil, []),
        ] as [(String, String?, [String])])
    func names(_ count: String, _ names: String?, _ found: [String]) throws {
        #expect(try read("7", count, names) == found)
    }

    @Test("of another process are not leo's")
    func others() throws {
        #expect(try read("8", "1", "proxy").isEmpty)
        #expect(try read(nil, "1", "proxy").isEmpty)
        #expect(try read("7", nil, nil).isEmpty)
    }

    @Test(
        "must be announced without contradiction",
        arguments: [
            ("x", "proxy", "LISTEN_FDS is no number"), ("-1", nil, "LISTEN_FDS is no number"),
            ("65", nil, "LISTEN_FDS is no number"), ("2", "proxy", "has 1 names for 2 sockets"),
            ("1", "porxy", "a socket with the name \"porxy\""),
            ("2", "leo.socket:proxy", "must be one of proxy, proxy_tls"),
        ] as [(String, String?, String)])
    func mistakes(_ count: String, _ names: String?, _ said: String) throws {
        let failure = try #require(throws: StartFailure.self) { try read("7", count, names) }
        #expect(failure.message.contains(said))
    }
}
