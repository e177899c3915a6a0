import Glibc
import Synchronization
import Testing

@testable import Proxy

@Suite("The operator log")
struct AccessLogOperatorTests {
    let pipe: Pipe
    let clock = Clock()

    init() throws { pipe = try Pipe() }

    private var log: OperatorLog {
        let clock = clock
        return OperatorLog(descriptor: pipe.writeEnd, now: { clock.now })
    }

    @Test("writes a message as one line that says who speaks and how bad it is")
    func levels() {
        let log = log
        log.info(.lifecycle, "ready, proxy http://127.0.0.1:8889")
        log.warning(.config, "odd")
        log.error(.accessLog, "bad")
        #expect(pipe.read() == "leo: ready, proxy http://127.0.0.1:8889\nleo: warning: odd\nleo: error: bad\n")
    }

    @Test("makes visible what would break the line or move a terminal's cursor")
    func escaping() {
        log.info(.lifecycle, "a\nleo: forged\r\t\u{1B}[2J\u{7F}\u{9B}é✓")
        #expect(pipe.read() == "leo: a\\x0aleo: forged\\x0d\\x09\\x1b[2J\\x7f\\x9bé✓\n")
    }

    @Test("cuts a message that is too long")
    func cutting() {
        log.info(.lifecycle, String(repeating: "\u{1}", count: 5000))
        let expected = "leo: " + String(repeating: "\\x01", count: OperatorLog.messageBytesMax) + "…\n"
        #expect(pipe.read() == expected)
        #expect(expected.utf8.count <= 4096)
    }

    @Test("holds a flood of one kind back, lets others through, and says how much it held back")
    func flood() {
        let log = log
        for number in 0..<1000 { log.warning(.fault(.dnsFailed), "\(number)") }
        log.warning(.fault(.connectFailed), "other")
        for number in 0..<20 { log.info(.lifecycle, "\(number)") }
        var expected = (0..<OperatorLog.burstLines).map { "leo: warning: \($0)" } + ["leo: warning: other"]
        expected += (0..<20).map { "leo: \($0)" }
        #expect(pipe.read() == expected.map { $0 + "\n" }.joined())
        #expect(log.linesWithheld == 1000 - OperatorLog.burstLines)

        clock.advance(OperatorLog.refillNanoseconds)
        log.warning(.fault(.dnsFailed), "again")
        log.warning(.fault(.dnsFailed), "and again")
        #expect(pipe.read() == "leo: warning: again (990 more of this kind not shown)\n")
    }

    @Test("does not make a message that it will not write")
    func lazy() {
        let log = log
        let made = Flags(count: 1)
        func message() -> String {
            made.raise(0)
            return "message"
        }
        for _ in 0..<100 { log.error(.upstream, message()) }
        #expect(made.counts == [Int(OperatorLog.burstLines)])
    }

    @Test("does not wait for a reader that is stuck")
    func stuck() {
        let log = log
        for _ in 0..<2000 { log.info(.lifecycle, String(repeating: "x", count: 900)) }
        #expect(log.linesWithheld > 0)
        let text = pipe.read()
        #expect(text.hasPrefix("leo: xxx"))
        #expect(text.hasSuffix("x\n"))
    }

    @Test("does without a standard error")
    func closed() {
        let log = OperatorLog(descriptor: -1)
        log.error(.lifecycle, "nobody hears this")
        #expect(log.linesWithheld == 1)
    }
}

/// A clock that a test turns by hand, in nanoseconds.
final class Clock: Sendable {
    private let time = Atomic<UInt64>(1_000_000_000_000)

    var now: UInt64 { time.load(ordering: .relaxed) }
    func advance(_ nanoseconds: UInt64) { time.wrappingAdd(nanoseconds, ordering: .relaxed) }
}
