import ArgumentParser
import Glibc
import Proxy

/// `leo check [FILE]`: reads the file as `leo serve` would and reports every mistake.
struct Check: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Read the configuration file and report every mistake.",
        discussion: """
            Each mistake is one line on standard error, FILE:LINE:COLUMN: MESSAGE. The certificates, keys and credentials
            that [upstream], [listen.tls] and [keys] name are read, too. What is right and may not be meant is a note there.
            Exit codes: 0 the file is good, 1 it has mistakes, 2 it cannot be read.
            """)

    @Argument(help: "The file; the embedded defaults without one.", completion: .file(extensions: ["toml"]))
    var file: String?

    func run() throws {
        do throws(ConfigFailure) {
            let config = try Config.load(file: file)
            try config.checkFiles()
            for note in config.notes { complain(note.description) }
            print("\(file ?? "the embedded defaults"): good")
        } catch {
            for line in error.lines { complain(line) }
            throw ExitCode(error.exitCode)
        }
    }

    private func complain(_ line: String) {
        var rest = Array("\(line)\n".utf8)[...]
        while !rest.isEmpty {
            let count = unsafe rest.withUnsafeBytes { unsafe write(STDERR_FILENO, $0.baseAddress, $0.count) }
            if count <= 0 && errno != EINTR { return }
            rest = rest.dropFirst(max(count, 0))
        }
    }
}
