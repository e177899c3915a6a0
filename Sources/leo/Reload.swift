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

    @OptionGroup var leo: RunningLeo

    func run() throws { try ReloadCommand.run(file: leo.file, adminAddress: leo.adminAddress).finish() }
}
