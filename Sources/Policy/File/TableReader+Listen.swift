extension TableReader {
    /// A table inside of this one, `[listen.tls]`; empty when the file has none.
    public func table(_ key: String) -> TableReader {
        let inner = "\(name).\(key)"
        file.knowTable(inner)
        guard let value = value(key) else { return file.subtable(inner, place, []) }
        if case .table(let entries) = value.content { return file.subtable(inner, value.place, entries) }
        report(key, "is a table, written as [\(inner)] on a line of its own", at: value.place)
        return file.subtable(inner, value.place, [])
    }

    /// One address with its port or a list of them; nil when the key is missing. What is none is reported and left out.
    public func endpoints(_ key: String) -> [Located<IPEndpoint>]? {
        guard case .array? = value(key)?.content else { return endpoint(key).map { [$0] } }
        let form = "addresses with a port like \"127.0.0.1:8889\" or \"[::1]:8889\""
        return strings(key, form: form)?.compactMap { text in
            if let endpoint = IPEndpoint.parse(text.value) { return Located(endpoint, at: text.place) }
            let clause = NetworkText.meantEndpoint(text.value).map { ", did you mean \"\($0)\"?" } ?? ""
            report(key, "has \(text.value.quoted), which is no address with a port\(clause)", at: text.place)
            return nil
        }
    }

    /// A list of networks, or addresses that stand for themselves. What is neither is reported and left out.
    public func networks(_ key: String) -> [CIDR]? {
        let form = "networks like \"10.0.0.0/8\" or \"fd00::/8\""
        return strings(key, form: form)?.compactMap { text in
            switch destination(key, text) {
            case .network(let network)?: return network
            case .hosts?:
                report(key, "has \(text.value.quoted), which is a host: only networks count here", at: text.place)
                return nil
            case nil: return nil
            }
        }
    }
}
