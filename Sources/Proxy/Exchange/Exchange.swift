import Policy
import Wire

/// One request and its answer, both directions at once, on one task.
///
/// Phases: identify, admit, read the body, guard, connect, forward, stream, settle, record. The two ends know protocols
/// and sockets, ``Governance`` knows what the tenant may; this type knows the order of things, the deadlines and who
/// gets to know of a failure. A direction is read only when all that was read before
/// has been taken by the other side, so at most one read's worth of bytes waits anywhere, and a slow reader stops the
/// other side.
final class Exchange {
    /// What became of it, for whoever owns the client's connection.
    enum Outcome: Equatable {
        /// The client has its whole answer.
        case complete
        /// The client has an answer of leo's own, and may still be sending.
        case answered
        /// There is no client left.
        case gone
        /// The answer broke off and must look so.
        case cut(reset: Bool)
    }

    /// Moved without waiting before other connections get their turn.
    static let turnBytesMax = 512 * 1024
    /// How long the rest of an answer is waited for after its client has left content.
    static let farewellSpan = Nanoseconds(.seconds(1))
    /// Upstream connections tried for one exchange, all of which refused to begin.
    static let attemptCountMax = 3
    /// While others follow its answer, so much of it may wait for a client that reads slowly; what a flight keeps for
    /// them.
    static let followedBytesMax = 4 * 1024 * 1024
    /// Larger requests are not sent again to renew a kept answer.
    static let refreshedBytesMax = 1024 * 1024
    /// A kept stream that is told event by event takes no longer than this.
    static let replaySpanMax = Nanoseconds(.seconds(120))
    /// Of a refused request this much is heard out, so that its connection can go on; prompts of a few pages.
    static let discardedBytesMax: UInt64 = 256 * 1024

    let worker: WorkerState
    /// What holds for this exchange to its end, whatever is reloaded meanwhile.
    let policy: PolicySnapshot
    let journal: Journal
    let interception: Interception
    let client: any ClientEnd
    let connector: UpstreamConnector
    /// What the tenant may, and what the exchange uses.
    let governance: Governance
    var upstream: (any UpstreamEnd)?
    var waiter: Waiter { journal.waiter }
    var timeouts: Timeouts { worker.shared.timeouts }
    let startedAt: MonotonicTime

    // The request.
    /// Its head; asked of the client's end once, because every asking makes a copy.
    let request: HTTP1Head
    /// WebSocket: once the upstream has agreed, there are no messages any more but frames.
    var upgrade: WebSocketUpgrade?
    /// The request asks to become a WebSocket.
    var isWebSocket: Bool { upgrade != nil }
    /// The client has sent the whole request.
    var isRequestComplete = false
    var requestBytes: UInt64 = 0
    /// The upstream takes no more of the request; what the client still sends is dropped.
    var isUploadAbandoned = false
    var retained = RetainedRequest()
    /// The head that goes to the upstream, where it is not the client's own.
    var editedHead: EditedHead?
    /// Upstream connections tried.
    var attemptCount = 0
    /// The last of them was there already.
    var isReused = false
    /// Something of the request has left leo and was not given back, so that the provider may have worked on it.
    var wasSent = false
    /// What is asked about the upstream and told of it.
    var watch: UpstreamWatch
    /// The provider has refused for now, and the request goes out again after this; what it still says is dropped.
    var retrySpan: Nanoseconds?
    /// The answer that is dropped has come to its end.
    var isRefusalComplete = false

    /// Whose the request is, where that was found out for another exchange.
    var presetTenant: TenantMatch?

    // The answer.
    var answer = AnswerFacts()
    /// The answer as long as it is held back.
    var gathering: GatheredAnswer?
    var isClientGone = false
    /// Body bytes in memory that the worker's gauge knows of.
    var gaugedBytes = 0
    /// Ends clients that move too little while leo waits for them.
    var floor: RateFloor
    /// Body octets that the client sent or took since the floor was last told.
    var clientBytes = 0

    init(
        worker: WorkerState, journal: Journal, client: any ClientEnd, interception: Interception,
        connector: UpstreamConnector, policy: PolicySnapshot, isRefresh: Bool = false
    ) {
        self.worker = worker
        self.policy = policy
        self.journal = journal
        self.client = client
        self.interception = interception
        self.connector = connector
        request = client.head
        watch = UpstreamWatch(worker.shared.upstreamHealth, upstream: interception.target)
        governance = Governance(worker: worker, interception: interception, policy: policy, isRefresh: isRefresh)
        let listen = worker.shared.config.listen
        floor = RateFloor(bytesPerSecondMin: listen.bodyRateMin, span: worker.shared.timeouts.stall)
        journal.record.labelNames = policy.labels
        journal.record.begin(.exchange, id: worker.nextExchangeID())
        // The connection's last request may have been somebody else's.
        journal.record.tenant = interception.connection.tenant
        startedAt = worker.loop.now
    }

    /// Carries the exchange, whose request head the client's end has, to its end.
    func run() async -> Outcome {
        worker.metrics.up(.exchangesOpen)
        defer { worker.metrics.down(.exchangesOpen) }
        if let handshakeTime = journal.handshakeTime {
            journal.record.note(.handshake, nanoseconds: handshakeTime.count)
            journal.handshakeTime = nil
        }
        let gate = AccessLogGate(worker: worker, journal: journal)
        var outcome = Outcome.complete
        var hasSlot: Bool?
        do {
            hasSlot = try await gate.reserve()
            try admit()
            try read()
            try await identify()
            try await guardRequest()
            if try await !answerWithoutProvider() {
                try askHealth()
                try await connect()
                try await stream()
            }
        } catch {
            outcome = if let stale = await answerStale(after: error) { stale } else { await fail(error) }
        }
        releaseUpstream(isClean: outcome == .complete || isClientGone)
        watch.leave(now: worker.loop.now)
        governance.cache?.close()
        gauge(0)
        conclude()
        gate.write(hasSlot: hasSlot)
        return outcome
    }

    // MARK: Phases

    /// Refuses new work while too much of the old waits in memory.
    func admit() throws(ProxyError) {
        guard worker.shared.overload.memory.isFull else { return }
        worker.metrics.add(.overload(.bodyMemory))
        throw ProxyError(.overload, OverloadLimit.bodyMemory.explanation)
    }

    /// Takes note of the request and refuses what leo does not carry.
    func read() throws(ProxyError) {
        try client.withHeadBytes { bytes throws(ProxyError) in
            journal.record.take(request, from: bytes)
            journal.record.keep(bytes.extracting(request.path), as: .path)
            journal.record.clientProtocol = client.spoken
            if request.method == .connect {
                throw ProxyError(.badRequest, "a CONNECT inside of an intercepted connection")
            }
            guard let host = request.first(.host) else {
                throw ProxyError(.badRequest, "an HTTP/1.0 request without Host")
            }
            guard isOurs(bytes.extracting(host.value)) else {
                throw ProxyError(.misdirected, "Host is not the name that this connection was made for")
            }
            upgrade = try WebSocketUpgrade(request, bytes, cameByHTTP2: client.spoken == .http2)
        }
        isRequestComplete = upgrade != nil || !hasBody
    }

    /// Whose the request is, now that the key is there that it brings for its provider.
    func identify() async throws(ProxyError) {
        if let presetTenant {
            journal.record.tenant = presetTenant
            return
        }
        let tenants = policy.tenants
        let fingerprints = policy.fingerprints
        let credential = try client.withHeadBytes { bytes in
            ProviderCredential.fact(of: request, bytes, for: tenants, fingerprints)
        }
        // Without a master key it would mean nothing to anybody.
        if fingerprints?.isShared == true { journal.record.credential = credential.fingerprint }
        let gatekeeper = Gatekeeper(worker: worker, connection: interception.connection)
        journal.record.tenant = nil
        waiter.deadline = worker.loop.now.advanced(by: timeouts.handshake)
        journal.record.tenant = try await gatekeeper.finalTenant(for: credential, in: tenants, waiter: waiter)
    }

    /// Something of the request follows its head.
    var hasBody: Bool { request.requestFraming != .none && request.requestFraming != .length(0) }

    /// Whether `Host` names the server that this connection was made for. Nearly always it does so letter by letter.
    func isOurs(_ host: Span<UInt8>) -> Bool {
        if host.equals(ignoringCase: interception.target.host) { return true }
        guard let authority = Authority.parse(host) else { return false }
        return authority.host == interception.target.host
            && authority.port ?? interception.target.port == interception.target.port
    }

    // MARK: Streaming

    func stream() async throws(ProxyError) {
        guard var upstream else { return }
        upstream.attach(waiter)
        client.attach(true)
        var lastProgress = worker.loop.now
        var turnBytes = 0
        while true {
            let moved = try pushRequest(to: upstream) + pullAnswer(from: upstream)
            if answer.isComplete, !client.isBackedUp { return }
            if isHoldingUpOthers {
                throw ProxyError(.clientStalled, "the client reads too slowly for those who share its answer")
            }
            if let span = retrySpan {
                upstream = try await sendAgain(after: span, upstream)
                lastProgress = worker.loop.now
                continue
            }
            if moved > 0 {
                turnBytes += moved
                lastProgress = worker.loop.now
                floor.moved(clientBytes, at: lastProgress)
                clientBytes = 0
                if turnBytes > Self.turnBytesMax {
                    turnBytes = 0
                    await worker.loop.yield()
                }
                continue
            }
            if upstream.mayBeRefused, upstream.mayResend {
                upstream = try await startAgain(upstream)
                lastProgress = worker.loop.now
                continue
            }
            turnBytes = 0
            gauge(
                client.waitingBytes + upstream.waitingBytes + retained.body.count + (gathering?.body.count ?? 0)
                    + (governance.cache?.capture?.byteCount ?? 0))
            if answer.isEventStream {
                // The next event may be a second away, and there are thousands of streams.
                client.releaseQueues()
                upstream.releaseQueues()
            }
            let isWaitingForClient = isWaitingForClient
            floor.setWaiting(isWaitingForClient, at: worker.loop.now)
            waiter.deadline = isWaitingForClient ? floor.deadline : lastProgress.advanced(by: timeouts.upstreamIdle)
            client.expect(request: mayTakeRequest, room: client.isBackedUp)
            upstream.expect(answer: mayTakeAnswer, room: upstream.isBackedUp)
            switch await waiter.sleep() {
            case .event: break
            case .deadline: throw timeout
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
    }

    var mayTakeRequest: Bool {
        // Frames before the upstream has agreed to them would be a request to it.
        if let upgrade, !upgrade.hasSwitched { return false }
        return isUploadAbandoned || upstream?.isBackedUp != true
    }
    var mayTakeAnswer: Bool {
        if answer.isComplete { return false }
        if !client.isBackedUp { return true }
        // Others do not wait for this client.
        return client.waitingBytes < Self.followedBytesMax && governance.cache?.leader?.hasFollowers == true
    }

    /// So much waits for the client that those who follow its answer would have to wait too.
    private var isHoldingUpOthers: Bool {
        client.waitingBytes >= Self.followedBytesMax && !answer.isComplete
            && governance.cache?.leader?.hasFollowers == true
    }

    /// Moves request octets; returns how many, so that zero means that waiting is all that is left.
    func pushRequest(to upstream: any UpstreamEnd) throws(ProxyError) -> Int {
        var moved = 0
        if upstream.isBackedUp {
            switch upstream.flush() {
            case .moved(let count): moved += count
            case .broken: abandonUpload()
            }
        }
        let taken = try client.pullRequest(self, mayTake: mayTakeRequest)
        if taken > 0, !isUploadAbandoned, case .broken = upstream.flush() { abandonUpload() }
        return moved + taken
    }

    /// Moves answer octets; returns how many.
    func pullAnswer(from upstream: any UpstreamEnd) throws(ProxyError) -> Int {
        var moved = try flushToClient()
        guard mayTakeAnswer else { return moved }
        moved += try upstream.pullAnswer(self)
        return try moved + flushToClient()
    }

    func flushToClient() throws(ProxyError) -> Int {
        guard client.isBackedUp else { return 0 }
        let count = try client.flush()
        clientBytes += count
        return count
    }

    /// Tells the worker's gauge how many body bytes this exchange holds now.
    func gauge(_ byteCount: Int) {
        if byteCount > gaugedBytes { worker.memory.add(byteCount - gaugedBytes) }
        if byteCount < gaugedBytes { worker.memory.subtract(gaugedBytes - byteCount) }
        gaugedBytes = byteCount
    }

    /// The upstream has stopped reading. What it has to say about that may still be on its way to us.
    func abandonUpload() {
        isUploadAbandoned = true
        upstream?.abandonRequest()
        retained.drop()
    }

    // MARK: Waiting

    var isWaitingForClient: Bool {
        if upgrade?.hasSwitched == true { return client.isBackedUp }
        return client.isBackedUp || !isRequestComplete && !answer.hasHead && upstream?.isBackedUp != true
    }

    var timeout: ProxyError {
        if client.isBackedUp {
            return ProxyError(.clientStalled, "the client read less than listen.body_rate_min for listen.stall_timeout")
        }
        if isWaitingForClient {
            return ProxyError(
                .clientTimeout, "the client sent less of its body than listen.body_rate_min for listen.stall_timeout")
        }
        return ProxyError(.upstreamTimeout, "the upstream was silent for upstream.idle_timeout")
    }

}
