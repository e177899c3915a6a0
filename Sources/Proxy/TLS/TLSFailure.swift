import COpenSSL

/// Why a TLS connection failed: a closed set of kinds, and OpenSSL's own words for the log.
struct TLSFailure: Error, Equatable, Sendable {
    /// What went wrong, as far as leo acts on it or tells it to somebody.
    enum Kind: Equatable, Sendable {
        /// The peer speaks no TLS version that leo speaks (1.2 and 1.3).
        case noSharedVersion
        /// No cipher suite, group or signature algorithm in common.
        case noSharedCipher
        /// The peer offered application protocols, and none is one of ours (RFC 7301 section 3.2).
        case noSharedProtocol
        /// The first bytes are no TLS record: plain HTTP, or anything else.
        case notTLS
        /// The peer sent this alert (RFC 8446 section 6).
        case peerAlert(UInt8)
        /// A certificate of the chain has expired.
        case certificateExpired
        /// A certificate of the chain is not valid yet.
        case certificateNotYetValid
        /// The certificate is for another name or address.
        case certificateName
        /// The certificate is signed by itself and not in the trust store.
        case certificateSelfSigned
        /// The chain does not lead to a trusted root, breaks a constraint on the way, or has a broken signature.
        case certificateUntrusted
        /// A key or a signature of the chain is below 112 bits of security (RSA-1024, SHA-1).
        case certificateWeak
        /// A certificate of the chain is revoked.
        case certificateRevoked
        /// The certificate is good, and none of the keys that the file pins is in its chain.
        case certificatePin
        /// The name to verify against is empty or cannot be a host name.
        case peerNameInvalid
        /// The peer broke the protocol.
        case protocolError
        /// OpenSSL could not do it: out of memory, or a limit of its own.
        case internalError
    }

    /// What went wrong.
    let kind: Kind
    /// OpenSSL's reason in its own words, or leo's; never bytes of the peer.
    let detail: String

    /// Whether a client said by its alert that it does not trust the certificate leo showed.
    var isClientDistrust: Bool {
        guard case .peerAlert(let alert) = kind else { return false }
        return switch alert {
        case TLSAlert.badCertificate, TLSAlert.unsupportedCertificate, TLSAlert.certificateRevoked,
            TLSAlert.certificateExpired, TLSAlert.certificateUnknown, TLSAlert.unknownAuthority:
            true
        default: false
        }
    }
}

/// The alerts that leo knows by number (RFC 8446 section 6).
enum TLSAlert {
    static let badCertificate: UInt8 = 42
    static let unsupportedCertificate: UInt8 = 43
    static let certificateRevoked: UInt8 = 44
    static let certificateExpired: UInt8 = 45
    static let certificateUnknown: UInt8 = 46
    static let unknownAuthority: UInt8 = 48
    static let internalError: UInt8 = 80
    static let unrecognizedName: UInt8 = 112

    /// A fatal alert as a plaintext record, for a connection that is refused before its handshake begins.
    static func fatalRecord(_ alert: UInt8) -> [UInt8] {
        // Content type alert, version 1.2 as every first record may say, two bytes: level fatal and the alert.
        [21, 3, 3, 0, 2, 2, alert]
    }
}

/// OpenSSL's per-thread error queue, read right after a call and never later.
enum OpenSSLErrors {
    /// Forgets what earlier calls left behind, so that what is read after the next call is its own. `ERR_clear_error`
    static func clear() { ERR_clear_error() }

    /// Runs calls that have a use of their own for the queue, in the middle of a call that may have put something into it:
    /// what was there before is there afterwards, and nothing else.
    static func apart<Result>(_ body: () -> Result) -> Result {
        var kept: [UInt] = []
        while true {
            let code = ERR_get_error()
            if code == 0 { break }
            kept.append(code)
        }
        let result = body()
        ERR_clear_error()
        for code in kept { leo_ERR_raise(code) }
        return result
    }

    /// The first error of the last call, in OpenSSL's words; then the queue is empty.
    static func takeReason() -> String {
        let code = ERR_peek_error()
        ERR_clear_error()
        return reason(of: code)
    }

    /// The first error of the last call, as library and reason; nil if there is none.
    static func first() -> (library: Int32, reason: Int32)? {
        let code = ERR_peek_error()
        return code == 0 ? nil : (ERR_GET_LIB(code), ERR_GET_REASON(code))
    }

    /// The first error of the last call that libssl itself reports, else the first of all; then the queue is empty.
    ///
    /// What libcrypto said before it is only why: a signature that does not fit, say, inside a failed verification.
    static func takeFirstOfTLS() -> (library: Int32, reason: Int32, text: String)? {
        let first = ERR_peek_error()
        var code = first
        while code != 0 && ERR_GET_LIB(code) != ERR_LIB_SSL {
            ERR_get_error()
            code = ERR_peek_error()
        }
        ERR_clear_error()
        let chosen = code == 0 ? first : code
        return chosen == 0 ? nil : (ERR_GET_LIB(chosen), ERR_GET_REASON(chosen), reason(of: chosen))
    }

    private static func reason(of code: UInt) -> String {
        guard let text = unsafe ERR_reason_error_string(code) else { return "no reason given" }
        return unsafe String(cString: text)
    }
}

extension TLSFailure {
    /// Reads the error queue after a call failed with `SSL_ERROR_SSL`, and empties it.
    ///
    /// `verifyResult` is what `SSL_get_verify_result` says; it counts only if verification is what failed.
    static func fromQueue(verifyResult: Int, inHandshake: Bool) -> TLSFailure {
        guard let found = OpenSSLErrors.takeFirstOfTLS() else {
            return TLSFailure(kind: .protocolError, detail: "no reason given")
        }
        guard found.library == ERR_LIB_SSL else { return TLSFailure(kind: .protocolError, detail: found.text) }
        if found.reason == SSL_R_CERTIFICATE_VERIFY_FAILED { return certificate(verifyResult) }
        return TLSFailure(kind: kind(reason: found.reason, inHandshake: inHandshake), detail: found.text)
    }

    private static func kind(reason: Int32, inHandshake: Bool) -> Kind {
        // OpenSSL reports a received alert as this offset plus the alert.
        if reason >= SSL_AD_REASON_OFFSET, let alert = UInt8(exactly: reason - SSL_AD_REASON_OFFSET) {
            return .peerAlert(alert)
        }
        switch reason {
        case SSL_R_UNSUPPORTED_PROTOCOL, SSL_R_VERSION_TOO_LOW, SSL_R_VERSION_TOO_HIGH, SSL_R_UNSUPPORTED_SSL_VERSION,
            SSL_R_NO_PROTOCOLS_AVAILABLE:
            return .noSharedVersion
        case SSL_R_NO_SHARED_CIPHER, SSL_R_NO_SUITABLE_KEY_SHARE, SSL_R_NO_SUITABLE_GROUPS,
            SSL_R_NO_SUITABLE_SIGNATURE_ALGORITHM, SSL_R_NO_SHARED_SIGNATURE_ALGORITHMS:
            return .noSharedCipher
        case SSL_R_NO_APPLICATION_PROTOCOL:
            return .noSharedProtocol
        case SSL_R_HTTP_REQUEST, SSL_R_HTTPS_PROXY_REQUEST:
            return .notTLS
        case SSL_R_WRONG_VERSION_NUMBER, SSL_R_UNKNOWN_PROTOCOL, SSL_R_BAD_RECORD_TYPE:
            // Later in a connection these are records that a TLS peer got wrong.
            return inHandshake ? .notTLS : .protocolError
        case SSL_R_EE_KEY_TOO_SMALL, SSL_R_CA_KEY_TOO_SMALL, SSL_R_CA_MD_TOO_WEAK, SSL_R_DH_KEY_TOO_SMALL:
            return .certificateWeak
        case Int32(ERR_R_MALLOC_FAILURE), Int32(ERR_R_INTERNAL_ERROR):
            return .internalError
        default:
            return .protocolError
        }
    }

    /// The failure for a result of certificate verification (`X509_V_ERR_…`).
    static func certificate(_ verifyResult: Int) -> TLSFailure {
        // leo's own check is the only one that says so.
        if Int32(truncatingIfNeeded: verifyResult) == X509_V_ERR_APPLICATION_VERIFICATION {
            return TLSFailure(kind: .certificatePin, detail: "no key of its chain is pinned in upstream.tls")
        }
        let kind: Kind =
            switch Int32(truncatingIfNeeded: verifyResult) {
            case X509_V_ERR_CERT_HAS_EXPIRED: .certificateExpired
            case X509_V_ERR_CERT_NOT_YET_VALID: .certificateNotYetValid
            case X509_V_ERR_HOSTNAME_MISMATCH, X509_V_ERR_IP_ADDRESS_MISMATCH: .certificateName
            case X509_V_ERR_DEPTH_ZERO_SELF_SIGNED_CERT: .certificateSelfSigned
            case X509_V_ERR_EE_KEY_TOO_SMALL, X509_V_ERR_CA_KEY_TOO_SMALL, X509_V_ERR_CA_MD_TOO_WEAK: .certificateWeak
            case X509_V_ERR_CERT_REVOKED: .certificateRevoked
            case X509_V_ERR_OUT_OF_MEM: .internalError
            default: .certificateUntrusted
            }
        let detail = unsafe String(cString: X509_verify_cert_error_string(verifyResult))
        return TLSFailure(kind: kind, detail: detail)
    }
}
