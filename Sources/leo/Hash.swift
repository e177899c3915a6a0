import ArgumentParser
import Proxy

/// `leo hash`
struct Hash: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Turn a password into the hash that [tenants.NAME] holds.",
        discussion: """
            Asks for the password at the terminal, twice and without showing it, or takes the first line of the standard \
            input. Prints one line for password_hash. Passwords never appear in an argument, where ps would show them.

            Exit codes: 0 good; 1 with --verify: the password does not fit; 2 there is no usable password or hash.
            """)

    @Option(
        help: ArgumentHelp(
            "Tell whether the password is the one of this hash.",
            discussion: "Put the hash in single quotes: it holds dollar signs.", valueName: "hash"))
    var verify: String?

    func run() throws { try (verify.map(HashCommand.verify) ?? HashCommand.make()).finish() }
}
