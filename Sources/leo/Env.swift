import ArgumentParser
import Proxy

extension ShellForm: ExpressibleByArgument {}

/// `leo env [FILE]`
struct Env: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Print the variables that send an application through leo.",
        discussion: """
            In a shell: eval "$(leo env)", in fish: leo env --shell fish | source. The variables cover the proxy and \
            the trust of curl, Python, Node, Java, Go, gRPC and the AWS SDKs; docs/trust.md says who reads which. The \
            bundle and the Java trust store that they name are written if they are missing or older than what they are \
            made of. Options already in JAVA_TOOL_OPTIONS are kept (sh, fish).

            Exit codes: 0 good; 1 the file has mistakes; 2 no CA yet, or the bundle cannot be written.
            """)

    @OptionGroup var input: FileArgument
    @Option(name: .customLong("shell"), help: "What the text is for.")
    var form: ShellForm = .sh
    @OptionGroup var proxy: ProxyOption

    func run() throws { try EnvCommand.run(file: input.file, form: form, proxyAddress: proxy.address).finish() }
}
