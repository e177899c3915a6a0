import Policy

/// The files that `[upstream]` names, but for the trust of all hosts: read, and found to be good.
struct UpstreamFiles: Sendable {
    /// What a row of `[[upstream.tls]]` got from its files.
    struct Row: Sendable {
        /// What leo shows to the row's hosts.
        let identity: ClientIdentity?
        /// What they are verified against; nil: `upstream.trust`.
        let store: TrustStore?
    }

    /// For the parent proxy.
    let credentials: ParentCredentials?
    /// In the order of the file.
    let rows: [Row]

    /// Reads them all; throws every mistake, each with its place in the configuration file.
    init(_ config: Config) throws(ConfigFailure) {
        var complaints = Complaints(file: config.path ?? "")
        credentials = config.upstream.via.flatMap { complaints.credentials(of: $0) }
        rows = config.upstream.tls.map { complaints.row($0) }
        if !complaints.mistakes.isEmpty { throw .mistakes(complaints.mistakes.sorted { $0.place < $1.place }) }
    }

    /// Tells of client certificates that have expired: a reason for providers to refuse leo, and none for leo to refuse
    /// to start.
    func warn(_ log: OperatorLog) {
        let now = WallTime.now().secondsSinceEpoch
        for identity in rows.compactMap(\.identity) where identity.expiresAtSeconds <= now {
            let date = UTCDate(seconds: identity.expiresAtSeconds)
            log.warning(.lifecycle, "upstream.tls: the client certificate \(identity.subject) expired on \(date)")
        }
    }

    /// Reads one thing after the other and keeps what is wrong.
    private struct Complaints {
        let file: String
        var mistakes: [Diagnostic] = []

        mutating func credentials(of parent: ParentProxy) -> ParentCredentials? {
            guard let path = parent.credentialsPath else { return nil }
            do throws(ParentCredentials.Failure) { return try ParentCredentials(path: path) } catch {
                let message = "upstream.via_credentials_file: \(error.explanation(path: path))"
                mistakes.append(Diagnostic(file: file, place: parent.credentialsPlace, message: message))
                return nil
            }
        }

        mutating func row(_ row: UpstreamTLSRow) -> Row {
            Row(identity: identity(row), store: row.trustPath.flatMap { store($0, row.places.trust) })
        }

        private mutating func identity(_ row: UpstreamTLSRow) -> ClientIdentity? {
            guard let certificatePath = row.certificatePath, let keyPath = row.keyPath else { return nil }
            let certificates: [Certificate]
            do throws(CertificateFailure) { certificates = try Certificate.readAll(path: certificatePath) } catch {
                add("certificate", error, row.places.certificate)
                return nil
            }
            do throws(CertificateFailure) {
                return try ClientIdentity(
                    certificates: certificates, certificatePath: certificatePath, key: PrivateKey.read(path: keyPath),
                    keyPath: keyPath)
            } catch {
                if case .brokenChain = error {
                    add("certificate", error, row.places.certificate)
                } else {
                    add("key", error, row.places.key)
                }
                return nil
            }
        }

        private mutating func store(_ path: String, _ place: Place) -> TrustStore? {
            do throws(CertificateFailure) { return try TrustStore(.file(path)) } catch {
                add("trust", error, place)
                return nil
            }
        }

        private mutating func add(_ key: String, _ failure: CertificateFailure, _ place: Place) {
            mistakes.append(
                Diagnostic(file: file, place: place, message: "upstream.tls.\(key): \(failure.description)"))
        }
    }
}

extension Config {
    /// Reads the certificates, keys and credentials that `[upstream]`, `[listen.tls]` and `[keys]` name, as `leo serve` does before
    /// it listens, and throws the mistakes in them. For `leo check`: commands for clients' users may not be allowed to
    /// read them.
    public func checkFiles() throws(ConfigFailure) {
        _ = try UpstreamFiles(self)
        try ListenerTLS.check(self)
        _ = try MasterKeys.load(self)
    }
}
