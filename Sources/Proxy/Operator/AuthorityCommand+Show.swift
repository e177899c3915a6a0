import Policy

extension AuthorityCommand {
    /// What the CA's files hold. Does not need the key.
    static func show(_ config: Config) throws(OperatorFailure) -> String {
        let state: AuthorityState
        do throws(CertificateFailure) { state = try AuthorityState(config) } catch {
            throw OperatorFailure(reading: error)
        }
        var lines = describe("root", config.authority.rootPath, state.root)
        lines += describe("intermediate", config.authority.certificatePath, state.intermediate)
        if state.permittedNames.isEmpty {
            lines.append("may sign for any name: nothing confines it")
        } else {
            lines.append("may sign for these names and what lies below them:")
            lines += state.permittedNames.map { "  \($0)" }
        }
        lines += state.flaws.map { "warning: \($0)" }
        return lines.map { "\($0)\n" }.joined()
    }

    private static func describe(_ what: String, _ path: String, _ certificate: Certificate) -> [String] {
        [
            "\(what): \(path)", "  subject: \(certificate.subject)",
            "  valid: \(UTCDate(seconds: certificate.validFromSeconds)) to "
                + "\(UTCDate(seconds: certificate.expiresAtSeconds))",
            "  SHA-256: \(certificate.fingerprint)",
        ]
    }
}

/// What can be said of a CA from its certificates, without the key: by anybody who may read what clients trust.
struct AuthorityState {
    let root: Certificate
    let intermediate: Certificate
    /// The suffixes it may sign for; empty if nothing confines it.
    let permittedNames: [String]
    /// What is wrong with it, a sentence each.
    let flaws: [String]

    /// An expiry is told of this long before.
    private static let noticeSeconds: Int64 = 30 * 24 * 3600
    /// Names listed in a sentence.
    private static let nameCountMax = 5

    /// Reads the certificates that the configuration names.
    init(_ config: Config) throws(CertificateFailure) {
        try self.init(config, now: UTCDate.now().seconds)
    }

    /// The same at a time of the caller's choice, in seconds since 1970.
    init(_ config: Config, now: Int64) throws(CertificateFailure) {
        let roots = try Certificate.readAll(path: config.authority.rootPath)
        let chain = try Certificate.readAll(path: config.authority.certificatePath)
        root = roots[0]
        intermediate = chain[0]
        permittedNames = chain.lazy.compactMap(\.nameConstraints).first?.permittedNames ?? []
        var flaws: [String] = []
        if let flaw = intermediate.flawAsAuthority { flaws.append("\(config.authority.certificatePath): \(flaw)") }
        let top = chain[chain.count - 1]
        if !roots.contains(where: { $0.fingerprint == top.fingerprint || top.isIssued(by: $0) }) {
            flaws.append(
                "\(config.authority.certificatePath) does not lead to the root in \(config.authority.rootPath): "
                    + "clients that trust this root refuse what leo signs")
        }
        for (path, certificate) in [(config.authority.rootPath, root)]
            + chain.map({ (config.authority.certificatePath, $0) })
        {
            let end = UTCDate(seconds: certificate.expiresAtSeconds)
            if certificate.expiresAtSeconds <= now {
                flaws.append("\(path): \(certificate.subject) expired on \(end); leo ca rotate makes a new one")
            } else if certificate.expiresAtSeconds - now < Self.noticeSeconds {
                flaws.append("\(path): \(certificate.subject) expires on \(end); leo ca rotate makes a new one")
            }
            if certificate.validFromSeconds > now {
                let begin = UTCDate(seconds: certificate.validFromSeconds)
                flaws.append("\(path): \(certificate.subject) is valid from \(begin) only")
            }
        }
        if !permittedNames.isEmpty {
            let names = Set(permittedNames)
            let missing = AuthorityCommand.permittedNames(config).filter { !NameConstraints.cover(names, host: $0) }
            if !missing.isEmpty { flaws.append(Self.sentence(missing: missing)) }
        }
        self.flaws = flaws
    }

    private static func sentence(missing: [String]) -> String {
        let names = missing.prefix(nameCountMax).joined(separator: ", ")
        let more = missing.count > nameCountMax ? " and \(missing.count - nameCountMax) more" : ""
        return "the CA may not sign for \(names)\(more): calls to these hosts are refused; leo ca rotate makes one "
            + "that may"
    }
}
