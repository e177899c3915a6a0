import Policy

// The ways in, as the file has them.
extension Config.Listen {
    mutating func readListeners(_ table: TableReader, _ baseDirectory: String, _ rule: ReachRule) {
        let before = table.file.mistakeCount
        var written = WrittenPorts(table, rule)
        if let found = table.endpoint("proxy") { proxy = written.take(found, .proxy) ?? proxy }
        proxyTLS = written.take(table.endpoints("proxy_tls"), .proxyTLS)
        transparent = written.take(table.endpoints("transparent"), .transparent)
        reverse = written.take(table.endpoints("reverse"), .reverse)
        readAdmin(table, &written)
        // Of a listener that was written wrong nothing is known, so only whole sets are compared.
        if table.file.mistakeCount == before { written.compare(self) }
        proxyUnix = unixPath(table, baseDirectory)
        proxyProtocolFrom = table.networks("proxy_protocol_from") ?? proxyProtocolFrom
        mark = table.integer("mark", in: 0...Int(UInt32.max)).map { UInt32(truncatingIfNeeded: $0) } ?? mark
        let tlsTable = table.table("tls")
        tls.read(tlsTable, baseDirectory)
        if !table.has("proxy_tls"), let authority = tlsTable.text("client_ca") {
            let message = "is for the clients of listen.proxy_tls, which is not there"
            tlsTable.report("client_ca", message, at: authority.place)
        }
    }

    private mutating func readAdmin(_ table: TableReader, _ written: inout WrittenPorts) {
        if let text = table.text("admin"), let off = Self.off(text, table) {
            if off { admin = nil }
            return
        }
        guard let found = table.endpoint("admin", alternative: "off") else { return }
        admin = written.take(found, nil) ?? admin
    }

    /// true for "off", false for what was meant to be it and is reported, nil for anything else.
    private static func off(_ text: Located<String>, _ table: TableReader) -> Bool? {
        if text.value == "off" { return true }
        guard ["off", "none", "no", "false", "disabled", ""].contains(text.value.lowercased()) else { return nil }
        table.report("admin", "= \(text.value.quoted): did you mean \"off\"?", at: text.place)
        return false
    }

    private func unixPath(_ table: TableReader, _ baseDirectory: String) -> String? {
        let form = "a path like \"/run/leo/proxy.sock\""
        guard let path = table.path("proxy_unix", in: baseDirectory, form: form) else { return nil }
        if path.utf8.count <= Socket.unixPathBytesMax { return path }
        let message = "is longer than the \(Socket.unixPathBytesMax) bytes that the path of a Unix socket may have"
        table.report("proxy_unix", message, at: table.text("proxy_unix")?.place ?? table.place)
        return nil
    }

    /// Every port that is written in the file.
    var ports: [UInt16] {
        ([proxy] + proxyTLS + transparent + reverse).map(\.port) + (admin.map { [$0.port] } ?? [])
    }

    /// The names that leo's CA has to sign for `proxy_tls`.
    var mintedNames: [String] { proxyTLS.isEmpty || tls.certificatePath != nil ? [] : tls.names }
}

/// The addresses of the file's listeners, to be told from one another.
private struct WrittenPorts {
    private let table: TableReader
    private let rule: ReachRule
    private var found: [(key: String, endpoint: IPEndpoint, place: Place)] = []

    init(_ table: TableReader, _ rule: ReachRule) {
        self.table = table
        self.rule = rule
    }

    mutating func take(_ written: Located<IPEndpoint>, _ kind: ListenerKind?) -> IPEndpoint? {
        let key = kind?.rawValue ?? "admin"
        let endpoint = IPEndpoint(address: written.value.address.unwrapped, port: written.value.port)
        if let refusal = rule.refusal(of: endpoint, for: kind) {
            table.report(key, "= \"\(written.value)\" \(refusal)", at: written.place)
            return nil
        }
        found.append((key, endpoint, written.place))
        return endpoint
    }

    mutating func take(_ written: [Located<IPEndpoint>]?, _ kind: ListenerKind) -> [IPEndpoint] {
        var endpoints: [IPEndpoint] = []
        for one in written ?? [] {
            guard let endpoint = take(one, kind) else { continue }
            if endpoints.contains(endpoint) {
                table.report(kind.rawValue, "has \"\(endpoint)\" twice", at: one.place)
            } else {
                endpoints.append(endpoint)
            }
        }
        return endpoints
    }

    /// Reports a port that two keys have. The rule against reaching leo through leo takes all loopback addresses for
    /// one, and so does this.
    func compare(_ listen: Config.Listen) {
        var owners: [UInt16: String] = [:]
        for (key, endpoint) in listen.keys where endpoint.port != 0 {
            guard let owner = owners[endpoint.port] else {
                owners[endpoint.port] = key
                continue
            }
            guard owner != key else { continue }
            let place = found.last { $0.key == key }?.place ?? found.last { $0.key == owner }?.place ?? table.place
            table.report(key, "is \"\(endpoint)\", but the \(owner) has port \(endpoint.port) already", at: place)
        }
    }
}

extension Config.Listen {
    /// Every address with its key.
    fileprivate var keys: [(key: String, endpoint: IPEndpoint)] {
        [("proxy", proxy)] + proxyTLS.map { ("proxy_tls", $0) } + transparent.map { ("transparent", $0) }
            + reverse.map { ("reverse", $0) } + (admin.map { [("admin", $0)] } ?? [])
    }
}

extension Config.TLS {
    mutating func read(_ table: TableReader, _ baseDirectory: String) {
        let form = "a path like \"certs/proxy.pem\""
        certificatePath = table.path("certificate", in: baseDirectory, form: form)
        keyPath = table.path("key", in: baseDirectory, form: form)
        clientAuthorityPath = table.path("client_ca", in: baseDirectory, form: "a path like \"certs/clients.pem\"")
        place = (table.text("certificate") ?? table.text("client_ca"))?.place
        if table.has("certificate") != table.has("key") {
            let (there, missing) = table.has("key") ? ("key", "certificate") : ("certificate", "key")
            let place = table.text(there)?.place ?? table.place
            table.report(missing, "is missing: \(there) alone is not enough", at: place)
        }
        guard let written = table.strings("names", form: "DNS names like \"localhost\"") else { return }
        if table.isEmptyList("names") { table.report("names", "must name at least one host", at: table.place) }
        let good = written.compactMap { name(of: $0, table) }
        if !good.isEmpty { names = good }
    }

    private func name(of text: Located<String>, _ table: TableReader) -> String? {
        let name = HostPort(host: text.value, port: 0)
        if name.address != nil {
            table.report(
                "names", "has \(text.value.quoted): leo's CA signs for names, never for addresses", at: text.place)
            return nil
        }
        guard HostName.isValid(name.host) else {
            table.report("names", "has \(text.value.quoted): this is no DNS name like \"localhost\"", at: text.place)
            return nil
        }
        return name.host
    }
}
