// The forms that only the rows of tenants have.

/// A word, or a whole number.
enum WordOrNumber: Equatable, Sendable {
    case word(String)
    case number(Int64)

    /// As it stands in the file.
    var text: String {
        switch self {
        case .word(let word): word
        case .number(let number): "\(number)"
        }
    }
}

extension TableReader {
    /// One word or number, or a list of them; nil when the key is missing. What is neither is reported and left out.
    func wordsOrNumbers(_ key: String, form: String) -> [Located<WordOrNumber>]? {
        guard let value = value(key) else { return nil }
        let values = if case .array(let values) = value.content { values } else { [value] }
        return values.compactMap { value in
            switch value.content {
            case .string(let word): return Located(.word(word), at: value.place)
            case .integer(let number): return Located(.number(number), at: value.place)
            case .table, .array, .float, .boolean, .date:
                report(key, "must be \(form), not \(value.content.kind)", at: value.place)
                return nil
            }
        }
    }

    /// One network or a list of them; nil when the key is missing. An empty list is reported.
    func networksOrOne(_ key: String) -> [CIDR]? {
        if isEmptyList(key) {
            report(key, "is an empty list: no address would do", at: place(of: key))
            return []
        }
        guard let text = text(key) else { return networks(key) }
        switch destination(key, text) {
        case .network(let network)?: return [network]
        case .hosts?:
            report(key, "has \(text.value.quoted), which is a host: only networks count here", at: text.place)
            return []
        case nil: return []
        }
    }

    /// A table inside of this one, whose keys are then known; nil when the file has none.
    public func tableIfPresent(_ key: String) -> TableReader? { value(key) == nil ? nil : table(key) }
}
