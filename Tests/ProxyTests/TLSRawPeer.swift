import COpenSSL
import Glibc
import Testing

@testable import Proxy

/// A peer that does what leo's own sessions refuse to do: old versions, weak keys, odd ciphers. Bare OpenSSL.
@safe
final class RawPeer: HandshakeSide {
    private let context: OpaquePointer
    private let ssl: OpaquePointer

    struct Settings {
        var versionMin = TLS1_VERSION
        var versionMax = TLS1_3_VERSION
        var ciphers: String?
        var protocols: [String] = []
    }

    /// A server that shows this certificate.
    init(server descriptor: Int32, _ identity: Identity, _ settings: Settings = Settings()) throws {
        let made = unsafe SSL_CTX_new(TLS_server_method())!
        unsafe Self.apply(settings, to: made)
        let isShown = unsafe identity.certificate.withPointer { x509 in
            unsafe SSL_CTX_use_certificate(made, x509) == 1
        }
        let hasKey = unsafe identity.key.withPointer { key in unsafe SSL_CTX_use_PrivateKey(made, key) == 1 }
        for certificate in identity.chain {
            _ = unsafe certificate.withPointer { x509 in unsafe leo_SSL_CTX_add1_chain_cert(made, x509) }
        }
        unsafe context = made
        unsafe ssl = SSL_new(made)
        unsafe SSL_set_fd(ssl, descriptor)
        unsafe SSL_set_accept_state(ssl)
        try #require(isShown && hasKey)
    }

    /// A server of a context that others use too.
    init(server descriptor: Int32, sharing shared: OpaquePointer) {
        unsafe SSL_CTX_up_ref(shared)
        unsafe context = shared
        unsafe ssl = SSL_new(shared)
        unsafe SSL_set_fd(ssl, descriptor)
        unsafe SSL_set_accept_state(ssl)
    }

    /// A client that believes everything.
    init(client descriptor: Int32, _ settings: Settings = Settings()) {
        unsafe context = SSL_CTX_new(TLS_client_method())
        unsafe Self.apply(settings, to: context)
        unsafe ssl = SSL_new(context)
        unsafe SSL_set_fd(ssl, descriptor)
        let list = ProtocolList.wireForm(of: settings.protocols)
        if !list.isEmpty { unsafe SSL_set_alpn_protos(ssl, list, UInt32(list.count)) }
        unsafe SSL_set_connect_state(ssl)
    }

    deinit {
        // Else the session counts as broken.
        unsafe SSL_set_shutdown(ssl, SSL_SENT_SHUTDOWN | SSL_RECEIVED_SHUTDOWN)
        unsafe SSL_free(ssl)
        unsafe SSL_CTX_free(context)
    }

    private static func apply(_ settings: Settings, to context: OpaquePointer) {
        unsafe SSL_CTX_set_security_level(context, 0)
        _ = unsafe leo_SSL_CTX_set_min_proto_version(context, settings.versionMin)
        _ = unsafe leo_SSL_CTX_set_max_proto_version(context, settings.versionMax)
        unsafe SSL_CTX_set_cipher_list(context, settings.ciphers ?? "ALL:@SECLEVEL=0")
    }

    func handshake() -> TLSAttempt {
        OpenSSLErrors.clear()
        let result = unsafe SSL_do_handshake(ssl)
        if result == 1 { return .done(0) }
        switch unsafe SSL_get_error(ssl, result) {
        case SSL_ERROR_WANT_READ: return .wantRead
        case SSL_ERROR_WANT_WRITE: return .wantWrite
        default: return .failed(TLSFailure.fromQueue(verifyResult: 0, inHandshake: true))
        }
    }

    /// The subjects of the certificates that the server sent.
    var peerSubjects: [String] {
        let chain = unsafe SSL_get_peer_cert_chain(ssl)
        return (0..<(unsafe OPENSSL_sk_num(chain))).compactMap { index in
            guard let x509 = unsafe OPENSSL_sk_value(chain, index) else { return nil }
            unsafe X509_up_ref(OpaquePointer(x509))
            return unsafe Certificate(owning: OpaquePointer(x509)).subject
        }
    }

    /// The certificate that the server sent first, as `openssl x509 -text` prints it.
    var peerText: String {
        peerCertificate?.text ?? ""
    }

    /// The certificate that the server sent first.
    var peerCertificate: Certificate? {
        guard let x509 = unsafe SSL_get1_peer_certificate(ssl) else { return nil }
        return unsafe Certificate(owning: x509)
    }
}

extension Certificate {
    /// The certificate as `openssl x509 -text` prints it.
    var text: String {
        let output = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(output) }
        unsafe withPointer { x509 in _ = unsafe X509_print(output, x509) }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe leo_BIO_get_mem_data(output, &start)
        return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
}

/// A certificate, its key, and what is sent with it.
struct Identity {
    var certificate: Certificate
    var key: PrivateKey
    var chain: [Certificate] = []

    /// What to write into a certificate that somebody may want to refuse.
    struct Wishes {
        var commonName = "test"
        var names = ["DNS:api.example.com"]
        var validFrom: Int64 = -3600
        var validFor: Int64 = 86_400
        var isAuthority = false
        var extensions: [CertificateDraft.Extension] = []
        var rsaBits: UInt32?
        var isSHA1 = false
    }

    /// Makes one, signed by `issuer` or by itself.
    static func make(_ wishes: Wishes, issuer: Identity? = nil) throws -> Identity {
        let key = if let bits = wishes.rsaBits { try makeRSA(bits) } else { try PrivateKey.makeP256() }
        let now = UTCDate.now().seconds
        var extensions = wishes.extensions
        extensions.append(
            .init(
                number: NID_basic_constraints, words: wishes.isAuthority ? "critical,CA:TRUE" : "critical,CA:FALSE"))
        extensions.append(.init(number: NID_subject_key_identifier, words: "hash"))
        if !wishes.isAuthority && !wishes.names.isEmpty {
            extensions.append(
                .init(number: NID_subject_alt_name, words: wishes.names.joined(separator: ",")))
        }
        let draft = CertificateDraft(
            subject: [("CN", wishes.commonName)], validFromSeconds: now + wishes.validFrom,
            expiresAtSeconds: now + wishes.validFor, extensions: extensions)
        let issuerKey = issuer?.key ?? key
        let certificate = try draft.sign(for: key, issuer: issuer?.certificate, issuerKey: issuerKey)
        if wishes.isSHA1 {
            unsafe certificate.withPointer { x509 in
                unsafe issuerKey.withPointer { key in _ = unsafe X509_sign(x509, key, EVP_sha1()) }
            }
        }
        let chain = issuer.map { [$0.certificate] + $0.chain } ?? []
        return Identity(certificate: certificate, key: key, chain: chain)
    }

    /// A key of a kind that leo itself never makes, by way of a file.
    static func makeRSA(_ bits: UInt32) throws -> PrivateKey {
        let folder = try TemporaryFolder()
        try folder.write(pemOfRSA(bits), to: "rsa.key")
        return try PrivateKey.read(path: folder.file("rsa.key"))
    }

    /// An RSA key in PEM, encrypted if there is a pass phrase.
    static func pemOfRSA(_ bits: UInt32, passPhrase: String? = nil) throws -> String {
        let key = unsafe leo_EVP_RSA_gen(bits)
        defer { unsafe EVP_PKEY_free(key) }
        let output = unsafe BIO_new(BIO_s_mem())
        defer { unsafe BIO_free(output) }
        if let passPhrase {
            let phrase = Array(passPhrase.utf8)
            unsafe PEM_write_bio_PrivateKey(
                output, key, EVP_aes_256_cbc(), phrase, Int32(phrase.count), nil, nil)
        } else {
            unsafe PEM_write_bio_PrivateKey(output, key, nil, nil, 0, nil, nil)
        }
        var start: UnsafeMutablePointer<CChar>?
        let count = unsafe leo_BIO_get_mem_data(output, &start)
        return unsafe String(decoding: UnsafeRawBufferPointer(start: start, count: count), as: UTF8.self)
    }
}
