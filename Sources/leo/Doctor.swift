import ArgumentParser
import Proxy

/// `leo doctor [FILE]`
struct Doctor: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Check leo, and that the runtimes of this machine go through it and trust it.",
        discussion: """
            Run it in the application's environment. It looks at the CA, the proxy and the admin listener, and then lets \
            curl, Python (with the HTTP libraries and SDKs it finds), Node, Java and Go, as far as they are on PATH, \
            fetch https://doctor.leo.internal/, a host that exists nowhere but in leo. What fails is tried once more \
            with the variables of leo env, and the difference that matters is named.

            Exit codes: 0 every runtime found works; 1 something does not, or the file has mistakes; 2 the file cannot \
            be read.
            """)

    @OptionGroup var input: FileArgument
    @OptionGroup var proxy: ProxyOption

    func run() throws {
        try DoctorCommand.run(file: input.file, proxyAddress: proxy.address) { line in
            CommandReport.writeLine(line)
        }.finish()
    }
}
