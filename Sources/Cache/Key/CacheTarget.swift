import Wire

/// A request's path and query, as far as they tell requests apart.
///
/// Nothing is decoded: two spellings of one path are two requests, which costs a miss and never a wrong hit. The order of
/// the parameters counts too. Only what is known to mean nothing for the answer's content is taken out: Google's `alt`
/// and `key`, and that the path asks for a stream.
struct CacheTarget {
    /// The path of the operation that does not stream.
    private(set) var path: [UInt8]
    /// The query without what is ignored, with its question mark; empty if there is none.
    private(set) var query: [UInt8] = []
    /// Whether there is a `#`, which has no place in a request's target.
    private(set) var hasFragment = false
    /// What each parameter is to the cache, by its name as sent.
    private(set) var parameters: [Parameter] = []
    /// Google's `alt`, if it is there.
    private(set) var alternative = Alternative.none

    /// A parameter of the query.
    struct Parameter {
        let name: String
        let side: CacheFieldSide
        let isKnown: Bool
        let byteCount: Int
    }

    /// What Google's `alt` asks for.
    enum Alternative {
        case none, json, events
        /// Something else, or something that is spelt so that it is not clear.
        case other
    }

    init(_ operation: Operation, _ target: Span<UInt8>) {
        var end = 0
        while end < target.count, target[end] != UInt8(ascii: "?") { end += 1 }
        for index in target.indices where target[index] == UInt8(ascii: "#") { hasFragment = true }
        path = Self.path(operation, target.extracting(0..<end))
        let isGoogle = operation.dialect.family == .gemini
        var start = end + 1
        var isFirst = true
        while start <= target.count {
            var stop = start
            while stop < target.count, target[stop] != UInt8(ascii: "&") { stop += 1 }
            let parameter = target.extracting(start..<stop)
            var equals = 0
            while equals < parameter.count, parameter[equals] != UInt8(ascii: "=") { equals += 1 }
            let name = parameter.extracting(0..<equals)
            let value = parameter.extracting(min(equals + 1, parameter.count)..<parameter.count)
            let isIgnored = isGoogle && take(name, value, of: operation)
            parameters.append(
                Parameter(
                    name: String(lossy: name), side: isIgnored ? .ignored : .key,
                    isKnown: isIgnored || name.equals("api-version"), byteCount: value.count))
            if !isIgnored {
                query.append(isFirst ? UInt8(ascii: "?") : UInt8(ascii: "&"))
                query.append(parameter)
                isFirst = false
            }
            start = stop + 1
        }
    }

    /// Whether the path is that of Cohere's second version.
    var isCohereV2: Bool { path.span.hasSuffix("/v2/chat") || path.span.hasSuffix("/v2/chat/") }

    /// Whether the parameter of one of Google's requests is ignored.
    private mutating func take(_ name: Span<UInt8>, _ value: Span<UInt8>, of operation: Operation) -> Bool {
        if name.equals("key") { return true }
        guard operation.dialect == .geminiGenerate, Self.mayMeanAlternative(name) else { return false }
        let isPlain = name.equals("alt") && alternative == .none
        if isPlain, value.equals("json") {
            alternative = .json
        } else if isPlain, value.equals("sse") {
            alternative = .events
        } else {
            alternative = .other
        }
        return isPlain && alternative != .other
    }

    /// Whether the name is `alt` or `$alt` in any spelling.
    private static func mayMeanAlternative(_ name: Span<UInt8>) -> Bool {
        var decoded: [UInt8] = []
        var index = 0
        while index < name.count {
            if name[index] == UInt8(ascii: "%"), index + 2 < name.count,
                let byte = UInt8(String(lossy: name.extracting(index + 1..<index + 3)), radix: 16)
            {
                decoded.append(byte | 0x20)
                index += 3
            } else {
                decoded.append(name[index] | 0x20)
                index += 1
            }
        }
        return decoded == Array("alt".utf8) || decoded == Array("$alt".utf8)
    }

    private static func path(_ operation: Operation, _ path: Span<UInt8>) -> [UInt8] {
        if operation.streamsByPath != true { return path.copied }
        let (streaming, plain): (StaticString, StaticString)
        switch operation.name {
        case "streamGenerateContent": (streaming, plain) = (":streamGenerateContent", ":generateContent")
        case "converse-stream": (streaming, plain) = ("/converse-stream", "/converse")
        default: (streaming, plain) = ("", "")
        }
        var bytes: [UInt8] = []
        let isTwin = streaming.utf8CodeUnitCount > 0 && path.hasSuffix(streaming)
        let end = isTwin ? path.count - streaming.utf8CodeUnitCount : path.count
        bytes.reserveCapacity(path.count)
        bytes.append(path.extracting(0..<end))
        if isTwin { bytes += "\(plain)".utf8 }
        return bytes
    }
}

extension Span where Element == UInt8 {
    /// Whether the bytes are `text`.
    func equals(_ text: StaticString) -> Bool { count == text.utf8CodeUnitCount && hasSuffix(text) }

    /// Whether the bytes end with `text`.
    func hasSuffix(_ text: StaticString) -> Bool {
        let start = count - text.utf8CodeUnitCount
        guard start >= 0 else { return false }
        for offset in 0..<text.utf8CodeUnitCount {
            let wanted = unsafe text.utf8Start[offset]
            guard self[start + offset] == wanted else { return false }
        }
        return true
    }
}
