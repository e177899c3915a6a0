import CLinux
import Glibc
import Policy

/// What happens beside the traffic, on the first loop: signals, the admin listener, readiness, the end.
struct Control: Sendable {
    /// After the drain's deadline connections are cut; they need a moment to end their tasks.
    private static let cutSpan = Nanoseconds(.seconds(1))

    let shared: Shared
    let workers: [Worker]
    let loops: [EventLoop]
    let listeners: Listeners
    let reloader: Reloader
    let startedAt: MonotonicTime

    /// Runs until the process is told to end, drains, and stops every loop.
    func run(_ state: WorkerState) async {
        let waiter = Waiter(loop: state.loop)
        guard let signals = try? Watcher(Process.signalDescriptor(), loop: state.loop) else {
            shared.log.error(.lifecycle, "signals cannot be watched")
            return stopAll()
        }
        signals.waiter = waiter
        signals.interest = .read
        startAdmin()
        announce(state)
        var isEnding = false
        while !isEnding {
            while let signal = Process.nextSignal(signals) {
                switch signal {
                case SIGUSR1:
                    shared.accessLog.reopen()
                case SIGHUP:
                    reloader.reload()
                default:
                    isEnding = true
                }
            }
            if !isEnding { _ = await waiter.sleep() }
        }
        await drain(state, signals, waiter)
        signals.close()
        stopAll()
    }

    private func announce(_ state: WorkerState) {
        shared.log.info(.lifecycle, "ready, \(listeners.summary)")
        SystemdNotifier.notify("READY=1\nSTATUS=\(listeners.summary)")
        for warning in shared.overload.warnings { shared.log.warning(.resources, warning) }
        for note in shared.config.notes { shared.log.warning(.config, note.description) }
        for warning in AuthorityCheck.warnings(shared) { shared.log.warning(.authority, warning) }
    }

    private func startAdmin() {
        guard let listener = listeners.admin else { return }
        let admin = Admin(shared: shared, reloader: reloader, startedAt: startedAt)
        workers[0].spawn { state in
            let waiter = Waiter(loop: state.loop)
            let acceptor = Acceptor(worker: state, listener: listener, waiter: waiter) { descriptor, _ in
                admin.begin(descriptor, state)
            }
            await acceptor.run()
        }
    }

    // MARK: The end

    private func drain(_ state: WorkerState, _ signals: Watcher, _ waiter: Waiter) async {
        shared.log.info(.lifecycle, "stopping: \(shared.openConnectionCount) connections open, no new ones are taken")
        SystemdNotifier.notify("STOPPING=1")
        shared.beginDraining(wake: waiter)
        for entry in listeners.entries { entry.socket.removeFile() }
        for worker in workers {
            worker.spawn { state in
                for acceptor in state.acceptors { acceptor.cancel() }
                state.connections.drainAll()
            }
        }
        waiter.deadline = state.loop.now.advanced(by: Nanoseconds(shared.config.listen.drainTimeout))
        while shared.openConnectionCount > 0 {
            if await waiter.sleep() == .deadline { break }
            // A second signal: no more patience.
            if Process.nextSignal(signals) != nil { break }
        }
        let leftCount = shared.openConnectionCount
        guard leftCount > 0 else { return }
        shared.log.warning(.lifecycle, "stopping: \(leftCount) connections were still open and are cut")
        for worker in workers { worker.spawn { state in state.connections.cancelAll() } }
        waiter.deadline = state.loop.now.advanced(by: Self.cutSpan)
        while shared.openConnectionCount > 0, await waiter.sleep() != .deadline {}
    }

    private func stopAll() {
        for (worker, loop) in zip(workers, loops) {
            worker.spawn { state in
                state.pool.janitor.cancel()
                state.pool.removeAll()
                loop.stop()
            }
        }
    }
}
