import COpenSSL
import Glibc
import Testing

@testable import Proxy

/// A folder that goes when the test does.
final class TemporaryFolder: Sendable {
    let path: String

    init() throws {
        var template = Array("/tmp/leo-tls-test-XXXXXX".utf8CString)
        let made = unsafe mkdtemp(&template) != nil
        try #require(made)
        path = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit { Self.remove(path) }

    private static func remove(_ folder: String) {
        guard let entries = unsafe opendir(folder) else { return }
        while let entry = unsafe readdir(entries) {
            let name = unsafe withUnsafeBytes(of: &entry.pointee.d_name) { bytes in
                unsafe String(decoding: bytes.prefix { $0 != 0 }, as: UTF8.self)
            }
            if name == "." || name == ".." { continue }
            let path = folder + "/" + name
            if unsafe unlink(path) != 0 { remove(path) }
        }
        unsafe closedir(entries)
        unsafe rmdir(folder)
    }

    /// The path of `name` in this folder.
    func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file of this mode.
    @discardableResult
    func write(_ text: String, to name: String, mode: mode_t = 0o600) throws -> String {
        let made = try AtomicFile(path: file(name), mode: mode)
        try made.write(text)
        try made.publish(.replaced)
        return file(name)
    }

    /// What a file holds.
    func text(of path: String) throws -> String {
        String(decoding: try FileAccess.read(path, byteCountMax: 1 << 20), as: UTF8.self)
    }

    /// The permission bits of a file.
    func mode(of path: String) throws -> mode_t {
        var status = stat()
        let found = unsafe stat(path, &status) == 0
        try #require(found)
        return status.st_mode & 0o777
    }

    /// User and group of a file.
    func owner(of path: String) throws -> (user: uid_t, group: gid_t) {
        var status = stat()
        let found = unsafe stat(path, &status) == 0
        try #require(found)
        return (status.st_uid, status.st_gid)
    }

    /// How many files the folder holds.
    func entryCount() throws -> Int {
        guard let entries = unsafe opendir(path) else { return -1 }
        defer { unsafe closedir(entries) }
        var count = -2
        while unsafe readdir(entries) != nil { count += 1 }
        return count
    }

    var authorityFiles: CertificateAuthority.Files {
        .init(certificate: file("ca.pem"), key: file("ca.key"), root: file("root.pem"))
    }

    func makeAuthority(permitting names: [String] = ["example.com"]) throws -> CertificateAuthority {
        _ = try CertificateAuthority.create(authorityFiles, permittedNames: names)
        return try CertificateAuthority(certificatePath: authorityFiles.certificate, keyPath: authorityFiles.key)
    }

    /// Trusts the root in this folder.
    func clientContext() throws -> TLSClientContext {
        try TLSClientContext(trust: TrustStore(.file(authorityFiles.root)))
    }
}

/// Two connected stream sockets that do not block.
final class SocketPair {
    let server: Int32
    let client: Int32
    private var isServerOpen = true

    init() throws {
        // OpenSSL writes to sockets whose other end is gone, as it does in leo.
        _ = signal(SIGPIPE, SIG_IGN)
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        let made = unsafe socketpair(AF_UNIX, type, 0, &pair) == 0
        try #require(made)
        server = pair[0]
        client = pair[1]
    }

    deinit {
        closeServer()
        close(client)
    }

    /// Ends the server's side without a word.
    func closeServer() {
        if isServerOpen { close(server) }
        isServerOpen = false
    }

    /// Sends bytes as the client that are not TLS.
    func sendAsClient(_ bytes: [UInt8]) {
        let sent = unsafe send(client, bytes, bytes.count, 0)
        #expect(sent == bytes.count)
    }

    /// Sends bytes as the server that are not TLS.
    func sendAsServer(_ bytes: [UInt8]) {
        let sent = unsafe send(server, bytes, bytes.count, 0)
        #expect(sent == bytes.count)
    }

    /// What waits on the client's side.
    func receiveAsClient() -> [UInt8] {
        var bytes = [UInt8](repeating: 0, count: 65536)
        let count = unsafe recv(client, &bytes, bytes.count, 0)
        return Array(bytes.prefix(max(count, 0)))
    }
}

extension TLSAttempt {
    /// Whether nothing more comes of this call by waiting.
    var isFinal: Bool {
        switch self {
        case .wantRead, .wantWrite: false
        case .done, .closed, .cut, .failed: true
        }
    }

    /// The kind of failure, nil if it is none.
    var failureKind: TLSFailure.Kind? {
        guard case .failed(let failure) = self else { return nil }
        return failure.kind
    }
}

/// Something that takes turns in a handshake.
protocol HandshakeSide: ~Copyable {
    mutating func handshake() -> TLSAttempt
}

extension TLSSession: HandshakeSide {}

/// Lets both sides take turns until neither gets further; what each came to.
func handshake<Client: HandshakeSide & ~Copyable, Server: HandshakeSide & ~Copyable>(
    _ client: inout Client, _ server: inout Server
) -> (client: TLSAttempt, server: TLSAttempt) {
    var clientAttempt = TLSAttempt.wantRead
    var serverAttempt = TLSAttempt.wantRead
    for _ in 0..<20 {
        if !clientAttempt.isFinal { clientAttempt = client.handshake() }
        if !serverAttempt.isFinal { serverAttempt = server.handshake() }
    }
    return (clientAttempt, serverAttempt)
}

extension TLSSession {
    /// Writes a short text.
    mutating func write(_ text: String) -> TLSAttempt {
        let bytes = Array(text.utf8)
        return unsafe bytes.withUnsafeBytes { bytes in unsafe write(bytes) }
    }

    /// Reads a short text; the attempt instead if there is none.
    mutating func readText() -> (text: String, attempt: TLSAttempt) {
        var bytes = [UInt8](repeating: 0, count: 1024)
        let attempt = unsafe bytes.withUnsafeMutableBytes { bytes in unsafe read(into: bytes) }
        guard case .done(let count) = attempt else { return ("", attempt) }
        return (String(decoding: bytes.prefix(count), as: UTF8.self), attempt)
    }
}
