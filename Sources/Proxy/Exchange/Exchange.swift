import Policy
import Wire

/// One request and its answer, both directions at once, on one task.
///
/// Phases: admit, connect, forward, stream, record. The two relays know the bytes; this type knows the sockets, the
/// deadlines and who gets to know of a failure. A direction reads only when all it read before has been written, so at
/// most one read's worth of bytes waits anywhere, and a slow reader stops the other side.
final class Exchange {
    /// What becomes of the client's connection.
    enum Outcome {
        /// The next request may come.
        case keep
        /// Goodbye.
        case close
        /// Goodbye, but the client may still be sending.
        case linger
        /// The answer broke off and must look so.
        case cut(reset: Bool)
    }

    /// Moved without waiting before other connections get their turn.
    private static let turnBytesMax = 512 * 1024
    /// Bedrock's answers up to this size are sent when they are complete: boto3 takes a truncated 200 for a whole one.
    private static let gatheredBytesMax = 1024 * 1024
    /// How long the rest of an answer is waited for after its client has left content.
    private static let farewellSpan = Nanoseconds(.seconds(1))
    /// Bytes of following requests taken while an answer is under way.
    private static let pipelinedBytesMax = 64 * 1024

    private let worker: WorkerState
    private let connection: ClientConnection
    private let interception: Interception
    private let connector: UpstreamConnector
    private var client: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }
    private var timeouts: Timeouts { worker.shared.timeouts }

    private var request = RequestRelay(framing: .none)
    private var answer: AnswerRelay
    private var clientKeepsAlive = false
    private var isHead = false
    /// The upstream takes no more of the request; what the client still sends is dropped.
    private var isUploadAbandoned = false
    /// The answer's head told the client that the connection will close.
    private var hasAnnouncedClose = false
    /// Upstream connections tried.
    private var attemptCount = 0
    /// The last of them came from the pool.
    private var isReused = false
    /// The answer began before the request had been sent: what the upstream does with the rest is anybody's guess.
    private var isEarly = false
    /// The answer is held back until it is complete.
    private var isGathering = false
    private var upstream: UpstreamConnection?
    private let startedAt: MonotonicTime

    init(
        worker: WorkerState, connection: ClientConnection, interception: Interception, connector: UpstreamConnector
    ) {
        self.connector = connector
        self.worker = worker
        self.connection = connection
        self.interception = interception
        answer = AnswerRelay(reusing: connection.takeAnswerHead())
        connection.record.begin(.exchange, id: worker.nextExchangeID())
        startedAt = worker.loop.now
    }

    /// Carries the exchange whose head stands at the front of the client's inbound queue to its end.
    func run(_ head: HTTP1Head) async -> Outcome {
        worker.metrics.up(.exchangesOpen)
        defer { worker.metrics.down(.exchangesOpen) }
        if let handshakeTime = connection.handshakeTime {
            connection.record.note(.handshake, nanoseconds: handshakeTime.count)
            connection.handshakeTime = nil
        }
        let gate = AccessLogGate(worker: worker, connection: connection)
        var outcome: Outcome
        var hasSlot: Bool?
        do {
            hasSlot = try await gate.reserve()
            try await relay(head)
            outcome = ending()
        } catch {
            outcome = await fail(error)
        }
        releaseUpstream()
        conclude()
        connection.keepAnswerHead(answer.takeHead())
        gate.write(hasSlot: hasSlot)
        return outcome
    }

    // MARK: Phases

    private func relay(_ head: HTTP1Head) async throws(ProxyError) {
        try client.inbound.withBytes { bytes throws(ProxyError) in try read(head, bytes) }
        waiter.deadline = worker.loop.now.advanced(by: timeouts.connect)
        if head.expectsContinue, head.minorVersion > 0, !request.isComplete {
            // Some clients wait for a second before they send a body unasked (RFC 9110 section 10.1.1).
            client.outbound.append("HTTP/1.1 100 Continue\r\n\r\n")
            _ = client.tryFlush()
        }
        try await forward(head)
        try await stream()
    }

    /// Takes note of the request and refuses what leo does not carry.
    private func read(_ head: HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) {
        isHead = head.method == .head
        clientKeepsAlive = head.keepsAlive
        request = RequestRelay(framing: head.requestFraming)
        answer.begin(method: head.method, clientMinorVersion: head.minorVersion)
        connection.record.take(head, from: bytes)
        connection.record.keep(bytes.extracting(head.path), as: .path)
        if head.method == .connect { throw ProxyError(.badRequest, "a CONNECT inside of an intercepted connection") }
        guard let host = head.first(.host) else {
            throw ProxyError(.badRequest, "an HTTP/1.0 request without Host")
        }
        guard isOurs(bytes.extracting(host.value)) else {
            throw ProxyError(.misdirected, "Host is not the name that this connection was made for")
        }
        if head.upgrades, let field = head.first(.upgrade),
            bytes.extracting(field.value).hasPrefix(ignoringCase: "websocket")
        {
            throw ProxyError(.upgradeUnsupported, "leo does not carry WebSocket yet; intercept.splice tunnels the host")
        }
    }

    /// Whether `Host` names the server that this connection was made for. Nearly always it does so letter by letter.
    private func isOurs(_ host: Span<UInt8>) -> Bool {
        if host.equals(ignoringCase: interception.target.host) { return true }
        guard let authority = Authority.parse(host) else { return false }
        return authority.host == interception.target.host
            && authority.port ?? interception.target.port == interception.target.port
    }

    /// Connects, and writes the head and what has come of the body.
    ///
    /// A pooled connection that turns out to be dead before it took a single byte is replaced by a fresh one; anything
    /// later could make the provider do the work twice.
    private func forward(_ head: HTTP1Head) async throws(ProxyError) {
        var requestBytes = ByteQueue()
        client.inbound.withBytes {
            head.appendRelayed(from: $0, to: &requestBytes, framing: .asReceived, closing: false)
        }
        client.inbound.consume(head.byteCount)
        do { try feedRequest(into: &requestBytes) } catch { throw ProxyError(error) }
        var mayUsePool = true
        while true {
            let connection = try await connect(mayUsePool: mayUsePool)
            upstream = connection
            self.connection.record.upstreamAddress = connection.endpointText
            attemptCount += 1
            swap(&connection.stream.outbound, &requestBytes)
            let waitingBytes = connection.stream.outbound.count
            switch connection.stream.tryFlush() {
            case .done, .blocked: return
            case .closed, .cut, .failed:
                guard isReused, connection.stream.outbound.count == waitingBytes else {
                    // Somebody who answers before reading may still have said something.
                    isUploadAbandoned = true
                    connection.stream.outbound.removeAll()
                    return
                }
                swap(&connection.stream.outbound, &requestBytes)
                worker.pool.discard(connection)
                upstream = nil
                mayUsePool = false
            }
        }
    }

    private func connect(mayUsePool: Bool) async throws(ProxyError) -> UpstreamConnection {
        let begin = MonotonicTime.current()
        if mayUsePool, let pooled = connector.pooled() {
            isReused = true
            return pooled
        }
        isReused = false
        client.watcher.waiter = waiter
        client.watcher.interest = .read
        let fresh = try await connector.fresh { connection.isGone }
        connection.record.note(.connect, nanoseconds: MonotonicTime.current().since(begin).count)
        connection.record.note(.resolve, nanoseconds: fresh.resolveTime.count)
        return fresh
    }

    // MARK: Streaming

    private func stream() async throws(ProxyError) {
        guard let upstream = upstream?.stream else { return }
        upstream.watcher.waiter = waiter
        client.watcher.waiter = waiter
        var lastProgress = worker.loop.now
        var turnBytes = 0
        while true {
            let moved = try pushRequest(to: upstream) + pullAnswer(from: upstream)
            if answer.isComplete, client.outbound.isEmpty { return }
            if moved > 0 {
                turnBytes += moved
                lastProgress = worker.loop.now
                if turnBytes > Self.turnBytesMax {
                    turnBytes = 0
                    await worker.loop.yield()
                }
                continue
            }
            turnBytes = 0
            waiter.deadline = lastProgress.advanced(by: patience)
            client.watcher.interest = clientInterest
            upstream.watcher.interest = upstreamInterest(upstream)
            switch await waiter.sleep() {
            case .event: break
            case .deadline: throw timeout
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
    }

    /// Moves request bytes; returns how many, so that zero means that waiting is all that is left.
    private func pushRequest(to upstream: Stream) throws(ProxyError) -> Int {
        var moved = 0
        if !upstream.outbound.isEmpty, upstream.mayWrite {
            switch upstream.tryFlush() {
            case .done(let count): moved += count
            case .blocked: break
            case .closed, .cut, .failed: abandonUpload(upstream)
            }
        }
        guard client.mayRead, upstream.outbound.isEmpty || isUploadAbandoned else { return moved }
        let isWatchingOnly = request.isComplete
        if isWatchingOnly, client.inbound.count >= Self.pipelinedBytesMax { return moved }
        switch unsafe client.tryRead(worker.scratch) {
        case .done(let count):
            moved += count
            let bytes = worker.scratch(count)
            try take(bytes, for: upstream)
        case .blocked: break
        case .closed, .cut, .failed:
            throw ProxyError(
                .clientGone,
                request.isComplete
                    ? "the client left before its answer was complete" : "the client left in the middle of its request")
        }
        return moved
    }

    /// Bytes that the client has sent: body, or the beginning of its next request.
    private func take(_ bytes: Span<UInt8>, for upstream: Stream) throws(ProxyError) {
        do {
            if request.isComplete {
                client.inbound.append(bytes)
            } else if client.inbound.isEmpty {
                var consumed = 0
                try request.feed(bytes, consumed: &consumed, into: &upstream.outbound)
                client.inbound.append(bytes.extracting(droppingFirst: consumed))
            } else {
                client.inbound.append(bytes)
                try feedRequest(into: &upstream.outbound)
            }
        } catch { throw ProxyError(error) }
        if isUploadAbandoned {
            upstream.outbound.removeAll()
            return
        }
        if case .cut = upstream.tryFlush() { abandonUpload(upstream) }
    }

    private func feedRequest(into out: inout ByteQueue) throws(HTTP1Error) {
        var consumed = 0
        try client.inbound.withBytes { bytes throws(HTTP1Error) in
            try request.feed(bytes, consumed: &consumed, into: &out)
        }
        client.inbound.consume(consumed)
    }

    /// The upstream has stopped reading. What it has to say about that may still be on its way to us.
    private func abandonUpload(_ upstream: Stream) {
        isUploadAbandoned = true
        upstream.outbound.removeAll()
    }

    /// Moves answer bytes; returns how many.
    private func pullAnswer(from upstream: Stream) throws(ProxyError) -> Int {
        var moved = try flushClient()
        guard client.outbound.isEmpty || isGathering, !answer.isComplete, upstream.mayRead else { return moved }
        switch unsafe upstream.tryRead(worker.scratch) {
        case .done(let count):
            moved += count
            let bytes = worker.scratch(count)
            try feedAnswer(bytes, upstream)
        case .blocked: return moved
        case .closed: try upstreamEnded(orderly: true)
        case .cut, .failed: try upstreamEnded(orderly: false)
        }
        return try moved + flushClient()
    }

    private func feedAnswer(_ bytes: Span<UInt8>, _ upstream: Stream) throws(ProxyError) {
        let hadHead = answer.hasHead
        let wasEmpty = client.outbound.isEmpty
        defer {
            if !hadHead, answer.hasHead { noteHead() }
            updateGathering(hadHead: hadHead, wasEmpty: wasEmpty)
        }
        let closing = !clientKeepsAlive || !request.isComplete || worker.shared.isDraining
        var consumed = 0
        if upstream.inbound.isEmpty {
            try answer.feed(bytes, consumed: &consumed, closing: closing, into: &client.outbound)
            upstream.inbound.append(bytes.extracting(droppingFirst: consumed))
        } else {
            upstream.inbound.append(bytes)
            try upstream.inbound.withBytes { bytes throws(ProxyError) in
                try answer.feed(bytes, consumed: &consumed, closing: closing, into: &client.outbound)
            }
            upstream.inbound.consume(consumed)
        }
        if !hadHead, answer.hasHead { hasAnnouncedClose = closing || answer.mustCloseClient }
    }

    /// Decides after each piece of an answer whether it is held back.
    private func updateGathering(hadHead: Bool, wasEmpty: Bool) {
        if !hadHead, answer.hasHead, wasEmpty, interception.provider.api == .bedrock, !answer.isEventStream {
            isGathering = answer.promisedBytes ?? 0 <= UInt64(Self.gatheredBytesMax)
        }
        if answer.isComplete || client.outbound.count > Self.gatheredBytesMax { isGathering = false }
    }

    private func noteHead() {
        isEarly = !request.isComplete || upstream?.stream.outbound.isEmpty == false
        let elapsed = MonotonicTime.current().since(startedAt)
        connection.record.note(.ttfb, nanoseconds: elapsed.count)
        worker.metrics.observe(.timeToFirstByte, microseconds: elapsed.microseconds)
    }

    private func upstreamEnded(orderly: Bool) throws(ProxyError) {
        switch answer.upstreamEnded(orderly: orderly, into: &client.outbound) {
        case .complete: isGathering = false
        case .beforeAnswer:
            throw ProxyError(.upstreamClosed, "the upstream closed the connection without an answer")
        case .cut where answer.hasHead:
            throw ProxyError(.upstreamCut, "the upstream's answer broke off after \(answer.bodyBytes) body bytes")
        case .cut: throw ProxyError(.upstreamClosed, "the upstream closed the connection after an interim answer")
        }
    }

    private func flushClient() throws(ProxyError) -> Int {
        guard !client.outbound.isEmpty, !isGathering, client.mayWrite else { return 0 }
        let waitingBytes = client.outbound.count
        switch client.tryFlush() {
        case .done, .blocked: return waitingBytes - client.outbound.count
        case .closed, .cut, .failed: throw ProxyError(.clientGone, "the client left before its answer was complete")
        }
    }

    // MARK: Waiting

    private var clientInterest: Watcher.Interest {
        var interest: Watcher.Interest = []
        if !client.outbound.isEmpty, !isGathering { interest.formUnion(client.writeInterest) }
        let mayTake =
            request.isComplete
            ? client.inbound.count < Self.pipelinedBytesMax
            : isUploadAbandoned || upstream?.stream.outbound.isEmpty ?? true
        if mayTake { interest.formUnion(client.readInterest) }
        return interest
    }

    private func upstreamInterest(_ upstream: Stream) -> Watcher.Interest {
        var interest: Watcher.Interest = []
        if !upstream.outbound.isEmpty { interest.formUnion(upstream.writeInterest) }
        if client.outbound.isEmpty || isGathering, !answer.isComplete { interest.formUnion(upstream.readInterest) }
        return interest
    }

    private var isWaitingForClient: Bool {
        !client.outbound.isEmpty && !isGathering
            || !request.isComplete && !answer.hasHead && upstream?.stream.outbound.isEmpty ?? true
    }

    private var patience: Nanoseconds { isWaitingForClient ? timeouts.stall : timeouts.upstreamIdle }

    private var timeout: ProxyError {
        if !client.outbound.isEmpty, !isGathering {
            return ProxyError(.clientStalled, "the client read nothing for listen.stall_timeout")
        }
        if isWaitingForClient {
            return ProxyError(.clientTimeout, "the client sent nothing of its body for listen.stall_timeout")
        }
        return ProxyError(.upstreamTimeout, "the upstream was silent for upstream.idle_timeout")
    }

    // MARK: Ending

    private func ending() -> Outcome {
        if !request.isComplete { return .linger }
        if hasAnnouncedClose || answer.mustCloseClient { return .close }
        return .keep
    }

    /// Tells the client what went wrong: as an answer while none has begun, else by breaking off.
    private func fail(_ error: ProxyError) async -> Outcome {
        if error.fault == .clientGone, answer.hasSaidDone {
            await finishQuietly()
            return .close
        }
        connection.record.fail(error)
        worker.metrics.add(.faults(error.fault))
        switch error.fault {
        case .clientGone: return .close
        case .clientStalled: return .cut(reset: true)
        default: break
        }
        if isGathering {
            isGathering = false
            client.outbound.removeAll()
        } else if answer.hasHead {
            // What came before the cut belongs to the client; the missing end tells it that there was more.
            waiter.deadline = worker.loop.now.advanced(by: timeouts.stall)
            do { try await client.flush(waiter) } catch { return .cut(reset: true) }
            return .cut(reset: false)
        }
        connection.record.status = error.fault.status
        LocalAnswer(error: error, api: interception.provider.api, isHead: isHead).append(to: &client.outbound)
        waiter.deadline = worker.loop.now.advanced(by: timeouts.stall)
        do { try await client.flush(waiter) } catch { return .cut(reset: true) }
        return .linger
    }

    /// The client has left after the last word of its stream. What is missing is framing; waiting a moment for it saves the
    /// upstream connection for the next exchange.
    private func finishQuietly() async {
        guard let upstream = upstream?.stream else { return }
        client.watcher.waiter = nil
        waiter.deadline = worker.loop.now.advanced(by: Self.farewellSpan)
        while !answer.isComplete {
            client.outbound.removeAll()
            switch unsafe upstream.tryRead(worker.scratch) {
            case .done(let count): if (try? feedAnswer(worker.scratch(count), upstream)) == nil { return }
            case .blocked: if (try? await upstream.sleep(waiter, for: upstream.readInterest)) == nil { return }
            case .closed, .cut, .failed: return
            }
        }
        client.outbound.removeAll()
    }

    private func releaseUpstream() {
        guard let upstream else { return }
        self.upstream = nil
        upstream.stream.watcher.waiter = nil
        let isClean =
            answer.isComplete && request.isComplete && !isEarly && !isUploadAbandoned && answer.upstreamKeepsAlive
            && upstream.stream.inbound.isEmpty && upstream.stream.outbound.isEmpty
        if isClean {
            let traits = interception.provider.poolIdleTimeout.map { Nanoseconds($0) }
            worker.pool.keep(upstream, for: min(traits ?? timeouts.poolIdle, timeouts.poolIdle))
        } else {
            worker.pool.rememberTicket(of: upstream)
            worker.pool.discard(upstream)
        }
    }

    private func conclude() {
        if answer.hasHead {
            if connection.record.status == nil { connection.record.status = answer.status }
            connection.record.upstreamStatus = answer.status
            connection.record.stream = answer.isEventStream
        }
        if let requestID = answer.requestID { connection.record.keep(requestID.utf8.span, as: .requestID) }
        if attemptCount > 0 {
            connection.record.attempts = attemptCount
            connection.record.reused = isReused
        }
        connection.record.requestBytes = request.bodyBytes
        connection.record.responseBytes = answer.bodyBytes
        let total = MonotonicTime.current().since(startedAt)
        connection.record.note(.total, nanoseconds: total.count)
        let provider = interception.provider.index
        worker.metrics.add(.exchanges(provider: provider, status: StatusClass(status: connection.record.status)))
        worker.metrics.add(.requestBytes(provider: provider), request.bodyBytes)
        worker.metrics.add(.responseBytes(provider: provider), answer.bodyBytes)
        worker.metrics.observe(.exchangeTime, microseconds: total.microseconds)
    }
}
