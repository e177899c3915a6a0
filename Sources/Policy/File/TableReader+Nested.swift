extension TableReader {
    /// The tables inside of this one, whose names are the operator's own, such as `[tenants.checkout]`. `form` says in
    /// words what each of them is.
    public func tables(named form: String) -> [(name: Located<String>, table: TableReader)] {
        entries.compactMap { entry in
            file.know(entry.key, in: name)
            let inner = "\(name).\(entry.key.printable(scalarCountMax: 64))"
            guard case .table(let entries) = entry.value.content else {
                file.report("\(inner) is \(form), written as [\(inner)] on a line of its own", at: entry.place)
                return nil
            }
            return (Located(entry.key, at: entry.place), file.subtable(inner, entry.place, entries))
        }
    }

    /// A key's list of tables, `[ { … }, { … } ]` or `[[table.key]]`; nil when the key is missing or is no list.
    /// Elements that are no table are reported and left out.
    public func rows(_ key: String, form: String) -> [TableReader]? {
        guard let value = value(key) else { return nil }
        switch value.content {
        case .array(let values):
            return values.compactMap { value in
                if case .table(let entries) = value.content {
                    return file.subtable("\(name).\(key)", value.place, entries)
                }
                report(key, "must be a list of \(form), not of \(value.content.kind)", at: value.place)
                return nil
            }
        case .table:
            report(key, "must be a list of \(form): put the row into brackets, [ { … } ]", at: value.place)
        case .string, .integer, .float, .boolean, .date:
            report(key, "must be a list of \(form), not \(value.content.kind)", at: value.place)
        }
        return nil
    }

    /// One text, or a list of texts; nil when the key is missing. Elements that are no text are reported and left out.
    public func oneOrMore(_ key: String, form: String) -> [Located<String>]? {
        guard let value = value(key) else { return nil }
        if case .array = value.content { return strings(key, form: form) }
        return string(key, form: form).map { [$0] } ?? []
    }

    /// A number of bytes within limits, see `SizeText`.
    public func size(_ key: String, in limits: ClosedRange<Int>) -> Int? {
        guard let value = value(key) else { return nil }
        let form = "a size like \"512B\", \"64KB\", \"256MB\" or \"2GB\""
        guard case .string(let text) = value.content else {
            var clause = ""
            if case .integer(let number) = value.content, number >= 0 {
                clause = ": \(number) of which unit? \"\(number)B\" is bytes"
            }
            report(key, "must be \(form)\(clause.isEmpty ? ", not \(value.content.kind)" : clause)", at: value.place)
            return nil
        }
        guard let byteCount = SizeText.parse(text) else {
            let clause = SizeText.meaning(of: text).map { ", did you mean \"\($0)\"?" } ?? ""
            report(key, "must be \(form), not \(text.quoted)\(clause)", at: value.place)
            return nil
        }
        if limits.contains(byteCount) { return byteCount }
        let (least, most) = (SizeText.write(limits.lowerBound), SizeText.write(limits.upperBound))
        report(key, "must be from \"\(least)\" to \"\(most)\", not \(text.quoted)", at: value.place)
        return nil
    }
}
