import Policy
import Wire

// How an exchange ends, well or not, and what is written down of it.
extension Exchange {
    /// Tells the client what went wrong: as an answer while none has begun, else by breaking off.
    func fail(_ error: ProxyError) async -> Outcome {
        if error.fault == .clientGone, answer.hasSaidDone || upgrade?.isClosing == true {
            await finishQuietly()
            if !answer.isComplete { await carryOn() }
            return .gone
        }
        journal.record.fail(error)
        worker.metrics.add(.faults(error.fault))
        watch.failed(error.fault, now: worker.loop.now)
        switch error.fault {
        case .clientGone, .clientStalled:
            await carryOn()
            if !answer.isComplete { governance.cache?.close(error.fault.rawValue) }
            return error.fault == .clientGone ? .gone : .cut(reset: true)
        default: break
        }
        governance.cache?.close(error.fault.rawValue)
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
    func flushClient() async -> Bool {
        await client.flushAll(waiter, until: worker.loop.now.advanced(by: timeouts.stall))
    }

    /// The client has left after the last word of its stream. What is missing is framing; waiting a moment for it saves
    /// the upstream connection for the next exchange.
    func finishQuietly() async {
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

    func releaseUpstream(isClean: Bool) {
        guard let upstream else { return }
        wasSent = !upstream.mayResend
        self.upstream = nil
        upstream.attach(nil)
        upstream.release(isClean: isClean && answer.isComplete && isRequestComplete && !isUploadAbandoned)
    }

    var reach: Governance.Reach {
        // A kept answer stands in for one that the provider may have worked on, unless it has said that it failed.
        if answer.isServed, wasSent, journal.record.upstreamStatus == nil { return .unanswered }
        if answer.hasHead { return .answered(status: answer.status) }
        return wasSent ? .unanswered : .unsent
    }

    func conclude() {
        if answer.hasHead {
            if journal.record.status == nil { journal.record.status = answer.status }
            if !answer.isServed { journal.record.upstreamStatus = answer.status }
            journal.record.stream = answer.isEventStream
        }
        if let requestID = answer.requestID { journal.record.keep(requestID.utf8.span, as: .requestID) }
        if attemptCount > 0 {
            journal.record.attempts = attemptCount
            journal.record.reused = isReused
        }
        // The tenant's sums count what the line says, so that comes first.
        governance.noteCache(journal)
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
