import CLinux
import Glibc
import Policy

/// Who is at the other end of an accepted connection.
enum Peer: Equatable, Sendable, CustomStringConvertible {
    /// Somebody at this address.
    case endpoint(IPEndpoint)
    /// A process of this machine, on a Unix socket: as it was when it connected.
    case process(id: Int32, user: UInt32)

    /// "127.0.0.1:50000", or "unix:uid=1000".
    var description: String {
        switch self {
        case .endpoint(let endpoint): endpoint.description
        case .process(_, let user): "unix:uid=\(user)"
        }
    }

    /// The address, if it has one.
    var endpoint: IPEndpoint? {
        switch self {
        case .endpoint(let endpoint): endpoint
        case .process: nil
        }
    }

    /// The process at the other end of a Unix socket; nil for other sockets. `SO_PEERCRED`
    static func process(of descriptor: Int32) -> Peer? {
        var credentials = leo_ucred()
        var length = socklen_t(MemoryLayout<leo_ucred>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_PEERCRED, &credentials, &length) == 0 else { return nil }
        return .process(id: credentials.pid, user: credentials.uid)
    }
}
