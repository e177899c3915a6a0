import Cache
import Synchronization

/// Values that take long to make, made on helper threads and kept for a while.
///
/// Askers of one key share one making. A loop asks without waiting: it gets the value, or its waiter is woken when there
/// is one to get. Shared by all workers.
final class OffLoopCache<Value: Sendable>: Sendable {
    private enum Next {
        case known(Value)
        case start, wait
    }

    private struct State: ~Copyable {
        var known: BoundedTable<String, Value>
        var running: [String: [Waiter]] = [:]
    }

    private let state: Mutex<State>
    private let threads: HelperThreads
    private let make: @Sendable (String) -> (value: Value, span: Nanoseconds)
    private let busy: @Sendable () -> Value

    /// `make` runs on `threads` and says how long its value may be kept; `busy` is the answer when their queue is full.
    init(
        countMax: Int, threads: HelperThreads,
        make: @escaping @Sendable (String) -> (value: Value, span: Nanoseconds),
        busy: @escaping @Sendable () -> Value
    ) {
        state = Mutex(State(known: BoundedTable(countMax: countMax)))
        self.threads = threads
        self.make = make
        self.busy = busy
    }

    /// The value for `key` if it is at hand; else nil, and `waiter` is woken when it has been made. Ask again then.
    func ask(_ key: String, waiter: Waiter?, now: MonotonicTime) -> Value? {
        let next: Next = state.withLock { state in
            if let value = state.known.value(for: key, now: now.nanoseconds) { return .known(value) }
            let isRunning = state.running[key] != nil
            var waiters = state.running[key] ?? []
            if let waiter, !waiters.contains(where: { $0 === waiter }) { waiters.append(waiter) }
            state.running[key] = waiters
            return isRunning ? .wait : .start
        }
        switch next {
        case .known(let value): return value
        case .wait: return nil
        case .start:
            let isAccepted = threads.run {
                let (value, span) = self.make(key)
                self.finish(key, value, span)
            }
            if isAccepted { return nil }
            for waiter in state.withLock({ $0.running.removeValue(forKey: key) }) ?? [] { waiter.wakeFromAnyThread() }
            return busy()
        }
    }

    /// Forgets that `waiter` wanted `key`; for one that gives up.
    func forget(_ key: String, waiter: Waiter) {
        state.withLock { $0.running[key]?.removeAll { $0 === waiter } }
    }

    private func finish(_ key: String, _ value: Value, _ span: Nanoseconds) {
        let expiresAt = MonotonicTime.current().advanced(by: span)
        let waiters = state.withLock { state in
            state.known.insert(value, for: key, expiresAt: expiresAt.nanoseconds)
            return state.running.removeValue(forKey: key) ?? []
        }
        for waiter in waiters { waiter.wakeFromAnyThread() }
    }
}
