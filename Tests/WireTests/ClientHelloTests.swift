import Testing

@testable import Wire

@Suite("A look at a ClientHello")
struct ClientHelloTests {
    /// What OpenSSL 3 sends for TLS 1.2 and 1.3 to `API.OpenAI.com` with two protocols; 205 bytes of padding follow.
    private static let openSSLHello =
        hexadecimal(
            """
            1603010200010001fc0303432480c4df4f7a2561f70c97504fead0c0ed00d8f0325da3d1307beb9afff87c2009fbb3f9da2a
            4dbc20e651f7655351571a98225188aab11f73be728b3969b1890024130213031301c02cc030c02bc02fcca9cca8c024c028
            c023c027009f009e006b006700ff0100018f00000013001100000e4150492e4f70656e41492e636f6d000b00040300010200
            0a00160014001d0017001e0019001801000101010201030104002300000010000e000c02683208687474702f312e31001600
            0000170000000d002a0028040305030603080708080809080a080b0804080508060401050106010303030103020402050206
            02002b00050403040303002d00020101003300260024001d002022423465e8ab4cf8fc7710f67b3d719fd47acdbf7f79415a
            de0ab76ea5c28942001500cd
            """) + [UInt8](repeating: 0, count: 205)

    private func peek(_ bytes: [UInt8]) -> ClientHelloPeek { ClientHello.peek(bytes.span) }

    @Test("finds name, protocols and versions in what a real client sends")
    func real() {
        #expect(
            peek(Self.openSSLHello)
                == .hello(
                    ClientHello(
                        serverName: "api.openai.com", protocols: ["h2", "http/1.1"], versionMax: 0x0304,
                        versionMin: 0x0303)))
    }

    @Test("needs more for every beginning of it")
    func beginnings() {
        for count in 0..<Self.openSSLHello.count {
            #expect(peek(Array(Self.openSSLHello.prefix(count))) == .needsMore)
        }
    }

    @Test("ignores what follows it")
    func following() {
        #expect(peek(Self.openSSLHello + [23, 3, 3, 0, 1, 0]) == peek(Self.openSSLHello))
        #expect(peek(Self.openSSLHello + [0]) == peek(Self.openSSLHello))
    }

    @Test("sees the same however the message is cut into records", arguments: [1, 2, 3, 4, 5, 50, 255, 511])
    func records(size: Int) {
        let message = Array(Self.openSSLHello.dropFirst(5))
        var stream: [UInt8] = []
        for start in stride(from: 0, to: message.count, by: size) {
            stream += record(Array(message[start..<min(start + size, message.count)]))
        }
        #expect(peek(stream) == peek(Self.openSSLHello))
        for count in stride(from: 0, to: stream.count, by: 7) {
            #expect(peek(Array(stream.prefix(count))) == .needsMore)
        }
    }

    @Test(
        "tells other protocols by their first bytes",
        arguments: [
            "GET / HTTP/1.1\r\n", "SSH-2.0-x\r\n", "\u{15}\u{3}\u{3}", "\u{80}\u{2e}\u{1}", "\u{16}\u{2}\u{0}", "\u{0}",
        ])
    func notTLS(text: String) {
        #expect(peek(bytes(text)) == .notTLS)
    }

    @Test(
        "refuses a handshake that starts otherwise",
        arguments: [
            // ServerHello first; an empty record; a record beyond 2^14; an alert in the middle; a message beyond 64 KB.
            "16030300010200", "1603030000", "1603034001", "1603030002010015", "160303000401010001",
        ])
    func malformed(text: String) {
        #expect(peek(hexadecimal(text)) == .malformed)
    }

    // MARK: - Parts

    private func record(_ content: [UInt8]) -> [UInt8] { [22, 3, 1] + number(content.count, 2) + content }

    private func number(_ value: Int, _ size: Int) -> [UInt8] {
        (0..<size).map { UInt8(truncatingIfNeeded: value >> ((size - 1 - $0) * 8)) }
    }

    private func vector(_ content: [UInt8], _ size: Int) -> [UInt8] { number(content.count, size) + content }

    private func extensionData(_ type: Int, _ data: [UInt8]) -> [UInt8] { number(type, 2) + vector(data, 2) }

    private func serverName(_ name: String) -> [UInt8] { extensionData(0, vector([0] + vector(bytes(name), 2), 2)) }

    /// A hello with this version and these extensions; without an extension block for nil.
    private func hello(legacyVersion version: Int = 0x0303, _ extensions: [UInt8]?) -> [UInt8] {
        var body = number(version, 2) + [UInt8](repeating: 7, count: 32) + vector([], 1)
        body += vector([0x13, 0x01], 2) + vector([0], 1)
        if let extensions { body += vector(extensions, 2) }
        return record([1] + vector(body, 3))
    }

    private func parsed(_ stream: [UInt8]) -> ClientHello? {
        guard case .hello(let hello) = peek(stream) else { return nil }
        return hello
    }

    static let names: [(String, String?)] = [
        ("api.example", "api.example"), ("API.Example.", "api.example"), ("my_service", "my_service"),
        ("xn--bcher-kva.example", "xn--bcher-kva.example"), ("127.0.0.1", nil), ("::1", nil), ("2001:db8::1", nil),
    ]

    @Test("normalises the server name, and takes an address for none", arguments: names)
    func name(sent: String, name: String?) throws {
        let found = try #require(parsed(hello(serverName(sent))))
        #expect(found.serverName == name)
    }

    static let badNames = [
        "", ".", "a..b", "*.example", "h example", "b\u{fc}cher", "h\u{0}.example", "h/x", "u@h", "h:443", "127.1",
        String(repeating: "a", count: 64), String(repeating: "a.", count: 200),
    ]

    @Test("refuses what is no host name", arguments: badNames)
    func badName(sent: String) {
        #expect(peek(hello(serverName(sent))) == .malformed)
    }

    @Test("finds neither name nor protocols where there are none")
    func bare() {
        let expected = ClientHello(serverName: nil, protocols: [], versionMax: 0x0303, versionMin: 0x0303)
        #expect(parsed(hello([])) == expected)
        #expect(parsed(hello(nil)) == expected)
        #expect(parsed(hello(extensionData(0xfafa, [1, 2, 3]))) == expected)
    }

    static let versions: [(Int, [Int]?, UInt16, UInt16)] = [
        (0x0301, nil, 0x0301, 0x0301), (0x0303, nil, 0x0303, 0x0303), (0x0304, nil, 0x0303, 0x0303),
        (0x0303, [0x0304], 0x0304, 0x0304), (0x0303, [0x0304, 0x0303, 0x0301], 0x0304, 0x0301),
        (0x0303, [0x7a7a, 0x0304, 0x0303], 0x0304, 0x0303), (0x0303, [0x7a7a], 0x0303, 0x0303),
        (0x0303, [0x0303, 0xfeff], 0x0303, 0x0303),
    ]

    @Test("takes versions from the extension and skips values that are none", arguments: versions)
    func version(legacy: Int, listed: [Int]?, versionMax: UInt16, versionMin: UInt16) throws {
        let list = listed.map { extensionData(43, vector($0.flatMap { number($0, 2) }, 1)) }
        let found = try #require(parsed(hello(legacyVersion: legacy, list)))
        #expect(found.versionMax == versionMax)
        #expect(found.versionMin == versionMin)
    }

    @Test("refuses lengths that contradict each other")
    func lengths() {
        let name = serverName("h.example")
        let twoNames = extensionData(0, vector([0] + vector(bytes("a"), 2) + [0] + vector(bytes("b"), 2), 2))
        let broken: [[UInt8]] = [
            name + name, twoNames, extensionData(0, []), extensionData(0, [0, 0]), extensionData(0, [0, 5, 0, 0, 9]),
            extensionData(0, [0, 4, 1, 0, 1, 97]), extensionData(0, [0, 4, 0, 0, 1, 97, 0]),
            extensionData(16, []), extensionData(16, [0, 0]), extensionData(16, [0, 1, 0]),
            extensionData(16, [0, 2, 2, 104]),
            extensionData(16, vector(vector(bytes("h2"), 1), 2) + [0]), extensionData(43, []), extensionData(43, [0]),
            extensionData(43, [1, 3]), extensionData(43, [3, 3, 4, 3]), extensionData(43, [2, 3, 4, 0]), [0],
            [0, 0, 0],
            [0, 23, 0, 1], Array(name.dropLast()),
        ]
        for extensions in broken { #expect(peek(hello(extensions)) == .malformed, "\(extensions)") }
    }

    @Test("refuses a body that is cut or too long")
    func bodies() {
        let whole = Array(hello(serverName("h.example")).dropFirst(5 + 4))
        for count in 0..<whole.count {
            let isComplete = count == 2 + 32 + 1 + 4 + 2
            let result = peek(record([1] + vector(Array(whole.prefix(count)), 3)))
            #expect((result == .malformed) != isComplete, "\(count) bytes")
        }
        #expect(peek(record([1] + vector(whole + [0], 3))) == .malformed)
        let longSession =
            number(0x0303, 2) + [UInt8](repeating: 7, count: 32) + vector([UInt8](repeating: 1, count: 33), 1)
        #expect(peek(record([1] + vector(longSession + vector([0x13, 0x01], 2) + vector([0], 1), 3))) == .malformed)
    }

    @Test("is given up after 64 KB and after too many records")
    func bounds() {
        let records = [UInt8](record([1] + number(60_000, 3)) + Array(repeating: record([0]), count: 5000).joined())
        #expect(peek(records) == .malformed)
        let large =
            record([1] + number(65_536, 3))
            + Array(repeating: record([UInt8](repeating: 0, count: 16_000)), count: 4).joined()
        #expect(peek(Array(large)) == .needsMore)
        #expect(peek(Array(large) + record([UInt8](repeating: 0, count: 2_000))) == .malformed)
    }
}

/// The bytes of hexadecimal digits; white space is skipped.
private func hexadecimal(_ text: String) -> [UInt8] {
    let digits = text.utf8.compactMap { ASCII.hexadecimal($0) }
    return stride(from: 0, to: digits.count - 1, by: 2).map { digits[$0] << 4 | digits[$0 + 1] }
}
