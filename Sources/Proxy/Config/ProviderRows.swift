import Policy
import Wire

/// The `[[provider]]` rows of the file, and the table they make together with the built-in rows.
struct ProviderRows {
    /// The built-in rows and the file's, those with a mistake left out.
    let table: ProviderTable
    /// The names that a row was meant to have, mistakes notwithstanding, so that one mistake does not become two.
    let names: [String]
    /// The hosts of all rows, likewise.
    let hosts: [HostPattern]
    /// Those of them that are reached by TLS, likewise.
    let secureHosts: [HostPattern]

    /// uvicorn, which most self-hosted servers run on, closes an idle connection after 5 s.
    private static let poolIdleTimeout = Duration.seconds(4)
    private static let nameByteCountMax = 64

    init(_ file: FileReader) {
        let tables = file.rows("provider", keys: ["name", "hosts", "api", "plain", "stream_usage"])
        var rows: [Provider] = []
        var names = ProviderTable.builtIn.names
        var places = Places()
        for table in tables {
            let before = file.mistakeCount
            let name = Self.name(table, &places)
            if let name { names.append(name) }
            let row = Self.row(table, name ?? "", &places)
            if let row, file.mistakeCount == before { rows.append(row) }
        }
        self.table = ProviderTable(ProviderTable.builtIn.rows + rows)
        self.names = names
        let written = places.hosts.keys
        self.hosts = ProviderTable.builtIn.rows.flatMap(\.hosts) + written
        secureHosts =
            ProviderTable.builtIn.rows.filter { !$0.plain }.flatMap(\.hosts)
            + written.filter { !places.plain.contains($0) }
    }

    /// Where names and hosts were seen first.
    private struct Places {
        var names: [String: Place] = [:]
        var hosts: [HostPattern: Place] = [:]
        var plain: Set<HostPattern> = []
    }

    private static func name(_ table: TableReader, _ places: inout Places) -> String? {
        let form = "a name like \"vllm\""
        guard let text = table.string("name", form: form) else {
            if !table.has("name") { table.report("name", "is missing: \(form)", at: table.place) }
            return nil
        }
        let name = text.value
        let lower = name.lowercased()
        if !isName(name) {
            let clause = name != lower && isName(lower) ? ", did you mean \"\(lower)\"?" : ""
            let rule = "lower-case letters, digits, \"-\", \"_\" and \".\", at most \(nameByteCountMax)"
            table.report("name", "must be \(rule), not \(name.quoted)\(clause)", at: text.place)
            return nil
        }
        if name == "all" {
            table.report("name", "must not be \"all\", which means every provider", at: text.place)
            return nil
        }
        if let first = places.names[name] {
            table.report("name", "= \"\(name)\" is taken already, at \(first)", at: text.place)
        } else {
            places.names[name] = text.place
        }
        return name
    }

    private static func isName(_ name: String) -> Bool {
        (1...nameByteCountMax).contains(name.utf8.count)
            && name.utf8.first.map { isLetterOrDigit($0) } == true
            && name.utf8.allSatisfy { isLetterOrDigit($0) || "-_.".utf8.contains($0) }
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte) || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
    }

    private static func row(_ table: TableReader, _ name: String, _ places: inout Places) -> Provider? {
        let plain = table.boolean("plain") ?? false
        let api: APIFamily? = table.choice("api")
        if !table.has("api") {
            let words = APIFamily.allCases.map { "\"\($0.rawValue)\"" }.joined(separator: ", ")
            table.report("api", "is missing: one of \(words)", at: table.place)
        }
        let hosts = hosts(table, plain: plain, &places)
        let streamUsage = table.boolean("stream_usage")
        guard let api, let hosts else { return nil }
        if streamUsage != nil, api != .openai {
            let message = "is about requests of OpenAI's shape: it has no meaning with api = \"\(api.rawValue)\""
            table.report("stream_usage", message, at: table.place(of: "stream_usage"))
        }
        let builtIn = ProviderTable.builtIn.rows.first { $0.name == name }
        if let builtIn, builtIn.api != api {
            let message = "must be \"\(builtIn.api.rawValue)\", as for the built-in \"\(name)\" that this row adds to"
            table.report("api", message, at: table.place)
        }
        return Provider(
            name: name, api: api, hosts: hosts, plain: plain, poolIdleTimeout: poolIdleTimeout,
            streamUsage: streamUsage ?? builtIn?.streamUsage ?? false,
            outputLimitField: builtIn?.outputLimitField ?? .maxTokens)
    }

    private static func hosts(_ table: TableReader, plain: Bool, _ places: inout Places) -> [HostPattern]? {
        guard let written = table.hosts("hosts", defaultPort: plain ? nil : 443) else {
            if !table.has("hosts") { table.report("hosts", "are missing: [\"llm.example.com\"]", at: table.place) }
            return nil
        }
        if written.isEmpty, table.isEmptyList("hosts") {
            table.report("hosts", "must name at least one host", at: table.place)
        }
        for host in written {
            if let flaw = flaw(host.value, plain: plain) {
                table.report("hosts", "has \"\(host.value)\": \(flaw)", at: host.place)
            } else if let first = places.hosts[host.value] {
                table.report("hosts", "has \"\(host.value)\" again, after \(first)", at: host.place)
            } else {
                places.hosts[host.value] = host.place
                if plain { places.plain.insert(host.value) }
            }
        }
        return written.map(\.value)
    }

    private static func flaw(_ host: HostPattern, plain: Bool) -> String? {
        if DestinationPolicy.neverReaches(host.sampleHost) { return "leo never goes there" }
        if plain && host.port == nil { return "a plain provider needs its port, \"\(host):8000\"" }
        if !plain && host.isAddress {
            return "leo's CA signs for names, never for addresses; an address needs plain = true"
        }
        return nil
    }
}
