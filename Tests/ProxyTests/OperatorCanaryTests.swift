import Glibc
import Policy
import Testing

@testable import Proxy

@Suite("The canary")
struct OperatorCanaryTests {
    /// leo without its process: one loop that accepts.
    private final class Leo {
        let endpoint: IPEndpoint
        private let accessLog: AccessLog
        private let loop: EventLoop
        // Kept for as long as connections may come: nothing else holds them.
        private let worker: Worker
        private let listener: ListenerSocket
        private let ended = Bell()

        init(_ config: Config, log: String) throws {
            let authority = try CertificateAuthority(
                certificatePath: config.authority.certificatePath, keyPath: config.authority.keyPath)
            let operatorLog = OperatorLog()
            accessLog = try AccessLog(path: log, onFull: .block, report: operatorLog)
            try accessLog.start()
            let metrics = Metrics(providers: [])
            let workerMetrics = metrics.makeWorker()
            listener = ListenerSocket(try Socket.listen(on: IPEndpoint(address: .loopback4, port: 0)))
            endpoint = try #require(listener.endpoint)
            listener.join()
            var upstream = config.upstream
            upstream.trust = .file(config.authority.rootPath)
            let shared = Shared(
                config: config, authority: authority,
                upstreamTrust: try UpstreamTrust(loading: upstream, files: UpstreamFiles(config)), accessLog: accessLog,
                log: operatorLog, metrics: metrics, ownListeners: [endpoint])
            loop = try EventLoop(metrics: workerMetrics)
            worker = Worker(loop: loop, shared: shared, metrics: workerMetrics, number: 0)
            let (loop, listener, ended) = (loop, listener, ended)
            Proxy.Thread.start(name: "test-canary") {
                loop.run()
                ended.ring()
            }
            worker.spawn { state in
                let waiter = Waiter(loop: state.loop)
                state.acceptors.append(waiter)
                let acceptor = Acceptor(worker: state, listener: listener, waiter: waiter) {
                    descriptor, peer in
                    guard state.shared.overload.admitConnection(descriptor: descriptor.raw) == .served,
                        let watcher = try? Watcher(descriptor, loop: state.loop)
                    else { return }
                    let number = state.shared.nextConnectionNumber()
                    state.begin(
                        ClientConnection(
                            number: number, listener: .proxy, peer: peer, watcher: watcher, worker: state))
                }
                await acceptor.run()
            }
        }

        /// Returns when nothing runs any more and the log is written.
        func end() {
            let loop = loop
            worker.spawn { state in for acceptor in state.acceptors { acceptor.cancel() } }
            worker.spawn { state in
                state.pool.removeAll()
                loop.stop()
            }
            ended.wait()
            _ = accessLog.close()
            listener.leave()
        }
    }

    let folder: TemporaryFolder
    let config: Config

    init() throws {
        folder = try TemporaryFolder()
        var config = Config(baseDirectory: folder.path)
        // Whatever is intercepted or refused, the canary answers.
        config.destination = DestinationPolicy(providers: ProviderTable([]), otherHosts: .refuse)
        self.config = config
    }

    private func trust(_ path: String) throws -> TLSClientContext {
        try TLSClientContext(trust: TrustStore(.file(path)))
    }

    @Test("is answered by leo itself, over TLS with a certificate of its CA, and logged as leo's")
    func answers() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let leo = try Leo(config, log: folder.file("access.log"))
        let context = try trust(config.authority.rootPath)
        let answer = try LocalClient.getCanary(through: leo.endpoint, trusting: context)
        #expect(answer == .leo("{\"leo\":\"\(Version.text)\",\"ok\":true}"))
        // The line is written before the connection is closed, which the answer ended with.
        leo.end()
        let line = try folder.text(of: folder.file("access.log"))
        for field in ["\"kind\":\"exchange\"", "\"provider\":\"leo\"", "\"status\":200", "\"path\":\"/\""] {
            #expect(line.contains(field))
        }
        #expect(!line.contains("upstream"))
    }

    @Test("is not believed with a certificate of another CA")
    func stranger() throws {
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let leo = try Leo(config, log: folder.file("access.log"))
        defer { leo.end() }
        let other = try folder.makeAuthority()
        let context = try trust(folder.authorityFiles.root)
        #expect(try LocalClient.getCanary(through: leo.endpoint, trusting: context) == .stranger)
        withExtendedLifetime(other) {}
    }

    @Test("is refused in words when the CA may not sign for it")
    func notPermitted() throws {
        let files = CertificateAuthority.Files(
            certificate: config.authority.certificatePath, key: config.authority.keyPath,
            root: config.authority.rootPath)
        _ = try CertificateAuthority.create(files, permittedNames: ["example.com"])
        let leo = try Leo(config, log: folder.file("access.log"))
        defer { leo.end() }
        let context = try trust(config.authority.rootPath)
        let failure = #expect(throws: LocalClient.Failure.self) {
            try LocalClient.getCanary(through: leo.endpoint, trusting: context)
        }
        #expect(failure?.text.contains("502") == true && failure?.text.contains(Canary.host) == true)
    }

    @Test("is missed when nobody listens")
    func nobody() throws {
        let listener = try Socket.listen(on: IPEndpoint(address: .loopback4, port: 0))
        let endpoint = try #require(Socket.localEndpoint(listener.raw))
        _ = consume listener
        _ = try AuthorityCommand.create(config, rootKeyPath: nil)
        let context = try trust(config.authority.rootPath)
        #expect(throws: LocalClient.Failure.nobodyListens) {
            try LocalClient.getCanary(through: endpoint, trusting: context)
        }
    }
}
