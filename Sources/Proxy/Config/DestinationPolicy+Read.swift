import Policy

extension DestinationPolicy {
    mutating func read(_ table: TableReader, _ rows: ProviderRows) {
        providers = selected(table, rows)
        otherHosts = table.choice("other_hosts") ?? otherHosts
        tunnelWithoutServerName = table.choice("tunnel_without_sni") ?? tunnelWithoutServerName
        onOverload = table.choice("on_overload") ?? onOverload
        onUninspectable = table.choice("on_uninspectable") ?? onUninspectable
        bodyByteCountMax = table.size("body_limit", in: Self.bodyByteCounts) ?? bodyByteCountMax
        splice = table.hosts("splice", defaultPort: nil)?.compactMap { spliced($0, table, rows) } ?? splice
        allow = table.destinations("allow")?.compactMap { allowed($0, table) } ?? allow
        refuse = table.destinations("refuse")?.map(\.value) ?? refuse
    }

    /// Below 64 KB hardly a prompt would be read; above 1 GB one request could fill the memory of a sidecar.
    private static let bodyByteCounts = (64 << 10)...(1 << 30)

    private func selected(_ table: TableReader, _ rows: ProviderRows) -> ProviderTable {
        let form = "\"all\" or a list of provider names like [\"openai\", \"anthropic\"]"
        if let word = table.text("providers") {
            if word.value != "all" {
                let list = rows.names.contains(word.value) ? ": write [\"\(word.value)\"]" : ""
                table.report("providers", "must be \(form), not \(word.value.quoted)\(list)", at: word.place)
            }
            return rows.table
        }
        guard let names = table.strings("providers", form: "provider names, or \"all\"") else { return rows.table }
        var places: [String: Place] = [:]
        for name in names {
            if name.value == "all" {
                table.report("providers", "has \"all\" in a list: write providers = \"all\"", at: name.place)
            } else if !rows.names.contains(name.value) {
                let clause = table.file.suggestion(for: name.value, among: rows.names)
                table.report("providers", "has \(name.value.quoted), which is no provider\(clause)", at: name.place)
            } else if let first = places[name.value] {
                table.report("providers", "has \"\(name.value)\" again, after \(first)", at: name.place)
            }
            places[name.value] = name.place
        }
        return rows.table.selecting(Set(names.map(\.value)))
    }

    /// A row of `splice` must be some provider's host: one that is not would be tunnelled anyhow, and the operator
    /// believe that a misspelt one is.
    private func spliced(_ row: Located<HostPattern>, _ table: TableReader, _ rows: ProviderRows) -> HostPattern? {
        let pattern = row.value
        let sample = pattern.sampleHost
        let isKnown = rows.hosts.contains { host in
            pattern.port.map { host.matches(host: sample, port: $0) } ?? host.matches(host: sample)
        }
        if isKnown { return pattern }
        let clause = table.file.suggestion(for: pattern.hostText, among: rows.hosts.map(\.hostText))
        table.report("splice", "has \"\(pattern)\", which is no provider's host\(clause)", at: row.place)
        return nil
    }

    private func allowed(_ row: Located<DestinationRow>, _ table: TableReader) -> DestinationRow? {
        if !row.value.isNeverReached { return row.value }
        let reason = "link-local addresses and metadata services are refused always"
        let message = "has \"\(row.value.text)\", which cannot be allowed: \(reason)"
        table.report("allow", message, at: row.place)
        return nil
    }
}
