import Glibc

/// A configuration file's bytes, before anybody has looked at what they say.
struct ConfigFile: Sendable {
    /// The file as the operator named it, for complaints.
    let name: String
    /// The same, absolute; its folder is where the file's relative paths start.
    let path: String
    /// What is in it; cut behind the limit, which is enough to refuse it.
    let bytes: [UInt8]

    /// Reads a file; a relative name starts at `workingDirectory`.
    init(_ name: String, in workingDirectory: String) throws(ConfigFailure) {
        self.name = name
        path = ConfigPath.resolve(name, in: workingDirectory)
        bytes = try Self.readFile(path, named: name)
    }

    /// What tells this content from any other; nil only if OpenSSL has failed.
    var digest: ContentDigest? { ContentDigest(of: bytes) }

    /// The working directory of this process.
    static func workingDirectory() throws(ConfigFailure) -> String {
        var bytes = [CChar](repeating: 0, count: ConfigPath.byteCountMax + 1)
        let found = unsafe bytes.withUnsafeMutableBufferPointer { unsafe getcwd($0.baseAddress, $0.count) != nil }
        if !found { throw .unreadable(path: ".", reason: errorText(errno)) }
        return String(decoding: bytes.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Reads a whole file, a pipe too, and stops one byte beyond the limit, which is enough to refuse it.
    private static func readFile(_ path: String, named file: String) throws(ConfigFailure) -> [UInt8] {
        let descriptor = unsafe open(path, O_RDONLY | O_CLOEXEC)
        if descriptor < 0 { throw .unreadable(path: file, reason: errorText(errno)) }
        defer { close(descriptor) }
        var bytes: [UInt8] = []
        var piece = [UInt8](repeating: 0, count: 64 * 1024)
        while bytes.count <= Config.fileByteCountMax {
            let count = unsafe piece.withUnsafeMutableBytes { unsafe Glibc.read(descriptor, $0.baseAddress, $0.count) }
            if count < 0 {
                let code = errno
                if code == EINTR { continue }
                throw .unreadable(path: file, reason: errorText(code))
            }
            if count == 0 { break }
            bytes += piece[..<count]
        }
        return bytes
    }

    private static func errorText(_ code: Int32) -> String { unsafe String(cString: strerror(code)) }
}
