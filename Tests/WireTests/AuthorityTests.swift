import Testing

@testable import Wire

@Suite("An authority")
struct AuthorityTests {
    private func parse(_ authority: String) -> Authority? { Authority.parse(bytes(authority).span) }

    static let validRows: [(String, String, UInt16?)] = [
        ("api.example.com", "api.example.com", nil),
        ("API.Example.COM:443", "api.example.com", 443),
        ("h", "h", nil),
        ("h:1", "h", 1),
        ("h:65535", "h", 65535),
        ("h:00443", "h", 443),
        ("h.example.:443", "h.example", 443),
        ("my_service:8000", "my_service", 8000),
        ("xn--bcher-kva.example", "xn--bcher-kva.example", nil),
        ("a-.b--c.-d", "a-.b--c.-d", nil),
        ("1.2.3.4", "1.2.3.4", nil),
        ("127.0.0.1:8889", "127.0.0.1", 8889),
        ("1e100.net", "1e100.net", nil),
        ("4.example", "4.example", nil),
        ("1.2.3.4x", "1.2.3.4x", nil),
        ("0xfg", "0xfg", nil),
        (String(repeating: "a", count: 63) + ".b", String(repeating: "a", count: 63) + ".b", nil),
        ("[::]", "::", nil),
        ("[::1]:443", "::1", 443),
        ("[2001:DB8::A:0:0:1]", "2001:db8::a:0:0:1", nil),
        ("[2001:db8:0:0:1:0:0:1]", "2001:db8::1:0:0:1", nil),
        ("[0:0:0:0:0:0:0:1]", "::1", nil),
        ("[1:2:3:4:5:6:7:8]", "1:2:3:4:5:6:7:8", nil),
        ("[1:2:3:4:5:6:7::]", "1:2:3:4:5:6:7:0", nil),
        ("[::2:3:4:5:6:7:8]", "0:2:3:4:5:6:7:8", nil),
        ("[fe80::1]", "fe80::1", nil),
        ("[1::]", "1::", nil),
        ("[::ffff:1.2.3.4]", "::ffff:1.2.3.4", nil),
        ("[::ffff:102:304]", "::ffff:1.2.3.4", nil),
        ("[64:ff9b::1.2.3.4]", "64:ff9b::102:304", nil),
        ("[1:2:3:4:5:6:1.2.3.4]", "1:2:3:4:5:6:102:304", nil),
    ]

    @Test("has a host in one spelling and perhaps a port", arguments: validRows)
    func valid(text: String, host: String, port: UInt16?) {
        #expect(parse(text) == Authority(host: host, port: port))
    }

    static let invalidRows = [
        "", ":", ":443", ".", "..", "a..b", ".a", "h:", "h:0", "h:65536", "h:99999", "h:000443", "h:+1", "h:4a",
        "h:1:2",
        "user@h", "user:pass@h", "h/path", "h?q", "h#f", "h h", " h", "h ", "h,h", "h%2e", "h%00", "b\u{fc}cher",
        "h\u{0}",
        "h\t", "\"h\"", "h;", "*.h", "h*", String(repeating: "a", count: 64), String(repeating: "a.", count: 127) + "a",
        // Numbers that only some resolvers take for addresses.
        "2130706433", "127.1", "127.0.0", "1.2.3.4.5", "1.2.3.256", "01.2.3.4", "0x7f000001", "0x7f.1", "1.2.3.0x4",
        "0x", "a.1", "1.2.3.4.:x",
        "[", "]", "[]", "[::1", "::1", "::1]", "[::1]x", "[::1]:", "[::1]:0", "[::1]443", "[:]", "[:::]", "[1:::2]",
        "[1::2::3]", "[1:2:3:4:5:6:7]", "[1:2:3:4:5:6:7:8:9]", "[1:2:3:4:5:6:7:8::]", "[::1:2:3:4:5:6:7:8]",
        "[12345::]",
        "[g::]", "[:1::]", "[1:]", "[fe80::1%eth0]", "[::1.2.3]", "[::1.2.3.256]", "[::01.2.3.4]", "[1.2.3.4]",
        "[1.2.3.4::]", "[1:2:3:4:5:6:7:1.2.3.4]", "[v1.x]", "[::1]]",
    ]

    @Test("is nothing else", arguments: invalidRows)
    func invalid(text: String) {
        #expect(parse(text) == nil)
    }

    @Test("is written so that it reads the same", arguments: validRows)
    func description(text: String, host: String, port: UInt16?) {
        let authority = Authority(host: host, port: port)
        #expect(parse(authority.description) == authority)
    }

    static let pairs: [(String, String, Bool)] = [
        ("h.example", "H.Example", true), ("h.example", "h.example:443", true), ("h.example:443", "h.example.", true),
        ("h.example:8443", "h.example:8443", true), ("h.example", "h.example:80", false),
        ("h.example:8443", "h.example", false), ("h.example", "h.exampl", false), ("h.example", "h.examplee", false),
        ("h.example", "g.example", false), ("[::1]", "[0::1]:443", true), ("[::1]", "[::2]", false),
        ("[::ffff:1.2.3.4]", "1.2.3.4", false), ("h.example", "h.example:", false), ("h.example", "x@h.example", false),
    ]

    @Test("names the same server as another, or does not", arguments: pairs)
    func sameness(one: String, other: String, isSame: Bool) throws {
        #expect(try #require(parse(one)).matches(bytes(other).span, defaultPort: 443) == isSame)
        #expect(Authority.equal(bytes(one).span, bytes(other).span, defaultPort: 443) == isSame)
        #expect(Authority.equal(bytes(other).span, bytes(one).span, defaultPort: 443) == isSame)
    }
}
