import Wire

/// One exchange's stream on an HTTP/2 connection to an upstream.
final class HTTP2UpstreamEnd: UpstreamEnd {
    private let upstream: HTTP2Upstream
    private var stream: HTTP2Stream?
    private var waiter: Waiter?
    private var head = HTTP1Head(.response)
    private var webSocketKey: String?
    private var isWebSocket = false
    private var hasFinalHead = false
    private var hasAnswerEnded = false
    private var reportedBytes: UInt64 = 0
    let resolveTime: Nanoseconds

    /// A stream to come on `upstream`, which can open one now. `resolveTime`: for whoever had it dialled.
    init(on upstream: HTTP2Upstream, resolveTime: Nanoseconds = Nanoseconds(count: 0)) {
        self.upstream = upstream
        self.resolveTime = resolveTime
    }

    var endpointText: String { upstream.endpointText }
    var spoken: HTTPProtocol { .http2 }

    /// Calls `body` when others may share the connection.
    func whenReady(_ body: @escaping () -> Void) { upstream.whenReady(body) }

    // MARK: The request

    func send(_ request: RequestHead, _ bytes: Span<UInt8>) throws(ProxyError) {
        isWebSocket = request.isWebSocket
        if isWebSocket, let key = request.head.first(.secWebSocketKey) {
            webSocketKey = String(lossy: bytes.extracting(key.value))
        }
        var head = request.head
        if isWebSocket { head.withhold(.extensions, in: bytes) }
        let fields = HTTP2FieldList(
            request: head, from: bytes, scheme: upstream.scheme, connectProtocol: request.isWebSocket)
        do { stream = try upstream.open(fields, hasBody: request.hasBody) } catch {
            // It takes no more streams: as good as refused.
            return
        }
        stream?.waiter = waiter
    }

    func send(_ data: Span<UInt8>) {
        guard let stream, data.count > 0, !stream.isClosed else { return }
        stream.outbound.append(data)
        stream.dataAdded()
    }

    func sendEnd(trailers: [UInt8]) { stream?.finish(trailers: HTTP2FieldList(trailers: trailers)) }

    var isBackedUp: Bool { stream?.outbound.isEmpty == false }

    var waitingBytes: Int { stream.map { $0.outbound.count + $0.inbound.count } ?? 0 }

    func flush() -> UpstreamFlush {
        guard let stream else { return .moved(0) }
        if stream.resetCode != nil, !mayResend { return .broken }
        let count = Int(stream.sentByteCount - reportedBytes)
        reportedBytes = stream.sentByteCount
        return .moved(count)
    }

    func abandonRequest() {
        stream?.outbound.removeAll()
    }

    var mayResend: Bool { (stream?.isRefused ?? true) || wantsHTTP1 }

    /// The upstream takes this request over HTTP/1.1 alone (RFC 9113 section 7), and has not begun it.
    private var wantsHTTP1: Bool { stream?.resetCode == .http11Required && !hasFinalHead }
    var mayBeRefused: Bool { !hasFinalHead }

    // MARK: The answer

    func pullAnswer(_ exchange: Exchange) throws(ProxyError) -> Int {
        guard let stream, !mayResend else { return 0 }
        var moved = 0
        while let received = stream.takeHead() {
            moved += 1
            try take(received, exchange)
        }
        let count = stream.inbound.count
        if count > 0 {
            moved += count
            try stream.inbound.withBytes { bytes throws(ProxyError) in try exchange.answerData(bytes) }
            stream.consume(count)
        }
        if stream.hasEnded, hasFinalHead {
            if !hasAnswerEnded {
                hasAnswerEnded = true
                moved += 1
                try exchange.answerEnded(trailers: stream.trailers)
            }
            return moved
        }
        if let code = stream.resetCode, !stream.isRefused, moved == 0 {
            try exchange.answerBrokeOff(
                stream.isResetByPeer
                    ? "the upstream reset the stream (\(code))" : "the upstream's connection broke off")
        }
        return moved
    }

    private func take(_ received: HTTP2ReceivedHead, _ exchange: Exchange) throws(ProxyError) {
        head.reset()
        let text =
            isWebSocket && received.status == 200 ? WebSocketText.switching(received, key: webSocketKey) : received.text
        do throws(HTTP1Error) {
            guard try head.parse(text.span) else { throw .headTooLarge }
        } catch {
            throw ProxyError(.badAnswer, "the upstream's answer: \(error.explanation)")
        }
        head.neverIndexedFields = received.sensitiveFields
        if !received.isInterim { hasFinalHead = true }
        try exchange.answerHead(head, text.span, hasBody: received.hasBody)
    }

    // MARK: Waiting and the end

    func attach(_ waiter: Waiter?) {
        self.waiter = waiter
        stream?.waiter = waiter
    }

    func expect(answer: Bool, room: Bool) {}

    func releaseQueues() { stream?.releaseQueues() }

    func becomeRaw() {}

    func release(isClean: Bool) {
        if wantsHTTP1 { upstream.requireHTTP1() }
        stream?.release()
        stream = nil
        upstream.exchangeEnded()
    }
}
