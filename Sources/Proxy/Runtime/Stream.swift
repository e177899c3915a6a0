import Glibc
import Policy
import Wire

/// One connection, plain, TLS, or TLS inside of TLS, on the loop that owns its descriptor.
///
/// Its `try…` calls never wait. Where one says `.blocked`, ``readInterest`` or ``writeInterest`` say what to wait for
/// (TLS may have to write in order to read), and the task sleeps on its waiter.
final class Stream {
    /// What came of an attempt.
    enum Attempt: Equatable {
        /// So many bytes, at least one.
        case done(Int)
        /// Not now.
        case blocked
        /// The peer ended the stream in order: close_notify, or an end of file on a plain connection.
        case closed
        /// The stream broke off: a reset, or an end of file without close_notify.
        case cut
        /// TLS failed.
        case failed(TLSFailure)
    }

    let watcher: Watcher
    private var tls: TLSSession?
    /// What a blocked read waits for.
    private(set) var readInterest: Watcher.Interest = .read
    /// What a blocked write waits for.
    private(set) var writeInterest: Watcher.Interest = .write
    /// Bytes that were read beyond what the reader has used so far.
    var inbound = ByteQueue()
    /// Bytes that wait to be written.
    var outbound = ByteQueue()

    /// Takes over the descriptor that `watcher` owns.
    init(_ watcher: Watcher) { self.watcher = watcher }

    deinit { watcher.close() }

    /// The socket's number, for calls that do not keep it.
    var descriptor: Int32 { watcher.descriptor }

    // MARK: TLS

    /// Lets every further byte go through `session`.
    func start(_ session: consuming TLSSession) { tls = consume session }

    /// Begins TLS as its server; inside of the TLS that runs already, if one does.
    func startTLS(asServerWith context: TLSServerContext) throws(TLSFailure) {
        tls = try TLSSession(serverContext: context, over: takeTransport())
    }

    /// Begins TLS as its client; inside of the TLS that runs already, if one does. See `TLSSession` for the arguments.
    func startTLS(
        asClientWith context: TLSClientContext, peerName: String, resuming ticket: TLSTicket? = nil,
        protocols: [String] = ["http/1.1"]
    ) throws(TLSFailure) {
        tls = try TLSSession(
            clientContext: context, over: takeTransport(), peerName: peerName, resuming: ticket, protocols: protocols)
    }

    /// What the next session's records travel in. What was read ahead through the session that runs belongs to them.
    ///
    /// If there is to be no next session after all, the connection is of no use any more and must be closed.
    private func takeTransport() -> TLSTransport {
        guard let outer = tls.take() else { return .socket(descriptor) }
        var lookedAt = ByteQueue()
        swap(&lookedAt, &inbound)
        return .session(TLSCarrier(outer, lookedAt: lookedAt))
    }

    /// Whether bytes go through TLS.
    var hasTLS: Bool { tls != nil }

    /// The TLS version negotiated.
    var tlsVersion: String? { tls?.version }
    /// The protocol that both sides agreed on by ALPN; nil without TLS or without agreement.
    var negotiatedProtocol: String? { tls?.negotiatedProtocol }
    /// The names in the client's verified certificate; nil without TLS or without one.
    var clientCertificateNames: ClientCertificateNames? { tls?.clientCertificateNames }
    /// What is spoken after that: HTTP/1 wherever nothing was agreed on.
    var spoken: HTTPProtocol { negotiatedProtocol.flatMap(HTTPProtocol.init) ?? .http1 }
    /// A ticket with which the next connection to the same peer may resume.
    func takeTicket() -> TLSTicket? { tls?.takeTicket() }

    /// Makes one step of the handshake; `.done` when it is over.
    func tryHandshake() -> Attempt {
        guard tls != nil else { return .done(0) }
        return note(tls!.handshake(), isRead: true)
    }

    // MARK: Bytes

    /// Whether a read may bring something: the socket may have bytes, or TLS holds some.
    var mayRead: Bool { watcher.isReady(for: readInterest) || (tls?.hasBuffered ?? false) }
    /// Whether a write may succeed.
    var mayWrite: Bool { watcher.isReady(for: writeInterest) }

    /// Reads what there is, up to the size of `buffer`.
    func tryRead(_ buffer: UnsafeMutableRawBufferPointer) -> Attempt {
        if tls != nil {
            let attempt = unsafe note(tls!.read(into: buffer), isRead: true)
            if case .done = attempt, tls?.hasDrainedSocket == true { noteDrained() }
            return attempt
        }
        switch unsafe System.read(descriptor, buffer) {
        case .bytes(0): return .closed
        case .bytes(let count):
            if count < buffer.count { noteDrained() }
            return .done(count)
        case .wouldBlock:
            watcher.isReadReady = false
            return .blocked
        case .failed: return .cut
        }
    }

    /// Offers `bytes`, behind what waits in ``inbound``, to `take`, which says how many it has used; the rest waits to be
    /// offered again.
    func offer(
        _ bytes: Span<UInt8>, to take: (Span<UInt8>, inout Int) throws(ProxyError) -> Void
    ) throws(ProxyError) {
        var usedCount = 0
        if inbound.isEmpty {
            try take(bytes, &usedCount)
            inbound.append(bytes.extracting(droppingFirst: usedCount))
        } else {
            inbound.append(bytes)
            try inbound.withBytes { bytes throws(ProxyError) in try take(bytes, &usedCount) }
            inbound.consume(usedCount)
        }
    }

    /// Writes as much as the socket takes of `buffer`.
    func tryWrite(_ buffer: UnsafeRawBufferPointer) -> Attempt {
        if tls != nil { return unsafe note(tls!.write(buffer), isRead: false) }
        switch unsafe System.write(descriptor, buffer) {
        case .bytes(let count): return .done(count)
        case .wouldBlock:
            watcher.isWriteReady = false
            return .blocked
        case .failed: return .cut
        }
    }

    /// Writes as much as the socket takes of ``outbound``; `.done` when it is empty.
    func tryFlush() -> Attempt {
        var total = 0
        while !outbound.isEmpty {
            let attempt = outbound.withBytes { bytes in unsafe bytes.withUnsafeBytes { unsafe tryWrite($0) } }
            guard case .done(let count) = attempt else { return attempt }
            outbound.consume(count)
            total += count
        }
        return .done(total)
    }

    /// The socket had less than was asked for: the next bytes will raise an edge. Not so an end that has been announced
    /// already; it is still to be read.
    private func noteDrained() {
        if !watcher.isHungUp { watcher.isReadReady = false }
    }

    private func note(_ attempt: TLSAttempt, isRead: Bool) -> Attempt {
        switch attempt {
        case .done(let count): return .done(count)
        case .wantRead:
            watcher.isReadReady = false
            if isRead { readInterest = .read } else { writeInterest = .read }
            return .blocked
        case .wantWrite:
            watcher.isWriteReady = false
            if isRead { readInterest = .write } else { writeInterest = .write }
            return .blocked
        case .closed: return .closed
        case .cut: return .cut
        case .failed(let failure): return .failed(failure)
        }
    }

    // MARK: Waiting

    /// From now on events of the socket wake `waiter`.
    func attach(_ waiter: Waiter) { watcher.waiter = waiter }

    /// Says which events of the socket shall wake the waiter.
    func expect(_ interest: Watcher.Interest) { watcher.interest = interest }

    /// Sleeps until `interest` may be served.
    func sleep(_ waiter: Waiter, for interest: Watcher.Interest) async throws(Interruption) {
        while !watcher.isReady(for: interest) {
            watcher.waiter = waiter
            watcher.interest = interest
            switch await waiter.sleep() {
            case .event: continue
            case .deadline: throw .deadline
            case .cancelled: throw .cancelled
            }
        }
    }

    /// Handshakes to the end or throws what went wrong.
    func handshake(_ waiter: Waiter) async throws(HandshakeFailure) {
        while true {
            switch tryHandshake() {
            case .done: return
            case .blocked:
                do { try await sleep(waiter, for: readInterest) } catch { throw .interrupted(error) }
            case .closed, .cut: throw .closed
            case .failed(let failure): throw .failed(failure)
            }
        }
    }

    /// Writes all of ``outbound``, waiting as long as it takes.
    func flush(_ waiter: Waiter) async throws(Interruption) {
        while true {
            switch tryFlush() {
            case .done: return
            case .blocked: try await sleep(waiter, for: writeInterest)
            case .closed, .cut, .failed: throw .broken
            }
        }
    }

    // MARK: Ending

    /// Says goodbye in TLS, then closes. Bytes not yet written are lost; flush first.
    func closeOrderly() {
        // Once it is closed, the descriptor's number may be somebody else's.
        if tls != nil, !watcher.isClosed { _ = tls!.shutdown() }
        watcher.close()
    }

    /// Ends our side and goes on reading: close_notify in TLS, and the peer reads an end of file.
    func endWriting() {
        if tls != nil { _ = tls!.shutdown() }
        Socket.shutdownWrite(descriptor)
    }

    /// Closes without close_notify, so that the peer sees a stream that broke off.
    func closeAbruptly(reset: Bool = false) {
        if reset { Socket.resetOnClose(descriptor) }
        watcher.close()
    }

    /// Ends our side, reads and drops what still comes for a short while, and closes.
    ///
    /// Closing a socket with unread bytes makes the kernel send a reset, which can overtake the answer that was just
    /// written; so a client that is still sending is heard out, within bounds.
    func closeLingering(_ waiter: Waiter, scratch: UnsafeMutableRawBufferPointer) async {
        if tls != nil { _ = tls!.shutdown() }
        Socket.shutdownWrite(descriptor)
        waiter.deadline = watcher.loop.now.advanced(by: Self.lingerSpan)
        var dropped = 0
        reading: while dropped < Self.lingerBytesMax {
            // Straight from the socket: after our close_notify nobody decrypts any more.
            switch unsafe System.read(descriptor, scratch) {
            case .bytes(0), .failed: break reading
            case .bytes(let count): dropped += count
            case .wouldBlock:
                watcher.isReadReady = false
                do { try await sleep(waiter, for: .read) } catch { break reading }
            }
        }
        watcher.close()
    }

    private static let lingerSpan = Nanoseconds(.seconds(2))
    /// What a client may have had in flight when it was answered early.
    private static let lingerBytesMax = 4 * 1024 * 1024

    /// Gives back what an idle connection does not need.
    func releaseStorage() {
        inbound.releaseStorage()
        outbound.releaseStorage()
    }
}

/// Why waiting ended without what was waited for.
enum Interruption: Error, Equatable {
    case deadline, cancelled
    /// The connection broke.
    case broken
}

/// Why a handshake ended.
enum HandshakeFailure: Error {
    case interrupted(Interruption)
    /// The peer left in the middle of it.
    case closed
    case failed(TLSFailure)
}
