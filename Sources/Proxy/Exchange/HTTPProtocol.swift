/// What is spoken on a connection, by the name that ALPN has for it (RFC 7301).
enum HTTPProtocol: String, Sendable {
    /// HTTP/1.1, and 1.0 with it.
    case http1 = "http/1.1"
    /// HTTP/2 over TLS (RFC 9113 section 3.2).
    case http2 = "h2"
}
