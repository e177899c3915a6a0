import Testing

@testable import Policy

@Suite("Where one may go")
struct DestinationTests {
    private let listeners = [
        IPEndpoint(address: .loopback4, port: 8889), IPEndpoint(address: .loopback6, port: 8890),
    ]

    private func target(_ text: String) throws -> HostPort { try #require(HostPort.parse(text)) }

    private func permits(
        _ policy: DestinationPolicy, _ address: String, _ port: UInt16, target: String = "a.example:443",
        intercepted: Bool = false
    ) throws -> DestinationRefusal? {
        policy.permits(
            try #require(IPAddress.parse(address)), port: port, target: try self.target(target),
            intercepted: intercepted, ownListeners: listeners)
    }

    private func pattern(_ text: String) throws -> HostPattern { try HostPattern.parse(text, defaultPort: nil) }

    @Test("a provider is intercepted, any other host tunnelled, whatever the port and address")
    func defaults() throws {
        let policy = DestinationPolicy()
        guard case .intercept(let provider) = policy.decide(try target("API.openai.com:443")) else {
            Issue.record("not intercepted")
            return
        }
        #expect(provider.name == "openai")
        for text in ["api.openai.com:8443", "pypi.example:443", "db:5432", "10.0.0.1:6379", "[fd12::1]:1"] {
            #expect(policy.decide(try target(text)) == .tunnel(bypassed: false))
        }
        for address in ["10.1.2.3", "192.168.0.1", "100.64.0.1", "127.0.0.1", "fd12::1", "93.184.216.34", "::1"] {
            #expect(try permits(policy, address, 443) == nil)
        }
    }

    @Test(
        "a name that some resolvers take for an address is refused",
        arguments: [
            "127.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "017700000001", "127.0.0.01", "1.2.3",
            "0xA9.254.0xa9.254", "a.0x1", "a.1", "256.256.256.256", "1.2.3.4.5", "0x", "0x.", "127.1.", "", ".", "..",
            "a..b", "-a", "a b", "a\u{0}b", "a%00", "a_b-.c", "[::1]", "::1%lo", "ä.example", "*.example.com", "a:b",
            "localhost:80", "user@host",
        ])
    func malformed(host: String) {
        let policy = DestinationPolicy()
        #expect(policy.decide(HostPort(host: host, port: 443)) == .refuse(.malformedTarget))
    }

    @Test("port 0 is refused")
    func portZero() {
        #expect(DestinationPolicy().decide(HostPort(host: "a.example", port: 0)) == .refuse(.malformedTarget))
    }

    @Test(
        "a metadata service is refused by name and by address, in every form of the address",
        arguments: [
            "metadata.google.internal", "Metadata.Google.Internal.", "metadata", "instance-data", "169.254.169.254",
            "fd00:ec2::254", "100.100.100.200", "::ffff:169.254.169.254", "::169.254.169.254",
            "64:ff9b::169.254.169.254", "64:ff9b::100.100.100.200", "2002:a9fe:a9fe::", "2002:6464:64c8::1",
            "::ffff:0:169.254.169.254", "2001:0:102:304::5601:5601",
        ])
    func metadata(host: String) throws {
        var policy = DestinationPolicy()
        policy.allow = [.network(try #require(CIDR(.v4(0), prefixLength: 0))), .hosts(try pattern("metadata"))]
        policy.refuse = []
        #expect(policy.decide(HostPort(host: host, port: 80)) == .refuse(.metadataService))
        if IPAddress.parse(host) != nil {
            #expect(try permits(policy, host, 80) == .metadataService)
            #expect(try permits(policy, host, 443, target: "api.openai.com:443", intercepted: true) != nil)
        }
    }

    @Test(
        "addresses that mean no machine of the operator's are refused, whatever the file allows",
        arguments: [
            ("169.254.1.1", .linkLocal), ("fe80::1", .linkLocal), ("febf::1", .linkLocal),
            ("::ffff:169.254.1.1", .linkLocal), ("64:ff9b::169.254.1.1", .linkLocal), ("0.0.0.0", .unspecified),
            ("0.1.2.3", .unspecified), ("::", .unspecified), ("::ffff:0.0.0.0", .unspecified),
            ("64:ff9b::", .unspecified), ("2002::1", .unspecified), ("224.0.0.1", .multicast),
            ("255.255.255.255", .multicast), ("ff02::1", .multicast), ("::ffff:224.0.0.1", .multicast),
        ] as [(String, DestinationRefusal)])
    func never(address: String, refusal: DestinationRefusal) throws {
        var policy = DestinationPolicy(otherHosts: .refuse)
        policy.allow = [
            .network(try #require(CIDR(.v4(0), prefixLength: 0))),
            .network(try #require(CIDR(.v6(0, 0), prefixLength: 0))),
        ]
        policy.refuse = []
        #expect(policy.decide(HostPort(host: address, port: 443)) == .refuse(refusal))
        #expect(try permits(policy, address, 443) == refusal)
        #expect(try permits(policy, address, 443, target: "api.openai.com:443", intercepted: true) == refusal)
    }

    @Test(
        "leo is not reached through leo, by any loopback address",
        arguments: [
            ("127.0.0.1", 8889), ("127.0.0.2", 8889), ("127.255.255.254", 8889), ("::1", 8889),
            ("::ffff:127.0.0.1", 8889), ("::ffff:127.9.9.9", 8889), ("64:ff9b::127.0.0.1", 8889), ("127.0.0.1", 8890),
            ("::1", 8890),
        ] as [(String, UInt16)])
    func loops(address: String, port: UInt16) throws {
        let policy = DestinationPolicy()
        #expect(try permits(policy, address, port, target: "localhost:\(port)") == .ownListener)
        #expect(try permits(policy, address, port, target: "api.openai.com:443", intercepted: true) == .ownListener)
        #expect(try permits(policy, address, port + 10) == nil)
    }

    @Test("a listener on every address is found on loopback and on the address it was asked for")
    func anyListener() throws {
        let policy = DestinationPolicy()
        let any = [IPEndpoint(address: .v4(0), port: 8889), IPEndpoint(address: .v4(0x0A00_0001), port: 9000)]
        func refusal(_ address: String, _ port: UInt16) throws -> DestinationRefusal? {
            policy.permits(
                try #require(IPAddress.parse(address)), port: port, target: try target("x:1"), intercepted: false,
                ownListeners: any)
        }
        #expect(try refusal("127.0.0.3", 8889) == .ownListener)
        #expect(try refusal("::1", 8889) == .ownListener)
        #expect(try refusal("10.0.0.1", 9000) == .ownListener)
        #expect(try refusal("::ffff:10.0.0.1", 9000) == .ownListener)
        #expect(try refusal("127.0.0.1", 9000) == nil)
    }

    @Test("rows of refuse are judged on the name and on the address it resolves to")
    func refuseRows() throws {
        var policy = DestinationPolicy()
        policy.refuse = [
            .network(try #require(CIDR(.v4(0x0A00_0000), prefixLength: 8))), .hosts(try pattern("*.bad.example")),
            .hosts(try pattern("db.example:5432")), .hosts(try pattern("192.168.1.1:22")),
            .hosts(try pattern("api.cohere.com")),
        ]
        #expect(policy.decide(try target("10.1.1.1:443")) == .refuse(.refusedAddress(row: "10.0.0.0/8")))
        #expect(policy.decide(try target("x.bad.example:1")) == .refuse(.refusedHost(row: "*.bad.example")))
        #expect(policy.decide(try target("db.example:5432")) == .refuse(.refusedHost(row: "db.example:5432")))
        #expect(policy.decide(try target("db.example:5433")) == .tunnel(bypassed: false))
        #expect(policy.decide(try target("api.cohere.com:443")) == .refuse(.refusedHost(row: "api.cohere.com")))
        #expect(try permits(policy, "10.1.1.1", 443) == .refusedAddress(row: "10.0.0.0/8"))
        #expect(try permits(policy, "::ffff:10.1.1.1", 443) == .refusedAddress(row: "10.0.0.0/8"))
        #expect(try permits(policy, "64:ff9b::10.1.1.1", 443) == .refusedAddress(row: "10.0.0.0/8"))
        #expect(try permits(policy, "192.168.1.1", 22) == .refusedAddress(row: "192.168.1.1:22"))
        #expect(try permits(policy, "192.168.1.1", 23) == nil)
    }

    @Test("an intercepted provider may resolve anywhere, for its TLS is verified; a plain one may not")
    func interceptedAnywhere() throws {
        var policy = DestinationPolicy()
        policy.refuse = [.network(try #require(CIDR(.v4(0x7F00_0000), prefixLength: 8)))]
        #expect(try permits(policy, "127.0.0.1", 9443, target: "api.openai.com:443", intercepted: true) == nil)
        #expect(
            try permits(policy, "127.0.0.1", 8000, target: "localhost:8000", intercepted: true)
                == .refusedAddress(row: "127.0.0.0/8"))
        #expect(policy.decide(try target("127.0.0.1:8000")) == .refuse(.refusedAddress(row: "127.0.0.0/8")))
        policy.refuse = []
        #expect(try permits(policy, "127.0.0.1", 8000, target: "localhost:8000", intercepted: true) == nil)
    }

    @Test("with other_hosts = refuse only providers, spliced hosts and rows of allow remain")
    func allowRows() throws {
        var policy = DestinationPolicy(otherHosts: .refuse)
        policy.splice = [try pattern("api.x.ai")]
        policy.allow = [.hosts(try pattern("pypi.example:443")), .hosts(try pattern("*.ok.example"))]
        #expect(policy.decide(try target("other.example:443")) == .refuse(.otherHost))
        #expect(policy.decide(try target("10.0.0.1:443")) == .refuse(.otherHost))
        #expect(policy.decide(try target("pypi.example:443")) == .tunnel(bypassed: false))
        #expect(policy.decide(try target("pypi.example:80")) == .refuse(.otherHost))
        #expect(policy.decide(try target("a.ok.example:80")) == .tunnel(bypassed: false))
        #expect(policy.decide(try target("api.x.ai:443")) == .tunnel(bypassed: true))
        #expect(try permits(policy, "1.1.1.1", 443, target: "pypi.example:443") == nil)
        #expect(try permits(policy, "1.1.1.1", 443, target: "api.x.ai:443") == nil)
        #expect(try permits(policy, "1.1.1.1", 443, target: "other.example:443") == .otherHost)
        #expect(try permits(policy, "::1", 8000, target: "localhost:8000", intercepted: true) == nil)
    }

    @Test("a network in allow is judged on the address that a name resolves to")
    func allowNetwork() throws {
        var policy = DestinationPolicy(otherHosts: .refuse)
        policy.allow = [.network(try #require(CIDR(.v4(0x0A00_0000), prefixLength: 8)))]
        #expect(policy.decide(try target("10.0.0.1:443")) == .tunnel(bypassed: false))
        #expect(policy.decide(try target("11.0.0.1:443")) == .refuse(.otherHost))
        #expect(policy.decide(try target("db.internal:5432")) == .tunnel(bypassed: false))
        #expect(try permits(policy, "10.9.9.9", 5432, target: "db.internal:5432") == nil)
        #expect(try permits(policy, "11.9.9.9", 5432, target: "db.internal:5432") == .otherHost)
    }

    @Test("a spliced host is tunnelled, also when its name turns up in a tunnel to an address")
    func splice() throws {
        var policy = DestinationPolicy()
        policy.splice = [try pattern("eu.api.openai.com"), try pattern("*.openai.azure.com")]
        #expect(policy.decide(try target("eu.api.openai.com:443")) == .tunnel(bypassed: true))
        #expect(policy.decide(try target("x.openai.azure.com:443")) == .tunnel(bypassed: true))
        #expect(policy.provider(serverName: "EU.api.openai.com", port: 443) == nil)
        #expect(policy.provider(serverName: "api.openai.com", port: 443)?.name == "openai")
        #expect(policy.provider(serverName: "other.example", port: 443) == nil)
        #expect(policy.provider(serverName: "localhost", port: 8000) == nil)
    }

    @Test("a provider that the file does not select is a host like any other")
    func notSelected() throws {
        let policy = DestinationPolicy(providers: ProviderTable.builtIn.selecting(["anthropic"]))
        #expect(policy.decide(try target("api.openai.com:443")) == .tunnel(bypassed: false))
        #expect(policy.provider(serverName: "api.openai.com", port: 443) == nil)
        guard case .intercept = policy.decide(try target("api.anthropic.com:443")) else {
            Issue.record("not intercepted")
            return
        }
    }

    @Test("every refusal explains itself in a sentence of its own")
    func explanations() {
        let all: [DestinationRefusal] = [
            .malformedTarget, .metadataService, .linkLocal, .unspecified, .multicast, .ownListener,
            .refusedHost(row: "a"), .refusedAddress(row: "b"), .otherHost,
        ]
        #expect(Set(all.map(\.explanation)).count == all.count)
    }

    // MARK: Clients of other machines

    @Test("clients of other machines reach providers, public addresses on port 443, and what the file allows")
    func remote() throws {
        let allow: [DestinationRow] = [
            .hosts(try pattern("db.example:5432")), .network(try #require(CIDR(.v4(0x0A01_0000), prefixLength: 16))),
        ]
        let policy = DestinationPolicy(allow: allow)
        guard case .intercept = policy.decide(try target("api.openai.com:443"), for: .remote) else {
            Issue.record("not intercepted")
            return
        }
        for text in ["pypi.example:443", "93.184.216.34:443", "db.example:5432", "10.1.2.3:22"] {
            #expect(policy.decide(try target(text), for: .remote) == .tunnel(bypassed: false), "\(text)")
        }
        for text in ["10.2.0.1:443", "127.0.0.1:443", "[fd12::1]:443", "192.168.0.1:443"] {
            #expect(policy.decide(try target(text), for: .remote) == .refuse(.privateAddress), "\(text)")
        }
        let named = DestinationPolicy(allow: [.hosts(try pattern("db.example:5432"))])
        for text in ["pypi.example:80", "93.184.216.34:22", "db.example:5433"] {
            #expect(named.decide(try target(text), for: .remote) == .refuse(.otherPort), "\(text)")
        }
        let closed = DestinationPolicy(otherHosts: .refuse)
        #expect(closed.decide(try target("pypi.example:443"), for: .remote) == .refuse(.otherHost))
    }

    @Test("for clients of other machines it is the address that counts, not what the name says")
    func remoteAddresses() throws {
        let allow: [DestinationRow] = [
            .hosts(try pattern("db.example")), .network(try #require(CIDR(.v4(0x0A01_0000), prefixLength: 16))),
        ]
        let policy = DestinationPolicy(splice: [try pattern("api.openai.com")], allow: allow)
        func judge(_ address: String, _ text: String, intercepted: Bool = false) throws -> DestinationRefusal? {
            let target = try target(text)
            return policy.permits(
                try #require(IPAddress.parse(address)), port: target.port, target: target, intercepted: intercepted,
                for: .remote, ownListeners: listeners)
        }
        #expect(try judge("93.184.216.34", "a.example:443") == nil)
        #expect(try judge("10.2.0.1", "a.example:443") == .privateAddress)
        #expect(try judge("10.1.0.1", "a.example:443") == nil)
        #expect(try judge("10.1.0.1", "a.example:22") == nil)
        #expect(try judge("93.184.216.34", "a.example:22") == .otherPort)
        #expect(try judge("10.2.0.1", "db.example:5432") == nil)
        #expect(try judge("10.2.0.1", "api.openai.com:443") == .privateAddress)
        #expect(try judge("93.184.216.34", "api.openai.com:8443") == nil)
        #expect(try judge("10.2.0.1", "api.anthropic.com:443", intercepted: true) == nil)
        #expect(try judge("127.0.0.1", "a.example:8889") == .ownListener)
        func unresolved(_ text: String) throws -> DestinationRefusal? {
            policy.permitsUnresolved(
                try target(text), intercepted: false, for: .remote, ownListeners: listeners)
        }
        #expect(try unresolved("a.example:443") == nil && unresolved("db.example:5432") == nil)
        #expect(try unresolved("a.example:22") == .otherPort && unresolved("10.2.0.1:443") == .privateAddress)
    }

    @Test(
        "an address is public or it is not",
        arguments: [
            ("93.184.216.34", true), ("8.8.8.8", true), ("2606:4700::1111", true), ("64:ff9b::808:808", true),
            ("2002:808:808::1", true), ("::ffff:8.8.8.8", true), ("192.0.1.1", true), ("198.17.255.255", true),
            ("198.20.0.0", true), ("10.0.0.1", false), ("172.31.0.1", false), ("192.168.1.1", false),
            ("100.64.0.1", false), ("127.0.0.1", false), ("169.254.169.254", false), ("0.0.0.1", false),
            ("224.0.0.1", false), ("240.0.0.1", false), ("255.255.255.255", false), ("192.0.0.1", false),
            ("192.0.2.1", false), ("198.18.0.1", false), ("198.19.255.255", false), ("198.51.100.1", false),
            ("203.0.113.1", false), ("::1", false), ("::", false), ("fe80::1", false), ("fd00::1", false),
            ("ff02::1", false), ("2001:db8::1", false), ("2001:2::1", false), ("3fff::1", false), ("5f00::1", false),
            ("64:ff9b::a00:1", false), ("2002:a00:1::1", false), ("::ffff:10.0.0.1", false), ("4000::1", false),
        ])
    func publicAddresses(text: String, isPublic: Bool) throws {
        #expect(try #require(IPAddress.parse(text)).isPublic == isPublic)
    }
}
