import COpenSSL

/// HMAC with SHA-256 (RFC 2104) under one key, of messages that lie in two pieces of memory: nothing is copied. For any
/// number of threads at once.
@safe
final class MessageAuthenticator: @unchecked Sendable {
    /// Set up with the key in init, and then only duplicated.
    private let template: OpaquePointer

    /// How many bytes a code has.
    static let byteCount = 32

    /// nil when OpenSSL fails. `EVP_MAC_init`
    init?(_ secret: Secret) {
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        guard let method = unsafe EVP_MAC_fetch(nil, "HMAC", nil) else { return nil }
        // A context holds its method itself.
        defer { unsafe EVP_MAC_free(method) }
        guard let context = unsafe EVP_MAC_CTX_new(method) else { return nil }
        let isKeyed = secret.withBytes { key in
            unsafe key.withUnsafeBytes { key in
                let start = unsafe key.baseAddress?.assumingMemoryBound(to: UInt8.self)
                return unsafe leo_mac_init_sha256(context, start, key.count) == 1
            }
        }
        guard isKeyed else {
            unsafe EVP_MAC_CTX_free(context)
            return nil
        }
        unsafe template = context
    }

    /// `EVP_MAC_CTX_free`, which wipes what the key has left there.
    deinit { unsafe EVP_MAC_CTX_free(template) }

    /// The code of `first` and `second`, one after the other; nil when OpenSSL fails. `EVP_MAC_final`
    func code(of first: Span<UInt8>, _ second: Span<UInt8>) -> InlineArray<32, UInt8>? {
        guard let context = unsafe EVP_MAC_CTX_dup(template) else { return nil }
        defer { unsafe EVP_MAC_CTX_free(context) }
        var code = InlineArray<32, UInt8>(repeating: 0)
        var count = 0
        let isMade = unsafe Self.update(context, first) && Self.update(context, second)
        guard isMade else { return nil }
        var place = code.mutableSpan
        let isEnded = unsafe place.withUnsafeMutableBufferPointer { code in
            unsafe EVP_MAC_final(context, code.baseAddress, &count, code.count) == 1
        }
        return isEnded && count == Self.byteCount ? code : nil
    }

    /// `EVP_MAC_update`
    private static func update(_ context: OpaquePointer, _ bytes: Span<UInt8>) -> Bool {
        if bytes.isEmpty { return true }
        return unsafe bytes.withUnsafeBytes { bytes in
            unsafe EVP_MAC_update(context, bytes.baseAddress?.assumingMemoryBound(to: UInt8.self), bytes.count) == 1
        }
    }
}
