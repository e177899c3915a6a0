import Testing
import Wire

@testable import Proxy

@Suite("A WebSocket key")
struct WebSocketKeyTests {
    /// RFC 6455 1.3.
    @Test("has the digest of RFC 6455")
    func example() {
        let key = Array("dGhlIHNhbXBsZSBub25jZQ==".utf8)
        let accept = Array("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".utf8)
        #expect(WebSocketKey.accept(for: key.span) == accept)
        for (answer, isRight) in [(accept, true), (Array(accept.dropLast()), false), (key, false), ([], false)] {
            let matches = WebSocketKey.matches(accept: answer.span, key: key.span)
            #expect(matches == isRight)
        }
    }

    @Test("of leo's own is 16 random bytes, like its masks are four")
    func random() throws {
        let keys = try (0..<20).map { _ in try #require(WebSocketKey.random()) }
        #expect(Set(keys).count == 20)
        for key in keys { #expect(Base64.decode(key.span)?.count == 16 && key.count == WebSocketHandshake.keyBytes) }
        let masks = try (0..<20).map { _ in try #require(WebSocketKey.randomMask()) }
        #expect(Set(masks.map { mask in (0..<4).map { mask.byte(at: $0) } }).count == 20)
    }
}
