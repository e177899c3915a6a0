import COpenSSL

/// How leo speaks TLS to upstreams: always verified, TLS 1.2 or 1.3. One for all hosts that have nothing of their own,
/// and one for each row of `[[upstream.tls]]`, shared by every thread.
@safe
final class TLSClientContext: @unchecked Sendable {
    // Set up in init and never changed; OpenSSL locks what an SSL_CTX shares between connections (ticket cache off,
    // certificate store, reference counts).
    private let context: OpaquePointer
    /// Keys of which a verified chain must hold one; empty: no such rule.
    private let pins: Set<KeyPin>

    /// Suites for TLS 1.2: forward secret and authenticated encryption only. TLS 1.3 has its own three.
    private static let cipherList = "ECDHE+AESGCM:ECDHE+CHACHA20:DHE+AESGCM:DHE+CHACHA20:!aNULL:!PSK:!SRP"

    /// Trusts what `store` holds, and nothing else.
    ///
    /// - Parameters:
    ///   - identity: shown to servers that ask for a client certificate.
    ///   - pins: if there are any, a chain that verifies must also hold one of these keys. That is found out before leo
    ///     shows a certificate of its own, and with the failure `certificatePin`.
    /// Throws `internalError` when OpenSSL cannot make it.
    init(trust store: TrustStore, identity: ClientIdentity? = nil, pins: [KeyPin] = []) throws(TLSFailure) {
        OpenSSLErrors.clear()
        guard let made = unsafe SSL_CTX_new(TLS_client_method()) else {
            throw TLSFailure(kind: .internalError, detail: OpenSSLErrors.takeReason())
        }
        unsafe context = made
        self.pins = Set(pins)
        guard unsafe Self.configure(made), unsafe store.apply(to: made), unsafe identity?.apply(to: made) ?? true else {
            throw TLSFailure(kind: .internalError, detail: OpenSSLErrors.takeReason())
        }
        if !pins.isEmpty { unsafe checkPins(in: made) }
    }

    deinit { unsafe SSL_CTX_free(context) }

    /// Lends the `SSL_CTX` for the call.
    func withContext<Result: ~Copyable, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(context)
    }

    /// `SSL_CTX_set_cert_verify_callback`; the argument is this object, which every connection keeps alive.
    private func checkPins(in context: OpaquePointer) {
        unsafe SSL_CTX_set_cert_verify_callback(
            context,
            { verification, owner in
                guard let verification = unsafe verification, let owner = unsafe owner else { return 0 }
                return unsafe Unmanaged<TLSClientContext>.fromOpaque(owner).takeUnretainedValue().verify(verification)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    /// Verifies as ever, and looks for a pinned key in the chain that was good. `X509_verify_cert`
    private func verify(_ verification: OpaquePointer) -> Int32 {
        let result = unsafe X509_verify_cert(verification)
        guard result == 1, unsafe !KeyPin.isAny(of: pins, in: verification) else { return result }
        unsafe X509_STORE_CTX_set_error(verification, X509_V_ERR_APPLICATION_VERIFICATION)
        return 0
    }

    private static func configure(_ context: OpaquePointer) -> Bool {
        guard unsafe TLSSettings.applyShared(to: context) else { return false }
        // Nothing that the system's openssl.cnf may have switched on stays: peers that renegotiate unsafely, and a
        // missing close_notify read as an orderly end.
        unsafe SSL_CTX_clear_options(
            context,
            leo_SSL_OP_IGNORE_UNEXPECTED_EOF() | leo_SSL_OP_LEGACY_SERVER_CONNECT()
                | leo_SSL_OP_ALLOW_UNSAFE_LEGACY_RENEGOTIATION() | leo_SSL_OP_NO_TICKET())
        unsafe SSL_CTX_set_verify(context, SSL_VERIFY_PEER, nil)
        guard let parameters = unsafe SSL_CTX_get0_param(context) else { return false }
        // "f*.example.com" is no wildcard of today (RFC 9525 section 6.3), and the common name is not looked at.
        unsafe X509_VERIFY_PARAM_set_hostflags(
            parameters, UInt32(X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS) | UInt32(X509_CHECK_FLAG_NEVER_CHECK_SUBJECT))
        // A certificate of the trust file is an anchor even if it is not self-signed, as in Go and Python.
        guard unsafe X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1,
            unsafe SSL_CTX_set_cipher_list(context, cipherList) == 1
        else { return false }
        // Sessions reach us by callback, and OpenSSL keeps none of its own.
        unsafe leo_SSL_CTX_set_session_cache_mode(
            context, Int(SSL_SESS_CACHE_CLIENT) | Int(SSL_SESS_CACHE_NO_INTERNAL))
        unsafe TLSTicket.capture(from: context)
        return true
    }
}

/// What both sides of leo have in common.
enum TLSSettings {
    /// Versions, groups, security level, buffers. False if OpenSSL refuses one of them; `context` is lent.
    static func applyShared(to context: OpaquePointer) -> Bool {
        // Partial writes and moving buffers let the caller write from wherever its bytes lie; released buffers save
        // 34 KB per idle connection.
        unsafe leo_SSL_CTX_set_mode(
            context,
            Int(SSL_MODE_ENABLE_PARTIAL_WRITE) | Int(SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER)
                | Int(SSL_MODE_RELEASE_BUFFERS))
        // One read(2) for a record's header and body.
        unsafe leo_SSL_CTX_set_read_ahead(context, 1)
        unsafe SSL_CTX_set_options(context, leo_SSL_OP_NO_COMPRESSION() | leo_SSL_OP_NO_RENEGOTIATION())
        // 112 bits of security: RSA-2048 and up, no SHA-1 signatures.
        unsafe SSL_CTX_set_security_level(context, 2)
        return unsafe leo_SSL_CTX_set_min_proto_version(context, TLS1_2_VERSION) == 1
            && leo_SSL_CTX_set_max_proto_version(context, TLS1_3_VERSION) == 1
            && leo_SSL_CTX_set1_groups_list(context, "X25519:P-256:P-384") == 1
    }
}
