import Wire

/// What a request says about caches, in `Cache-Control` (RFC 9111 section 5.2.1) or, where it has none, in `Pragma`
/// (section 5.4).
///
/// Directives that leo has no use for are ignored, as the RFC wants. What cannot be read counts in the stricter sense.
public struct RequestCacheControl: Equatable, Sendable {
    /// `no-store`: nothing of the exchange is kept, and nothing kept is an answer to it.
    public private(set) var noStore = false
    /// `no-cache`: the answer has to come from the provider.
    public private(set) var noCache = false
    /// `only-if-cached`: the answer must not come from the provider.
    public private(set) var onlyIfCached = false
    /// `max-age`: how old an answer may be, in seconds; the least of several, 0 for one that is no number.
    public private(set) var maxAgeSeconds: UInt64?

    /// Says nothing.
    public init() {}

    /// What the head of a request says that was parsed from `bytes`.
    public init(_ head: borrowing HTTP1Head, from bytes: Span<UInt8>) {
        var hasField = false
        var pragma = false
        for index in head.fields.indices {
            let field = head.fields[index]
            if Self.isWord(bytes, field.name, "cache-control") {
                hasField = true
                take(bytes.extracting(field.value))
            } else if Self.isWord(bytes, field.name, "pragma") {
                var directives = RequestCacheControl()
                directives.take(bytes.extracting(field.value))
                pragma = pragma || directives.noCache
            }
        }
        if !hasField, pragma { noCache = true }
    }

    /// Takes one field's value.
    mutating func take(_ value: Span<UInt8>) {
        var index = 0
        while index < value.count {
            let start = index
            var equals: Int?
            var isQuoted = false
            while index < value.count, isQuoted || value[index] != UInt8(ascii: ",") {
                switch value[index] {
                case UInt8(ascii: "\""): isQuoted.toggle()
                case UInt8(ascii: "\\") where isQuoted: index += 1
                case UInt8(ascii: "=") where equals == nil && !isQuoted: equals = index
                default: break
                }
                index += 1
            }
            let end = min(index, value.count)
            take(name: Self.trimmed(value, start..<(equals ?? end)), equals.map { $0 + 1..<end }, value)
            index += 1
        }
    }

    private mutating func take(name: Range<Int>, _ argument: Range<Int>?, _ value: Span<UInt8>) {
        if Self.isWord(value, name, "no-store") {
            noStore = true
        } else if Self.isWord(value, name, "no-cache") {
            noCache = true
        } else if Self.isWord(value, name, "only-if-cached") {
            onlyIfCached = true
        } else if Self.isWord(value, name, "max-age") {
            maxAgeSeconds = min(maxAgeSeconds ?? .max, Self.seconds(value, argument) ?? 0)
        }
    }

    /// A number of seconds, also one in quotation marks (RFC 9111 section 5.2); a number too large is the largest.
    private static func seconds(_ value: Span<UInt8>, _ argument: Range<Int>?) -> UInt64? {
        guard var range = argument.map({ trimmed(value, $0) }) else { return nil }
        if range.count >= 2, value[range.lowerBound] == UInt8(ascii: "\""),
            value[range.upperBound - 1] == UInt8(ascii: "\"")
        {
            range = range.lowerBound + 1..<range.upperBound - 1
        }
        guard !range.isEmpty else { return nil }
        var number: UInt64 = 0
        for index in range {
            guard 0x30...0x39 ~= value[index] else { return nil }
            let (product, overflow) = number.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(value[index] - 0x30))
            number = overflow || carry || number == .max ? .max : sum
        }
        return number
    }

    private static func isWord(_ bytes: Span<UInt8>, _ range: Range<Int>, _ word: StaticString) -> Bool {
        range.count == word.utf8CodeUnitCount && bytes.extracting(range).hasPrefix(ignoringCase: word)
    }

    private static func trimmed(_ value: Span<UInt8>, _ range: Range<Int>) -> Range<Int> {
        var range = range
        while let first = range.first, value[first] == 0x20 || value[first] == 0x09 {
            range = range.dropFirst()
        }
        while let last = range.last, value[last] == 0x20 || value[last] == 0x09 { range = range.dropLast() }
        return range
    }
}
