import Wire

/// The client's end of an exchange: its request comes from here, and its answer goes here.
///
/// Both ends work without waiting. A head is always shown as an ``HTTP1Head`` over HTTP/1 text, whatever was spoken, so
/// that there is one set of rules for what a message may be; an HTTP/2 end translates (RFC 9113 section 8). Bodies pass
/// in pieces, as octets without framing.
protocol ClientEnd: AnyObject {
    /// The request's head, parsed.
    var head: HTTP1Head { get }
    /// Lends the bytes that ``head`` was parsed from.
    func withHeadBytes<Result>(_ body: (Span<UInt8>) throws(ProxyError) -> Result) throws(ProxyError) -> Result
    /// What is spoken at this end.
    var spoken: HTTPProtocol { get }

    // MARK: The request

    /// Hands what has come of the request's body to `exchange`, and its end. Returns how many octets moved, so that zero
    /// means that there is nothing to do but wait. With `mayTake` false nothing is taken; it is only seen whether the
    /// client is still there. Throws when the client has left or what it sent is no request.
    func pullRequest(_ exchange: Exchange, mayTake: Bool) throws(ProxyError) -> Int
    /// The client waits to be told that it may send the body (RFC 9110 section 10.1.1).
    func sendContinue()

    // MARK: The answer

    /// Writes an interim head, if the client can read one.
    func send(interim head: borrowing HTTP1Head, _ bytes: Span<UInt8>)
    /// Writes the final head. `hasBody` false: nothing will follow it but the end.
    func send(answer head: borrowing HTTP1Head, _ bytes: Span<UInt8>, hasBody: Bool)
    /// Writes a piece of the body.
    func send(_ data: Span<UInt8>)
    /// Ends the answer. `trailers` are field lines, as `HTTP1BodyDecoder` gives them.
    func sendEnd(trailers: [UInt8])
    /// Writes an answer of leo's own, complete; none has begun.
    func send(local answer: LocalAnswer)
    /// Answer bytes wait to be taken by the client.
    var isBackedUp: Bool { get }
    /// Bytes of bodies that wait here, of either direction.
    var waitingBytes: Int { get }
    /// Tries to get rid of waiting bytes; how many went. Throws when the client has left.
    func flush() throws(ProxyError) -> Int

    // MARK: Waiting

    /// The client has closed its side, or the connection broke; asked while leo is busy elsewhere.
    var isGone: Bool { get }
    /// The exchange's waiter shall be woken by the client; false: by nothing of the client any more.
    func attach(_ isAttached: Bool)
    /// What the task is about to sleep for.
    func expect(request: Bool, room: Bool)
    /// Gives back what empty queues hold, before a long sleep.
    func releaseQueues()
    /// The rest of the request will not be taken.
    func abandonRequest()
    /// From now on both directions are octets without an end of their own (a WebSocket).
    func becomeRaw()
}

extension ClientEnd {
    /// Waits until the client has taken what was written; false when it does not, or has left.
    func flushAll(_ waiter: Waiter, until deadline: MonotonicTime) async -> Bool {
        attach(true)
        waiter.deadline = deadline
        while true {
            do { _ = try flush() } catch { return false }
            if !isBackedUp { return true }
            expect(request: false, room: true)
            if await waiter.sleep() != .event { return false }
        }
    }
}

/// What came of an attempt to write to an upstream.
enum UpstreamFlush: Equatable {
    /// So many octets left.
    case moved(Int)
    /// The upstream takes no more.
    case broken
}

/// A request's head and what an upstream has to know about where it comes from.
struct RequestHead {
    let head: HTTP1Head
    /// False: nothing follows but the end.
    let hasBody: Bool
    /// It asks to become a WebSocket.
    let isWebSocket: Bool
    /// It came by HTTP/2, whose heads hold a little less than HTTP/1 wants.
    let cameByHTTP2: Bool
}

/// The upstream's end of an exchange: the request goes here, the answer comes from here.
protocol UpstreamEnd: AnyObject {
    /// The address, as the access log writes it.
    var endpointText: String { get }
    /// What is spoken at this end.
    var spoken: HTTPProtocol { get }
    /// The time that finding the address took; zero for a connection that was there already.
    var resolveTime: Nanoseconds { get }

    // MARK: The request

    /// Writes a request's head.
    func send(_ request: RequestHead, _ bytes: Span<UInt8>) throws(ProxyError)
    /// Writes a piece of the body.
    func send(_ data: Span<UInt8>)
    /// Ends the request.
    func sendEnd(trailers: [UInt8])
    /// Request bytes wait to be taken by the upstream.
    var isBackedUp: Bool { get }
    /// Bytes of bodies that wait here, of either direction.
    var waitingBytes: Int { get }
    /// Tries to get rid of waiting bytes.
    func flush() -> UpstreamFlush
    /// Drops waiting bytes: the upstream takes no more of the request.
    func abandonRequest()
    /// Not a byte of the request has left leo, or the upstream has said that it did nothing about it (RFC 9113 section
    /// 8.7): it may be sent again.
    var mayResend: Bool { get }
    /// Whether a request that this upstream has begun to take may still turn out to be refused.
    var mayBeRefused: Bool { get }

    // MARK: The answer

    /// Hands what has come of the answer to `exchange`: heads, data, the end, or that it broke off. Returns how much
    /// moved. Throws when it is no answer.
    func pullAnswer(_ exchange: Exchange) throws(ProxyError) -> Int

    // MARK: Waiting and the end

    /// The waiter of the exchange; it is woken by the upstream from now on.
    func attach(_ waiter: Waiter?)
    /// What the task is about to sleep for.
    func expect(answer: Bool, room: Bool)
    /// Gives back what empty queues hold, before a long sleep.
    func releaseQueues()
    /// From now on both directions are octets without an end of their own (a WebSocket).
    func becomeRaw()
    /// The exchange is over. `isClean`: request and answer were complete; otherwise what is under way is ended.
    func release(isClean: Bool)
}
