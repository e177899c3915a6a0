import Wire

/// One request and its answer on an HTTP/2 connection.
///
/// The exchange takes what came from ``heads`` and ``inbound``, puts what goes out into ``outbound``, and sleeps on
/// ``waiter``, which is woken whenever anything here changes. Used on the connection's loop only. It may outlive its
/// session; everything that would send is then without effect.
final class HTTP2Stream {
    /// The stream identifier (RFC 9113 5.1.1).
    let id: Int32
    /// Woken at every change; set by the exchange, nil again when it is over.
    var waiter: Waiter?

    // MARK: What the peer sent

    /// Heads that nobody took yet: of a server's stream one, of a client's the interim ones and the final one.
    private(set) var heads: [HTTP2ReceivedHead] = []
    /// Body octets that nobody took yet; no more than the stream's window.
    private(set) var inbound = ByteQueue()
    /// Whether the peer ended its side in order: after what is in ``inbound`` nothing follows.
    private(set) var hasEnded = false
    /// The fields behind the body, as `name: value CRLF` lines; complete when ``hasEnded``.
    private(set) var trailers: [UInt8] = []
    /// Why the peer's side will never end in order: the peer reset the stream, broke the protocol on it, or the
    /// connection is gone.
    ///
    /// ``HTTP2ErrorCode/noError`` after a complete answer says that the peer does not want the rest of the request.
    private(set) var resetCode: HTTP2ErrorCode?
    /// Whether the reset came from the peer as RST_STREAM, and not from a mistake of the peer or a lost connection.
    private(set) var isResetByPeer = false
    /// Whether the peer surely did nothing with the request, so that it may be sent again (RFC 9113 8.7).
    private(set) var isRefused = false
    /// Whether nothing more can come or go.
    private(set) var isClosed = false

    // MARK: What goes out

    /// Body octets on their way; append, then call ``dataAdded()``. The exchange limits it.
    var outbound = ByteQueue()
    /// Body octets that were put into frames so far: it grows as long as the peer takes something.
    private(set) var sentByteCount: UInt64 = 0
    /// Whether everything that was to be sent is in frames, with END_STREAM.
    private(set) var hasSentEnd = false

    // MARK: For the session

    private weak var session: HTTP2Session?
    let role: HTTP2Session.Role
    /// The list that is being received.
    var collector: HTTP2FieldCollector?
    /// Whether the request is an extended CONNECT (RFC 8441).
    var isExtendedConnect = false
    /// Whether the delegate was told of the stream; until then the session alone looks after it.
    var isDelivered = false
    /// Whether the owner is done with it.
    private(set) var isReleased = false
    /// Whether leo reset the stream of its own will.
    private(set) var isResetByUs = false
    /// Whether HEADERS of a request are in a frame.
    var hasSentHead = false
    private var hasFinalHead = false
    private var interimCount = 0
    private var interimBytes = 0
    private var discardsInbound = false
    private var output = Output.none
    private var isDeferred = false

    /// What follows ``outbound``.
    private enum Output {
        /// Nothing can be sent: no head yet, or one that ended the stream.
        case none
        /// More may be added.
        case open
        /// END_STREAM, in a frame of trailers if there are some.
        case finishing(HTTP2FieldList?)
        /// RST_STREAM.
        case cutting(HTTP2ErrorCode)
        /// END_STREAM or RST_STREAM is on its way.
        case done
    }

    init(id: Int32, role: HTTP2Session.Role, session: HTTP2Session) {
        self.id = id
        self.role = role
        self.session = session
    }

    // MARK: - Taking what came

    /// The next head, once.
    func takeHead() -> HTTP2ReceivedHead? { heads.isEmpty ? nil : heads.removeFirst() }

    /// The exchange took the oldest `byteCount` of ``inbound``: drops them and lets the peer send as many more.
    func consume(_ byteCount: Int) {
        guard byteCount > 0 else { return }
        inbound.consume(byteCount)
        session?.returnCredit(byteCount, on: self)
    }

    /// Gives back what ``inbound`` and ``outbound`` hold while they are empty.
    func releaseQueues() {
        inbound.releaseStorage()
        outbound.releaseStorage()
    }

    /// Nobody wants the rest of what the peer sends on this stream: drops it, now and as it comes.
    ///
    /// A server whose answer is complete then tells a client that still sends by RST_STREAM(NO_ERROR) (RFC 9113 8.1).
    func stopReceiving() {
        guard !discardsInbound else { return }
        discardsInbound = true
        consume(inbound.count)
        inbound.releaseStorage()
        resetIfAnswered()
    }

    // MARK: - Sending

    /// Sends the head of an answer (server): any number of interim ones, then the final one. With `ends` there is no
    /// content.
    func send(head fields: HTTP2FieldList, ends: Bool) {
        guard !isClosed, let session, case .none = output else { return }
        if fields.isInterim {
            session.submit(interim: fields, on: self)
        } else {
            output = ends ? .done : .open
            session.submit(answer: fields, on: self, hasBody: !ends)
        }
    }

    /// Something was appended to ``outbound``.
    func dataAdded() {
        guard !isClosed, isDeferred else { return }
        isDeferred = false
        session?.resume(self)
    }

    /// Ends the stream in order, after what is in ``outbound``.
    func finish(trailers: HTTP2FieldList? = nil) {
        guard case .open = output else { return }
        output = .finishing(trailers.flatMap { $0.fields.isEmpty ? nil : $0 })
        dataAdded()
    }

    /// Ends the stream by RST_STREAM: at once, or with `flushing` after what is in ``outbound``.
    ///
    /// What the peer sent and nobody took is dropped. ``isClosed`` is true after a reset at once.
    func reset(_ code: HTTP2ErrorCode, flushing: Bool = false) {
        guard !isClosed, !isResetByUs else { return }
        if flushing, !outbound.isEmpty, case .open = output {
            output = .cutting(code)
            dataAdded()
            return
        }
        output = .done
        isResetByUs = true
        isClosed = true
        dropQueues()
        session?.submitReset(code, on: self)
        waiter?.wake()
    }

    /// The owner is done: the exchange is over, and a server may let the peer open another stream in its place.
    ///
    /// A stream that is still open is reset, so whoever wants its answer to arrive waits for ``hasSentEnd`` first.
    func release() {
        guard !isReleased else { return }
        if !isClosed { reset(.cancel) }
        isReleased = true
        waiter = nil
        dropQueues()
        session?.released(self)
    }

    /// Whether octets wait that the peer's windows do not allow to be sent.
    var isBlockedByPeer: Bool { !outbound.isEmpty && (session?.sendWindow(of: self) ?? 0) <= 0 }

    // MARK: - Called by the session

    /// A request goes out with its head (client).
    func opened(hasBody: Bool) { output = hasBody ? .open : .done }

    /// A complete header list has come; true if it is a head that somebody may take. What is wrong with it is thrown.
    func receiveHeaders(endsStream: Bool, limits: HTTP2Limits) throws(HTTP2FieldCollector.Flaw) -> Bool {
        guard let collector else { return false }
        var isHead = false
        self.collector = nil
        if isTrailerSection {
            trailers = discardsInbound ? [] : try collector.trailerLines()
        } else if !discardsInbound {
            let head = try collector.head(
                endsStream: endsStream, answersConnect: role == .client && isExtendedConnect)
            if head.isInterim {
                interimCount += 1
                interimBytes += head.text.count
                guard interimCount <= limits.interimCountMax, interimBytes <= limits.headBytesMax else {
                    throw .tooLarge
                }
            } else {
                hasFinalHead = true
                if role == .server { isExtendedConnect = head.isExtendedConnect }
            }
            heads.append(head)
            isHead = true
        }
        if endsStream { hasEnded = true }
        waiter?.wake()
        return isHead
    }

    /// Whether the next header list comes behind the content.
    var isTrailerSection: Bool { hasFinalHead }

    /// Content has come; returns how much of it nobody will take.
    func receive(_ bytes: Span<UInt8>) -> Int {
        guard !discardsInbound, !isClosed, resetCode == nil else { return bytes.count }
        inbound.append(bytes)
        waiter?.wake()
        return 0
    }

    /// END_STREAM came on DATA.
    func receiveEnd() {
        hasEnded = true
        waiter?.wake()
    }

    /// RST_STREAM came.
    func receiveReset(_ code: HTTP2ErrorCode) {
        guard !isResetByUs else { return }
        resetCode = code
        isResetByPeer = true
        if role == .client, code == .refusedStream { isRefused = true }
    }

    /// The session has no such stream any more.
    func closed(_ code: HTTP2ErrorCode) {
        // Closed in order has no code and both ends; anything else was a reset, whoever sent it.
        if !isResetByUs, !isClosed, resetCode == nil, code != .noError || !hasEnded {
            resetCode = code
            if role == .client, code == .refusedStream { isRefused = true }
        }
        close()
    }

    /// The peer's mistake on this stream, or leo's refusal of its head: a reset is on its way.
    func failed(_ code: HTTP2ErrorCode) {
        guard !isResetByUs, resetCode == nil else { return }
        resetCode = code
        waiter?.wake()
    }

    /// The connection is gone.
    func connectionLost() {
        guard !isClosed else { return }
        if resetCode == nil { resetCode = .internalError }
        if role == .client, !hasSentHead { isRefused = true }
        close()
    }

    private func close() {
        isClosed = true
        output = .done
        outbound.removeAll()
        outbound.releaseStorage()
        waiter?.wake()
    }

    private func dropQueues() {
        inbound.removeAll()
        inbound.releaseStorage()
        outbound.removeAll()
        outbound.releaseStorage()
        heads = []
        trailers = []
        collector = nil
    }

    // MARK: - DATA

    /// What the library may put into the next DATA frame.
    enum DataStep {
        /// Nothing now; it is told when there is.
        case later
        /// So many octets, and more may follow.
        case some(Int)
        /// So many octets, and then the end, or trailers with the end.
        case last(Int, trailers: HTTP2FieldList?)
        /// Nothing more; RST_STREAM instead.
        case cut(HTTP2ErrorCode)
    }

    /// Decides the next DATA frame of at most `byteCountMax` octets.
    func nextData(_ byteCountMax: Int) -> DataStep {
        let count = min(outbound.count, byteCountMax)
        switch output {
        case .open:
            if count > 0 { return .some(count) }
        case .finishing(let trailers):
            guard count == outbound.count else { return .some(count) }
            output = .done
            return .last(count, trailers: trailers)
        case .cutting(let code):
            if count > 0 { return .some(count) }
            output = .done
            isResetByUs = true
            isClosed = true
            waiter?.wake()
            return .cut(code)
        case .none, .done: break
        }
        isDeferred = true
        return .later
    }

    /// Moves octets into a frame.
    func moveData(_ byteCount: Int, to out: inout ByteQueue) {
        let count = min(byteCount, outbound.count)
        outbound.withBytes { out.append($0.extracting(first: count)) }
        outbound.consume(count)
        sentByteCount += UInt64(count)
        waiter?.wake()
    }

    /// END_STREAM is in a frame.
    func sentEnd() {
        hasSentEnd = true
        waiter?.wake()
        resetIfAnswered()
    }

    /// A client that still sends a request whose answer is complete, and that nobody reads, is told to stop.
    private func resetIfAnswered() {
        guard role == .server, discardsInbound, hasSentEnd, !hasEnded, !isClosed else { return }
        reset(.noError)
    }
}
