import CLinux
import Glibc
import Policy
import Synchronization

/// What a packet filter and leo have to tell each other.
extension Socket {
    /// Where an accepted connection was meant to go before the packet filter redirected it; nil when the kernel does not
    /// know. `SO_ORIGINAL_DST`, of netfilter's connection tracking
    static func originalDestination(_ descriptor: Int32) -> IPEndpoint? {
        guard let local = localEndpoint(descriptor) else { return nil }
        let level: Int32 =
            switch local.address {
            case .v4: SOL_IP
            case .v6: SOL_IPV6
            }
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        guard unsafe getsockopt(descriptor, level, LEO_SO_ORIGINAL_DST, &storage, &length) == 0 else { return nil }
        return IPEndpoint(storage)
    }

    /// Marks a socket's packets for the packet filter. `SO_MARK`
    static func mark(_ descriptor: Int32, _ mark: UInt32) throws(SystemCallError) {
        var value = mark
        _ = try System.check("SO_MARK") {
            unsafe setsockopt(descriptor, SOL_SOCKET, SO_MARK, &value, socklen_t(MemoryLayout<UInt32>.size))
        }
    }

    /// Why sockets cannot be marked; nil when they can.
    static func flaw(inMarking mark: UInt32) -> SystemCallError? {
        do throws(SystemCallError) {
            let probe = Descriptor(
                try System.check("socket") {
                    socket(AF_INET, Int32(SOCK_STREAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
                })
            try Self.mark(probe.raw, mark)
            return nil
        } catch { return error }
    }
}

/// The near ends of the connections that leo is making or has made, so that one of them is known when it comes back in.
/// All workers share it; there is one only where packets may be redirected.
final class OwnDials: Sendable {
    private let endpoints = Mutex<Set<IPEndpoint>>([])

    /// Remembers a socket that has been told to connect, for as long as what is returned lives.
    func remember(_ descriptor: Int32) -> Token? {
        guard let endpoint = Socket.localEndpoint(descriptor) else { return nil }
        _ = endpoints.withLock { $0.insert(endpoint) }
        return Token(endpoint, self)
    }

    /// Whether this is the near end of one of leo's own connections.
    func contains(_ endpoint: IPEndpoint) -> Bool { endpoints.withLock { $0.contains(endpoint) } }

    private func forget(_ endpoint: IPEndpoint) { _ = endpoints.withLock { $0.remove(endpoint) } }

    /// One connection that is remembered.
    final class Token: Sendable {
        private let endpoint: IPEndpoint
        private let dials: OwnDials

        fileprivate init(_ endpoint: IPEndpoint, _ dials: OwnDials) {
            self.endpoint = endpoint
            self.dials = dials
        }

        deinit { dials.forget(endpoint) }
    }
}
