import Testing

@testable import Policy

@Suite("An address")
struct IPAddressTests {
    @Test(
        "is read and written in one form",
        arguments: [
            ("0.0.0.0", "0.0.0.0"), ("127.0.0.1", "127.0.0.1"), ("255.255.255.255", "255.255.255.255"),
            ("::", "::"), ("::1", "::1"), ("1::", "1::"), ("2001:DB8::0:1", "2001:db8::1"),
            ("2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"), ("2001:0:0:1:0:0:0:1", "2001:0:0:1::1"),
            ("2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"), ("1:2:3:4:5:6:7::", "1:2:3:4:5:6:7:0"),
            ("::2:3:4:5:6:7:8", "0:2:3:4:5:6:7:8"), ("::ffff:10.1.2.3", "::ffff:10.1.2.3"),
            ("::ffff:a01:203", "::ffff:10.1.2.3"), ("64:ff9b::10.1.2.3", "64:ff9b::a01:203"),
            ("1:2:3:4:5:6:1.2.3.4", "1:2:3:4:5:6:102:304"), ("::1.2.3.4", "::102:304"), ("fe80::1", "fe80::1"),
        ])
    func roundTrip(text: String, written: String) throws {
        let address = try #require(IPAddress.parse(text))
        #expect(address.description == written)
        #expect(IPAddress.parse(written) == address)
    }

    @Test(
        "is not read from any other spelling",
        arguments: [
            "", ".", "1", "127.1", "127.0.1", "0x7f.0.0.1", "0x7f000001", "2130706433", "0177.0.0.1", "127.0.0.01",
            "127.0.0.256", "127.0.0.1.", ".127.0.0.1", "127.0.0.1.1", "127..0.1", "1.2.3.4 ", " 1.2.3.4", "+1.2.3.4",
            "1.2.3.-4", "1.2.3.4/8", "1.2.3.4:80", ":", ":::", "::1::", "1:2:3:4:5:6:7", "1:2:3:4:5:6:7:8:9",
            "1:2:3:4:5:6:7:8::", "::1:2:3:4:5:6:7:8", "12345::", "g::", "[::1]", "::1%lo", "fe80::1%eth0", "1:", ":1",
            "::1.2.3", "::1.2.3.4:5", "1.2.3.4::", "1:2:3:4:5:6:7:1.2.3.4", "::1.2.3.04", "١.٢.٣.٤",
        ])
    func notRead(text: String) {
        #expect(IPAddress.parse(text) == nil)
    }

    @Test("of one kind is told from its neighbours")
    func kinds() {
        func all(_ texts: [String], _ property: KeyPath<IPAddress, Bool>) -> Bool {
            texts.allSatisfy { IPAddress.parse($0)?[keyPath: property] == true }
        }
        func none(_ texts: [String], _ property: KeyPath<IPAddress, Bool>) -> Bool {
            texts.allSatisfy { IPAddress.parse($0)?[keyPath: property] == false }
        }
        #expect(all(["127.0.0.0", "127.255.255.255", "::1", "::ffff:127.0.0.2"], \.isLoopback))
        #expect(none(["126.255.255.255", "128.0.0.0", "::", "::2", "1::1"], \.isLoopback))
        #expect(all(["169.254.0.0", "169.254.255.255", "fe80::", "febf::1", "::ffff:169.254.1.1"], \.isLinkLocal))
        #expect(none(["169.253.255.255", "169.255.0.0", "fe7f::", "fec0::"], \.isLinkLocal))
        #expect(all(["0.0.0.0", "0.255.255.255", "::", "::ffff:0.0.0.0"], \.isUnspecified))
        #expect(none(["1.0.0.0", "::1", "::ffff:1.0.0.0"], \.isUnspecified))
        #expect(all(["224.0.0.0", "239.255.255.255", "255.255.255.255", "ff00::", "ff02::1"], \.isMulticast))
        #expect(none(["223.255.255.255", "240.0.0.0", "255.255.255.254", "fe00::"], \.isMulticast))
        #expect(all(["10.0.0.0", "172.16.0.0", "172.31.255.255", "192.168.255.255"], \.isPrivate))
        #expect(all(["100.64.0.0", "100.127.255.255", "127.0.0.1", "::1", "fc00::", "fdff::1"], \.isPrivate))
        #expect(none(["11.0.0.0", "172.15.255.255", "172.32.0.0", "192.169.0.0", "100.63.255.255"], \.isPrivate))
        #expect(none(["100.128.0.0", "fbff::", "fe00::", "2001:db8::1"], \.isPrivate))
        #expect(all(["169.254.169.254", "100.100.100.200", "fd00:ec2::254", "::ffff:100.100.100.200"], \.isMetadata))
        #expect(none(["169.254.169.253", "100.100.100.201", "fd00:ec2::253"], \.isMetadata))
    }

    @Test(
        "that carries an IPv4 address inside names it",
        arguments: [
            ("::ffff:10.1.2.3", ["10.1.2.3"]), ("::10.1.2.3", ["10.1.2.3"]), ("::ffff:0:10.1.2.3", ["10.1.2.3"]),
            ("64:ff9b::10.1.2.3", ["10.1.2.3"]), ("2002:a01:203::1", ["10.1.2.3"]),
            ("2001:0:a01:203::f5fe:fdfc", ["10.1.2.3", "10.1.2.3"]), ("::1", []), ("::", []), ("2001:db8::1", []),
            ("2001:1::1", []), ("10.1.2.3", []), ("64:ff9b::1:0:0", []),
        ])
    func embedded(text: String, inside: [String]) {
        #expect(IPAddress.parse(text)?.embeddedIPv4.map(\.description) == inside)
    }

    @Test(
        "behind a translator's own prefix is found in each place it may lie",
        arguments: [
            "64:ff9b:1::169.254.169.254", "64:ff9b:1:a9fe:a9:fe00::", "64:ff9b:1:a9:fe:a9fe::",
            "64:ff9b:1:0:a9:fea9:fe00::",
        ])
    func localTranslation(text: String) throws {
        let inside = try #require(IPAddress.parse(text)).embeddedIPv4
        #expect(inside.contains(.v4(0xA9FE_A9FE)), "\(inside)")
    }

    @Test("behind a translator's own prefix is not taken for 0.0.0.0 where its zeros are")
    func localTranslationZeros() {
        #expect(IPAddress.parse("64:ff9b:1::10.1.2.3")?.embeddedIPv4 == [.v4(0x0A01_0203)])
    }

    @Test("any bytes as text are read or refused, and what is read is written and read again", arguments: 1...40)
    func random(seed: UInt64) {
        var random = SplitMix(state: seed)
        let alphabet = Array("0123456789abcdef:.::..x")
        for _ in 0..<500 {
            let text = String((0..<Int(random.next() % 24)).map { _ in alphabet[Int(random.next() % 23)] })
            if let address = IPAddress.parse(text) { #expect(IPAddress.parse(address.description) == address) }
        }
    }
}

@Suite("A network")
struct CIDRTests {
    @Test("holds its addresses and no others")
    func contains() throws {
        let ten = try #require(CIDR(.v4(0x0A01_0203), prefixLength: 8))
        #expect(ten.description == "10.0.0.0/8")
        #expect(ten.contains(.v4(0x0AFF_FFFF)) && ten.contains(.v6(0, 0xFFFF_0A01_0203)))
        #expect(!ten.contains(.v4(0x0B00_0000)) && !ten.contains(.v6(0, 0x0A01_0203)))
        let odd = try #require(CIDR(.v6(0x2001_0DB8_0000_0000, 0), prefixLength: 65))
        #expect(odd.contains(.v6(0x2001_0DB8_0000_0000, 0x7FFF_FFFF_FFFF_FFFF)))
        #expect(!odd.contains(.v6(0x2001_0DB8_0000_0000, 0x8000_0000_0000_0000)))
        #expect(!odd.contains(.v4(0)))
    }

    @Test("of every prefix length holds its first and last address", arguments: 0...128)
    func everyLength(length: Int) throws {
        let address = IPAddress.v6(0xAAAA_AAAA_AAAA_AAAA, 0x5555_5555_5555_5555)
        let network = try #require(CIDR(address, prefixLength: length))
        #expect(network.contains(address) && network.contains(network.address))
        #expect(CIDR(network.address, prefixLength: length) == network)
        if length > 0 {
            let flipped =
                length <= 64
                ? IPAddress.v6(0xAAAA_AAAA_AAAA_AAAA ^ (1 << UInt64(64 - length)), 0x5555_5555_5555_5555)
                : IPAddress.v6(0xAAAA_AAAA_AAAA_AAAA, 0x5555_5555_5555_5555 ^ (1 << UInt64(128 - length)))
            #expect(!network.contains(flipped))
        }
    }

    @Test("has no prefix longer than its address")
    func range() {
        #expect(CIDR(.v4(0), prefixLength: 33) == nil && CIDR(.v4(0), prefixLength: -1) == nil)
        #expect(CIDR(.v6(0, 0), prefixLength: 129) == nil)
        #expect(CIDR(.v4(0), prefixLength: 0)?.contains(.v4(.max)) == true)
    }
}

@Suite("A host and port")
struct HostPortTests {
    @Test(
        "have one form",
        arguments: [
            ("API.OpenAI.com:443", "api.openai.com:443"), ("api.openai.com.:443", "api.openai.com:443"),
            ("127.0.0.1:1", "127.0.0.1:1"), ("[::1]:65535", "[::1]:65535"), ("[0:0::1]:8", "[::1]:8"),
            ("my_service:80", "my_service:80"), ("xn--bcher-kva.example:443", "xn--bcher-kva.example:443"),
        ])
    func form(text: String, written: String) throws {
        let target = try #require(HostPort.parse(text))
        #expect(target.description == written)
        #expect(HostPort.parse(written) == target)
    }

    @Test(
        "are not read from anything else",
        arguments: [
            "", ":", "a", "a:", ":80", "a:b", "a:65536", "a:+80", "a:-1", "a:080", "a: 80", "a :80", "a..b:80",
            ".a:80", "a..:80", "-a:80", "a-:80", "::1:80", "[::1]", "[::1]80", "[::1]:", "[127.0.0.1]:80", "[a]:80",
            "[]:80", "a:80:80", "127.1:80", "0x7f.1:80", "1:80", "0177.0.0.1:80", "a.0x1f:80", "ä.example:80",
            "a\u{0}:80", "a/b:80", "u@a:80", "*.a.example:80", String(repeating: "a", count: 64) + ":80",
            String(repeating: "a.", count: 127) + "a:80",
        ])
    func notRead(text: String) {
        #expect(HostPort.parse(text) == nil)
    }

    @Test("take a default port only when none is written")
    func defaultPort() {
        #expect(HostPort.parse("a.example", defaultPort: 443)?.port == 443)
        #expect(HostPort.parse("a.example:1", defaultPort: 443)?.port == 1)
        #expect(HostPort.parse("[::1]", defaultPort: 443)?.description == "[::1]:443")
        #expect(HostPort.parse("a.example:", defaultPort: 443) == nil)
    }

    @Test("of a socket are an address, in brackets when it is IPv6")
    func endpoint() {
        #expect(IPEndpoint.parse("127.0.0.1:0") == IPEndpoint(address: .loopback4, port: 0))
        #expect(IPEndpoint.parse("[::1]:8889")?.description == "[::1]:8889")
        for text in ["localhost:1", "::1:1", "127.0.0.1", "[127.0.0.1]:1", "127.0.0.1:", "127.0.0.1:99999", ":1"] {
            #expect(IPEndpoint.parse(text) == nil)
        }
    }
}
