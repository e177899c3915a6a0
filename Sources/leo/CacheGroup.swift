import ArgumentParser
import Proxy

/// `leo cache …`
struct CacheGroup: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cache",
        abstract: "See, drop and explain the answers that leo keeps.",
        discussion: """
            [defaults.cache] and [tenants.NAME.cache] say which answers are kept, [cache] in how much memory.
            """,
        subcommands: [Stats.self, Purge.self, Key.self])
}

extension CacheGroup {
    /// `leo cache stats FILE`
    struct Stats: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Tell what a running leo keeps, and what that has saved.",
            discussion: """
                Asks at the admin listener. Counts begin when leo starts.

                Exit codes: 0 told; 1 the file has mistakes; 2 leo was not reached.
                """)

        @OptionGroup var leo: RunningLeo
        @Flag(name: .customLong("json"), help: "As JSON, on one line.")
        var isJSON = false

        func run() throws {
            try CacheCommand.stats(file: leo.file, adminAddress: leo.adminAddress, isJSON: isJSON).finish()
        }
    }

    /// `leo cache purge FILE`
    struct Purge: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Let a running leo drop what it keeps.",
            discussion: """
                All of it, or only what was kept of a tenant, of a model as requests name it, or of both. What is on its \
                way to a client goes on; an answer that is being made while this runs may be kept.

                Exit codes: 0 dropped; 1 the file has mistakes; 2 leo was not reached, or runs on another file.
                """)

        @OptionGroup var leo: RunningLeo
        @Option(help: ArgumentHelp("Only what was kept of this tenant.", valueName: "name"))
        var tenant: String?
        @Option(help: ArgumentHelp("Only answers of this model.", valueName: "name"))
        var model: String?

        func validate() throws {
            if let tenant, !CacheCommand.isName(tenant) { throw ValidationError("--tenant takes a tenant's name") }
            if let model, !CacheCommand.isName(model) { throw ValidationError("--model takes a model's name") }
        }

        func run() throws {
            try CacheCommand.purge(
                file: leo.file, adminAddress: leo.adminAddress, tenant: tenant, model: model
            ).finish()
        }
    }

    /// `leo cache key REQUEST.json`
    struct Key: ParsableCommand {
        static let configuration = CommandConfiguration(
            abstract: "Say what of a request makes the name under which its answer is kept.",
            discussion: """
                Nothing is sent, and no running leo is asked. Of the body nothing but names of members and of the model \
                is printed. The key that it ends with stands for the one in use, which is made with the tenant's \
                secret: for one tenant and one provider key, two requests have the same answer exactly if theirs are \
                equal here.

                Exit codes: 0 the request has a key; 1 the cache has nothing to do with it, or the file has mistakes; 2 \
                something cannot be read, or no provider has the host.
                """)

        @Argument(
            help: ArgumentHelp("The request's body, - for the standard input.", valueName: "file"), completion: .file())
        var body: String
        @Option(
            help: ArgumentHelp(
                "The request's path and query, \"/v1/embeddings\".",
                discussion: "Without it the chat of the host's provider.", valueName: "path"))
        var operation: String?
        @Option(help: ArgumentHelp("The provider's host.", valueName: "host"))
        var host = "api.openai.com"
        @Option(
            name: .customLong("header"), parsing: .singleValue,
            help: ArgumentHelp("A header of the request; may be given several times.", valueName: "name: value"))
        var headers: [String] = []
        @Option(
            name: .customLong("config"),
            help: ArgumentHelp("The configuration file, for the hosts of its [[provider]] rows.", valueName: "file"),
            completion: .file(extensions: ["toml"]))
        var configuration: String?
        @Flag(name: .customLong("json"), help: "As JSON, on one line.")
        var isJSON = false

        func run() throws {
            let request = CacheKeyCommand.Request(body: body, host: host, operation: operation, headers: headers)
            try CacheKeyCommand.run(request, file: configuration, isJSON: isJSON).finish()
        }
    }
}
