/// Why a sleeping task woke up.
enum Wake: Sendable {
    /// Something that it is interested in happened; look again.
    case event
    /// The deadline has passed.
    case deadline
    /// It should finish: the worker is shutting down or the connection is no longer wanted.
    case cancelled
}

/// What one task sleeps on. Any number of watchers, pools and helpers may wake it, and it has one deadline.
///
/// A task that waits for two sockets gives both watchers the same waiter. Waking is a hint and never carries data: the
/// woken task tries again what it could not do before. A wake that comes while the task is running is remembered.
@safe
final class Waiter: @unchecked Sendable {
    // Unchecked: only `wakeFromAnyThread` is called outside of the loop, and it does nothing but post.

    unowned let loop: EventLoop
    private var continuation: UnsafeContinuation<Wake, Never>?
    private var isWoken = false
    /// Set once by ``cancel()``; every later sleep ends at once.
    private(set) var isCancelled = false
    /// When ``sleep()`` gives up. Moving it later costs a store.
    var deadline: MonotonicTime = .never {
        didSet { loop.timers.deadlineChanged(self) }
    }
    /// The waiter's place in the timer queue; the queue's own business.
    var timerIndex = -1
    var timerKey = MonotonicTime.never

    init(loop: EventLoop) { self.loop = loop }

    /// Ends the timer; called by the owner when the task ends.
    func retire() { loop.timers.remove(self) }

    /// Sleeps until something wakes the task, the deadline passes, or it is cancelled. One task at a time.
    func sleep() async -> Wake {
        if isCancelled { return .cancelled }
        if isWoken {
            isWoken = false
            return .event
        }
        if deadline <= loop.now { return .deadline }
        return await unsafe withUnsafeContinuation { continuation in
            unsafe precondition(self.continuation == nil, "two tasks sleep on one waiter")
            unsafe self.continuation = continuation
        }
    }

    /// Wakes the task, now or when it next sleeps.
    func wake() {
        guard let continuation = unsafe take() else {
            isWoken = true
            return
        }
        unsafe continuation.resume(returning: .event)
    }

    /// The same from any thread.
    func wakeFromAnyThread() { loop.post { self.wake() } }

    /// Asks the task to finish.
    func cancel() {
        isCancelled = true
        unsafe take()?.resume(returning: .cancelled)
    }

    /// Called by the timer queue.
    func expire() { unsafe take()?.resume(returning: .deadline) }

    private func take() -> UnsafeContinuation<Wake, Never>? {
        let taken = unsafe continuation
        unsafe continuation = nil
        return unsafe taken
    }
}
