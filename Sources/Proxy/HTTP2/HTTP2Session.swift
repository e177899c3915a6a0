import Wire

/// Whom an HTTP/2 session tells what happened. Calls come at the end of `receive` or `send`, never inside the library,
/// so each may open, answer and reset streams.
protocol HTTP2SessionDelegate: AnyObject {
    /// `send` would write something that it would not have written before: flush soon. Not called from within `send`.
    func sessionHasOutput()
    /// A request's head is complete (server): take it from the stream.
    func received(request stream: HTTP2Stream)
    /// A stream that was delivered or opened is closed on both sides.
    func streamClosed(_ stream: HTTP2Stream)
    /// A request was refused before it was delivered: 431 for a head that is too large, 400 for a malformed one.
    func refused(request stream: HTTP2Stream, status: Int)
}

extension HTTP2SessionDelegate {
    func refused(request stream: HTTP2Stream, status: Int) {}
}

/// One HTTP/2 connection without its socket: bytes in, streams change, bytes out (RFC 9113). nghttp2 does the framing.
///
/// Used on one loop. The owner calls ``receive(_:now:)`` with what came, ``send(into:byteCountMax:)`` when the
/// delegate asks for it or the socket took something, and ``connectionLost()`` when the connection is over.
final class HTTP2Session {
    /// Which side leo is.
    enum Role: Sendable { case server, client }

    /// Which side leo is here.
    let role: Role
    /// What the peer is allowed.
    let limits: HTTP2Limits
    /// Whom to tell.
    weak var delegate: (any HTTP2SessionDelegate)?
    /// Why the connection is of no further use; after that send what is left, and close.
    private(set) var failure: HTTP2Failure?
    /// Whether the peer sent GOAWAY: streams in flight go on, and no new ones can be opened.
    private(set) var isDraining = false
    /// Whether the peer's settings have come.
    private(set) var hasPeerSettings = false

    private let native: NativeHTTP2
    private var frameGuard: HTTP2FrameGuard
    private var streams: [Int32: HTTP2Stream] = [:]
    /// The stream that was looked for last: a dozen events in a row are about one stream.
    private var latest: HTTP2Stream?
    /// Streams of the peer whose objects are in use, closed or not.
    private var liveCount = 0
    private var now = MonotonicTime(nanoseconds: 0)
    private var isInside = false
    private var isLost = false
    private var undelivered: [HTTP2Stream] = []
    private var unannounced: [HTTP2Stream] = []
    private var refusals: [(stream: HTTP2Stream, status: Int)] = []
    private var shutdown = Shutdown.none

    /// How far a graceful end is (RFC 9113 6.8).
    private enum Shutdown { case none, noticed, final }

    /// Begins a connection; the settings, and a client's preface, are the first to be sent.
    ///
    /// A server with `enableConnectProtocol` announces that it takes WebSockets (RFC 8441 3).
    init(role: Role, limits: HTTP2Limits, enableConnectProtocol: Bool = false) throws(HTTP2Failure) {
        self.role = role
        self.limits = limits
        var budgets = HTTP2FrameGuard.Budgets()
        budgets.continuationCountMax = limits.continuationCountMax
        frameGuard = HTTP2FrameGuard(isServer: role == .server, budgets: budgets)
        native = try NativeHTTP2(role: role, limits: limits)
        native.owner = self
        try native.submitSettings(role: role, limits: limits, enableConnectProtocol: enableConnectProtocol)
    }

    // MARK: - Bytes

    /// Takes what came from the peer. Streams change and their waiters are woken; the delegate is told at the end.
    ///
    /// After a throw, ``send(into:byteCountMax:)`` once more writes the GOAWAY that says why; then close.
    func receive(_ bytes: Span<UInt8>, now: MonotonicTime) throws(HTTP2Failure) {
        guard !isLost else { throw HTTP2Failure(.noNewStream, detail: "the connection is lost") }
        if let failure { throw failure }
        self.now = now
        do throws(HTTP2FrameGuard.Abuse) {
            try frameGuard.receive(bytes, nanoseconds: now.nanoseconds)
        } catch {
            fail(abuse: error)
        }
        if failure == nil {
            isInside = true
            let problem = native.receive(bytes)
            isInside = false
            if let problem { fail(problem) }
            if native.queuedFrameCount > Self.queuedFrameCountMax { fail(abuse: .unreadFrames) }
        }
        deliver()
        if wantsSend { delegate?.sessionHasOutput() }
        if let failure { throw failure }
    }

    /// Appends frames to `out` until there is nothing to send or `out` has `byteCountMax` bytes or a little more.
    func send(into out: inout ByteQueue, byteCountMax: Int) {
        guard !isInside, !isLost else { return }
        isInside = true
        let problem = native.send(into: &out, byteCountMax: byteCountMax)
        isInside = false
        if let problem, failure == nil { failure = HTTP2Failure(.internalError, detail: problem) }
        deliver()
    }

    /// Whether something could be sent now: frames wait, or content with a window.
    var wantsSend: Bool { !isLost && native.wantsSend }

    /// Whether nothing more will come or go, so that the connection can be closed.
    var isFinished: Bool { isLost || (!native.wantsReceive && !native.wantsSend) }

    /// Whether a header block has begun and not ended: a peer that dribbles one has to meet a deadline.
    var isReceivingHead: Bool { frameGuard.isInHeaderBlock }

    /// The connection is over, however: every stream ends, and those that were never sent may be sent elsewhere.
    func connectionLost() {
        guard !isLost else { return }
        isLost = true
        let open = streams.values.sorted { $0.id < $1.id }
        streams = [:]
        latest = nil
        undelivered = []
        unannounced = []
        for stream in open { stream.connectionLost() }
    }

    // MARK: - Streams

    /// Streams that are open, from either side.
    var openStreamCount: Int { streams.count }

    /// How many streams the peer lets leo have open at once.
    var peerStreamsMax: Int { native.peerStreamsMax }

    /// Whether the peer takes extended CONNECT (RFC 8441 3); known once its settings have come.
    var peerEnablesConnectProtocol: Bool { native.peerEnablesConnectProtocol }

    /// Whether ``openStream(_:hasBody:)`` would succeed.
    var canOpenStream: Bool {
        guard role == .client, failure == nil, !isLost, !isDraining, case .none = shutdown else { return false }
        return native.canRequest && streams.count < min(peerStreamsMax, limits.streamsMax)
    }

    /// Sends a request (client). Without `hasBody` its head ends it.
    func openStream(_ fields: HTTP2FieldList, hasBody: Bool) throws(HTTP2Failure) -> HTTP2Stream {
        guard canOpenStream else { throw HTTP2Failure(.noNewStream, detail: "the connection takes no new stream") }
        let id = native.submitRequest(fields, hasBody: hasBody)
        guard id > 0 else { throw HTTP2Failure(.noNewStream, detail: NativeHTTP2.explanation(id)) }
        let stream = HTTP2Stream(id: id, role: .client, session: self)
        stream.isDelivered = true
        stream.isExtendedConnect = fields.isExtendedConnect
        stream.opened(hasBody: hasBody)
        streams[id] = stream
        announce()
        return stream
    }

    /// Ends the connection. With ``HTTP2ErrorCode/noError`` gracefully: the peer is told to open no more streams, and
    /// those in flight go on; a server first says so without a limit and then, a round trip later, which was the last
    /// (RFC 9113 6.8); a second call does not wait for that. With an error it is over when the GOAWAY is sent.
    func goAway(_ code: HTTP2ErrorCode) {
        guard !isLost, failure == nil else { return }
        if code != .noError {
            native.terminate(code)
            failure = HTTP2Failure(.endedByUs(code), detail: "leo ended the connection")
        } else if role == .server, case .none = shutdown {
            shutdown = .noticed
            native.submitShutdownNotice()
        } else if case .final = shutdown {
            return
        } else {
            shutdown = .final
            native.submitFinalGoAway()
        }
        announce()
    }

    // MARK: - For streams

    func returnCredit(_ byteCount: Int, on stream: HTTP2Stream) {
        guard !isLost else { return }
        native.consume(byteCount, stream: stream.id)
        announce()
    }

    func submit(interim fields: HTTP2FieldList, on stream: HTTP2Stream) {
        native.submitInterim(fields, stream: stream.id)
        announce()
    }

    func submit(answer fields: HTTP2FieldList, on stream: HTTP2Stream, hasBody: Bool) {
        native.submitAnswer(fields, stream: stream.id, hasBody: hasBody)
        announce()
    }

    func resume(_ stream: HTTP2Stream) {
        native.resume(stream.id)
        announce()
    }

    func submitReset(_ code: HTTP2ErrorCode, on stream: HTTP2Stream) {
        guard !isLost else { return }
        native.submitReset(code, stream: stream.id)
        announce()
    }

    func released(_ stream: HTTP2Stream) { forget(stream) }

    func sendWindow(of stream: HTTP2Stream) -> Int { isLost ? 0 : native.sendWindow(stream.id) }

    // MARK: - Inside

    /// Frames other than DATA that may wait for a peer who does not read: a few for each stream, and what the budgets
    /// of the frame guard make leo answer.
    private static let queuedFrameCountMax = 1500

    /// The window of RFC 9113 6.9.2 before any settings.
    private static let initialWindowBytes = 65_535

    fileprivate func stream(_ id: Int32) -> HTTP2Stream? {
        if let latest, latest.id == id { return latest }
        latest = streams[id]
        return latest
    }

    private func announce() {
        guard !isInside, wantsSend else { return }
        delegate?.sessionHasOutput()
    }

    private func fail(abuse: HTTP2FrameGuard.Abuse) {
        fail(.enhanceYourCalm, HTTP2Failure(.abuse(abuse), detail: "too many frames: \(abuse.rawValue)"))
    }

    private func fail(_ problem: NativeHTTP2.Problem) {
        switch problem.code {
        case .internalError: fail(.internalError, HTTP2Failure(.internalError, detail: problem.explanation))
        case .enhanceYourCalm: fail(abuse: .unreadFrames)
        default: fail(problem.code, HTTP2Failure(.peerBrokeProtocol(problem.code), detail: problem.explanation))
        }
    }

    private func fail(_ code: HTTP2ErrorCode, _ reason: HTTP2Failure) {
        guard failure == nil else { return }
        failure = reason
        native.terminate(code)
    }

    /// Tells the delegate what happened, outside of the library. What it does may make more happen.
    private func deliver() {
        while let stream = undelivered.first {
            undelivered.removeFirst()
            // Whoever opens and resets in one go has caused no exchange.
            guard !stream.isClosed, stream.resetCode == nil else { continue }
            stream.isDelivered = true
            guard let delegate else {
                stream.release()
                continue
            }
            delegate.received(request: stream)
        }
        while let refusal = refusals.first {
            refusals.removeFirst()
            delegate?.refused(request: refusal.stream, status: refusal.status)
        }
        while let stream = unannounced.first {
            unannounced.removeFirst()
            if stream.isDelivered { delegate?.streamClosed(stream) }
        }
    }

    /// Drops a stream of the peer when it is closed and nobody uses it.
    private func forget(_ stream: HTTP2Stream) {
        guard stream.role == .server, stream.isReleased, streams[stream.id] == nil, !isLost else { return }
        liveCount -= 1
    }

    private func provokedReset() {
        do throws(HTTP2FrameGuard.Abuse) {
            try frameGuard.provokedReset(nanoseconds: now.nanoseconds)
        } catch {
            fail(abuse: error)
        }
    }
}

// MARK: - Events of the library

extension HTTP2Session {
    /// A header list begins.
    func headersBegan(_ id: Int32) {
        if let stream = stream(id) {
            let kind: HTTP2FieldCollector.Kind =
                stream.isTrailerSection ? .trailers : role == .server ? .request : .answer
            stream.collector = HTTP2FieldCollector(kind, bytesMax: limits.headBytesMax)
            return
        }
        guard role == .server else { return }
        guard liveCount < limits.streamsMax else {
            native.submitReset(.refusedStream, stream: id)
            return
        }
        let stream = HTTP2Stream(id: id, role: .server, session: self)
        stream.collector = HTTP2FieldCollector(.request, bytesMax: limits.headBytesMax)
        streams[id] = stream
        liveCount += 1
        native.shareEvenly(id)
    }

    func received(name: Span<UInt8>, value: Span<UInt8>, isNeverIndexed: Bool, on id: Int32) {
        stream(id)?.collector?.add(name: name, value: value, isNeverIndexed: isNeverIndexed)
    }

    func headersEnded(_ id: Int32, endsStream: Bool) {
        guard let stream = stream(id), !stream.isResetByUs else { return }
        let isRequestHead = role == .server && !stream.isTrailerSection
        do throws(HTTP2FieldCollector.Flaw) {
            let isHead = try stream.receiveHeaders(endsStream: endsStream, limits: limits)
            if isHead, role == .server { undelivered.append(stream) }
        } catch {
            refuse(stream, for: error, isRequestHead: isRequestHead, hasEnded: endsStream)
        }
    }

    private func refuse(
        _ stream: HTTP2Stream, for flaw: HTTP2FieldCollector.Flaw, isRequestHead: Bool, hasEnded: Bool
    ) {
        switch flaw {
        case .tooLarge where isRequestHead:
            provokedReset()
            var answer = HTTP2FieldList()
            answer.append(":status", "431")
            answer.append("content-length", "0")
            if hasEnded { stream.receiveEnd() }
            stream.stopReceiving()
            stream.send(head: answer, ends: true)
            refusals.append((stream, 431))
        case .tooLarge:
            stream.failed(.enhanceYourCalm)
            native.submitReset(.enhanceYourCalm, stream: stream.id)
        case .malformed:
            stream.failed(.protocolError)
            native.submitReset(.protocolError, stream: stream.id)
        }
    }

    func received(data: Span<UInt8>, on id: Int32) {
        // At once: no stream may hold back the others by what its exchange has not taken.
        native.consumeConnection(data.count)
        guard let stream = stream(id) else { return native.consume(data.count, stream: id) }
        if stream.inbound.count + data.count > inboundBytesMax {
            // The library passes on what overruns the window, and resets the stream.
            stream.failed(.flowControlError)
        }
        let unwanted = stream.receive(data)
        if unwanted > 0 { native.consume(unwanted, stream: id) }
    }

    /// What one stream may hold: its window, or the one that every stream has until the settings are acknowledged.
    private var inboundBytesMax: Int { max(limits.streamWindowBytes, Self.initialWindowBytes) }

    func dataEnded(_ id: Int32) { stream(id)?.receiveEnd() }

    func resetReceived(_ id: Int32, _ code: HTTP2ErrorCode) { stream(id)?.receiveReset(code) }

    func settingsReceived(isAcknowledgement: Bool) {
        if !isAcknowledgement { hasPeerSettings = true }
    }

    func goAwayReceived(_ code: HTTP2ErrorCode) {
        isDraining = true
    }

    func pingAcknowledged() {
        guard case .noticed = shutdown else { return }
        shutdown = .final
        native.submitFinalGoAway()
    }

    /// The library found a mistake of the peer's and answers it with RST_STREAM or GOAWAY.
    func invalidFrame(on id: Int32) { stream(id)?.failed(.protocolError) }

    func streamClosed(_ id: Int32, _ code: HTTP2ErrorCode) {
        guard let stream = streams.removeValue(forKey: id) else { return }
        if latest === stream { latest = nil }
        let isOrderly = code == .noError && stream.hasEnded && stream.hasSentEnd
        stream.closed(code)
        if isOrderly { frameGuard.completedStream() }
        if stream.isDelivered {
            unannounced.append(stream)
            forget(stream)
        } else if role == .server {
            undelivered.removeAll { $0 === stream }
            if stream.resetCode == .protocolError, !stream.isResetByPeer {
                refusals.append((stream, 400))
            }
            stream.release()
        }
    }

    /// A frame is on its way to the peer.
    func frameSent(_ frame: NativeHTTP2.SentFrame) {
        switch frame {
        case .headers(let id, let ends):
            stream(id)?.hasSentHead = true
            if ends { stream(id)?.sentEnd() }
        case .data(let id, let ends):
            frameGuard.sentData()
            if ends { stream(id)?.sentEnd() }
        case .reset(let id, let code):
            let isOurs = stream(id).map { $0.isResetByUs || $0.resetCode == .internalError } ?? false
            if code != .noError, !isOurs { provokedReset() }
        case .goAway(let code):
            if code != .noError, failure == nil {
                failure = HTTP2Failure(.peerBrokeProtocol(code), detail: native.lastProblem ?? "\(code)")
            }
        case .other: break
        }
    }

    /// The library dropped a head. Unless the peer or a reset wanted that, nobody else would end the stream.
    func headersNotSent(_ id: Int32, isOurLimit: Bool) {
        guard isOurLimit, let stream = stream(id) else { return }
        stream.failed(.internalError)
        if role == .server { native.submitReset(.internalError, stream: id) }
    }

    func nextData(_ id: Int32, _ byteCountMax: Int) -> HTTP2Stream.DataStep {
        stream(id)?.nextData(byteCountMax) ?? .cut(.internalError)
    }

    func moveData(_ id: Int32, _ byteCount: Int, to out: inout ByteQueue) {
        stream(id)?.moveData(byteCount, to: &out)
    }
}
