import COpenSSL

/// What a certificate is going to say, before somebody signs it.
struct CertificateDraft {
    /// An extension by OpenSSL's number and in the words of its x509v3_config manual.
    struct Extension {
        let number: Int32
        let words: String
    }

    /// Name parts from the outside in, like ("O", "leo").
    var subject: [(field: String, value: String)]
    /// Seconds since 1970.
    var validFromSeconds: Int64
    /// Seconds since 1970.
    var expiresAtSeconds: Int64
    /// In the order in which they are written.
    var extensions: [Extension]

    /// Twice what the browsers' rules ask for, and no counter that tells how many there are.
    private static let serialBits: Int32 = 128

    /// Makes the certificate for `key`, signed with SHA-256 by `issuerKey`; without an issuer it is a root's own.
    func sign(
        for key: PrivateKey, issuer: Certificate?, issuerKey: PrivateKey
    ) throws(CertificateFailure) -> Certificate {
        OpenSSLErrors.clear()
        guard let x509 = unsafe X509_new() else { throw .library(OpenSSLErrors.takeReason()) }
        let certificate = unsafe Certificate(owning: x509)
        let isFilled =
            unsafe X509_set_version(x509, Int(X509_VERSION_3)) == 1
            && Self.setSerial(of: x509)
            && ASN1_TIME_set(X509_getm_notBefore(x509), Int(validFromSeconds)) != nil
            && ASN1_TIME_set(X509_getm_notAfter(x509), Int(expiresAtSeconds)) != nil
            && setNames(of: x509, issuer: issuer)
            && key.withPointer { key in unsafe X509_set_pubkey(x509, key) == 1 }
            && addExtensions(to: x509, issuer: issuer ?? certificate)
            && issuerKey.withPointer { key in unsafe X509_sign(x509, key, Self.digest(for: key)) > 0 }
        guard isFilled else { throw .library(OpenSSLErrors.takeReason()) }
        return certificate
    }

    private static func setSerial(of x509: OpaquePointer) -> Bool {
        guard let number = unsafe BN_new() else { return false }
        defer { unsafe BN_free(number) }
        return unsafe BN_rand(number, serialBits, BN_RAND_TOP_ANY, BN_RAND_BOTTOM_ANY) == 1
            && BN_to_ASN1_INTEGER(number, X509_get_serialNumber(x509)) != nil
    }

    private func setNames(of x509: OpaquePointer, issuer: Certificate?) -> Bool {
        guard let name = unsafe X509_get_subject_name(x509) else { return false }
        for part in subject {
            let isAdded = unsafe X509_NAME_add_entry_by_txt(
                name, part.field, MBSTRING_UTF8, part.value, Int32(clamping: part.value.utf8.count), -1, 0)
            if isAdded != 1 { return false }
        }
        guard let issuer else { return unsafe X509_set_issuer_name(x509, name) == 1 }
        return unsafe issuer.withPointer { issuer in
            unsafe X509_set_issuer_name(x509, X509_get_subject_name(issuer)) == 1
        }
    }

    private func addExtensions(to x509: OpaquePointer, issuer: Certificate) -> Bool {
        unsafe issuer.withPointer { issuer in
            var context = unsafe X509V3_CTX()
            unsafe X509V3_set_ctx(&context, issuer, x509, nil, nil, 0)
            for item in extensions {
                guard let made = unsafe X509V3_EXT_conf_nid(nil, &context, item.number, item.words) else {
                    return false
                }
                defer { unsafe X509_EXTENSION_free(made) }
                guard unsafe X509_add_ext(x509, made, -1) == 1 else { return false }
            }
            return true
        }
    }

    /// The Edwards curves bring their own digest and take no other.
    private static func digest(for key: OpaquePointer) -> OpaquePointer? {
        let hasOwn = unsafe EVP_PKEY_is_a(key, "ED25519") == 1 || EVP_PKEY_is_a(key, "ED448") == 1
        return unsafe hasOwn ? nil : EVP_sha256()
    }
}
