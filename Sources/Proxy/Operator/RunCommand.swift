import Glibc

/// `leo run`: a program with everything set.
public enum RunCommand {
    /// The program exists and cannot be started, as env(1) has it.
    static let notStartable: Int32 = 126
    /// There is no such program.
    static let notFound: Int32 = 127

    /// Becomes the program; returns only if that fails.
    ///
    /// - Parameters:
    ///   - file: the configuration.
    ///   - proxyAddress: what clients reach leo at, when that is not `listen.proxy`.
    ///   - command: the program, looked up as a shell does, and its arguments; at least one.
    public static func run(file: String?, proxyAddress: String?, command: [String]) -> CommandReport {
        Operator.withConfig(file) { config throws(OperatorFailure) in
            let environment = try EnvCommand.prepare(config, proxyAddress: proxyAddress)
            for variable in environment.variables(beside: ProcessEnvironment.current()) {
                guard unsafe setenv(variable.name, variable.value, 1) == 0 else {
                    throw OperatorFailure("\(variable.name) cannot be set: \(SystemError.text(errno))")
                }
            }
            return replaceProcess(command)
        }
    }

    /// Replaces this process; the report of a failure. `execvp`
    static func replaceProcess(_ command: [String]) -> CommandReport {
        guard let program = command.first else {
            return CommandReport(complaints: ["leo: no command"], exitCode: notFound)
        }
        let number = unsafe CStrings.lend(command) { arguments in
            _ = unsafe execvp(program, arguments)
            return errno
        }
        return CommandReport(
            complaints: ["leo: \(program): \(SystemError.text(number))"], exitCode: exitCode(whenStartFailsWith: number)
        )
    }

    /// The shells' convention, which env(1), nice(1) and others follow.
    static func exitCode(whenStartFailsWith number: Int32) -> Int32 { number == ENOENT ? notFound : notStartable }
}
