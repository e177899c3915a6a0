/// What stands in NO_PROXY: the hosts that a client reaches by itself.
///
/// Clients read it in slightly different ways; this is the reading that most share: names with everything below them,
/// with or without a dot or a star in front, a port that narrows the entry, and a star alone for everything.
struct NoProxyList: Equatable, Sendable {
    /// The entries as they are written.
    let entries: [String]

    /// Reads the variable's value.
    init(_ text: String) {
        entries = text.split { $0 == "," || $0.isWhitespace }.map(String.init)
    }

    /// The entries that mean this host, on the port of HTTPS.
    func entries(covering host: String) -> [String] { entries.filter { Self.covers($0, host) } }

    private static func covers(_ entry: String, _ host: String) -> Bool {
        var name = entry.lowercased()
        if name == "*" { return true }
        if let colon = name.lastIndex(of: ":"), name.firstIndex(of: ":") == colon {
            guard name[name.index(after: colon)...] == "443" else { return false }
            name = String(name[..<colon])
        }
        if name.hasPrefix("*.") { name.removeFirst(2) } else if name.hasPrefix(".") { name.removeFirst() }
        return !name.isEmpty && (host == name || host.hasSuffix("." + name))
    }

    /// The present variables in which no entry keeps the canary from the proxy, and the entries that were taken out.
    ///
    /// A company that has `.internal` in NO_PROXY means its own hosts, and nothing that leo intercepts: the probes
    /// shall find out about those. A star alone stays, because it means the providers too.
    static func openingTheWayToCanary(_ present: [String: String]) -> (variables: [String: String], removed: [String]) {
        var variables = present
        var removed: [String] = []
        for name in ["NO_PROXY", "no_proxy"] {
            guard let text = present[name] else { continue }
            let list = NoProxyList(text)
            let inTheWay = list.entries(covering: Canary.host).filter { $0 != "*" }
            if inTheWay.isEmpty { continue }
            variables[name] = list.entries.filter { !inTheWay.contains($0) }.joined(separator: ",")
            removed += inTheWay.filter { !removed.contains($0) }
        }
        return (variables, removed)
    }
}
