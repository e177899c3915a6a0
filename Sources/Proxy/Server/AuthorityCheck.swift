/// Compares what the file wants intercepted with what the CA may sign for.
enum AuthorityCheck {
    /// A certificate about to expire is told of this long before.
    private static let noticeSeconds: Int64 = 30 * 24 * 3600

    /// One sentence per mismatch; none when all is well.
    static func warnings(_ shared: Shared) -> [String] { warnings(shared.authority, for: shared.config) }

    /// The same for another reading of the file.
    static func warnings(_ authority: CertificateAuthority, for config: Config) -> [String] {
        var warnings: [String] = []
        let missing = config.constraintSuffixes.filter { !authority.permits(host: $0) }
        if !missing.isEmpty {
            let names = missing.prefix(5).joined(separator: ", ") + (missing.count > 5 ? ", …" : "")
            warnings.append(
                "leo's CA may not sign for \(names): calls to these hosts are refused; leo ca rotate makes a new one")
        }
        return warnings
    }
}
