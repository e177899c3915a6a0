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
        var text = "HTTP/1.1 \(status) \(HTTPStatusPhrase.phrase(for: status))\r\n"
        if !contentType.isEmpty { text += "Content-Type: \(contentType)\r\n" }
        if let byteCount { text += "Content-Length: \(byteCount)\r\n" }
        for field in fields { text += "\(field.name): \(field.value)\r\n" }
        text += "x-leo-cache: \(label.word)\r\n"
        if let ageSeconds { text += "Age: \(ageSeconds)\r\n" }
        text += "\r\n"
        let bytes = Array(text.utf8)
        var parsed = HTTP1Head(.response, headBytesMax: bytes.count + 1)
        do throws(HTTP1Error) {
            guard try parsed.parse(bytes.span) else { throw .headTooLarge }
        } catch { throw ProxyError(error) }
        (head, self.bytes) = (parsed, bytes)
    }
}
