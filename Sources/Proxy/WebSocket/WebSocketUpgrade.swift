import Wire

/// A request to become a WebSocket (RFC 6455 section 4), and the two directions of frames afterwards.
struct WebSocketUpgrade {
    /// The upstream has agreed: frames follow.
    var hasSwitched = false
    /// A Close frame has passed in either direction: the end of the connection is no accident.
    private(set) var isClosing = false

    /// Nil when the request asks for no upgrade to a WebSocket.
    init?(_ head: HTTP1Head, _ bytes: Span<UInt8>) throws(ProxyError) {
        guard head.upgrades, let field = head.first(.upgrade),
            bytes.extracting(field.value).hasPrefix(ignoringCase: "websocket")
        else { return nil }
        throw ProxyError(.upgradeUnsupported, "leo does not carry WebSocket yet; intercept.splice tunnels the host")
    }

    /// Looks at what the client sends.
    mutating func noteClient(_ data: Span<UInt8>) throws(ProxyError) {}

    /// Looks at what the upstream sends.
    mutating func noteUpstream(_ data: Span<UInt8>) throws(ProxyError) {}
}

/// The heads of WebSockets between HTTP/1 and HTTP/2 (RFC 8441).
enum WebSocketText {
    /// The answer that agreed to an extended CONNECT, as HTTP/1 says it; `key` is the client's, if it sent one.
    static func switching(_ received: HTTP2ReceivedHead, key: String?) -> [UInt8] { received.text }
}
