import Wire

/// The head of an answer that leo gives without its provider: one that was kept, or that another exchange gets.
struct ServedAnswer {
    /// The head, parsed, as all heads are.
    let head: HTTP1Head
    /// The bytes that ``head`` was parsed from.
    let bytes: [UInt8]

    /// `byteCount`: the length of the body, where it is known and told. `ageSeconds`: nil for one that is just being made.
    init(
        status: Int = 200, contentType: String, byteCount: Int?, label: CacheResult, ageSeconds: UInt64?,
        fields: [(name: String, value: String)]
    ) throws(ProxyError) {
        var text = ByteQueue()
        text.append("HTTP/1.1 ")
        text.append(decimal: UInt(clamping: status))
        text.append(0x20)
        text.append(HTTPStatusPhrase.phrase(for: status))
        text.append("\r\n")
        if !contentType.isEmpty { text.append("Content-Type: ", contentType) }
        if let byteCount {
            text.append("Content-Length: ")
            text.append(decimal: UInt(clamping: byteCount))
            text.append("\r\n")
        }
        for field in fields {
            text.append(field.name)
            text.append(": ", field.value)
        }
        text.append("x-leo-cache: ", label.word)
        if let ageSeconds {
            text.append("Age: ")
            text.append(decimal: ageSeconds)
            text.append("\r\n")
        }
        text.append("\r\n")
        let bytes = text.bytes.copied
        var parsed = HTTP1Head(.response, headBytesMax: bytes.count + 1)
        do throws(HTTP1Error) {
            guard try parsed.parse(bytes.span) else { throw .headTooLarge }
        } catch { throw ProxyError(error) }
        (head, self.bytes) = (parsed, bytes)
    }
}

extension ByteQueue {
    /// Adds the rest of a field's line.
    fileprivate mutating func append(_ name: StaticString, _ value: String) {
        append(name)
        append(value)
        append("\r\n")
    }
}
