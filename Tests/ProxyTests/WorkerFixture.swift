import Glibc
import Policy
import Testing
import Wire

@testable import Proxy

/// A worker with everything that an exchange needs, on a loop that turns on a thread of its own. Nothing is dialled and
/// no client is accepted: tests put sockets of their own where both would be.
final class WorkerFixture: Sendable {
    let folder: TemporaryFolder
    let shared: Shared
    private let loop: EventLoop
    private let worker: Worker

    init(_ change: (inout Config) -> Void = { _ in }) throws {
        _ = signal(SIGPIPE, SIG_IGN)
        folder = try TemporaryFolder()
        let authority = try folder.makeAuthority()
        var config = Config(baseDirectory: folder.path)
        config.upstream.trust = .file(folder.authorityFiles.root)
        change(&config)
        let metrics = Metrics(providers: config.providers.names)
        let log = OperatorLog()
        let accessLog = try AccessLog(path: folder.file("access.log"), onFull: .drop, report: log)
        shared = Shared(
            config: config, authority: authority,
            upstreamTrust: try UpstreamTrust(loading: config.upstream, files: UpstreamFiles(config)),
            accessLog: accessLog, log: log, metrics: metrics, ownListeners: [])
        let workerMetrics = metrics.makeWorker()
        loop = try EventLoop(metrics: workerMetrics)
        worker = Worker(loop: loop, shared: shared, metrics: workerMetrics, number: 0)
        let loop = loop
        Proxy.Thread.start(name: "test-worker") { loop.run() }
    }

    deinit {
        let loop = loop
        loop.post { loop.stop() }
    }

    /// Ends the access log and returns its lines.
    func logLines() throws -> [String] {
        #expect(shared.accessLog.close())
        let descriptor = unsafe open(folder.file("access.log"), O_RDONLY | O_CLOEXEC)
        #expect(descriptor >= 0)
        defer { _ = Glibc.close(descriptor) }
        return Pipe.readAll(descriptor).split(separator: "\n").map(String.init)
    }

    /// Runs `body` on the loop, as a connection's task would.
    func run<Result: Sendable>(_ body: @escaping @Sendable (WorkerState) async throws -> Result) async throws -> Result
    {
        let worker = worker
        return try await withCheckedThrowingContinuation { continuation in
            worker.spawn { state in
                do { continuation.resume(returning: try await body(state)) } catch {
                    continuation.resume(throwing: error)
                }
            }
        }
    }
}

/// The other end of a socket that leo holds.
final class Peer {
    let watcher: Watcher
    private let worker: WorkerState
    private(set) var received = ""
    private(set) var hasEnded = false

    init(_ watcher: Watcher, _ worker: WorkerState) {
        self.watcher = watcher
        self.worker = worker
    }

    deinit { watcher.close() }

    func send(_ text: String) { watcher.send(text) }

    /// Ends this side, in order.
    func close() { watcher.close() }

    /// Lets the loop turn until what was received satisfies `condition`; false when it never does.
    func wait(until condition: (Peer) -> Bool) async -> Bool {
        // A turn without anything to do takes microseconds; this many are a hang.
        for _ in 0..<200_000 {
            take()
            if condition(self) { return true }
            await worker.loop.yield()
        }
        return false
    }

    /// Takes what has come.
    func take() {
        guard !watcher.isClosed, !hasEnded else { return }
        while true {
            switch unsafe System.read(watcher.descriptor, worker.scratch) {
            case .bytes(0), .failed:
                hasEnded = true
                return
            case .bytes(let count): received += String(lossy: worker.scratch(count))
            case .wouldBlock: return
            }
        }
    }
}

/// One client connection and one upstream connection that its first exchange will use, both in plain HTTP/1.
final class ExchangeFixture {
    let worker: WorkerState
    let client: Peer
    let upstream: Peer
    private(set) var hasEnded = false

    init(_ worker: WorkerState, host: String = "api.example.com") throws {
        self.worker = worker
        let (clientNear, clientFar) = try socketPair(worker.loop)
        let (upstreamNear, upstreamFar) = try socketPair(worker.loop)
        client = Peer(clientFar, worker)
        upstream = Peer(upstreamFar, worker)
        let provider = Provider(
            name: "test", api: .openai, hosts: [HostPattern(HostPort(host: host, port: 80))], plain: true)
        let connection = ClientConnection(
            number: 1, listener: .proxy, peer: .endpoint(IPEndpoint(address: .loopback4, port: 1)),
            watcher: clientNear, worker: worker)
        let interception = Interception(
            worker: worker, connection: connection, provider: provider, target: HostPort(host: host, port: 80),
            address: nil)
        let group = worker.pool.group(
            for: UpstreamGroup.Key(host: host, port: 80, isPlain: true, address: nil),
            idleSpan: Nanoseconds(.seconds(60)))
        worker.pool.keep(
            UpstreamConnection(worker: worker, group: group, stream: Stream(upstreamNear), endpointText: "test"))
        let session = interception.session
        let box = Handover((self, session))
        worker.spawn { _ in
            let (fixture, session) = box.value
            await session.run()
            fixture.hasEnded = true
        }
    }

    /// Closes both sides and waits for the session to end: a task that never ends would keep all of this for ever.
    func end() async {
        client.close()
        upstream.close()
        for _ in 0..<200_000 where !hasEnded { await worker.loop.yield() }
        worker.pool.removeAll()
    }

    /// Sends a request, waits for it at the upstream, answers with `wire` in pieces of `size` octets, and returns what
    /// the client got up to `end`.
    func answer(
        _ wire: String, every size: Int, to request: String, closing: Bool, until end: (Peer) -> Bool
    ) async -> String {
        client.send(request)
        guard await upstream.wait(until: { $0.received.hasSuffix("\r\n\r\n") }) else { return "no request" }
        for piece in Array(wire.utf8).pieces(of: size) {
            upstream.send(String(decoding: piece, as: UTF8.self))
            await worker.loop.yield()
        }
        if closing { upstream.close() }
        guard await client.wait(until: end) else { return "not complete: \(client.received)" }
        return client.received
    }
}

extension Array {
    /// The elements in order, in pieces of `size`.
    func pieces(of size: Int) -> [[Element]] {
        stride(from: 0, to: count, by: Swift.min(size, Swift.max(count, 1))).map {
            Array(self[$0..<Swift.min($0 + Swift.min(size, count), count)])
        }
    }
}
