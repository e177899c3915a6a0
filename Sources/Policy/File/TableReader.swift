/// Reads the keys of one table as typed values. A key that is missing has its default; one that is wrong is reported,
/// names the form it should have, and has its default too, so that reading goes on to the next mistake.
public struct TableReader {
    /// The file that the table is in.
    public let file: FileReader
    /// The table's name, "listen".
    public let name: String
    /// Where the table's header stands.
    public let place: Place
    let entries: [TOMLEntry]

    /// A key's value, as it stands in the file; nil when the key is missing.
    func value(_ key: String) -> TOMLValue? {
        file.know(key, in: name)
        return entries.first { $0.key == key }?.value
    }

    /// Adds a mistake about a key: the message follows the key's full name.
    public func report(_ key: String, _ message: String, at place: Place) {
        file.report("\(name).\(key) \(message)", at: place)
    }

    /// Whether the file has the key.
    public func has(_ key: String) -> Bool { entries.contains { $0.key == key } }

    /// Where a key's value stands; the table's header when the key is missing.
    public func place(of key: String) -> Place { entries.first { $0.key == key }?.value.place ?? place }

    /// Text that may be a word with a meaning of its own, like "off"; nil, and no mistake yet, for anything but text,
    /// about which the key's other form will complain.
    public func text(_ key: String) -> Located<String>? {
        guard let value = value(key), case .string(let text) = value.content else { return nil }
        return Located(text, at: value.place)
    }

    /// Whether the key is there and its value a list of nothing.
    public func isEmptyList(_ key: String) -> Bool {
        if case .array(let values) = value(key)?.content { values.isEmpty } else { false }
    }

    /// Text. `form` says what kind, with an example: "must be \(form), not a list".
    public func string(_ key: String, form: String) -> Located<String>? {
        guard let value = value(key) else { return nil }
        return string(value, key, form)
    }

    /// A list of texts; nil when the key is missing or is no list. Elements that are no text are left out.
    public func strings(_ key: String, form: String) -> [Located<String>]? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .array(let values): return values.compactMap { string($0, key, "a list of \(form)") }
        case .string(let text):
            report(key, "must be a list of \(form): write [\(text.quoted)]", at: value.place)
        case .table, .integer, .float, .boolean, .date:
            report(key, "must be a list of \(form), not \(value.content.kind)", at: value.place)
        }
        return nil
    }

    /// Text that is one of the cases' raw values.
    public func choice<Choice: RawRepresentable & CaseIterable>(_ key: String) -> Choice?
    where Choice.RawValue == String {
        let words = Choice.allCases.map(\.rawValue)
        let form = words.map { "\"\($0)\"" }.joined(separator: " or ")
        guard let text = string(key, form: form) else { return nil }
        if let choice = Choice(rawValue: text.value) { return choice }
        let clause = file.suggestion(for: text.value, among: words)
        report(key, "must be \(form), not \(text.value.quoted)\(clause)", at: text.place)
        return nil
    }

    /// true or false.
    public func boolean(_ key: String) -> Bool? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .boolean(let value): return value
        case .string(let text) where text == "true" || text == "false":
            report(key, "must be true or false without quotes", at: value.place)
        case .table, .array, .string, .integer, .float, .date:
            report(key, "must be true or false, not \(value.content.kind)", at: value.place)
        }
        return nil
    }

    /// A whole number within limits.
    public func integer(_ key: String, in limits: ClosedRange<Int>) -> Int? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .integer(let number):
            if let number = Int(exactly: number), limits.contains(number) { return number }
            report(key, "must be from \(limits.lowerBound) to \(limits.upperBound), not \(number)", at: value.place)
        case .string(let text) where Int(text) != nil:
            report(key, "must be a number without quotes: \(text)", at: value.place)
        case .table, .array, .string, .float, .boolean, .date:
            let example = "a whole number from \(limits.lowerBound) to \(limits.upperBound)"
            report(key, "must be \(example), not \(value.content.kind)", at: value.place)
        }
        return nil
    }

    /// A duration within limits, see `DurationText`.
    public func duration(_ key: String, in limits: ClosedRange<Duration>) -> Duration? {
        guard let value = value(key) else { return nil }
        let form = "a duration like \"500ms\", \"30s\", \"5m\", \"24h\" or \"7d\""
        switch value.content {
        case .string(let text):
            do throws(DurationText.Flaw) {
                let duration = try DurationText.parse(text)
                if limits.contains(duration) { return duration }
                let least = DurationText.write(limits.lowerBound)
                let most = DurationText.write(limits.upperBound)
                report(key, "must be from \"\(least)\" to \"\(most)\", not \(text.quoted)", at: value.place)
            } catch {
                let clause = error.meant.map { ", did you mean \"\($0)\"?" } ?? ""
                report(key, "must be \(form), not \(text.quoted)\(clause)", at: value.place)
            }
        case .integer(let number) where number >= 0:
            report(key, "must be \(form): \(number) of which unit? \"\(number)s\" is seconds", at: value.place)
        case .table, .array, .integer, .float, .boolean, .date:
            report(key, "must be \(form), not \(value.content.kind)", at: value.place)
        }
        return nil
    }

    /// The keys and texts of a table inside of this one, whose keys are the operator's own, such as
    /// `[upstream.resolve]`. `form` is for the values; `hint` says how a key is written when a value turns out to be a
    /// table, because an unquoted key was cut at its dots.
    public func pairs(
        _ key: String, form: String, hint: String
    ) -> [(key: Located<String>, value: Located<String>)] {
        file.knowTable("\(name).\(key)")
        guard let value = value(key) else { return [] }
        guard case .table(let entries) = value.content else {
            report(key, "is a table, written as [\(name).\(key)] on a line of its own", at: value.place)
            return []
        }
        return entries.compactMap { entry in
            if case .table = entry.value.content {
                report(key, hint, at: entry.place)
                return nil
            }
            return string(entry.value, key, form).map { (Located(entry.key, at: entry.place), $0) }
        }
    }

    /// The tables of the list with this key, such as `[[upstream.tls]]`, none when the file has none. Each row may hold
    /// these keys.
    public func rows(_ key: String, keys: [String]) -> [TableReader] {
        let name = "\(self.name).\(key)"
        file.knowTable(name)
        for key in keys { file.know(key, in: name) }
        guard let value = value(key) else { return [] }
        guard case .array(let values) = value.content else {
            report(key, "is a list of tables: write [[\(name)]] with double brackets", at: value.place)
            return []
        }
        return values.compactMap { value in
            if case .table(let entries) = value.content { return file.reader(name, value.place, entries) }
            report(key, "is a list of tables, each written as [[\(name)]]", at: value.place)
            return nil
        }
    }

    private func string(_ value: TOMLValue, _ key: String, _ form: String) -> Located<String>? {
        if case .string(let text) = value.content { return Located(text, at: value.place) }
        report(key, "must be \(form), not \(value.content.kind)", at: value.place)
        return nil
    }
}
