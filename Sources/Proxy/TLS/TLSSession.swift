import COpenSSL

/// What one non-blocking call on a TLS connection came to.
enum TLSAttempt: Equatable, Sendable {
    /// It is done; for a read or a write, this many bytes, at least one unless the buffer was empty.
    case done(Int)
    /// Try again when the socket is readable.
    case wantRead
    /// Try again when the socket is writable.
    case wantWrite
    /// The peer said with close_notify that it sends no more: everything it sent was received.
    case closed
    /// The connection ended, or was reset, without close_notify: something may be missing.
    case cut
    /// The connection is broken for good.
    case failed(TLSFailure)
}

/// One TLS connection over a non-blocking socket that somebody else owns, waits on and closes, or inside of another one.
///
/// Every call tries once and says what it is waiting for; nothing here blocks, waits or knows of an event loop. The
/// socket must stay open for as long as the session lives. OpenSSL writes with write(2): the process ignores SIGPIPE.
@safe
struct TLSSession: ~Copyable {
    private let ssl: OpaquePointer
    private let side: Side
    /// The session around this one, if there is one.
    private let carrier: TLSCarrier?
    private var phase = Phase.handshaking
    private var isCloseSent = false
    private var isTicketTaken = false

    /// Whose end this is. The contexts are kept alive here because OpenSSL's callbacks use their memory.
    private enum Side {
        case server(TLSServerContext)
        case client(TLSClientContext, peerName: String, Verification)
    }

    /// When an upstream's certificate was verified: an offered session, if it is taken up, rests on its own handshake.
    private struct Verification {
        let ofOfferedSeconds: Int64?
        let beganSeconds: Int64
    }

    private enum Phase {
        case handshaking, open
        /// close_notify is being sent, and then was.
        case closing
        /// A call failed for good; OpenSSL forbids further use, and a cut must look cut.
        case broken
    }

    /// The longest host name (RFC 1035 section 2.3.4).
    private static let peerNameBytesMax = 253

    /// The leo side of a client's connection. `SSL_new`, `SSL_set_fd`
    ///
    /// Throws `internalError` when OpenSSL is out of memory.
    init(serverContext: TLSServerContext, over transport: TLSTransport) throws(TLSFailure) {
        unsafe ssl = try serverContext.withContext { context throws(TLSFailure) in
            try unsafe Self.makeSSL(context: context, transport: transport)
        }
        side = .server(serverContext)
        carrier = transport.carrier
        unsafe SSL_set_accept_state(ssl)
    }

    /// The same over a socket.
    init(serverContext: TLSServerContext, descriptor: Int32) throws(TLSFailure) {
        try self.init(serverContext: serverContext, over: .socket(descriptor))
    }

    /// leo's connection to an upstream, verified against `peerName`: a DNS name, or an IP address without brackets.
    ///
    /// SNI is sent for names only (RFC 6066 section 3). `resuming` is used if it came from this context and this name,
    /// and has not been used before. `protocols` are offered by ALPN in this order; none: no ALPN.
    /// Throws `peerNameInvalid`, or `internalError` when OpenSSL is out of memory.
    init(
        clientContext: TLSClientContext, over transport: TLSTransport, peerName: String,
        resuming ticket: TLSTicket? = nil, protocols: [String] = ["http/1.1"]
    ) throws(TLSFailure) {
        let name = peerName.hasSuffix(".") ? String(peerName.dropLast()) : peerName
        // An empty name would switch OpenSSL's check off; a NUL would cut the name short.
        guard !name.isEmpty, name.utf8.count <= Self.peerNameBytesMax, name.utf8.allSatisfy({ $0 > 32 && $0 < 127 })
        else { throw TLSFailure(kind: .peerNameInvalid, detail: "not a host name") }
        let connection = try unsafe clientContext.withContext { context throws(TLSFailure) in
            try unsafe Self.makeSSL(context: context, transport: transport)
        }
        let isPrepared =
            unsafe Self.verify(connection, against: name) && Self.offer(protocols, on: connection)
        guard isPrepared else {
            unsafe SSL_free(connection)
            throw TLSFailure(kind: .internalError, detail: OpenSSLErrors.takeReason())
        }
        unsafe SSL_set_connect_state(connection)
        let now = MonotonicTime.current().seconds
        let offered = unsafe ticket?.spend(on: connection, context: clientContext, peerName: name, now: now)
        unsafe ssl = connection
        side = .client(clientContext, peerName: name, Verification(ofOfferedSeconds: offered, beganSeconds: now))
        carrier = transport.carrier
    }

    /// The same over a socket.
    init(
        clientContext: TLSClientContext, descriptor: Int32, peerName: String, resuming ticket: TLSTicket? = nil,
        protocols: [String] = ["http/1.1"]
    ) throws(TLSFailure) {
        try self.init(
            clientContext: clientContext, over: .socket(descriptor), peerName: peerName, resuming: ticket,
            protocols: protocols)
    }

    deinit {
        // Otherwise OpenSSL marks the tickets of a connection that ends without close_notify as not to be used again,
        // a rule of TLS 1.0. After a fatal alert it does so by itself.
        unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        unsafe SSL_free(ssl)
    }

    // MARK: The connection's life

    /// Takes the handshake as far as the socket allows. `SSL_do_handshake`
    ///
    /// `.done(0)` when it is complete; a client session has verified the peer by then.
    mutating func handshake() -> TLSAttempt {
        guard phase != .broken else { return Self.unusable }
        OpenSSLErrors.clear()
        let result = unsafe SSL_do_handshake(ssl)
        guard result == 1 else { return conclude(result) }
        if phase == .handshaking { phase = .open }
        return .done(0)
    }

    /// Reads what fits into `buffer`. `SSL_read`, `SSL_free_buffers`
    mutating func read(into buffer: UnsafeMutableRawBufferPointer) -> TLSAttempt {
        guard phase != .broken else { return Self.unusable }
        guard let start = buffer.baseAddress, buffer.count > 0 else { return .done(0) }
        OpenSSLErrors.clear()
        let hadBuffered = hasBuffered
        let before = socketByteCount
        let result = unsafe SSL_read(ssl, start, Int32(clamping: buffer.count))
        guard result > 0 else { return conclude(result) }
        hasDrainedSocket = carrier == nil && !hadBuffered && socketByteCount &- before < Self.readAheadBytesMin
        // Taking in a ticket makes OpenSSL allocate a buffer for writing, which it would keep until the next write.
        if isClient, !hasBuffered { _ = unsafe SSL_free_buffers(ssl) }
        return .done(Int(result))
    }

    private var isClient: Bool {
        switch side {
        case .client: true
        case .server: false
        }
    }

    /// Whether the last successful read took all that the socket had, so that the next one would meet EAGAIN. Inside of
    /// another session nothing is known of the socket.
    ///
    /// OpenSSL reads ahead: with an empty buffer it asks the socket for a whole record's worth and more, and what it got
    /// is less. Sparing the read that would find nothing saves a system call per message.
    private(set) var hasDrainedSocket = false

    /// With nothing buffered, read_ahead asks for at least a maximal record.
    private static let readAheadBytesMin: UInt64 = 16384

    /// Bytes read from the socket so far. `BIO_number_read`
    private var socketByteCount: UInt64 { unsafe BIO_number_read(SSL_get_rbio(ssl)) }

    /// Writes what the socket takes of `bytes`. `SSL_write`
    ///
    /// After `.wantRead` or `.wantWrite` the next call must offer the same bytes again, in any buffer, and may add more.
    mutating func write(_ bytes: UnsafeRawBufferPointer) -> TLSAttempt {
        guard phase != .broken else { return Self.unusable }
        guard let start = bytes.baseAddress, bytes.count > 0 else { return .done(0) }
        OpenSSLErrors.clear()
        let result = unsafe SSL_write(ssl, start, Int32(clamping: bytes.count))
        return result > 0 ? .done(Int(result)) : conclude(result)
    }

    /// Sends close_notify, once; does not wait for the peer's. `SSL_shutdown`
    ///
    /// `.done(0)` when it is on its way, and also when there is nothing to send: before the end of the handshake and
    /// on a broken connection there is no orderly end. A session around this one is ended after it.
    mutating func shutdown() -> TLSAttempt {
        let attempt = shutdownInside()
        guard let carrier, attempt == .done(0) else { return attempt }
        return carrier.shutdown()
    }

    private mutating func shutdownInside() -> TLSAttempt {
        switch phase {
        case .handshaking, .broken: return .done(0)
        case .open, .closing: break
        }
        if case .closing = phase, isCloseSent { return .done(0) }
        phase = .closing
        OpenSSLErrors.clear()
        let result = unsafe SSL_shutdown(ssl)
        guard result < 0 else {
            isCloseSent = true
            return .done(0)
        }
        return conclude(result)
    }

    // MARK: What was negotiated

    /// Whether bytes wait inside OpenSSL, so that the socket's readiness alone does not tell. `SSL_has_pending`
    ///
    /// They may be a part of a record: the next read then says `.wantRead`.
    var hasBuffered: Bool { unsafe SSL_has_pending(ssl) == 1 || carrier?.hasBuffered == true }

    /// The protocol version, "TLSv1.3" or "TLSv1.2"; meaningful after the handshake. `SSL_get_version`
    var version: String { unsafe String(cString: SSL_get_version(ssl)) }

    /// The cipher suite in OpenSSL's words, nil before the handshake. `SSL_CIPHER_get_name`
    var cipherSuite: String? {
        guard let cipher = unsafe SSL_get_current_cipher(ssl) else { return nil }
        return unsafe String(cString: SSL_CIPHER_get_name(cipher))
    }

    /// The application protocol both sides agreed on, nil without ALPN. `SSL_get0_alpn_selected`
    var negotiatedProtocol: String? {
        var start: UnsafePointer<UInt8>?
        var count: UInt32 = 0
        unsafe SSL_get0_alpn_selected(ssl, &start, &count)
        guard let start = unsafe start, count > 0 else { return nil }
        return unsafe String(decoding: UnsafeBufferPointer(start: start, count: Int(count)), as: UTF8.self)
    }

    /// Whether the handshake took up an earlier session. `SSL_session_reused`
    var wasResumed: Bool { unsafe SSL_session_reused(ssl) == 1 }

    /// The name in the ClientHello, as sent. `SSL_get_servername`
    var serverName: String? {
        guard let name = unsafe SSL_get_servername(ssl, TLSEXT_NAMETYPE_host_name) else { return nil }
        return unsafe String(cString: name)
    }

    /// The newest unused ticket of this upstream connection, once; nil if there is none (yet).
    ///
    /// TLS 1.3 tickets come with the first bytes after the handshake: ask when an answer has been read. A TLS 1.2
    /// server that takes a session up need not send a new ticket; the old one is then handed out again.
    mutating func takeTicket() -> TLSTicket? {
        guard case .client(let context, let peerName, let verification) = side, phase == .open || phase == .closing
        else { return nil }
        let wasResumed = wasResumed
        let verifiedSeconds = wasResumed ? verification.ofOfferedSeconds : verification.beganSeconds
        guard let verifiedSeconds else { return nil }
        let mayRepeat = wasResumed && !isTicketTaken
        guard
            let ticket = unsafe TLSTicket.take(
                from: ssl, mayRepeat: mayRepeat, context: context, peerName: peerName,
                verifiedSeconds: verifiedSeconds)
        else { return nil }
        isTicketTaken = true
        return ticket
    }

    // MARK: Inside

    /// Lends the `SSL` for the call.
    func withConnection<Result>(_ body: (OpaquePointer) -> Result) -> Result { unsafe body(ssl) }

    private static let unusable = TLSAttempt.failed(
        TLSFailure(kind: .protocolError, detail: "the connection failed before"))

    /// Turns a result below one into what the caller can act on, before any other OpenSSL call. `SSL_get_error`
    private mutating func conclude(_ result: Int32) -> TLSAttempt {
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        case SSL_ERROR_ZERO_RETURN: return .closed
        case SSL_ERROR_SYSCALL:
            // The system call failed (reset, broken pipe, timed out by the kernel): the connection is gone.
            phase = .broken
            OpenSSLErrors.clear()
            return .cut
        default:
            let wasHandshaking = phase == .handshaking
            phase = .broken
            if let first = OpenSSLErrors.first(), first.library == ERR_LIB_SSL,
                first.reason == SSL_R_UNEXPECTED_EOF_WHILE_READING
            {
                OpenSSLErrors.clear()
                return .cut
            }
            let verifyResult = unsafe SSL_get_verify_result(ssl)
            return .failed(TLSFailure.fromQueue(verifyResult: verifyResult, inHandshake: wasHandshaking))
        }
    }

    private static func makeSSL(context: OpaquePointer, transport: TLSTransport) throws(TLSFailure) -> OpaquePointer {
        OpenSSLErrors.clear()
        guard let made = unsafe SSL_new(context) else {
            throw TLSFailure(kind: .internalError, detail: OpenSSLErrors.takeReason())
        }
        guard unsafe connect(made, transport) else {
            unsafe SSL_free(made)
            throw TLSFailure(kind: .internalError, detail: OpenSSLErrors.takeReason())
        }
        return unsafe made
    }

    /// `SSL_set_fd`, or `SSL_set_bio`, which takes the BIO over.
    private static func connect(_ ssl: OpaquePointer, _ transport: TLSTransport) -> Bool {
        switch transport {
        case .socket(let descriptor): return unsafe SSL_set_fd(ssl, descriptor) == 1
        case .session(let carrier):
            guard let bio = unsafe carrier.makeBIO() else { return false }
            unsafe SSL_set_bio(ssl, bio, bio)
            return true
        }
    }

    /// Asks for verification against `name`, an address if it is one. `X509_VERIFY_PARAM_set1_host`, `…_set1_ip_asc`
    private static func verify(_ ssl: OpaquePointer, against name: String) -> Bool {
        guard let parameters = unsafe SSL_get0_param(ssl) else { return false }
        if unsafe X509_VERIFY_PARAM_set1_ip_asc(parameters, name) == 1 { return true }
        OpenSSLErrors.clear()
        return unsafe X509_VERIFY_PARAM_set1_host(parameters, name, name.utf8.count) == 1
            && leo_SSL_set_tlsext_host_name(ssl, name) == 1
    }

    /// Offers `protocols` by ALPN. `SSL_set_alpn_protos`, which says 0 when all is well.
    private static func offer(_ protocols: [String], on ssl: OpaquePointer) -> Bool {
        let list = ProtocolList.wireForm(of: protocols)
        return list.isEmpty ? true : unsafe SSL_set_alpn_protos(ssl, list, UInt32(clamping: list.count)) == 0
    }
}

/// Application protocol names as TLS carries them (RFC 7301 section 3.1).
enum ProtocolList {
    /// Each name with its length in front. A name of no or more than 255 bytes cannot be said and is left out.
    static func wireForm(of protocols: [String]) -> [UInt8] {
        var bytes: [UInt8] = []
        for name in protocols {
            guard let length = UInt8(exactly: name.utf8.count), length > 0 else { continue }
            bytes.append(length)
            bytes.append(contentsOf: name.utf8)
        }
        return bytes
    }
}
