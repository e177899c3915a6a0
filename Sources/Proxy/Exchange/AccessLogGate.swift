/// Where exchanges and tunnels get their slot in the access log, before anything is done for them.
///
/// A log that must not lose lines and cannot be written holds new work back for `block_timeout` and then refuses it.
struct AccessLogGate {
    let worker: WorkerState
    let journal: Journal

    init(worker: WorkerState, journal: Journal) {
        self.worker = worker
        self.journal = journal
    }

    /// For the lines of a connection itself.
    init(worker: WorkerState, connection: ClientConnection) {
        self.init(worker: worker, journal: connection.journal)
    }

    /// True: a line may be written later. False: the log drops lines rather than work.
    func reserve() async throws(ProxyError) -> Bool {
        let log = worker.shared.accessLog
        let deadline = worker.loop.now.advanced(by: worker.shared.timeouts.block)
        while true {
            switch log.reserve() {
            case .granted: return true
            case .dropped: return false
            case .full: break
            }
            let waiter = journal.waiter
            guard log.whenSlotFree({ waiter.wakeFromAnyThread() }) else { continue }
            waiter.deadline = deadline
            switch await waiter.sleep() {
            case .event: break
            case .deadline: throw ProxyError(.audit, "the access log cannot be written, and nothing may go unlogged")
            case .cancelled: throw ProxyError(.draining, "leo is shutting down")
            }
        }
    }

    /// Writes the line. `hasSlot` is what ``reserve()`` said: false means that the line was counted as dropped, nil that
    /// there was no answer, because the wait for one failed.
    func write(hasSlot: Bool?) {
        switch hasSlot {
        case true?: worker.shared.accessLog.write(journal.record)
        case false?: break
        case nil: writeUnreserved()
        }
    }

    /// Writes a line for something that had no slot, if there is one now: a refusal is answered either way.
    func writeUnreserved() {
        let log = worker.shared.accessLog
        if log.reserve() == .granted { log.write(journal.record) }
    }
}
