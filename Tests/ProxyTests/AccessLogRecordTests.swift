import Policy
import Testing
import Wire

@testable import Proxy

@Suite("An access record")
struct AccessLogRecordTests {
    @Test("writes every field once, in the declared order, with the right value")
    func full() throws {
        let line = try rendered(fullRecord())
        #expect(line.members.map(\.name) == AccessField.allCases.map(\.rawValue))
        let expected = """
            {"time":"2024-02-29T12:34:56.789Z","kind":"exchange","id":"00000000deadbeef","connection":42,\
            "client":"127.0.0.1:50000","tenant":"checkout","matched_by":"proxy_user","credential":"00010203",\
            "tls":"1.3","protocol":"h2",\
            "host":"api.openai.com:443","sni":"api.openai.com",\
            "provider":"openai","api":"openai","policy":"bypassed","policy_revision":3,"reason":"the host is spliced",\
            "method":"POST","path":"/v1/chat/completions","dialect":"openai-chat","operation":"chat.completions",\
            "model":"gpt-4o","model_answered":"gpt-4o-2024-08-06","stream":true,"status":502,"upstream_status":200,"error":"upstream_cut",\
            "error_detail":"closed after 3 chunks","attempts":2,"reused":false,"upstream_addr":"192.0.2.1:443",\
            "upstream_protocol":"http/1.1","via":"proxy.example:3128",\
            "ms":{"handshake":1.5,"resolve":2,"connect":30.25,"ttfb":400,"total":1204.567},"request_bytes":512,\
            "response_bytes":2048,"tokens":{"in":30,"out":20,"cached":4,"cache_write":5,"reasoning":6},\
            "usage_source":"provider","cost":0.000125,"cache":"hit","cache_reason":"sampled","saved_tokens":50,"saved_cost":0.0003,\
            "limit":"tokens/min","limit_remaining":"17",\
            "would":["rate_limited: x"],"edits":{"include_usage":1,"output_limit":2},"request_id":"req_123","traceparent":"00-0af7651916cd43dd8448eb211c80319c-b7ad6b71692\
            03331-01","user_agent":"OpenAI/Python 1.0","labels":{"x-team":"search","x-job":"n\\"1"}}

            """
        #expect(try line == JSONText.parse(expected))
    }

    @Test("leaves out what is not known")
    func empty() throws {
        var record = AccessRecord()
        record.labelNames = ["x-team"]
        #expect(try rendered(record).members.map(\.name) == ["time", "kind"])
    }

    @Test("forgets the exchange and keeps the connection when it is reset")
    func reset() throws {
        var record = fullRecord()
        record.reset()
        let kept = [
            "time", "kind", "connection", "client", "tenant", "matched_by", "tls", "host", "sni", "provider", "api",
            "policy", "reason",
        ]
        #expect(try rendered(record).members.map(\.name) == kept)
        record.releaseStorage()
        keep("/again", as: .path, in: &record)
        #expect(try rendered(record)["path"] == .string("/again"))
    }

    @Test("cuts what a peer sent to the field's limit", arguments: AccessText.allCases)
    func bounded(field: AccessText) throws {
        var record = AccessRecord()
        keep(String(repeating: "é", count: 5000), as: field, in: &record)
        let members = try rendered(record).members
        #expect(members.last?.value == .string(String(repeating: "é", count: field.byteCountMax / 2)))
        #expect(members.count == 3)
    }

    @Test("bounds labels in number and length")
    func labels() throws {
        var record = AccessRecord()
        record.labelNames = (0..<12).map { "x-\($0)" }
        let value = Array(String(repeating: "v", count: 1000).utf8)
        for index in -1..<12 { record.keepLabel(value.span, at: index) }
        let labels = try #require(rendered(record)["labels"])
        #expect(labels.members.map(\.name) == (0..<8).map { "x-\($0)" })
        let kept = JSONText.string(String(repeating: "v", count: AccessRecord.labelBytesMax))
        #expect(labels.members.allSatisfy { $0.value == kept })
    }

    @Test("takes the last value kept for a field")
    func replaced() throws {
        var record = AccessRecord()
        for value in ["GET", "", "DELETE"] { keep(value, as: .method, in: &record) }
        #expect(try rendered(record)["method"] == .string("DELETE"))
    }

    @Test("writes durations whatever they are")
    func durations() throws {
        var record = AccessRecord()
        record.note(.connect, .milliseconds(-5))
        record.note(.resolve, .seconds(Int64.max))
        record.note(.ttfb, .microseconds(1500))
        record.note(.total, nanoseconds: .max)
        let phases = try #require(rendered(record)["ms"])
        #expect(phases.members.map(\.name) == ["ttfb", "total"])
        #expect(phases["ttfb"] == .word("1.5"))
    }

    @Test("has room for every phase and text there is")
    func places() throws {
        var record = AccessRecord()
        for phase in AccessPhase.allCases { record.note(phase, nanoseconds: 1000) }
        let phases = try #require(rendered(record)["ms"])
        #expect(phases.members.map(\.name) == AccessPhase.allCases.map(\.rawValue))
    }

    private func rendered(_ record: borrowing AccessRecord) throws -> JSONText {
        var queue = ByteQueue()
        record.append(to: &queue)
        return try JSONText.parse(text(of: queue))
    }

    private func fullRecord() -> AccessRecord {
        var record = AccessRecord()
        record.connection = 42
        record.client = "127.0.0.1:50000"
        record.tenant = TenantMatch(name: "checkout", by: .proxyUser)
        record.credential = CredentialFingerprint([UInt8](0..<16).span)
        record.tls = "1.3"
        record.host = "api.openai.com:443"
        record.sni = "api.openai.com"
        record.provider = "openai"
        record.api = .openai
        record.policy = .bypassed
        record.reason = "the host is spliced"
        record.labelNames = ["x-team", "x-job"]
        record.time = WallTime(secondsSinceEpoch: 1_709_210_096, nanoseconds: 789_000_000)
        record.id = 0xDEAD_BEEF
        record.stream = true
        record.status = 502
        record.upstreamStatus = 200
        record.error = .upstreamCut
        record.errorDetail = "closed after 3 chunks"
        record.attempts = 2
        record.reused = false
        record.upstreamAddress = "192.0.2.1:443"
        record.clientProtocol = .http2
        record.upstreamProtocol = .http1
        record.via = "proxy.example:3128"
        record.requestBytes = 512
        record.responseBytes = 2048
        record.account = fullAccount
        keep("gpt-4o", as: .model, in: &record)
        keep("gpt-4o-2024-08-06", as: .modelAnswered, in: &record)
        keep("POST", as: .method, in: &record)
        keep("/v1/chat/completions", as: .path, in: &record)
        keep("req_123", as: .requestID, in: &record)
        keep("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01", as: .traceparent, in: &record)
        keep("OpenAI/Python 1.0", as: .userAgent, in: &record)
        record.keepLabel(Array("search".utf8).span, at: 0)
        record.keepLabel(Array("n\"1".utf8).span, at: 1)
        record.note(.handshake, nanoseconds: 1_500_000)
        record.note(.resolve, .milliseconds(2))
        record.note(.connect, nanoseconds: 30_250_000)
        record.note(.ttfb, .milliseconds(400))
        record.note(.total, nanoseconds: 1_204_567_890)
        return record
    }

    private var fullAccount: ExchangeAccount {
        var account = ExchangeAccount()
        account.policyRevision = 3
        account.dialect = .openaiChat
        account.operation = "chat.completions"
        var usage = Usage()
        usage.inputTokens = 30
        usage.cachedTokens = 4
        usage.cacheWriteTokens = 2
        usage.longCacheWriteTokens = 3
        usage.outputTokens = 20
        usage.reasoningTokens = 6
        account.usage = usage
        account.usageSource = .provider
        account.cost = Money(picodollars: 125_000_000)
        account.cache = .hit
        account.cacheReason = "sampled"
        account.savedUsage = usage
        account.savedCost = Money(picodollars: 300_000_000)
        account.limit = "tokens/min"
        account.limitRemaining = "17"
        account.wouldHave("rate_limited: x")
        account.edits = [.includeUsage: 1, .outputLimit: 2]
        return account
    }

    private func keep(_ value: String, as field: AccessText, in record: inout AccessRecord) {
        record.keep(Array(value.utf8).span, as: field)
    }
}
