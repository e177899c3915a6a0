import COpenSSL
import Glibc

/// Reads the files of certificates and keys whole, within a limit.
enum FileAccess {
    /// Whether there is a file that this process may read. `access`
    static func isReadable(_ path: String) -> Bool { unsafe access(path, R_OK) == 0 }

    /// Whether the name is taken, be it by a dangling link. `lstat`
    static func exists(_ path: String) -> Bool {
        var status = stat()
        return unsafe lstat(path, &status) == 0
    }

    /// The file's bytes. Throws if there are more than `byteCountMax`.
    static func read(_ path: String, byteCountMax: Int) throws(CertificateFailure) -> [UInt8] {
        let secret = try readWhole(path, byteCountMax: byteCountMax) { _ throws(CertificateFailure) in }
        return unsafe secret.withBytes { bytes in unsafe Array(bytes) }
    }

    /// The bytes of a file that nobody but its owner may use; links are followed, as Kubernetes mounts secrets.
    static func readSecret(_ path: String, byteCountMax: Int) throws(CertificateFailure) -> SecretBytes {
        try readWhole(path, byteCountMax: byteCountMax) { status throws(CertificateFailure) in
            let mode = status.st_mode & 0o777
            // systemd gives a service its credentials as root:root 0440 with an access list for the service's user;
            // the group bits are then the list's mask, and the group is root's own.
            let isCredential = mode == 0o440 && status.st_uid == 0 && status.st_gid == 0
            guard mode & 0o077 == 0 || isCredential else { throw .exposedKey(path: path, mode: mode) }
        }
    }

    private static func readWhole(
        _ path: String, byteCountMax: Int, checking check: (stat) throws(CertificateFailure) -> Void
    ) throws(CertificateFailure) -> SecretBytes {
        // A pipe would block in open without O_NONBLOCK.
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK)
        guard descriptor >= 0 else { throw .unreadable(path: path, reason: SystemError.text(errno)) }
        defer { _ = close(descriptor) }
        var status = stat()
        guard unsafe fstat(descriptor, &status) == 0 else {
            throw .unreadable(path: path, reason: SystemError.text(errno))
        }
        guard status.st_mode & S_IFMT == S_IFREG else { throw .unreadable(path: path, reason: "not a regular file") }
        try check(status)
        guard let byteCount = Int(exactly: status.st_size), byteCount <= byteCountMax else {
            throw .unreadable(path: path, reason: "larger than \(byteCountMax) bytes")
        }
        let bytes = SecretBytes(byteCount: byteCount)
        guard bytes.fill(from: descriptor) else { throw .unreadable(path: path, reason: SystemError.text(errno)) }
        return bytes
    }
}

/// Bytes that are wiped when nobody needs them any more.
@safe
final class SecretBytes {
    private let storage: UnsafeMutableRawBufferPointer
    private var count = 0

    init(byteCount: Int) {
        unsafe storage = .allocate(byteCount: max(byteCount, 1), alignment: 1)
        unsafe storage.initializeMemory(as: UInt8.self, repeating: 0)
    }

    deinit {
        unsafe OPENSSL_cleanse(storage.baseAddress, storage.count)
        unsafe storage.deallocate()
    }

    /// Reads until the storage is full or the file ends; false with `errno` set if a read fails. `read`
    fileprivate func fill(from descriptor: Int32) -> Bool {
        while unsafe count < storage.count {
            let result = unsafe Glibc.read(descriptor, storage.baseAddress! + count, storage.count - count)
            if result < 0 && errno == EINTR { continue }
            if result < 0 { return false }
            if result == 0 { break }
            count += result
        }
        return true
    }

    /// Adds bytes; there must be room for them.
    func append(_ bytes: some Sequence<UInt8>) {
        for byte in bytes {
            unsafe precondition(count < storage.count, "more secret bytes than there was room for")
            unsafe storage[count] = byte
            count += 1
        }
    }

    /// Lends the bytes for the call.
    func withBytes<Result, Failure: Error>(
        _ body: (UnsafeRawBufferPointer) throws(Failure) -> Result
    ) throws(Failure) -> Result {
        try unsafe body(UnsafeRawBufferPointer(rebasing: storage[..<count]))
    }
}

/// What the system says about an error number.
enum SystemError {
    /// "No such file or directory". `strerror`
    static func text(_ number: Int32) -> String { unsafe String(cString: strerror(number)) }
}
