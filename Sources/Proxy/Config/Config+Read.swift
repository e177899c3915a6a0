import Policy

extension Config {
    /// Reads a file's text: a configuration without a mistake, or every mistake there is, in the order of the file.
    ///
    /// - Parameters:
    ///   - text: at most `fileByteCountMax` bytes.
    ///   - file: the file's name for complaints.
    ///   - baseDirectory: where relative paths start.
    public static func read(text: String, file: String, baseDirectory: String) -> (Config?, [Diagnostic]) {
        if text.utf8.count > fileByteCountMax { return (nil, [tooLarge(file)]) }
        let reader = FileReader(text: text, file: file)
        var config = Config(baseDirectory: baseDirectory)
        config.path = file
        config.read(reader, baseDirectory: baseDirectory)
        let mistakes = reader.finish()
        return (mistakes.isEmpty ? config : nil, mistakes)
    }

    mutating func read(_ file: FileReader, baseDirectory: String) {
        let before = file.mistakeCount
        keys.read(file.table("keys"), baseDirectory)
        let tenantsTable = file.table("tenants")
        var surroundings = TenantSurroundings()
        surroundings.userNumber = UserNames.number
        surroundings.hasMasterKey = keys.master != nil
        tenants = TenantTable(reading: tenantsTable, inheriting: file.table("defaults"), in: surroundings)
        let rule = ReachRule(tenants: file.mistakeCount == before ? tenants : nil)
        let listenTable = file.table("listen")
        listen.read(listenTable, baseDirectory, rule)
        rule.check(listen, listenTable, tenantsAt: tenantsTable.place)
        authority.read(file.table("ca"), baseDirectory)
        let outward = file.table("upstream")
        upstream.read(outward, baseDirectory, listen)
        upstream.readWaysOut(outward, baseDirectory, listen)
        let rows = ProviderRows(file)
        upstream.readTLS(outward, baseDirectory, rows)
        destination.read(file.table("intercept"), rows)
        cache.read(file.table("cache"))
        accessLog.read(file.table("access_log"), baseDirectory)
        prices.path = file.table("prices").path("file", in: baseDirectory, form: "a path like \"prices.toml\"")
    }

    /// No file that people write comes near this, and reading one of this size takes well under a second.
    static let fileByteCountMax = 1 << 20

    static func tooLarge(_ file: String) -> Diagnostic {
        let message = "the file is larger than \(fileByteCountMax) bytes"
        return Diagnostic(file: file, place: Place(line: 1, column: 1), message: message)
    }
}

extension Config.Keys {
    mutating func read(_ table: TableReader, _ baseDirectory: String) {
        func file(_ key: String) -> File? {
            table.path(key, in: baseDirectory, form: "a path like \"certs/master.key\"").map {
                File(path: $0, place: table.place(of: key))
            }
        }
        master = file("master_file")
        previous = file("previous_file")
        guard let previous, master?.path == previous.path || !table.has("master_file") else { return }
        let flaw = master == nil ? "has no meaning without keys.master_file" : "is the file of keys.master_file"
        table.report("previous_file", flaw, at: previous.place)
    }
}

extension Config.Listen {
    mutating func read(_ table: TableReader, _ baseDirectory: String, _ rule: ReachRule) {
        readListeners(table, baseDirectory, rule)
        workerCount = table.integer("workers", in: 0...256) ?? workerCount
        connectionsMax = table.integer("connections_max", in: 1...1_000_000) ?? connectionsMax
        handshakesMax = table.integer("handshakes_max", in: 1...1_000_000) ?? handshakesMax
        bodyMemoryMax = table.size("body_memory_max", in: 1 << 20...1 << 40) ?? bodyMemoryMax
        bodyRateMin = table.size("body_rate_min", in: 0...1 << 20) ?? bodyRateMin
        // Less than a tenth of a second fails honest clients on a busy machine; the upper ends say "never" already.
        handshakeTimeout = table.duration("handshake_timeout", in: .milliseconds(100)...minutes(10)) ?? handshakeTimeout
        headTimeout = table.duration("head_timeout", in: .milliseconds(100)...minutes(10)) ?? headTimeout
        idleTimeout = table.duration("idle_timeout", in: .milliseconds(100)...days(1)) ?? idleTimeout
        stallTimeout = table.duration("stall_timeout", in: .milliseconds(100)...days(1)) ?? stallTimeout
        drainTimeout = table.duration("drain_timeout", in: .zero...minutes(60)) ?? drainTimeout
    }
}

extension Config.Authority {
    mutating func read(_ table: TableReader, _ baseDirectory: String) {
        certificatePath = table.path("certificate", in: baseDirectory) ?? certificatePath
        keyPath = table.path("key", in: baseDirectory) ?? keyPath
        rootPath = table.path("root", in: baseDirectory) ?? rootPath
        let written = table.strings("names", form: "DNS names like \"llm.example.com\"") ?? []
        names = written.compactMap { subtree($0, table) }
        // Shorter, and clients with a slow clock fail; longer, and a leaf outlives what happens to the CA's key.
        leafLifetime = table.duration("leaf_lifetime", in: minutes(60)...days(30)) ?? leafLifetime
    }

    private func subtree(_ text: Located<String>, _ table: TableReader) -> String? {
        func refuse(_ reason: String) -> String? {
            table.report("names", "has \(text.value.quoted): \(reason)", at: text.place)
            return nil
        }
        let starred = text.value.hasPrefix("*.") ? text.value.dropFirst(2) : text.value[...]
        let bare = String(starred.hasPrefix(".") ? starred.dropFirst() : starred)
        let name = HostPort(host: bare, port: 0).host
        if HostPort(host: text.value, port: 0).address != nil {
            return refuse("leo's CA signs for names, never for addresses")
        }
        guard HostName.isValid(name) else { return refuse("this is no DNS name like \"llm.example.com\"") }
        if bare != text.value {
            return refuse("write \"\(name)\", which covers the name and everything below it")
        }
        if !name.contains(".") {
            return refuse("a whole top-level domain is more than one CA should sign for, use at least two labels")
        }
        return name
    }
}

extension Config.Upstream {
    mutating func read(_ table: TableReader, _ baseDirectory: String, _ listen: Config.Listen) {
        readTrust(table, baseDirectory)
        connectTimeout = table.duration("connect_timeout", in: .milliseconds(100)...minutes(2)) ?? connectTimeout
        // Models think for many minutes without a byte; a week is for tunnels that sit idle on purpose.
        idleTimeout = table.duration("idle_timeout", in: .milliseconds(100)...days(7)) ?? idleTimeout
        poolIdleTimeout = table.duration("pool_idle_timeout", in: .milliseconds(100)...minutes(60)) ?? poolIdleTimeout
        poolConnectionsMax = table.integer("pool_connections_max", in: 0...65536) ?? poolConnectionsMax
        streamsMax = table.integer("streams_max", in: 1...10_000) ?? streamsMax
        requestsMax = table.integer("requests_max", in: 1...1_000_000_000) ?? requestsMax
        retriesMax = table.integer("retries", in: 0...3) ?? retriesMax
        // Beyond ten minutes a wait is the provider's to repeat.
        backoffMax = table.duration("backoff_max", in: .zero...minutes(10)) ?? backoffMax
        usesCircuitBreaker = table.boolean("circuit_breaker") ?? usesCircuitBreaker
        readResolve(table, listen)
    }

    private mutating func readTrust(_ table: TableReader, _ baseDirectory: String) {
        let form = "\"system\" or a path to a PEM file (there is no switch that turns verification off)"
        let text = table.text("trust")
        let word = text?.value.lowercased() ?? ""
        if let text, text.value == "system" {
            trust = .system
        } else if let text, ["none", "off", "no", "false", "insecure", ""].contains(word) {
            table.report("trust", "must be \(form)", at: text.place)
        } else if let text, !word.contains("/"), let meant = Suggestion.nearest(to: word, among: ["system"]) {
            let file = "./\(text.value)".quoted
            let message = "= \(text.value.quoted): did you mean \"\(meant)\"? A file is written \(file)"
            table.report("trust", message, at: text.place)
        } else {
            trust = table.path("trust", in: baseDirectory, form: form).map { .file($0) } ?? trust
        }
    }

    private mutating func readResolve(_ table: TableReader, _ listen: Config.Listen) {
        let pairs = table.pairs(
            "resolve", form: "an address and a port like \"127.0.0.1:9443\"",
            hint: "has a key that was cut at its dots: write host and port in quotes, \"api.example.com:443\"")
        var places: [HostPort: Place] = [:]
        for (key, value) in pairs.sorted(by: { $0.key.place < $1.key.place }) {
            guard let target = target(key, table), let endpoint = endpoint(value, listen, table) else { continue }
            if let first = places[target] {
                table.report("resolve", "has \"\(target)\" already, at \(first)", at: key.place)
            }
            places[target] = key.place
            resolve[target] = endpoint
        }
    }

    private func target(_ key: Located<String>, _ table: TableReader) -> HostPort? {
        if let target = HostPort.parse(key.value), target.port != 0 { return target }
        var reason = "a host and a port like \"api.example.com:443\" are needed, stars are not known here"
        if HostPort.parse(key.value, defaultPort: 443) != nil, !key.value.contains(":") {
            reason = "the port is missing, did you mean \"\(key.value):443\"?"
        }
        table.report("resolve", "has the key \(key.value.quoted): \(reason)", at: key.place)
        return nil
    }

    private func endpoint(
        _ value: Located<String>, _ listen: Config.Listen, _ table: TableReader
    ) -> IPEndpoint? {
        func refuse(_ reason: String) -> IPEndpoint? {
            table.report("resolve", "has \(value.value.quoted): \(reason)", at: value.place)
            return nil
        }
        guard let endpoint = IPEndpoint.parse(value.value), endpoint.port != 0 else {
            return refuse("an address and a port like \"127.0.0.1:9443\" are needed")
        }
        if let refusal = DestinationPolicy.neverDials(endpoint.address) { return refuse(refusal.explanation) }
        if endpoint.address.isLoopback, listen.ports.contains(endpoint.port) { return refuse("this is leo itself") }
        return endpoint
    }
}

extension Config.Cache {
    /// The parts into which the memory is divided, so that threads do not wait for each other: an answer must fit into
    /// one.
    static let partCount = 16
    /// With less, a part has no room for an answer worth keeping.
    private static let byteCountMin = 1 << 20

    mutating func read(_ table: TableReader) {
        byteCountMax = table.size("memory", in: 0...1 << 40) ?? byteCountMax
        if (1..<Self.byteCountMin).contains(byteCountMax) {
            table.report(
                "memory", "must be \"0B\", which keeps nothing, or from \"\(SizeText.write(Self.byteCountMin))\"",
                at: table.place(of: "memory"))
            byteCountMax = Self.byteCountMin
        }
        let most = byteCountMax / Self.partCount
        guard let written = table.size("entry_max", in: 1 << 10...1 << 36) else {
            if byteCountMax > 0 { entryByteCountMax = min(entryByteCountMax, most) }
            return
        }
        entryByteCountMax = written
        if byteCountMax > 0, written > most {
            table.report(
                "entry_max", "is more than a sixteenth of cache.memory, \(SizeText.write(most))",
                at: table.place(of: "entry_max"))
        }
    }
}

extension Config.AccessLog {
    mutating func read(_ table: TableReader, _ baseDirectory: String) {
        if let text = table.text("path"), text.value == "-" {
            path = nil
        } else {
            path = table.path("path", in: baseDirectory, form: "\"-\" for standard output, or a path")
        }
        // A full disk must not lose the record of what happened; a stuck terminal must not stop the work.
        onFull = table.choice("on_full") ?? (path == nil ? .drop : .block)
        blockTimeout = table.duration("block_timeout", in: .milliseconds(10)...minutes(1)) ?? blockTimeout
        readLabels(table)
    }

    /// Each label costs room in every line.
    private static let labelCountMax = 8
    private static let labelByteCountMax = 64
    /// Header fields whose values are credentials, which no log may hold; and how the names of such fields end.
    private static let secretFields = [
        "authorization", "proxy-authorization", "cookie", "set-cookie", "apikey", "key", "token",
        // Browsers, which can set no other field of a WebSocket, send keys in it.
        "sec-websocket-protocol",
    ]
    private static let secretEndings = ["-key", "-token", "-secret", "-password"]

    private mutating func readLabels(_ table: TableReader) {
        guard let names = table.strings("labels", form: "request header names like \"x-team\"") else { return }
        for name in names {
            let field = name.value.lowercased()
            var reason: String?
            if !(1...Self.labelByteCountMax).contains(field.utf8.count) || !field.utf8.allSatisfy(isTokenByte) {
                reason = "which is no header name of at most \(Self.labelByteCountMax) letters, digits and hyphens"
            } else if Self.secretFields.contains(field) || Self.secretEndings.contains(where: field.hasSuffix) {
                reason = "a header that carries credentials, which the log never holds"
            } else if labels.contains(field) {
                reason = "a second time"
            } else if labels.count == Self.labelCountMax {
                reason = "but at most \(Self.labelCountMax) are allowed"
            }
            if let reason { table.report("labels", "has \(name.value.quoted), \(reason)", at: name.place) }
            if reason == nil { labels.append(field) }
        }
    }

    /// RFC 9110 section 5.6.2.
    private func isTokenByte(_ byte: UInt8) -> Bool {
        (byte | 0x20) >= 0x61 && (byte | 0x20) <= 0x7A || byte >= 0x30 && byte <= 0x39
            || "!#$%&'*+-.^_`|~".utf8.contains(byte)
    }
}

private func minutes(_ count: Int) -> Duration { .seconds(count * 60) }
private func days(_ count: Int) -> Duration { .seconds(count * 24 * 3600) }
