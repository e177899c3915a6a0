import Policy
import Testing

@testable import Proxy

@Suite("Reading the file again")
struct ReloadTests {
    private func source(_ text: String) throws -> ConfigSource {
        ConfigSource(path: "/f", digest: ContentDigest(of: Array(text.utf8)), settings: FileSettings(text))
    }

    @Test(
        "tells what counts at once from what needs a restart",
        arguments: [
            ("tenants.checkout", false), ("defaults.limits", false), ("prices.file", false), ("cache.memory", false),
            ("intercept.splice", false),
            ("intercept", false), ("intercept.providers", true), ("access_log.labels", false),
            ("access_log.path", true), ("listen.workers", true), ("provider", true), ("upstream.resolve", true),
            ("ca.names", true), ("something.new", true),
        ])
    func scope(_ key: String, _ needsRestart: Bool) {
        #expect(ReloadScope.needsRestart(key) == needsRestart)
    }

    @Test("names every change that waits, in the order of the file, and none that counts")
    func pending() throws {
        let started = try source("[listen]\nworkers = 2\nhead_timeout = \"1s\"\n[intercept]\nsplice = []\n")
        let later = try source("[intercept]\nsplice = [\"a\"]\n[ca]\nnames = [\"x\"]\n[listen]\nworkers = 3\n")
        #expect(
            ReloadScope.pending(started, later, file: "f") == [
                "f:4:10: ca.names has changed, which counts after a restart of leo",
                "f:6:11: listen.workers has changed, which counts after a restart of leo",
                "f: listen.head_timeout is gone, which counts after a restart of leo",
            ])
        #expect(ReloadScope.pending(nil, later, file: "f") == [])
    }

    @Test("makes a snapshot that keeps what outlives a reload")
    func snapshot() throws {
        var config = Config(baseDirectory: "/")
        let first = PolicySnapshot(config)
        #expect(first.revision == 1 && first.passwords == nil)
        let hash = try #require(PasswordDigest.makeDummy(cost: .standard))
        let row = TenantRow(tenant: "a", user: "u", passwordHashes: [hash], certificates: [])
        config.tenants = TenantTable(rows: [row])
        config.destination.providers = ProviderTable([])
        let second = PolicySnapshot(config, after: first)
        #expect(second.revision == 2)
        #expect(second.destination.providers == first.destination.providers)
        let checks = try #require(second.passwords)
        config.destination.splice = [HostPattern(HostPort(host: "api.openai.com", port: 443))]
        let third = PolicySnapshot(config, after: second)
        #expect(third.passwords === checks, "the tenants are the same, and so is what is known of their passwords")
        #expect(third.destination.splice.count == 1 && second.destination.splice.isEmpty)
        config.tenants = TenantTable()
        #expect(PolicySnapshot(config, after: third).passwords == nil)
    }

    @Test("reaches every exchange that begins afterwards, and none before")
    func adoption() async throws {
        let fixture = try WorkerFixture()
        try await fixture.run { state in
            let before = state.policy
            var config = state.shared.config
            config.accessLog.labels = ["x-team"]
            let after = PolicySnapshot(config, after: before)
            state.shared.install(after)
            #expect(state.policy === before, "a loop's own copy changes on the loop alone")
            state.adopt(after)
            #expect(state.policy === after && state.shared.policy === after)
            state.adopt(before)
            #expect(state.policy === after, "an older one that comes late is not taken")
        }
    }

    @Test(
        "is reported with the exit code that the answer means",
        arguments: [
            (200, "f: revision 2 is in force\n", "f: revision 2 is in force\n", [], Int32(0)),
            (200, "f: revision 2 is in force\nf:1:1: x\n", "f: revision 2 is in force\n", ["f:1:1: x"], 0),
            (
                422, "nothing was changed\nf:1:1: y\nf:2:1: z\n", "",
                ["f:1:1: y", "f:2:1: z", "leo: nothing was changed"], 1
            ),
            (403, "no\n", "", ["leo: no"], 2), (503, "", "", [], 2), (404, "what\u{1b}[2J\n", "", ["leo: what [2J"], 2),
        ])
    func report(_ status: Int, _ body: String, _ output: String, _ complaints: [String], _ code: Int32) {
        let report = ReloadCommand.report(LocalClient.Answer(status: status, body: body))
        #expect(report == CommandReport(output: output, complaints: complaints, exitCode: code))
    }
}

@Suite("A file's digest")
struct ContentDigestTests {
    @Test("is SHA-256 in hexadecimal, and read in either case")
    func digest() throws {
        let empty = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"
        let digest = try #require(ContentDigest(of: []))
        #expect(digest.description == empty)
        #expect(ContentDigest(text: empty.uppercased()) == digest)
        #expect(ContentDigest(of: [0]) != digest)
    }

    @Test(
        "is nothing else", arguments: ["", "abc", String(repeating: "g", count: 64), String(repeating: "0", count: 65)])
    func others(_ text: String) {
        #expect(ContentDigest(text: text) == nil)
    }
}
