import CLinux
import Glibc
import Wire

/// Why an access log cannot be opened, in a sentence for the operator.
struct AccessLogFailure: Error, Equatable, CustomStringConvertible, Sendable {
    /// Names the path and what is wrong with it.
    let description: String

    init(_ description: String) { self.description = description }

    init(path: String, errno code: Int32) {
        let reason =
            switch code {
            case ELOOP: "is a symbolic link; name the file itself, or \"-\" for the standard output"
            case EISDIR: "is a directory"
            case ENXIO: "is a socket, or a pipe that nobody reads"
            case ENOENT: "cannot be created: its folder does not exist"
            case EACCES, EPERM: "cannot be opened: permission denied"
            case EROFS: "cannot be opened: the file system is read-only"
            default: "cannot be opened: \(AccessLogFailure.text(errno: code))"
            }
        self.init("access log \(path) \(reason)")
    }

    /// What the C library says about an error (`strerror`, which glibc makes safe to call from threads).
    static func text(errno code: Int32) -> String { unsafe String(cString: strerror(code)) }
}

/// The descriptor that access-log lines go to, and how to write to it without being held up by its reader.
///
/// A write to a regular file waits for the file system and for nobody else. A pipe, terminal or socket is asked first
/// whether it takes bytes, and gets no more than it takes at once: leo may not own its standard output, so it does
/// not make it non-blocking, which would reach everyone who shares it.
struct AccessLogOutput: ~Copyable, Sendable {
    /// What became of a write.
    enum Outcome: Equatable {
        /// So many bytes are with the kernel, at least one.
        case written(Int)
        /// The reader is behind; wait for `descriptor` to become writable.
        case wouldBlock
        /// An errno.
        case failed(Int32)
    }

    private enum Kind { case file, stream, socket }

    let descriptor: Int32
    private let kind: Kind
    private let isOwned: Bool

    /// A writable pipe has room for at least this many bytes (PIPE_BUF), and takes them whole.
    private static let streamBytesMax = 4096
    /// One write of a batch; more would hold up nobody but make an error's loss larger.
    private static let fileBytesMax = 1024 * 1024

    /// Opens or creates the file, pipe or terminal at `path` for appending.
    ///
    /// A symbolic link is refused because whoever may write in the folder could otherwise have leo append to any file
    /// that leo may write.
    init(path: String) throws(AccessLogFailure) {
        // O_NONBLOCK so that a pipe without reader is an error instead of a wait; a regular file ignores it.
        let flags = O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC | O_NOFOLLOW | O_NOCTTY | O_NONBLOCK
        var opened: Int32
        repeat { opened = unsafe open(path, flags, 0o640) } while opened < 0 && errno == EINTR
        guard opened >= 0 else { throw AccessLogFailure(path: path, errno: errno) }
        guard let kind = Self.kind(of: opened), kind != .socket else {
            close(opened)
            throw AccessLogFailure("access log \(path) is neither a file, a pipe nor a terminal")
        }
        descriptor = opened
        self.kind = kind
        isOwned = true
    }

    /// Uses a descriptor that stays open after the log, such as the standard output.
    init(borrowing descriptor: Int32) throws(AccessLogFailure) {
        guard let kind = Self.kind(of: descriptor) else {
            throw AccessLogFailure("access log: the standard output is closed or cannot be written to")
        }
        self.descriptor = descriptor
        self.kind = kind
        isOwned = false
    }

    deinit { if isOwned { close(descriptor) } }

    /// Writes as much of `bytes` as can be written now. `bytes` must not be empty.
    func write(_ bytes: borrowing Span<UInt8>) -> Outcome {
        if kind == .stream, !isWritable() { return .wouldBlock }
        let byteCount = kind == .file ? min(bytes.count, Self.fileBytesMax) : Self.wholeLines(bytes)
        while true {
            let written = unsafe bytes.withUnsafeBytes { buffer in
                if kind == .socket {
                    let flags = Int32(MSG_DONTWAIT | MSG_NOSIGNAL)
                    return unsafe send(descriptor, buffer.baseAddress, byteCount, flags)
                }
                return unsafe Glibc.write(descriptor, buffer.baseAddress, byteCount)
            }
            if written > 0 { return .written(written) }
            let code = written == 0 ? EIO : errno
            if code == EAGAIN { return .wouldBlock }
            if code != EINTR { return .failed(code) }
        }
    }

    /// Waits until the reader takes bytes again or `signal` is sent, at most so long; negative waits for ever.
    func waitWritable(orSignal signal: EventSignal, milliseconds: Int32) {
        var waited: InlineArray<2, pollfd> = [
            pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0),
            pollfd(fd: signal.descriptor, events: Int16(POLLIN), revents: 0),
        ]
        var span = waited.mutableSpan
        _ = unsafe span.withUnsafeMutableBufferPointer { unsafe poll($0.baseAddress, nfds_t($0.count), milliseconds) }
        signal.take()
    }

    private func isWritable() -> Bool {
        var asked = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        // An error or a hang-up counts as writable: the write then says what is wrong.
        return unsafe poll(&asked, 1, 0) > 0
    }

    /// Where to cut so that a stream gets whole lines, which then stay whole among those of others who share it.
    private static func wholeLines(_ bytes: borrowing Span<UInt8>) -> Int {
        guard bytes.count > streamBytesMax else { return bytes.count }
        for index in stride(from: streamBytesMax - 1, through: 0, by: -1) where bytes[index] == 0x0A {
            return index + 1
        }
        return streamBytesMax
    }

    private static func kind(of descriptor: Int32) -> Kind? {
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else { return nil }
        switch status.st_mode & S_IFMT {
        case S_IFREG: return .file
        case S_IFIFO, S_IFCHR: return .stream
        case S_IFSOCK: return .socket
        default: return nil
        }
    }
}
