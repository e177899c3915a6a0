import Cache
import Policy
import Wire

// Answers that need no provider: kept ones, and those that another exchange is getting.
extension Exchange {
    /// Answers from the cache, or together with an exchange under way; false: the provider has to be asked, and what the
    /// limits say to that has been asked.
    func answerWithoutProvider() async throws(ProxyError) -> Bool {
        if let cache = governance.cache {
            if cache.isActive, try await answer(from: cache) { return true }
            if cache.forbidsProvider {
                throw ProxyError(.notCached, "the request says only-if-cached, and there is no such answer")
            }
        }
        do throws(ProxyError) { try governance.admit(journal) } catch {
            governance.cache?.stepDown()
            throw error
        }
        return false
    }

    private func answer(from cache: CacheUse) async throws(ProxyError) -> Bool {
        if let found = cache.lookUp(now: MonotonicTime.sinceBoot().nanoseconds) {
            if !cache.isEnforced {
                governance.wouldServe(found, journal)
                return false
            }
            if try await serve(found, cache) { return true }
            return try await askTogether(cache)
        }
        if cache.forbidsProvider || !cache.isActive { return false }
        if try await askTogether(cache) { return true }
        // Whoever led before may have come to its end since the cache was asked.
        guard cache.leader != nil, let found = cache.lookUp(now: MonotonicTime.sinceBoot().nanoseconds) else {
            if !cache.isActive { cache.stepDown() }
            return false
        }
        if found.isStale { cache.stepDown() } else { cache.tellOthers(found) }
        return try await serve(found, cache)
    }

    /// Joins an exchange under way; false: there is none, or its answer is not for this client.
    private func askTogether(_ cache: CacheUse) async throws(ProxyError) -> Bool {
        if cache.forbidsProvider { return false }
        let waiter = waiter
        guard let follower = cache.join(wake: { waiter.wakeFromAnyThread() }) else { return false }
        gaugeServed()
        return try await follow(follower, cache)
    }

    /// Tells the worker's gauge what an exchange holds that its provider has no part in, and `more` beside it.
    func gaugeServed(_ more: Int = 0) { gauge(client.waitingBytes + retained.body.count + more) }

    // MARK: A kept answer

    /// Gives a kept answer; false: this client cannot have it in its form.
    private func serve(_ found: CacheUse.CachedAnswer, _ cache: CacheUse) async throws(ProxyError) -> Bool {
        guard let rendered = cache.render(found.entry.document) else {
            cache.label(.miss, "form")
            return false
        }
        try governance.admitServed(journal)
        governance.noteSaved(found.entry.usage, model: found.entry.model, journal)
        let label = found.isStale ? CacheResult.stale : .hit
        cache.label(label, found.isStale ? "expired" : "memory")
        if found.isStale { refreshInBackground() }
        let head = try ServedAnswer(
            contentType: rendered.contentType, byteCount: rendered.eventEnds.isEmpty ? rendered.bytes.count : nil,
            label: label, ageSeconds: found.ageSeconds, fields: found.entry.fields + governance.ownFields)
        begin(head)
        let pause = Nanoseconds(cache.settings.replayInterval)
        if pause.count == 0 || rendered.eventEnds.isEmpty {
            send(rendered.bytes.span)
        } else {
            try await sendPaced(rendered, pause)
        }
        try await endServed()
        return true
    }

    /// Gives the head of an answer that the provider of this exchange has no part in.
    func begin(_ served: ServedAnswer) {
        answer.take(served.head, served.bytes.span, method: request.method)
        answer.isServed = true
        // Nobody else is asked any more.
        retained.drop()
        journal.record.note(.ttfb, nanoseconds: MonotonicTime.current().since(startedAt).count)
        client.send(answer: served.head, served.bytes.span, hasBody: true)
    }

    func send(_ data: Span<UInt8>) {
        answer.take(data)
        client.send(data)
    }

    func endServed() async throws(ProxyError) {
        client.sendEnd(trailers: [])
        try await drainClient()
        answer.isComplete = true
    }

    /// Sends the events of a stream one by one, as a model would.
    private func sendPaced(_ rendered: RenderedAnswer, _ pause: Nanoseconds) async throws(ProxyError) {
        // Of a long answer several go at a time, so that it does not take hours.
        let eventCount = rendered.eventEnds.count
        let turnCountMax = max(1, Int(clamping: Self.replaySpanMax.count / max(1, pause.count)))
        let stride = max(1, (eventCount + turnCountMax - 1) / turnCountMax)
        var start = 0
        var next = stride - 1
        while next < eventCount - 1 {
            let end = rendered.eventEnds[next]
            send(rendered.bytes.span.extracting(start..<end))
            try await drainClient(holding: rendered.bytes.count)
            start = end
            next += stride
            try await rest(until: worker.loop.now.advanced(by: pause))
        }
        send(rendered.bytes.span.extracting(start..<rendered.bytes.count))
    }

    /// Waits for the client to take what was written, while `byteCount` bytes more are held for it.
    func drainClient(holding byteCount: Int = 0) async throws(ProxyError) {
        client.attach(true)
        while true {
            _ = try flushToClient()
            floor.moved(clientBytes, at: worker.loop.now)
            clientBytes = 0
            if !client.isBackedUp {
                floor.setWaiting(false, at: worker.loop.now)
                return gaugeServed(byteCount)
            }
            gaugeServed(byteCount)
            floor.setWaiting(true, at: worker.loop.now)
            waiter.deadline = floor.deadline
            client.expect(request: false, room: true)
            switch await waiter.sleep() {
            case .event: break
            case .deadline: throw timeout
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
    }

    /// Waits, as long as the client is there.
    private func rest(until deadline: MonotonicTime) async throws(ProxyError) {
        while true {
            _ = try client.pullRequest(self, mayTake: false)
            waiter.deadline = deadline
            client.expect(request: false, room: false)
            switch await waiter.sleep() {
            case .event: continue
            case .deadline: return
            case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
            }
        }
    }

    // MARK: When the provider fails

    /// Gives an answer that is too old in the place of one that the provider did not give; false: there is none.
    func answerStale(after error: ProxyError) async -> Outcome? {
        guard let cache = governance.cache, let stale = cache.stale, cache.isEnforced, !answer.hasHead, !isClientGone,
            error.fault.isProvidersFailure, let rendered = cache.render(stale.entry.document)
        else { return nil }
        watch.failed(error.fault, now: worker.loop.now)
        releaseUpstream(isClean: false)
        // Who waits for this exchange has found the same, and gives it too.
        cache.tellOthers(stale)
        cache.close()
        do throws(ProxyError) {
            try await give(stale, rendered, because: error.fault.rawValue, cache)
            return .complete
        } catch {
            return await fail(error)
        }
    }

    /// Gives a stale answer, since the provider has none.
    func give(
        _ stale: CacheUse.CachedAnswer, _ rendered: RenderedAnswer, because reason: String, _ cache: CacheUse
    ) async throws(ProxyError) {
        governance.noteSaved(stale.entry.usage, model: stale.entry.model, journal)
        cache.label(.stale, reason)
        begin(
            try ServedAnswer(
                contentType: rendered.contentType, byteCount: rendered.eventEnds.isEmpty ? rendered.bytes.count : nil,
                label: .stale, ageSeconds: stale.ageSeconds, fields: stale.entry.fields + governance.ownFields))
        send(rendered.bytes.span)
        try await endServed()
    }

    // MARK: Renewing

    /// Gets a new answer in the place of the stale one that this exchange has just given, by an exchange of its own that
    /// nobody waits for.
    private func refreshInBackground() {
        guard let cache = governance.cache, retained.isWhole, retained.trailers.isEmpty,
            retained.body.count <= Self.refreshedBytesMax, !worker.shared.isDraining,
            !worker.shared.overload.memory.isFull
        else { return }
        let body = retained.body.withBytes { $0.copied }
        let edited = editedHead
        guard
            let client = try? client.withHeadBytes({ bytes in
                edited.map { AbsentClient($0.head, $0.bytes.span, body: body) }
                    ?? AbsentClient(request, bytes, body: body)
            })
        else { return }
        guard cache.beginRefresh() else { return }
        let record = AccessRecord(onConnectionOf: journal.record)
        let journal = Journal(waiter: Waiter(loop: worker.loop), record: record)
        let exchange = Exchange(
            worker: worker, journal: journal, client: client, interception: interception,
            connector: UpstreamConnector(worker: worker, interception: interception), policy: policy, isRefresh: true)
        exchange.presetTenant = self.journal.record.tenant
        let refresh = Handover((exchange, cache))
        worker.spawn { _ in
            let (exchange, cache) = refresh.value
            _ = await exchange.run()
            exchange.waiter.retire()
            cache.endRefresh()
        }
    }
}

/// What counts as a failure of the provider where an old answer may stand in (RFC 5861 section 4).
enum StaleIfError {
    /// 529 is Anthropic's word for an overload.
    static func isFailure(_ status: Int) -> Bool { [500, 502, 503, 504, 529].contains(status) }
}

extension Fault {
    /// Whether the provider could not be reached, or gave no usable answer.
    var isProvidersFailure: Bool { Self.providersFailures.contains(self) }

    private static let providersFailures: Set<Fault> = [
        .dnsFailed, .connectFailed, .connectTimeout, .upstreamHandshake, .viaFailed, .upstreamClosed, .badAnswer,
        .upstreamCut, .upstreamTimeout, .circuitOpen, .providerBackoff,
    ]
}
