import Testing

@testable import Wire

@Suite("A WebSocket handshake")
struct WebSocketHandshakeTests {
    private static let key = "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
    private static let version = "Sec-WebSocket-Version: 13\r\n"
    private static let upgrade = "Upgrade: websocket\r\nConnection: Upgrade\r\n"
    private static let good = get(upgrade + key + version)
    private static let accept = "Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"

    private func check(
        request text: String, _ form: WebSocketHandshake.Form = .upgrade
    ) throws -> Result<String?, WebSocketHandshakeFlaw> {
        let bytes = bytes(text)
        var head = HTTP1Head(.request)
        try #require(try head.parse(bytes.span))
        do throws(WebSocketHandshakeFlaw) {
            let key = try WebSocketHandshake.check(request: head, in: bytes.span, form: form)
            return .success(key.map { String(decoding: bytes[$0], as: UTF8.self) })
        } catch { return .failure(error) }
    }

    private func check(
        answer text: String, to request: String = good, _ form: WebSocketHandshake.Form = .upgrade
    ) throws -> Result<String?, WebSocketHandshakeFlaw> {
        let bytes = bytes(text)
        let offers = WireTests.bytes(request)
        var head = HTTP1Head(.response)
        var requestHead = HTTP1Head(.request)
        try #require(try head.parse(bytes.span))
        try #require(try requestHead.parse(offers.span))
        do throws(WebSocketHandshakeFlaw) {
            let accept = try WebSocketHandshake.check(
                answer: head, in: bytes.span, form: form, to: requestHead, offers: offers.span)
            return .success(accept.map { String(decoding: bytes[$0], as: UTF8.self) })
        } catch { return .failure(error) }
    }

    @Test(
        "is accepted as clients ask for it",
        arguments: [
            good,
            get("connection: keep-alive, upgrade\r\nupgrade: WebSocket\r\n" + key + version),
            get("Upgrade: h2c, websocket\r\nConnection: Upgrade\r\n" + key + version),
            get(upgrade + "sec-websocket-key: dGhlIHNhbXBsZSBub25jZQ==\r\n" + version + "Content-Length: 0\r\n"),
            get(
                upgrade + key + version
                    + "Sec-WebSocket-Extensions: permessage-deflate\r\nSec-WebSocket-Extensions: x\r\n"
                    + "Sec-WebSocket-Protocol: realtime\r\nSec-WebSocket-Protocol: b, c\r\n"),
        ])
    func request(_ text: String) throws {
        #expect(try check(request: text) == .success("dGhlIHNhbXBsZSBub25jZQ=="))
    }

    @Test(
        "is refused by the rule that it breaks",
        arguments: [
            (post(upgrade + key + version), WebSocketHandshakeFlaw.method),
            ("GET / HTTP/1.0\r\nHost: h.example\r\n\(upgrade)\(key)\(version)\r\n", .method),
            (get(key + version), .upgradeMissing),
            (get("Upgrade: websocket\r\n" + key + version), .upgradeMissing),
            (get("Connection: Upgrade\r\nUpgrade: h2c\r\n" + key + version), .upgradeMissing),
            (get(upgrade + key + version + "Content-Length: 1\r\n"), .contentForbidden),
            (get(upgrade + key + version + "Transfer-Encoding: chunked\r\n"), .contentForbidden),
            (get(upgrade + key), .versionUnsupported),
            (get(upgrade + key + "Sec-WebSocket-Version: 8\r\n"), .versionUnsupported),
            (get(upgrade + key + "Sec-WebSocket-Version: 13, 8\r\n"), .versionUnsupported),
            (get(upgrade + key + version + version), .versionUnsupported),
            (get(upgrade + version), .key),
            (get(upgrade + version + key + key), .key),
            (get(upgrade + version + "Sec-WebSocket-Key: \r\n"), .key),
            (get(upgrade + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25j\r\n"), .key),
            (get(upgrade + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZ===\r\n"), .key),
            (get(upgrade + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQAA\r\n"), .key),
            (get(upgrade + version + "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25\u{e9}ZQ==\r\n"), .key),
        ])
    func badRequest(_ text: String, _ flaw: WebSocketHandshakeFlaw) throws {
        #expect(try check(request: text) == .failure(flaw))
    }

    @Test("needs no key in an extended CONNECT, and may be open ended there")
    func extendedConnect() throws {
        let text = get(Self.upgrade + Self.version + "Transfer-Encoding: chunked\r\n")
        #expect(try check(request: text, .extendedConnect) == .success(nil))
        #expect(try check(request: get(Self.upgrade), .extendedConnect) == .failure(.versionUnsupported))
        let sized = get(Self.upgrade + Self.version + "Content-Length: 5\r\n")
        #expect(try check(request: sized, .extendedConnect) == .failure(.contentForbidden))
        let answer = "HTTP/1.1 200 OK\r\nSec-WebSocket-Protocol: b\r\n\r\n"
        let offer = get(Self.upgrade + Self.version + "Sec-WebSocket-Protocol: a, b\r\n")
        #expect(try check(answer: answer, to: offer, .extendedConnect) == .success(nil))
    }

    @Test("is answered by a digest to compare, and by nothing that was not offered")
    func answer() throws {
        let head = "HTTP/1.1 101 Switching Protocols\r\n\(Self.upgrade)"
        let accepted: Result<String?, WebSocketHandshakeFlaw> = .success("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=")
        #expect(try check(answer: "\(head)\(Self.accept)\r\n") == accepted)
        #expect(try check(answer: "\(head)\r\n") == .failure(.accept))
        #expect(try check(answer: "\(head)\(Self.accept)\(Self.accept)\r\n") == .failure(.accept))
        #expect(
            try check(answer: "HTTP/1.1 101 Switching Protocols\r\n\(Self.accept)\r\n") == .failure(.upgradeMissing))
        #expect(try check(answer: "HTTP/1.1 200 OK\r\n\(Self.upgrade)\(Self.accept)\r\n") == .failure(.upgradeMissing))
        let deflate = "\(head)\(Self.accept)Sec-WebSocket-Extensions: permessage-deflate\r\n\r\n"
        #expect(try check(answer: deflate) == .failure(.extensionUnasked))
        let chosen = "\(head)\(Self.accept)Sec-WebSocket-Protocol: chat\r\n\r\n"
        #expect(try check(answer: chosen) == .failure(.subprotocolUnasked))
        let offer = get(Self.upgrade + Self.key + Self.version + "Sec-WebSocket-Protocol: Chat, talk\r\n")
        #expect(try check(answer: chosen, to: offer) == .failure(.subprotocolUnasked))
        let fitting = get(Self.upgrade + Self.key + Self.version + "sec-websocket-protocol: talk ,chat\r\n")
        #expect(try check(answer: chosen, to: fitting) == accepted)
    }

    @Test("withholds the offer of extensions from the upstream")
    func extensions() throws {
        let text = bytes(
            get(
                Self.upgrade + Self.key + "SEC-WebSocket-Extensions: a\r\n" + Self.version
                    + "sec-websocket-extensions: b\r\n"))
        var head = HTTP1Head(.request)
        try #require(try head.parse(text.span))
        head.withhold(.extensions, in: text.span)
        var out = ByteQueue()
        head.appendRelayed(from: text.span, to: &out, framing: .asReceived, closing: false)
        #expect(WireTests.text(Array(out)) == get(Self.key + Self.version))
    }

    @Test("has a status and a sentence for each flaw", arguments: WebSocketHandshakeFlaw.allCases)
    func statuses(_ flaw: WebSocketHandshakeFlaw) {
        #expect(flaw.status >= 400)
        #expect(!flaw.explanation.isEmpty)
    }
}

@Suite("Base64")
struct Base64Tests {
    /// RFC 4648 10.
    @Test(
        "is that of RFC 4648",
        arguments: [
            ("", ""), ("f", "Zg=="), ("fo", "Zm8="), ("foo", "Zm9v"), ("foob", "Zm9vYg=="), ("fooba", "Zm9vYmE="),
            ("foobar", "Zm9vYmFy"),
        ])
    func vectors(plain: String, encoded: String) {
        #expect(Base64.encode(Array(plain.utf8).span) == Array(encoded.utf8))
        #expect(Base64.decode(Array(encoded.utf8).span) == Array(plain.utf8))
    }

    @Test("gives back every byte")
    func everyByte() {
        let bytes = (0...255).map { UInt8($0) }
        let text = Base64.encode(bytes.span)
        #expect(Base64.decode(text.span) == bytes)
        #expect(text.contains(UInt8(ascii: "+")) && text.contains(UInt8(ascii: "/")))
    }

    @Test(
        "refuses what is no whole and canonical text",
        arguments: [
            "Z", "Zg", "Zg=", "Zg===", "Zh==", "Zm9=", "Z===", "====", "Zg==Zg==", "Zm8=Zm9v", "Zm 9", "Zm9-",
            "Zm9\u{e9}", "=Zm9",
        ])
    func refusals(_ text: String) {
        #expect(Base64.decode(bytes(text).span) == nil)
    }
}
