/// What is wrong with a certificate, a key or a file of them, in words for the operator.
public enum CertificateFailure: Error, Equatable, Sendable, CustomStringConvertible {
    /// The file cannot be opened or read.
    case unreadable(path: String, reason: String)
    /// The file or its folder cannot be written.
    case unwritable(path: String, reason: String)
    /// The file is there already, and nothing of a CA is ever overwritten except by a rotation.
    case exists(path: String)
    /// None of the files in which systems keep their roots.
    case noSystemTrust(paths: [String])
    /// No PEM certificate in the file.
    case noCertificate(path: String)
    /// The certificate at this position, counted from 1, cannot be read.
    case malformedCertificate(path: String, position: Int, reason: String)
    /// No PEM private key in the file.
    case noKey(path: String)
    /// The private key cannot be read.
    case malformedKey(path: String, reason: String)
    /// The private key is encrypted, and nobody is there to type a pass phrase.
    case encryptedKey(path: String)
    /// Others than the owner may read or write the private key.
    case exposedKey(path: String, mode: UInt32)
    /// The key belongs to another certificate.
    case keyMismatch(certificatePath: String, keyPath: String)
    /// The first certificate of the file may not sign others.
    case notAuthority(path: String, subject: String, reason: String)
    /// The certificate has expired; seconds since 1970.
    case expired(path: String, subject: String, atSeconds: Int64)
    /// The certificate is not valid yet; seconds since 1970.
    case notYetValid(path: String, subject: String, atSeconds: Int64)
    /// The key is below 112 bits of security, and clients would refuse what it signs.
    case weakKey(path: String)
    /// A certificate of the file is not signed by the one after it.
    case brokenChain(path: String, subject: String, next: String)
    /// The root that is there and the root key that is at hand do not belong together.
    case rootKeyMismatch(rootPath: String, keyPath: String)
    /// The CA that is there was not made by leo, which therefore does not replace it.
    case foreignAuthority(path: String, subject: String)
    /// Not a name that a certificate can be made for: a host name without wildcard, and no IP address.
    case invalidName(String)
    /// A CA must be confined to at least one name.
    case noNames
    /// The host lies outside the name constraints of the CA.
    case hostNotPermitted(String)
    /// OpenSSL could not do it.
    case library(String)

    /// One or two sentences: what, which file, and what to do.
    public var description: String {
        switch self {
        case .unreadable(let path, let reason): "\(path): cannot be read: \(reason)"
        case .unwritable(let path, let reason): "\(path): cannot be written: \(reason)"
        case .exists(let path):
            "\(path): is there already and is left alone; `leo ca rotate` replaces a CA"
        case .noSystemTrust(let paths):
            "no trusted roots on this system: none of \(paths.joined(separator: ", ")) is there; install "
                + "ca-certificates or name a PEM file in upstream.trust"
        case .noCertificate(let path): "\(path): holds no PEM certificate (-----BEGIN CERTIFICATE-----)"
        case .malformedCertificate(let path, let position, let reason):
            "\(path): certificate number \(position) cannot be read: \(reason)"
        case .noKey(let path): "\(path): holds no PEM private key (-----BEGIN PRIVATE KEY-----)"
        case .malformedKey(let path, let reason): "\(path): the private key cannot be read: \(reason)"
        case .encryptedKey(let path):
            "\(path): the private key is encrypted, and leo asks for no pass phrase; decrypt it with "
                + "`openssl pkey -in FILE -out FILE` and protect the file instead"
        case .exposedKey(let path, let mode):
            "\(path): others than its owner may use the private key (mode \(String(mode, radix: 8))); "
                + "make it 0600"
        case .keyMismatch(let certificatePath, let keyPath):
            "\(keyPath): is not the key of the first certificate in \(certificatePath)"
        case .notAuthority(let path, let subject, let reason):
            "\(path): \(subject) may not sign certificates for hosts: \(reason)"
        case .expired(let path, let subject, let at): "\(path): \(subject) expired on \(UTCDate(seconds: at))"
        case .notYetValid(let path, let subject, let at):
            "\(path): \(subject) is valid from \(UTCDate(seconds: at)) only"
        case .weakKey(let path): "\(path): the key is too short; clients ask for RSA-2048, P-256 or stronger"
        case .brokenChain(let path, let subject, let next):
            "\(path): \(subject) is not signed by the certificate after it, \(next); the order is intermediate first"
        case .rootKeyMismatch(let rootPath, let keyPath): "\(keyPath): is not the key of the root in \(rootPath)"
        case .foreignAuthority(let path, let subject):
            "\(path): \(subject) was not made by leo and is not replaced; move the files away first"
        case .invalidName(let name): "\"\(name)\" is not a host name that a certificate can be made for"
        case .noNames: "a CA needs at least one name that it may sign for"
        case .hostNotPermitted(let host):
            "\(host) lies outside the names that leo's CA may sign for; add it to ca.names and run `leo ca rotate`"
        case .library(let reason): "OpenSSL: \(reason)"
        }
    }
}
