import Policy
import Wire

// What the ends have read of request and answer, piece by piece.
extension Exchange {
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
        governance.pass(data, journal)
        upstream?.send(data)
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
        if let cache = governance.cache, cache.stale != nil, cache.isEnforced, StaleIfError.isFailure(head.status) {
            journal.record.upstreamStatus = head.status
            throw ProxyError(.badAnswer, "the provider answered \(head.status)")
        }
        if head.status == 401 || head.status == 403, let tenant = journal.record.tenant {
            try client.withHeadBytes { CacheUse.credentialRefused(request, $0, tenant, policy, worker.shared) }
        }
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

    func pass(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool) {
        if interception.provider.api == .bedrock, !answer.isEventStream, !governance.isEditingAnswer, hasBody,
            answer.promisedBytes ?? 0 <= UInt64(GatheredAnswer.bytesMax)
        {
            gathering = GatheredAnswer(head, bytes)
        } else {
            client.send(answer: head, bytes, hasBody: hasBody)
        }
    }

    func switchProtocols(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) {
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
        if isClientGone {
            return governance.isEditingAnswer ? try governance.edit(data) { _ in } : governance.meter(data)
        }
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

    func sendGathered(hasMore: Bool) {
        guard let gathered = gathering.take() else { return }
        let hasBody = hasMore || !gathered.body.isEmpty
        gathered.bytes.withBytes { client.send(answer: gathered.head, $0, hasBody: hasBody) }
        gathered.body.withBytes { client.send($0) }
    }
}
