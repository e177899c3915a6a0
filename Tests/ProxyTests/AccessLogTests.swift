import CLinux
import Glibc
import Synchronization
import Testing
import Wire

@testable import Proxy

@Suite("The access log", .timeLimit(.minutes(2)))
struct AccessLogTests {
    let folder = TestFolder()
    // The suite's, so that the ends stay open as long as a log may use them.
    let pipe: Pipe

    init() throws { pipe = try Pipe() }

    @Test("writes each line it was given, and nothing is lost at the end")
    func closing() throws {
        let log = try AccessLog(path: folder.path("log"), onFull: .block)
        // The first lines come before there is a thread.
        for id in 0..<10 { log.fill(id: UInt64(id)) }
        try log.start()
        for id in 10..<500 { log.fill(id: UInt64(id)) }
        #expect(log.close())
        #expect(try folder.ids(in: "log").sorted() == Array(0..<500))
        #expect(log.linesWritten == 500)
        #expect(log.linesDropped == 0)
        #expect(log.slotsInUse == 0)
    }

    @Test("appends to what the file holds, and makes a new one that others may not read")
    func appending() throws {
        for id in [UInt64(1), 2] {
            let log = try AccessLog(path: folder.path("log"), onFull: .drop)
            try log.start()
            log.fill(id: id)
            #expect(log.close())
        }
        #expect(try folder.ids(in: "log") == [1, 2])
        #expect(folder.permissions(of: "log") & 0o137 == 0)
    }

    @Test("keeps lines whole when many threads write at once, and in order on each connection")
    func manyThreads() async throws {
        let log = try AccessLog(path: folder.path("log"), onFull: .block)
        try log.start()
        await withTaskGroup { group in
            for connection in 0..<16 {
                group.addTask {
                    for id in 0..<300 { log.fill(id: UInt64(id), connection: UInt64(connection)) }
                }
            }
        }
        #expect(log.close())
        var idsByConnection: [String: [UInt64]] = [:]
        for line in try folder.lines(in: "log") {
            guard case .word(let connection)? = line["connection"] else { throw Missing(what: "connection") }
            idsByConnection[connection, default: []].append(try id(of: line))
        }
        #expect(idsByConnection.count == 16)
        #expect(idsByConnection.values.allSatisfy { $0 == Array(0..<300) })
    }

    @Test("gives out as many slots as it has and no more", arguments: [AccessLog.OnFull.block, .drop])
    func slots(onFull: AccessLog.OnFull) throws {
        let log = try AccessLog(path: folder.path("log"), onFull: onFull, slotsMax: 3)
        #expect((0..<3).map { _ in log.reserve() } == [.granted, .granted, .granted])
        #expect(log.reserve() == (onFull == .block ? .full : .dropped))
        #expect(log.linesDropped == (onFull == .block ? 0 : 1))
        #expect(log.slotsInUse == 3)
        #expect(!log.hasFreeSlot)
        log.cancelReservation()
        #expect(log.hasFreeSlot)
        #expect(log.reserve() == .granted)
    }

    @Test("wakes those who wait for a slot once when one is cancelled")
    func wakingByCancel() async throws {
        let log = try AccessLog(path: folder.path("log"), onFull: .block, slotsMax: 1)
        try log.start()
        #expect(log.whenSlotFree { Issue.record("a slot was free") } == false)
        #expect(log.reserve() == .granted)
        let woken = Flags(count: 3)
        for waiter in 0..<3 { #expect(log.whenSlotFree { woken.raise(waiter) }) }
        #expect(woken.counts == [0, 0, 0])
        log.cancelReservation()
        await until { woken.counts == [1, 1, 1] }
        #expect(log.reserve() == .granted)
        log.cancelReservation()
        #expect(log.close())
        #expect(woken.counts == [1, 1, 1])
    }

    @Test("wakes those who wait for a slot when a line is written")
    func wakingByWrite() async throws {
        let log = try AccessLog(path: folder.path("log"), onFull: .block, slotsMax: 1)
        try log.start()
        for id in 0..<20 {
            while log.reserve() == .full {
                let woken = Flags(count: 1)
                if log.whenSlotFree({ woken.raise(0) }) { await until { woken.counts == [1] } }
            }
            log.write(record(id: UInt64(id)))
        }
        #expect(log.close())
        #expect(try folder.ids(in: "log") == Array(0..<20))
    }

    @Test("forgets who has waited longest when too many wait")
    func manyWaiters() async throws {
        let log = try AccessLog(path: folder.path("log"), onFull: .block, slotsMax: 1)
        try log.start()
        #expect(log.reserve() == .granted)
        let woken = Flags(count: AccessLog.waitersMax + 5)
        for waiter in 0..<AccessLog.waitersMax + 5 { #expect(log.whenSlotFree { woken.raise(waiter) }) }
        log.cancelReservation()
        await until { woken.counts.last == 1 }
        #expect(log.close())
        #expect(woken.counts.prefix(5).allSatisfy { $0 == 0 })
        #expect(woken.counts.dropFirst(5).allSatisfy { $0 == 1 })
    }

    @Test(
        "refuses what is no file to append to, and says what it is",
        arguments: [
            ("folder", "is a directory"), ("link", "is a symbolic link"), ("missing/log", "folder does not exist"),
            ("pipe", "a pipe that nobody reads"),
        ])
    func refused(name: String, reason: String) throws {
        folder.makeFolder("folder")
        folder.makeLink("link")
        folder.makePipe("pipe")
        do throws(AccessLogFailure) {
            _ = try AccessLog(path: folder.path(name), onFull: .block)
            Issue.record("opened")
        } catch {
            #expect(error.description.contains(folder.path(name)))
            #expect(error.description.contains(reason))
        }
    }

    @Test("refuses a standard output that is closed")
    func closedDescriptor() throws {
        #expect(throws: AccessLogFailure.self) { _ = try AccessLogOutput(borrowing: -1) }
    }

    @Test("writes to the new file after the old one was renamed and it was told so")
    func reopening() async throws {
        let log = try AccessLog(path: folder.path("log"), onFull: .block)
        try log.start()
        log.fill(id: 1)
        await until { log.linesWritten == 1 }
        folder.rename("log", to: "log.1")
        log.fill(id: 2)
        await until { log.linesWritten == 2 }
        log.reopen()
        await until { folder.exists("log") }
        log.fill(id: 3)
        #expect(log.close())
        #expect(try folder.ids(in: "log.1") == [1, 2])
        #expect(try folder.ids(in: "log") == [3])
    }

    @Test("keeps the old file and says so when the new one cannot be opened")
    func reopeningFails() async throws {
        let report = OperatorLog(descriptor: pipe.writeEnd)
        let log = try AccessLog(path: folder.path("log"), onFull: .block, report: report)
        try log.start()
        folder.rename("log", to: "log.1")
        folder.makeFolder("log")
        log.reopen()
        #expect(pipe.read().contains("leo: error: access log \(folder.path("log")) is a directory; lines go on"))
        log.fill(id: 1)
        #expect(log.close())
        #expect(try folder.ids(in: "log.1") == [1])
    }

    private func id(of line: JSONText) throws -> UInt64 { try TestFolder.id(of: line) }
}

// MARK: helpers shared by the log's tests

struct Missing: Error {
    let what: String
}

/// A record that can be told from others by its id.
func record(id: UInt64, connection: UInt64 = 1, path: String = "/v1/chat/completions") -> AccessRecord {
    var record = AccessRecord()
    record.id = id
    record.connection = connection
    record.time = WallTime(secondsSinceEpoch: Int64(id), nanoseconds: 0)
    record.keep(Array(path.utf8).span, as: .path)
    return record
}

extension AccessLog {
    /// Reserves a slot and writes a line; a slot is expected to be free.
    func fill(id: UInt64, connection: UInt64 = 1) {
        #expect(reserve() == .granted)
        write(record(id: id, connection: connection))
    }
}

/// Waits for a condition that another thread brings about; the suite's time limit ends a wait in vain.
func until(_ condition: () -> Bool) async {
    while !condition(), !Task.isCancelled { await Task.yield() }
}

/// Counts events by number, from any thread.
final class Flags: Sendable {
    private let state: Mutex<[Int]>

    init(count: Int) { state = Mutex(Array(repeating: 0, count: count)) }

    func raise(_ index: Int) { state.withLock { $0[index] += 1 } }

    var counts: [Int] { state.withLock { $0 } }
}

/// A folder of the test's own, gone with it.
final class TestFolder: Sendable {
    let root: String

    init() {
        var template = Array("/tmp/leo-access-log-XXXXXX".utf8CString)
        let made = unsafe template.withUnsafeMutableBufferPointer { unsafe mkdtemp($0.baseAddress!) != nil }
        #expect(made)
        root = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    deinit {
        for name in ["log", "log.1", "folder", "link", "pipe"] { _ = unsafe remove(path(name)) }
        _ = unsafe rmdir(root)
    }

    func path(_ name: String) -> String { root + "/" + name }

    func makeFolder(_ name: String) { #expect(unsafe mkdir(path(name), 0o700) == 0) }
    func makePipe(_ name: String) { #expect(unsafe mkfifo(path(name), 0o600) == 0) }
    func makeLink(_ name: String) { #expect(unsafe symlink("target", path(name)) == 0) }
    func rename(_ name: String, to other: String) { #expect(unsafe Glibc.rename(path(name), path(other)) == 0) }
    func exists(_ name: String) -> Bool { unsafe access(path(name), F_OK) == 0 }
    func open(_ name: String, _ flags: Int32) -> Int32 { unsafe Glibc.open(path(name), flags | O_CLOEXEC) }

    func permissions(of name: String) -> UInt32 {
        var status = stat()
        #expect(unsafe stat(path(name), &status) == 0)
        return status.st_mode & 0o777
    }

    func lines(in name: String) throws -> [JSONText] {
        let descriptor = open(name, O_RDONLY)
        guard descriptor >= 0 else { throw Missing(what: name) }
        defer { close(descriptor) }
        return try Self.lines(of: Pipe.readAll(descriptor))
    }

    func ids(in name: String) throws -> [UInt64] { try lines(in: name).map { try Self.id(of: $0) } }

    /// Every byte belongs to a whole line, and every line is JSON.
    static func lines(of text: String) throws -> [JSONText] {
        guard text.isEmpty || text.utf8.last == 0x0A else { throw Missing(what: "last line feed") }
        return try text.split(separator: "\n", omittingEmptySubsequences: false).dropLast().map { line in
            try JSONText.parse(line + "\n")
        }
    }

    static func id(of line: JSONText) throws -> UInt64 {
        guard case .string(let text)? = line["id"], let id = UInt64(text, radix: 16) else { throw Missing(what: "id") }
        return id
    }
}

/// Two ends of a pipe.
final class Pipe: Sendable {
    let readEnd: Int32
    let writeEnd: Int32

    init() throws {
        var ends: [Int32] = [-1, -1]
        guard unsafe pipe2(&ends, Int32(O_CLOEXEC)) == 0 else { throw Missing(what: "pipe") }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        close(writeEnd)
    }

    /// What is in the pipe, at least one byte; waits for it.
    func read() -> String { Self.readSome(readEnd) }

    /// Empty at the end, or if nothing comes for so long that nothing will.
    static func readSome(_ descriptor: Int32) -> String {
        var asked = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard unsafe poll(&asked, 1, 30_000) > 0 else { return "" }
        var buffer = [UInt8](repeating: 0, count: 65_536)
        let byteCount = unsafe Glibc.read(descriptor, &buffer, buffer.count)
        return String(decoding: buffer.prefix(max(0, byteCount)), as: UTF8.self)
    }

    /// Whether a write would find room.
    static func takesBytes(_ descriptor: Int32) -> Bool {
        var asked = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return unsafe poll(&asked, 1, 0) > 0
    }

    static func readAll(_ descriptor: Int32) -> String {
        var text = ""
        while true {
            let more = readSome(descriptor)
            if more.isEmpty { return text }
            text += more
        }
    }
}
