import Wire

/// What goes into a key beside the canonical body.
///
/// The key is HMAC-SHA256, under the tenant's cache key, of a preamble and the canonical body behind it.
public struct CacheKeyInput {
    /// Changes with what is written here, so that entries of another version are never found.
    static let version: StaticString = "leo cache key 1"

    /// The preamble of a request's key.
    ///
    /// Each part has its length before it and lists have their count, so that no byte can pass from one part into another,
    /// and it is clear where the body begins.
    ///
    /// - Parameters:
    ///   - scope: whose entries they are: the tenant, and the credential's fingerprint or a mark that there is none.
    ///   - upstream: where the request goes: host and port.
    ///   - target: the path and query as sent, the same that the operation was found by.
    public static func preamble(
        scope: Span<UInt8>, upstream: String, operation: Operation, target: Span<UInt8>, headers: CacheHeaders
    ) -> [UInt8] {
        let place = CacheTarget(operation, target)
        let fields = headers.sorted
        // Room for the usual words and their lengths.
        var preamble = Preamble(byteCount: scope.count + target.count + 256)
        preamble.add(version)
        preamble.add(scope)
        preamble.add(lowercasing: upstream)
        preamble.add(operation.dialect.rawValue)
        preamble.add(name(of: operation))
        preamble.add(place.path.span)
        preamble.add(place.query.span)
        preamble.add(count: fields.count)
        for field in fields {
            preamble.add(field.name.span)
            preamble.add(field.value.span)
        }
        return preamble.bytes
    }

    /// The operation that does the same without a stream.
    private static func name(of operation: Operation) -> String {
        if operation.streamsByPath != true { return operation.name }
        return switch operation.name {
        case "streamGenerateContent": "generateContent"
        case "converse-stream": "converse"
        default: operation.name
        }
    }

    private struct Preamble {
        private(set) var bytes: [UInt8] = []

        init(byteCount: Int) { bytes.reserveCapacity(byteCount) }

        mutating func add(_ text: String) {
            var text = text
            text.makeContiguousUTF8()
            let utf8 = text.utf8
            add(utf8.span)
        }

        mutating func add(lowercasing text: String) {
            var text = text
            text.makeContiguousUTF8()
            let utf8 = text.utf8
            let span = utf8.span
            add(count: span.count)
            for index in span.indices { bytes.append(CacheText.lowercased(span[index])) }
        }

        mutating func add(_ literal: StaticString) {
            add(count: literal.utf8CodeUnitCount)
            for index in 0..<literal.utf8CodeUnitCount { bytes.append(unsafe literal.utf8Start[index]) }
        }

        mutating func add(_ part: Span<UInt8>) {
            add(count: part.count)
            bytes.append(part)
        }

        /// Eight bytes, most significant first.
        mutating func add(count: Int) {
            unsafe withUnsafeBytes(of: UInt64(truncatingIfNeeded: count).bigEndian) { word in
                unsafe bytes.append(contentsOf: word)
            }
        }
    }
}

extension CacheRequest {
    /// Whether a tool call with this id already stands in the request: a string of the canonical body is equal to it.
    ///
    /// A replay of that call would tell the client to do again what it has done.
    public func mentions(toolCallID id: String) -> Bool {
        var quoted = JSONText()
        quoted.string(id)
        // The text of an id has no characters that the two ways of writing JSON escape differently; one that has is
        // looked for in the canonical way.
        var wanted = quoted.bytes
        do throws(JSONFailure) {
            var cursor = JSONCursor(quoted.bytes.span)
            var json = CanonicalJSON()
            json.string(try cursor.string(), in: quoted.bytes.span)
            wanted = json.written
        } catch {}
        return Self.contains(canonical.span, wanted.span)
    }

    private static func contains(_ bytes: Span<UInt8>, _ wanted: Span<UInt8>) -> Bool {
        guard wanted.count > 2, bytes.count >= wanted.count else { return false }
        // Quotation marks are everywhere; the end of an id is not.
        let last = wanted.count - 1
        let tail = wanted[last - 1]
        var index = last
        while index < bytes.count {
            if bytes[index] == wanted[last], bytes[index - 1] == tail {
                var offset = 0
                while offset < last, bytes[index - last + offset] == wanted[offset] { offset += 1 }
                if offset == last { return true }
            }
            index += 1
        }
        return false
    }
}
