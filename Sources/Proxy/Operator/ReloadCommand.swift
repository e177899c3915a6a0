import Policy

/// `leo reload FILE`: asks the leo that runs on a file to read it again.
public enum ReloadCommand {
    /// Asks at `adminAddress`, or at `listen.admin` of the file. Exit code 0: what the file says is in force; 1: it has
    /// mistakes, and nothing was changed; 2: leo was not reached or would not.
    public static func run(file: String, adminAddress: String?) -> CommandReport {
        do throws(ConfigFailure) {
            let content = try ConfigFile(file, in: try ConfigFile.workingDirectory())
            do throws(OperatorFailure) { return try ask(content, adminAddress) } catch { return CommandReport(error) }
        } catch {
            return CommandReport(error)
        }
    }

    private static func ask(_ content: ConfigFile, _ adminAddress: String?) throws(OperatorFailure) -> CommandReport {
        guard let digest = content.digest else { throw OperatorFailure("OpenSSL has no SHA-256") }
        let admin: IPEndpoint
        if let named = adminAddress.flatMap({ IPEndpoint.parse($0) }) {
            admin = named
        } else {
            switch try place(in: content) {
            case .endpoint(let endpoint): admin = endpoint
            case .unknown(let report): return report
            }
        }
        let answer: LocalClient.Answer
        do throws(LocalClient.Failure) {
            answer = try LocalClient.post(
                Admin.reloadPath, to: admin, field: (Admin.digestField, digest.description),
                patience: Nanoseconds(.seconds(35)))
        } catch {
            throw OperatorFailure("the admin listener at \(admin) was not reached, nothing was changed: \(error.text)")
        }
        return report(answer)
    }

    /// What an answer of leo's means for the operator.
    static func report(_ answer: LocalClient.Answer) -> CommandReport {
        let lines = answer.body.split(separator: "\n").map { OneLine.of($0) }
        guard answer.status == ReloadReport.Result.applied.status else {
            let isInvalid = answer.status == ReloadReport.Result.invalid.status
            return CommandReport(
                complaints: Array(lines.dropFirst()) + lines.prefix(1).map { "leo: \($0)" }, exitCode: isInvalid ? 1 : 2
            )
        }
        return CommandReport(
            output: lines.prefix(1).map { "\($0)\n" }.joined(), complaints: Array(lines.dropFirst()))
    }

    private enum AdminPlace {
        case endpoint(IPEndpoint)
        /// The file does not tell; what to say instead.
        case unknown(CommandReport)
    }

    /// Where the admin listener is, as far as the file can be read: one with mistakes is still shown to leo, whose log and
    /// metrics will tell of it.
    private static func place(in content: ConfigFile) throws(OperatorFailure) -> AdminPlace {
        let listen: Config.Listen
        do throws(ConfigFailure) { listen = try Config.load(content).listen } catch {
            guard let text = String(validating: content.bytes, as: UTF8.self),
                let written = Config.Listen(asFarAsReadable: text)
            else { return .unknown(CommandReport(error)) }
            listen = written
        }
        guard let admin = listen.admin else {
            throw OperatorFailure("listen.admin is off: send leo a SIGHUP instead, and read its log")
        }
        guard admin.port > 0 else {
            throw OperatorFailure("listen.admin has no fixed port: name it with --admin ADDRESS:PORT")
        }
        return .endpoint(admin)
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
