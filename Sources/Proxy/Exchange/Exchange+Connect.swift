import Policy
import Wire

// The way to the upstream, and to another one where the first refuses to begin or asks to wait.
extension Exchange {
    /// Gets an upstream and gives it the head and what has come of the body.
    ///
    /// A connection that turns out to be dead before it took a single byte is replaced by a fresh one; anything later
    /// could make the provider do the work twice.
    func connect() async throws(ProxyError) {
        var mayReuse = true
        while true {
            let upstream = try await open(mayReuse: mayReuse)
            watch.connected(now: worker.loop.now)
            self.upstream = upstream
            attemptCount += 1
            journal.record.upstreamAddress = upstream.endpointText
            journal.record.upstreamProtocol = upstream.spoken
            try writeRequest(to: upstream)
            if !retained.isWhole { retained.drop() }
            guard case .broken = upstream.flush() else {
                if !upstream.mayBeRefused, worker.shared.upstreamHealth.retries.countMax == 0 { retained.drop() }
                return
            }
            guard isReused, upstream.mayResend, retained.isWhole else {
                // Somebody who answers before reading may still have said something.
                abandonUpload()
                return
            }
            self.upstream = nil
            upstream.release(isClean: false)
            mayReuse = false
        }
    }

    /// Spares an upstream that asked for it or does not work, and the client the wait for it.
    func askHealth() throws(ProxyError) {
        switch watch.verdict(now: worker.loop.now, identity: { identity }) {
        case .go: break
        case .backOff(let wait):
            var error = ProxyError(
                .providerBackoff, "\(interception.provider.name) has answered \(wait.status) and asked to be left alone"
            )
            error.retryAfter = wait.span
            throw error
        case .open(let span):
            var error = ProxyError(.circuitOpen, "\(interception.target) has failed too often in a row")
            error.retryAfter = span
            throw error
        }
    }

    /// What the provider counts this request against; nil where that cannot be told.
    var identity: UInt64? {
        (try? client.withHeadBytes { UpstreamIdentity.hash(request, $0, model: governance.model) }) ?? nil
    }

    func open(mayReuse: Bool) async throws(ProxyError) -> any UpstreamEnd {
        waiter.deadline = worker.loop.now.advanced(by: timeouts.connect)
        client.attach(true)
        client.expect(request: true, room: false)
        if mayReuse, let pooled = connector.pooled(for: self) {
            isReused = true
            return pooled
        }
        isReused = false
        let begin = MonotonicTime.current()
        let client = client
        let fresh = try await connector.fresh(for: self) { client.isGone }
        journal.record.note(.connect, nanoseconds: MonotonicTime.current().since(begin).count)
        journal.record.note(.resolve, nanoseconds: fresh.resolveTime.count)
        return fresh
    }

    func writeRequest(to upstream: any UpstreamEnd) throws(ProxyError) {
        let request = RequestHead(
            head: editedHead?.head ?? self.request, hasBody: hasBody || isWebSocket, isWebSocket: isWebSocket,
            cameByHTTP2: client.spoken == .http2)
        if let editedHead {
            try upstream.send(request, editedHead.bytes.span)
        } else {
            try client.withHeadBytes { bytes throws(ProxyError) in try upstream.send(request, bytes) }
        }
        retained.body.withBytes { upstream.send($0) }
        if isRequestComplete {
            if !isWebSocket { upstream.sendEnd(trailers: retained.trailers) }
        } else {
            _ = try client.pullRequest(self, mayTake: true)
        }
    }

    /// The upstream has refused to begin (RFC 9113 section 8.7): the request goes to another connection.
    func startAgain(_ refusing: any UpstreamEnd) async throws(ProxyError) -> any UpstreamEnd {
        guard retained.isWhole, attemptCount - watch.retryCount < Self.attemptCountMax else {
            throw ProxyError(.upstreamClosed, "the upstream refused the request without beginning it")
        }
        upstream = nil
        refusing.attach(nil)
        refusing.release(isClean: false)
        try await connect()
        guard let upstream else { throw ProxyError(.internalError, "no upstream after connecting") }
        upstream.attach(waiter)
        client.attach(true)
        return upstream
    }

    /// The provider has refused for now: the request goes out again when the wait is over.
    func sendAgain(
        after span: Nanoseconds, _ refusing: any UpstreamEnd
    ) async throws(ProxyError) -> any UpstreamEnd {
        upstream = nil
        refusing.attach(nil)
        refusing.release(isClean: isRefusalComplete)
        waiter.deadline = worker.loop.now.advanced(by: span)
        client.attach(true)
        wait: while true {
            _ = try client.pullRequest(self, mayTake: false)
            client.expect(request: false, room: false)
            switch await waiter.sleep() {
            case .event: continue
            case .deadline: break wait
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
        retrySpan = nil
        isRefusalComplete = false
        try askHealth()
        try await connect()
        guard let upstream else { throw ProxyError(.internalError, "no upstream after connecting") }
        upstream.attach(waiter)
        client.attach(true)
        return upstream
    }

    /// Learns from the head of an answer; true if the answer is not for the client, because the request goes out again.
    func isRefusedForNow(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) -> Bool {
        var advice = WaitAdvice()
        if ProviderBackoff.speaksForOthers(head.status) {
            let now = WallTime.now().secondsSinceEpoch
            advice = WaitAdvice(ProviderAllowance(head, from: bytes, unixSeconds: now))
        }
        watch.answered(status: head.status, advice: advice, now: worker.loop.now) { identity }
        guard worker.shared.upstreamHealth.retries.countMax > 0, retained.isWhole, isRequestComplete, !isClientGone
        else {
            return false
        }
        let clientRetries = try client.withHeadBytes { ClientAttempt.isRetry(request, $0) }
        retrySpan = watch.retrySpan(
            status: head.status, advice: advice, clientRetries: clientRetries, now: worker.loop.now)
        if retrySpan != nil { worker.metrics.add(.upstreamRetries) }
        return retrySpan != nil
    }
}
