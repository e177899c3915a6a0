import Wire

/// A client that speaks HTTP/1: the requests of one connection, one after the other.
///
/// A pipelined request waits in the connection's inbound queue until the answer before it is complete (RFC 9112 section
/// 9.3.2).
final class HTTP1ClientEnd: ClientEnd {
    /// SDK heads are 1 to 3 KB; long bearer tokens and a cookie jar need room. nginx allows 4 × 8 KiB, Node 16 KiB.
    private static let headBytesMax = 64 * 1024
    /// Bytes of following requests taken while an answer is under way.
    private static let pipelinedBytesMax = 64 * 1024

    private let worker: WorkerState
    private let stream: Stream
    private let waiter: Waiter
    /// The request being served; the next one is parsed into it when it is over.
    private(set) var head = HTTP1Head(.request, headBytesMax: headBytesMax)
    private var headBytes = ByteQueue()
    private var decoder = HTTP1BodyDecoder(.none)
    private var isRequestComplete = true
    /// Bytes of the body stand in the inbound queue that the decoder has not seen.
    private var hasUnseenBytes = false
    private var isRaw = false
    private var isAnswerChunked = false
    /// The answer's end is the end of the connection, and the client knows.
    private var closesAfterAnswer = false

    init(worker: WorkerState, stream: Stream, waiter: Waiter) {
        self.worker = worker
        self.stream = stream
        self.waiter = waiter
    }

    var spoken: HTTPProtocol { .http1 }

    // MARK: Between requests

    /// Parses what has come of the next request; true when its head is complete.
    func parseHead() throws(HTTP1Error) -> Bool {
        guard !stream.inbound.isEmpty else { return false }
        return try stream.inbound.withBytes { bytes throws(HTTP1Error) in try head.parse(bytes) }
    }

    /// Makes the request whose head is complete the one that is served.
    func beginRequest() {
        headBytes.removeAll()
        stream.inbound.withBytes { headBytes.append($0.extracting(0..<head.byteCount)) }
        stream.inbound.consume(head.byteCount)
        decoder = HTTP1BodyDecoder(head.requestFraming)
        isRequestComplete = decoder.isComplete
        hasUnseenBytes = !stream.inbound.isEmpty
        isAnswerChunked = false
        closesAfterAnswer = false
    }

    /// Puts another head in the place of the request's, which has the same body; false when it is no head.
    func replaceHead(_ text: borrowing ByteQueue) -> Bool {
        headBytes.removeAll()
        headBytes.append(text.bytes)
        head.reset()
        let isWhole = try? headBytes.withBytes { bytes throws(HTTP1Error) in try head.parse(bytes) }
        return isWhole == true
    }

    /// The request that was begun is a HEAD.
    var isHead: Bool { !headBytes.isEmpty && head.method == .head }

    /// Says in a line about a request that was refused what it was, if its head could be read.
    func describe(in record: inout AccessRecord) {
        guard !headBytes.isEmpty else { return }
        headBytes.withBytes { bytes in
            record.take(head, from: bytes)
            record.keep(bytes.extracting(head.path), as: .path)
        }
    }

    /// What becomes of the connection when the exchange has ended well.
    var closesNow: Bool { closesAfterAnswer || isRaw }
    /// The client may still be sending the request that was answered.
    var mayStillSend: Bool { !isRequestComplete }

    /// Forgets the request.
    func endRequest() {
        head.reset()
        headBytes.removeAll()
    }

    /// Gives back what a connection between two requests does not need.
    func releaseStorage() {
        headBytes.removeAll()
        headBytes.releaseStorage()
        head = HTTP1Head(.request, headBytesMax: Self.headBytesMax)
    }

    // MARK: The request

    func withHeadBytes<Result>(_ body: (Span<UInt8>) throws(ProxyError) -> Result) throws(ProxyError) -> Result {
        try headBytes.withBytes(body)
    }

    func pullRequest(_ exchange: Exchange, mayTake: Bool) throws(ProxyError) -> Int {
        let isWatchingOnly = isRequestComplete && !isRaw
        if isWatchingOnly {
            // What comes now is the next request, or the end.
            guard stream.mayRead, stream.inbound.count < Self.pipelinedBytesMax else { return 0 }
        } else {
            guard mayTake else { return 0 }
            if hasUnseenBytes {
                hasUnseenBytes = false
                let waitingBytes = stream.inbound.count
                try stream.offer(Span()) { bytes, consumed throws(ProxyError) in try feed(bytes, &consumed, exchange) }
                if waitingBytes > stream.inbound.count { return waitingBytes - stream.inbound.count }
            }
            guard stream.mayRead else { return 0 }
        }
        switch unsafe stream.tryRead(worker.scratch) {
        case .done(let count):
            if isRequestComplete {
                stream.inbound.append(worker.scratch(count))
            } else {
                try stream.offer(worker.scratch(count)) { bytes, consumed throws(ProxyError) in
                    try feed(bytes, &consumed, exchange)
                }
            }
            return count
        case .blocked: return 0
        case .closed where isRaw && !isRequestComplete:
            isRequestComplete = true
            try exchange.requestEnded(trailers: [])
            return 1
        case .closed, .cut, .failed:
            throw ProxyError(
                .clientGone,
                isRequestComplete
                    ? "the client left before its answer was complete" : "the client left in the middle of its request")
        }
    }

    private func feed(_ bytes: Span<UInt8>, _ consumed: inout Int, _ exchange: Exchange) throws(ProxyError) {
        if isRaw {
            if bytes.count > consumed { try exchange.requestData(bytes.extracting(droppingFirst: consumed)) }
            consumed = bytes.count
            return
        }
        while !isRequestComplete {
            let step: HTTP1BodyDecoder.Step
            do { step = try decoder.step(bytes, consumed: &consumed) } catch { throw ProxyError(error) }
            switch step {
            case .data(let range): try exchange.requestData(bytes.extracting(range))
            case .needsMore: return
            case .end:
                isRequestComplete = true
                try exchange.requestEnded(trailers: decoder.trailers)
            }
        }
    }

    func sendContinue() {
        if !isRequestComplete { stream.outbound.append("HTTP/1.1 100 Continue\r\n\r\n") }
    }

    // MARK: The answer

    func send(interim answer: borrowing HTTP1Head, _ bytes: Span<UInt8>) {
        // HTTP/1.0 knows no interim answers (RFC 9110 section 15.2).
        guard head.minorVersion > 0 else { return }
        answer.appendRelayed(from: bytes, to: &stream.outbound, framing: .asReceived, closing: false)
    }

    func send(answer: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool) {
        if answer.status == 101 {
            return answer.appendRelayed(from: bytes, to: &stream.outbound, framing: .asReceived, asWebSocket: true)
        }
        closesAfterAnswer = !head.keepsAlive || !isRequestComplete || worker.shared.isDraining
        let framing = answer.responseFraming(answering: head.method)
        var written = HTTP1FramingOut.asReceived
        switch framing {
        case .chunked where head.minorVersion == 0:
            written = .untilClose
            closesAfterAnswer = true
        case .untilClose:
            // Chunked, so that the client can tell the answer's end from a cut.
            written = head.minorVersion == 0 ? .untilClose : .chunked
            if head.minorVersion == 0 { closesAfterAnswer = true }
        case .none, .length, .chunked: break
        }
        isAnswerChunked = head.minorVersion > 0 && (framing == .chunked || framing == .untilClose)
        answer.appendRelayed(from: bytes, to: &stream.outbound, framing: written, closing: closesAfterAnswer)
    }

    func send(_ data: Span<UInt8>) {
        if isAnswerChunked { stream.outbound.appendChunk(data) } else { stream.outbound.append(data) }
    }

    func sendEnd(trailers: [UInt8]) {
        if isAnswerChunked { stream.outbound.appendLastChunk(trailers: trailers) }
    }

    func send(local answer: LocalAnswer) {
        closesAfterAnswer = closesAfterAnswer || answer.closes || !head.keepsAlive || worker.shared.isDraining
        answer.append(to: &stream.outbound, closing: closesAfterAnswer)
    }

    var isBackedUp: Bool { !stream.outbound.isEmpty }
    var waitingBytes: Int { stream.outbound.count + stream.inbound.count }

    func flush() throws(ProxyError) -> Int {
        guard !stream.outbound.isEmpty, stream.mayWrite else { return 0 }
        let waitingBytes = stream.outbound.count
        switch stream.tryFlush() {
        case .done, .blocked: return waitingBytes - stream.outbound.count
        case .closed, .cut, .failed: throw ProxyError(.clientGone, "the client left before its answer was complete")
        }
    }

    // MARK: Waiting

    var isGone: Bool { stream.watcher.isHungUp }

    func attach(_ isAttached: Bool) { stream.watcher.waiter = isAttached ? waiter : nil }

    func expect(request: Bool, room: Bool) {
        var interest: Watcher.Interest = []
        if room { interest.formUnion(stream.writeInterest) }
        let mayTake = isRequestComplete && !isRaw ? stream.inbound.count < Self.pipelinedBytesMax : request
        if mayTake { interest.formUnion(stream.readInterest) }
        stream.watcher.interest = interest
    }

    func releaseQueues() { stream.releaseStorage() }

    /// What still comes is heard out when the connection closes.
    func abandonRequest() {}

    func becomeRaw() {
        isRaw = true
        isRequestComplete = false
        isAnswerChunked = false
        closesAfterAnswer = true
        hasUnseenBytes = !stream.inbound.isEmpty
    }
}
