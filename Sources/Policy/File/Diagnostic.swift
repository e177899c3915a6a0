/// A mistake in the file, as editors understand it: `file:line:column: message`.
public struct Diagnostic: Hashable, Sendable, CustomStringConvertible {
    /// The file as it was named.
    public let file: String
    /// Where the mistake is.
    public let place: Place
    /// What is wrong and what would be right.
    public let message: String

    /// A mistake.
    public init(file: String, place: Place, message: String) {
        self.file = file
        self.place = place
        self.message = message
    }

    /// Counted from 1.
    public var line: Int { place.line }
    /// In characters, counted from 1.
    public var column: Int { place.column }
    /// `file:line:column: message`
    public var description: String { "\(file):\(line):\(column): \(message)" }
}

/// A place in a text.
public struct Place: Hashable, Comparable, Sendable, CustomStringConvertible {
    /// Counted from 1.
    public let line: Int
    /// In characters, counted from 1.
    public let column: Int

    /// A place.
    public init(line: Int, column: Int) {
        self.line = line
        self.column = column
    }

    /// "line 3, column 8"
    public var description: String { "line \(line), column \(column)" }

    /// The order of reading.
    public static func < (left: Place, right: Place) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// Something read from the file, with its place for later complaints.
public struct Located<Value: Sendable>: Sendable {
    /// What was read.
    public let value: Value
    /// Where it stands.
    public let place: Place

    /// Something read at a place.
    public init(_ value: Value, at place: Place) {
        self.value = value
        self.place = place
    }
}
