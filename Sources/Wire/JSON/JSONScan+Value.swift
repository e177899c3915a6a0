/// Which of the open containers are objects, innermost first; at most ``JSONCursor/depthMax-swift.type.property`` of them.
struct JSONNesting {
    private var bits: UInt128 = 0

    /// Whether the innermost open container is an object.
    @inline(__always)
    var isObject: Bool { UInt64(truncatingIfNeeded: bits) & 1 == 1 }

    @inline(__always)
    mutating func push(isObject: Bool) { bits = bits << 1 | (isObject ? 1 : 0) }

    @inline(__always)
    mutating func pop() { bits >>= 1 }
}

extension JSONScan {
    /// Passes the key at `start`, of which the opening mark is not yet known to be one.
    @inline(__always)
    static func key(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> JSONString {
        guard start < bytes.count else { throw JSONFailure(.cutOff, at: start) }
        guard bytes[start] == quote else { throw JSONFailure(.unexpectedByte, at: start) }
        var hasEscapes = false
        let end = try string(bytes, start + 1, hasEscapes: &hasEscapes)
        return JSONString(range: start + 1..<end, hasEscapes: hasEscapes)
    }

    /// Passes a colon with the blanks in front of it.
    @inline(__always)
    static func pastColon(_ bytes: Span<UInt8>, _ start: Int) throws(JSONFailure) -> Int {
        let index = blanks(bytes, start)
        guard index < bytes.count else { throw JSONFailure(.cutOff, at: index) }
        guard bytes[index] == colon else { throw JSONFailure(.unexpectedByte, at: index) }
        return index + 1
    }

    /// Passes the value at `start`, in which at most `depthMax` containers may be open at once.
    static func value(_ bytes: Span<UInt8>, _ start: Int, depthMax: Int) throws(JSONFailure) -> Int {
        var index = start
        var depth = 0
        var nesting = JSONNesting()
        while true {
            // In front of a value.
            index = blanks(bytes, index)
            guard index < bytes.count else { throw JSONFailure(.cutOff, at: index) }
            let first = bytes[index]
            switch first {
            case quote:
                var hasEscapes = false
                index = try string(bytes, index + 1, hasEscapes: &hasEscapes) + 1
            case openBrace, openBracket:
                guard depth < depthMax else { throw JSONFailure(.tooDeep, at: index) }
                let isObject = first == openBrace
                index = blanks(bytes, index + 1)
                guard index < bytes.count else { throw JSONFailure(.cutOff, at: index) }
                if bytes[index] == (isObject ? closeBrace : closeBracket) {
                    index += 1
                    break
                }
                nesting.push(isObject: isObject)
                depth += 1
                if isObject { index = try pastColon(bytes, key(bytes, index).range.upperBound + 1) }
                continue
            case UInt8(ascii: "t"): index = try literal("true", bytes, index)
            case UInt8(ascii: "f"): index = try literal("false", bytes, index)
            case UInt8(ascii: "n"): index = try literal("null", bytes, index)
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): index = try number(bytes, index)
            default: throw JSONFailure(.unexpectedByte, at: index)
            }
            // Behind a value: close what closes here.
            while true {
                if depth == 0 { return index }
                index = blanks(bytes, index)
                guard index < bytes.count else { throw JSONFailure(.cutOff, at: index) }
                if bytes[index] == comma {
                    index += 1
                    if nesting.isObject {
                        index = try pastColon(bytes, key(bytes, blanks(bytes, index)).range.upperBound + 1)
                    }
                    break
                }
                guard bytes[index] == (nesting.isObject ? closeBrace : closeBracket) else {
                    throw JSONFailure(.unexpectedByte, at: index)
                }
                nesting.pop()
                depth -= 1
                index += 1
            }
        }
    }
}
