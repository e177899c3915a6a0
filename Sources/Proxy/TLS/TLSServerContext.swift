import COpenSSL

/// How leo answers the clients of one host: its minted leaf, TLS 1.2 and 1.3, ALPN by leo's preference, tickets.
@safe
final class TLSServerContext: @unchecked Sendable {
    // Set up in init and never changed; OpenSSL locks what connections share.
    private let context: OpaquePointer
    /// The protocols in wire form, in memory that does not move: OpenSSL's callback answers with a pointer into it.
    private let protocolList: UnsafeMutableBufferPointer<UInt8>

    /// The host that the leaf is for.
    let host: String
    /// When the leaf expires, in seconds since 1970.
    let expiresAtSeconds: Int64

    /// Mozilla's intermediate suites for TLS 1.2, for leo's own P-256 leaves and for the RSA certificate of an operator.
    /// TLS 1.3 has its own three.
    private static let cipherList =
        "ECDHE-ECDSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES256-GCM-SHA384:ECDHE-ECDSA-CHACHA20-POLY1305:"
        + "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-RSA-AES256-GCM-SHA384:ECDHE-RSA-CHACHA20-POLY1305"

    /// Shows `leaf` and after it `chain`, the certificates that lead to the root but not the root.
    ///
    /// `protocols` in leo's order of preference; a client that offers none of them is refused, one without ALPN is not.
    /// `clients` asks for client certificates. Throws when the key does not belong to the leaf, or OpenSSL refuses
    /// something.
    init(
        host: String, leaf: Certificate, chain: [Certificate], key: PrivateKey, protocols: [String],
        clients: ClientVerification? = nil
    ) throws(CertificateFailure) {
        OpenSSLErrors.clear()
        guard let made = unsafe SSL_CTX_new(TLS_server_method()) else { throw .library(OpenSSLErrors.takeReason()) }
        let list = ProtocolList.wireForm(of: protocols)
        unsafe context = made
        unsafe protocolList = .allocate(capacity: list.count)
        _ = unsafe protocolList.initialize(from: list)
        self.host = host
        expiresAtSeconds = leaf.expiresAtSeconds
        let isConfigured =
            unsafe Self.configure(made, host: host)
            && Self.show(leaf, chain, key, in: made) && (clients?.apply(to: made) ?? true)
        guard isConfigured else { throw .library(OpenSSLErrors.takeReason()) }
        if !list.isEmpty { unsafe chooseProtocols(in: made) }
    }

    deinit {
        unsafe SSL_CTX_free(context)
        unsafe protocolList.deallocate()
    }

    /// Lends the `SSL_CTX` for the call. A connection made from it keeps this object alive as long as it lives.
    func withContext<Result: ~Copyable, Failure: Error>(
        _ body: (OpaquePointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(context)
    }

    private static func configure(_ context: OpaquePointer, host: String) -> Bool {
        guard unsafe TLSSettings.applyShared(to: context),
            unsafe SSL_CTX_set_cipher_list(context, cipherList) == 1,
            unsafe SSL_CTX_set_num_tickets(context, 1) == 1,
            let name = Self.sessionName(of: host),
            unsafe SSL_CTX_set_session_id_context(context, name, UInt32(name.count)) == 1
        else { return false }
        // No state on our side: a session lives in the client's ticket.
        unsafe leo_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        unsafe leo_SSL_CTX_set_timeout(context, TicketKeys.ticketSeconds)
        return unsafe TicketKeys.use(in: context)
    }

    /// What sessions of `host` are bound to, so that no ticket of another host is taken up: a digest, because OpenSSL
    /// has room for 32 bytes.
    private static func sessionName(of host: String) -> [UInt8]? {
        let bytes = Array("leo session for \(host)".utf8)
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard unsafe EVP_Digest(bytes, bytes.count, &digest, &count, EVP_sha256(), nil) == 1, count == 32 else {
            return nil
        }
        return Array(digest.prefix(32))
    }

    private static func show(
        _ leaf: Certificate, _ chain: [Certificate], _ key: PrivateKey, in context: OpaquePointer
    ) -> Bool {
        guard unsafe leaf.withPointer({ leaf in unsafe SSL_CTX_use_certificate(context, leaf) == 1 }),
            unsafe key.withPointer({ key in unsafe SSL_CTX_use_PrivateKey(context, key) == 1 })
        else { return false }
        return chain.allSatisfy { certificate in
            unsafe certificate.withPointer { x509 in unsafe leo_SSL_CTX_add1_chain_cert(context, x509) == 1 }
        }
    }

    /// `SSL_CTX_set_alpn_select_cb`; the argument is this object, which every connection keeps alive.
    private func chooseProtocols(in context: OpaquePointer) {
        unsafe SSL_CTX_set_alpn_select_cb(
            context,
            { _, chosen, chosenCount, offered, offeredCount, owner in
                guard let owner = unsafe owner else { return SSL_TLSEXT_ERR_ALERT_FATAL }
                return unsafe Unmanaged<TLSServerContext>.fromOpaque(owner).takeUnretainedValue()
                    .choose(from: offered, offeredCount, chosen, chosenCount)
            }, Unmanaged.passUnretained(self).toOpaque())
    }

    private func choose(
        from offered: UnsafePointer<UInt8>?, _ offeredCount: UInt32,
        _ chosen: UnsafeMutablePointer<UnsafePointer<UInt8>?>?, _ chosenCount: UnsafeMutablePointer<UInt8>?
    ) -> Int32 {
        guard let chosen = unsafe chosen, let chosenCount = unsafe chosenCount else {
            return SSL_TLSEXT_ERR_ALERT_FATAL
        }
        var found: UnsafeMutablePointer<UInt8>?
        let result = unsafe SSL_select_next_proto(
            &found, chosenCount, protocolList.baseAddress, UInt32(protocolList.count), offered, offeredCount)
        guard result == OPENSSL_NPN_NEGOTIATED, let found = unsafe found else { return SSL_TLSEXT_ERR_ALERT_FATAL }
        unsafe chosen.pointee = UnsafePointer(found)
        return SSL_TLSEXT_ERR_OK
    }
}
