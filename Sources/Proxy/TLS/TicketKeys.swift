import COpenSSL
import Glibc
import Synchronization

/// The keys that session tickets are sealed with: one set for the process, so that a client may resume on any thread
/// and on any context of the same host. Never written anywhere; a restart makes every client do a full handshake.
///
/// A ticket is AES-256-CBC under HMAC-SHA-256 (RFC 5077 section 4), opened by the current key or the one before.
final class TicketKeys: Sendable {
    static let shared = TicketKeys()

    /// A stolen key opens the resumptions of this long, and twice as long at most.
    static let rotationSeconds: Int64 = 4 * 3600
    /// How long a client may come back with a ticket; no longer than a key that has been replaced is kept.
    static let ticketSeconds = 4 * 3600

    private struct Keys {
        var current: TicketKey?
        var previous: TicketKey?
    }

    private let keys = Mutex(Keys())

    /// The key to seal with at `now` (monotonic seconds), made when it is time; nil if there is no randomness.
    func sealingKey(at now: Int64) -> TicketKey? {
        keys.withLock { keys in
            Self.advance(&keys, to: now)
            return keys.current
        }
    }

    /// The key called `name`, and whether it has been replaced; nil if leo has none of that name (any more).
    func openingKey(named name: [UInt8], at now: Int64) -> (key: TicketKey, isReplaced: Bool)? {
        keys.withLock { keys in
            Self.advance(&keys, to: now)
            if let key = keys.current, key.name == name { return (key, false) }
            if let key = keys.previous, key.name == name { return (key, true) }
            return nil
        }
    }

    private static func advance(_ keys: inout Keys, to now: Int64) {
        let age = keys.current.map { now - $0.bornSeconds } ?? .max
        guard age >= rotationSeconds else { return }
        keys.previous = age < 2 * rotationSeconds ? keys.current : nil
        keys.current = TicketKey(bornSeconds: now)
    }

    /// Makes the connections of `context`, lent for the call, use these keys. `SSL_CTX_set_tlsext_ticket_key_evp_cb`
    static func use(in context: OpaquePointer) -> Bool {
        unsafe SSL_CTX_set_tlsext_ticket_key_evp_cb(context) { ssl, name, vector, cipher, code, isSealing in
            unsafe TicketKeys.prepare(ssl, name, vector, cipher, code, isSealing: isSealing == 1)
        } == 1
    }

    /// Called by OpenSSL: 1 good, 2 good but give out a new ticket, 0 no such key, -1 broken.
    private static func prepare(
        _ ssl: OpaquePointer?, _ name: UnsafeMutablePointer<UInt8>?, _ vector: UnsafeMutablePointer<UInt8>?,
        _ cipher: OpaquePointer?, _ code: OpaquePointer?, isSealing: Bool
    ) -> Int32 {
        guard let name = unsafe name, let vector = unsafe vector, let cipher = unsafe cipher, let code = unsafe code
        else { return -1 }
        if isSealing {
            // Without a key there is no ticket, and the connection goes on.
            guard let key = shared.sealingKey(at: MonotonicTime.current().seconds) else { return 0 }
            return unsafe key.seal(name: name, vector: vector, cipher: cipher, code: code) ? 1 : -1
        }
        let sent = unsafe Array(UnsafeBufferPointer(start: name, count: TicketKey.nameBytes))
        guard let (key, isReplaced) = shared.openingKey(named: sent, at: MonotonicTime.current().seconds) else {
            return 0
        }
        guard unsafe key.open(vector: vector, cipher: cipher, code: code) else { return -1 }
        // A TLS 1.3 client uses a ticket once and needs the next one.
        return unsafe isReplaced || SSL_version(ssl) == TLS1_3_VERSION ? 2 : 1
    }

}

/// One ticket key; its memory is wiped when nobody uses it any more.
@safe
final class TicketKey: @unchecked Sendable {
    // Filled in init and then only read.
    private let secret: UnsafeMutablePointer<UInt8>
    /// What tickets call it, in the clear.
    let name: [UInt8]
    /// Monotonic seconds.
    let bornSeconds: Int64

    static let nameBytes = 16
    private static let cipherKeyBytes = 32
    private static let codeKeyBytes = 32

    /// A new random key, nil if OpenSSL has no randomness to give. `RAND_bytes`, `RAND_priv_bytes`
    init?(bornSeconds: Int64) {
        OpenSSLErrors.clear()
        let byteCount = Self.cipherKeyBytes + Self.codeKeyBytes
        unsafe secret = .allocate(capacity: byteCount)
        unsafe secret.initialize(repeating: 0, count: byteCount)
        var name = [UInt8](repeating: 0, count: Self.nameBytes)
        let isRandom =
            unsafe RAND_priv_bytes(secret, Int32(byteCount)) == 1 && RAND_bytes(&name, Int32(Self.nameBytes)) == 1
        self.name = name
        self.bornSeconds = bornSeconds
        if !isRandom {
            OpenSSLErrors.clear()
            return nil
        }
    }

    deinit {
        unsafe OPENSSL_cleanse(secret, Self.cipherKeyBytes + Self.codeKeyBytes)
        unsafe secret.deallocate()
    }

    /// Writes name and a random vector into the ticket and sets up the contexts; all pointers are lent.
    func seal(
        name place: UnsafeMutablePointer<UInt8>, vector: UnsafeMutablePointer<UInt8>, cipher: OpaquePointer,
        code: OpaquePointer
    ) -> Bool {
        for index in 0..<Self.nameBytes { unsafe place[index] = name[index] }
        return unsafe RAND_bytes(vector, EVP_CIPHER_get_iv_length(EVP_aes_256_cbc())) == 1
            && EVP_EncryptInit_ex(cipher, EVP_aes_256_cbc(), nil, secret, vector) == 1
            && leo_ticket_mac_set_key(code, secret + Self.cipherKeyBytes, Self.codeKeyBytes) == 1
    }

    /// Sets up the contexts to open a ticket; all pointers are lent.
    func open(vector: UnsafeMutablePointer<UInt8>, cipher: OpaquePointer, code: OpaquePointer) -> Bool {
        unsafe EVP_DecryptInit_ex(cipher, EVP_aes_256_cbc(), nil, secret, vector) == 1
            && leo_ticket_mac_set_key(code, secret + Self.cipherKeyBytes, Self.codeKeyBytes) == 1
    }
}
