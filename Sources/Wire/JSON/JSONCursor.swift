/// Reads one JSON document (RFC 8259) from front to back, value by value, and builds nothing.
///
/// What it passes it has validated: UTF-8, escapes and surrogate pairs, numbers, depth. What comes back are ranges into
/// the document, so that an edit can replace exactly them.
///
///     var cursor = JSONCursor(body)
///     try cursor.enterObject()
///     while let key = try cursor.nextKey() {
///         if key.equals("model", in: body) { model = try cursor.string() }
///     }
///     try cursor.end()
///
/// A value that nobody read is passed over by the next ``nextKey()``, ``nextElement()`` or ``end()``. After a failure the
/// cursor stands where it stood: a value of an unexpected kind can still be skipped. Where one object has a key twice,
/// both come; ``hasDuplicateKeys(_:)`` tells.
///
/// A copy of a cursor looks ahead without moving the original.
public struct JSONCursor: ~Escapable {
    /// The document.
    public let bytes: Span<UInt8>
    /// How far the document is read, in bytes.
    public private(set) var position = 0
    /// How many objects and arrays are open.
    public private(set) var depth = 0

    /// Whether the innermost open container is an object.
    var isInObject: Bool { depth > 0 && nesting.isObject }

    private var place = Place.value
    private var nesting = JSONNesting()
    private let depthMax: Int

    /// Where in the grammar the cursor stands.
    private enum Place {
        /// In front of a value.
        case value
        /// Behind the bracket that opened a container.
        case opened
        /// Behind a value.
        case behind
    }

    /// Deeper documents than this are refused, whatever is asked for. JSON for models nests about ten deep.
    public static let depthMax = 128

    /// Makes a cursor in front of the document's value.
    ///
    /// `depthMax` is how many objects and arrays may be open at once, at most ``depthMax-swift.type.property``.
    @_lifetime(copy bytes)
    public init(_ bytes: Span<UInt8>, depthMax: Int = JSONCursor.depthMax) {
        self.bytes = bytes
        self.depthMax = min(max(depthMax, 0), Self.depthMax)
    }

    /// The kind of the value in front of the cursor, as its first byte tells.
    public mutating func peek() throws(JSONFailure) -> JSONKind {
        guard place == .value else { throw JSONFailure(.otherKind, at: position) }
        position = JSONScan.blanks(bytes, position)
        guard position < bytes.count else { throw JSONFailure(.cutOff, at: position) }
        guard let kind = JSONScan.kind(bytes[position]) else { throw JSONFailure(.unexpectedByte, at: position) }
        return kind
    }

    /// Passes the `{` of an object; its members are next.
    public mutating func enterObject() throws(JSONFailure) {
        try expect(.object)
        try open(isObject: true)
    }

    /// The next key of the innermost open object, with the cursor in front of its value; nil if there was none and the
    /// object is closed and passed.
    public mutating func nextKey() throws(JSONFailure) -> JSONString? {
        try passUnread()
        guard depth > 0, nesting.isObject else { throw JSONFailure(.otherKind, at: position) }
        guard let start = try advance(closing: JSONScan.closeBrace) else { return nil }
        let key = try JSONScan.key(bytes, start)
        position = try JSONScan.pastColon(bytes, key.range.upperBound + 1)
        place = .value
        return key
    }

    /// Passes the `[` of an array; its elements are next.
    public mutating func enterArray() throws(JSONFailure) {
        try expect(.array)
        try open(isObject: false)
    }

    /// Goes in front of the next element of the innermost open array; false if there was none and the array is closed
    /// and passed.
    public mutating func nextElement() throws(JSONFailure) -> Bool {
        try passUnread()
        guard depth > 0, !nesting.isObject else { throw JSONFailure(.otherKind, at: position) }
        guard let start = try advance(closing: JSONScan.closeBracket) else { return false }
        position = start
        place = .value
        return true
    }

    /// Passes a string.
    public mutating func string() throws(JSONFailure) -> JSONString {
        try expect(.string)
        var hasEscapes = false
        let start = position + 1
        let end = try JSONScan.string(bytes, start, hasEscapes: &hasEscapes)
        pass(end + 1)
        return JSONString(range: start..<end, hasEscapes: hasEscapes)
    }

    /// Passes a number.
    public mutating func number() throws(JSONFailure) -> JSONNumber {
        try expect(.number)
        let start = position
        pass(try JSONScan.number(bytes, start))
        return JSONNumber(range: start..<position)
    }

    /// Passes `true` or `false`.
    public mutating func bool() throws(JSONFailure) -> Bool {
        try expect(.bool)
        let value = bytes[position] == UInt8(ascii: "t")
        pass(try JSONScan.literal(value ? "true" : "false", bytes, position))
        return value
    }

    /// Passes `null`.
    public mutating func null() throws(JSONFailure) {
        try expect(.null)
        pass(try JSONScan.literal("null", bytes, position))
    }

    /// Passes a value of any kind, with all that is in it, and returns where it stands.
    @discardableResult
    public mutating func skip() throws(JSONFailure) -> Range<Int> {
        _ = try peek()
        let start = position
        pass(try JSONScan.value(bytes, start, depthMax: depthMax - depth))
        return start..<position
    }

    /// Passes what is left of the innermost open object or array.
    public mutating func leave() throws(JSONFailure) {
        guard depth > 0 else { throw JSONFailure(.otherKind, at: position) }
        if nesting.isObject {
            while try nextKey() != nil {}
        } else {
            while try nextElement() {}
        }
    }

    /// Makes sure that the document's value is passed and that nothing but blanks follows.
    public mutating func end() throws(JSONFailure) {
        guard depth == 0 else { throw JSONFailure(.otherKind, at: position) }
        try passUnread()
        position = JSONScan.blanks(bytes, position)
        guard position == bytes.count else { throw JSONFailure(.trailingBytes, at: position) }
    }

    private mutating func expect(_ kind: JSONKind) throws(JSONFailure) {
        guard try peek() == kind else { throw JSONFailure(.otherKind, at: position) }
    }

    private mutating func open(isObject: Bool) throws(JSONFailure) {
        guard depth < depthMax else { throw JSONFailure(.tooDeep, at: position) }
        nesting.push(isObject: isObject)
        depth += 1
        position += 1
        place = .opened
    }

    private mutating func passUnread() throws(JSONFailure) {
        if place == .value { try skip() }
    }

    private mutating func pass(_ end: Int) {
        position = end
        place = .behind
    }

    /// Where the next member or element begins; nil if the container was closed and passed instead.
    private mutating func advance(closing: UInt8) throws(JSONFailure) -> Int? {
        let next = JSONScan.blanks(bytes, position)
        guard next < bytes.count else { throw JSONFailure(.cutOff, at: next) }
        if bytes[next] == closing {
            nesting.pop()
            depth -= 1
            pass(next + 1)
            return nil
        }
        if place == .opened { return next }
        guard bytes[next] == JSONScan.comma else { throw JSONFailure(.unexpectedByte, at: next) }
        return JSONScan.blanks(bytes, next + 1)
    }
}
