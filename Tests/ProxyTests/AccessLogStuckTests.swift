import CLinux
import Glibc
import Testing
import Wire

@testable import Proxy

@Suite("An access log that cannot get rid of its lines", .timeLimit(.minutes(2)))
struct AccessLogStuckTests {
    let folder = TestFolder()
    // The suite's, so that the ends stay open as long as a log may use them.
    let pipe: Pipe

    init() throws { pipe = try Pipe() }

    @Test("fills up behind a reader that is stuck, and goes on when it reads again")
    func stuckReader() async throws {
        let log = try borrowing(pipe.writeEnd, onFull: .block, slotsMax: 50)
        try log.start()
        let count = writeUntilFull(log, output: pipe.writeEnd)
        // More than the queue: the pipe took some before it was full.
        #expect(count > 50)
        #expect(log.slotsInUse == 50)

        let woken = Flags(count: 1)
        #expect(log.whenSlotFree { woken.raise(0) })
        let text = readLines(count, from: pipe.readEnd)
        await until { woken.counts == [1] }
        #expect(log.close())
        #expect(log.linesWritten == count)
        #expect(try TestFolder.lines(of: text).map { try TestFolder.id(of: $0) } == Array(0..<count))
    }

    @Test("drops lines behind a stuck reader and counts them, and every line it promised arrives")
    func stuckReaderDropping() throws {
        let log = try borrowing(pipe.writeEnd, onFull: .drop, slotsMax: 50)
        try log.start()
        let count = writeUntilFull(log, output: pipe.writeEnd)
        for _ in 0..<9 { #expect(log.reserve() == .dropped) }
        #expect(log.linesDropped == 9)
        let text = readLines(count, from: pipe.readEnd)
        #expect(log.close())
        #expect(try TestFolder.lines(of: text).count == Int(count))
        #expect(log.linesWritten == count)
    }

    @Test("ends in time at close although nobody reads, and counts what is lost")
    func closeWhileStuck() throws {
        let log = try borrowing(pipe.writeEnd, onFull: .block, slotsMax: 50)
        try log.start()
        let count = writeUntilFull(log, output: pipe.writeEnd)
        #expect(!log.close(withinMilliseconds: 0))
        // The pipe may have had room for a last few; none is lost without being counted.
        #expect(log.linesDropped > 0 && log.linesDropped <= 50)
        #expect(log.linesWritten + log.linesDropped == count)
        #expect(log.slotsInUse == 0)
    }

    @Test("goes over from a stuck pipe to a file when it is told to open the path anew")
    func reopenWhileStuck() throws {
        let path = folder.path("log")
        folder.makePipe("log")
        let readEnd = folder.open("log", O_RDONLY | O_NONBLOCK)
        let writeEnd = folder.open("log", O_WRONLY)
        defer { close(readEnd) }
        let log = try AccessLog(path: path, onFull: .block, slotsMax: 50)
        try log.start()
        let count = writeUntilFull(log, output: writeEnd)
        folder.rename("log", to: "pipe")
        log.reopen()
        #expect(log.close())
        close(writeEnd)
        let early = try TestFolder.lines(of: Pipe.readAll(readEnd)).map { try TestFolder.id(of: $0) }
        #expect(try early + folder.ids(in: "log") == Array(0..<count))
    }

    @Test("tears no line when a socket takes only parts of them")
    func socket() throws {
        let (near, far) = try socketPair()
        defer { close(near) }
        let log = try borrowing(near, onFull: .block, slotsMax: 400)
        try log.start()
        let count = writeUntilFull(log, output: near)
        let text = readLines(count, from: far)
        close(far)
        #expect(log.close())
        #expect(try TestFolder.lines(of: text).map { try TestFolder.id(of: $0) } == Array(0..<count))
    }

    @Test("keeps trying on a full disk in block mode and loses nothing it need not")
    func fullDiskBlocking() async throws {
        let log = try AccessLog(path: "/dev/full", onFull: .block, slotsMax: 5)
        try log.start()
        #expect(writeUntilFull(log) == 5)
        await until { log.writeFailures > 1 }
        #expect(log.isFailing)
        #expect(log.slotsInUse == 5)
        #expect(!log.close(withinMilliseconds: 0))
        #expect(log.linesDropped == 5)
        #expect(log.linesWritten == 0)
    }

    @Test("drops and counts on a full disk in drop mode, and work goes on")
    func fullDiskDropping() async throws {
        let log = try AccessLog(
            path: "/dev/full", onFull: .drop, slotsMax: 5, report: OperatorLog(descriptor: pipe.writeEnd))
        try log.start()
        for round in 1...3 {
            for id in 0..<5 { log.fill(id: UInt64(id)) }
            await until { log.linesDropped == UInt64(round * 5) && log.slotsInUse == 0 }
        }
        #expect(log.writeFailures >= 3)
        #expect(log.isFailing)
        #expect(pipe.read().contains("cannot be written: No space left on device; lines are dropped"))
        #expect(log.close())
    }

    @Test("survives a reader that goes away in the middle of a line", arguments: [AccessLog.OnFull.block, .drop])
    func readerGone(onFull: AccessLog.OnFull) async throws {
        let (near, far) = try socketPair()
        defer { close(near) }
        let log = try borrowing(near, onFull: onFull, slotsMax: 400)
        try log.start()
        let count = writeUntilFull(log, output: near)
        let droppedBefore = log.linesDropped
        close(far)
        await until { log.writeFailures > 0 }
        #expect(log.isFailing)
        log.close(withinMilliseconds: 0)
        #expect(log.linesWritten + log.linesDropped - droppedBefore == count)
        #expect(log.slotsInUse == 0)
    }

    private func borrowing(_ descriptor: Int32, onFull: AccessLog.OnFull, slotsMax: Int) throws -> AccessLog {
        try AccessLog(
            output: AccessLogOutput(borrowing: descriptor), path: nil, onFull: onFull, slotsMax: slotsMax, report: nil)
    }

    /// Writes numbered lines until neither the log nor its output takes any more, and returns how many.
    private func writeUntilFull(_ log: AccessLog, output: Int32? = nil) -> UInt64 {
        var id: UInt64 = 0
        while !Task.isCancelled {
            if log.hasFreeSlot {
                #expect(log.reserve() == .granted)
                log.write(record(id: id, path: String(repeating: "x", count: 600)))
                id += 1
            } else if let output, Pipe.takesBytes(output) {
                // The log's thread has yet to bring what waits to the output.
                sched_yield()
            } else {
                // It may have filled the output just now and not yet have freed the slots of what it wrote.
                var looks = 0
                while looks < 20, !log.hasFreeSlot {
                    usleep(2000)
                    looks += 1
                }
                if looks == 20 { break }
            }
        }
        return id
    }

    private func readLines(_ count: UInt64, from descriptor: Int32) -> String {
        var text = ""
        while text.utf8.count(where: { $0 == 0x0A }) < count {
            let more = Pipe.readSome(descriptor)
            if more.isEmpty { break }
            text += more
        }
        return text
    }

    private func socketPair() throws -> (near: Int32, far: Int32) {
        var ends: [Int32] = [-1, -1]
        guard unsafe socketpair(AF_UNIX, Int32(SOCK_STREAM.rawValue), 0, &ends) == 0 else {
            throw Missing(what: "socket pair")
        }
        return (ends[0], ends[1])
    }
}
