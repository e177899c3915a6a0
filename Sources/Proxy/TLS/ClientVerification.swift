import COpenSSL
import Policy

/// Asks clients of a TLS listener for a certificate: mutual TLS (RFC 8446 section 4.3.2).
///
/// A certificate that is shown is always verified, chain, validity and purpose (clientAuth), and a bad one ends the
/// handshake. Sessions are not resumed then: a CA that is taken out of the file, or a certificate that has expired,
/// counts from the next connection on.
struct ClientVerification: Sendable {
    /// The CAs that sign clients' certificates.
    let authorities: TrustStore
    /// Whether a client without a certificate is turned away in the handshake. Otherwise it may still name itself by
    /// user and password.
    let isRequired: Bool

    /// Reads `listen.tls.client_ca` for a file with these tenants: a certificate is required unless some client may be
    /// known by something else, or be nobody in particular. Without tenants it is, or asking would be for nothing.
    init(path: String, for tenants: TenantTable) throws(CertificateFailure) {
        let isDispensable =
            tenants.hasDefault || tenants.hasUsers || tenants.rows.contains { $0.certificates.isEmpty }
        try self.init(path: path, isRequired: !isDispensable)
    }

    /// Reads the CAs of a PEM file.
    init(path: String, isRequired: Bool) throws(CertificateFailure) {
        authorities = try TrustStore(.file(path))
        self.isRequired = isRequired
    }

    /// Makes `context`, lent for the call, ask and verify. To be called after everything else was set up.
    /// `SSL_CTX_set_verify`, `SSL_CTX_set1_cert_store`; false when OpenSSL refuses.
    func apply(to context: OpaquePointer) -> Bool {
        guard unsafe authorities.apply(to: context), unsafe authorities.announce(in: context),
            let parameters = unsafe SSL_CTX_get0_param(context),
            unsafe X509_VERIFY_PARAM_set_purpose(parameters, X509_PURPOSE_SSL_CLIENT) == 1,
            // An intermediate in the file is an anchor, as for upstreams.
            unsafe X509_VERIFY_PARAM_set_flags(parameters, UInt(X509_V_FLAG_PARTIAL_CHAIN)) == 1
        else { return false }
        let mode = isRequired ? SSL_VERIFY_PEER | SSL_VERIFY_FAIL_IF_NO_PEER_CERT : SSL_VERIFY_PEER
        unsafe SSL_CTX_set_verify(context, mode, nil)
        unsafe SSL_CTX_set_options(context, leo_SSL_OP_NO_TICKET())
        unsafe leo_SSL_CTX_set_session_cache_mode(context, Int(SSL_SESS_CACHE_OFF))
        return unsafe SSL_CTX_set_num_tickets(context, 0) == 1
    }
}

extension TLSSession {
    /// The names in the client's certificate, which the handshake has verified; nil when it showed none.
    /// `SSL_get0_peer_certificate`, `SSL_get_verify_result`
    var clientCertificateNames: ClientCertificateNames? {
        unsafe withConnection { ssl in
            guard unsafe SSL_get_verify_result(ssl) == X509_V_OK, let x509 = unsafe SSL_get0_peer_certificate(ssl)
            else { return nil }
            return unsafe CertificateNames.read(x509)
        }
    }
}

/// Takes the names out of a certificate. What is not text, or holds a NUL or another control character, is no name.
enum CertificateNames {
    /// A certificate that carries more names than this is read up to here.
    private static let nameCountMax = 64

    /// `X509_get_subject_name`, `X509_get_ext_d2i`; the certificate is lent.
    static func read(_ x509: OpaquePointer) -> ClientCertificateNames {
        OpenSSLErrors.clear()
        defer { OpenSSLErrors.clear() }
        var names = ClientCertificateNames()
        names.commonName = unsafe commonName(x509)
        guard let found = unsafe X509_get_ext_d2i(x509, NID_subject_alt_name, nil, nil) else { return names }
        let list = OpaquePointer(found)
        defer { unsafe leo_GENERAL_NAMES_free(list) }
        for index in 0..<min(unsafe leo_sk_GENERAL_NAME_num(list), Int32(nameCountMax)) {
            guard let name = unsafe leo_sk_GENERAL_NAME_value(list, index) else { continue }
            let kind = unsafe name.pointee.type
            guard kind == GEN_DNS || kind == GEN_URI || kind == GEN_EMAIL,
                let text = unsafe text(leo_GENERAL_NAME_get0_string(name))
            else { continue }
            switch kind {
            case GEN_DNS: names.dnsNames.append(HostPort(host: text, port: 0).host)
            case GEN_URI: names.uris.append(text)
            default: names.emails.append(text)
            }
        }
        return names
    }

    /// The one common name; none when there are several, of which nobody could say which one counts.
    private static func commonName(_ x509: OpaquePointer) -> String? {
        guard let subject = unsafe X509_get_subject_name(x509) else { return nil }
        let first = unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, -1)
        guard first >= 0, unsafe X509_NAME_get_index_by_NID(subject, NID_commonName, first) < 0,
            let entry = unsafe X509_NAME_get_entry(subject, first)
        else { return nil }
        return unsafe text(X509_NAME_ENTRY_get_data(entry))
    }

    /// `ASN1_STRING_to_UTF8`
    private static func text(_ string: UnsafePointer<ASN1_STRING>?) -> String? {
        guard let string = unsafe string else { return nil }
        var bytes: UnsafeMutablePointer<UInt8>?
        let count = unsafe ASN1_STRING_to_UTF8(&bytes, string)
        guard count > 0, let bytes = unsafe bytes else { return nil }
        defer { unsafe leo_OPENSSL_free(bytes) }
        let buffer = unsafe UnsafeBufferPointer(start: bytes, count: Int(count))
        guard unsafe buffer.allSatisfy({ $0 >= 0x20 && $0 != 0x7F }) else { return nil }
        return unsafe String(validating: buffer, as: UTF8.self)
    }
}
