import Glibc
import Synchronization
import Wire

/// Operational lines for the person who runs leo, on the standard error: `leo: message`.
///
/// Never payload, credentials or text from a peer beyond a name. One message is one line, whatever is in it. Each kind
/// of message has a budget, so a flood of one kind neither fills the journal nor hides the others, and a reader that is
/// stuck costs lines, not time.
final class OperatorLog: Sendable {
    enum Level: Sendable { case info, warning, error }

    /// What a message is about; messages of one kind share a budget.
    enum Kind: Hashable, Sendable {
        /// Start, reload, drain, end: few and wanted, so never held back.
        case lifecycle
        case config
        case accessLog
        case authority
        case listener
        case upstream
        case resources
        /// Something went wrong with a connection or an exchange.
        case fault(Fault)
    }

    /// So many lines of a kind at once …
    static let burstLines: UInt64 = 10
    /// … and one more in each interval.
    static let refillNanoseconds: UInt64 = 5_000_000_000
    /// Longer messages are cut: with every byte escaped, the line still fits what a pipe takes at once (PIPE_BUF).
    static let messageBytesMax = 1000

    private struct Budget {
        /// The moment up to which the budget is spent (GCRA).
        var spentUntil: UInt64 = 0
        var withheldLines: UInt64 = 0
    }

    private let descriptor: Int32
    private let now: @Sendable () -> UInt64
    private let budgets = Mutex<[Kind: Budget]>([:])
    private let withheld = Atomic<UInt64>(0)

    /// Writes to `descriptor`, which stays open after the log; `now` is a monotonic clock in nanoseconds.
    init(
        descriptor: Int32 = STDERR_FILENO,
        now: @escaping @Sendable () -> UInt64 = { MonotonicTime.current().nanoseconds }
    ) {
        self.descriptor = descriptor
        self.now = now
    }

    /// Lines not written because of a budget or because nobody reads.
    var linesWithheld: UInt64 { withheld.load(ordering: .relaxed) }

    func info(_ kind: Kind, _ message: @autoclosure () -> String) { log(.info, kind, message) }
    func warning(_ kind: Kind, _ message: @autoclosure () -> String) { log(.warning, kind, message) }
    func error(_ kind: Kind, _ message: @autoclosure () -> String) { log(.error, kind, message) }

    private func log(_ level: Level, _ kind: Kind, _ message: () -> String) {
        guard let withheldBefore = admit(kind) else {
            withheld.wrappingAdd(1, ordering: .relaxed)
            return
        }
        var line = ByteQueue()
        line.append("leo: ")
        switch level {
        case .info: break
        case .warning: line.append("warning: ")
        case .error: line.append("error: ")
        }
        let message = message()
        let utf8 = message.utf8
        Self.appendEscaped(utf8.span, to: &line)
        if withheldBefore > 0 {
            line.append(" (")
            line.append(decimal: withheldBefore)
            line.append(" more of this kind not shown)")
        }
        line.append("\n")
        if !put(line.bytes) { withheld.wrappingAdd(1, ordering: .relaxed) }
    }

    /// Nil if the kind's budget is spent; else how many of its lines were withheld since the last one.
    private func admit(_ kind: Kind) -> UInt64? {
        if kind == .lifecycle { return 0 }
        let now = now()
        return budgets.withLock { budgets in
            var budget = budgets[kind] ?? Budget()
            let spentUntil = max(budget.spentUntil, now) + Self.refillNanoseconds
            if spentUntil - now > Self.burstLines * Self.refillNanoseconds {
                budget.withheldLines += 1
                budgets[kind] = budget
                return nil
            }
            budgets[kind] = Budget(spentUntil: spentUntil)
            return budget.withheldLines
        }
    }

    /// False if the reader does not take the line at once, or is gone.
    private func put(_ bytes: borrowing Span<UInt8>) -> Bool {
        var asked = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        guard unsafe poll(&asked, 1, 0) > 0 else { return false }
        while true {
            let written = unsafe bytes.withUnsafeBytes { unsafe write(descriptor, $0.baseAddress, $0.count) }
            if written >= 0 { return written == bytes.count }
            if errno != EINTR { return false }
        }
    }

    /// Adds `bytes` with everything that could act on a terminal, or begin a line, made visible.
    private static func appendEscaped(_ bytes: borrowing Span<UInt8>, to line: inout ByteQueue) {
        let end = UTF8Text.prefixLength(of: bytes, byteCountMax: messageBytesMax)
        var index = 0
        while index < end {
            let byte = bytes[index]
            let (byteCount, isWellFormed) = UTF8Text.sequence(in: bytes, at: index)
            let isC1 = byte == 0xC2 && isWellFormed && bytes[index + 1] < 0xA0
            if byte < 0x20 || byte == 0x7F || isC1 {
                let character = isC1 ? bytes[index + 1] : byte
                line.append(character < 0x10 ? "\\x0" : "\\x")
                line.append(hexadecimal: character)
            } else {
                line.append(bytes.extracting(index..<index + byteCount))
            }
            index += byteCount
        }
        if end < bytes.count { line.append("…") }
    }
}
