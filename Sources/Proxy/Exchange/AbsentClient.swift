import Wire

/// The client of an exchange that nobody waits for: it has a request, and drops the answer.
///
/// With it a kept answer that has become stale is renewed, by an exchange like any other: limits, log and all.
final class AbsentClient: ClientEnd {
    let head: HTTP1Head
    private let headBytes: [UInt8]
    private var body: [UInt8]?

    /// The request whose head was parsed from `bytes`, with this body.
    init(_ head: HTTP1Head, _ bytes: Span<UInt8>, body: [UInt8]) {
        self.head = head
        headBytes = bytes.copied
        self.body = body
    }

    func withHeadBytes<Result>(_ body: (Span<UInt8>) throws(ProxyError) -> Result) throws(ProxyError) -> Result {
        let bytes = headBytes
        return try body(bytes.span)
    }

    var spoken: HTTPProtocol { .http1 }

    func pullRequest(_ exchange: Exchange, mayTake: Bool) throws(ProxyError) -> Int {
        guard mayTake, let body = body.take() else { return 0 }
        if !body.isEmpty { try exchange.requestData(body.span) }
        try exchange.requestEnded(trailers: [])
        return body.count + 1
    }

    // Nobody listens.

    func sendContinue() {}
    func send(interim head: borrowing HTTP1Head, _ bytes: Span<UInt8>) {}
    func send(answer head: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool) {}
    func send(_ data: Span<UInt8>) {}
    func sendEnd(trailers: [UInt8]) {}
    func send(local answer: LocalAnswer) {}

    // Nothing waits here, and nobody leaves.

    var isBackedUp: Bool { false }
    var waitingBytes: Int { 0 }
    func flush() throws(ProxyError) -> Int { 0 }
    var isGone: Bool { false }
    func attach(_ isAttached: Bool) {}
    func expect(request: Bool, room: Bool) {}
    func releaseQueues() {}
    func abandonRequest() { body = nil }
    func becomeRaw() {}
}
