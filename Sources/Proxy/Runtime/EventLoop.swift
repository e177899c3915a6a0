import CLinux
import Glibc
import Synchronization

/// One thread, one epoll instance, and a Swift executor.
///
/// The loop is both the task executor and the serial executor of everything that runs on it: a continuation resumed
/// by a descriptor or a timer becomes a job in a plain array and runs in the same turn, without a lock and without
/// another thread. Jobs from other threads come through a locked inbox and an eventfd; they are counted, because a
/// rising count means that something escaped from the loop.
///
/// It knows readiness, timers and wake-ups, and nothing about what is done with them.
@safe
final class EventLoop: TaskExecutor, SerialExecutor, @unchecked Sendable {
    // Unchecked: everything but the inbox and the counters is touched by the loop's own thread alone.

    /// How many events one epoll_wait(2) hands over at most.
    private static let eventCountMax = 256
    /// The longest sleep, so that a lost wake-up would show as a delay and not as a hang.
    private static let sleepMillisecondsMax: UInt64 = 60_000

    private let epoll: Int32
    private let wakeup: Int32
    private let events: UnsafeMutablePointer<epoll_event>
    /// Zero until the loop turns: its first jobs come through the inbox like all that come from elsewhere, because the
    /// thread that made the loop need not be the one that runs it.
    private let thread = Atomic<UInt>(0)
    private var stopped = false

    private var jobs: ContiguousArray<UnownedJob> = []
    private var batch: ContiguousArray<UnownedJob> = []
    private var retired: ContiguousArray<Watcher> = []
    private var nextTurn: ContiguousArray<UnsafeContinuation<Void, Never>> = unsafe []
    var timers = TimerQueue()

    private struct Inbox {
        var jobs: ContiguousArray<UnownedJob> = []
        var calls: ContiguousArray<@Sendable () -> Void> = []
        var isSignalled = false
    }
    private let inbox = Mutex(Inbox())

    private let metrics: WorkerMetrics

    /// The time of the current turn, on the monotonic clock.
    private(set) var now = MonotonicTime.current()

    /// Makes a loop; it turns once some thread calls ``run()``. Throws when the kernel has no descriptor left.
    init(metrics: WorkerMetrics) throws(SystemCallError) {
        self.metrics = metrics
        epoll = try System.check("epoll_create1") { epoll_create1(Int32(EPOLL_CLOEXEC)) }
        wakeup = try System.check("eventfd") { eventfd(0, Int32(EFD_NONBLOCK) | Int32(EFD_CLOEXEC)) }
        unsafe events = .allocate(capacity: Self.eventCountMax)
        jobs.reserveCapacity(1024)
        batch.reserveCapacity(1024)
        var event = unsafe epoll_event()
        unsafe event.events = EPOLLIN.rawValue
        unsafe event.data.u64 = 0
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, wakeup, &event)
    }

    deinit {
        _ = Glibc.close(epoll)
        _ = Glibc.close(wakeup)
        unsafe events.deallocate()
    }

    // MARK: Executor

    /// Whether the caller runs on the loop's thread.
    @inline(__always) var isCurrent: Bool { UInt(pthread_self()) == thread.load(ordering: .relaxed) }

    func checkIsolated() { precondition(isCurrent, "called from outside of the loop") }
    func isIsolatingCurrentContext() -> Bool? { isCurrent }
    func asUnownedTaskExecutor() -> UnownedTaskExecutor { unsafe UnownedTaskExecutor(ordinary: self) }
    func asUnownedSerialExecutor() -> UnownedSerialExecutor { unsafe UnownedSerialExecutor(ordinary: self) }

    func enqueue(_ job: consuming ExecutorJob) {
        let job = UnownedJob(job)
        if isCurrent {
            jobs.append(job)
            return
        }
        deliver { box in box.jobs.append(job) }
    }

    /// Runs `call` on the loop's thread soon. May be called from any thread.
    func post(_ call: @escaping @Sendable () -> Void) {
        deliver { box in box.calls.append(call) }
    }

    private func deliver(_ put: (inout Inbox) -> Void) {
        let mustSignal = inbox.withLock { box in
            put(&box)
            defer { box.isSignalled = true }
            return !box.isSignalled
        }
        guard mustSignal else { return }
        var one: UInt64 = 1
        _ = unsafe Glibc.write(wakeup, &one, 8)
    }

    // MARK: Turning

    /// Turns until ``stop()``. The calling thread becomes the loop's thread.
    func run() {
        thread.store(UInt(pthread_self()), ordering: .relaxed)
        let serial = unsafe asUnownedSerialExecutor()
        let task = unsafe asUnownedTaskExecutor()
        now = .current()
        while !stopped {
            unsafe runJobs(serial, task)
            retired.removeAll(keepingCapacity: true)
            if stopped { break }
            poll()
            timers.fire(at: now)
            resumeYielded()
            metrics.add(.loopTurns)
        }
    }

    /// Ends ``run()`` after the current turn. Call it on the loop.
    func stop() { stopped = true }

    /// Lets every other ready task have its turn first. For work that could go on for long without ever waiting.
    func yield() async {
        await unsafe withUnsafeContinuation { unsafe nextTurn.append($0) }
    }

    private func runJobs(_ serial: UnownedSerialExecutor, _ task: UnownedTaskExecutor) {
        while !jobs.isEmpty {
            swap(&jobs, &batch)
            for job in batch {
                // Both executors: with one alone every suspension would cost three enqueues instead of one.
                unsafe job.runSynchronously(isolatedTo: serial, taskExecutor: task)
            }
            batch.removeAll(keepingCapacity: true)
        }
    }

    private func poll() {
        let count = unsafe epoll_wait(epoll, events, Int32(Self.eventCountMax), sleepMilliseconds())
        now = .current()
        guard count > 0 else { return }
        for index in 0..<Int(count) {
            let event = unsafe events[index]
            guard let pointer = unsafe event.data.ptr else {
                drainInbox()
                continue
            }
            unsafe Unmanaged<Watcher>.fromOpaque(pointer)._withUnsafeGuaranteedRef { unsafe $0.fire(event.events) }
        }
    }

    private func sleepMilliseconds() -> Int32 {
        if unsafe !nextTurn.isEmpty { return 0 }
        guard let first = timers.nextDeadline else { return Int32(Self.sleepMillisecondsMax) }
        if first <= now { return 0 }
        // Rounded up: a timer must never be found early and make the loop spin.
        let milliseconds = (first.nanoseconds - now.nanoseconds + 999_999) / 1_000_000
        return Int32(min(milliseconds, Self.sleepMillisecondsMax))
    }

    private func resumeYielded() {
        guard unsafe !nextTurn.isEmpty else { return }
        let resumed = unsafe nextTurn
        unsafe nextTurn.removeAll(keepingCapacity: true)
        unsafe resumed.forEach { unsafe $0.resume() }
    }

    private func drainInbox() {
        var value: UInt64 = 0
        _ = unsafe Glibc.read(wakeup, &value, 8)
        let calls = inbox.withLock { box in
            jobs.append(contentsOf: box.jobs)
            let calls = box.calls
            metrics.add(.foreignJobs, UInt64(box.jobs.count + calls.count))
            box.jobs.removeAll(keepingCapacity: true)
            box.calls.removeAll(keepingCapacity: true)
            box.isSignalled = false
            return calls
        }
        for call in calls { call() }
    }

    // MARK: Watchers

    /// Registered once and edge-triggered; `exclusively` is for listeners shared between loops (level-triggered, and
    /// one loop is woken per connection).
    func register(_ watcher: Watcher, exclusively: Bool) -> Bool {
        var event = unsafe epoll_event()
        unsafe event.events =
            exclusively
            ? EPOLLIN.rawValue | EPOLLEXCLUSIVE.rawValue
            : EPOLLIN.rawValue | EPOLLOUT.rawValue | EPOLLRDHUP.rawValue | EPOLLET.rawValue
        unsafe event.data.ptr = unsafe Unmanaged.passUnretained(watcher).toOpaque()
        return unsafe epoll_ctl(epoll, EPOLL_CTL_ADD, watcher.descriptor, &event) == 0
    }

    /// Keeps a closed watcher alive until no event of the current batch can point to it any more.
    func retire(_ watcher: Watcher) { retired.append(watcher) }

    /// Stops watching without closing: a listener's descriptor may be shared with other loops.
    func unregister(_ watcher: Watcher) {
        var event = unsafe epoll_event()
        _ = unsafe epoll_ctl(epoll, EPOLL_CTL_DEL, watcher.descriptor, &event)
    }
}
