import Testing

@testable import Proxy

@Suite("Health")
struct MetricsHealthTests {
    @Test("is good as long as somebody answers")
    func live() throws {
        let answer = Health.live(version: "0.1.0", uptimeSeconds: 12)
        #expect(answer.status == 200)
        #expect(text(answer) == #"{"status":"ok","version":"0.1.0","uptime_seconds":12}"# + "\n")
    }

    @Test("is ready when every check is, or only warns")
    func ready() {
        let answer = Health.ready([
            (.authority, .warning("vllm: llm.internal.example lies outside the CA's name constraints")),
            (.listeners, .good), (.accessLog, .good), (.draining, .good),
        ])
        #expect(answer.status == 200)
        let expected =
            #"{"status":"ready","checks":{"ca":{"status":"warning","reason":"vllm: llm.internal.example lies outside "#
            + #"the CA's name constraints"},"listeners":{"status":"ok"},"access_log":{"status":"ok"},"#
            + #""draining":{"status":"ok"}}}"#
        #expect(text(answer) == expected + "\n")
    }

    @Test("is not ready when a check failed, and says which and why", arguments: Health.Check.allCases)
    func notReady(failed: Health.Check) throws {
        let results = Health.Check.allCases.map { check in
            (check: check, result: check == failed ? Health.Result.failed("it \"broke\"") : .good)
        }
        let answer = Health.ready(results)
        #expect(answer.status == 503)
        let body = try JSONText.parse(text(answer))
        #expect(body["status"] == .string("not_ready"))
        let checks = try #require(body["checks"])
        #expect(checks.members.map(\.name) == Health.Check.allCases.map(\.rawValue))
        #expect(checks.members.filter { $0.value["status"] == .string("ok") }.count == results.count - 1)
        #expect(checks[failed.rawValue]?["reason"] == .string("it \"broke\""))
    }

    @Test("of a pod does not depend on what another pod of the same node would suffer from too")
    func pod() {
        for check in Health.Check.allCases {
            let answer = Health.ready([(check, .failed("why"))], forPod: true)
            #expect(answer.status == (check == .accessLog ? 200 : 503))
            #expect(text(answer).contains(#""failed""#))
        }
    }

    private func text(_ answer: Health.Answer) -> String { String(decoding: answer.body, as: UTF8.self) }
}
