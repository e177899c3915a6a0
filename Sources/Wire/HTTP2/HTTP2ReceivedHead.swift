/// A head that came over HTTP/2, as the text of the same head in HTTP/1.1 (RFC 9113 8.3).
///
/// The one strict parser then judges it as it judges every head, so there is one place that decides what a request is.
public struct HTTP2ReceivedHead: Sendable, Equatable {
    /// First line, `host` of a request, the fields in their order, blank line.
    ///
    /// A head with content and without Content-Length says `transfer-encoding: chunked`, which HTTP/2 does not have, so
    /// that its framing can be read from the text; not so an answer that switched to a WebSocket.
    public let text: [UInt8]
    /// Whether content may follow: the head came without END_STREAM.
    public let hasBody: Bool
    /// Whether this is an extended CONNECT for a WebSocket (RFC 8441), which reads as a GET with `upgrade: websocket`.
    public let isExtendedConnect: Bool
    /// Fields that came as never indexed and have to stay so (RFC 7541 6.2.3), by their index among the text's fields.
    public let sensitiveFields: [Int]
    /// The status of an answer; 0 for a request.
    public let status: Int

    /// Whether another answer to the same request follows (RFC 9110 15.2).
    public var isInterim: Bool { status >= 100 && status < 200 }
}
