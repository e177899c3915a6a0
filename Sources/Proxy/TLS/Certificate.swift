import COpenSSL
import Glibc

/// One X.509 certificate, read or made, and never changed.
@safe
public final class Certificate: @unchecked Sendable {
    // What OpenSSL caches in an X509 on first use, it caches under a lock.
    private let x509: OpaquePointer

    /// Takes over the reference. `X509_free` when this object goes.
    init(owning x509: OpaquePointer) { unsafe self.x509 = x509 }

    deinit { unsafe X509_free(x509) }

    /// Lends the `X509` for the call.
    func withPointer<Result, Failure: Error>(_ body: (OpaquePointer) throws(Failure) -> Result) throws(Failure)
        -> Result
    {
        try unsafe body(x509)
    }

    // MARK: Facts

    /// The subject as "CN=…, O=…" (RFC 2253 order). `X509_NAME_print_ex`
    public var subject: String {
        unsafe Self.text { output in
            unsafe X509_NAME_print_ex(output, X509_get_subject_name(x509), 0, leo_XN_FLAG_RFC2253()) >= 0
        }
    }

    /// When it expires, in seconds since 1970. `X509_get0_notAfter`
    public var expiresAtSeconds: Int64 { unsafe Self.seconds(X509_get0_notAfter(x509)) ?? 0 }

    /// From when on it is valid, in seconds since 1970. `X509_get0_notBefore`
    public var validFromSeconds: Int64 { unsafe Self.seconds(X509_get0_notBefore(x509)) ?? .max }

    /// The SHA-256 fingerprint as browsers and `openssl x509 -fingerprint` print it. `X509_digest`
    public var fingerprint: String {
        var digest = [UInt8](repeating: 0, count: Int(EVP_MAX_MD_SIZE))
        var count: UInt32 = 0
        guard unsafe X509_digest(x509, EVP_sha256(), &digest, &count) == 1 else { return "" }
        return digest.prefix(Int(count)).map(Self.hexadecimal).joined(separator: ":")
    }

    /// The certificate in PEM. `PEM_write_bio_X509`
    public var pem: String { unsafe Self.text { output in unsafe PEM_write_bio_X509(output, x509) == 1 } }

    /// Whether it is signed by itself: a root. `X509_check_issued`
    var isSelfSigned: Bool { isIssued(by: self) }

    /// Whether `issuer` can have signed it, by names, key identifiers and key usage. `X509_check_issued`
    func isIssued(by issuer: Certificate) -> Bool {
        unsafe issuer.withPointer { issuer in unsafe X509_check_issued(issuer, x509) == X509_V_OK }
    }

    /// Whether it has a subject key identifier, for others to refer to. `X509_get0_subject_key_id`
    var hasKeyIdentifier: Bool { unsafe X509_get0_subject_key_id(x509) != nil }

    /// Why this certificate may not sign certificates of servers; nil if it may. `X509_check_ca`
    var flawAsAuthority: String? {
        if unsafe X509_check_ca(x509) != 1 { return "it is no CA certificate (basicConstraints CA:TRUE, keyCertSign)" }
        let usage = unsafe X509_get_extended_key_usage(x509)
        // All bits set: there is no such extension.
        if usage == UInt32.max || usage & UInt32(XKU_SSL_SERVER | XKU_ANYEKU) != 0 { return nil }
        return "its extended key usage leaves out serverAuth"
    }

    /// What its name constraints permit and exclude; nil without that extension.
    var nameConstraints: SignedNameConstraints? { unsafe SignedNameConstraints(reading: x509) }

    // MARK: Reading

    /// A bundle of a thousand roots takes 2 MB.
    private static let fileBytesMax = 16 * 1024 * 1024

    /// All certificates of a PEM file, in order, at least one. Other PEM blocks and text between are passed over.
    public static func readAll(path: String) throws(CertificateFailure) -> [Certificate] {
        try parseAll(pem: FileAccess.read(path, byteCountMax: fileBytesMax), path: path)
    }

    /// All certificates of a PEM text; `path` is what messages call it. `PEM_read_bio_X509`
    static func parseAll(pem: [UInt8], path: String) throws(CertificateFailure) -> [Certificate] {
        OpenSSLErrors.clear()
        guard let length = Int32(exactly: pem.count) else { throw .noCertificate(path: path) }
        var found: [Certificate] = []
        // The stop's kind leaves the closure as a value, because the pointer must not.
        let stop: (library: Int32, reason: Int32)? = unsafe pem.withUnsafeBytes { bytes in
            guard let input = unsafe BIO_new_mem_buf(bytes.baseAddress, length) else { return OpenSSLErrors.first() }
            defer { unsafe BIO_free(input) }
            while let x509 = unsafe PEM_read_bio_X509(input, nil, { _, _, _, _ in noPassPhrase }, nil) {
                unsafe found.append(Certificate(owning: x509))
            }
            return OpenSSLErrors.first()
        }
        // "No start line" is how OpenSSL says that the text has ended.
        if let stop, stop.library != ERR_LIB_PEM || stop.reason != PEM_R_NO_START_LINE {
            throw .malformedCertificate(path: path, position: found.count + 1, reason: OpenSSLErrors.takeReason())
        }
        OpenSSLErrors.clear()
        guard !found.isEmpty else { throw .noCertificate(path: path) }
        return found
    }

    private static func seconds(_ time: UnsafePointer<ASN1_TIME>?) -> Int64? {
        var fields = unsafe tm()
        guard unsafe ASN1_TIME_to_tm(time, &fields) == 1 else { return nil }
        return unsafe Int64(timegm(&fields))
    }

    private static func hexadecimal(_ byte: UInt8) -> String {
        (byte < 16 ? "0" : "") + String(byte, radix: 16, uppercase: true)
    }

    /// What `print` writes into a memory BIO, as text.
    private static func text(_ print: (OpaquePointer) -> Bool) -> String {
        guard let output = unsafe BIO_new(BIO_s_mem()) else { return "" }
        defer { unsafe BIO_free(output) }
        guard unsafe print(output) else { return "" }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe leo_BIO_get_mem_data(output, &start)
        guard let start = unsafe start, count > 0 else { return "" }
        return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

/// The answer to OpenSSL's question for a pass phrase, which it would else put to the terminal: there is none.
let noPassPhrase: Int32 = -1
