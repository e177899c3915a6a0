import Wire

/// An HTTP/1 connection to an upstream, in use by one exchange or idle in the pool.
///
/// It is its exchange's ``UpstreamEnd``: the request's framing is written here and the answer's is read.
final class UpstreamConnection: UpstreamEnd, WatcherDelegate {
    /// Providers send heads of 1 to 3 KB; a long list of Set-Cookie and policy fields needs room.
    private static let headBytesMax = 64 * 1024

    let stream: Stream
    /// The endpoint as the access log writes it, made once.
    let endpointText: String
    /// The time that finding the address took; told once.
    var resolveTime = Nanoseconds(count: 0)
    let group: UpstreamGroup
    /// The pool's business.
    var idleUntil = MonotonicTime.never
    /// The pool, while the connection idles in it.
    weak var idlePool: UpstreamPool?
    private let worker: WorkerState

    private enum AnswerState {
        case head
        case body(HTTP1BodyDecoder)
        case raw
        case complete
    }

    private var state = AnswerState.complete
    private var head = HTTP1Head(.response, headBytesMax: headBytesMax)
    private var method = HTTP1Method.get
    private var isRequestChunked = false
    private var isRequestSent = false
    private var hasAnswerBegun = false
    private var keepsAlive = false
    /// The answer began before the request had been sent: what the upstream does with the rest is anybody's guess.
    private var isEarly = false
    private var hasWritten = false
    private var requestCount = 0
    /// The key that leo sent for a client that has none.
    private var webSocketKey: [UInt8]?

    init(worker: WorkerState, group: UpstreamGroup, stream: Stream, endpointText: String) {
        self.worker = worker
        self.group = group
        self.stream = stream
        self.endpointText = endpointText
    }

    /// Idle connections have nothing to say: whatever comes is an end or an error, or a TLS ticket.
    func watcherFired() { idlePool?.idleConnectionFired(self) }

    var spoken: HTTPProtocol { .http1 }

    // MARK: The request

    func send(_ request: RequestHead, _ bytes: Span<UInt8>) throws(ProxyError) {
        state = .head
        head.reset()
        method = request.head.method
        hasAnswerBegun = false
        isEarly = false
        hasWritten = false
        keepsAlive = false
        isRequestSent = !request.hasBody
        isRequestChunked = request.head.requestFraming == .chunked && !request.isWebSocket
        webSocketKey = nil
        if request.cameByHTTP2 {
            let text = try HTTP1RequestText(request, bytes)
            webSocketKey = text.key
            text.append(to: &stream.outbound)
        } else {
            request.head.appendRelayed(
                from: bytes, to: &stream.outbound, framing: .asReceived, asWebSocket: request.isWebSocket)
        }
    }

    func send(_ data: Span<UInt8>) {
        if isRequestChunked { stream.outbound.appendChunk(data) } else { stream.outbound.append(data) }
    }

    func sendEnd(trailers: [UInt8]) {
        isRequestSent = true
        if isRequestChunked { stream.outbound.appendLastChunk(trailers: trailers) }
    }

    var isBackedUp: Bool { !stream.outbound.isEmpty }
    var waitingBytes: Int { stream.outbound.count + stream.inbound.count }

    func flush() -> UpstreamFlush {
        guard !stream.outbound.isEmpty, stream.mayWrite else { return .moved(0) }
        let waitingBytes = stream.outbound.count
        let attempt = stream.tryFlush()
        let count = waitingBytes - stream.outbound.count
        if count > 0 { hasWritten = true }
        switch attempt {
        case .done, .blocked: return .moved(count)
        case .closed, .cut, .failed: return .broken
        }
    }

    func abandonRequest() {
        isRequestSent = false
        stream.outbound.removeAll()
    }

    var mayResend: Bool { !hasWritten }
    var mayBeRefused: Bool { false }

    // MARK: The answer

    func pullAnswer(_ exchange: Exchange) throws(ProxyError) -> Int {
        guard stream.mayRead else { return 0 }
        switch unsafe stream.tryRead(worker.scratch) {
        case .done(let count):
            try stream.offer(worker.scratch(count)) { bytes, consumed throws(ProxyError) in
                try feed(bytes, &consumed, exchange)
            }
            return count
        case .blocked: return 0
        case .closed: try ended(orderly: true, exchange)
        case .cut, .failed: try ended(orderly: false, exchange)
        }
        return 1
    }

    private func feed(_ bytes: Span<UInt8>, _ consumed: inout Int, _ exchange: Exchange) throws(ProxyError) {
        while true {
            switch state {
            case .head:
                let rest = bytes.extracting(droppingFirst: consumed)
                do { guard try head.parse(rest) else { return } } catch {
                    throw ProxyError(.badAnswer, "the upstream's answer: \(error.explanation)")
                }
                try beginAnswer(rest, exchange)
                consumed += head.byteCount
                head.reset()
            case .body: guard try feedBody(bytes, &consumed, exchange) else { return }
            case .raw:
                if bytes.count > consumed { try exchange.answerData(bytes.extracting(droppingFirst: consumed)) }
                consumed = bytes.count
                return
            case .complete: return
            }
        }
    }

    private func beginAnswer(_ bytes: Span<UInt8>, _ exchange: Exchange) throws(ProxyError) {
        guard head.status >= 200 else {
            if head.status == 101, let webSocketKey { try check(webSocketKey, bytes) }
            return try exchange.answerHead(head, bytes, hasBody: false)
        }
        hasAnswerBegun = true
        isEarly = !isRequestSent || !stream.outbound.isEmpty
        let framing = head.responseFraming(answering: method)
        keepsAlive = head.keepsAlive && framing != .untilClose
        let decoder = HTTP1BodyDecoder(framing)
        try exchange.answerHead(head, bytes, hasBody: !decoder.isComplete)
        state = .body(decoder)
        if decoder.isComplete {
            state = .complete
            try exchange.answerEnded(trailers: [])
        }
    }

    /// The answer to a key of leo's own is for leo to check, and not for a client that knows of none.
    private func check(_ key: [UInt8], _ bytes: Span<UInt8>) throws(ProxyError) {
        guard let field = head.first(.secWebSocketAccept),
            WebSocketKey.matches(accept: bytes.extracting(field.value), key: key.span)
        else { throw ProxyError(.badAnswer, WebSocketHandshakeFlaw.accept.explanation) }
        head.withhold(.accept, in: bytes)
    }

    /// False when more bytes are needed.
    private func feedBody(
        _ bytes: Span<UInt8>, _ consumed: inout Int, _ exchange: Exchange
    ) throws(ProxyError) -> Bool {
        guard case .body(var decoder) = state else { return true }
        while true {
            let step: HTTP1BodyDecoder.Step
            do { step = try decoder.step(bytes, consumed: &consumed) } catch {
                throw ProxyError(.badAnswer, "the upstream's answer: \(error.explanation)")
            }
            switch step {
            case .data(let range): try exchange.answerData(bytes.extracting(range))
            case .needsMore:
                state = .body(decoder)
                return false
            case .end:
                state = .complete
                try exchange.answerEnded(trailers: decoder.trailers)
                return true
            }
        }
    }

    /// `orderly`: by close_notify, or on a plain connection by an end of file.
    private func ended(orderly: Bool, _ exchange: Exchange) throws(ProxyError) {
        keepsAlive = false
        switch state {
        case .complete: return
        case .body(let decoder) where orderly && decoder.isCompleteAtClose():
            state = .complete
            try exchange.answerEnded(trailers: [])
        case .raw where orderly:
            state = .complete
            try exchange.answerEnded(trailers: [])
        case .head, .body, .raw:
            try exchange.answerBrokeOff(
                hasAnswerBegun ? "the upstream's answer broke off" : "the upstream closed the connection")
        }
    }

    // MARK: Waiting and the end

    func attach(_ waiter: Waiter?) { stream.watcher.waiter = waiter }

    func expect(answer: Bool, room: Bool) {
        var interest: Watcher.Interest = []
        if room { interest.formUnion(stream.writeInterest) }
        if answer { interest.formUnion(stream.readInterest) }
        stream.watcher.interest = interest
    }

    func releaseQueues() { stream.releaseStorage() }

    func becomeRaw() {
        state = .raw
        isRequestChunked = false
        keepsAlive = false
    }

    func release(isClean: Bool) {
        requestCount += 1
        let isReusable =
            requestCount < worker.shared.config.upstream.requestsMax && isClean && keepsAlive && isRequestSent
            && !isEarly && stream.inbound.isEmpty && stream.outbound.isEmpty
        head = HTTP1Head(.response, headBytesMax: Self.headBytesMax)
        state = .complete
        if isReusable {
            worker.pool.keep(self)
        } else {
            worker.pool.rememberTicket(of: self)
            worker.pool.discard(self)
        }
    }
}
