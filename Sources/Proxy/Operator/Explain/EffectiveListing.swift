import Policy

/// Every value that is in force, with the line that it comes from: the file's, what a tenant inherits, or a default.
struct EffectiveListing {
    /// The listing, a line each; it is TOML.
    private(set) var lines: [String] = []
    private let written: WrittenSettings

    /// What a file's text comes to, in which there is no mistake; `tenants` are its tenants, none if everybody is the same,
    /// and `cache` its memory, in which the largest answer depends on the whole.
    init(_ text: String, tenants: [String], cache: Config.Cache = Config.Cache()) {
        written = WrittenSettings(text)
        var listed: [[String]] = [["tenants"], ["defaults"]]
        for section in Self.defaults {
            let values = section.values.map { key, text in
                (key, key == "entry_max" ? "\"\(SizeText.write(cache.entryByteCountMax))\"" : text)
            }
            listSection(section.path, defaults: values)
            listed.append(section.path)
        }
        for table in written.tables where !listed.contains(table.path) && !isTenants(table.path) {
            begin(table.isRow ? "[[\(Self.name(table.path))]]" : "[\(Self.name(table.path))]")
            for entry in table.entries { add(entry.key, entry.text, "line \(entry.line)") }
        }
        for tenant in tenants { listTenant(tenant) }
        if tenants.isEmpty { listDefaults() }
    }

    private func isTenants(_ path: [String]) -> Bool { path.first == "tenants" || path.first == "defaults" }

    private static func name(_ path: [String]) -> String { path.map(WrittenSettings.key).joined(separator: ".") }

    private mutating func begin(_ header: String) {
        if !lines.isEmpty { lines.append("") }
        lines.append(header)
    }

    private mutating func add(_ key: String, _ text: String, _ origin: String) {
        let value = "\(WrittenSettings.key(key)) = \(text)"
        lines.append(value + String(repeating: " ", count: max(2, 44 - value.unicodeScalars.count)) + "# \(origin)")
    }

    private mutating func listSection(_ path: [String], defaults: [(key: String, text: String)]) {
        let table = written.table(path)
        begin("[\(Self.name(path))]")
        for (key, text) in defaults {
            if let entry = table?[key] {
                add(key, entry.text, "line \(entry.line)")
            } else {
                add(key, text, "default")
            }
        }
        for entry in table?.entries ?? [] where !defaults.contains(where: { $0.key == entry.key }) {
            add(entry.key, entry.text, "line \(entry.line)")
        }
    }

    // MARK: Tenants

    private mutating func listTenant(_ tenant: String) {
        let own = ["tenants", tenant]
        begin("[\(Self.name(own))]")
        for entry in written.table(own)?.entries ?? [] { add(entry.key, entry.text, "line \(entry.line)") }
        // The tables inside of it, and those that it inherits, each once.
        var inner: [[String]] = []
        for root in [own, ["defaults"]] {
            for table in written.tables where table.path.starts(with: root) && table.path.count > root.count {
                let path = Array(table.path.dropFirst(root.count))
                if !inner.contains(path) { inner.append(path) }
            }
        }
        for path in inner { listInherited(own + path, from: ["defaults"] + path, kind: path) }
    }

    /// What holds for the one tenant that everybody is.
    private mutating func listDefaults() {
        for table in written.tables where table.path.first == "defaults" && !table.entries.isEmpty {
            begin("[\(Self.name(table.path))]")
            for entry in table.entries { add(entry.key, entry.text, "line \(entry.line)") }
            addDefaults(of: Array(table.path.dropFirst())) { table[$0] != nil }
        }
    }

    private mutating func addDefaults(of kind: [String], isWritten: (String) -> Bool) {
        let defaults: [(key: String, text: String)] =
            switch kind {
            case ["limits"]: Self.limitDefaults
            // A table says that there is something to see.
            case ["cache"]: [("mode", "\"observe\"")] + Self.cacheDefaults
            default: []
            }
        for (key, text) in defaults where !isWritten(key) { add(key, text, "default") }
    }

    private mutating func listInherited(_ own: [String], from inherited: [String], kind: [String]) {
        let table = written.table(own)
        let defaults = written.table(inherited)
        if (table?.entries ?? []).isEmpty, (defaults?.entries ?? []).isEmpty { return }
        begin("[\(Self.name(own))]")
        for entry in table?.entries ?? [] { add(entry.key, entry.text, "line \(entry.line)") }
        let origin = "from [\(Self.name(inherited))]"
        for entry in defaults?.entries ?? [] {
            let isAddition = entry.key.hasSuffix(Self.additionSuffix)
            let base = isAddition ? String(entry.key.dropLast(Self.additionSuffix.count)) : entry.key
            // What a tenant writes takes the place of all that it would inherit, what is added to that included.
            if table?[base] != nil { continue }
            if table?[entry.key] == nil {
                add(entry.key, entry.text, "line \(entry.line), \(origin)")
            } else {
                // Both additions hold, but a table has a key once.
                lines.append("# and \(entry.key) = \(entry.text), line \(entry.line), \(origin)")
            }
        }
        addDefaults(of: kind) { table?[$0] != nil || defaults?[$0] != nil }
    }

    private static let additionSuffix = "_add"

    // MARK: Defaults

    /// What the keys of a table of limits are when nobody writes them; limits themselves have no default.
    static let limitDefaults: [(key: String, text: String)] = [
        ("mode", "\"enforce\""), ("max_output_action", "\"cap\""), ("on_exhausted", "\"let_finish\""),
        ("unmetered", "\"refuse\""), ("unpriced", "\"refuse\""),
    ]

    /// The same for a table of cache settings; `mode` is "off" without a table, and "observe" in one.
    static let cacheDefaults: [(key: String, text: String)] = [
        ("when", "\"deterministic\""), ("ttl", "\"1h\""), ("scope", "\"key\""), ("client_may_opt_in", "false"),
        ("tool_calls", "true"), ("coalesce", "true"), ("stale_while_revalidate", "\"0s\""),
        ("stale_if_error", "\"0s\""), ("ignore_headers", "[]"), ("replay_interval", "\"0s\""),
    ]

    /// The keys that have a value without a file, as config/leo.toml has them; a test compares the two.
    static let defaults: [(path: [String], values: [(key: String, text: String)])] = [
        (
            ["listen"],
            [
                ("proxy", "\"127.0.0.1:8889\""), ("admin", "\"127.0.0.1:8890\""), ("workers", "0"),
                ("connections_max", "16384"), ("handshakes_max", "1024"), ("body_memory_max", "\"256MB\""),
                ("body_rate_min", "\"256B\""), ("handshake_timeout", "\"10s\""), ("head_timeout", "\"30s\""),
                ("idle_timeout", "\"5m\""), ("stall_timeout", "\"2m\""), ("drain_timeout", "\"30s\""),
                ("proxy_protocol_from", "[]"), ("mark", "0"),
            ]
        ),
        (["listen", "tls"], [("names", "[\"localhost\"]")]),
        (
            ["ca"],
            [
                ("certificate", "\"certs/leo-ca.pem\""), ("key", "\"certs/leo-ca.key\""),
                ("root", "\"certs/leo-root.pem\""), ("names", "[]"), ("leaf_lifetime", "\"24h\""),
            ]
        ),
        (
            ["upstream"],
            [
                ("trust", "\"system\""), ("connect_timeout", "\"4s\""), ("idle_timeout", "\"15m\""),
                ("pool_idle_timeout", "\"30s\""), ("pool_connections_max", "256"), ("streams_max", "100"),
                ("requests_max", "10000"), ("retries", "0"), ("backoff_max", "\"60s\""), ("circuit_breaker", "true"),
            ]
        ),
        (
            ["intercept"],
            [
                ("providers", "\"all\""), ("other_hosts", "\"tunnel\""), ("tunnel_without_sni", "\"tunnel\""),
                ("on_overload", "\"refuse\""), ("body_limit", "\"16MB\""), ("on_uninspectable", "\"refuse\""),
                ("splice", "[]"), ("allow", "[]"), ("refuse", "[\"169.254.0.0/16\", \"fd00:ec2::254\"]"),
            ]
        ),
        (["cache"], [("memory", "\"64MB\""), ("entry_max", "\"1MB\"")]),
        (
            ["access_log"],
            [("path", "\"-\""), ("on_full", "\"drop\""), ("block_timeout", "\"2s\""), ("labels", "[]")]
        ),
    ]
}
