import Policy

/// Everything leo listens on, opened before anything else is begun.
struct Listeners: Sendable {
    /// A way in and its socket; a kind may have several.
    struct Entry: Sendable {
        let kind: ListenerKind
        let socket: ListenerSocket
    }

    /// For clients, in the order of ``ListenerKind``.
    let entries: [Entry]
    /// For health checks and metrics; nil when off.
    let admin: ListenerSocket?

    /// Takes the sockets that systemd hands over, and opens what else the file names.
    init(_ listen: Config.Listen, activated: ActivatedSockets) throws(StartFailure) {
        var entries: [Entry] = []
        for kind in ListenerKind.allCases {
            let given = activated.sockets(for: kind)
            entries += given.map { Entry(kind: kind, socket: $0) }
            guard given.isEmpty else { continue }
            if let path = listen.path(of: kind) {
                entries.append(Entry(kind: kind, socket: try Self.open(path, kind)))
            }
            for endpoint in listen.endpoints(of: kind) {
                entries.append(Entry(kind: kind, socket: try Self.open(endpoint, kind.rawValue)))
            }
        }
        self.entries = entries
        if let given = activated.sockets(for: nil).first {
            admin = given
        } else {
            admin = if let endpoint = listen.admin { try Self.open(endpoint, "admin") } else { nil }
        }
    }

    /// The modes of Unix sockets: for leo's user and group.
    private static let unixMode: UInt32 = 0o660

    private static func open(_ endpoint: IPEndpoint, _ key: String) throws(StartFailure) -> ListenerSocket {
        do {
            return ListenerSocket(try Socket.listen(on: endpoint))
        } catch {
            throw StartFailure("listen.\(key) = \"\(endpoint)\": \(error.call): \(error.text)")
        }
    }

    private static func open(_ path: String, _ kind: ListenerKind) throws(StartFailure) -> ListenerSocket {
        do {
            return ListenerSocket(try Socket.listen(at: path, mode: unixMode), path: path)
        } catch {
            throw StartFailure("listen.\(kind.rawValue) = \"\(path)\": \(error.text)")
        }
    }

    /// Whether there is a listener of this kind.
    func has(_ kind: ListenerKind) -> Bool { entries.contains { $0.kind == kind } }

    /// Addresses that leo never dials.
    var endpoints: [IPEndpoint] { (entries.map(\.socket) + (admin.map { [$0] } ?? [])).compactMap(\.endpoint) }

    /// What the ready line says: "proxy http://127.0.0.1:8889, admin off".
    var summary: String {
        let clients = entries.map { "\($0.kind.rawValue) \($0.kind.scheme)\($0.socket.place)" }
        return (clients + [admin.map { "admin http://\($0.place)" } ?? "admin off"]).joined(separator: ", ")
    }
}

extension Config.Listen {
    /// The addresses of a way in.
    func endpoints(of kind: ListenerKind) -> [IPEndpoint] {
        switch kind {
        case .proxy: [proxy]
        case .proxyTLS: proxyTLS
        case .proxyUnix: []
        case .transparent: transparent
        case .reverse: reverse
        }
    }

    /// The path of a way in that has one.
    func path(of kind: ListenerKind) -> String? {
        switch kind {
        case .proxyUnix: proxyUnix
        case .proxy, .proxyTLS, .transparent, .reverse: nil
        }
    }
}
