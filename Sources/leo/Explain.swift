import ArgumentParser
import Proxy

/// `leo explain`
struct Explain: ParsableCommand {
    static let configuration = CommandConfiguration(
        abstract: "Say what leo would make of a request, or which values are in force.",
        usage: """
            leo explain --tenant NAME REQUEST.json [--provider NAME] [--operation PATH] [--config FILE]
            leo explain --effective [FILE]
            """,
        discussion: """
            Nothing is sent, and no running leo is asked: limits are taken as unused.

            Exit codes: 0 the request would go out; 1 it would be refused, or the file has mistakes; 2 something cannot \
            be read, or there is no such tenant or provider.
            """)

    @Argument(
        help: ArgumentHelp(
            "The request's body, - for the standard input; with --effective the configuration file.", valueName: "file"),
        completion: .file())
    var path: String?
    @Flag(help: "Print every value in force with the line that it comes from.")
    var effective = false
    @Option(help: ArgumentHelp("Whose request it is.", valueName: "name"))
    var tenant: String?
    @Option(help: ArgumentHelp("Which provider it is for.", valueName: "name"))
    var provider = "openai"
    @Option(
        help: ArgumentHelp(
            "The request's path, \"/v1/embeddings\", or method and path, \"GET /v1/models\".",
            discussion: "Without it the provider's chat.", valueName: "path"))
    var operation: String?
    @Option(
        name: .customLong("config"),
        help: ArgumentHelp("The configuration file. Without it the embedded defaults hold.", valueName: "file"),
        completion: .file(extensions: ["toml"]))
    var configuration: String?

    func validate() throws {
        if effective {
            if path != nil, configuration != nil { throw ValidationError("--effective takes one configuration file") }
            if tenant != nil || operation != nil { throw ValidationError("--effective is about no request") }
        } else if path == nil {
            throw ValidationError("name the file with the request's body, or - for the standard input")
        }
    }

    func run() throws {
        if effective { return try ExplainCommand.effective(file: path ?? configuration).finish() }
        let request = ExplainCommand.Request(
            body: path ?? "-", tenant: tenant, provider: provider, operation: operation)
        try ExplainCommand.explain(request, file: configuration).finish()
    }
}
