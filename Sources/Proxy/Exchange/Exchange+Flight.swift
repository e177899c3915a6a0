import Cache
import Policy
import Wire

// Together with other exchanges: following one that gets the same answer, and leading those that follow.
extension Exchange {
    /// Waits for the answer that another exchange gets; false: this client has to ask for itself, perhaps for others too.
    func follow(_ follower: FlightFollower, _ cache: CacheUse) async throws(ProxyError) -> Bool {
        defer { follower.leave() }
        client.attach(true)
        var lastProgress = worker.loop.now
        var progress = follower.progress
        while true {
            switch follower.next() {
            case .wait:
                _ = try client.pullRequest(self, mayTake: false)
                // The leader's own patience ends first, whatever it waits for; this is for a leader that is lost.
                waiter.deadline = lastProgress.advanced(by: timeouts.upstreamIdle).advanced(by: timeouts.upstreamIdle)
                client.expect(request: false, room: false)
                switch await waiter.sleep() {
                case .event: continue
                case .deadline where follower.progress != progress:
                    progress = follower.progress
                    lastProgress = worker.loop.now
                case .deadline:
                    throw ProxyError(.upstreamTimeout, "the upstream was silent for upstream.idle_timeout")
                case .cancelled: throw ProxyError(.draining, "leo was shut down in the middle of an exchange")
                }
            case .lead(let leader):
                cache.leader = leader
                return false
            case .alone: return false
            case .head(let head):
                try governance.admitServed(journal)
                cache.label(.coalesced, "joined")
                begin(
                    try ServedAnswer(
                        contentType: head.contentType, byteCount: nil, label: .coalesced, ageSeconds: nil,
                        fields: head.fields + governance.ownFields))
                try await drainClient()
            case .data(let data):
                lastProgress = worker.loop.now
                send(data.span)
                try await drainClient()
            case .end(let whole) where whole.isStale:
                guard let stale = cache.stale, let rendered = cache.render(stale.entry.document) else { return false }
                try governance.admitServed(journal)
                try await give(stale, rendered, because: "joined", cache)
                return true
            case .end(let whole):
                if answer.hasHead {
                    governance.noteSaved(whole.usage, model: whole.model, journal)
                    try await endServed()
                    return true
                }
                return try await serve(whole, follower.head?.fields ?? [], cache)
            case .refused(let status, let contentType, let body):
                try governance.admitServed(journal)
                cache.label(.coalesced, "status")
                begin(
                    try ServedAnswer(
                        status: status, contentType: contentType, byteCount: body.count, label: .coalesced,
                        ageSeconds: nil, fields: governance.ownFields))
                send(body.span)
                try await endServed()
                return true
            case .cut:
                throw ProxyError(.upstreamCut, "the exchange that this one had joined broke off")
            }
        }
    }

    /// Gives an answer that another exchange has got whole; false: this client cannot have it in its form.
    private func serve(
        _ whole: FlightAnswer, _ fields: [(name: String, value: String)], _ cache: CacheUse
    ) async throws(ProxyError) -> Bool {
        guard cache.accepts(ageSeconds: whole.ageSeconds), let document = whole.document,
            let rendered = cache.render(document.span)
        else {
            cache.label(.miss, "form")
            return false
        }
        try governance.admitServed(journal)
        governance.noteSaved(whole.usage, model: whole.model, journal)
        cache.label(.coalesced, "joined")
        begin(
            try ServedAnswer(
                contentType: rendered.contentType, byteCount: rendered.eventEnds.isEmpty ? rendered.bytes.count : nil,
                label: .coalesced, ageSeconds: whole.ageSeconds, fields: fields + governance.ownFields))
        send(rendered.bytes.span)
        try await endServed()
        return true
    }

    /// The client has left, and others wait for the answer: it is read to its end for them.
    func carryOn() async {
        isClientGone = true
        client.attach(false)
        guard let leader = governance.cache?.leader else { return }
        guard let upstream, isRequestComplete else { return leader.handOver() }
        upstream.attach(waiter)
        var lastProgress = worker.loop.now
        while !answer.isComplete, !leader.endUnlessFollowed() {
            if upstream.isBackedUp, case .broken = upstream.flush() { abandonUpload() }
            guard let moved = try? upstream.pullAnswer(self), retrySpan == nil else { return }
            gauge(client.waitingBytes + upstream.waitingBytes + (governance.cache?.capture?.byteCount ?? 0))
            if moved > 0 {
                lastProgress = worker.loop.now
                await worker.loop.yield()
                continue
            }
            if answer.isComplete { return }
            waiter.deadline = lastProgress.advanced(by: timeouts.upstreamIdle)
            upstream.expect(answer: true, room: upstream.isBackedUp)
            if await waiter.sleep() != .event { return }
        }
    }
}
