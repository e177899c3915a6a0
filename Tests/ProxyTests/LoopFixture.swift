import CLinux
import Glibc
import Synchronization

@testable import Proxy

/// A loop that turns on a thread of its own, and an actor pinned to it.
final class LoopFixture: Sendable {
    let loop: EventLoop
    let pinned: Pinned

    actor Pinned {
        nonisolated let loop: EventLoop
        nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
        init(loop: EventLoop) { self.loop = loop }

        func run<Result: Sendable>(_ body: @Sendable (EventLoop) async throws -> Result) async rethrows -> Result {
            try await body(loop)
        }
    }

    init() throws {
        let metrics = Metrics(providers: []).makeWorker()
        loop = try EventLoop(metrics: metrics)
        pinned = Pinned(loop: loop)
        let loop = loop
        Proxy.Thread.start(name: "test-loop") { loop.run() }
    }

    deinit {
        let loop = loop
        loop.post { loop.stop() }
    }

    /// Runs `body` on the loop, as a connection's task would.
    func run<Result: Sendable>(_ body: @escaping @Sendable (EventLoop) async throws -> Result) async throws -> Result {
        let pinned = pinned
        return try await Task(executorPreference: loop) { try await pinned.run(body) }.value
    }
}

/// Two connected sockets, each with its watcher on `loop`.
func socketPair(_ loop: EventLoop) throws -> (Watcher, Watcher) {
    var ends: [Int32] = [-1, -1]
    let kind = Int32(SOCK_STREAM.rawValue) | Int32(SOCK_NONBLOCK.rawValue) | Int32(SOCK_CLOEXEC.rawValue)
    _ = try System.check("socketpair") { unsafe socketpair(AF_UNIX, kind, 0, &ends) }
    return (try Watcher(Descriptor(ends[0]), loop: loop), try Watcher(Descriptor(ends[1]), loop: loop))
}

extension Watcher {
    /// Writes all of `text`.
    func send(_ text: String) {
        let bytes = Array(text.utf8)
        _ = unsafe bytes.withUnsafeBytes { unsafe System.write(descriptor, $0) }
    }
}
