/// The providers leo knows, found by host and port.
///
/// An exact host beats a pattern, a pattern with more fixed characters beats one with fewer, and of equals the later
/// row wins, so that a row of the file can take a host over from a built-in one.
public struct ProviderTable: Equatable, Sendable {
    /// The rows; `Provider.index` is the place in here.
    public let rows: [Provider]
    private var exact: [HostPort: Int] = [:]
    private var patterns: [(pattern: HostPattern, row: Int)] = []
    private let suffixes: Set<String>

    /// A table of these rows, numbered in their order.
    public init(_ rows: [Provider]) {
        self.rows = rows.enumerated().map { place, row in row.placed(at: place) }
        suffixes = Set(rows.flatMap(\.constraintSuffixes))
        for row in self.rows {
            for pattern in row.hosts {
                if case .exact(let host) = pattern.form, let port = pattern.port {
                    exact[HostPort(host: host, port: port)] = row.index
                } else {
                    patterns.append((pattern, row.index))
                }
            }
        }
        patterns.sort { ($0.pattern.fixedByteCount, $0.row) > ($1.pattern.fixedByteCount, $1.row) }
    }

    /// The provider at this place; `index` comes from one of this table's rows.
    public subscript(index: Int) -> Provider { rows[index] }

    /// The provider reached at this host and port, in any letter case and with or without the root's dot.
    public func provider(host: String, port: UInt16) -> Provider? { provider(HostPort(host: host, port: port)) }

    /// The provider reached at this target.
    public func provider(_ target: HostPort) -> Provider? {
        if let row = exact[target] { return rows[row] }
        return patterns.first { $0.pattern.matches(host: target.host, port: target.port) }.map { rows[$0.row] }
    }

    /// The names of the rows, each once, in the order of the table.
    public var names: [String] {
        var seen: Set<String> = []
        return rows.map(\.name).filter { seen.insert($0).inserted }
    }

    /// The rows with these names, as a table of its own.
    public func selecting(_ names: Set<String>) -> ProviderTable {
        ProviderTable(rows.filter { names.contains($0.name) })
    }

    /// The DNS subtrees that leo's CA needs for these rows: sorted, and none that lies within another.
    public var constraintSuffixes: [String] { NameConstraints.reduced(Array(suffixes)) }

    /// Whether `constraintSuffixes` covers this host. A host that a pattern means may still lie outside, as a region
    /// does that opened after the table was written: leo's CA cannot sign for it.
    public func isCovered(host: String) -> Bool {
        NameConstraints.cover(suffixes, host: HostName.normalised(host))
    }

    /// Two tables with equal rows are equal: the rest is derived from them.
    public static func == (left: ProviderTable, right: ProviderTable) -> Bool { left.rows == right.rows }
}

/// The arithmetic of permitted DNS subtrees (RFC 5280 section 4.2.1.10).
public enum NameConstraints {
    /// Whether one of the subtrees holds the host, which is in lower case and without a trailing dot.
    public static func cover(_ subtrees: Set<String>, host: String) -> Bool {
        var rest = host[...]
        while !rest.isEmpty {
            if subtrees.contains(String(rest)) { return true }
            guard let dot = rest.firstIndex(of: ".") else { return false }
            rest = rest[rest.index(after: dot)...]
        }
        return false
    }

    /// The subtrees sorted, without those that lie within another.
    public static func reduced(_ subtrees: [String]) -> [String] {
        let all = Set(subtrees)
        return all.filter { subtree in
            guard let dot = subtree.firstIndex(of: ".") else { return true }
            return !cover(all, host: String(subtree[subtree.index(after: dot)...]))
        }.sorted()
    }
}
