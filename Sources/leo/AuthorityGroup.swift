import ArgumentParser
import Proxy

/// `leo ca …`
struct AuthorityGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "ca",
        abstract: "Make, show and renew leo's own CA.",
        discussion: """
            leo shows its clients certificates that it signs itself, with an intermediate that can sign for the \
            intercepted hosts and for nothing else. Clients trust the root above it.
            """,
        subcommands: [Initialise.self, Show.self, Bundle.self, Rotate.self])
}

/// Where the root's key is kept.
private struct RootKeyOption: ParsableArguments {
    @Option(
        name: .customLong("keep-root"),
        help: ArgumentHelp(
            "Keep the root's key in this file.",
            discussion: """
                With it a rotation can make a new intermediate under the same root, which clients do not notice. \
                Without it the key is forgotten at once. Keep the file off the machines that run leo.
                """,
            valueName: "path"),
        completion: .file())
    var path: String?
}

extension AuthorityGroup {
    /// `leo ca init [FILE]`
    struct Initialise: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init",
            abstract: "Make a root, an intermediate and what clients trust.",
            discussion: """
                Writes the files that [ca] names, and beside the root leo-bundle.pem (leo's root and the system's) and \
                leo-truststore.p12 (the same for Java). Existing files are left alone: exit code 2.
                """)

        @OptionGroup var input: FileArgument
        @OptionGroup fileprivate var rootKey: RootKeyOption

        func run() throws { try AuthorityCommand.create(file: input.file, rootKeyPath: rootKey.path).finish() }
    }

    /// `leo ca show [FILE]`
    struct Show: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Show the CA: subjects, validity, fingerprints, and the names it may sign for.",
            discussion: """
                Lines that begin with "warning:" tell what is wrong: an expiry, a configured host outside of the names. \
                The key is not needed.
                """)

        @OptionGroup var input: FileArgument

        func run() throws { try AuthorityCommand.show(file: input.file).finish() }
    }

    /// `leo ca bundle [FILE]`
    struct Bundle: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Write the PEM bundle and the Java trust store for clients.",
            discussion: """
                Most runtimes take a CA file in place of their own roots, so both files hold the system's roots and \
                leo's. leo env renews them by itself; this command is for images and other machines.
                """)

        @OptionGroup var input: FileArgument
        @Option(
            help: ArgumentHelp(
                "Write the bundle here, and leo-truststore.p12 into the same folder.", valueName: "path"),
            completion: .file())
        var output: String?

        func run() throws { try AuthorityCommand.bundle(file: input.file, output: output).finish() }
    }

    /// `leo ca rotate [FILE]`
    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new intermediate in place of the old one.",
            discussion: """
                For new hosts in the configuration, before an expiry, or after a leak. With --keep-root and the key that \
                leo ca init kept there, the root stays and clients notice nothing. Without, the root is new as well and \
                every client needs it. leo has to be restarted. A CA that leo did not make is left alone: exit code 2.
                """)

        @OptionGroup var input: FileArgument
        @OptionGroup fileprivate var rootKey: RootKeyOption

        func run() throws { try AuthorityCommand.rotate(file: input.file, rootKeyPath: rootKey.path).finish() }
    }
}
