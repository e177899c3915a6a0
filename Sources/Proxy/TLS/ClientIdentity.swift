import COpenSSL

/// What leo shows to a server that asks for a client certificate: the certificate, what leads from it to its root, and
/// its key. Read once and checked to fit together.
struct ClientIdentity: Sendable {
    private let leaf: Certificate
    private let chain: [Certificate]
    private let key: PrivateKey

    /// Reads the certificate and, after it in the same file, its chain. Throws if a file cannot be read, if others may
    /// read the key, if it is encrypted, weak or another certificate's, or if the chain is out of order.
    init(certificatePath: String, keyPath: String) throws(CertificateFailure) {
        let certificates = try Certificate.readAll(path: certificatePath)
        try self.init(
            certificates: certificates, certificatePath: certificatePath, key: PrivateKey.read(path: keyPath),
            keyPath: keyPath)
    }

    /// The same from what was read; the certificates are at least one.
    init(certificates: [Certificate], certificatePath: String, key: PrivateKey, keyPath: String)
        throws(CertificateFailure)
    {
        guard let leaf = certificates.first else { throw .noCertificate(path: certificatePath) }
        guard key.isStrong else { throw .weakKey(path: keyPath) }
        guard key.isKey(of: leaf) else { throw .keyMismatch(certificatePath: certificatePath, keyPath: keyPath) }
        for (certificate, next) in zip(certificates, certificates.dropFirst()) where !certificate.isIssued(by: next) {
            throw .brokenChain(path: certificatePath, subject: certificate.subject, next: next.subject)
        }
        self.leaf = leaf
        chain = Array(certificates.dropFirst())
        self.key = key
    }

    /// Whom the certificate is for.
    var subject: String { leaf.subject }

    /// When the certificate expires, in seconds since 1970.
    var expiresAtSeconds: Int64 { leaf.expiresAtSeconds }

    /// Makes `context`, lent for the call, show it. `SSL_CTX_use_certificate`, `SSL_CTX_use_PrivateKey`
    func apply(to context: OpaquePointer) -> Bool {
        guard unsafe leaf.withPointer({ leaf in unsafe SSL_CTX_use_certificate(context, leaf) == 1 }),
            unsafe key.withPointer({ key in unsafe SSL_CTX_use_PrivateKey(context, key) == 1 })
        else { return false }
        return chain.allSatisfy { certificate in
            unsafe certificate.withPointer { x509 in unsafe leo_SSL_CTX_add1_chain_cert(context, x509) == 1 }
        }
    }
}
