import Policy

/// `leo keys` and `leo fingerprint`: makes master keys, and what the file holds in place of a provider key.
public enum KeysCommand {
    /// `leo keys init`: a new master key in the file that `[keys]` names. An existing one is left alone.
    public static func create(file: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in try create(config) }
    }

    /// `leo keys rotate`: the master key becomes the previous one, and a new one takes its place.
    public static func rotate(file: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in try rotate(config) }
    }

    /// `leo fingerprint`: reads a provider key and prints its fingerprint.
    public static func fingerprint(file: String?) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in try fingerprint(config) }
    }

    // MARK: The same with a configuration at hand

    static func create(_ config: Config) throws(OperatorFailure) -> CommandReport {
        let path = try masterPath(config)
        do throws(CertificateFailure) { try write(newKey(), to: path, .refused) } catch {
            if case .exists = error {
                throw OperatorFailure("\(path): is there already and is left alone; leo keys rotate replaces a key")
            }
            throw OperatorFailure(error)
        }
        return CommandReport(
            output: "\(path)\nEvery leo that shares this configuration needs the same file, with mode 0600.\n")
    }

    static func rotate(_ config: Config) throws(OperatorFailure) -> CommandReport {
        let path = try masterPath(config)
        guard let previous = config.keys.previousPath else {
            throw OperatorFailure("the file names no keys.previous_file, where the key that is in force now would go")
        }
        let current: MasterKey
        do throws(MasterKey.Failure) { current = try MasterKey(path: path) } catch {
            throw OperatorFailure(error.explanation)
        }
        // Interrupted in between there are two files with one key, and nothing is lost.
        do throws(CertificateFailure) {
            let new = try newKey()
            try write(current, to: previous, .replaced)
            try write(new, to: path, .replaced)
        } catch { throw OperatorFailure(error) }
        return CommandReport(
            output: "\(path)\n\(previous)\nEvery leo that shares this configuration needs the same two files.\n")
    }

    static func fingerprint(_ config: Config) throws(OperatorFailure) -> CommandReport {
        let path = try masterPath(config)
        let master: MasterKey
        do throws(MasterKey.Failure) { master = try MasterKey(path: path) } catch {
            throw OperatorFailure(error.explanation)
        }
        let key = try SecretPrompt.readProviderKey()
        let fingerprints = CredentialFingerprints(MasterKeys(current: master, previous: nil))
        guard let fingerprint = key.withBytes({ fingerprints?.fingerprint(of: $0) }) else {
            throw OperatorFailure("OpenSSL could not make the fingerprint")
        }
        return CommandReport(output: "\(fingerprint)\n")
    }

    private static func masterPath(_ config: Config) throws(OperatorFailure) -> String {
        if let path = config.keys.masterPath { return path }
        throw OperatorFailure(
            "the file names no master key: add [keys] with master_file = \"certs/master.key\", and then leo keys init")
    }

    private static func newKey() throws(CertificateFailure) -> MasterKey {
        guard let key = MasterKey() else { throw .library("no random numbers") }
        return key
    }

    private static func write(
        _ key: MasterKey, to path: String, _ existing: AtomicFile.Existing
    ) throws(CertificateFailure) {
        let file = try AtomicFile(path: path, mode: 0o600)
        try key.fileText.withBytes { text throws(CertificateFailure) in
            try unsafe text.withUnsafeBytes { bytes throws(CertificateFailure) in try unsafe file.write(bytes) }
        }
        try file.publish(existing)
    }
}
