import COpenSSL
import Policy

/// The intermediate that leo signs with: what it may sign for, and leaves for hosts.
///
/// It can be one that `leo ca init` made, or a company's own; in both cases the root's key is not here.
public final class CertificateAuthority: Sendable {
    /// The signing certificate, and after it those that lead to the root, the root itself included if the file has it.
    private let certificates: [Certificate]
    private let key: PrivateKey
    private let constraints: [SignedNameConstraints]
    private let path: String
    /// All leaves share it: a new key per host would cost clients nothing less and leo more.
    private let leafKey: PrivateKey

    /// Clients' clocks are allowed to be this much behind.
    static let backdatedSeconds: Int64 = 3600

    /// Reads the PEM chain, intermediate first, and its key, and checks all that would make clients refuse it later.
    ///
    /// The key file must be unencrypted and for its owner only.
    public init(certificatePath: String, keyPath: String) throws(CertificateFailure) {
        let found = try Certificate.readAll(path: certificatePath)
        let key = try PrivateKey.read(path: keyPath)
        guard key.isKey(of: found[0]) else {
            throw .keyMismatch(certificatePath: certificatePath, keyPath: keyPath)
        }
        guard key.isStrong else { throw .weakKey(path: keyPath) }
        try Self.check(found, path: certificatePath, now: UTCDate.now().seconds)
        certificates = found
        self.key = key
        constraints = found.compactMap(\.nameConstraints)
        path = certificatePath
        leafKey = try PrivateKey.makeP256()
    }

    private static func check(_ chain: [Certificate], path: String, now: Int64) throws(CertificateFailure) {
        if let flaw = chain[0].flawAsAuthority {
            throw .notAuthority(path: path, subject: chain[0].subject, reason: flaw)
        }
        for (certificate, next) in zip(chain, chain.dropFirst()) where !certificate.isIssued(by: next) {
            throw .brokenChain(path: path, subject: certificate.subject, next: next.subject)
        }
        for certificate in chain {
            if certificate.expiresAtSeconds <= now {
                throw .expired(path: path, subject: certificate.subject, atSeconds: certificate.expiresAtSeconds)
            }
            if certificate.validFromSeconds > now {
                throw .notYetValid(path: path, subject: certificate.subject, atSeconds: certificate.validFromSeconds)
            }
        }
    }

    // MARK: What it is

    /// The certificate that signs.
    public var certificate: Certificate { certificates[0] }
    /// The signing certificate's subject.
    public var subject: String { certificates[0].subject }
    /// The signing certificate's SHA-256 fingerprint.
    public var fingerprint: String { certificates[0].fingerprint }
    /// When the first certificate of the chain expires, in seconds since 1970: from then on nothing leo signs is good.
    public var expiresAtSeconds: Int64 { certificates.map(\.expiresAtSeconds).min() ?? 0 }
    /// The same in words, "2026-01-31 12:00:00 UTC".
    public var expiresAt: String { UTCDate(seconds: expiresAtSeconds).description }
    /// The DNS suffixes it may sign for, each covering the names below it; empty when nothing confines it.
    public var permittedNames: [String] { constraints.first { !$0.permittedNames.isEmpty }?.permittedNames ?? [] }
    /// Whether a name constraint of the chain confines it to some names.
    public var isConstrained: Bool { !permittedNames.isEmpty }

    /// Whether a certificate for `host` that this CA signs is good under the name constraints of the chain.
    ///
    /// Never for an IP address, a wildcard, or anything else that is no host name. Cheap, unless a company's chain has
    /// constraints of unusual kinds: OpenSSL is then asked about a certificate made up for the purpose (0.2 ms).
    public func permits(host: String) -> Bool {
        guard let host = Self.leafName(of: host) else { return false }
        let verdicts = constraints.map { $0.permits(name: host) }
        if verdicts.contains(false) { return false }
        if !verdicts.contains(nil) { return true }
        // Only the names in it matter, so it need not be signed by the right key.
        let draft = leaf(for: host, from: 0, to: 0)
        guard let probe = try? draft.sign(for: leafKey, issuer: certificates[0], issuerKey: leafKey) else {
            return false
        }
        return constraints.allSatisfy { $0.permits(probe) }
    }

    // MARK: What it signs

    /// A context that shows a new leaf for `host`, and the chain without its root.
    ///
    /// The leaf is valid from an hour ago for `lifetime`, or until the chain expires if that is sooner. Takes less than
    /// a millisecond of CPU with a P-256 CA; an RSA-2048 one needs one more. Throws `invalidName`, `hostNotPermitted`,
    /// `expired`.
    func mint(
        host: String, lifetime: Duration, protocols: [String], clients: ClientVerification? = nil
    ) throws(CertificateFailure) -> TLSServerContext {
        try mint(host: host, lifetime: lifetime, protocols: protocols, clients: clients, now: UTCDate.now().seconds)
    }

    /// The same at a time of the caller's choice, in seconds since 1970.
    func mint(
        host: String, lifetime: Duration, protocols: [String], clients: ClientVerification? = nil, now: Int64
    ) throws(CertificateFailure) -> TLSServerContext {
        guard let name = Self.leafName(of: host) else { throw .invalidName(host) }
        guard expiresAtSeconds > now else {
            throw .expired(path: path, subject: subject, atSeconds: expiresAtSeconds)
        }
        let end = now.addingReportingOverflow(lifetime.components.seconds)
        let draft = leaf(
            for: name, from: now - Self.backdatedSeconds,
            to: end.overflow ? expiresAtSeconds : min(end.partialValue, expiresAtSeconds))
        let certificate = try draft.sign(for: leafKey, issuer: certificates[0], issuerKey: key)
        guard constraints.allSatisfy({ $0.permits(certificate) }) else { throw .hostNotPermitted(name) }
        return try TLSServerContext(
            host: name, leaf: certificate, chain: certificates.filter { !$0.isSelfSigned }, key: leafKey,
            protocols: protocols, clients: clients)
    }

    /// The host in lower case and without the dot of the DNS root; nil if it is no host name, or is an address.
    static func leafName(of host: String) -> String? {
        let name = host.hasSuffix(".") ? String(host.dropLast()) : host
        // Checked first: Unicode has letters outside ASCII whose lower case is inside.
        return HostName.isValid(name) ? name.lowercased() : nil
    }

    /// The longest common name (RFC 5280 appendix A.1, ub-common-name).
    private static let commonNameBytesMax = 64

    private func leaf(for host: String, from: Int64, to: Int64) -> CertificateDraft {
        let hasCommonName = host.utf8.count <= Self.commonNameBytesMax
        var extensions = [
            CertificateDraft.Extension(number: NID_basic_constraints, words: "critical,CA:FALSE"),
            CertificateDraft.Extension(number: NID_key_usage, words: "critical,digitalSignature"),
            CertificateDraft.Extension(number: NID_ext_key_usage, words: "serverAuth"),
            // With an empty subject the alternative name is all there is (RFC 5280 section 4.2.1.6).
            CertificateDraft.Extension(
                number: NID_subject_alt_name, words: (hasCommonName ? "" : "critical,") + "DNS:" + host),
        ]
        if certificates[0].hasKeyIdentifier {
            extensions.append(CertificateDraft.Extension(number: NID_authority_key_identifier, words: "keyid:always"))
        }
        return CertificateDraft(
            subject: hasCommonName ? [("CN", host)] : [], validFromSeconds: from, expiresAtSeconds: to,
            extensions: extensions)
    }
}
