import CLinux
import Glibc
import Synchronization

/// A few threads for work that would hold up a loop: minting certificates, resolving names, opening files.
///
/// The queue is bounded: a full one refuses, and the caller answers as for any other overload. The threads live as long
/// as the process.
final class HelperThreads: Sendable {
    private struct State {
        var waiting: [@Sendable () -> Void] = []
        var head = 0
        var threadCount = 0
        var idleCount = 0
    }

    private let name: String
    private let threadCountMax: Int
    private let waitingCountMax: Int
    private let state = Mutex(State())
    private let bell = Bell()

    /// Threads are started when first needed, `threadCountMax` at most.
    init(name: String, threadCountMax: Int, waitingCountMax: Int) {
        self.name = name
        self.threadCountMax = threadCountMax
        self.waitingCountMax = waitingCountMax
    }

    /// Runs `work` on one of the threads; false when the queue is full and it will not run.
    func run(_ work: @escaping @Sendable () -> Void) -> Bool {
        let (isAccepted, mustStart) = state.withLock { state in
            if state.waiting.count - state.head >= waitingCountMax { return (false, false) }
            state.waiting.append(work)
            let mustStart =
                state.idleCount < state.waiting.count - state.head && state.threadCount < threadCountMax
            if mustStart { state.threadCount += 1 }
            return (true, mustStart)
        }
        guard isAccepted else { return false }
        if mustStart { Thread.start(name: name) { self.loop() } }
        bell.ring()
        return true
    }

    private func loop() {
        while true {
            let work: (@Sendable () -> Void)? = state.withLock { state in
                guard state.head < state.waiting.count else { return nil }
                let work = state.waiting[state.head]
                state.head += 1
                if state.head == state.waiting.count {
                    state.waiting.removeAll(keepingCapacity: true)
                    state.head = 0
                }
                return work
            }
            if let work {
                work()
            } else {
                state.withLock { $0.idleCount += 1 }
                bell.wait()
                state.withLock { $0.idleCount -= 1 }
            }
        }
    }
}

/// A counting semaphore.
@safe
final class Bell: @unchecked Sendable {
    // Unchecked: sem_t is made for sharing; its storage is stable for the life of the object.
    private let semaphore: UnsafeMutablePointer<sem_t>

    init() {
        unsafe semaphore = .allocate(capacity: 1)
        unsafe sem_init(semaphore, 0, 0)
    }

    deinit {
        unsafe sem_destroy(semaphore)
        unsafe semaphore.deallocate()
    }

    /// Lets one waiter through. Async-signal-safe and callable from any thread.
    func ring() { unsafe sem_post(semaphore) }

    /// Blocks the calling thread until the bell rings.
    func wait() {
        while unsafe sem_wait(semaphore) != 0 && errno == EINTR {}
    }
}

/// Plain threads.
enum Thread {
    private final class Body {
        let run: @Sendable () -> Void
        init(_ run: @escaping @Sendable () -> Void) { self.run = run }
    }

    /// Starts a detached thread. `name` is what ps and gdb show, 15 bytes of it at most.
    static func start(name: String, _ run: @escaping @Sendable () -> Void) {
        var thread = pthread_t()
        let body = Body {
            unsafe leo_name_thread(String(name.prefix(15)))
            run()
        }
        let result = unsafe pthread_create(
            &thread, nil,
            { pointer in
                unsafe Unmanaged<Body>.fromOpaque(pointer!).takeRetainedValue().run()
                return nil
            }, Unmanaged.passRetained(body).toOpaque())
        precondition(result == 0, "no thread could be started")
        pthread_detach(thread)
    }
}
