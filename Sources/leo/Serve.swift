import ArgumentParser
import Proxy

/// `leo serve [FILE]`
struct Serve: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Serve as a proxy until SIGTERM.",
        discussion: """
            Without FILE the embedded defaults hold: a loopback proxy on port 8889, every known provider intercepted, \
            everything else tunnelled. Exit code 1: the file has mistakes; 2: something it names cannot be used.
            """)

    @Argument(help: "The configuration file.", completion: .file(extensions: ["toml"]))
    var file: String?

    func run() throws {
        let code = Server.run(file: file)
        if code != 0 { throw ExitCode(code) }
    }
}
