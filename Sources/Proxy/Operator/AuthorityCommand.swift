import Policy

/// `leo ca`: makes a CA, shows it, renews it, and writes what clients trust.
public enum AuthorityCommand {
    /// `leo ca init`. Existing files are left alone.
    ///
    /// - Parameter rootKeyPath: where the root's key is kept; nil: it is forgotten.
    public static func create(file: String?, rootKeyPath: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in try create(config, rootKeyPath: rootKeyPath) }
    }

    /// `leo ca rotate`: a new intermediate, and a new root too unless the old root's key is at `rootKeyPath`.
    public static func rotate(file: String?, rootKeyPath: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in try rotate(config, rootKeyPath: rootKeyPath) }
    }

    /// `leo ca show`: what is there, and what it may sign for.
    public static func show(file: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in CommandReport(output: try show(config)) }
    }

    /// `leo ca bundle`: writes the bundle and the trust store.
    ///
    /// - Parameter output: where the bundle goes instead; the trust store goes into the same folder.
    public static func bundle(file: String?, output: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in
            CommandReport(output: try bundle(config, output: output))
        }
    }

    // MARK: The same with a configuration at hand

    static func create(_ config: Config, rootKeyPath: String?) throws(OperatorFailure) -> CommandReport {
        let files = files(config, rootKeyPath: rootKeyPath)
        let made: CertificateAuthority.Creation
        do throws(CertificateFailure) {
            made = try CertificateAuthority.create(files, permittedNames: permittedNames(config))
        } catch { throw OperatorFailure(error) }
        return report(made, files, config, next: firstSteps(config))
    }

    static func rotate(_ config: Config, rootKeyPath: String?) throws(OperatorFailure) -> CommandReport {
        let files = files(config, rootKeyPath: rootKeyPath)
        let made: CertificateAuthority.Creation
        do throws(CertificateFailure) {
            made = try CertificateAuthority.rotate(files, permittedNames: permittedNames(config))
        } catch { throw OperatorFailure(error) }
        return report(made, files, config, next: stepsAfterRotation(isRootNew: made.isRootNew))
    }

    static func bundle(_ config: Config, output: String?) throws(OperatorFailure) -> String {
        let root = config.authority.rootPath
        let files = output.map { TrustFiles(root: root, bundle: $0) } ?? TrustFiles(rootPath: root)
        return try write(files).map { "\($0)\n" }.joined()
    }

    /// What a CA for this configuration may sign for: the intercepted hosts, `ca.names`, and the doctor's canary.
    static func permittedNames(_ config: Config) -> [String] {
        NameConstraints.reduced(config.constraintSuffixes + [Canary.host])
    }

    // MARK: Words

    private static func files(_ config: Config, rootKeyPath: String?) -> CertificateAuthority.Files {
        CertificateAuthority.Files(
            certificate: config.authority.certificatePath, key: config.authority.keyPath,
            root: config.authority.rootPath, rootKey: rootKeyPath)
    }

    /// What was made. The CA is there by now: when the bundle cannot be written, both are said.
    private static func report(
        _ made: CertificateAuthority.Creation, _ files: CertificateAuthority.Files, _ config: Config, next: String
    ) -> CommandReport {
        var lines: [String] = []
        if made.isRootNew {
            lines.append("\(files.root): the root, which clients trust, valid until \(day(made.root))")
            lines.append(
                files.rootKey.map { "\($0): the root's key; keep it off this machine, leo runs without it" }
                    ?? "the root's key has signed once and is forgotten")
        }
        lines.append("\(files.certificate): the intermediate, which leo signs with, until \(day(made.intermediate))")
        lines.append("\(files.key): the intermediate's key, for leo alone")
        var report = CommandReport()
        do throws(OperatorFailure) {
            lines += try write(TrustFiles(rootPath: config.authority.rootPath))
        } catch { report = CommandReport(error) }
        let count = permittedNames(config).count
        lines.append("It may sign for \(count) names and what lies below them; leo ca show lists them.")
        report.output = lines.map { "\($0)\n" }.joined() + "\n" + next
        return report
    }

    private static func write(_ files: TrustFiles) throws(OperatorFailure) -> [String] {
        do throws(CertificateFailure) {
            let trust = try files.write()
            let others = trust.certificates.count - trust.ownCount
            let from = trust.systemPath.map { "the \(others) roots of \($0)" }
            return [
                "\(files.bundle): leo's root and \(from ?? "no others, because this system has none")",
                "\(files.javaStore): the same for Java, password \(TrustBundle.javaPassword)",
            ]
        } catch { throw OperatorFailure(reading: error) }
    }

    private static func firstSteps(_ config: Config) -> String {
        """
        Next: \(Operator.command("serve", config))
        and where the application is started: eval "$(\(Operator.command("env", config)))"

        """
    }

    private static func stepsAfterRotation(isRootNew: Bool) -> String {
        let clients =
            isRootNew
            ? "Clients that hold a copy of the old root or bundle need the new one, and running ones a restart."
            : "The root is the same: clients need nothing."
        return "Next: restart leo, which still signs with what it started with.\n\(clients)\n"
    }

    private static func day(_ certificate: Certificate) -> String { UTCDate(seconds: certificate.expiresAtSeconds).day }
}
