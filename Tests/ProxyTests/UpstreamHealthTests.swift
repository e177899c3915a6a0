import Policy
import Testing
import Wire

@testable import Proxy

private let start = MonotonicTime(nanoseconds: 1_000_000_000_000)

private func after(_ seconds: Double) -> MonotonicTime {
    start.advanced(by: Nanoseconds(count: UInt64(seconds * 1_000_000_000)))
}

private func seconds(_ count: Double) -> Nanoseconds { Nanoseconds(count: UInt64(count * 1_000_000_000)) }

/// A head made of these field lines, and the bytes that it lies in.
private func parse(_ kind: HTTP1Head.Kind, _ first: String, _ fields: [String]) throws -> (HTTP1Head, [UInt8]) {
    let bytes = Array(([first] + fields + ["", ""]).joined(separator: "\r\n").utf8)
    var head = HTTP1Head(kind)
    #expect(try head.parse(bytes.span))
    return (head, bytes)
}

@Suite("What a provider's refusal teaches")
struct ProviderBackoffTests {
    private let upstream = HostPort(host: "api.openai.com", port: 443)
    private func key(_ identity: UInt64, host: String? = nil) -> ProviderBackoff.Key {
        ProviderBackoff.Key(upstream: host.map { HostPort(host: $0, port: 443) } ?? upstream, identity: identity)
    }

    @Test(
        "holds for as long as the provider said, for this upstream and identity and no other",
        arguments: [429, 503, 529])
    func wait(_ status: Int) {
        var backoff = ProviderBackoff(spanMax: seconds(60))
        backoff.note(status: status, wait: seconds(20), for: key(1), now: start)
        #expect(backoff.wait(for: key(1), now: start) == .init(span: seconds(20), status: status))
        #expect(backoff.wait(for: key(1), now: after(15)) == .init(span: seconds(5), status: status))
        #expect(backoff.wait(for: key(2), now: start) == nil)
        #expect(backoff.wait(for: key(1, host: "api.groq.com"), now: start) == nil)
        #expect(backoff.wait(for: key(1), now: after(20)) == nil)
    }

    @Test("is nothing where no wait was named, or the status is about the request alone")
    func nothing() {
        var backoff = ProviderBackoff(spanMax: seconds(60))
        backoff.note(status: 429, wait: nil, for: key(1), now: start)
        backoff.note(status: 429, wait: seconds(0), for: key(1), now: start)
        for status in [200, 400, 401, 403, 404, 413, 500, 502, 504] {
            backoff.note(status: status, wait: seconds(5), for: key(1), now: start)
        }
        #expect(backoff.wait(for: key(1), now: start) == nil)
    }

    @Test("is believed for the longest span at most, and not at all where that is zero")
    func limit() {
        var backoff = ProviderBackoff(spanMax: seconds(60))
        backoff.note(status: 429, wait: Nanoseconds(count: .max), for: key(1), now: start)
        #expect(backoff.wait(for: key(1), now: start)?.span == seconds(60))
        #expect(backoff.wait(for: key(1), now: after(60)) == nil)
        var off = ProviderBackoff(spanMax: seconds(0))
        off.note(status: 429, wait: seconds(5), for: key(1), now: start)
        #expect(off.wait(for: key(1), now: start) == nil)
    }

    @Test("is not shortened by an answer that was overtaken")
    func overtaken() {
        var backoff = ProviderBackoff(spanMax: seconds(60))
        backoff.note(status: 429, wait: seconds(30), for: key(1), now: start)
        backoff.note(status: 503, wait: seconds(1), for: key(1), now: after(1))
        #expect(backoff.wait(for: key(1), now: after(1)) == .init(span: seconds(29), status: 429))
        backoff.note(status: 503, wait: seconds(30), for: key(1), now: after(2))
        #expect(backoff.wait(for: key(1), now: after(2)) == .init(span: seconds(30), status: 503))
    }
}

@Suite("A circuit breaker")
struct CircuitBreakerTests {
    /// Lets somebody try and tells what came of it; false when nobody may.
    @discardableResult
    private func attempt(
        _ circuit: inout CircuitBreaker, _ outcome: CircuitBreaker.Outcome, at now: MonotonicTime
    ) -> Bool {
        guard case .go(let pass) = circuit.admit(now: now) else { return false }
        circuit.note(outcome, of: pass, now: now, random: 0.5)
        return true
    }

    private func opened(at now: MonotonicTime = start) -> CircuitBreaker {
        var circuit = CircuitBreaker()
        for _ in 0..<CircuitBreaker.unreachableInRowMax { attempt(&circuit, .unreachable, at: now) }
        return circuit
    }

    @Test("opens when connections fail in a row, and not before")
    func unreachable() {
        var circuit = CircuitBreaker()
        for _ in 1..<CircuitBreaker.unreachableInRowMax { #expect(attempt(&circuit, .unreachable, at: start)) }
        #expect(!circuit.isOpen)
        attempt(&circuit, .unreachable, at: start)
        #expect(circuit.isOpen)
        #expect(circuit.admit(now: start) == .refuse(CircuitBreaker.openSpan))
        #expect(circuit.admit(now: after(4)) == .refuse(seconds(1)))
    }

    @Test("does not take failures for a row that a success or a minute lies between")
    func interrupted() {
        var circuit = CircuitBreaker()
        for round in 0..<10 {
            for _ in 1..<CircuitBreaker.unreachableInRowMax {
                attempt(&circuit, .unreachable, at: after(Double(round)))
            }
            attempt(&circuit, .reached, at: after(Double(round)))
        }
        #expect(!circuit.isOpen)
        for number in 0..<20 { attempt(&circuit, .unreachable, at: after(Double(60 * number))) }
        #expect(!circuit.isOpen)
    }

    @Test("opens when at least half of many answers are failures", arguments: [0, 10, 19, 20, 21, 40])
    func failing(_ good: Int) {
        var circuit = CircuitBreaker()
        attempt(&circuit, .failed, at: start)
        for _ in 0..<good { attempt(&circuit, .answered, at: start) }
        for _ in 1..<CircuitBreaker.failedCountMin { attempt(&circuit, .failed, at: start) }
        #expect(circuit.isOpen == (good <= CircuitBreaker.failedCountMin))
    }

    @Test("stays closed for few failures, however large their share")
    func few() {
        var circuit = CircuitBreaker()
        for number in 0..<500 { attempt(&circuit, .failed, at: after(Double(number) * 0.6)) }
        #expect(!circuit.isOpen)
    }

    @Test("lets few try when its time is over, and closes when one of them got an answer")
    func halfOpen() {
        var circuit = opened()
        var passes: [CircuitBreaker.Pass] = []
        for _ in 0..<CircuitBreaker.probeCountMax {
            guard case .go(let pass) = circuit.admit(now: after(5)) else {
                Issue.record("nobody may try")
                return
            }
            #expect(pass.isProbe)
            passes.append(pass)
        }
        #expect(circuit.admit(now: after(5)) == .refuse(CircuitBreaker.halfOpenWait))
        circuit.note(.answered, of: passes[0], now: after(6), random: 0)
        #expect(!circuit.isOpen)
        circuit.note(.unreachable, of: passes[1], now: after(6), random: 0)
        #expect(!circuit.isOpen, "the other's pass is from before")
    }

    @Test("closes at a connection where that was what failed, and needs an answer where answers failed")
    func cause() {
        var circuit = opened()
        attempt(&circuit, .reached, at: after(5))
        #expect(!circuit.isOpen)
        for _ in 0..<CircuitBreaker.failedCountMin { attempt(&circuit, .failed, at: after(6)) }
        #expect(circuit.isOpen)
        attempt(&circuit, .reached, at: after(12))
        #expect(circuit.isOpen)
        attempt(&circuit, .answered, at: after(12))
        #expect(!circuit.isOpen)
    }

    @Test("waits twice as long after each try that failed, up to a minute, give or take a tenth")
    func doubling() {
        var circuit = opened()
        var now = start
        for expected in [5.0, 10, 20, 40, 60, 60, 60] {
            guard case .refuse(let span) = circuit.admit(now: now) else {
                Issue.record("it is not open")
                return
            }
            #expect(span == seconds(expected))
            now = now.advanced(by: span)
            #expect(attempt(&circuit, .unreachable, at: now))
        }
        var early = opened()
        guard case .go(let pass) = early.admit(now: after(5)) else { return }
        early.note(.failed, of: pass, now: after(5), random: 7)
        #expect(early.admit(now: after(5)) == .refuse(seconds(11)))
    }

    @Test("gives a place back that was not used, and one whose user does not come back")
    func abandoned() {
        var circuit = opened()
        for _ in 0..<20 { #expect(attempt(&circuit, .abandoned, at: after(5))) }
        for _ in 0..<CircuitBreaker.probeCountMax { _ = circuit.admit(now: after(5)) }
        #expect(circuit.admit(now: after(6)) == .refuse(CircuitBreaker.halfOpenWait))
        #expect(attempt(&circuit, .answered, at: after(5).advanced(by: CircuitBreaker.probeSpan)))
        #expect(!circuit.isOpen)
    }

    @Test("is not moved by those who began before it opened")
    func stale() {
        var circuit = CircuitBreaker()
        guard case .go(let early) = circuit.admit(now: start) else { return }
        for _ in 0..<CircuitBreaker.unreachableInRowMax { attempt(&circuit, .unreachable, at: start) }
        circuit.note(.answered, of: early, now: start, random: 0)
        #expect(circuit.isOpen)
        guard case .go = circuit.admit(now: after(5)) else { return }
        circuit.note(.answered, of: early, now: after(5), random: 0)
        circuit.note(.answered, of: .ordinary, now: after(5), random: 0)
        #expect(circuit.isOpen)
    }

    @Test("lets nobody through too early or in too great number, and recovers from everything", arguments: 1...40)
    func anything(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        var circuit = CircuitBreaker()
        var now = start
        var openUntil: MonotonicTime?
        var passes: [CircuitBreaker.Pass] = []
        var probes: [MonotonicTime] = []
        let outcomes: [CircuitBreaker.Outcome] = [.reached, .unreachable, .answered, .failed, .abandoned]
        for _ in 0..<2000 {
            now = now.advanced(by: Nanoseconds(count: random.next() % 400_000_000))
            if random.next() % 3 == 0 || passes.isEmpty {
                let admission = circuit.admit(now: now)
                switch admission {
                case .go(let pass):
                    if let openUntil { #expect(now >= openUntil) }
                    openUntil = nil
                    passes.append(pass)
                    if pass.isProbe {
                        probes.removeAll { now.since($0) >= CircuitBreaker.probeSpan }
                        probes.append(now)
                    }
                case .refuse(let span):
                    #expect(circuit.isOpen && span.count > 0 && span <= seconds(66))
                    if span > CircuitBreaker.halfOpenWait { openUntil = now.advanced(by: span) }
                }
            } else {
                let index = Int(random.next() % UInt64(passes.count))
                // Mostly failures, so that it opens.
                let outcome = outcomes[Int(random.next() % 8 < 5 ? (random.next() % 2) * 2 + 1 : random.next() % 5)]
                circuit.note(
                    outcome, of: passes.remove(at: index), now: now, random: Double(random.next() % 1000) / 1000)
                if !circuit.isOpen { openUntil = nil }
            }
        }
        now = now.advanced(by: seconds(66))
        attempt(&circuit, .answered, at: now)
        #expect(!circuit.isOpen)
    }
}

@Suite("Retries of leo's own")
struct RetryTests {
    @Test("are a tenth of the requests at most, one aside", arguments: 1...20)
    func budget(_ seed: UInt64) {
        var random = SplitMix(state: seed)
        var budget = RetryBudget()
        var requestCount = 0
        var retryCount = 0
        for _ in 0..<5000 {
            if random.next() % 4 == 0 {
                if budget.take() { retryCount += 1 }
            } else {
                budget.countRequest()
                requestCount += 1
            }
            #expect(retryCount * 10 <= requestCount + 10)
        }
        #expect(retryCount * 10 >= requestCount - 100)
    }

    @Test("come in no greater burst after a quiet time")
    func burst() {
        var budget = RetryBudget()
        for _ in 0..<100_000 { budget.countRequest() }
        var count = 0
        while budget.take() { count += 1 }
        #expect(count == RetryBudget.savedCountMax)
    }

    private func span(
        _ rule: RetryRule, after count: Int = 0, status: Int = 503, wait: Double? = nil, may: Bool? = nil,
        clientRetries: Bool = false, random: Double = 0
    ) -> Nanoseconds? {
        var advice = WaitAdvice()
        advice.wait = wait.map(seconds)
        advice.mayRetry = may
        return rule.span(
            after: count, status: status, advice: advice, clientRetries: clientRetries, random: random)
    }

    @Test("happen where the provider did not begin, as often as the file says")
    func rule() {
        #expect(span(RetryRule(countMax: 0)) == nil)
        let rule = RetryRule(countMax: 2)
        for status in [429, 503, 529] { #expect(span(rule, status: status) != nil) }
        for status in [200, 400, 408, 409, 500, 502, 504] { #expect(span(rule, status: status) == nil) }
        #expect(span(rule, after: 1) != nil)
        #expect(span(rule, after: 2) == nil)
        #expect(span(rule, may: false) == nil)
        #expect(span(rule, may: true) != nil)
        #expect(span(rule, clientRetries: true) == nil)
        #expect(span(rule, may: true, clientRetries: true) == nil)
    }

    @Test("wait as long as the provider asks and a little more, or are left to the client")
    func advised() throws {
        let rule = RetryRule(countMax: 3)
        #expect(span(rule, wait: 2) == seconds(2))
        #expect(span(rule, wait: 2, random: 1) == seconds(2.5))
        #expect(span(rule, wait: 0, random: 1) == seconds(0.05))
        #expect(span(rule, wait: 10, random: 2) == seconds(11))
        #expect(span(rule, wait: 10.001) == nil)
    }

    @Test("wait half a second, doubled each time, where it asks for nothing")
    func unadvised() {
        let rule = RetryRule(countMax: 3)
        #expect((0..<3).map { span(rule, after: $0, random: 1) } == [seconds(0.5), seconds(1), seconds(2)])
        #expect(span(rule, random: 0) == seconds(0.25))
    }

    @Test(
        "are off where the client's library is at it already",
        arguments: [
            ([], false), (["x-stainless-retry-count: 0"], false), (["X-Stainless-Retry-Count: 1"], true),
            (["x-stainless-retry-count: 2"], true), (["x-stainless-retry-count: many"], true),
            (["amz-sdk-request: attempt=1; max=3"], false), (["amz-sdk-request: attempt=2; max=3"], true),
            (["amz-sdk-request: ttl=20241119T132020Z; attempt=3; max=3"], true),
            (["amz-sdk-request: attempt=x"], false),
            (["amz-sdk-request: max=3"], false),
        ])
    func attempts(_ fields: [String], _ expected: Bool) throws {
        let (head, bytes) = try parse(.request, "POST / HTTP/1.1", ["Host: a"] + fields)
        #expect(ClientAttempt.isRetry(head, bytes.span) == expected)
    }
}

@Suite("An answer's advice about trying again")
struct WaitAdviceTests {
    @Test(
        "is the wait that is asked for, or that until a rate is back of which nothing is left",
        arguments: [
            ([], nil), (["Retry-After: 20"], 20), (["Retry-After: 9", "retry-after-ms: 30"], 0.03),
            (["Retry-After: later"], nil),
            (["x-ratelimit-remaining-requests: 0", "x-ratelimit-reset-requests: 6m0s"], 360),
            (["x-ratelimit-remaining-tokens: 7", "x-ratelimit-reset-tokens: 1s"], nil),
            (["Retry-After: 1", "x-ratelimit-remaining-tokens: 0", "x-ratelimit-reset-tokens: 9s"], 1),
        ] as [([String], Double?)])
    func wait(_ fields: [String], _ expected: Double?) throws {
        let (head, bytes) = try parse(.response, "HTTP/1.1 429 Too Many Requests", fields)
        let advice = WaitAdvice(ProviderAllowance(head, from: bytes.span, unixSeconds: 0))
        #expect(advice.wait == expected.map(seconds))
        #expect(advice.mayRetry == nil)
    }

    @Test("knows x-should-retry", arguments: [("true", true), ("false", false), ("perhaps", nil)] as [(String, Bool?)])
    func should(_ text: String, _ expected: Bool?) throws {
        let (head, bytes) = try parse(.response, "HTTP/1.1 503 no", ["x-should-retry: \(text)"])
        #expect(WaitAdvice(ProviderAllowance(head, from: bytes.span, unixSeconds: 0)).mayRetry == expected)
    }
}

@Suite("What a provider counts a request against")
struct UpstreamIdentityTests {
    private func hash(_ fields: [String], target: String = "/v1/messages", model: String? = nil) throws -> UInt64? {
        let (head, bytes) = try parse(.request, "POST \(target) HTTP/1.1", ["Host: a"] + fields)
        return UpstreamIdentity.hash(head, bytes.span, model: model)
    }

    @Test("is the credential in whatever place, and the model")
    func differs() throws {
        let different = [
            try hash(["Authorization: Bearer a"]), try hash(["Authorization: Bearer b"]),
            try hash(["x-api-key: a"]), try hash(["api-key: a"]), try hash(["x-goog-api-key: a"]),
            try hash([], target: "/v1/m?key=a"), try hash([], target: "/v1/m?alt=sse&key=b"),
            try hash(["Authorization: Bearer a"], model: "m"), try hash(["Authorization: Bearer a"], model: "n"),
        ]
        #expect(Set(different).count == different.count)
    }

    @Test("is nothing without a credential")
    func nobody() throws {
        #expect(try hash([]) == nil)
        #expect(try hash(["x-request: 1"], target: "/v1/m?keys=a", model: "m") == nil)
    }

    @Test("is not what changes from request to request")
    func same() throws {
        let first =
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIA1/20260101/us-east-1/bedrock/aws4_request, Signature=1"
        let second =
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIA1/20260102/us-east-1/bedrock/aws4_request, Signature=2"
        let third =
            "Authorization: AWS4-HMAC-SHA256 Credential=AKIA2/20260102/us-east-1/bedrock/aws4_request, Signature=2"
        #expect(try hash([first]) == hash([second]))
        #expect(try hash([first]) != hash([third]))
        #expect(try hash(["x-api-key: a", "x-request: 1"]) == hash(["X-Request: 2", "X-Api-Key: a"]))
        #expect(try hash([], target: "/v1/m?key=a&alt=sse") == hash([], target: "/v2/n?alt=json&key=a"))
    }
}

@Suite("What all workers know of an upstream")
struct UpstreamWatchTests {
    private let upstream = HostPort(host: "api.openai.com", port: 443)

    private func health(_ change: (inout Config.Upstream) -> Void = { _ in }) -> UpstreamHealth {
        var config = Config.Upstream()
        change(&config)
        return UpstreamHealth(config)
    }

    private func openCount(_ health: UpstreamHealth, at now: MonotonicTime) -> Exposition.Measure? {
        health.measures(now: now)[.upstreamCircuitsOpen]
    }

    @Test("a wait that one exchange was told holds for the next with its identity")
    func backoff() {
        let health = health()
        var first = UpstreamWatch(health, upstream: upstream)
        var advice = WaitAdvice()
        advice.wait = seconds(7)
        #expect(
            first.verdict(now: start) {
                Issue.record("nobody waits")
                return 0
            } == .go)
        first.answered(status: 429, advice: advice, now: start) { 1 }
        first.leave(now: start)
        var second = UpstreamWatch(health, upstream: upstream)
        #expect(second.verdict(now: after(2)) { 1 } == .backOff(.init(span: seconds(5), status: 429)))
        var other = UpstreamWatch(health, upstream: upstream)
        #expect(other.verdict(now: after(2)) { 2 } == .go)
        #expect(second.verdict(now: after(7)) { 1 } == .go)
        first.answered(status: 429, advice: advice, now: after(7)) { nil }
        #expect(second.verdict(now: after(7)) { nil } == .go, "whoever has no credential is not anybody else")
        advice.mayRetry = false
        first.answered(status: 429, advice: advice, now: after(8)) { 1 }
        #expect(second.verdict(now: after(8)) { 1 } == .go, "trying again does not help that request alone")
    }

    @Test("an upstream that cannot be reached is left alone, tried by few, and everybody's again")
    func circuit() {
        let health = health()
        for _ in 0..<CircuitBreaker.unreachableInRowMax {
            var watch = UpstreamWatch(health, upstream: upstream)
            #expect(watch.verdict(now: start) { 0 } == .go)
            watch.failed(.connectFailed, now: start)
            watch.leave(now: start)
        }
        #expect(openCount(health, at: start) == .count(1))
        var refused = UpstreamWatch(health, upstream: upstream)
        guard case .open(let span) = refused.verdict(now: after(1), identity: { 0 }) else {
            Issue.record("the circuit is not open")
            return
        }
        #expect(span > seconds(3) && span < seconds(5))
        refused.leave(now: after(1))
        var elsewhere = UpstreamWatch(health, upstream: HostPort(host: "api.groq.com", port: 443))
        #expect(elsewhere.verdict(now: after(1)) { 0 } == .go)
        var probe = UpstreamWatch(health, upstream: upstream)
        #expect(probe.verdict(now: after(6)) { 0 } == .go)
        probe.connected(now: after(6))
        probe.answered(status: 200, advice: WaitAdvice(), now: after(7)) { 0 }
        probe.leave(now: after(7))
        #expect(openCount(health, at: after(7)) == .count(0))
        #expect(refused.verdict(now: after(7)) { 0 } == .go)
    }

    @Test("a circuit that nobody asks for is forgotten")
    func forgotten() {
        let health = health()
        for _ in 0..<CircuitBreaker.unreachableInRowMax {
            var watch = UpstreamWatch(health, upstream: upstream)
            _ = watch.verdict(now: start) { 0 }
            watch.failed(.connectTimeout, now: start)
        }
        #expect(openCount(health, at: after(300)) == .count(1))
        #expect(openCount(health, at: after(306)) == .count(0))
        var watch = UpstreamWatch(health, upstream: upstream)
        #expect(watch.verdict(now: after(306)) { 0 } == .go)
    }

    @Test(
        "failures that have a better explanation open nothing",
        arguments: [Fault.dnsFailed, .certificateExpired, .clientGone])
    func explained(_ fault: Fault) {
        let health = health()
        for _ in 0..<100 {
            var watch = UpstreamWatch(health, upstream: upstream)
            #expect(watch.verdict(now: start) { 0 } == .go)
            watch.failed(fault, now: start)
        }
    }

    @Test("neither is done where the file says so")
    func off() {
        let health = health {
            $0.usesCircuitBreaker = false
            $0.backoffMax = .zero
        }
        var advice = WaitAdvice()
        advice.wait = seconds(5)
        for _ in 0..<100 {
            var watch = UpstreamWatch(health, upstream: upstream)
            #expect(watch.verdict(now: start) { 1 } == .go)
            watch.answered(status: 503, advice: advice, now: start) { 1 }
            watch.failed(.connectFailed, now: start)
        }
    }

    @Test(
        "retries are off by default, and else paid for from the upstream's budget, in which a retry counts for nothing")
    func retries() {
        var watch = UpstreamWatch(health(), upstream: upstream)
        _ = watch.verdict(now: start) { 0 }
        #expect(watch.retrySpan(status: 503, advice: WaitAdvice(), clientRetries: false, now: start) == nil)
        let health = health { $0.retriesMax = 3 }
        var retryCount = 0
        for _ in 0..<200 {
            var watch = UpstreamWatch(health, upstream: upstream)
            _ = watch.verdict(now: start) { 0 }
            while watch.retrySpan(status: 429, advice: WaitAdvice(), clientRetries: false, now: start) != nil {
                retryCount += 1
                _ = watch.verdict(now: start) { 0 }
            }
            #expect(watch.retryCount <= 3)
        }
        #expect((20...21).contains(retryCount))
    }

    @Test("a retry waits as it was told, and not for what it has taught itself")
    func ownLesson() {
        let health = health { $0.retriesMax = 1 }
        var watch = UpstreamWatch(health, upstream: upstream)
        #expect(watch.verdict(now: start) { 1 } == .go)
        var advice = WaitAdvice()
        advice.wait = seconds(3)
        watch.answered(status: 429, advice: advice, now: start) { 1 }
        #expect(watch.retrySpan(status: 429, advice: advice, clientRetries: false, now: start) != nil)
        #expect(watch.verdict(now: start) { 1 } == .go)
        #expect(watch.retrySpan(status: 429, advice: advice, clientRetries: false, now: start) == nil)
    }
}
