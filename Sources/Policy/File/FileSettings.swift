/// A file's keys and values, flat and with their places, so that two readings of a file can be compared.
///
/// It says nothing about what a value means: `"60s"` and `"1m"` differ. A text that is no TOML has no settings.
public struct FileSettings: Equatable, Sendable {
    /// Something that one reading has and another has not, or has otherwise.
    public struct Change: Equatable, Sendable {
        /// The key as the documentation names it: "listen.workers", "provider", "tenants.checkout".
        public let key: String
        /// Where the new value stands; nil when the key is gone.
        public let place: Place?
    }

    private struct Setting: Equatable, Sendable {
        /// The table and the key in it, or the table alone where its rows are a list.
        let key: String
        let text: String
        let place: Place
    }

    private var settings: [String: Setting] = [:]

    /// The settings of a text whose size the caller has bounded.
    public init(_ text: String) {
        guard let root = try? TOMLDocument(text).root else { return }
        // Without recursion, however deep the text goes.
        var pending: [(path: String, key: String, depth: Int, value: TOMLValue)] = [("", "", 0, root)]
        while let (path, key, depth, value) = pending.popLast() {
            switch value.content {
            case .table(let entries):
                for entry in entries {
                    let name = depth == 0 ? entry.key : "\(key).\(entry.key)"
                    let isNamed = depth < Self.keyDepth
                    pending.append(("\(path)\u{1}\(entry.key)", isNamed ? name : key, depth + 1, entry.value))
                }
            case .array(let values):
                for (index, element) in values.enumerated() {
                    pending.append(("\(path)\u{2}\(index)", key, Self.keyDepth, element))
                }
                if values.isEmpty { settings[path] = Setting(key: key, text: "[]", place: value.place) }
            case .string(let text): settings[path] = Setting(key: key, text: "s\(text)", place: value.place)
            case .integer(let number): settings[path] = Setting(key: key, text: "i\(number)", place: value.place)
            case .boolean(let flag): settings[path] = Setting(key: key, text: "b\(flag)", place: value.place)
            case .float, .date:
                settings[path] = Setting(key: key, text: value.content.kind, place: value.place)
            }
        }
    }

    /// A key's name has a table's and its own.
    private static let keyDepth = 2

    /// What is different in `later`: each key once, in the order of the later file, those that are gone at the end.
    public func changes(to later: FileSettings) -> [Change] {
        var found: [String: Place?] = [:]
        for (path, setting) in later.settings where settings[path]?.text != setting.text {
            if let known = found[setting.key], let known, known <= setting.place { continue }
            found[setting.key] = .some(setting.place)
        }
        for (path, setting) in settings where later.settings[path] == nil && found[setting.key] == nil {
            found.updateValue(nil, forKey: setting.key)
        }
        let latest = Place(line: .max, column: .max)
        return found.map { Change(key: $0.key, place: $0.value) }.sorted {
            ($0.place ?? latest, $0.key) < ($1.place ?? latest, $1.key)
        }
    }
}
