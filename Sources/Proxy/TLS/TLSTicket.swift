import COpenSSL
import Synchronization

/// A session that an upstream is willing to take up again, for one new connection.
///
/// It remembers for which context and name the upstream was verified, because a resumed handshake verifies nothing
/// anew: offered anywhere else it is passed over. Used once, as TLS 1.3 asks for (RFC 8446 appendix C.4).
@safe
final class TLSTicket: @unchecked Sendable {
    // The pointer never changes, OpenSSL counts references atomically and does not write to a session that is done,
    // and `isSpent` lets exactly one connection have it.
    private let session: OpaquePointer
    private let context: TLSClientContext
    private let peerName: String
    private let verifiedSeconds: Int64
    private let isSpent = Atomic(false)

    /// However often a session is taken up, an upstream is verified anew after this long.
    static let unverifiedSecondsMax: Int64 = 24 * 3600

    private init(
        owning session: OpaquePointer, context: TLSClientContext, peerName: String, verifiedSeconds: Int64
    ) {
        unsafe self.session = session
        self.context = context
        self.peerName = peerName
        self.verifiedSeconds = verifiedSeconds
    }

    deinit { unsafe SSL_SESSION_free(session) }

    /// Lets `ssl`, which has not begun, offer this session, if it may. `SSL_set_session`
    ///
    /// `ssl` is lent for the call. Returns when the upstream was verified, or nil if nothing is offered; then the
    /// handshake is a full one, which is always right. `now` is in monotonic seconds.
    func spend(on ssl: OpaquePointer, context: TLSClientContext, peerName: String, now: Int64) -> Int64? {
        guard mayBeOffered(context: context, peerName: peerName, now: now),
            isSpent.exchange(true, ordering: .relaxed) == false
        else { return nil }
        OpenSSLErrors.clear()
        guard unsafe SSL_set_session(ssl, session) == 1 else {
            OpenSSLErrors.clear()
            return nil
        }
        return verifiedSeconds
    }

    /// Whether a connection of this context to this name may rest on it, if it is not spent.
    func mayBeOffered(context: TLSClientContext, peerName: String, now: Int64) -> Bool {
        context === self.context && peerName == self.peerName && now - verifiedSeconds < Self.unverifiedSecondsMax
            && isCertificateValid
    }

    /// Whether the certificate that was verified when the session began is still valid.
    private var isCertificateValid: Bool {
        guard let certificate = unsafe SSL_SESSION_get0_peer(session) else { return false }
        return unsafe X509_cmp_current_time(X509_get0_notAfter(certificate)) > 0
    }

    // MARK: Where tickets come from

    /// Where an `SSL` keeps the newest session until somebody takes it; freed with it. `SSL_get_ex_new_index`
    private static let slot = unsafe leo_SSL_get_ex_new_index { _, session, _, _, _, _ in
        if let session = unsafe session { unsafe SSL_SESSION_free(OpaquePointer(session)) }
    }

    /// Makes every connection of `context` keep the newest session its peer sends. `SSL_CTX_sess_set_new_cb`
    static func capture(from context: OpaquePointer) {
        unsafe SSL_CTX_sess_set_new_cb(context) { ssl, session in unsafe TLSTicket.keep(session, on: ssl) }
    }

    /// Called by OpenSSL; 1 says that the reference is ours now.
    private static func keep(_ session: OpaquePointer?, on ssl: OpaquePointer?) -> Int32 {
        guard let session = unsafe session, let ssl = unsafe ssl, slot >= 0 else { return 0 }
        let older = unsafe SSL_get_ex_data(ssl, slot)
        guard unsafe SSL_set_ex_data(ssl, slot, UnsafeMutableRawPointer(session)) == 1 else { return 0 }
        if let older = unsafe older { unsafe SSL_SESSION_free(OpaquePointer(older)) }
        return 1
    }

    /// Takes the newest session that `ssl` kept, or under TLS 1.2, if `mayRepeat`, the one it rests on.
    ///
    /// `ssl` is lent for the call.
    static func take(
        from ssl: OpaquePointer, mayRepeat: Bool, context: TLSClientContext, peerName: String, verifiedSeconds: Int64
    ) -> TLSTicket? {
        var session: OpaquePointer?
        if slot >= 0, let kept = unsafe SSL_get_ex_data(ssl, slot), unsafe SSL_set_ex_data(ssl, slot, nil) == 1 {
            unsafe session = OpaquePointer(kept)
        } else if mayRepeat, unsafe SSL_version(ssl) == TLS1_2_VERSION {
            unsafe session = SSL_get1_session(ssl)
        }
        guard let session = unsafe session else { return nil }
        return unsafe TLSTicket(
            owning: session, context: context, peerName: peerName, verifiedSeconds: verifiedSeconds)
    }
}
