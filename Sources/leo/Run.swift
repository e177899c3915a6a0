import ArgumentParser
import Proxy

/// `leo run -- CMD …`
struct Run: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Start a program with the variables of leo env.",
        discussion: """
            leo becomes the program: same process, same standard streams. Options already in JAVA_TOOL_OPTIONS are \
            kept. leo itself must be running.

            Exit codes: the program's; 126 it cannot be started, 127 there is no such program; 1 the file has mistakes; \
            2 no CA yet, or the bundle cannot be written.
            """)

    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("The configuration file. Without it the embedded defaults hold.", valueName: "file"),
        completion: .file(extensions: ["toml"]))
    var file: String?
    @OptionGroup var proxy: ProxyOption
    @Argument(
        parsing: .postTerminator, help: ArgumentHelp("The program and its arguments, after --.", valueName: "cmd"))
    var command: [String]

    func run() throws { try RunCommand.run(file: file, proxyAddress: proxy.address, command: command).finish() }
}
