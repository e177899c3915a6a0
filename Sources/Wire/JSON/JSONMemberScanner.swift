/// Passes along one JSON object that comes in pieces of any size and keeps the raw bytes of a few of its own members.
///
/// For answers that are relayed as they come and of which only some numbers matter. It follows strings and brackets and
/// looks no closer: what it keeps is to be read with a ``JSONCursor``, which validates. Its memory is bounded by the
/// members it keeps, whatever the object's size.
public struct JSONMemberScanner: ~Copyable {
    /// A longer member is not kept; usage and model, with room to spare.
    public static let memberBytesMax = 64 * 1024
    /// A longer key is none of the wanted ones, even if each of its characters is an escape.
    static let keyBytesMax = 512

    /// Whether the object has begun and ended.
    public private(set) var isComplete = false
    /// Whether the bytes are no JSON object; nothing further is looked at.
    public private(set) var isBroken = false

    private let names: [StaticString]
    private var members: [[UInt8]?]

    private var place = Place.beforeObject
    private var nesting = JSONNesting()
    /// How many containers are open, the object included.
    private var depth = 0
    private var key: [UInt8] = []
    private var keyHasEscapes = false
    private var value: [UInt8] = []
    /// The wanted member that is coming in; nil while another one is.
    private var wanted: Int?

    private enum Place: Equatable {
        case beforeObject
        /// Where a key or, if nothing came yet, the end must be.
        case beforeFirstKey, beforeKey
        case inKey, inKeyEscape
        case beforeColon, beforeValue
        /// In a number or literal that is the value of a member.
        case inWord
        /// In a string: the value, or one inside of it.
        case inString, inStringEscape
        /// Between the parts of an array or object that is the value.
        case inContainer
        case afterValue
        case afterObject
    }

    /// Makes a scanner that keeps the members with these names.
    public init(names: [StaticString]) {
        self.names = names
        members = Array(repeating: nil, count: names.count)
    }

    /// The raw value of the member named `names[index]`: nil if it did not come, not yet come whole, or is too long.
    ///
    /// If it came twice, the last one, as most readers take it.
    public func member(_ index: Int) -> [UInt8]? { members.indices.contains(index) ? members[index] : nil }

    /// Takes the next piece.
    public mutating func take(_ data: Span<UInt8>) {
        var index = 0
        while index < data.count, !isBroken {
            switch place {
            case .inString, .inKey: index = takeText(data, index)
            case .inContainer, .inWord: index = takeInside(data, index)
            case .inStringEscape, .inKeyEscape:
                keep(data, index..<index + 1)
                place = place == .inKeyEscape ? .inKey : .inString
                index += 1
            case .beforeObject, .beforeFirstKey, .beforeKey, .beforeColon, .beforeValue, .afterValue, .afterObject:
                if !JSONScan.isBlank(data[index]) { takeBetween(data, index) }
                // A value's first byte was kept above, or opens what the other cases read.
                index += 1
            }
        }
    }

    /// Takes a byte that is not blank at the object's own level.
    private mutating func takeBetween(_ data: Span<UInt8>, _ index: Int) {
        let byte = data[index]
        switch place {
        case .beforeObject where byte == JSONScan.openBrace:
            depth = 1
            place = .beforeFirstKey
        case .beforeFirstKey where byte == JSONScan.closeBrace, .afterValue where byte == JSONScan.closeBrace:
            depth = 0
            isComplete = true
            place = .afterObject
        case .beforeFirstKey where byte == JSONScan.quote, .beforeKey where byte == JSONScan.quote:
            key.removeAll(keepingCapacity: true)
            keyHasEscapes = false
            place = .inKey
        case .beforeColon where byte == JSONScan.colon:
            beginValue()
            place = .beforeValue
        case .beforeValue:
            keep(data, index..<index + 1)
            switch JSONScan.kind(byte) {
            case .string: place = .inString
            case .object, .array:
                nesting.push(isObject: byte == JSONScan.openBrace)
                depth = 2
                place = .inContainer
            case .number, .bool, .null: place = .inWord
            case nil: isBroken = true
            }
        case .afterValue where byte == JSONScan.comma: place = .beforeKey
        case .beforeObject, .beforeFirstKey, .beforeKey, .beforeColon, .afterValue, .afterObject, .inKey, .inKeyEscape,
            .inWord, .inString, .inStringEscape, .inContainer:
            isBroken = true
            isComplete = false
        }
    }

    /// Takes the inside of a key or string up to its end, a backslash, or the end of the piece.
    private mutating func takeText(_ data: Span<UInt8>, _ start: Int) -> Int {
        let end = JSONScan.text(data, start)
        guard end < data.count else {
            keep(data, start..<end)
            return end
        }
        if data[end] == JSONScan.backslash {
            keep(data, start..<end + 1)
            if place == .inKey {
                keyHasEscapes = true
                place = .inKeyEscape
            } else {
                place = .inStringEscape
            }
        } else if place == .inKey {
            keep(data, start..<end)
            place = .beforeColon
        } else {
            keep(data, start..<end + 1)
            if depth > 1 { place = .inContainer } else { endValue() }
        }
        return end + 1
    }

    /// Takes the parts of a container between its strings, or the rest of a word.
    private mutating func takeInside(_ data: Span<UInt8>, _ start: Int) -> Int {
        var index = start
        while index < data.count {
            let byte = data[index]
            if place == .inWord {
                if byte == JSONScan.comma || byte == JSONScan.closeBrace || JSONScan.isBlank(byte) {
                    keep(data, start..<index)
                    endValue()
                    return index
                }
                // A number or literal has none of these.
                if byte < 0x20 || byte >= 0x80 || byte == JSONScan.quote || byte == JSONScan.colon
                    || byte == JSONScan.closeBracket
                {
                    isBroken = true
                    return index
                }
                index += 1
                continue
            }
            index += 1
            switch byte {
            case JSONScan.quote:
                keep(data, start..<index)
                place = .inString
                return index
            case JSONScan.openBrace, JSONScan.openBracket:
                guard depth < JSONCursor.depthMax else {
                    isBroken = true
                    return index
                }
                nesting.push(isObject: byte == JSONScan.openBrace)
                depth += 1
            case JSONScan.closeBrace, JSONScan.closeBracket:
                guard nesting.isObject == (byte == JSONScan.closeBrace) else {
                    isBroken = true
                    return index
                }
                nesting.pop()
                depth -= 1
                if depth == 1 {
                    keep(data, start..<index)
                    endValue()
                    return index
                }
            case _: break
            }
        }
        keep(data, start..<index)
        return index
    }

    private mutating func beginValue() {
        value.removeAll(keepingCapacity: true)
        let name = JSONString(range: 0..<key.count, hasEscapes: keyHasEscapes)
        wanted = names.indices.first { name.equals(names[$0], in: key.span) }
        if let wanted { members[wanted] = nil }
    }

    private mutating func endValue() {
        if let wanted { members[wanted] = value }
        wanted = nil
        place = .afterValue
    }

    /// Keeps bytes of a key, or of a member that is wanted and not too long.
    private mutating func keep(_ data: Span<UInt8>, _ range: Range<Int>) {
        switch place {
        case .inKey, .inKeyEscape:
            // Cut off, it is still too long to match any name.
            let room = Self.keyBytesMax - key.count
            if room > 0 { key.append(data.extracting(range).extracting(first: room)) }
        case .beforeObject, .beforeFirstKey, .beforeKey, .beforeColon, .beforeValue, .inWord, .inString,
            .inStringEscape, .inContainer, .afterValue, .afterObject:
            guard wanted != nil else { return }
            if value.count + range.count > Self.memberBytesMax {
                wanted = nil
                value = []
            } else {
                value.append(data.extracting(range))
            }
        }
    }
}
