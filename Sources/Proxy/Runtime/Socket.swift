import CLinux
import Glibc
import Policy

/// TCP sockets: made non-blocking and close-on-exec, addressed by ``IPEndpoint``.
enum Socket {
    /// The queue of connections the kernel accepts for us; the kernel caps it at net.core.somaxconn.
    static let backlogCountMax: Int32 = 4096

    /// A listening socket on `endpoint`.
    static func listen(on endpoint: IPEndpoint) throws(SystemCallError) -> Descriptor {
        let descriptor = try make(for: endpoint)
        try set(descriptor.raw, SOL_SOCKET, SO_REUSEADDR, 1)
        try bind(descriptor.raw, to: endpoint)
        _ = try System.check("listen") { Glibc.listen(descriptor.raw, backlogCountMax) }
        return descriptor
    }

    /// A socket whose connection to `endpoint` is under way; writable means decided, ``pendingError(_:)`` tells how.
    /// `source`, of the same family, is the address it comes from; nil lets the system choose. `mark` is the packets' for
    /// the packet filter, 0 for none.
    static func connect(
        to endpoint: IPEndpoint, from source: IPAddress? = nil, mark: UInt32 = 0
    ) throws(SystemCallError) -> Descriptor {
        let descriptor = try make(for: endpoint)
        tune(descriptor.raw)
        if mark != 0 { try Self.mark(descriptor.raw, mark) }
        if let source {
            // The port is chosen by connect(2), which knows the target: two targets may share one. Older kernels take
            // one from the few that nobody uses.
            try? set(descriptor.raw, Int32(IPPROTO_IP), IP_BIND_ADDRESS_NO_PORT, 1)
            try bind(descriptor.raw, to: IPEndpoint(address: source, port: 0))
        }
        let result = unsafe withAddress(endpoint) { unsafe Glibc.connect(descriptor.raw, $0, $1) }
        // An interrupted connect goes on in the background, like one in progress.
        if result < 0, errno != EINPROGRESS, errno != EINTR { throw SystemCallError("connect", errno) }
        return descriptor
    }

    /// The next connection of a listener and where it comes from; nil when there is none or the peer has left again.
    static func accept(_ listener: Int32) throws(SystemCallError) -> Accepted? {
        while true {
            var storage = sockaddr_storage()
            var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
            let number = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe accept4(listener, $0, &length, Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue))
                }
            }
            if number >= 0 {
                let descriptor = Descriptor(number)
                if let endpoint = IPEndpoint(storage) {
                    tune(number)
                    return Accepted(descriptor: descriptor, peer: .endpoint(endpoint))
                }
                guard let peer = Peer.process(of: number) else { return nil }
                return Accepted(descriptor: descriptor, peer: peer)
            }
            switch errno {
            case EINTR: continue
            // Linux passes pending network errors of the new connection on as errors of accept(2).
            case EAGAIN, ECONNABORTED, EPROTO, ENETDOWN, ENOPROTOOPT, EHOSTDOWN, ENONET, EHOSTUNREACH, ENETUNREACH,
                EPERM:
                return nil
            default: throw SystemCallError("accept4", errno)
            }
        }
    }

    /// A connection that came in.
    struct Accepted: ~Copyable {
        let descriptor: Descriptor
        let peer: Peer
    }

    /// How a connect(2) ended: zero for success, else an errno.
    static func pendingError(_ descriptor: Int32) -> Int32 {
        var error: Int32 = 0
        var length = socklen_t(MemoryLayout<Int32>.size)
        guard unsafe getsockopt(descriptor, SOL_SOCKET, SO_ERROR, &error, &length) == 0 else { return errno }
        return error
    }

    /// The address a socket is bound to.
    static func localEndpoint(_ descriptor: Int32) -> IPEndpoint? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        let result = unsafe withUnsafeMutablePointer(to: &storage) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        return result == 0 ? IPEndpoint(storage) : nil
    }

    /// Makes the coming close a reset, so that a peer that stopped reading cannot keep our bytes in the kernel.
    static func resetOnClose(_ descriptor: Int32) {
        var option = linger(l_onoff: 1, l_linger: 0)
        _ = unsafe setsockopt(descriptor, SOL_SOCKET, SO_LINGER, &option, socklen_t(MemoryLayout<linger>.size))
    }

    /// Ends our side of a connection; the peer reads an end of file.
    static func shutdownWrite(_ descriptor: Int32) { _ = Glibc.shutdown(descriptor, Int32(SHUT_WR)) }

    /// Finds out whether this machine has `address`: throws EADDRNOTAVAIL if not.
    static func probe(_ address: IPAddress) throws(SystemCallError) {
        let endpoint = IPEndpoint(address: address, port: 0)
        let descriptor = try make(for: endpoint)
        try bind(descriptor.raw, to: endpoint)
    }

    private static func bind(_ descriptor: Int32, to endpoint: IPEndpoint) throws(SystemCallError) {
        _ = try System.check("bind") {
            unsafe withAddress(endpoint) { unsafe Glibc.bind(descriptor, $0, $1) }
        }
    }

    private static func make(for endpoint: IPEndpoint) throws(SystemCallError) -> Descriptor {
        let family =
            switch endpoint.address {
            case .v4: AF_INET
            case .v6: AF_INET6
            }
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return Descriptor(try System.check("socket") { socket(family, kind, 0) })
    }

    /// Small writes leave at once; a peer whose machine has died is noticed within minutes.
    private static func tune(_ descriptor: Int32) {
        try? set(descriptor, Int32(IPPROTO_TCP), TCP_NODELAY, 1)
        try? set(descriptor, SOL_SOCKET, SO_KEEPALIVE, 1)
        try? set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPIDLE, 60)
        try? set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPINTVL, 15)
        try? set(descriptor, Int32(IPPROTO_TCP), TCP_KEEPCNT, 4)
    }

    static func set(_ descriptor: Int32, _ level: Int32, _ name: Int32, _ value: Int32) throws(SystemCallError) {
        var value = value
        _ = try System.check("setsockopt") {
            unsafe setsockopt(descriptor, level, name, &value, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    private static func withAddress<R>(
        _ endpoint: IPEndpoint, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R
    ) -> R {
        switch endpoint.address {
        case .v4(let bits):
            var address = sockaddr_in()
            address.sin_family = sa_family_t(AF_INET)
            address.sin_port = endpoint.port.bigEndian
            address.sin_addr.s_addr = bits.bigEndian
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in>.size))
                }
            }
        case .v6(let high, let low):
            var address = sockaddr_in6()
            address.sin6_family = sa_family_t(AF_INET6)
            address.sin6_port = endpoint.port.bigEndian
            unsafe withUnsafeMutableBytes(of: &address.sin6_addr) { bytes in
                unsafe bytes.storeBytes(of: high.bigEndian, as: UInt64.self)
                unsafe bytes.storeBytes(of: low.bigEndian, toByteOffset: 8, as: UInt64.self)
            }
            return unsafe withUnsafePointer(to: &address) { pointer in
                unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                    unsafe body($0, socklen_t(MemoryLayout<sockaddr_in6>.size))
                }
            }
        }
    }
}

extension IPEndpoint {
    /// The endpoint that the kernel wrote into `storage`; nil for other families than IPv4 and IPv6.
    init?(_ storage: sockaddr_storage) {
        var storage = storage
        switch Int32(storage.ss_family) {
        case AF_INET:
            let address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.loadUnaligned(as: sockaddr_in.self) }
            self.init(
                address: .v4(UInt32(bigEndian: address.sin_addr.s_addr)), port: UInt16(bigEndian: address.sin_port))
        case AF_INET6:
            var address = unsafe withUnsafeBytes(of: &storage) { unsafe $0.loadUnaligned(as: sockaddr_in6.self) }
            let (high, low) = unsafe withUnsafeBytes(of: &address.sin6_addr) { bytes in
                unsafe (
                    UInt64(bigEndian: bytes.loadUnaligned(as: UInt64.self)),
                    UInt64(bigEndian: bytes.loadUnaligned(fromByteOffset: 8, as: UInt64.self))
                )
            }
            self.init(address: .v6(high, low), port: UInt16(bigEndian: address.sin6_port))
        default:
            return nil
        }
    }
}
