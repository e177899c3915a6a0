import ArgumentParser
import Glibc
import Proxy

/// The configuration file, as most commands take it.
struct FileArgument: ParsableArguments {
    @Argument(
        help: "The configuration file. Without it the embedded defaults hold.",
        completion: .file(extensions: ["toml"]))
    var file: String?
}

/// The file that leo runs on, and where to ask it.
struct RunningLeo: ParsableArguments {
    @Argument(help: "The file that leo was started with.", completion: .file(extensions: ["toml"]))
    var file: String
    @Option(
        name: .customLong("admin"),
        help: ArgumentHelp(
            "Where leo's admin listener is, if that is not listen.admin.",
            discussion: "Needed when listen.admin has port 0, or has just been changed.", valueName: "address:port"))
    var adminAddress: String?

    func validate() throws {
        guard let adminAddress, !EnvCommand.isProxyAddress(adminAddress) else { return }
        throw ValidationError("--admin takes an address and a port, like 127.0.0.1:8890, not \(adminAddress)")
    }
}

/// Where clients reach leo.
struct ProxyOption: ParsableArguments {
    @Option(
        name: .customLong("proxy"),
        help: ArgumentHelp(
            "Where clients reach leo, if that is not listen.proxy.",
            discussion: "Needed when listen.proxy has port 0, or when clients see another address than leo does.",
            valueName: "address:port"))
    var address: String?

    func validate() throws {
        guard let address, !EnvCommand.isProxyAddress(address) else { return }
        throw ValidationError("--proxy takes an address and a port, like 127.0.0.1:8889, not \(address)")
    }
}

extension CommandReport {
    /// Prints the report and ends the command with its code.
    func finish() throws {
        Self.write(output, to: STDOUT_FILENO)
        for complaint in complaints { Self.write("\(complaint)\n", to: STDERR_FILENO) }
        if exitCode != 0 { throw ExitCode(exitCode) }
    }

    /// Prints a line of the command's output before the report is there.
    static func writeLine(_ line: String) { write("\(line)\n", to: STDOUT_FILENO) }

    /// The whole text, or as much as a reader takes that has not left.
    private static func write(_ text: String, to descriptor: Int32) {
        var rest = Array(text.utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe Glibc.write(descriptor, $0.baseAddress, $0.count) }
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { return }
            rest = rest.dropFirst(count)
        }
    }
}
