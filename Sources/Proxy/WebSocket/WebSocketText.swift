import Wire

/// The heads of an opening handshake where HTTP/1 and HTTP/2 meet (RFC 8441 section 5).
enum WebSocketText {
    /// An HTTP/2 upstream's agreement, as an HTTP/1 client reads it; `key` is the one that the client sent, if any.
    static func switching(_ received: HTTP2ReceivedHead, key: String?) -> [UInt8] {
        var text = Array("HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n".utf8)
        if let key, let accept = WebSocketKey.accept(for: key.utf8.span) {
            text += Array("Sec-WebSocket-Accept: ".utf8) + accept + Array("\r\n".utf8)
        }
        // Behind the status line the fields stay as they are.
        if let lineEnd = received.text.firstIndex(of: 0x0A) { text += received.text[(lineEnd + 1)...] }
        return text
    }

    /// A field line with a key for an HTTP/1 upstream.
    static func keyLine(_ key: [UInt8]) -> [UInt8] { Array("Sec-WebSocket-Key: ".utf8) + key + Array("\r\n".utf8) }
}
