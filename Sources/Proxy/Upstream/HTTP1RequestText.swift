import Wire

/// The head of a request that came by HTTP/2, as an HTTP/1 upstream reads it (RFC 9113 section 8).
///
/// Cookie crumbs are joined (section 8.2.3). A WebSocket gets the key that HTTP/1 wants and HTTP/2 does not have
/// (RFC 8441 section 5).
struct HTTP1RequestText {
    /// The key made for a WebSocket.
    let key: [UInt8]?
    private var text: [UInt8] = []
    private var head: HTTP1Head
    private let isWebSocket: Bool

    init(_ request: RequestHead, _ bytes: Span<UInt8>) throws(ProxyError) {
        isWebSocket = request.isWebSocket
        key = isWebSocket ? WebSocketKey.random() : nil
        var parsed = HTTP1Head(.request, headBytesMax: bytes.count + 1024)
        head = parsed
        append(bytes, 0..<request.head.byteCount - 2, of: request.head)
        if let key { text += WebSocketText.keyLine(key) }
        text += [0x0D, 0x0A]
        do throws(HTTP1Error) {
            guard try parsed.parse(text.span) else { throw .headTooLarge }
        } catch { throw ProxyError(error) }
        head = parsed
    }

    /// Appends it.
    func append(to out: inout ByteQueue) {
        head.appendRelayed(
            from: text.span, to: &out, framing: isWebSocket ? .untilClose : .asReceived, asWebSocket: isWebSocket)
    }

    /// Copies the lines, all cookies into the place of the first.
    private mutating func append(_ bytes: Span<UInt8>, _ lines: Range<Int>, of original: HTTP1Head) {
        let cookies = original.fields.filter { $0.known == .cookie }
        guard cookies.count > 1, let first = original.fields.first else { return append(bytes, lines) }
        append(bytes, lines.lowerBound..<first.name.lowerBound)
        var isFirst = true
        for index in original.fields.indices {
            let field = original.fields[index]
            let end = index + 1 < original.fields.count ? original.fields[index + 1].name.lowerBound : lines.upperBound
            guard field.known == .cookie else {
                append(bytes, field.name.lowerBound..<end)
                continue
            }
            guard isFirst else { continue }
            isFirst = false
            append(bytes, field.name.lowerBound..<field.value.lowerBound)
            for (number, cookie) in cookies.enumerated() {
                if number > 0 { text += [0x3B, 0x20] }
                append(bytes, cookie.value)
            }
            text += [0x0D, 0x0A]
        }
    }

    private mutating func append(_ bytes: Span<UInt8>, _ range: Range<Int>) {
        text.reserveCapacity(text.count + range.count)
        for index in range { text.append(bytes[index]) }
    }
}
