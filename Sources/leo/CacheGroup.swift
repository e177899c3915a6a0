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
        subcommands: [Stats.self, Purge.self])
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
}
