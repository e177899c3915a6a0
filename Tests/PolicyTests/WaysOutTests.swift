import Testing

@testable import Policy

@Suite("Ways out")
struct WaysOutTests {
    private func pattern(_ text: String) throws -> HostPattern { try HostPattern.parse(text, defaultPort: nil) }

    @Test(
        "two patterns overlap when some host is meant by both",
        arguments: [
            ("a.example", "a.example", true), ("a.example", "b.example", false), ("a.example", "a.example:443", true),
            ("a.example:80", "a.example:443", false), ("a.b.example", "*.b.example", true),
            ("b.example", "*.b.example", false), ("*.b.example", "*.a.b.example", true),
            ("*.a.example", "*.b.example", false), ("*.ab.example", "*.b.example", false),
            ("x-*.b.example", "x-1.b.example", true), ("x-*.b.example", "*.b.example", true),
            ("x-*.b.example", "*.a.b.example", false), ("y.x-*.b.example", "*.x-1.b.example", true),
            ("y.x-*.b.example", "*.z-1.b.example", false), ("x.*.b.example", "*.us.b.example", true),
            ("x.*.b.example", "*.x.us.b.example", false), ("y.x.*.b.example", "*.x.us.b.example", true),
            ("x-*.b.example", "x-*-1.b.example", true), ("x-*.b.example", "y-*.b.example", false),
            ("10.0.0.1", "10.0.0.1:80", true),
        ])
    func overlap(left: String, right: String, expected: Bool) throws {
        let (left, right) = (try pattern(left), try pattern(right))
        #expect(left.overlaps(right) == expected)
        #expect(right.overlaps(left) == expected)
    }

    @Test("no overlap is missed: whatever both of two patterns match, they overlap")
    func overlapSound() throws {
        var random = SplitMix(state: 7)
        let labels = ["a", "b", "a-b", "b-a"]
        func pick(_ words: [String]) -> String { words[Int(random.next() % UInt64(words.count))] }
        func name() -> String { (0...Int(random.next() % 3)).map { _ in pick(labels) }.joined(separator: ".") + ".c.d" }
        func some() -> String { pick([name(), "*.\(name())", "a-*.\(name())", "b.*.\(name())", "*-b.\(name())"]) }
        for _ in 0..<20_000 {
            let (left, right, host) = (try pattern(some()), try pattern(some()), name())
            if left.matches(host: host), right.matches(host: host) { #expect(left.overlaps(right), "\(left) \(right)") }
        }
    }

    @Test(
        "an exception is a host, a suffix, a network, each with what it means",
        arguments: [
            ("a.example", ["a.example:1", "A.EXAMPLE.:443"], ["b.a.example:1", "xa.example:1"]),
            ("a.example:443", ["a.example:443"], ["a.example:80"]),
            (".corp.example", ["a.corp.example:1", "a.b.corp.example:2"], ["corp.example:1", "acorp.example:1"]),
            (".internal", ["a.internal:1"], ["internal:1", "ainternal:1"]),
            (".corp.example:443", ["a.corp.example:443"], ["a.corp.example:80"]),
            ("*.corp.example", ["a.corp.example:1"], ["corp.example:1"]),
            ("10.0.0.0/8", ["10.1.2.3:1"], ["11.0.0.1:1", "a.example:1"]),
            ("fd00::/8", ["[fd12::1]:443"], ["[fe00::1]:443"]), ("10.0.0.1", ["10.0.0.1:5"], ["10.0.0.2:5"]),
            ("10.0.0.1:5", ["10.0.0.1:5"], ["10.0.0.1:6"]), ("[fd12::1]:443", ["[fd12::1]:443"], ["[fd12::1]:444"]),
        ])
    func exception(text: String, means: [String], others: [String]) throws {
        let reader = FileReader(text: "[upstream]\nvia_except = [\"\(text)\"]", file: "f")
        let rows = try #require(reader.table("upstream").exceptions("via_except"))
        #expect(reader.finish() == [])
        let row = try #require(rows.first?.value)
        for target in means { #expect(row.means(try #require(HostPort.parse(target))), "\(target)") }
        for target in others { #expect(!row.means(try #require(HostPort.parse(target))), "\(target)") }
    }

    @Test("what a name leads to is nobody's business with a parent proxy, but its spelling is")
    func unresolved() throws {
        let own = [IPEndpoint(address: .loopback4, port: 8889)]
        var policy = DestinationPolicy(refuse: [.network(CIDR(only: .v4(0xCB00_7107)))])
        func judge(_ text: String, intercepted: Bool = false) throws -> DestinationRefusal? {
            policy.permitsUnresolved(
                try #require(HostPort.parse(text)), intercepted: intercepted, ownListeners: own)
        }
        #expect(try judge("pypi.example:443") == nil)
        #expect(try judge("203.0.113.8:443") == nil)
        #expect(try judge("203.0.113.7:443") == .refusedAddress(row: "203.0.113.7/32"))
        #expect(try judge("169.254.1.1:443") == .linkLocal)
        #expect(try judge("127.0.0.1:8889") == .ownListener)
        policy.otherHosts = .refuse
        policy.allow = [
            .network(CIDR(only: .v4(0x0A00_0001))), .hosts(try pattern("named.example")),
        ]
        #expect(try judge("pypi.example:443") == .otherHost)
        #expect(try judge("named.example:443") == nil)
        #expect(try judge("10.0.0.1:443") == nil)
        #expect(try judge("api.openai.com:443", intercepted: true) == nil)
    }

    @Test("leo's own way is neither link-local nor through leo")
    func own() throws {
        let policy = DestinationPolicy(otherHosts: .refuse)
        let own = [IPEndpoint(address: .v4(0), port: 8889)]
        func judge(_ text: String) throws -> DestinationRefusal? {
            policy.permitsOwn(try #require(IPEndpoint.parse(text)), ownListeners: own)
        }
        #expect(try judge("10.0.0.1:3128") == nil)
        #expect(try judge("127.0.0.1:3128") == nil)
        #expect(try judge("127.0.0.1:8889") == .ownListener)
        #expect(try judge("[::1]:8889") == .ownListener)
        #expect(try judge("169.254.169.254:80") == .metadataService)
        #expect(try judge("[fe80::1]:80") == .linkLocal)
    }
}
