/// Why bytes are not one JSON array.
public enum JSONArrayError: Error, Equatable, Sendable {
    /// The first byte that is no white space is not an opening bracket.
    case notAnArray
    /// Something else than a comma or the closing bracket stands between two elements, or behind the array.
    case malformed
}

/// Cuts one JSON array that comes in pieces of any size into its elements, without changing it.
///
/// Gemini streams in this way unless it is asked for server-sent events: `[{…}` now, `,\r\n{…}` later, `]` at the end.
/// Only what separates elements is read; whether an element itself is JSON is for whoever reads it. An element beyond
/// the limit is gone over without being kept.
public struct JSONArraySplitter: ~Copyable {
    /// What the bytes that were gone over end with.
    public enum Step: Equatable, Sendable {
        /// All bytes are consumed, and nothing ended.
        case needsMore
        /// An element; ``JSONArraySplitter/element`` is its text. An object, array or string is reported with its last
        /// byte, anything else with the byte behind it, which is not consumed.
        case element
        /// An element larger than the limit, of which nothing was kept.
        case oversized
        /// The array is closed.
        case end
    }

    /// Where between elements the bytes so far end.
    public enum Place: Equatable, Sendable {
        /// Before the opening bracket.
        case start
        /// Behind it: an element or the end may follow.
        case opened
        /// In an element.
        case element
        /// Behind an element: a comma or the end may follow.
        case separator
        /// Behind a comma: an element must follow.
        case comma
        /// Behind the array.
        case end
    }

    /// One element of Gemini's is one delta; images come whole, in base64, but not in streams of text.
    public static let elementBytesMaxDefault = 1024 * 1024

    private let elementBytesMax: Int
    private var buffer = ByteQueue()
    private var elementByteCount = 0
    private var depth = 0
    private var kind = Kind.scalar
    private var isInString = false
    private var isEscaped = false
    private var isReported = false
    private var failure: JSONArrayError?
    /// Where the bytes so far end.
    public private(set) var place = Place.start

    private enum Kind { case nested, string, scalar }

    /// Makes a splitter at the beginning of an array. An element is kept up to `elementBytesMax`.
    public init(elementBytesMax: Int = JSONArraySplitter.elementBytesMaxDefault) {
        self.elementBytesMax = elementBytesMax
    }

    /// The element, as it was received.
    public var element: Span<UInt8> {
        @_lifetime(borrow self)
        get { buffer.bytes }
    }

    /// Whether the element that has begun is beyond the limit already.
    public var isInOversizedElement: Bool { place == .element && elementByteCount > elementBytesMax }

    /// Goes over `bytes` from `consumed` to the end of an element or of the array, and no further.
    public mutating func step(_ bytes: Span<UInt8>, consumed: inout Int) throws(JSONArrayError) -> Step {
        if let failure { throw failure }
        if isReported {
            isReported = false
            elementByteCount = 0
            buffer.removeAll()
        }
        while consumed < bytes.count {
            if place == .element {
                let start = consumed
                let isOver = passElement(bytes, &consumed)
                keep(bytes.extracting(start..<consumed))
                guard isOver else { return .needsMore }
                place = .separator
                isReported = true
                return elementByteCount > elementBytesMax ? .oversized : .element
            }
            if try passSeparator(bytes[consumed], &consumed) { return .end }
        }
        return .needsMore
    }

    /// Takes a byte outside of elements; true if it closes the array. The first byte of an element is left.
    private mutating func passSeparator(_ byte: UInt8, _ consumed: inout Int) throws(JSONArrayError) -> Bool {
        switch (place, byte) {
        case (_, 0x20), (_, 0x09), (_, 0x0a), (_, 0x0d): consumed += 1
        case (.start, UInt8(ascii: "[")):
            consumed += 1
            place = .opened
        case (.opened, UInt8(ascii: "]")), (.separator, UInt8(ascii: "]")):
            consumed += 1
            place = .end
            return true
        case (.separator, UInt8(ascii: ",")):
            consumed += 1
            place = .comma
        case (.opened, _), (.comma, _):
            guard byte != UInt8(ascii: ","), byte != UInt8(ascii: "]"), byte != UInt8(ascii: "}") else {
                throw fail(.malformed)
            }
            place = .element
            depth = 0
            isInString = false
            isEscaped = false
            switch byte {
            case UInt8(ascii: "{"), UInt8(ascii: "["): kind = .nested
            case UInt8(ascii: "\""): kind = .string
            default: kind = .scalar
            }
        case (.start, _): throw fail(.notAnArray)
        case (.separator, _), (.element, _), (.end, _): throw fail(.malformed)
        }
        return false
    }

    private mutating func fail(_ error: JSONArrayError) -> JSONArrayError {
        failure = error
        return error
    }

    private mutating func keep(_ part: Span<UInt8>) {
        elementByteCount += part.count
        if elementByteCount > elementBytesMax {
            buffer.removeAll()
        } else {
            buffer.append(part)
        }
    }

    /// Goes over bytes of an element; true if it ends.
    private mutating func passElement(_ bytes: Span<UInt8>, _ consumed: inout Int) -> Bool {
        while consumed < bytes.count {
            if isInString {
                passString(bytes, &consumed)
                if !isInString, kind == .string { return true }
                continue
            }
            let byte = bytes[consumed]
            if kind == .scalar {
                switch byte {
                case UInt8(ascii: ","), UInt8(ascii: "]"), 0x20, 0x09, 0x0a, 0x0d: return true
                default: break
                }
            }
            consumed += 1
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if depth == 0 { return true }
            default: break
            }
        }
        return false
    }

    /// Goes over bytes of a string, to its closing quotation mark if it is here.
    private mutating func passString(_ bytes: Span<UInt8>, _ consumed: inout Int) {
        while consumed < bytes.count {
            if isEscaped {
                isEscaped = false
                consumed += 1
                continue
            }
            while bytes.count - consumed >= 8, Self.isPlain(ASCII.word(bytes, consumed)) { consumed += 8 }
            guard consumed < bytes.count else { return }
            let byte = bytes[consumed]
            consumed += 1
            if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: "\"") {
                isInString = false
                return
            }
        }
    }

    /// Whether none of eight bytes is a quotation mark or a backslash.
    @inline(__always)
    private static func isPlain(_ word: UInt64) -> Bool {
        let marks = word ^ 0x2222_2222_2222_2222
        let slashes = word ^ 0x5c5c_5c5c_5c5c_5c5c
        let ones: UInt64 = 0x0101_0101_0101_0101
        return ((marks &- ones) & ~marks | (slashes &- ones) & ~slashes) & 0x8080_8080_8080_8080 == 0
    }
}
