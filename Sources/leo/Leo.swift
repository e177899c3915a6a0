import ArgumentParser
import Proxy

/// The command line: arguments become a call, nothing else happens here.
@main
struct Leo: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "leo",
        abstract: "A sidecar proxy for LLM traffic.",
        discussion: """
            Beginning: leo ca init, leo serve, and where the application is started: eval "$(leo env)".

            Exit codes: 0 good; 1 the file has mistakes or a check failed; 2 something cannot be read, written or \
            bound; 64 wrong usage.
            """,
        version: Version.details,
        subcommands: [
            Serve.self, Check.self, Explain.self, Reload.self, AuthorityGroup.self, KeysGroup.self, Env.self, Run.self,
            Doctor.self, CacheGroup.self, Hash.self, Fingerprint.self,
        ])
}
