import Testing

@testable import Wire

@Suite("A PROXY protocol header")
struct ProxyProtocolTests {
    private static let signature: [UInt8] = [
        0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A,
    ]
    private static let addresses4: [UInt8] = [10, 1, 2, 3, 192, 0, 2, 7, 0xC3, 0x50, 0x01, 0xBB]

    private static func header(_ command: UInt8, _ family: UInt8, _ rest: [UInt8], length: Int? = nil) -> [UInt8] {
        let length = length ?? rest.count
        return signature + [command, family, UInt8(length >> 8), UInt8(length & 255)] + rest
    }

    private func parse(_ bytes: [UInt8]) throws(ProxyProtocolError) -> ProxyProtocolHeader? {
        try ProxyProtocolHeader.parse(bytes.span)
    }

    @Test("names the two ends of a connection over IPv4")
    func ipv4() throws {
        let bytes = Self.header(0x21, 0x11, Self.addresses4)
        let header = try #require(try parse(bytes + [1, 2, 3]))
        #expect(
            header.origin
                == .endpoints(source: .v4(0x0A01_0203, port: 50000), destination: .v4(0xC000_0207, port: 443)))
        #expect(header.byteCount == 28)
    }

    @Test("names the two ends of a connection over IPv6")
    func ipv6() throws {
        let source: [UInt8] = [0xFD, 0] + Array(repeating: 0, count: 13) + [5]
        let destination: [UInt8] = [0x20, 0x01, 0x0D, 0xB8] + Array(repeating: 0, count: 11) + [9]
        let header = try parse(Self.header(0x21, 0x21, source + destination + [0, 80, 0x22, 0xB8]))
        #expect(
            header?.origin
                == .endpoints(
                    source: .v6(0xFD00_0000_0000_0000, 5, port: 80),
                    destination: .v6(0x2001_0DB8_0000_0000, 9, port: 8888)))
    }

    @Test("may be for the balancer itself, for nobody it knows, or for a Unix socket")
    func others() throws {
        #expect(try parse(Self.header(0x20, 0x00, []))?.origin == .local)
        // What follows LOCAL does not count, whatever it is.
        #expect(try parse(Self.header(0x20, 0x11, [1, 2, 3])) == ProxyProtocolHeader(origin: .local, byteCount: 19))
        #expect(try parse(Self.header(0x20, 0xFF, []))?.origin == .local)
        #expect(try parse(Self.header(0x21, 0x00, [9, 9])) == ProxyProtocolHeader(origin: .unknown, byteCount: 18))
        #expect(try parse(Self.header(0x21, 0x31, Array(repeating: 0x2F, count: 216)))?.origin == .unix)
    }

    @Test("may have extensions, which are skipped")
    func extensions() throws {
        let extensions: [UInt8] = [0x01, 0, 2, 0x68, 0x32, 0x04, 0, 0, 0x20, 0, 1, 7]
        #expect(try parse(Self.header(0x21, 0x11, Self.addresses4 + extensions))?.byteCount == 40)
        let most = 4096 - 16 - 12 - 3
        let long: [UInt8] = [0xEA, UInt8(most >> 8), UInt8(most & 255)] + Array(repeating: 1, count: most)
        #expect(try parse(Self.header(0x21, 0x11, Self.addresses4 + long))?.byteCount == 4096)
    }

    @Test("is the same however its bytes arrive")
    func split() throws {
        let bytes = Self.header(0x21, 0x11, Self.addresses4 + [0x04, 0, 1, 0])
        for count in bytes.indices { #expect(try parse(Array(bytes.prefix(count))) == nil) }
        #expect(try parse(bytes) != nil)
    }

    @Test(
        "is refused when it says something that is not defined",
        arguments: [
            (header(0x11, 0x11, addresses4), .version), (header(0x31, 0x11, addresses4), .version),
            (header(0x22, 0x11, addresses4), .command), (header(0x2F, 0x11, addresses4), .command),
            (header(0x21, 0x12, addresses4), .family), (header(0x21, 0x22, addresses4), .family),
            (header(0x21, 0x10, addresses4), .family), (header(0x21, 0x41, addresses4), .family),
            (header(0x21, 0x01, addresses4), .family), (header(0x21, 0x11, [1, 2, 3]), .tooShort),
            (header(0x21, 0x21, addresses4), .tooShort), (header(0x21, 0x31, addresses4), .tooShort),
            (header(0x21, 0x11, addresses4, length: 4081), .tooLong),
            (header(0x20, 0x00, [], length: 65535), .tooLong),
            (header(0x21, 0x11, addresses4 + [1]), .extensions),
            (header(0x21, 0x11, addresses4 + [1, 0]), .extensions),
            (header(0x21, 0x11, addresses4 + [1, 0, 1]), .extensions),
            (header(0x21, 0x11, addresses4 + [1, 0xFF, 0xFF, 0]), .extensions),
            (Array("PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n".utf8), .versionOne),
            (Array("CONNECT a:443 HTTP/1.1\r\n".utf8), .missing), ([0x16, 3, 1], .missing),
            (Array("PUT / HTTP/1.1".utf8), .missing), ([0x0D, 0x0A, 0x47], .missing),
        ] as [([UInt8], ProxyProtocolError)])
    func flaws(_ bytes: [UInt8], _ flaw: ProxyProtocolError) {
        #expect(throws: flaw) { _ = try parse(bytes) }
    }

    @Test("is either read or refused with a word of its own, whatever the bytes are")
    func random() {
        var state: UInt64 = 42
        func next() -> UInt8 {
            state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
            return UInt8(truncatingIfNeeded: state >> 33)
        }
        for _ in 0..<20_000 {
            var bytes = Self.signature + [0x20 | next() & 1, next() & 0x33]
            for _ in 0..<Int(next() % 64) { bytes.append(next() & 0x1F) }
            if next() % 4 == 0 { bytes[Int(next()) % bytes.count] = next() }
            do throws(ProxyProtocolError) {
                guard let header = try parse(bytes) else { continue }
                #expect(header.byteCount <= bytes.count && header.byteCount >= 16)
            } catch { #expect(!error.explanation.isEmpty) }
        }
    }
}
