import ArgumentParser
import Proxy

/// `leo reload FILE`
struct Reload: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Let the leo that runs on a file read it again.",
        discussion: """
            Asks at the admin listener. leo checks the whole file; if it has a mistake, nothing is changed. What is in \
            flight goes on as it began, whatever begins from then on goes by the new file. What needs a restart is \
            named. A SIGHUP to leo does the same without saying here what came of it.

            Exit codes: 0 what the file says is in force; 1 the file has mistakes; 2 leo was not reached, runs on \
            another file, or is shutting down.
            """)

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

    func run() throws { try ReloadCommand.run(file: file, adminAddress: adminAddress).finish() }
}
