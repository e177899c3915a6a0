import COpenSSL

/// What clients of leo trust: leo's root, and the system's roots for all the hosts that leo only tunnels.
///
/// Most runtimes that take a CA file take it in place of their own, so the file has to hold both.
public struct TrustBundle: Sendable {
    /// leo's root first, then the system's, each certificate once.
    public let certificates: [Certificate]
    /// How many of them, from the front, are leo's own.
    public let ownCount: Int
    /// Where the system's roots came from; nil if the system has none, and clients then reach only intercepted hosts.
    public let systemPath: String?

    /// The password of the Java trust store, the one that Java itself uses; it hides nothing.
    public static let javaPassword = "changeit"

    /// Reads leo's root and the system's roots, or those of another file in their place.
    public init(rootPath: String, base: TrustSource = .system) throws(CertificateFailure) {
        let own = try Certificate.readAll(path: rootPath)
        systemPath = base.path
        let others = if let path = systemPath { try Certificate.readAll(path: path) } else { [Certificate]() }
        var seen: Set<String> = []
        certificates = (own + others).filter { seen.insert($0.fingerprint).inserted }
        ownCount = Set(own.map(\.fingerprint)).count
    }

    /// All certificates in PEM.
    public var pem: String { certificates.map(\.pem).joined() }

    /// Writes the PEM file, mode 0644, in place of an older one.
    public func writePEM(to path: String) throws(CertificateFailure) {
        let file = try AtomicFile(path: path, mode: 0o644)
        try file.write(pem)
        try file.publish(.replaced)
    }

    /// Writes a PKCS#12 trust store as Java reads it, mode 0644, in place of an older one.
    public func writeJavaTrustStore(to path: String) throws(CertificateFailure) {
        let file = try AtomicFile(path: path, mode: 0o644)
        try JavaTrustStore.write(certificates, ownCount: ownCount, to: file)
        try file.publish(.replaced)
    }
}

/// A PKCS#12 file whose certificates Java takes for trust anchors (RFC 7292, and Java's attribute of its own).
private enum JavaTrustStore {
    /// Java counts a certificate as trusted only with this attribute; the value says for what: anything.
    private static let trustedKeyUsage = "2.16.840.1.113894.746875.1.1"
    private static let anyExtendedKeyUsage = "2.5.29.37.0"

    /// Rounds of key derivation for the checksum. The password is public, so more would only make Java start later.
    private static let checksumRounds: Int32 = 2048

    /// Certificates are public: they are not encrypted, which every Java reads, and the checksum is SHA-256.
    static func write(
        _ certificates: [Certificate], ownCount: Int, to file: AtomicFile
    ) throws(CertificateFailure) {
        OpenSSLErrors.clear()
        guard let bags = unsafe leo_sk_PKCS12_SAFEBAG_new() else { throw .library(OpenSSLErrors.takeReason()) }
        defer { unsafe leo_sk_PKCS12_SAFEBAG_free(bags) }
        for (index, certificate) in certificates.enumerated() {
            // Java finds entries by name, and of two with one name it keeps the last.
            let name = index < ownCount ? "leo-\(index + 1)" : "system-\(index + 1 - ownCount)"
            guard unsafe add(certificate, named: name, to: bags) else { throw .library(OpenSSLErrors.takeReason()) }
        }
        try unsafe write(bags, to: file)
    }

    /// `PKCS12_SAFEBAG_create_cert`, `PKCS12_add_friendlyname_utf8`, `PKCS12_add1_attr_by_txt`
    private static func add(_ certificate: Certificate, named name: String, to bags: OpaquePointer) -> Bool {
        guard let bag = unsafe certificate.withPointer({ x509 in unsafe PKCS12_SAFEBAG_create_cert(x509) }) else {
            return false
        }
        guard let usage = unsafe OBJ_txt2obj(anyExtendedKeyUsage, 1) else {
            unsafe PKCS12_SAFEBAG_free(bag)
            return false
        }
        defer { unsafe ASN1_OBJECT_free(usage) }
        let isMarked =
            unsafe PKCS12_add_friendlyname_utf8(bag, name, Int32(clamping: name.utf8.count)) == 1
            && leo_PKCS12_add1_attr_object(bag, trustedKeyUsage, usage) == 1
        guard isMarked, unsafe leo_sk_PKCS12_SAFEBAG_push(bags, bag) > 0 else {
            unsafe PKCS12_SAFEBAG_free(bag)
            return false
        }
        return true
    }

    /// `PKCS12_add_safe`, `PKCS12_add_safes`, `PKCS12_set_mac`, `i2d_PKCS12_bio`
    private static func write(_ bags: OpaquePointer, to file: AtomicFile) throws(CertificateFailure) {
        var safes: OpaquePointer?
        defer { unsafe leo_sk_PKCS7_free(safes) }
        let password = TrustBundle.javaPassword
        guard unsafe PKCS12_add_safe(&safes, bags, -1, 0, nil) == 1, let store = unsafe PKCS12_add_safes(safes, 0)
        else { throw .library(OpenSSLErrors.takeReason()) }
        defer { unsafe PKCS12_free(store) }
        guard let output = unsafe BIO_new(BIO_s_mem()) else { throw .library(OpenSSLErrors.takeReason()) }
        defer { unsafe BIO_free(output) }
        let isWritten =
            unsafe PKCS12_set_mac(
                store, password, Int32(clamping: password.utf8.count), nil, 0, checksumRounds, EVP_sha256()) == 1
            && i2d_PKCS12_bio(output, store) == 1
        guard isWritten else { throw .library(OpenSSLErrors.takeReason()) }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe leo_BIO_get_mem_data(output, &start)
        try unsafe file.write(UnsafeRawBufferPointer(start: start, count: count))
    }
}
