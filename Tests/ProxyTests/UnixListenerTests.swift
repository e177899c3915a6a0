import Glibc
import Testing

@testable import Proxy

@Suite("A Unix listener")
struct UnixListenerTests {
    let folder: TemporaryFolder
    let path: String

    init() throws {
        folder = try TemporaryFolder()
        path = folder.file("proxy.sock")
    }

    private func listen() throws -> ListenerSocket {
        let socket = ListenerSocket(try Socket.listen(at: path, mode: 0o660), path: path)
        socket.join()
        return socket
    }

    @Test("has the mode that it was given, and goes when it is closed")
    func mode() throws {
        let socket = try listen()
        #expect(try folder.mode(of: path) == 0o660)
        #expect(socket.place.description == path && socket.endpoint == nil)
        #expect(Socket.localPath(socket.raw) == path)
        socket.leave()
        #expect(!FileAccess.exists(path))
    }

    @Test("replaces a socket on which nobody listens")
    func stale() throws {
        do { _ = try Socket.listen(at: path, mode: 0o600) }
        #expect(FileAccess.exists(path))
        try listen().leave()
        #expect(!FileAccess.exists(path))
    }

    @Test("leaves one alone on which somebody listens")
    func live() throws {
        let socket = try listen()
        let failure = #expect(throws: Socket.UnixFailure.self) { _ = try Socket.listen(at: path, mode: 0o660) }
        #expect(failure == .taken)
        #expect(FileAccess.exists(path))
        socket.leave()
    }

    @Test("leaves any other file alone")
    func otherFile() throws {
        try folder.write("precious", to: "proxy.sock")
        let failure = #expect(throws: Socket.UnixFailure.self) { _ = try Socket.listen(at: path, mode: 0o660) }
        #expect(failure == .notSocket)
        #expect(try folder.text(of: path) == "precious")
    }

    @Test("does not remove what has taken its place")
    func replaced() throws {
        let socket = try listen()
        _ = unsafe unlink(path)
        try folder.write("new", to: "proxy.sock")
        socket.leave()
        #expect(try folder.text(of: path) == "new")
    }

    @Test("says why where it cannot be")
    func impossible() throws {
        let failure = #expect(throws: Socket.UnixFailure.self) {
            _ = try Socket.listen(at: folder.file("none/proxy.sock"), mode: 0o660)
        }
        #expect(failure?.text.hasPrefix("bind: ") == true)
    }

    @Test("knows who connects")
    func peer() throws {
        let pair = try SocketPair()
        #expect(Proxy.Peer.process(of: pair.server) == Proxy.Peer.process(id: getpid(), user: getuid()))
        #expect(Proxy.Peer.process(of: pair.server)?.description == "unix:uid=\(getuid())")
    }
}
