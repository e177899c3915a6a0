import Wire

/// A client that speaks HTTP/2: one stream.
final class HTTP2ClientEnd: ClientEnd {
    private let stream: HTTP2Stream
    private let waiter: Waiter
    private(set) var head: HTTP1Head
    private let headText: [UInt8]
    private var isRequestComplete = false
    private var takenBytes: UInt64 = 0
    private var reportedBytes: UInt64 = 0
    private var hasReportedEnd = false
    /// Everything that there is to send has been given to the stream.
    private var isAnswerComplete = false

    /// The request that `received` is; throws when it is none.
    init(_ received: HTTP2ReceivedHead, on stream: HTTP2Stream, waiter: Waiter) throws(HTTP1Error) {
        self.stream = stream
        self.waiter = waiter
        headText = received.text
        head = HTTP1Head(.request, headBytesMax: received.text.count + 1)
        guard try head.parse(received.text.span) else { throw .headTooLarge }
        head.neverIndexedFields = received.sensitiveFields
    }

    var spoken: HTTPProtocol { .http2 }

    /// Nothing of the request is missing but the frame that says so. An upstream that knows the length may have answered
    /// already, and resetting the stream now would surprise a client that is about to send that frame.
    var isOnlyEndMissing: Bool {
        guard !isRequestComplete, !stream.hasEnded, case .length(let count) = head.requestFraming else { return false }
        return count == takenBytes + UInt64(stream.inbound.count)
    }

    /// Waits for that frame until `deadline`.
    func waitForEnd(until deadline: MonotonicTime) async {
        waiter.deadline = deadline
        while isOnlyEndMissing, !isGone {
            if await waiter.sleep() != .event { return }
        }
    }

    // MARK: The request

    func withHeadBytes<Result>(_ body: (Span<UInt8>) throws(ProxyError) -> Result) throws(ProxyError) -> Result {
        let text = headText
        return try body(text.span)
    }

    func pullRequest(_ exchange: Exchange, mayTake: Bool) throws(ProxyError) -> Int {
        if isGone, !stream.hasSentEnd {
            throw ProxyError(
                .clientGone,
                isRequestComplete
                    ? "the client left before its answer was complete" : "the client left in the middle of its request")
        }
        guard mayTake, !isRequestComplete else { return 0 }
        let count = stream.inbound.count
        if count > 0 {
            try stream.inbound.withBytes { bytes throws(ProxyError) in try exchange.requestData(bytes) }
            stream.consume(count)
            takenBytes += UInt64(count)
        }
        guard stream.hasEnded else { return count }
        isRequestComplete = true
        try exchange.requestEnded(trailers: stream.trailers)
        return count + 1
    }

    func sendContinue() {
        if !isRequestComplete, !stream.hasEnded { stream.send(head: Self.continueFields, ends: false) }
    }

    private static let continueFields: HTTP2FieldList = {
        var fields = HTTP2FieldList()
        fields.append(":status", "100")
        return fields
    }()

    func abandonRequest() { stream.stopReceiving() }

    // MARK: The answer

    func send(interim answer: borrowing HTTP1Head, _ bytes: Span<UInt8>) {
        stream.send(head: HTTP2FieldList(answer: copy answer, from: bytes), ends: false)
    }

    func send(answer: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool) {
        guard answer.status == 101 else {
            return stream.send(head: HTTP2FieldList(answer: copy answer, from: bytes), ends: !hasBody)
        }
        // An extended CONNECT is agreed to by a 200, without a digest of a key that was never sent (RFC 8441 section 5).
        var agreed = copy answer
        agreed.withhold(.accept, in: bytes)
        stream.send(head: HTTP2FieldList(answer: agreed, from: bytes, status: 200), ends: false)
    }

    func send(_ data: Span<UInt8>) {
        guard data.count > 0 else { return }
        stream.outbound.append(data)
        stream.dataAdded()
    }

    func sendEnd(trailers: [UInt8]) {
        isAnswerComplete = true
        stream.finish(trailers: HTTP2FieldList(trailers: trailers))
    }

    func send(local answer: LocalAnswer) {
        var text = ByteQueue()
        answer.appendHead(to: &text, closing: false)
        var head = HTTP1Head(.response)
        text.withBytes { bytes in
            guard (try? head.parse(bytes)) == true else { return }
            stream.send(head: HTTP2FieldList(answer: head, from: bytes), ends: answer.content.isEmpty)
        }
        send(answer.content)
        sendEnd(trailers: [])
    }

    var isBackedUp: Bool {
        !stream.outbound.isEmpty || isAnswerComplete && !stream.hasSentEnd && !isGone
    }

    var waitingBytes: Int { stream.outbound.count + stream.inbound.count }

    func flush() throws(ProxyError) -> Int {
        if isGone, !stream.hasSentEnd {
            throw ProxyError(.clientGone, "the client left before its answer was complete")
        }
        let count = Int(stream.sentByteCount - reportedBytes)
        reportedBytes = stream.sentByteCount
        guard stream.hasSentEnd, !hasReportedEnd else { return count }
        hasReportedEnd = true
        return count + 1
    }

    // MARK: Waiting

    var isGone: Bool { stream.isClosed || stream.resetCode != nil }

    func attach(_ isAttached: Bool) { stream.waiter = isAttached ? waiter : nil }

    func expect(request: Bool, room: Bool) {}

    func releaseQueues() { stream.releaseQueues() }

    func becomeRaw() {}
}
