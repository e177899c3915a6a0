import Policy
import Testing
import Wire

@testable import Proxy

@Suite("The user in a proxy's URL")
struct OperatorProxyUserTests {
    private let proxy = IPEndpoint(address: .loopback4, port: 8889)

    @Test(
        "is read as clients read it",
        arguments: [
            ("http://u:p@127.0.0.1:8889", "u:p"), ("http://u:p%40%C3%84@localhost:8889/", "u:p@\u{c4}"),
            ("u:a:b@127.0.0.1:8889", "u:a:b"), ("http://u@127.0.0.1:8889", "u:"),
            ("http://u:%zz%4@127.0.0.1:8889", "u:%zz%4"),
            ("http://u:p@q@127.0.0.1:8889", "u:p@q"),
        ])
    func read(url: String, user: String) {
        #expect(ProxyUser.user(in: url) == Array(user.utf8))
        let credentials = ProxyUser.credentials(in: ["HTTPS_PROXY": url], for: proxy)
        #expect(credentials == "Basic \(Base64.text(of: Array(user.utf8)))")
        #expect(!ProxyUser.hidden(in: url).contains("u:") && ProxyUser.hidden(in: url).contains("••••@"))
    }

    @Test("is for that proxy alone")
    func others() {
        #expect(ProxyUser.credentials(in: [:], for: proxy) == nil)
        #expect(ProxyUser.credentials(in: ["HTTPS_PROXY": "http://127.0.0.1:8889"], for: proxy) == nil)
        #expect(ProxyUser.credentials(in: ["HTTPS_PROXY": "http://u:p@10.0.0.1:3128"], for: proxy) == nil)
        #expect(ProxyUser.hidden(in: "http://127.0.0.1:8889") == "http://127.0.0.1:8889")
    }
}
