import Glibc
import Policy

/// Accepts connections on one loop and starts a task for each.
///
/// The listening descriptor is shared by all loops. Each event takes one connection, so that a loop which is busy leaves
/// the next one to a loop which is not.
struct Acceptor {
    /// Waiting a little lets connections end when the process is out of descriptors.
    private static let exhaustedPause = Nanoseconds(.milliseconds(100))

    let worker: WorkerState
    let listener: ListenerSocket
    let waiter: Waiter
    /// Starts the task for a connection, or closes it when there are too many.
    let serve: (consuming Descriptor, Peer) -> Void

    /// Accepts until the waiter is cancelled.
    func run() async {
        let watcher: Watcher
        do { watcher = try Watcher(listener: listener.raw, loop: worker.loop) } catch {
            worker.shared.log.error(.lifecycle, "the listener cannot be watched: \(error.text)")
            return
        }
        defer { watcher.close() }
        watcher.waiter = waiter
        watcher.interest = .read
        while !waiter.isCancelled {
            // Level-triggered: whatever is left raises the next event.
            watcher.isReadReady = false
            if await waiter.sleep() == .cancelled { return }
            if watcher.isReadReady { await acceptOne() }
        }
    }

    private func acceptOne() async {
        do {
            guard let accepted = try Socket.accept(listener.raw) else { return }
            serve(accepted.descriptor, accepted.peer)
        } catch {
            worker.shared.log.warning(.lifecycle, "accept: \(error.text)")
            worker.metrics.add(.faults(.overload))
            waiter.deadline = worker.loop.now.advanced(by: Self.exhaustedPause)
            while await waiter.sleep() == .event {}
            waiter.deadline = .never
        }
    }
}
