import Policy

/// Where the admin listener of the leo that runs on a file is found, and what proves to it that the file is known.
struct AdminPlace {
    /// The listener.
    let endpoint: IPEndpoint
    /// The file's digest.
    let digest: ContentDigest

    /// Why there is no such place: a sentence, or the file's mistakes.
    enum Failure: Error {
        case operation(OperatorFailure)
        case file(ConfigFailure)

        /// What the command has to say instead.
        var report: CommandReport {
            switch self {
            case .operation(let failure): CommandReport(failure)
            case .file(let failure): CommandReport(failure)
            }
        }
    }

    /// At `address`, or at `listen.admin` of the file, as far as that can be read: a file with mistakes is still shown to
    /// leo, whose log and metrics will tell of it. `whenOff` is what to do where `listen.admin` is off.
    init(file: String, address: String?, whenOff: String) throws(Failure) {
        let content: ConfigFile
        do throws(ConfigFailure) { content = try ConfigFile(file, in: try ConfigFile.workingDirectory()) } catch {
            throw .file(error)
        }
        guard let digest = content.digest else { throw .operation(OperatorFailure("OpenSSL has no SHA-256")) }
        self.digest = digest
        if let named = address.flatMap({ IPEndpoint.parse($0) }) {
            endpoint = named
            return
        }
        let listen: Config.Listen
        do throws(ConfigFailure) { listen = try Config.load(content).listen } catch {
            guard let text = String(validating: content.bytes, as: UTF8.self),
                let written = Config.Listen(asFarAsReadable: text)
            else { throw .file(error) }
            listen = written
        }
        guard let admin = listen.admin else { throw .operation(OperatorFailure("listen.admin is off: \(whenOff)")) }
        guard admin.port > 0 else {
            throw .operation(OperatorFailure("listen.admin has no fixed port: name it with --admin ADDRESS:PORT"))
        }
        endpoint = admin
    }
}

extension Config.Listen {
    /// `[listen]` of a text that may have mistakes, each of which leaves a default; nil if it is no TOML at all.
    fileprivate init?(asFarAsReadable text: String) {
        let reader = FileReader(text: text, file: "")
        guard reader.mistakeCount == 0 else { return nil }
        self.init()
        readListeners(reader.table("listen"), "/", ReachRule(tenants: nil))
    }
}
