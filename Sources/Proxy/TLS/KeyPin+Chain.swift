import COpenSSL

extension Certificate {
    /// The pin of this certificate's key; nil if OpenSSL cannot encode it.
    var keyPin: KeyPin? { unsafe withPointer { x509 in unsafe KeyPin(of: x509) } }
}

extension KeyPin {
    /// The pin of the key in `x509`, which is lent for the call. `i2d_X509_PUBKEY`
    init?(of x509: OpaquePointer) {
        var encoded: UnsafeMutablePointer<UInt8>?
        let count = unsafe i2d_X509_PUBKEY(X509_get_X509_PUBKEY(x509), &encoded)
        guard count > 0, let encoded = unsafe encoded else { return nil }
        defer { unsafe CRYPTO_free(encoded, "", 0) }
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var digestCount: UInt32 = 0
        guard unsafe EVP_Digest(encoded, Int(count), &digest, &digestCount, EVP_sha256(), nil) == 1 else { return nil }
        self.init(digest: digest.prefix(Int(digestCount)))
    }

    /// Whether one of `pins` is a key of the chain that `verification`, lent for the call, has built and found good, its
    /// anchor included (RFC 7469 section 2.6).
    static func isAny(of pins: Set<KeyPin>, in verification: OpaquePointer) -> Bool {
        let chain = unsafe X509_STORE_CTX_get0_chain(verification)
        for index in 0..<max(0, unsafe leo_sk_X509_num(chain)) {
            guard let x509 = unsafe leo_sk_X509_value(chain, index), let pin = unsafe KeyPin(of: x509) else { continue }
            if pins.contains(pin) { return true }
        }
        return false
    }
}
