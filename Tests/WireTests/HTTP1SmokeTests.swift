import Testing

@testable import Wire

@Suite("HTTP/1 smoke")
struct HTTP1SmokeTests {
    @Test("a request is parsed, relayed and decoded")
    func request() throws {
        let raw =
            "POST /v1/x?y=1 HTTP/1.1\r\nHost: api.example\r\nConnection: keep-alive\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nabcd"
        for size in 1...raw.utf8.count {
            #expect(read(raw, in: size).messages.count == 1)
        }
        #expect(
            relay(raw) == "POST /v1/x?y=1 HTTP/1.1\r\nHost: api.example\r\nX-A: 1\r\nContent-Length: 4\r\n\r\nabcd")
    }
}
