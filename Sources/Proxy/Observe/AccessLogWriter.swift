import Glibc
import Wire

/// The access log's own thread: takes lines out of memory and brings them to the descriptor.
///
/// A line that was begun is finished before anything else, also after an error, so the file holds whole lines. Its slot
/// is free once its last byte is with the kernel.
final class AccessLogWriter {
    private var output: AccessLogOutput
    private let path: String?
    private let onFull: AccessLog.OnFull
    private let shared: AccessLogShared
    private let report: OperatorLog?

    private var batch = ByteQueue()
    private var spare = ByteQueue()
    /// How many bytes of the batch's first line are written.
    private var begunBytes = 0

    /// After the first line the thread waits so long for more, which saves a wake-up and a system call per line.
    private static let gatherMilliseconds: Int32 = 10
    /// Between attempts on a full disk; short against `block_timeout`, so that a cleared disk is noticed in time.
    private static let retryMilliseconds: UInt64 = 250
    /// The same while closing.
    private static let closingRetryMilliseconds: UInt64 = 50
    /// Storage kept for the next batch; what a burst needed beyond it is given back.
    private static let keptBytesMax = 256 * 1024

    init(
        output: consuming AccessLogOutput, path: String?, onFull: AccessLog.OnFull, shared: AccessLogShared,
        report: OperatorLog?
    ) {
        self.output = output
        self.path = path
        self.onFull = onFull
        self.shared = shared
        self.report = report
    }

    /// Works until the log is closed and everything is written, or its deadline has passed.
    func run() {
        while true {
            if shared.isReopening.exchange(false, ordering: .sequentiallyConsistent) { reopen() }
            let isClosing = self.isClosing
            if batch.isEmpty { shared.gather(into: &batch, spare: &spare) }
            if !batch.isEmpty { writeSome() } else if isClosing { break }
            shared.wakeWaiters()
            if isClosing, millisecondsToDeadline == 0 { break }
            if batch.isEmpty { waitForLines() }
        }
        giveUpTheRest()
        shared.finished.send()
    }

    /// Waits until there is something to do. What came while the thread was busy may have had its signal taken already,
    /// so the flags are asked first; whatever comes after that sends another signal.
    private func waitForLines() {
        if isClosing || shared.isReopening.load(ordering: .sequentiallyConsistent) { return }
        if !shared.mayHaveLines { shared.signal.wait(milliseconds: -1) }
        if isClosing || shared.hasWaiters.load(ordering: .sequentiallyConsistent) { return }
        shared.signal.wait(milliseconds: Self.gatherMilliseconds)
    }

    private func writeSome() {
        let sizeBefore = batch.count
        switch output.write(batch.bytes.extracting(begunBytes..<batch.count)) {
        case .written(let byteCount): settle(byteCount)
        case .wouldBlock: output.waitWritable(orSignal: shared.signal, milliseconds: patienceMilliseconds)
        case .failed(let code): fail(code)
        }
        if batch.isEmpty, sizeBefore > Self.keptBytesMax {
            batch.releaseStorage()
            spare.releaseStorage()
        }
    }

    /// Takes the lines that are complete out of the batch and frees their slots.
    private func settle(_ writtenBytes: Int) {
        let end = begunBytes + writtenBytes
        let (lineCount, lineBytes) = Self.lines(in: batch.bytes.extracting(0..<end))
        batch.consume(lineBytes)
        begunBytes = end - lineBytes
        shared.linesWritten.wrappingAdd(UInt64(lineCount), ordering: .relaxed)
        shared.release(lineCount: lineCount, byteCount: lineBytes)
        if shared.isFailing.exchange(false, ordering: .relaxed) {
            report?.info(.accessLog, "the access log can be written again")
        }
    }

    private func fail(_ code: Int32) {
        shared.writeFailures.wrappingAdd(1, ordering: .relaxed)
        shared.isFailing.store(true, ordering: .relaxed)
        let consequence =
            switch onFull {
            case .block: "lines wait in memory, then new work is refused"
            case .drop: "lines are dropped"
            }
        report?.error(
            .accessLog, "the access log cannot be written: \(AccessLogFailure.text(errno: code)); \(consequence)")
        switch onFull {
        case .block: pause()
        case .drop:
            drop()
            if !batch.isEmpty { pause() }
        }
    }

    /// Drops the whole lines of the batch, but for one that was begun.
    private func drop() {
        var kept = ByteQueue()
        if begunBytes > 0 {
            let (_, firstLineBytes) = Self.lines(in: batch.bytes, atMost: 1)
            kept.append(batch.bytes.extracting(0..<firstLineBytes))
            batch.consume(firstLineBytes)
        }
        let (lineCount, lineBytes) = Self.lines(in: batch.bytes)
        batch.removeAll()
        if !kept.isEmpty { swap(&batch, &kept) }
        shared.linesDropped.wrappingAdd(UInt64(lineCount), ordering: .relaxed)
        shared.release(lineCount: lineCount, byteCount: lineBytes)
    }

    /// Waits before the next attempt, unless a reopened file or the end may change things sooner.
    private func pause() {
        let pauseMilliseconds = isClosing ? Self.closingRetryMilliseconds : Self.retryMilliseconds
        let end = MonotonicTime.current().nanoseconds + pauseMilliseconds * 1_000_000
        let startedClosing = isClosing
        while !shared.isReopening.load(ordering: .relaxed), startedClosing == isClosing {
            let now = MonotonicTime.current().nanoseconds
            if now >= end { return }
            shared.signal.wait(milliseconds: Int32(truncatingIfNeeded: (end - now) / 1_000_000 + 1))
            shared.wakeWaiters()
        }
    }

    private func reopen() {
        guard let path else { return }
        do throws(AccessLogFailure) {
            var opened = try AccessLogOutput(path: path)
            finishBegunLine()
            swap(&output, &opened)
            report?.info(.accessLog, "reopened the access log \(path)")
        } catch {
            report?.error(.accessLog, "\(error.description); lines go on to the file that was open")
        }
    }

    /// One attempt to end the line in the old file; if it fails, the line begins anew in the new one.
    private func finishBegunLine() {
        guard begunBytes > 0 else { return }
        let (_, firstLineBytes) = Self.lines(in: batch.bytes, atMost: 1)
        if case .written(let byteCount) = output.write(batch.bytes.extracting(begunBytes..<firstLineBytes)) {
            settle(byteCount)
        }
        begunBytes = 0
    }

    private func giveUpTheRest() {
        shared.gather(into: &batch, spare: &spare)
        let (lineCount, lineBytes) = Self.lines(in: batch.bytes)
        batch.removeAll()
        shared.linesDropped.wrappingAdd(UInt64(lineCount), ordering: .relaxed)
        shared.release(lineCount: lineCount, byteCount: lineBytes)
        shared.isFlushed.store(lineCount == 0, ordering: .sequentiallyConsistent)
        if lineCount > 0 {
            report?.error(.accessLog, "\(lineCount) access-log lines could not be written before the end")
        }
    }

    private var isClosing: Bool { shared.isClosing.load(ordering: .sequentiallyConsistent) }

    /// 0 once closing has to end; -1 while nobody closes.
    private var millisecondsToDeadline: Int32 {
        guard isClosing else { return -1 }
        let deadline = shared.deadlineNanoseconds.load(ordering: .sequentiallyConsistent)
        let now = MonotonicTime.current().nanoseconds
        return now >= deadline ? 0 : Int32(clamping: (deadline - now) / 1_000_000 + 1)
    }

    /// How long to wait for a reader.
    private var patienceMilliseconds: Int32 { millisecondsToDeadline }

    /// How many whole lines `bytes` begins with, at most so many, and their bytes. A line's text never contains a line
    /// feed, since JSON escapes it.
    private static func lines(
        in bytes: borrowing Span<UInt8>, atMost lineCountMax: Int = .max
    ) -> (lineCount: Int, byteCount: Int) {
        var lineCount = 0
        var byteCount = 0
        unsafe bytes.withUnsafeBytes { bytes in
            guard let start = bytes.baseAddress else { return }
            while lineCount < lineCountMax,
                let end = unsafe memchr(start + byteCount, 0x0A, bytes.count - byteCount)
            {
                lineCount += 1
                byteCount = unsafe UnsafeRawPointer(end) - start + 1
            }
        }
        return (lineCount, byteCount)
    }
}
