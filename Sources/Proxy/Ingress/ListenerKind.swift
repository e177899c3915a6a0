import Policy

/// A way in for clients: what the first bytes of a connection mean. The raw value is the key in `[listen]` and the name
/// of a descriptor that systemd hands over.
enum ListenerKind: String, CaseIterable, Sendable {
    /// CONNECT, and plain HTTP requests with a whole URL in them.
    case proxy
    /// The same inside of TLS.
    case proxyTLS = "proxy_tls"
    /// The same on a Unix socket.
    case proxyUnix = "proxy_unix"
    /// Connections that a packet filter has redirected: whom they were meant for, the kernel knows.
    case transparent
    /// Plain HTTP requests whose path begins with a provider's name, or whose Host is a provider's.
    case reverse

    /// Whether it listens on a path instead of an address.
    var isUnix: Bool {
        switch self {
        case .proxyUnix: true
        case .proxy, .proxyTLS, .transparent, .reverse: false
        }
    }

    /// What the rows of tenants call it.
    var clientListener: ClientListener {
        switch self {
        case .proxy: .proxy
        case .proxyTLS: .proxyTLS
        case .proxyUnix: .proxyUnix
        case .transparent: .transparent
        case .reverse: .reverse
        }
    }

    /// How a client would write the beginning of its address.
    var scheme: String {
        switch self {
        case .proxy, .reverse: "http://"
        case .proxyTLS: "https://"
        case .proxyUnix, .transparent: ""
        }
    }
}
