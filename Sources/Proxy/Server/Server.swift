import CLinux
import Glibc
import Policy
import Synchronization

/// The whole of `leo serve`: from a file to a process that listens, and from SIGTERM to its end.
public struct Server {
    private let config: Config
    private let shared: Shared
    private let loops: [EventLoop]
    private let workers: [Worker]
    private let listeners: Listeners
    private let reloader: Reloader

    /// Serves until told to stop. Returns the exit code: 0 after an orderly end, 1 when the file has mistakes, 2 when
    /// something that the file names cannot be used.
    public static func run(file: String?) -> Int32 {
        let startedAt = MonotonicTime.current()
        let log = OperatorLog()
        Process.harden()
        Process.keepFreeMemory()
        Process.blockSignals()
        OpenSSLLifetime.outliveThreads()
        do {
            let config = try Config.load(file: file)
            let activated = try ActivatedSockets.take(ReachRule(tenants: config.tenants))
            let server = try Server(config, activated, log)
            server.serve(startedAt)
            return 0
        } catch let failure as ConfigFailure {
            for line in failure.lines { log.error(.lifecycle, line) }
            return failure.exitCode
        } catch let failure as StartFailure {
            log.error(.lifecycle, failure.message)
            return 2
        } catch {
            log.error(.lifecycle, "\(error)")
            return 2
        }
    }

    private init(_ config: Config, _ activated: ActivatedSockets, _ log: OperatorLog) throws {
        self.config = config
        let authority: CertificateAuthority
        do {
            authority = try CertificateAuthority(
                certificatePath: config.authority.certificatePath, keyPath: config.authority.keyPath)
        } catch {
            throw StartFailure("\(error.description) (leo ca init makes a new CA)")
        }
        let accessLog: AccessLog
        do {
            accessLog = try AccessLog(
                path: config.accessLog.path, onFull: config.accessLog.onFull == .block ? .block : .drop, report: log)
        } catch {
            throw StartFailure(error.description)
        }
        let files = try UpstreamFiles(config)
        files.warn(log)
        let keys = try MasterKeys.load(config)
        let upstreamTrust: UpstreamTrust
        do { upstreamTrust = try UpstreamTrust(loading: config.upstream, files: files) } catch {
            throw StartFailure("upstream.trust: \(error.description)")
        }
        try Self.checkSource(config.upstream.source)
        try Self.checkMark(config.listen.mark)
        listeners = try Listeners(config.listen, activated: activated)
        var listenerTLS: ListenerTLS?
        if listeners.has(.proxyTLS) { listenerTLS = try ListenerTLS(config, authority: authority) }
        let workerCount = config.listen.workerCount == 0 ? Process.usableCoreCount() : config.listen.workerCount
        let metrics = Metrics(providers: config.providers.names)
        let workerMetrics = (0..<workerCount).map { _ in metrics.makeWorker() }
        shared = Shared(
            config: config, authority: authority, upstreamTrust: upstreamTrust,
            parentCredentials: files.credentials, accessLog: accessLog, log: log, metrics: metrics,
            ownListeners: listeners.endpoints, listenerTLS: listenerTLS,
            ownDials: listeners.has(.transparent) ? OwnDials() : nil, keys: keys)
        if config.tenants.hasUsers, shared.policy.passwords == nil {
            throw StartFailure("OpenSSL has no random numbers to give, and passwords cannot be checked")
        }
        if shared.policy.fingerprints == nil || shared.policy.cacheKeys == nil {
            throw StartFailure("OpenSSL cannot derive keys, or has no random numbers to give")
        }
        if let flaw = shared.owners.flaw(for: config.tenants) { throw StartFailure(flaw) }
        do throws(SystemCallError) {
            loops = try workerMetrics.map { metrics throws(SystemCallError) in try EventLoop(metrics: metrics) }
        } catch {
            throw StartFailure("no event loop: \(error.text)")
        }
        let shared = shared
        workers = zip(loops, workerMetrics).enumerated().map { number, pair in
            Worker(loop: pair.0, shared: shared, metrics: pair.1, number: number)
        }
        reloader = Reloader(
            shared: shared, workers: workers, listeners: listeners,
            workingDirectory: try ConfigFile.workingDirectory())
    }

    /// An address that this machine does not have would fail every exchange: better to say so now.
    private static func checkSource(_ source: SourceAddresses) throws(StartFailure) {
        for address in source.all {
            do { try Socket.probe(address) } catch {
                throw StartFailure("upstream.source \(address) is no address of this machine: \(error.text)")
            }
        }
    }

    private static func checkMark(_ mark: UInt32) throws(StartFailure) {
        guard mark != 0, let flaw = Socket.flaw(inMarking: mark) else { return }
        throw StartFailure("listen.mark = \(mark): \(flaw.text): leo needs the capability CAP_NET_ADMIN for it")
    }

    // MARK: Serving

    private func serve(_ startedAt: MonotonicTime) {
        do { try shared.accessLog.start() } catch { shared.log.error(.accessLog, error.description) }
        let shared = shared
        for worker in workers {
            for entry in listeners.entries {
                entry.socket.join()
                worker.spawn { state in await Self.acceptClients(state, entry, shared) }
            }
            worker.spawn { state in await Self.sweepPool(state) }
        }
        let control = Control(
            shared: shared, workers: workers, loops: loops, listeners: listeners, reloader: reloader,
            startedAt: startedAt)
        workers[0].spawn { state in await control.run(state) }
        for (number, loop) in loops.enumerated().dropFirst() {
            Thread.start(name: "leo-worker-\(number)") { loop.run() }
        }
        loops[0].run()
        _ = shared.accessLog.close()
    }

    private static func acceptClients(_ state: WorkerState, _ entry: Listeners.Entry, _ shared: Shared) async {
        let waiter = Waiter(loop: state.loop)
        state.acceptors.append(waiter)
        let acceptor = Acceptor(worker: state, listener: entry.socket, waiter: waiter) { descriptor, peer in
            let admission = shared.overload.admitConnection(descriptor: descriptor.raw)
            if case .closed(let limit) = admission { return state.turnAway(peer, limit) }
            let watcher: Watcher
            do throws(SystemCallError) { watcher = try Watcher(descriptor, loop: state.loop) } catch {
                shared.connectionEnded(admission)
                shared.log.warning(.lifecycle, "a connection cannot be watched: \(error.text)")
                return
            }
            let connection = ClientConnection(
                number: shared.nextConnectionNumber(), listener: entry.kind, peer: peer, watcher: watcher,
                worker: state)
            connection.admission = admission
            connection.clients = Config.Listen.clients(at: entry.socket.endpoint)
            state.begin(connection)
        }
        await acceptor.run()
        entry.socket.leave()
    }

    private static func sweepPool(_ state: WorkerState) async {
        let janitor = state.pool.janitor
        while true {
            janitor.deadline = state.pool.sweep()
            if await janitor.sleep() == .cancelled { return }
        }
    }
}

/// Why leo did not start, for an operator.
struct StartFailure: Error {
    let message: String
    init(_ message: String) { self.message = message }
}

extension WorkerState {
    /// Tells of a connection that was closed because there are too many even of those that are told so.
    func turnAway(_ peer: Peer, _ limit: OverloadLimit) {
        makeRoom()
        metrics.add(.faults(.overload))
        metrics.add(.overload(limit))
        shared.log.warning(.resources, "\(limit.explanation): a new connection was closed")
        guard shared.accessLog.reserve() == .granted else { return }
        var record = AccessRecord()
        record.begin(.refusal, id: nextExchangeID())
        record.client = peer.description
        record.fail(ProxyError(.overload, limit.explanation))
        shared.accessLog.write(record)
    }

    /// Serves a client's connection on a task of its own.
    func begin(_ connection: ClientConnection) {
        connections.insert(connection)
        metrics.up(.connectionsOpen)
        metrics.add(.connections)
        let box = Handover(connection)
        spawn { state in
            let connection = box.value
            await Ingress(worker: state, connection: connection).run()
            connection.waiter.retire()
            state.connections.remove(connection)
            state.metrics.down(.connectionsOpen)
            state.shared.connectionEnded(connection.admission)
        }
    }
}

/// Carries a value of this loop into a task of the same loop.
struct Handover<Value>: @unchecked Sendable {
    // Unchecked: made and opened on one loop; `spawn` demands Sendable because it may be called from elsewhere.
    let value: Value
    init(_ value: Value) { self.value = value }
}
