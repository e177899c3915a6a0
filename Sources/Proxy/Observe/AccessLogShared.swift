import Synchronization
import Wire

/// What the threads that write records and the log's own thread have in common.
final class AccessLogShared: Sendable {
    /// Threads rarely meet in one of so many queues; the lines of one connection stay in one, in order.
    static let stripeCount = 8
    /// The most bytes of lines waiting before slots are refused: about 40,000 lines. Lines whose slot was granted
    /// before may add to it.
    static let queuedBytesMax = 32 * 1024 * 1024

    let slotsMax: Int
    let stripes: [Stripe]
    /// Wakes the writer.
    let signal: EventSignal
    /// Sent by the writer when it ends.
    let finished: EventSignal

    let slotsInUse = Atomic<Int>(0)
    let queuedBytes = Atomic<Int>(0)
    let linesWritten = Atomic<UInt64>(0)
    let linesDropped = Atomic<UInt64>(0)
    let writeFailures = Atomic<UInt64>(0)

    let isFailing = Atomic<Bool>(false)
    let isReopening = Atomic<Bool>(false)
    let isClosing = Atomic<Bool>(false)
    let isFlushed = Atomic<Bool>(false)
    /// When closing has to end, on the monotonic clock.
    let deadlineNanoseconds = Atomic<UInt64>(.max)

    let waiters = Mutex<[@Sendable () -> Void]>([])
    /// Whether `waiters` holds anybody, to be asked without its lock.
    let hasWaiters = Atomic<Bool>(false)

    /// Whether the writer was woken for a line and has not gathered since.
    private let isSignalled = Atomic<Bool>(false)

    /// Nil if the process has no descriptor left.
    init?(slotsMax: Int) {
        guard let signal = EventSignal(), let finished = EventSignal() else { return nil }
        self.slotsMax = slotsMax
        self.signal = signal
        self.finished = finished
        stripes = (0..<Self.stripeCount).map { _ in Stripe() }
    }

    /// Wakes the writer unless somebody has since it last gathered.
    ///
    /// The caller has just held the lock of a stripe. If the writer visited that stripe before, the caller sees the
    /// flag cleared; if not, the writer will find the line.
    func wakeWriter() {
        if isSignalled.load(ordering: .relaxed) { return }
        if !isSignalled.exchange(true, ordering: .acquiringAndReleasing) { signal.send() }
    }

    /// Whether a line may have come since the writer last gathered.
    var mayHaveLines: Bool { isSignalled.load(ordering: .sequentiallyConsistent) }

    /// Moves every waiting line to the end of `batch`; `spare` is an empty queue with storage to leave behind.
    func gather(into batch: inout ByteQueue, spare: inout ByteQueue) {
        isSignalled.store(false, ordering: .sequentiallyConsistent)
        for stripe in stripes {
            stripe.swapLines(with: &spare)
            batch.append(spare.bytes)
            spare.removeAll()
        }
    }

    /// Gives back the slots of `lineCount` lines.
    func release(lineCount: Int, byteCount: Int) {
        queuedBytes.wrappingSubtract(byteCount, ordering: .sequentiallyConsistent)
        slotsInUse.wrappingSubtract(lineCount, ordering: .sequentiallyConsistent)
    }

    /// Whether a slot could be had now.
    var hasFreeSlot: Bool {
        slotsInUse.load(ordering: .sequentiallyConsistent) < slotsMax
            && queuedBytes.load(ordering: .sequentiallyConsistent) < Self.queuedBytesMax
    }

    /// Calls everybody who waits, if a slot is free. Whoever then finds none waits again: some of those woken have long
    /// given up, so waking only as many as there are slots could leave one unused.
    func wakeWaiters() {
        guard hasWaiters.load(ordering: .sequentiallyConsistent), hasFreeSlot else { return }
        let woken = waiters.withLock { waiters in
            let all = waiters
            waiters = []
            hasWaiters.store(false, ordering: .sequentiallyConsistent)
            return all
        }
        for wake in woken { wake() }
    }

    /// Lines of some connections, waiting for the writer.
    final class Stripe: Sendable {
        private struct Lines: ~Copyable {
            var queue = ByteQueue()
            var stamp = TimestampText()
        }

        private let lines = Mutex(Lines())

        /// Renders a line and returns its length in bytes.
        func append(_ record: borrowing AccessRecord) -> Int {
            lines.withLock { lines in
                let before = lines.queue.count
                record.append(to: &lines.queue, stamp: &lines.stamp)
                return lines.queue.count - before
            }
        }

        func swapLines(with other: inout ByteQueue) {
            lines.withLock { lines in swap(&lines.queue, &other) }
        }
    }
}
