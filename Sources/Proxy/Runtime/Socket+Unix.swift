import CLinux
import Glibc

/// Unix sockets at a path.
extension Socket {
    /// What `sun_path` holds, its terminating zero left out.
    static let unixPathBytesMax = 107

    /// Why there is no listening socket at a path.
    enum UnixFailure: Error, Equatable {
        case systemCall(SystemCallError)
        /// Somebody listens there.
        case taken
        /// Something else than a socket is there.
        case notSocket

        var text: String {
            switch self {
            case .systemCall(let error): "\(error.call): \(error.text)"
            case .taken: "somebody listens there already"
            case .notSocket: "something else than a socket is there; it is left alone"
            }
        }
    }

    /// Which file a path means now.
    struct FileIdentity: Equatable, Sendable {
        let device: UInt64
        let inode: UInt64

        /// The file at `path`; nil when there is none.
        init?(_ path: String) {
            var status = stat()
            guard unsafe lstat(path, &status) == 0 else { return nil }
            device = UInt64(status.st_dev)
            inode = UInt64(status.st_ino)
        }
    }

    /// A listening socket at `path` with this mode.
    ///
    /// A socket that is left over from a process that ended without removing it is replaced; one on which somebody
    /// listens, and a file of any other kind, is not.
    static func listen(at path: String, mode: UInt32) throws(UnixFailure) -> Descriptor {
        do throws(SystemCallError) {
            return try bind(at: path, mode: mode)
        } catch {
            guard error.number == EADDRINUSE else { throw .systemCall(error) }
        }
        try removeStale(path)
        do throws(SystemCallError) { return try bind(at: path, mode: mode) } catch {
            throw error.number == EADDRINUSE ? .taken : .systemCall(error)
        }
    }

    private static func bind(at path: String, mode: UInt32) throws(SystemCallError) -> Descriptor {
        let descriptor = try makeUnix()
        _ = try System.check("bind") {
            unsafe withUnixAddress(path) { unsafe Glibc.bind(descriptor.raw, $0, $1) }
        }
        // Nobody can connect before listen(2), so nobody meets it with another mode.
        _ = try System.check("chmod") { unsafe chmod(path, mode) }
        _ = try System.check("listen") { Glibc.listen(descriptor.raw, backlogCountMax) }
        return descriptor
    }

    /// Removes a socket on which nobody listens.
    private static func removeStale(_ path: String) throws(UnixFailure) {
        var status = stat()
        guard unsafe lstat(path, &status) == 0 else { return }
        guard status.st_mode & S_IFMT == S_IFSOCK else { throw .notSocket }
        do throws(SystemCallError) {
            let probe = try makeUnix()
            _ = try System.check("connect") {
                unsafe withUnixAddress(path) { unsafe Glibc.connect(probe.raw, $0, $1) }
            }
        } catch {
            // Anything but a refusal, a full queue for one, means that there is somebody.
            guard error.number == ECONNREFUSED else { throw .taken }
            guard unsafe unlink(path) == 0 || errno == ENOENT else {
                throw .systemCall(SystemCallError("unlink", errno))
            }
            return
        }
        throw .taken
    }

    /// The path that a Unix socket is bound to; nil for other sockets and for one without a path.
    static func localPath(_ descriptor: Int32) -> String? {
        var address = sockaddr_un()
        var length = socklen_t(MemoryLayout<sockaddr_un>.size)
        let result = unsafe withUnsafeMutablePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                unsafe getsockname(descriptor, $0, &length)
            }
        }
        guard result == 0, Int32(address.sun_family) == AF_UNIX else { return nil }
        let path = unsafe withUnsafeBytes(of: &address.sun_path) { bytes in
            unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
        }
        return path.isEmpty ? nil : path
    }

    private static func makeUnix() throws(SystemCallError) -> Descriptor {
        let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        return Descriptor(try System.check("socket") { socket(AF_UNIX, kind, 0) })
    }

    private static func withUnixAddress<R>(_ path: String, _ body: (UnsafePointer<sockaddr>, socklen_t) -> R) -> R {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let name = Array(path.utf8.prefix(unixPathBytesMax))
        unsafe withUnsafeMutableBytes(of: &address.sun_path) { unsafe $0.copyBytes(from: name) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + name.count + 1)
        return unsafe withUnsafePointer(to: &address) { pointer in
            unsafe pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { unsafe body($0, length) }
        }
    }
}
