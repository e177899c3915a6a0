/// What a command has to say and how it ends. The command line prints it and knows no more.
public struct CommandReport: Equatable, Sendable {
    /// For the standard output, whole lines.
    public var output: String
    /// For the standard error, a message each.
    public var complaints: [String]
    /// 0 good, 1 the file has mistakes or a check failed, 2 a file cannot be read or written.
    public var exitCode: Int32

    init(output: String = "", complaints: [String] = [], exitCode: Int32 = 0) {
        self.output = output
        self.complaints = complaints
        self.exitCode = exitCode
    }

    init(_ failure: ConfigFailure) { self.init(complaints: failure.lines, exitCode: failure.exitCode) }

    init(_ failure: OperatorFailure) { self.init(complaints: ["leo: \(failure.message)"], exitCode: 2) }
}

/// Why a command cannot do its work, in a sentence for the operator. The command ends with exit code 2.
struct OperatorFailure: Error, Equatable {
    let message: String

    init(_ message: String) { self.message = message }

    init(_ failure: CertificateFailure) { message = failure.description }

    /// A CA's file cannot be used: the way out is almost always to make one.
    init(reading failure: CertificateFailure) {
        switch failure {
        case .unreadable: message = "\(failure) (leo ca init makes a new CA)"
        default: message = failure.description
        }
    }
}

/// What most commands begin with.
enum Operator {
    /// Loads the configuration and does something with it; whatever goes wrong becomes the report.
    static func withConfig(
        _ file: String?, _ body: (Config) throws(OperatorFailure) -> CommandReport
    ) -> CommandReport {
        let config: Config
        do throws(ConfigFailure) { config = try Config.load(file: file) } catch { return CommandReport(error) }
        do throws(OperatorFailure) { return try body(config) } catch { return CommandReport(error) }
    }

    /// The command that repeats this one's choice of file.
    static func command(_ words: String, _ config: Config) -> String {
        guard let path = config.path else { return "leo \(words)" }
        return "leo \(words) \(ShellForm.isPlain(path) ? path : ShellForm.singleQuoted(path))"
    }
}
