import Glibc
import Synchronization
import Wire

/// Writes access-log lines without holding up the threads that have something to say.
///
/// Whoever is about to do something that must be logged reserves a slot first; `write` turns the reservation into a
/// line in memory, and one thread of the log's own brings lines to the descriptor, many per system call, and gives
/// their slots back. If that thread gets stuck, slots run out: in block mode new work then has to wait, in drop mode
/// it goes on without a line and is counted.
final class AccessLog: Sendable {
    /// What happens when no slot is free.
    enum OnFull: String, Sendable { case block, drop }

    /// The answer to a wish for a slot.
    enum Reservation: Equatable, Sendable {
        /// One `write` or `cancelReservation` is due.
        case granted
        /// Drop mode: go on, but neither write nor cancel. Counted in `linesDropped`.
        case dropped
        /// Block mode: wait with `whenSlotFree`, at most `block_timeout`.
        case full
    }

    /// More than the default `connections_max`, since each open exchange and tunnel holds one slot to its end.
    static let slotsMaxDefault = 32_768
    /// So many bytes end the writer's pause for gathering.
    private static let hurryBytes = 1024 * 1024
    /// The most who may wait for a slot. When one more comes the oldest is forgotten, who has waited longest and is
    /// nearest to its `block_timeout` or past it.
    static let waitersMax = 4096

    let onFull: OnFull
    let shared: AccessLogShared
    private let path: String?
    private let report: OperatorLog?
    private let thread = Mutex<pthread_t?>(nil)
    private let output: Mutex<AccessLogOutput?>

    /// Opens the log; nil is the standard output. `slotsMax` should exceed the exchanges and tunnels open at once.
    convenience init(
        path: String?, onFull: OnFull, slotsMax: Int = AccessLog.slotsMaxDefault, report: OperatorLog? = nil
    ) throws(AccessLogFailure) {
        let output =
            if let path { try AccessLogOutput(path: path) } else { try AccessLogOutput(borrowing: STDOUT_FILENO) }
        try self.init(output: output, path: path, onFull: onFull, slotsMax: slotsMax, report: report)
    }

    /// Makes a log on an output that is open already; `path` is what `reopen` opens.
    init(
        output: consuming sending AccessLogOutput, path: String?, onFull: OnFull, slotsMax: Int, report: OperatorLog?
    ) throws(AccessLogFailure) {
        guard let shared = AccessLogShared(slotsMax: slotsMax) else {
            throw AccessLogFailure("access log: no descriptor left")
        }
        self.shared = shared
        self.onFull = onFull
        self.path = path
        self.report = report
        self.output = Mutex(output)
    }

    // MARK: counters

    /// Lines handed to the kernel.
    var linesWritten: UInt64 { shared.linesWritten.load(ordering: .relaxed) }
    /// Lines that were never written: no slot in drop mode, a failed write in drop mode, or left over at `close`.
    var linesDropped: UInt64 { shared.linesDropped.load(ordering: .relaxed) }
    /// Failed writes to the descriptor, not counting a reader that is behind.
    var writeFailures: UInt64 { shared.writeFailures.load(ordering: .relaxed) }
    /// Reservations and lines not yet written.
    var slotsInUse: Int { max(0, shared.slotsInUse.load(ordering: .relaxed)) }
    /// Whether the last write failed, as on a full disk.
    var isFailing: Bool { shared.isFailing.load(ordering: .relaxed) }
    /// Whether a slot could be had now.
    var hasFreeSlot: Bool { shared.hasFreeSlot }

    /// The metrics about the log.
    var measures: [Metric: Exposition.Measure] {
        [
            .accessLogLines: .count(linesWritten), .accessLogDropped: .count(linesDropped),
            .accessLogWriteFailures: .count(writeFailures), .accessLogSlots: .count(UInt64(slotsInUse)),
        ]
    }

    // MARK: the hot path

    /// Asks for a slot. Never waits.
    func reserve() -> Reservation {
        var used = shared.slotsInUse.load(ordering: .relaxed)
        while used < shared.slotsMax, shared.queuedBytes.load(ordering: .relaxed) < AccessLogShared.queuedBytesMax {
            let (exchanged, original) = shared.slotsInUse.weakCompareExchange(
                expected: used, desired: used + 1, ordering: .relaxed)
            if exchanged { return .granted }
            used = original
        }
        switch onFull {
        case .block: return .full
        case .drop:
            shared.linesDropped.wrappingAdd(1, ordering: .relaxed)
            return .dropped
        }
    }

    /// Turns a reservation into a line. Never waits for the descriptor and, once warm, allocates nothing.
    func write(_ record: borrowing AccessRecord) {
        let stripe = Int((record.connection ?? record.id ?? 0) % UInt64(AccessLogShared.stripeCount))
        let added = shared.stripes[stripe].append(record)
        let before = shared.queuedBytes.wrappingAdd(added, ordering: .sequentiallyConsistent).oldValue
        if before < Self.hurryBytes, before + added >= Self.hurryBytes {
            shared.signal.send()
        } else {
            shared.wakeWriter()
        }
    }

    /// Gives a reservation back without a line.
    func cancelReservation() {
        shared.slotsInUse.wrappingSubtract(1, ordering: .sequentiallyConsistent)
        if shared.hasWaiters.load(ordering: .sequentiallyConsistent) { shared.signal.send() }
    }

    /// Calls `wake` once, from the log's own thread, when a slot may be free; false, without a call, if one is now.
    ///
    /// After the call `reserve` may find the slot taken by another; then wait again. There may be no call at all (the
    /// log stays stuck, or too many wait), so the caller has a timeout of its own; a call after that must be harmless.
    func whenSlotFree(_ wake: @escaping @Sendable () -> Void) -> Bool {
        shared.waiters.withLock { waiters in
            shared.hasWaiters.store(true, ordering: .sequentiallyConsistent)
            if hasFreeSlot {
                shared.hasWaiters.store(!waiters.isEmpty, ordering: .sequentiallyConsistent)
                return false
            }
            if waiters.count >= Self.waitersMax { waiters.removeFirst() }
            waiters.append(wake)
            // The writer may be gathering; somebody waits now.
            shared.signal.send()
            return true
        }
    }

    // MARK: life

    /// Starts the writer thread. Lines written before it wait in memory. A second call does nothing.
    func start() throws(AccessLogFailure) {
        guard let output = self.output.withLock({ $0.take() }) else { return }
        let writer = AccessLogWriter(output: output, path: path, onFull: onFull, shared: shared, report: report)
        // The thread inherits the mask: signals are for the threads that wait for them, and a reader that has gone
        // shows as EPIPE.
        var everything = sigset_t()
        var before = sigset_t()
        unsafe sigfillset(&everything)
        unsafe pthread_sigmask(SIG_SETMASK, &everything, &before)
        defer { unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        var created = pthread_t()
        let context = unsafe Unmanaged.passRetained(writer)
        let code = unsafe pthread_create(&created, nil, accessLogThread, context.toOpaque())
        guard code == 0 else {
            unsafe context.release()
            throw AccessLogFailure("access log: no thread: \(AccessLogFailure.text(errno: code))")
        }
        let thread = created
        self.thread.withLock { $0 = thread }
    }

    /// Has the writer thread open the path anew, after the file was renamed (SIGUSR1, logrotate).
    ///
    /// Returns at once. If the path cannot be opened, lines go on to the old file and the operator log says so. Without
    /// a path it does nothing.
    func reopen() {
        shared.isReopening.store(true, ordering: .sequentiallyConsistent)
        shared.signal.send()
    }

    /// Writes what waits and stops the thread; call it after the last `write`.
    ///
    /// False if that took longer than allowed; what was not written then counts as dropped. Waits, so not for a loop's
    /// thread.
    @discardableResult
    func close(withinMilliseconds limit: Int32 = 5000) -> Bool {
        guard let thread = thread.withLock({ $0.take() }) else {
            return shared.queuedBytes.load(ordering: .relaxed) == 0
        }
        let limit = min(max(limit, 0), Self.closeMillisecondsMax)
        shared.deadlineNanoseconds.store(
            MonotonicTime.current().nanoseconds + UInt64(limit) * 1_000_000, ordering: .sequentiallyConsistent)
        shared.isClosing.store(true, ordering: .sequentiallyConsistent)
        shared.signal.send()
        // The thread watches the deadline itself; the grace is for a disk that holds it inside a write.
        guard shared.finished.wait(milliseconds: limit + Self.closeGraceMilliseconds) else {
            pthread_detach(thread)
            return false
        }
        pthread_join(thread, nil)
        return shared.isFlushed.load(ordering: .sequentiallyConsistent)
    }

    /// Nobody waits longer for a log at the end.
    private static let closeMillisecondsMax: Int32 = 600_000
    private static let closeGraceMilliseconds: Int32 = 500
}

/// The thread's first function.
private func accessLogThread(_ context: UnsafeMutableRawPointer?) -> UnsafeMutableRawPointer? {
    guard let context = unsafe context else { return nil }
    let writer = unsafe Unmanaged<AccessLogWriter>.fromOpaque(context).takeRetainedValue()
    writer.run()
    return nil
}
