import CTOML

/// A TOML text as a tree in which everything knows its place. Parsed by toml++, see `ctoml.h`.
struct TOMLDocument {
    /// The tables at the top.
    let root: TOMLValue

    /// Parses a text, whose size the caller has bounded.
    init(_ text: String) throws(TOMLFlaw) {
        var text = text
        let parsed: Result<TOMLValue, TOMLFlaw> = text.withUTF8 { bytes in
            let document = unsafe bytes.withMemoryRebound(to: CChar.self) { characters in
                unsafe ctoml_parse(characters.baseAddress, characters.count)
            }
            defer { unsafe ctoml_free(document) }
            var line: UInt32 = 0
            var column: UInt32 = 0
            if let message = unsafe ctoml_error(document, &line, &column) {
                let place = Place(line: max(Int(line), 1), column: max(Int(column), 1))
                return .failure(TOMLFlaw(place: place, message: unsafe String(cString: message)))
            }
            var count = 0
            let nodes = unsafe ctoml_nodes(document, &count)
            return .success(unsafe Self.tree(UnsafeBufferPointer(start: nodes, count: count)))
        }
        root = try parsed.get()
    }

    /// Builds the tree from the back of the list, where every container stands before what is in it: without
    /// recursion, however deep the text goes.
    private static func tree(_ nodes: UnsafeBufferPointer<ctoml_node>) -> TOMLValue {
        var children = [[TOMLEntry]](repeating: [], count: nodes.count)
        for index in nodes.indices.reversed() {
            let node = unsafe nodes[index]
            let content = unsafe content(node, children[index].reversed())
            let value = unsafe TOMLValue(place: Place(line: Int(node.line), column: Int(node.column)), content: content)
            if index == 0 { return value }
            children[index] = []
            let place = unsafe Place(line: Int(node.key_line), column: Int(node.key_column))
            unsafe children[Int(node.parent)].append(
                TOMLEntry(key: text(node.key, node.key_length), place: place, value: value))
        }
        return TOMLValue(place: Place(line: 1, column: 1), content: .table([]))
    }

    private static func content(_ node: ctoml_node, _ children: [TOMLEntry]) -> TOMLContent {
        switch unsafe node.kind {
        case CTOML_TABLE: .table(children)
        case CTOML_ARRAY: .array(children.map(\.value))
        case CTOML_STRING: .string(unsafe text(node.string, node.string_length))
        case CTOML_INTEGER: .integer(unsafe node.integer)
        case CTOML_BOOLEAN: .boolean(unsafe node.integer != 0)
        case CTOML_FLOAT: .float(unsafe node.number)
        default: .date  // an enum of C has no last case
        }
    }

    private static func text(_ bytes: UnsafePointer<CChar>?, _ count: Int) -> String {
        guard let bytes = unsafe bytes else { return "" }
        return unsafe bytes.withMemoryRebound(to: UInt8.self, capacity: count) { start in
            unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
        }
    }
}

/// Why a text is no TOML.
struct TOMLFlaw: Error, Equatable {
    let place: Place
    let message: String
}

/// A value with its place.
struct TOMLValue: Sendable {
    let place: Place
    let content: TOMLContent
}

/// What a value is.
enum TOMLContent: Sendable {
    case table([TOMLEntry])
    case array([TOMLValue])
    case string(String)
    case integer(Int64)
    /// Perhaps none, or not finite.
    case float(Double)
    case boolean(Bool)
    case date

    /// The kind in words, for "not a string".
    var kind: String {
        switch self {
        case .table: "a table"
        case .array: "a list"
        case .string: "a string"
        case .integer: "a whole number"
        case .float: "a number with a point"
        case .boolean: "true or false"
        case .date: "a date"
        }
    }
}

/// A key and its value, each with its place.
struct TOMLEntry: Sendable {
    let key: String
    let place: Place
    let value: TOMLValue
}
