import COpenSSL

/// Where the roots come from that upstreams are verified with.
public enum TrustSource: Sendable, Equatable {
    /// The operating system's bundle. The environment (`SSL_CERT_FILE`) is not asked: it is the application's, and
    /// names leo's own root.
    case system
    /// A PEM file.
    case file(String)

    /// Where the distributions keep their bundle: Debian and Alpine, Red Hat, SUSE, Alpine and the BSDs.
    static let systemPaths = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]

    /// The file that is read; nil if the system has none of the known ones.
    public var path: String? {
        switch self {
        case .system: Self.systemPaths.first { FileAccess.isReadable($0) }
        case .file(let path): path
        }
    }
}

/// Trusted roots, parsed once and shared by every context that uses them.
///
/// Loading 139 roots costs 16 to 19 ms of CPU (OpenSSL 3.0 decodes every public key), the larger part of what leo
/// needs to start. The type is `Sendable`, so this can be done on a helper thread while listeners open.
@safe
public final class TrustStore: @unchecked Sendable {
    // Filled in init and then only read; OpenSSL locks its store on lookups.
    private let store: OpaquePointer
    private let certificates: [Certificate]
    /// How many certificates it holds.
    public let certificateCount: Int
    /// The file they came from.
    public let path: String

    /// Reads the roots. Throws if the file is missing, unreadable, not PEM, or holds no certificate.
    public convenience init(_ source: TrustSource) throws(CertificateFailure) {
        guard let path = source.path else { throw .noSystemTrust(paths: TrustSource.systemPaths) }
        try self.init(certificates: Certificate.readAll(path: path), path: path)
    }

    /// A store of `certificates`; `path` is what messages call it.
    init(certificates: [Certificate], path: String) throws(CertificateFailure) {
        OpenSSLErrors.clear()
        guard let made = unsafe X509_STORE_new() else { throw .library(OpenSSLErrors.takeReason()) }
        unsafe store = made
        certificateCount = certificates.count
        self.certificates = certificates
        self.path = path
        for certificate in certificates {
            let isAdded = unsafe certificate.withPointer { x509 in unsafe X509_STORE_add_cert(made, x509) == 1 }
            guard isAdded else { throw .library(OpenSSLErrors.takeReason()) }
        }
    }

    deinit { unsafe X509_STORE_free(store) }

    /// Makes `context`, lent for the call, verify with these roots. `SSL_CTX_set1_cert_store`
    func apply(to context: OpaquePointer) -> Bool {
        unsafe leo_SSL_CTX_set1_cert_store(context, store) == 1
    }

    /// Tells clients of `context`, lent for the call, whose certificates are wanted (RFC 8446 section 4.2.4), so that
    /// one with several can choose. `SSL_CTX_add_client_CA`
    func announce(in context: OpaquePointer) -> Bool {
        certificates.prefix(Self.announcedCountMax).allSatisfy { certificate in
            unsafe certificate.withPointer { x509 in unsafe SSL_CTX_add_client_CA(context, x509) == 1 }
        }
    }

    /// The list is sent in every handshake; nobody has more CAs of clients than this.
    private static let announcedCountMax = 32
}
