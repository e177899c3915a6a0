import COpenSSL
import Glibc

/// One private key. It is never printed, and OpenSSL wipes its memory when it is freed.
@safe
final class PrivateKey: @unchecked Sendable {
    // Made or read once; signing with an EVP_PKEY from several threads is allowed.
    private let key: OpaquePointer

    private init(owning key: OpaquePointer) { unsafe self.key = key }

    deinit { unsafe EVP_PKEY_free(key) }

    /// A new key on the curve P-256. `EVP_EC_gen`
    static func makeP256() throws(CertificateFailure) -> PrivateKey {
        OpenSSLErrors.clear()
        guard let made = unsafe leo_EVP_EC_gen("P-256") else { throw .library(OpenSSLErrors.takeReason()) }
        return unsafe PrivateKey(owning: made)
    }

    /// Lends the `EVP_PKEY` for the call.
    func withPointer<Result, Failure: Error>(_ body: (OpaquePointer) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        try unsafe body(key)
    }

    /// Whether `certificate` is about this key. `X509_check_private_key`
    func isKey(of certificate: Certificate) -> Bool {
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        return unsafe certificate.withPointer { x509 in unsafe X509_check_private_key(x509, key) == 1 }
    }

    /// Security of 112 bits and more: what clients at OpenSSL's level 2 accept. `EVP_PKEY_get_security_bits`
    var isStrong: Bool { unsafe EVP_PKEY_get_security_bits(key) >= 112 }

    // MARK: Files

    /// RSA-16384 takes 13 KB of PEM.
    private static let fileBytesMax = 64 * 1024

    /// Reads an unencrypted PEM key from a file that only its owner may read. `PEM_read_bio_PrivateKey`
    static func read(path: String) throws(CertificateFailure) -> PrivateKey {
        let secret = try FileAccess.readSecret(path, byteCountMax: fileBytesMax)
        return try unsafe secret.withBytes { bytes throws(CertificateFailure) in try unsafe parse(bytes, path: path) }
    }

    private static func parse(_ bytes: UnsafeRawBufferPointer, path: String) throws(CertificateFailure) -> PrivateKey {
        OpenSSLErrors.clear()
        guard let input = unsafe BIO_new_mem_buf(bytes.baseAddress, Int32(clamping: bytes.count)) else {
            throw .library(OpenSSLErrors.takeReason())
        }
        defer { unsafe BIO_free(input) }
        if let key = unsafe PEM_read_bio_PrivateKey(input, nil, { _, _, _, _ in noPassPhrase }, nil) {
            return unsafe PrivateKey(owning: key)
        }
        let first = OpenSSLErrors.first()
        let reason = OpenSSLErrors.takeReason()
        if unsafe contains("ENCRYPTED", bytes) { throw .encryptedKey(path: path) }
        if unsafe !contains("PRIVATE KEY-----", bytes) { throw .noKey(path: path) }
        // A block without its last line, or with nothing in it, is no start line either.
        if let first, first.library == ERR_LIB_PEM, first.reason == PEM_R_NO_START_LINE {
            throw .malformedKey(path: path, reason: "the PEM block is cut short")
        }
        throw .malformedKey(path: path, reason: reason)
    }

    private static func contains(_ word: String, _ bytes: UnsafeRawBufferPointer) -> Bool {
        let word = Array(word.utf8)
        guard bytes.count >= word.count else { return false }
        for start in 0...(bytes.count - word.count)
        where unsafe bytes[start..<(start + word.count)].elementsEqual(word) {
            return true
        }
        return false
    }

    /// Writes the key in PKCS#8 PEM, unencrypted, to a new file of mode 0600. `PEM_write_bio_PrivateKey`
    func write(to file: AtomicFile) throws(CertificateFailure) {
        OpenSSLErrors.clear()
        // The memory of this BIO is wiped when it is freed.
        guard let output = unsafe BIO_new(BIO_s_mem()) else { throw .library(OpenSSLErrors.takeReason()) }
        defer { unsafe BIO_free(output) }
        guard unsafe PEM_write_bio_PrivateKey(output, key, nil, nil, 0, nil, nil) == 1 else {
            throw .library(OpenSSLErrors.takeReason())
        }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe leo_BIO_get_mem_data(output, &start)
        try unsafe file.write(UnsafeRawBufferPointer(start: start, count: count))
    }
}
