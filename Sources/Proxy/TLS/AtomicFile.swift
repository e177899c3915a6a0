import Glibc

/// A file that appears under its name complete, or not at all.
///
/// It is written beside its destination under a random name that nothing else can have prepared (O_EXCL, O_NOFOLLOW),
/// brought to disk, and then given its name. What is not published is removed.
final class AtomicFile {
    /// The name it will have.
    let path: String
    private let temporaryPath: String
    private let descriptor: Int32
    private var isPublished = false

    /// What happens to a file that has the name already.
    enum Existing {
        case refused, replaced
    }

    /// Opens a new file of exactly this mode, and makes the folders above it (0755). `open`, `fchmod`
    init(path: String, mode: mode_t) throws(CertificateFailure) {
        try Self.makeFolders(above: path)
        let temporaryPath = path + ".new-" + String(UInt64.random(in: .min ... .max), radix: 16)
        let opened = unsafe open(temporaryPath, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0o600)
        guard opened >= 0 else { throw .unwritable(path: path, reason: SystemError.text(errno)) }
        self.path = path
        self.temporaryPath = temporaryPath
        descriptor = opened
        // The umask may have taken bits away.
        guard fchmod(descriptor, mode) == 0 else { throw .unwritable(path: path, reason: SystemError.text(errno)) }
    }

    deinit {
        _ = close(descriptor)
        if !isPublished { unsafe unlink(temporaryPath) }
    }

    /// Adds bytes. `write`
    func write(_ bytes: UnsafeRawBufferPointer) throws(CertificateFailure) {
        var rest = unsafe bytes
        while rest.count > 0 {
            let result = unsafe Glibc.write(descriptor, rest.baseAddress, rest.count)
            if result < 0 && errno == EINTR { continue }
            guard result > 0 else { throw .unwritable(path: path, reason: SystemError.text(errno)) }
            unsafe rest = UnsafeRawBufferPointer(rebasing: rest[result...])
        }
    }

    /// Adds text.
    func write(_ text: String) throws(CertificateFailure) {
        let bytes = Array(text.utf8)
        try unsafe bytes.span.withUnsafeBytes { bytes throws(CertificateFailure) in try unsafe write(bytes) }
    }

    /// Brings the bytes to disk and gives the file its name. `fsync`, `link`, `rename`
    func publish(_ existing: Existing) throws(CertificateFailure) {
        guard fsync(descriptor) == 0 else { throw .unwritable(path: path, reason: SystemError.text(errno)) }
        switch existing {
        case .refused:
            // Unlike rename, link never takes a name from somebody.
            guard unsafe link(temporaryPath, path) == 0 else {
                throw errno == EEXIST
                    ? .exists(path: path) : .unwritable(path: path, reason: SystemError.text(errno))
            }
            unsafe unlink(temporaryPath)
        case .replaced:
            guard unsafe rename(temporaryPath, path) == 0 else {
                throw .unwritable(path: path, reason: SystemError.text(errno))
            }
        }
        isPublished = true
        Self.syncFolder(of: path)
    }

    /// Takes the name away again. `unlink`
    func withdraw() {
        if isPublished { unsafe unlink(path) }
    }

    /// The name itself is on disk only when the folder is. A file system that cannot do this is no reason to fail.
    private static func syncFolder(of path: String) {
        let folder = unsafe open(self.folder(of: path), O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard folder >= 0 else { return }
        _ = fsync(folder)
        _ = close(folder)
    }

    private static func folder(of path: String) -> String {
        guard let slash = path.lastIndex(of: "/") else { return "." }
        return slash == path.startIndex ? "/" : String(path[..<slash])
    }

    private static func makeFolders(above path: String) throws(CertificateFailure) {
        let folder = folder(of: path)
        if folder == "." || folder == "/" || FileAccess.isReadable(folder) { return }
        try makeFolders(above: folder)
        guard unsafe mkdir(folder, 0o755) == 0 || errno == EEXIST else {
            throw .unwritable(path: folder, reason: SystemError.text(errno))
        }
    }
}
