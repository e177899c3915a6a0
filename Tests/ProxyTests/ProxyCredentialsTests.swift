import Policy
import Testing
import Wire

@testable import Proxy

@Suite("Proxy credentials")
struct ProxyCredentialsTests {
    private func read(_ fields: String) throws -> ProxyCredentials {
        let bytes = Array("CONNECT a:443 HTTP/1.1\r\nHost: a:443\r\n\(fields)\r\n".utf8)
        var head = HTTP1Head(.request)
        let isComplete = try head.parse(bytes.span)
        try #require(isComplete)
        return .read(head, from: bytes.span)
    }

    private func password(_ credentials: BasicCredentials) -> String {
        credentials.withPassword { String(lossy: $0) }
    }

    @Test("a user ends at the first colon, and the password holds the others")
    func colon() throws {
        guard case .basic(let credentials) = try read("Proxy-Authorization: Basic YTpiOmM=\r\n") else {
            Issue.record("no credentials")
            return
        }
        #expect(credentials.user == "a" && password(credentials) == "b:c")
        #expect(credentials.text.withBytes { String(lossy: $0) } == "a:b:c")
    }

    @Test(
        "scheme and field are read in any case, and what is missing may be empty",
        arguments: [
            ("proxy-authorization: bAsIc  Og==\r\n", "", ""), ("PROXY-AUTHORIZATION: BASIC dTo=\r\n", "u", ""),
            ("Proxy-Authorization: Basic dcO8OsOk\r\n", "uü", "ä"), ("Proxy-Authorization: Basic dTpw\r\n", "u", "p"),
        ])
    func forms(field: String, user: String, secret: String) throws {
        guard case .basic(let credentials) = try read(field) else {
            Issue.record("no credentials")
            return
        }
        #expect(credentials.user == user && password(credentials) == secret)
    }

    @Test(
        "what is no Basic credentials is not the same as none",
        arguments: [
            "Proxy-Authorization: Bearer dTpw\r\n", "Proxy-Authorization: Basic\r\n", "Proxy-Authorization: dTpw\r\n",
            "Proxy-Authorization: Basic dXA=\r\n", "Proxy-Authorization: Basic !!!!\r\n", "Proxy-Authorization: \r\n",
            "Proxy-Authorization: Basic dTpw\r\nProxy-Authorization: Basic dTpw\r\n",
            "Proxy-Authorization: Basic dQo6cA==\r\n", "Proxy-Authorization: Basic dTpwAA==\r\n",
            "Proxy-Authorization: Basic /zpw\r\n",
        ])
    func unreadable(field: String) throws {
        guard case .unreadable = try read(field) else {
            Issue.record("\(field)")
            return
        }
    }

    @Test("without the field there are none, and Authorization is somebody else's")
    func none() throws {
        guard case .none = try read("Authorization: Basic dTpw\r\n") else {
            Issue.record("credentials")
            return
        }
    }

    @Test(
        "no more is kept than the file can hold",
        arguments: [(1152, true), (1153, true), (1154, false), (20_000, false)])
    func size(count: Int, isKept: Bool) throws {
        let text = [UInt8](repeating: 0x61, count: 128) + [0x3A] + [UInt8](repeating: 0x62, count: count - 129)
        let credentials = try read("Proxy-Authorization: Basic \(Base64.text(of: text))\r\n")
        if case .basic = credentials { #expect(isKept) } else { #expect(!isKept) }
    }

    @Test("a secret prints as dots, however it is asked")
    func dots() throws {
        let bytes = Array("hunter2".utf8)
        let secret = Secret(copying: bytes.span)
        var dumped = ""
        dump(secret, to: &dumped)
        for text in ["\(secret)", String(reflecting: secret), dumped] { #expect(!text.contains("hunter2")) }
        #expect(secret.withBytes { String(lossy: $0) } == "hunter2")
    }
}

@Suite("The limit on wrong credentials")
struct FailureLimitTests {
    private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

    @Test("lets a burst through, then one for each interval, for each address by itself")
    func rate() {
        var limit = FailureLimit()
        let (one, other) = (
            FailureLimit.Origin(IPAddress.v4(0x0A00_0001)), FailureLimit.Origin(IPAddress.v4(0x0A00_0002))
        )
        for _ in 0..<FailureLimit.burst {
            let isTaken = limit.take(one, now: start)
            #expect(isTaken)
        }
        #expect(limit.take(one, now: start) == false)
        #expect(limit.take(other, now: start) == true)
        let later = start.advanced(by: FailureLimit.interval)
        #expect(limit.take(one, now: later) == true)
        #expect(limit.take(one, now: later) == false)
        let hourLater = start.advanced(by: Nanoseconds(.seconds(3600)))
        for _ in 0..<FailureLimit.burst {
            let isTaken = limit.take(one, now: hourLater)
            #expect(isTaken)
        }
        #expect(limit.take(one, now: hourLater) == false)
    }

    @Test("what was right costs nothing")
    func givenBack() {
        var limit = FailureLimit()
        let origin = FailureLimit.Origin(Proxy.Peer.process(id: 1, user: 0))
        for _ in 0..<1000 {
            let isTaken = limit.take(origin, now: start)
            #expect(isTaken)
            limit.giveBack(origin, now: start)
        }
    }

    @Test("an IPv6 client is its network, an IPv4 one in IPv6's clothes itself")
    func origins() {
        #expect(FailureLimit.Origin(IPAddress.v6(1, 2)) == FailureLimit.Origin(IPAddress.v6(1, 3)))
        #expect(FailureLimit.Origin(IPAddress.v6(1, 2)) != FailureLimit.Origin(IPAddress.v6(2, 2)))
        #expect(
            FailureLimit.Origin(IPAddress.v6(0, 0xFFFF_0A00_0001)) == FailureLimit.Origin(IPAddress.v4(0x0A00_0001)))
        #expect(FailureLimit.Origin(Proxy.Peer.process(id: 1, user: 0)) != FailureLimit.Origin(IPAddress.v4(0)))
    }
}
