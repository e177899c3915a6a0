import ArgumentParser
import Proxy

/// The command line: arguments become a call, nothing else happens here.
@main
struct Leo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leo",
        abstract: "A sidecar proxy for LLM traffic.",
        version: Version.details,
        subcommands: [Serve.self, Check.self])
}
