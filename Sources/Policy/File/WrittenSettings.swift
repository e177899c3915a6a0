/// A file's tables as they are written, each value with its line; for showing, not for reading: nothing is judged.
public struct WrittenSettings: Sendable {
    /// One table of the file.
    public struct Table: Sendable {
        /// Its name as a path: ["tenants", "checkout", "limits"].
        public let path: [String]
        /// Whether it is one of a list, `[[provider]]`.
        public let isRow: Bool
        /// Where its header stands.
        public let line: Int
        /// The values in it that are no tables of their own, in the order of the file.
        public fileprivate(set) var entries: [Entry]

        /// The value of a key.
        public subscript(key: String) -> Entry? { entries.first { $0.key == key } }
    }

    /// A key and what is written for it.
    public struct Entry: Sendable {
        /// The key.
        public let key: String
        /// The value as TOML on one line, with hashes of passwords left out.
        public let text: String
        /// Where it stands.
        public let line: Int
    }

    /// The tables, in the order of the file.
    public private(set) var tables: [Table] = []

    /// The settings of a text whose size the caller has bounded; none of what is no TOML.
    public init(_ text: String) {
        guard let root = try? TOMLDocument(text).root, case .table(let entries) = root.content else { return }
        // Without recursion, however deep the text goes.
        var pending: [(path: [String], isRow: Bool, line: Int, entries: [TOMLEntry])] = [([], false, 1, entries)]
        while let (path, isRow, line, entries) = pending.popLast() {
            var table = Table(path: path, isRow: isRow, line: line, entries: [])
            for entry in entries {
                switch entry.value.content {
                // A limit may be a table, and is a value all the same.
                case .table
                where path.contains("limits") && path.last != "model" && entry.key != "model":
                    table.entries.append(Self.entry(entry))
                case .table(let entries): pending.append((path + [entry.key], false, entry.place.line, entries))
                case .array(let values) where !values.isEmpty && path.count < 2 && entry.key != "match":
                    let rows = values.compactMap { value -> (line: Int, entries: [TOMLEntry])? in
                        if case .table(let entries) = value.content { (value.place.line, entries) } else { nil }
                    }
                    if rows.count == values.count {
                        pending += rows.map { (path + [entry.key], true, $0.line, $0.entries) }
                    } else {
                        table.entries.append(Self.entry(entry))
                    }
                case .array, .string, .integer, .float, .boolean, .date: table.entries.append(Self.entry(entry))
                }
            }
            table.entries.sort { $0.line < $1.line }
            if !path.isEmpty { tables.append(table) }
        }
        tables.sort { $0.line < $1.line }
    }

    /// The table with this path, if it is none of a list.
    public func table(_ path: [String]) -> Table? { tables.first { $0.path == path && !$0.isRow } }

    private static func entry(_ entry: TOMLEntry) -> Entry {
        Entry(key: entry.key, text: text(entry.value, depth: 0), line: entry.value.place.line)
    }

    /// Deeper than any value that means something.
    private static let depthMax = 16

    private static func text(_ value: TOMLValue, depth: Int) -> String {
        guard depth < depthMax else { return "…" }
        switch value.content {
        case .string(let text): return quoted(text)
        case .integer(let number): return "\(number)"
        case .float(let number): return "\(number)"
        case .boolean(let flag): return "\(flag)"
        case .date: return "(a date)"
        case .array(let values):
            return "[\(values.map { Self.text($0, depth: depth + 1) }.joined(separator: ", "))]"
        case .table(let entries):
            let members = entries.sorted { $0.place < $1.place }.map { entry in
                let isSecret = entry.key == "password_hash"
                return "\(key(entry.key)) = \(isSecret ? "\"…\"" : Self.text(entry.value, depth: depth + 1))"
            }
            return members.isEmpty ? "{}" : "{ \(members.joined(separator: ", ")) }"
        }
    }

    /// A key as it must be written.
    public static func key(_ key: String) -> String {
        let isBare =
            !key.isEmpty
            && key.utf8.allSatisfy { byte in
                ASCII.isLetter(byte) || ASCII.isDigit(byte) || byte == UInt8(ascii: "_") || byte == UInt8(ascii: "-")
            }
        return isBare ? key : quoted(key)
    }

    private static func quoted(_ text: String) -> String {
        var written = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": written += "\\\""
            case "\\": written += "\\\\"
            case "\n": written += "\\n"
            case "\t": written += "\\t"
            case "\u{00}"..."\u{1f}", "\u{7f}":
                written += "\\u00" + (scalar.value < 16 ? "0" : "") + String(scalar.value, radix: 16)
            default: written.unicodeScalars.append(scalar)
            }
        }
        return written + "\""
    }
}
