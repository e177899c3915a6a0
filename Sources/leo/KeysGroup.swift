import ArgumentParser
import Proxy

/// `leo keys …`
struct KeysGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "keys",
        abstract: "Make and renew the master key.",
        discussion: """
            From the master key come the keys for fingerprints of provider keys. Every leo of a fleet has the same one. \
            [keys] in the configuration says where it lies.
            """,
        subcommands: [Initialise.self, Rotate.self])
}

extension KeysGroup {
    /// `leo keys init [FILE]`
    struct Initialise: ParsableCommand {
        static let configuration = CommandConfiguration(
            commandName: "init",
            abstract: "Make a master key.",
            discussion: """
                Writes 32 random bytes, as one line of base64, into the file that keys.master_file names, with mode 0600. \
                An existing file is left alone: exit code 2.
                """)

        @OptionGroup var input: FileArgument

        func run() throws { try KeysCommand.create(file: input.file).finish() }
    }

    /// `leo keys rotate [FILE]`
    struct Rotate: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Make a new master key, and keep the old one as the previous one.",
            discussion: """
                keys.previous_file gets the key that is in force now, and keys.master_file a new one. Fingerprints made \
                with the previous key still count, until a rotation or until keys.previous_file is taken out.
                """)

        @OptionGroup var input: FileArgument

        func run() throws { try KeysCommand.rotate(file: input.file).finish() }
    }
}

/// `leo fingerprint [FILE]`
struct Fingerprint: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn a provider key into the fingerprint that [tenants.NAME] holds.",
        discussion: """
            Asks for the key at the terminal without showing it, or takes the first line of the standard input. Prints one \
            line for provider_key. It needs the master key that keys.master_file names. Keys never appear in an argument, \
            where ps would show them.

            Exit codes: 0 good; 1 the file has mistakes; 2 there is no master key, or no usable key on the standard input.
            """)

    @OptionGroup var input: FileArgument

    func run() throws { try KeysCommand.fingerprint(file: input.file).finish() }
}
