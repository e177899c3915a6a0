import Wire

/// The head of a request that came by HTTP/2, as an HTTP/1 upstream reads it (RFC 9113 section 8).
///
/// Cookie crumbs are joined (section 8.2.3). A WebSocket gets the key that HTTP/1 wants and HTTP/2 does not have
/// (RFC 8441 section 5).
struct HTTP1RequestText: ~Copyable {
    private var head: HTTP1Head
    private var text = ByteQueue()
    private let isWebSocket: Bool
    /// The key made for a WebSocket.
    private(set) var key: String?

    init(_ request: RequestHead, _ bytes: Span<UInt8>) throws(ProxyError) {
        head = request.head
        isWebSocket = request.isWebSocket
        text.append(bytes)
    }

    func append(to out: inout ByteQueue) {
        text.withBytes { bytes in
            head.appendRelayed(from: bytes, to: &out, framing: .asReceived, asWebSocket: isWebSocket)
        }
    }
}
