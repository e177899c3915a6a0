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
    private static let turnBytesMax = 512 * 1024
    /// How long the rest of an answer is waited for after its client has left content.
    private static let farewellSpan = Nanoseconds(.seconds(1))
    /// Upstream connections tried for one exchange, all of which refused to begin.
    private static let attemptCountMax = 3
    /// Of a refused request this much is heard out, so that its connection can go on; prompts of a few pages.
    private static let discardedBytesMax: UInt64 = 256 * 1024

    let worker: WorkerState
    /// What holds for this exchange to its end, whatever is reloaded meanwhile.
    let policy: PolicySnapshot
    let journal: Journal
    let interception: Interception
    let client: any ClientEnd
    private let connector: UpstreamConnector
    /// What the tenant may, and what the exchange uses.
    private let governance: Governance
    private var upstream: (any UpstreamEnd)?
    private var waiter: Waiter { journal.waiter }
    private var timeouts: Timeouts { worker.shared.timeouts }
    private let startedAt: MonotonicTime

    // The request.
    /// Its head; asked of the client's end once, because every asking makes a copy.
    private let request: HTTP1Head
    /// WebSocket: once the upstream has agreed, there are no messages any more but frames.
    private(set) var upgrade: WebSocketUpgrade?
    /// The request asks to become a WebSocket.
    var isWebSocket: Bool { upgrade != nil }
    /// The client has sent the whole request.
    private var isRequestComplete = false
    private var requestBytes: UInt64 = 0
    /// The upstream takes no more of the request; what the client still sends is dropped.
    private var isUploadAbandoned = false
    private var retained = RetainedRequest()
    /// The head that goes to the upstream, where it is not the client's own.
    private var editedHead: EditedHead?
    /// Upstream connections tried.
    private var attemptCount = 0
    /// The last of them was there already.
    private var isReused = false
    /// Something of the request has left leo and was not given back, so that the provider may have worked on it.
    private var wasSent = false
    /// What is asked about the upstream and told of it.
    private var watch: UpstreamWatch
    /// The provider has refused for now, and the request goes out again after this; what it still says is dropped.
    private var retrySpan: Nanoseconds?
    /// The answer that is dropped has come to its end.
    private var isRefusalComplete = false

    // The answer.
    private var answer = AnswerFacts()
    /// The answer as long as it is held back.
    private var gathering: GatheredAnswer?
    private var isClientGone = false
    /// Body bytes in memory that the worker's gauge knows of.
    private var gaugedBytes = 0
    /// Ends clients that move too little while leo waits for them.
    private var floor: RateFloor
    /// Body octets that the client sent or took since the floor was last told.
    private var clientBytes = 0

    init(
        worker: WorkerState, journal: Journal, client: any ClientEnd, interception: Interception,
        connector: UpstreamConnector, policy: PolicySnapshot
    ) {
        self.worker = worker
        self.policy = policy
        self.journal = journal
        self.client = client
        self.interception = interception
        self.connector = connector
        request = client.head
        watch = UpstreamWatch(worker.shared.upstreamHealth, upstream: interception.target)
        governance = Governance(worker: worker, interception: interception, policy: policy)
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
            try await connect()
            try await stream()
        } catch {
            outcome = await fail(error)
        }
        releaseUpstream(isClean: outcome == .complete || isClientGone)
        watch.leave(now: worker.loop.now)
        gauge(0)
        conclude()
        gate.write(hasSlot: hasSlot)
        return outcome
    }

    // MARK: Phases

    /// Refuses new work while too much of the old waits in memory.
    private func admit() throws(ProxyError) {
        guard worker.shared.overload.memory.isFull else { return }
        worker.metrics.add(.overload(.bodyMemory))
        throw ProxyError(.overload, OverloadLimit.bodyMemory.explanation)
    }

    /// Takes note of the request and refuses what leo does not carry.
    private func read() throws(ProxyError) {
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
    private func identify() async throws(ProxyError) {
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
    private var hasBody: Bool { request.requestFraming != .none && request.requestFraming != .length(0) }

    /// Whether `Host` names the server that this connection was made for. Nearly always it does so letter by letter.
    private func isOurs(_ host: Span<UInt8>) -> Bool {
        if host.equals(ignoringCase: interception.target.host) { return true }
        guard let authority = Authority.parse(host) else { return false }
        return authority.host == interception.target.host
            && authority.port ?? interception.target.port == interception.target.port
    }

    /// Some clients wait for a second before they send a body unasked (RFC 9110 section 10.1.1).
    private func inviteBody() throws(ProxyError) {
        guard request.expectsContinue else { return }
        client.sendContinue()
        _ = try client.flush()
    }

    /// Asks the policy, which may want to see the whole body first.
    private func guardRequest() async throws(ProxyError) {
        var isInvited = !request.expectsContinue
        do throws(ProxyError) {
            try client.withHeadBytes { bytes throws(ProxyError) in
                try governance.begin(request, bytes, isWebSocket: isWebSocket, journal)
            }
            isInvited = true
            try inviteBody()
            if let byteCountMax = governance.bodyByteCountMax {
                try await readBody(upTo: byteCountMax)
                try judgeBody()
            }
        } catch {
            // The connection lives on if what is left of the request is little: clients come back in a moment.
            if isInvited, error.fault.isRefusal { try await discardBody() }
            throw error
        }
    }

    /// Reads the body until it is complete or larger than `byteCountMax`.
    private func readBody(upTo byteCountMax: Int) async throws(ProxyError) {
        retained.byteCountMax = byteCountMax
        try await pull { $0.retained.isWhole }
    }

    /// Hears out what little may be left of a request that is refused.
    private func discardBody() async throws(ProxyError) {
        guard client.spoken == .http1 else { return }
        if case .length(let count) = request.requestFraming, count > Self.discardedBytesMax { return }
        isUploadAbandoned = true
        retained.drop()
        try await pull { $0.requestBytes <= Self.discardedBytesMax }
    }

    /// Takes pieces of the request as they come while `wants` more of them, to its end.
    private func pull(while wants: (Exchange) -> Bool) async throws(ProxyError) {
        client.attach(true)
        var turnBytes = 0
        while !isRequestComplete, wants(self) {
            let moved = try client.pullRequest(self, mayTake: true)
            floor.moved(clientBytes, at: worker.loop.now)
            clientBytes = 0
            turnBytes += moved
            if moved > 0, turnBytes <= Self.turnBytesMax { continue }
            turnBytes = 0
            if moved > 0 {
                await worker.loop.yield()
                continue
            }
            _ = try client.flush()
            gauge(client.waitingBytes + retained.body.count)
            floor.setWaiting(true, at: worker.loop.now)
            waiter.deadline = floor.deadline
            client.expect(request: true, room: client.isBackedUp)
            switch await waiter.sleep() {
            case .event: break
            case .deadline: throw timeout
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
    }

    /// Shows the policy the body, and makes the edits it asks for.
    private func judgeBody() throws(ProxyError) {
        let edit: Governance.RequestEdit?
        if retained.isWhole, isRequestComplete {
            edit = try retained.body.withBytes { body throws(ProxyError) in
                try client.withHeadBytes { head throws(ProxyError) in try governance.judge(request, head, body, journal)
                }
            }
        } else {
            edit = try governance.judgeUnread(byteCount: requestBytes, request, journal)
        }
        guard let edit else { return }
        if let body = edit.body.take() { retained.replace(body) }
        editedHead = try client.withHeadBytes { bytes throws(ProxyError) in
            try EditedHead(request, bytes, edit.changes, adding: [])
        }
    }

    /// Gets an upstream and gives it the head and what has come of the body.
    ///
    /// A connection that turns out to be dead before it took a single byte is replaced by a fresh one; anything later
    /// could make the provider do the work twice.
    private func connect() async throws(ProxyError) {
        try askHealth()
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
    private func askHealth() throws(ProxyError) {
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
    private var identity: UInt64? {
        (try? client.withHeadBytes { UpstreamIdentity.hash(request, $0, model: governance.model) }) ?? nil
    }

    private func open(mayReuse: Bool) async throws(ProxyError) -> any UpstreamEnd {
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

    private func writeRequest(to upstream: any UpstreamEnd) throws(ProxyError) {
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

    // MARK: Streaming

    private func stream() async throws(ProxyError) {
        guard var upstream else { return }
        upstream.attach(waiter)
        client.attach(true)
        var lastProgress = worker.loop.now
        var turnBytes = 0
        while true {
            let moved = try pushRequest(to: upstream) + pullAnswer(from: upstream)
            if answer.isComplete, !client.isBackedUp { return }
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
            gauge(client.waitingBytes + upstream.waitingBytes + retained.body.count + (gathering?.body.count ?? 0))
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

    private var mayTakeRequest: Bool {
        // Frames before the upstream has agreed to them would be a request to it.
        if let upgrade, !upgrade.hasSwitched { return false }
        return isUploadAbandoned || upstream?.isBackedUp != true
    }
    private var mayTakeAnswer: Bool { !client.isBackedUp && !answer.isComplete }

    /// Moves request octets; returns how many, so that zero means that waiting is all that is left.
    private func pushRequest(to upstream: any UpstreamEnd) throws(ProxyError) -> Int {
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
    private func pullAnswer(from upstream: any UpstreamEnd) throws(ProxyError) -> Int {
        var moved = try flushToClient()
        guard mayTakeAnswer else { return moved }
        moved += try upstream.pullAnswer(self)
        return try moved + flushToClient()
    }

    private func flushToClient() throws(ProxyError) -> Int {
        guard client.isBackedUp else { return 0 }
        let count = try client.flush()
        clientBytes += count
        return count
    }

    /// Tells the worker's gauge how many body bytes this exchange holds now.
    private func gauge(_ byteCount: Int) {
        if byteCount > gaugedBytes { worker.memory.add(byteCount - gaugedBytes) }
        if byteCount < gaugedBytes { worker.memory.subtract(gaugedBytes - byteCount) }
        gaugedBytes = byteCount
    }

    /// The upstream has stopped reading. What it has to say about that may still be on its way to us.
    private func abandonUpload() {
        isUploadAbandoned = true
        upstream?.abandonRequest()
        retained.drop()
    }

    /// The upstream has refused to begin (RFC 9113 section 8.7): the request goes to another connection.
    private func startAgain(_ refusing: any UpstreamEnd) async throws(ProxyError) -> any UpstreamEnd {
        guard retained.isWhole, attemptCount < Self.attemptCountMax else {
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
    private func sendAgain(
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
        try await connect()
        guard let upstream else { throw ProxyError(.internalError, "no upstream after connecting") }
        upstream.attach(waiter)
        client.attach(true)
        return upstream
    }

    /// Learns from the head of an answer; true if the answer is not for the client, because the request goes out again.
    private func isRefusedForNow(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) -> Bool {
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

    // MARK: What the ends have read

    /// A piece of the request's body.
    func requestData(_ data: Span<UInt8>) throws(ProxyError) {
        requestBytes += UInt64(data.count)
        clientBytes += data.count
        if isUploadAbandoned { return }
        if upgrade != nil {
            let count = upgrade!.takeFromClient(data)
            upstream?.send(data.extracting(first: count))
            if let violation = upgrade?.violation { throw violation }
            return
        }
        if let upstream {
            governance.pass(data, journal)
            upstream.send(data)
        }
        retained.take(data, isSent: upstream != nil)
    }

    /// The request is complete.
    func requestEnded(trailers: [UInt8]) throws(ProxyError) {
        if let upgrade, !upgrade.isClosing {
            throw ProxyError(.clientGone, "the client left without closing its WebSocket")
        }
        isRequestComplete = true
        retained.trailers = trailers
        if !isUploadAbandoned { upstream?.sendEnd(trailers: trailers) }
    }

    /// A head of the answer. `hasBody` false: only the end follows.
    func answerHead(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool) throws(ProxyError) {
        if retrySpan != nil { return }
        if head.status == 101 {
            guard upgrade != nil else {
                throw ProxyError(.badAnswer, "the upstream switched protocols without being asked")
            }
            return try switchProtocols(head, bytes)
        }
        if head.status < 200 {
            try answer.countInterim()
            if head.status != 100, !isClientGone { client.send(interim: head, bytes) }
            return
        }
        if try isRefusedForNow(head, bytes) { return }
        retained.drop()
        if upgrade != nil {
            // A refused upgrade is an exchange like any other, whose client may have sent frames already.
            upgrade = nil
            isUploadAbandoned = true
        }
        answer.take(head, bytes, method: request.method)
        let elapsed = MonotonicTime.current().since(startedAt)
        journal.record.note(.ttfb, nanoseconds: elapsed.count)
        worker.metrics.observe(.timeToFirstByte, microseconds: elapsed.microseconds)
        governance.answered(head, bytes, isEventStream: answer.isEventStream)
        if isClientGone { return }
        if let edited = try governance.editedHead(head, bytes) {
            pass(edited.head, edited.bytes.span, hasBody: hasBody)
        } else {
            pass(head, bytes, hasBody: hasBody)
        }
    }

    private func pass(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool) {
        if interception.provider.api == .bedrock, !answer.isEventStream, hasBody,
            answer.promisedBytes ?? 0 <= UInt64(GatheredAnswer.bytesMax)
        {
            gathering = GatheredAnswer(head, bytes)
        } else {
            client.send(answer: head, bytes, hasBody: hasBody)
        }
    }

    private func switchProtocols(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) {
        let agreed = copy head
        try client.withHeadBytes { offers throws(ProxyError) in try upgrade?.begin(agreed, bytes, to: request, offers) }
        isRequestComplete = false
        answer.take(head, bytes, method: request.method)
        journal.record.note(.ttfb, nanoseconds: MonotonicTime.current().since(startedAt).count)
        client.send(answer: head, bytes, hasBody: true)
        client.becomeRaw()
        upstream?.becomeRaw()
    }

    /// A piece of the answer's body.
    func answerData(_ data: Span<UInt8>) throws(ProxyError) {
        if retrySpan != nil { return }
        answer.take(data)
        if isClientGone { return governance.meter(data) }
        if upgrade != nil {
            let count = upgrade!.takeFromUpstream(data)
            client.send(data.extracting(first: count))
            if let violation = upgrade?.violation { throw violation }
            return
        }
        if governance.isEditingAnswer {
            return try governance.edit(data) { client.send($0) }
        }
        governance.meter(data)
        guard gathering != nil else { return client.send(data) }
        gathering!.body.append(data)
        if gathering!.body.count > GatheredAnswer.bytesMax { sendGathered(hasMore: true) }
    }

    /// The answer is complete.
    func answerEnded(trailers: [UInt8]) throws(ProxyError) {
        if retrySpan != nil {
            isRefusalComplete = true
            return
        }
        if let upgrade, !upgrade.isClosing {
            throw ProxyError(.upstreamCut, "the upstream ended the connection without closing the WebSocket")
        }
        answer.isComplete = true
        governance.answerEnded { if !isClientGone { client.send($0) } }
        if isClientGone { return }
        sendGathered(hasMore: false)
        client.sendEnd(trailers: trailers)
    }

    /// The upstream has ended its stream where that completes nothing.
    func answerBrokeOff(_ how: String) throws(ProxyError) {
        if retrySpan != nil { return }
        // Programs that have said goodbye in frames often do not care to say it in TLS as well.
        if let upgrade, upgrade.isClosing { return try answerEnded(trailers: []) }
        if answer.hasHead {
            throw ProxyError(.upstreamCut, "\(how) after \(answer.bodyBytes) body bytes")
        }
        throw ProxyError(
            .upstreamClosed, answer.hasInterim ? "\(how) after an interim answer" : "\(how) without an answer")
    }

    private func sendGathered(hasMore: Bool) {
        guard let gathered = gathering.take() else { return }
        let hasBody = hasMore || !gathered.body.isEmpty
        gathered.bytes.withBytes { client.send(answer: gathered.head, $0, hasBody: hasBody) }
        gathered.body.withBytes { client.send($0) }
    }

    // MARK: Waiting

    private var isWaitingForClient: Bool {
        if upgrade?.hasSwitched == true { return client.isBackedUp }
        return client.isBackedUp || !isRequestComplete && !answer.hasHead && upstream?.isBackedUp != true
    }

    private var timeout: ProxyError {
        if client.isBackedUp {
            return ProxyError(.clientStalled, "the client read less than listen.body_rate_min for listen.stall_timeout")
        }
        if isWaitingForClient {
            return ProxyError(
                .clientTimeout, "the client sent less of its body than listen.body_rate_min for listen.stall_timeout")
        }
        return ProxyError(.upstreamTimeout, "the upstream was silent for upstream.idle_timeout")
    }

    // MARK: Ending

    /// Tells the client what went wrong: as an answer while none has begun, else by breaking off.
    private func fail(_ error: ProxyError) async -> Outcome {
        if error.fault == .clientGone, answer.hasSaidDone || upgrade?.isClosing == true {
            await finishQuietly()
            return .gone
        }
        journal.record.fail(error)
        worker.metrics.add(.faults(error.fault))
        watch.failed(error.fault, now: worker.loop.now)
        switch error.fault {
        case .clientGone: return .gone
        case .clientStalled: return .cut(reset: true)
        default: break
        }
        client.abandonRequest()
        if error.fault == .budgetCut, governance.stop(error, { client.send($0) }) {
            client.sendEnd(trailers: [])
            return await flushClient() ? .complete : .cut(reset: true)
        }
        if gathering.take() == nil, answer.hasHead {
            if let farewell = upgrade?.farewell() { client.send(farewell.span) }
            // What came before the cut belongs to the client; the missing end tells it that there was more.
            return .cut(reset: await !flushClient())
        }
        let keepsConnection = error.fault.isRefusal && isRequestComplete && !isWebSocket
        let answer = LocalAnswer(
            error: error, api: interception.api, isHead: request.method == .head, closes: !keepsConnection)
        journal.record.status = answer.status
        client.send(local: answer)
        guard await flushClient() else { return .cut(reset: true) }
        return keepsConnection ? .complete : .answered
    }

    /// Waits until the client has taken what was written; false when it does not.
    private func flushClient() async -> Bool {
        await client.flushAll(waiter, until: worker.loop.now.advanced(by: timeouts.stall))
    }

    /// The client has left after the last word of its stream. What is missing is framing; waiting a moment for it saves
    /// the upstream connection for the next exchange.
    private func finishQuietly() async {
        isClientGone = true
        client.attach(false)
        guard let upstream, isRequestComplete else { return }
        waiter.deadline = worker.loop.now.advanced(by: Self.farewellSpan)
        while !answer.isComplete {
            guard let moved = try? upstream.pullAnswer(self) else { return }
            if moved > 0 || answer.isComplete { continue }
            upstream.expect(answer: true, room: false)
            if await waiter.sleep() != .event { return }
        }
    }

    private func releaseUpstream(isClean: Bool) {
        guard let upstream else { return }
        wasSent = !upstream.mayResend
        self.upstream = nil
        upstream.attach(nil)
        upstream.release(isClean: isClean && answer.isComplete && isRequestComplete && !isUploadAbandoned)
    }

    private var reach: Governance.Reach {
        if answer.hasHead { return .answered(status: answer.status) }
        return wasSent ? .unanswered : .unsent
    }

    private func conclude() {
        if answer.hasHead {
            if journal.record.status == nil { journal.record.status = answer.status }
            journal.record.upstreamStatus = answer.status
            journal.record.stream = answer.isEventStream
        }
        if let requestID = answer.requestID { journal.record.keep(requestID.utf8.span, as: .requestID) }
        if attemptCount > 0 {
            journal.record.attempts = attemptCount
            journal.record.reused = isReused
        }
        governance.settle(reach, journal)
        journal.record.requestBytes = requestBytes
        journal.record.responseBytes = answer.bodyBytes
        let total = MonotonicTime.current().since(startedAt)
        journal.record.note(.total, nanoseconds: total.count)
        let provider = interception.provider.index
        worker.metrics.add(.exchanges(provider: provider, status: StatusClass(status: journal.record.status)))
        worker.metrics.add(.requestBytes(provider: provider), requestBytes)
        worker.metrics.add(.responseBytes(provider: provider), answer.bodyBytes)
        worker.metrics.observe(.exchangeTime, microseconds: total.microseconds)
    }
}
