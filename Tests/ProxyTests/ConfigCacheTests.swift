import Policy
import Testing

@testable import Proxy

@Suite("The cache in the file")
struct ConfigCacheTests {
    private func read(_ text: String) -> (config: Config?, mistakes: [String]) {
        let (config, mistakes) = Config.read(text: text, file: "f", baseDirectory: "/")
        return (config, mistakes.map(\.description))
    }

    @Test(
        "has a memory, and a largest answer that fits into a sixteenth of it",
        arguments: [
            ("", 65536, 1024), ("memory = \"256MB\"", 262144, 1024), ("memory = \"8MB\"", 8192, 512),
            ("memory = \"0B\"", 0, 1024), ("memory = \"1MB\"\nentry_max = \"64KB\"", 1024, 64),
            ("entry_max = \"4MB\"", 65536, 4096), ("memory = \"0B\"\nentry_max = \"1GB\"", 0, 1_048_576),
        ] as [(String, Int, Int)])
    func sizes(text: String, memoryKilobytes: Int, entryKilobytes: Int) {
        let (config, mistakes) = read("[cache]\n" + text)
        #expect(mistakes == [])
        #expect(config?.cache.byteCountMax == memoryKilobytes << 10)
        #expect(config?.cache.entryByteCountMax == entryKilobytes << 10)
        #expect(config.map { PolicySnapshot($0).cache == $0.cache } == true)
    }

    @Test(
        "says what would be right",
        arguments: [
            ("memory = \"512KB\"", "cache.memory must be \"0B\", which keeps nothing, or from \"1MB\""),
            ("memory = 64", "64 of which unit? \"64B\" is bytes"), ("memory = \"64MiB\"", "did you mean \"64MB\"?"),
            ("entry_max = \"8MB\"", "cache.entry_max is more than a sixteenth of cache.memory, 4MB"),
            ("entry_max = \"1B\"", "cache.entry_max must be from \"1KB\""),
            ("memroy = \"1MB\"", "unknown key \"memroy\" in [cache], did you mean \"memory\"?"),
            ("ttl = \"1h\"", "unknown key \"ttl\" in [cache], it belongs in [defaults.cache]"),
        ])
    func mistakes(text: String, message: String) {
        let (config, mistakes) = read("[cache]\n" + text)
        #expect(config == nil && mistakes.count == 1 && mistakes[0].contains(message), "\(mistakes)")
    }

    @Test("a scope that some tenant's clients cannot prove to be in is noted for it")
    func scope() {
        let rows = """
            [tenants.far]
            match = [{ source = "10.0.0.0/8" }, { listener = "reverse" }]
            [tenants.near]
            match = [{ source = "10.1.0.0/16" }, { uid = 0 }]
            [tenants.default]
            [tenants.default.cache]
            mode = "off"
            """
        let tenantWide = read("[defaults.cache]\nmode = \"enforce\"\nscope = \"tenant\"\n" + rows)
        #expect(tenantWide.mistakes == [])
        let notes = (tenantWide.config?.notes ?? []).map(\.description)
        #expect(notes.count == 1 && notes[0].hasPrefix("f:3:9: note: the clients of tenant \"far\" are known by"))
        #expect(read("[defaults.cache]\nmode = \"enforce\"\n" + rows).config?.notes == [])
        #expect(read("[defaults.cache]\nscope = \"tenant\"\n").config?.notes.count == 1)
    }
}
