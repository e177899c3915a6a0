import COpenSSL

/// Keys from keys, and from nothing.
enum KeyDerivation {
    /// HKDF with SHA-256 (RFC 5869): as many bytes as are asked for, 8160 at most; nil when OpenSSL fails.
    /// `EVP_KDF_derive`
    static func derive(_ key: Span<UInt8>, salt: [UInt8], info: [UInt8], byteCount: Int) -> Secret? {
        OpenSSLErrors.clear()
        var out = [UInt8](repeating: 0, count: byteCount)
        defer { unsafe out.withUnsafeMutableBytes { unsafe Secret.wipe($0) } }
        let isMade = unsafe key.withUnsafeBytes { key in
            let start = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self)
            return unsafe leo_hkdf_sha256(start, key.count, salt, salt.count, info, info.count, &out, out.count) == 1
        }
        OpenSSLErrors.clear()
        return isMade ? Secret(copying: out.span) : nil
    }

    /// Random bytes; nil when OpenSSL has no randomness to give. `RAND_priv_bytes`
    static func random(byteCount: Int) -> Secret? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        defer { unsafe bytes.withUnsafeMutableBytes { unsafe Secret.wipe($0) } }
        guard unsafe RAND_priv_bytes(&bytes, Int32(clamping: byteCount)) == 1 else { return nil }
        return Secret(copying: bytes.span)
    }
}
