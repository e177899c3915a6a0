/// Reads one file: hands out its tables, collects every mistake, and finds at the end what nobody asked for.
///
/// A key is valid where somebody has asked for it, so there is no list of keys to keep in step with the readers.
public final class FileReader {
    /// Complaints beyond this many help nobody; the last line says how many there were.
    static let mistakeCountMax = 100

    private let file: String
    private var root: [TOMLEntry] = []
    private var mistakes: [Diagnostic] = []
    private var tableNames: [String] = []
    private var keys: [String: [String]] = [:]
    private var entriesRead: [(table: String, entries: [TOMLEntry])] = []
    private var tablesRead: Set<String> = []
    private var reported: Set<Diagnostic> = []

    /// Parses the text, whose size the caller has bounded. A text that is no TOML has one mistake and no tables.
    public init(text: String, file: String) {
        self.file = file
        do throws(TOMLFlaw) {
            if case .table(let entries) = try TOMLDocument(text).root.content { root = entries }
        } catch {
            mistakes.append(Diagnostic(file: file, place: error.place, message: SyntaxMessage.make(error, text)))
        }
    }

    /// The table with this name, empty when the file has none.
    public func table(_ name: String) -> TableReader {
        if keys[name] == nil { tableNames.append(name) }
        guard let entry = root.first(where: { $0.key == name }) else { return reader(name, nil, []) }
        switch entry.value.content {
        case .table(let entries): return reader(name, entry.place, entries)
        case .array:
            report("[\(name)] is one table, written with single brackets", at: entry.place)
        case .string, .integer, .float, .boolean, .date:
            report("\(name) is a table, written as [\(name)] on a line of its own", at: entry.place)
        }
        return reader(name, entry.place, [])
    }

    /// The tables of the list with this name, none when the file has none. Each row may hold these keys.
    public func rows(_ name: String, keys: [String]) -> [TableReader] {
        if self.keys[name] == nil { tableNames.append(name) }
        self.keys[name] = keys
        guard let entry = root.first(where: { $0.key == name }) else { return [] }
        switch entry.value.content {
        case .array(let values):
            return values.compactMap { value in
                if case .table(let entries) = value.content { return reader(name, value.place, entries) }
                report("\(name) is a list of tables, each written as [[\(name)]]", at: value.place)
                return nil
            }
        case .table, .string, .integer, .float, .boolean, .date:
            report("\(name) is a list of tables: write [[\(name)]] with double brackets", at: entry.place)
            return []
        }
    }

    /// Names a table whose name is partly the operator's own, "tenants.NAME", and keys of it, for the list of known keys
    /// and for guesses about a key that stands in the wrong place.
    public func declare(_ name: String, keys: [String]) {
        knowTable(name)
        for key in keys { know(key, in: name) }
    }

    /// A table inside of another, whose keys are checked like those of any.
    func subtable(_ name: String, _ place: Place, _ entries: [TOMLEntry]) -> TableReader {
        reader(name, place, entries)
    }

    /// Every mistake in the order of the file. To be called when all tables have been read.
    public func finish() -> [Diagnostic] {
        for entry in root where keys[entry.key] == nil { reportUnknownTable(entry) }
        for (table, entries) in entriesRead {
            let valid = keys[table] ?? []
            for entry in entries where !valid.contains(entry.key) { reportUnknownKey(entry, in: table, valid: valid) }
        }
        let sorted = mistakes.enumerated().sorted { ($0.element.place, $0.offset) < ($1.element.place, $1.offset) }
        guard sorted.count > Self.mistakeCountMax else { return sorted.map(\.element) }
        let shown = sorted[..<Self.mistakeCountMax].map(\.element)
        let rest = "and \(sorted.count - shown.count) more mistakes"
        return shown + [Diagnostic(file: file, place: sorted[shown.count].element.place, message: rest)]
    }

    /// How many mistakes there were so far.
    public var mistakeCount: Int { mistakes.count }

    /// Adds a mistake. What several tenants inherit is read for each of them, and its mistakes told once.
    public func report(_ message: String, at place: Place) {
        let mistake = Diagnostic(file: file, place: place, message: message)
        if reported.insert(mistake).inserted { mistakes.append(mistake) }
    }

    /// Every key that was asked for, as "table.key".
    public var knownKeys: [String] {
        tableNames.flatMap { table in (keys[table] ?? []).map { "\(table).\($0)" } }
    }

    /// `, did you mean "x"?` or nothing. Nothing too when there are mistakes enough: what will not be shown is not worth
    /// a guess, of which a large file could need many.
    public func suggestion(
        for word: String, among candidates: @autoclosure () -> [String],
        brackets: (String, String) = ("\"", "\"")
    ) -> String {
        guard mistakes.count < Self.mistakeCountMax, let meant = Suggestion.nearest(to: word, among: candidates())
        else { return "" }
        return ", did you mean \(brackets.0)\(meant)\(brackets.1)?"
    }

    func know(_ key: String, in table: String) {
        if keys[table]?.contains(key) != true { keys[table, default: []].append(key) }
    }

    /// Makes a table's name one that a mistyped table may have meant, although the table is read as a key of another.
    func knowTable(_ name: String) {
        if !tableNames.contains(name) { tableNames.append(name) }
    }

    func reader(_ name: String, _ place: Place?, _ entries: [TOMLEntry]) -> TableReader {
        if keys[name] == nil { keys[name] = [] }
        // One that several tenants inherit is read for each of them, and looked through once.
        if !entries.isEmpty, tablesRead.insert("\(name) \(entries[0].place)").inserted {
            entriesRead.append((name, entries))
        }
        return TableReader(file: self, name: name, place: place ?? Place(line: 1, column: 1), entries: entries)
    }

    private func reportUnknownTable(_ entry: TOMLEntry) {
        switch entry.value.content {
        case .table, .array:
            let clause = suggestion(for: entry.key, among: tableNames, brackets: ("[", "]"))
            report("unknown table \("[\(entry.key)]".quoted)\(clause)", at: entry.place)
        case .string, .integer, .float, .boolean, .date:
            let homes = homes(of: entry.key)
            let clause = homes.isEmpty ? "" : "; it belongs in \(homes)"
            report("unknown key \(entry.key.quoted) before the first table\(clause)", at: entry.place)
        }
    }

    private func reportUnknownKey(_ entry: TOMLEntry, in table: String, valid: [String]) {
        // A key of another table, letter by letter, was put here by a header in between, not by mistyping.
        let homes = homes(of: entry.key)
        let clause = homes.isEmpty ? suggestion(for: entry.key, among: valid) : ", it belongs in \(homes)"
        report("unknown key \(entry.key.quoted) in [\(table)]\(clause)", at: entry.place)
    }

    private func homes(of key: String) -> String {
        tableNames.filter { keys[$0]?.contains(key) == true }.map { "[\($0)]" }.joined(separator: " or ")
    }
}
