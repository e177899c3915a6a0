import COpenSSL
import Glibc

/// `leo ca init` and `leo ca rotate`: a root that clients trust, and an intermediate that can sign for the named hosts
/// and for nothing else, so that its key, which lies on disk, is worth little to a thief.
extension CertificateAuthority {
    /// Where the parts of a CA lie.
    public struct Files: Sendable, Equatable {
        /// The intermediate certificate, mode 0644.
        public var certificate: String
        /// The intermediate's key, mode 0600.
        public var key: String
        /// The root certificate, which clients trust, mode 0644.
        public var root: String
        /// The root's key, mode 0600; nil: it is discarded as soon as it has signed the intermediate.
        public var rootKey: String?

        /// Names the files; their folders need not exist.
        public init(certificate: String, key: String, root: String, rootKey: String? = nil) {
            self.certificate = certificate
            self.key = key
            self.root = root
            self.rootKey = rootKey
        }

        fileprivate func checkDistinct() throws(CertificateFailure) {
            var seen: Set<String> = []
            for path in [certificate, key, root, rootKey].compactMap({ $0 }) where !seen.insert(path).inserted {
                throw .unwritable(path: path, reason: "one file is named for two purposes")
            }
        }
    }

    /// What a creation or a rotation left behind.
    public struct Creation: Sendable {
        /// The certificate that clients trust.
        public let root: Certificate
        /// The certificate that leo signs with.
        public let intermediate: Certificate
        /// Whether the root is new, so that every client needs it before it trusts leo (again).
        public let isRootNew: Bool
    }

    /// Ten years: who rolls out a root does not want to do it often.
    private static let rootLifetimeSeconds: Int64 = 3652 * 86_400
    /// Two years: renewing an intermediate touches no client.
    private static let intermediateLifetimeSeconds: Int64 = 731 * 86_400

    /// Makes a CA for hosts at or below `permittedNames`. Files that exist are never overwritten: `exists`.
    ///
    /// `hostName` becomes a part of the subjects, to tell one machine's root from another's; nil: this machine's name.
    public static func create(
        _ files: Files, permittedNames: [String], hostName: String? = nil
    ) throws(CertificateFailure) -> Creation {
        try create(files, permittedNames: permittedNames, hostName: hostName, now: UTCDate.now().seconds)
    }

    /// The same at a time of the caller's choice, in seconds since 1970.
    static func create(
        _ files: Files, permittedNames: [String], hostName: String?, now: Int64
    ) throws(CertificateFailure) -> Creation {
        try files.checkDistinct()
        for path in [files.certificate, files.key, files.root, files.rootKey].compactMap({ $0 })
        where FileAccess.exists(path) {
            throw .exists(path: path)
        }
        let maker = try AuthorityMaker(permittedNames: permittedNames, hostName: hostName, now: now)
        return try makeAll(files, maker, existing: .refused)
    }

    /// Makes a new intermediate, and a new key for it, in place of the old ones.
    ///
    /// With a root key at `files.rootKey` it is signed by the root that is there, and clients notice nothing. Without,
    /// the root is made anew as well, its key kept if `files.rootKey` names a place for it: `isRootNew`. A CA that leo
    /// did not make is left alone: `foreignAuthority`.
    public static func rotate(
        _ files: Files, permittedNames: [String], hostName: String? = nil
    ) throws(CertificateFailure) -> Creation {
        try rotate(files, permittedNames: permittedNames, hostName: hostName, now: UTCDate.now().seconds)
    }

    /// The same at a time of the caller's choice, in seconds since 1970.
    static func rotate(
        _ files: Files, permittedNames: [String], hostName: String?, now: Int64
    ) throws(CertificateFailure) -> Creation {
        try files.checkDistinct()
        for path in [files.certificate, files.root] where FileAccess.exists(path) {
            let subject = try Certificate.readAll(path: path)[0].subject
            guard subject.contains(AuthorityMaker.organization) else {
                throw .foreignAuthority(path: path, subject: subject)
            }
        }
        let maker = try AuthorityMaker(permittedNames: permittedNames, hostName: hostName, now: now)
        guard let rootKeyPath = files.rootKey, FileAccess.exists(rootKeyPath) else {
            return try makeAll(files, maker, existing: .replaced)
        }
        let root = try Certificate.readAll(path: files.root)[0]
        let rootKey = try PrivateKey.read(path: rootKeyPath)
        guard rootKey.isKey(of: root) else { throw .rootKeyMismatch(rootPath: files.root, keyPath: rootKeyPath) }
        guard root.expiresAtSeconds > now else {
            throw .expired(path: files.root, subject: root.subject, atSeconds: root.expiresAtSeconds)
        }
        let (intermediate, key) = try maker.makeIntermediate(under: root, rootKey)
        try publish(existing: .replaced, keys: [(files.key, key)], certificates: [(files.certificate, intermediate)])
        return Creation(root: root, intermediate: intermediate, isRootNew: false)
    }

    private static func makeAll(
        _ files: Files, _ maker: AuthorityMaker, existing: AtomicFile.Existing
    ) throws(CertificateFailure) -> Creation {
        let (root, rootKey) = try maker.makeRoot()
        let (intermediate, key) = try maker.makeIntermediate(under: root, rootKey)
        var keys = [(files.key, key)]
        if let path = files.rootKey { keys.append((path, rootKey)) }
        try publish(
            existing: existing, keys: keys, certificates: [(files.root, root), (files.certificate, intermediate)])
        return Creation(root: root, intermediate: intermediate, isRootNew: true)
    }

    /// Writes everything beside its place first, so that a full disk changes nothing, then gives the names.
    private static func publish(
        existing: AtomicFile.Existing, keys: [(String, PrivateKey)], certificates: [(String, Certificate)]
    ) throws(CertificateFailure) {
        var written: [AtomicFile] = []
        for (path, key) in keys {
            let file = try AtomicFile(path: path, mode: 0o600)
            try key.write(to: file)
            written.append(file)
        }
        for (path, certificate) in certificates {
            let file = try AtomicFile(path: path, mode: 0o644)
            try file.write(certificate.pem)
            written.append(file)
        }
        for (position, file) in written.enumerated() {
            do throws(CertificateFailure) {
                try file.publish(existing)
            } catch {
                // A new CA is there as a whole or not at all.
                if existing == .refused { for done in written[..<position] { done.withdraw() } }
                throw error
            }
        }
    }

    /// Makes the two certificates; keeps no key.
    private struct AuthorityMaker {
        let permittedNames: [String]
        let label: String
        let now: Int64

        /// In every subject, by which a rotation knows its own.
        static let organization = "O=leo"

        init(permittedNames: [String], hostName: String?, now: Int64) throws(CertificateFailure) {
            var names: [String] = []
            for name in permittedNames {
                // A suffix covers what is below it; the dot in front that some write is not part of it.
                let bare = name.hasPrefix(".") ? String(name.dropFirst()) : name
                guard let suffix = CertificateAuthority.leafName(of: bare) else { throw .invalidName(name) }
                if !names.contains(suffix) { names.append(suffix) }
            }
            guard !names.isEmpty else { throw .noNames }
            self.permittedNames = names
            // The whole common name has to fit into 64 characters.
            label = (hostName ?? Self.machineName()).prefix(28) + ", " + UTCDate(seconds: now).day
            self.now = now
        }

        func makeRoot() throws(CertificateFailure) -> (Certificate, PrivateKey) {
            let key = try PrivateKey.makeP256()
            let draft = draft(
                "leo root CA, \(label)", until: now + rootLifetimeSeconds,
                [
                    .init(number: NID_basic_constraints, words: "critical,CA:TRUE"),
                    .init(number: NID_key_usage, words: "critical,keyCertSign,cRLSign"),
                    .init(number: NID_subject_key_identifier, words: "hash"),
                ])
            return (try draft.sign(for: key, issuer: nil, issuerKey: key), key)
        }

        func makeIntermediate(
            under root: Certificate, _ rootKey: PrivateKey
        ) throws(CertificateFailure) -> (Certificate, PrivateKey) {
            let key = try PrivateKey.makeP256()
            let permitted = permittedNames.map { "permitted;DNS:\($0)" }
            let draft = draft(
                "leo intermediate CA, \(label)", until: min(now + intermediateLifetimeSeconds, root.expiresAtSeconds),
                [
                    .init(number: NID_basic_constraints, words: "critical,CA:TRUE,pathlen:0"),
                    .init(number: NID_key_usage, words: "critical,keyCertSign,cRLSign"),
                    .init(number: NID_ext_key_usage, words: "serverAuth"),
                    .init(
                        number: NID_name_constraints,
                        words: (["critical"] + permitted + Self.noAddresses).joined(separator: ",")),
                    .init(number: NID_subject_key_identifier, words: "hash"),
                    .init(number: NID_authority_key_identifier, words: "keyid:always"),
                ])
            return (try draft.sign(for: key, issuer: root, issuerKey: rootKey), key)
        }

        /// A constraint on names says nothing about addresses, so all of them are excluded.
        private static let noAddresses = [
            "excluded;IP:0.0.0.0/0.0.0.0", "excluded;IP:0:0:0:0:0:0:0:0/0:0:0:0:0:0:0:0",
        ]

        private func draft(
            _ commonName: String, until expiresAtSeconds: Int64, _ extensions: [CertificateDraft.Extension]
        ) -> CertificateDraft {
            CertificateDraft(
                subject: [("O", "leo"), ("CN", commonName)],
                validFromSeconds: now - CertificateAuthority.backdatedSeconds, expiresAtSeconds: expiresAtSeconds,
                extensions: extensions)
        }

        /// This machine's name, "localhost" if it has none. `gethostname`
        private static func machineName() -> String {
            var bytes = [CChar](repeating: 0, count: Int(HOST_NAME_MAX) + 1)
            guard unsafe gethostname(&bytes, bytes.count - 1) == 0 else { return "localhost" }
            let name = bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }
            return name.isEmpty ? "localhost" : String(decoding: name, as: UTF8.self)
        }
    }
}
