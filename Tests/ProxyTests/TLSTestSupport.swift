import Glibc
import Testing

@testable import Proxy

/// A folder that goes when the test does.
final class TemporaryFolder {
    let path: String

    init() throws {
        var template = Array("/tmp/leo-tls-test-XXXXXX".utf8CString)
        let made = unsafe mkdtemp(&template)
        path = unsafe String(cString: try #require(unsafe made))
    }

    deinit { unsafe remove(path) }

    /// The path of `name` in this folder.
    func file(_ name: String) -> String { path + "/" + name }

    var authorityFiles: CertificateAuthority.Files {
        .init(certificate: file("ca.pem"), key: file("ca.key"), root: file("root.pem"))
    }

    func makeAuthority(permitting names: [String]) throws -> CertificateAuthority {
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
    let first: Int32
    let second: Int32

    init() throws {
        // OpenSSL writes to sockets whose other end is gone, as leo itself does.
        _ = signal(SIGPIPE, SIG_IGN)
        var pair: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
        try #require(unsafe socketpair(AF_UNIX, type, 0, &pair) == 0)
        first = pair[0]
        second = pair[1]
    }

    deinit {
        close(first)
        close(second)
    }
}

/// Lets both sides take turns until both are done.
func finishHandshake(_ client: inout TLSSession, _ server: inout TLSSession) throws {
    for _ in 0..<20 {
        let clientAttempt = client.handshake()
        let serverAttempt = server.handshake()
        if clientAttempt == .done(0) && serverAttempt == .done(0) { return }
    }
    Issue.record("the handshake does not end: \(client.handshake()), \(server.handshake())")
}
