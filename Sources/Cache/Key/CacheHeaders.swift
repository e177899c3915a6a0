import Wire

/// The fields of a request's head that are part of its key.
///
/// All of them are, but for a list of those that belong to the transport or to the bookkeeping, and those that the operator
/// names. So a field that leo does not know, a gateway's route or another credential, makes another request.
public struct CacheHeaders: Sendable {
    /// Lower-case names and values, in the order in which they came.
    private(set) var fields: [Field] = []
    private let ignoredByOperator: [[UInt8]]
    private let keepsMediaTypes: Bool
    private var betas: [[UInt8]] = []

    struct Field: Sendable {
        let name: [UInt8]
        let value: [UInt8]
    }

    /// - Parameter ignoring: names that the operator's file wants ignored, in any case.
    public init(_ operation: Operation, ignoring names: [String] = []) {
        ignoredByOperator = names.map { Array($0.lowercased().utf8) }
        // There the answer is in the format that the request accepts.
        keepsMediaTypes = operation.dialect == .bedrockInvoke
    }

    /// Takes the fields of a head, parsed from `bytes`.
    public mutating func take(_ head: HTTP1Head, _ bytes: Span<UInt8>) {
        for field in head.fields { take(name: bytes.extracting(field.name), value: bytes.extracting(field.value)) }
    }

    /// Takes one field; its value is without blanks around it.
    public mutating func take(name: Span<UInt8>, value: Span<UInt8>) {
        // Most fields of most requests go here, so nothing of them is copied before.
        if name.isWord("content-type") || name.isWord("accept") {
            guard keepsMediaTypes || name.isWord("content-type") && !Self.isPlainJSON(value) else { return }
        } else if Self.isIgnored(name) {
            return
        }
        var lower: [UInt8] = []
        lower.reserveCapacity(name.count)
        for index in name.indices { lower.append(CacheText.lowercased(name[index])) }
        if ignoredByOperator.contains(lower) { return }
        if lower.span.equals("anthropic-beta") { return takeBetas(value) }
        if lower.span.equals("cookie") { return takeCookies(name: lower, value) }
        fields.append(Field(name: lower, value: value.copied))
    }

    /// The fields sorted by name, those of one name in their order.
    var sorted: [Field] {
        if fields.count <= 1, betas.isEmpty { return fields }
        var all = fields
        if !betas.isEmpty {
            let value = betas.sorted { $0.lexicographicallyPrecedes($1) }.joined(separator: [UInt8(ascii: ",")])
            all.append(Field(name: Array("anthropic-beta".utf8), value: Array(value)))
        }
        return all.enumerated().sorted {
            $0.element.name == $1.element.name
                ? $0.offset < $1.offset : $0.element.name.lexicographicallyPrecedes($1.element.name)
        }.map(\.element)
    }

    /// A list of features, whose order means nothing.
    private mutating func takeBetas(_ value: Span<UInt8>) {
        var start = 0
        while start <= value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ",") { end += 1 }
            var first = start
            var last = end
            while first < last, CacheText.isBlank(value[first]) { first += 1 }
            while last > first, CacheText.isBlank(value[last - 1]) { last -= 1 }
            var beta: [UInt8] = []
            for index in first..<last { beta.append(value[index]) }
            if !beta.isEmpty { betas.append(beta) }
            start = end + 1
        }
    }

    /// Cookies may be what somebody is known by. Not so those of networks and load balancers before the provider, which
    /// clients keep and send back, and which change by the hour.
    private mutating func takeCookies(name: [UInt8], _ value: Span<UInt8>) {
        var kept: [UInt8] = []
        var start = 0
        while start < value.count {
            var end = start
            while end < value.count, value[end] != UInt8(ascii: ";") { end += 1 }
            var first = start
            while first < end, CacheText.isBlank(value[first]) { first += 1 }
            var equals = first
            while equals < end, value[equals] != UInt8(ascii: "=") { equals += 1 }
            let crumb = value.extracting(first..<end)
            let crumbName = value.extracting(first..<equals)
            if !crumb.isEmpty, !Self.bookkeepingCookies.contains(where: { crumbName.equals($0) }) {
                if !kept.isEmpty { kept.append(UInt8(ascii: ";")) }
                for index in crumb.indices { kept.append(crumb[index]) }
            }
            start = end + 1
        }
        if !kept.isEmpty { fields.append(Field(name: name, value: kept)) }
    }

    /// Whether a content type says no more than that the body is JSON in UTF-8. Another charset would make other text of
    /// the same bytes.
    private static func isPlainJSON(_ value: Span<UInt8>) -> Bool {
        if value.isWord("application/json") { return true }
        var text: [UInt8] = []
        for index in value.indices where !CacheText.isBlank(value[index]) && value[index] != UInt8(ascii: "\"") {
            text.append(CacheText.lowercased(value[index]))
        }
        return text.span.equals("application/json") || text.span.equals("application/json;charset=utf-8")
            || text.span.equals("application/json;charset=utf8")
    }
}

extension CacheHeaders {
    /// Whether a field, its name in any case, belongs to the transport or the bookkeeping, whatever the operation.
    static func isIgnored(_ name: Span<UInt8>) -> Bool {
        if name.count < ignoredNamesByLength.count {
            for word in ignoredNamesByLength[name.count] where name.isWord(word) { return true }
        }
        for word in ignoredPrefixes where name.hasPrefix(ignoringCase: word) { return true }
        return false
    }

    /// ``ignoredNames``, each under its length: no name is compared with all of them.
    private static let ignoredNamesByLength: [[StaticString]] = {
        let longest = ignoredNames.map(\.utf8CodeUnitCount).max() ?? 0
        return (0...longest).map { length in ignoredNames.filter { $0.utf8CodeUnitCount == length } }
    }()

    /// Names that are ignored. Credentials are, since the key's scope says whose a request is; those that leo does not read
    /// are not here.
    static let ignoredNames: [StaticString] = [
        // The connection, the framing and the coding of the message.
        "host", "connection", "keep-alive", "proxy-connection", "proxy-authorization", "content-length",
        "content-encoding", "transfer-encoding", "te", "trailer", "expect", "upgrade", "date", "priority", "via",
        "forwarded",
        // What the client is and accepts. Forms of the answer are chosen by body and path.
        "accept-encoding", "accept-charset", "accept-language", "accept-ranges", "user-agent", "origin", "referer",
        "http-referer", "x-title", "dnt", "save-data",
        // Credentials.
        "authorization", "x-api-key", "api-key", "x-goog-api-key",
        // Traces and ids of requests.
        "traceparent", "tracestate", "baggage", "b3", "x-amzn-trace-id", "sentry-trace", "x-cloud-trace-context",
        "uber-trace-id", "x-request-id", "request-id", "x-client-request-id", "x-ms-client-request-id",
        "x-correlation-id", "idempotency-key",
        // What the client asks of caches: leo has read it.
        "cache-control", "pragma",
        // Amazon's and Google's libraries.
        "x-amz-date", "x-amz-security-token", "x-amz-content-sha256", "x-amz-user-agent", "x-goog-api-client",
    ]

    /// Cookies that are ignored: Cloudflare's, and those by which balancers of Amazon, Google and Azure stay with a server.
    static let bookkeepingCookies: [StaticString] = [
        "__cf_bm", "__cflb", "__cfruid", "_cfuvid", "AWSALB", "AWSALBCORS", "AWSALBTG", "AWSALBTGCORS", "AWSELB",
        "AWSELBCORS", "GCLB", "ARRAffinity", "ARRAffinitySameSite",
    ]

    /// Beginnings of names that are ignored.
    static let ignoredPrefixes: [StaticString] = [
        "x-stainless-", "x-fern-", "x-b3-", "x-datadog-", "amz-sdk-", "x-forwarded-", "sec-", "x-leo-",
    ]
}

/// Bytes of text that a head is made of.
enum CacheText {
    static func lowercased(_ byte: UInt8) -> UInt8 { byte &- UInt8(ascii: "A") < 26 ? byte | 0x20 : byte }

    static func isBlank(_ byte: UInt8) -> Bool { byte == 0x20 || byte == 0x09 }
}

extension Span where Element == UInt8 {
    /// Whether the bytes are `word`, which is lower-case ASCII, in any case.
    func isWord(_ word: StaticString) -> Bool { count == word.utf8CodeUnitCount && hasPrefix(ignoringCase: word) }
}
