import COpenSSL

/// HMAC with SHA-256 (RFC 2104) under one key, of messages that lie in two pieces of memory: nothing is copied and nothing
/// allocated. For any number of threads at once.
@safe
final class MessageAuthenticator: @unchecked Sendable {
    /// Set up with the key in init, and then only read.
    private let state: UnsafeMutablePointer<leo_hmac_sha256_key>

    /// How many bytes a code has.
    static let byteCount = 32

    init(_ secret: Secret) {
        let state = UnsafeMutablePointer<leo_hmac_sha256_key>.allocate(capacity: 1)
        unsafe state.initialize(to: leo_hmac_sha256_key())
        secret.withBytes { key in
            unsafe key.withUnsafeBytes { key in
                unsafe leo_hmac_sha256_init(state, key.baseAddress?.assumingMemoryBound(to: UInt8.self), key.count)
            }
        }
        unsafe self.state = unsafe state
    }

    deinit {
        unsafe OPENSSL_cleanse(state, MemoryLayout<leo_hmac_sha256_key>.size)
        unsafe state.deallocate()
    }

    /// The code of `first` and `second`, one after the other.
    func code(of first: Span<UInt8>, _ second: Span<UInt8> = Span()) -> InlineArray<32, UInt8> {
        var code = InlineArray<32, UInt8>(repeating: 0)
        var place = code.mutableSpan
        unsafe place.withUnsafeMutableBufferPointer { code in
            unsafe first.withUnsafeBytes { first in
                unsafe second.withUnsafeBytes { second in
                    unsafe leo_hmac_sha256(
                        state, first.baseAddress?.assumingMemoryBound(to: UInt8.self), first.count,
                        second.baseAddress?.assumingMemoryBound(to: UInt8.self), second.count, code.baseAddress)
                }
            }
        }
        return code
    }
}
