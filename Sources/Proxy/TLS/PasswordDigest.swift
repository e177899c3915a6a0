import COpenSSL
import Policy
import Wire

/// scrypt (RFC 7914) by OpenSSL: making hashes for the file, and testing passwords against them.
///
/// A computation takes tens of milliseconds and megabytes: never on an event loop.
enum PasswordDigest {
    /// The salt and digest that `leo hash` makes: of 128 and of 256 bits.
    private static let saltByteCount = 16
    private static let digestByteCount = 32

    /// A new hash of `password` with a random salt; nil when OpenSSL has no randomness or memory to give.
    static func make(_ password: Span<UInt8>, cost: ScryptCost = .standard) -> PasswordHash? {
        guard let salt = random(byteCount: saltByteCount),
            let digest = compute(password, salt: salt, cost: cost, byteCount: digestByteCount)
        else { return nil }
        return PasswordHash(cost: cost, salt: salt, digest: digest)
    }

    /// A hash that no password fits: what stands for users that do not exist, so that they cost what others do.
    static func makeDummy(cost: ScryptCost) -> PasswordHash? {
        guard let salt = random(byteCount: saltByteCount), let digest = random(byteCount: digestByteCount) else {
            return nil
        }
        return PasswordHash(cost: cost, salt: salt, digest: digest)
    }

    /// Whether `password` is the one of `hash`. The time does not tell how much of the digest is right.
    static func verify(_ password: Span<UInt8>, against hash: PasswordHash) -> Bool {
        guard let digest = compute(password, salt: hash.salt, cost: hash.cost, byteCount: hash.digest.count) else {
            return false
        }
        return unsafe CRYPTO_memcmp(digest, hash.digest, digest.count) == 0
    }

    /// `EVP_PBE_scrypt`
    private static func compute(
        _ password: Span<UInt8>, salt: [UInt8], cost: ScryptCost, byteCount: Int
    ) -> [UInt8]? {
        OpenSSLErrors.clear()
        var digest = [UInt8](repeating: 0, count: byteCount)
        // The blocks of p and a scratch block come on top of what RFC 7914 section 2 counts.
        let memory = cost.memoryByteCount + 256 * cost.blockSize * (cost.parallelism + 2)
        let isMade = unsafe password.withUnsafeBytes { password in
            // OpenSSL takes a null pointer for "no password, no output".
            let start = unsafe password.baseAddress?.assumingMemoryBound(to: CChar.self)
            guard let start = unsafe start else { return false }
            return unsafe EVP_PBE_scrypt(
                start, password.count, salt, salt.count, 1 << UInt64(cost.costExponent), UInt64(cost.blockSize),
                UInt64(cost.parallelism), UInt64(memory), &digest, digest.count) == 1
        }
        OpenSSLErrors.clear()
        return isMade ? digest : nil
    }

    /// `RAND_bytes`
    private static func random(byteCount: Int) -> [UInt8]? {
        var bytes = [UInt8](repeating: 0, count: byteCount)
        return unsafe RAND_bytes(&bytes, Int32(clamping: byteCount)) == 1 ? bytes : nil
    }
}

/// A digest under a key that only this process has: stands for credentials in a table without giving them away.
struct KeyedDigest: Hashable, Sendable {
    private let words: InlineArray<4, UInt64>

    static func == (left: KeyedDigest, right: KeyedDigest) -> Bool {
        // All words every time: which part differs must not be told by the time it takes.
        var difference: UInt64 = 0
        for index in 0..<4 { difference |= left.words[index] ^ right.words[index] }
        return difference == 0
    }

    func hash(into hasher: inout Hasher) { for index in 0..<4 { hasher.combine(words[index]) } }

    /// The key, random and never written anywhere.
    final class Key: Sendable {
        private let authenticator: MessageAuthenticator

        /// nil when OpenSSL has no randomness to give. `RAND_priv_bytes`
        init?() {
            var bytes = [UInt8](repeating: 0, count: 32)
            guard unsafe RAND_priv_bytes(&bytes, 32) == 1 else { return nil }
            authenticator = MessageAuthenticator(Secret(copying: bytes.span))
            unsafe bytes.withUnsafeMutableBytes { unsafe Secret.wipe($0) }
        }

        /// A key that was made elsewhere.
        init(_ secret: Secret) { authenticator = MessageAuthenticator(secret) }

        /// HMAC-SHA-256 of the bytes.
        func digest(of bytes: Span<UInt8>) -> KeyedDigest { KeyedDigest(code(of: bytes)) }

        /// The 32 bytes of it.
        func code(of bytes: Span<UInt8>) -> InlineArray<32, UInt8> { authenticator.code(of: bytes) }
    }

    private init(_ code: InlineArray<32, UInt8>) {
        var words = InlineArray<4, UInt64>(repeating: 0)
        for index in 0..<32 { words[index / 8] = words[index / 8] << 8 | UInt64(code[index]) }
        self.words = words
    }
}
