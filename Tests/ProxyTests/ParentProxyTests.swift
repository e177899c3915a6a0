import Policy
import Testing
import Wire

@testable import Proxy

@Suite("A parent proxy")
struct ParentProxyTests {
    private static let parent = Route.Parent(
        proxy: ParentProxy(address: HostPort(host: "proxy.example", port: 3128)),
        target: HostPort(host: "2001:db8::1", port: 443))

    /// Feeds `wire`, so many bytes more each time; the rest after the answer, or what was thrown.
    private func answer(_ wire: String, every size: Int, hasCredentials: Bool = false) throws -> String? {
        var answer = ParentAnswer(from: Self.parent, hasCredentials: hasCredentials)
        var bytes = Array(wire.utf8)[...]
        var seen = 0
        while true {
            seen = min(seen + size, bytes.count)
            switch try answer.read(Array(bytes.prefix(seen)).span) {
            case .needsMore where seen == bytes.count: return nil
            case .needsMore: break
            case .interim(let byteCount):
                bytes = bytes.dropFirst(byteCount)
                seen -= byteCount
            case .open(let byteCount): return String(decoding: bytes.dropFirst(byteCount), as: UTF8.self)
            }
        }
    }

    @Test("opens the way with any 2xx, and what follows the head is the target's", arguments: 1...12)
    func opens(every size: Int) throws {
        for head in [
            "HTTP/1.1 200 Connection established\r\n\r\n", "HTTP/1.0 200\r\nVia: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\n", "HTTP/1.1 102 Processing\r\n\r\nHTTP/1.1 201 Made\r\n\r\n",
        ] {
            #expect(try answer(head + "early", every: size) == "early", "\(head)")
        }
        #expect(try answer("HTTP/1.1 200 OK\r\n", every: size) == nil)
    }

    @Test(
        "says no in words of leo's own",
        arguments: [
            (403, Fault.viaRefused, "answered 403 to CONNECT [2001:db8::1]:443"), (301, .viaRefused, "answered 301"),
            (101, .viaRefused, "answered 101"), (502, .viaFailed, "answered 502"), (503, .viaFailed, "answered 503"),
            (504, .viaFailed, "answered 504"), (999, .viaFailed, "answered 999"),
            (407, .viaCredentials, "asks for credentials (407): name a file in upstream.via_credentials_file"),
        ])
    func refuses(status: Int, fault: Fault, said: String) throws {
        let error = #expect(throws: ProxyError.self) {
            try answer("HTTP/1.1 \(status) their words\r\n\r\n", every: 100)
        }
        #expect(error?.fault == fault)
        #expect(error?.detail.contains(said) == true && error?.detail.contains("proxy.example:3128") == true)
        #expect(error?.detail.contains("their words") == false)
    }

    @Test("that wants other credentials is told apart from one that wants any")
    func wrongCredentials() throws {
        let error = #expect(throws: ProxyError.self) {
            try answer("HTTP/1.1 407 No\r\n\r\n", every: 100, hasCredentials: true)
        }
        #expect(error?.fault == .viaCredentials && error?.detail.contains("does not accept the credentials") == true)
    }

    @Test(
        "that answers garbage, endlessly, or with interim answers alone has failed",
        arguments: [
            "SSH-2.0-x\r\n", "HTTP/2 200\r\n\r\n", "HTTP/1.1 200 OK\nX: y\n\n", "HTTP/1.1 200 OK\r\nX y\r\n\r\n",
            "HTTP/1.1 200 OK\r\nX: " + String(repeating: "y", count: 20_000),
        ])
    func garbage(wire: String) throws {
        let error = #expect(throws: ProxyError.self) { try answer(wire, every: 1000) }
        #expect(error?.fault == .viaFailed)
        let flood = String(repeating: "HTTP/1.1 102 Processing\r\n\r\n", count: 9)
        #expect(throws: ProxyError.self) { try answer(flood, every: 1000) }
    }

    @Test("is not asked again with the same words where it said no, and may be where it failed")
    func retry() {
        #expect(Fault.viaFailed.isWorthRetrying)
        #expect(!Fault.viaRefused.isWorthRetrying && !Fault.viaCredentials.isWorthRetrying)
        #expect(!Fault.certificatePin.isWorthRetrying)
        #expect([Fault.viaFailed, .viaRefused, .viaCredentials, .certificatePin].allSatisfy { $0.status == 502 })
    }

    // MARK: Credentials

    private func sent(_ credentials: ParentCredentials) -> String {
        let request = SecretBytes(byteCount: credentials.byteCount)
        credentials.append(to: request)
        return unsafe request.withBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }

    @Test(
        "gets user and password in base64, the file's last line break left out",
        arguments: [
            ("Aladdin:open sesame", "QWxhZGRpbjpvcGVuIHNlc2FtZQ=="), ("a:\n", "YTo="), ("a:b\r\n", "YTpi"),
            ("a:b:c\n", "YTpiOmM="), ("test:123£", "dGVzdDoxMjPCow=="), ("ab:c", "YWI6Yw=="),
        ])
    func encodes(text: String, token: String) throws {
        let folder = try TemporaryFolder()
        let credentials = try ParentCredentials(path: folder.write(text, to: "c"))
        #expect(sent(credentials) == "Proxy-Authorization: Basic \(token)\r\n")
    }

    @Test("prints its credentials as dots, however they are printed")
    func dots() throws {
        let folder = try TemporaryFolder()
        let credentials = try ParentCredentials(path: folder.write("user:hunter2", to: "c"))
        var dumped = ""
        dump(credentials, to: &dumped)
        for text in ["\(credentials)", String(reflecting: credentials), dumped, "\([credentials])"] {
            #expect(text.contains("••••") && !text.contains("user") && !text.contains("dXNl"))
        }
    }

    @Test(
        "gets none from a file that is not user:password",
        arguments: [
            ("", "is empty"), ("\n", "is empty"), ("user", "has no colon"), (":password", "has no user"),
            ("a:b\nc:d", "more than one line"), ("a:b\n\n", "more than one line"), ("a:b\u{0}c", "control characters"),
            ("a:b\tc", "control characters"), ("a:b\u{7F}", "control characters"),
        ])
    func flaws(text: String, said: String) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write(text, to: "c")
        let failure = #expect(throws: ParentCredentials.Failure.self) { try ParentCredentials(path: path) }
        let words = try #require(failure?.explanation(path: path))
        #expect(words.contains(said) && words.hasPrefix(path))
    }

    @Test(
        "gets none from a file that others may read, that is missing, or that is too large",
        arguments: [0o644, 0o640, 0o604])
    func exposed(mode: UInt32) throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("user:hunter2", to: "c", mode: mode)
        let failure = #expect(throws: ParentCredentials.Failure.self) { try ParentCredentials(path: path) }
        #expect(failure?.explanation(path: path).contains("make it 0600") == true)
        #expect(throws: ParentCredentials.Failure.self) { try ParentCredentials(path: folder.file("missing")) }
        let large = try folder.write("a:" + String(repeating: "b", count: 5000), to: "large")
        #expect(throws: ParentCredentials.Failure.self) { try ParentCredentials(path: large) }
    }
}
