import CLinux
import Glibc

/// Runs a program to its end or to a deadline, without a shell, and keeps the beginning of what it writes.
///
/// The child gets a process group of its own, which is killed as a whole: wrappers such as pyenv's start others.
struct ChildProcess {
    /// What a program came to.
    struct Ending: Equatable, Sendable {
        enum Cause: Equatable, Sendable {
            case exited(Int32)
            case killed(signal: Int32)
            /// The deadline passed, or this process was asked to end, and the child was killed.
            case stopped
        }

        var cause: Cause
        var output = ""
        var errors = ""
    }

    /// Kept of either stream; a traceback through several libraries takes 10 KB.
    static let outputBytesMax = 64 * 1024
    /// Between two looks at whether the child is gone while something else still holds its pipes.
    private static let lookMilliseconds: Int32 = 100

    /// The program's path and its arguments.
    let arguments: [String]
    let environment: [String: String]
    let patience: Duration

    /// Starts the program and waits. Throws if it cannot be started.
    func run() throws(SystemCallError) -> Ending {
        let output = try OutputPipe()
        let errors = try OutputPipe()
        let child = try spawn(output: output.writeEnd, errors: errors.writeEnd)
        // With our own write ends open there would never be an end of file.
        output.closeWriteEnd()
        errors.closeWriteEnd()
        return collect(child, output, errors)
    }

    // MARK: Starting

    /// `posix_spawn` with /dev/null for input, no signal blocked and SIGPIPE as a program expects it.
    private func spawn(output: Int32, errors: Int32) throws(SystemCallError) -> pid_t {
        var actions = unsafe posix_spawn_file_actions_t()
        unsafe posix_spawn_file_actions_init(&actions)
        defer { unsafe posix_spawn_file_actions_destroy(&actions) }
        unsafe posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        unsafe posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        unsafe posix_spawn_file_actions_adddup2(&actions, errors, STDERR_FILENO)
        var attributes = posix_spawnattr_t()
        unsafe posix_spawnattr_init(&attributes)
        defer { unsafe posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        unsafe sigemptyset(&none)
        unsafe posix_spawnattr_setsigmask(&attributes, &none)
        var ordinary = sigset_t()
        unsafe sigemptyset(&ordinary)
        unsafe sigaddset(&ordinary, SIGPIPE)
        unsafe posix_spawnattr_setsigdefault(&attributes, &ordinary)
        unsafe posix_spawnattr_setpgroup(&attributes, 0)
        unsafe posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))
        guard let program = arguments.first else { throw SystemCallError("posix_spawn", ENOENT) }
        var child: pid_t = 0
        let number = unsafe CStrings.lend(arguments) { arguments in
            unsafe CStrings.lend(environment.map { "\($0.key)=\($0.value)" }) { environment in
                unsafe posix_spawn(&child, program, &actions, &attributes, arguments, environment)
            }
        }
        guard number == 0 else { throw SystemCallError("posix_spawn", number) }
        return child
    }

    // MARK: Waiting

    private func collect(_ child: pid_t, _ output: OutputPipe, _ errors: OutputPipe) -> Ending {
        let deadline = MonotonicTime.current().advanced(by: Nanoseconds(patience))
        var ended: Ending.Cause?
        while ended == nil {
            let left = deadline.since(MonotonicTime.current()).milliseconds
            if left <= 0 || TerminationSignals.isPending { break }
            OutputPipe.wait(output, errors, milliseconds: min(Self.lookMilliseconds, Int32(left) + 1))
            let isReadable = output.read() || errors.read()
            // While there is something to read, the end can wait.
            if !isReadable || output.isAtEnd && errors.isAtEnd { ended = Self.ending(of: child) }
        }
        if ended == nil {
            // The group lives as long as its leader is not reaped, so this cannot hit anybody else.
            kill(-child, SIGKILL)
            while Self.ending(of: child, waits: true) == nil {}
        }
        return Ending(cause: ended ?? .stopped, output: output.text, errors: errors.text)
    }

    /// How the child ended, or nil while it runs. `waitpid`
    private static func ending(of child: pid_t, waits: Bool = false) -> Ending.Cause? {
        var status: Int32 = 0
        let reaped = unsafe waitpid(child, &status, waits ? 0 : WNOHANG)
        if reaped == 0 || reaped < 0 && errno == EINTR { return nil }
        if reaped < 0 { return .stopped }
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }
}

/// A pipe that a child writes into, and the beginning of what it wrote.
private final class OutputPipe {
    private let readEnd: Int32
    private(set) var writeEnd: Int32
    private var bytes: [UInt8] = []
    private(set) var isAtEnd = false

    init() throws(SystemCallError) {
        var ends: [Int32] = [-1, -1]
        _ = try System.check("pipe2") { unsafe pipe2(&ends, O_CLOEXEC) }
        readEnd = ends[0]
        writeEnd = ends[1]
    }

    deinit {
        close(readEnd)
        closeWriteEnd()
    }

    func closeWriteEnd() {
        if writeEnd >= 0 { close(writeEnd) }
        writeEnd = -1
    }

    /// Until one of them has something to read or the time is over; also when both are at their end. `poll`
    static func wait(_ first: OutputPipe, _ second: OutputPipe, milliseconds: Int32) {
        // A negative number makes poll(2) pass over the entry.
        var asked = [first, second].map { pollfd(fd: $0.isAtEnd ? -1 : $0.readEnd, events: Int16(POLLIN), revents: 0) }
        _ = unsafe poll(&asked, 2, milliseconds)
    }

    /// Takes what is there, without waiting; true if it was something.
    func read() -> Bool {
        var asked = pollfd(fd: readEnd, events: Int16(POLLIN), revents: 0)
        guard !isAtEnd, unsafe poll(&asked, 1, 0) > 0 else { return false }
        var piece = [UInt8](repeating: 0, count: 16 * 1024)
        let transfer = unsafe piece.withUnsafeMutableBytes { unsafe System.read(readEnd, $0) }
        guard case .bytes(let count) = transfer, count > 0 else {
            isAtEnd = true
            return false
        }
        bytes += piece[..<min(count, ChildProcess.outputBytesMax - bytes.count)]
        return true
    }

    var text: String { String(decoding: bytes, as: UTF8.self) }
}

/// Texts as C wants them: pointers, and a null after the last.
enum CStrings {
    /// Lends the array for the call.
    static func lend<Result>(
        _ texts: [String], _ body: ([UnsafeMutablePointer<CChar>?]) throws -> Result
    ) rethrows -> Result {
        var pointers = unsafe texts.map { unsafe strdup($0) }
        unsafe pointers.append(nil)
        defer { unsafe pointers.forEach { unsafe free($0) } }
        return try unsafe body(pointers)
    }
}

/// SIGINT, SIGTERM and SIGHUP, held back while there are children and a folder to clean up.
enum TerminationSignals {
    private static var all: sigset_t {
        var set = sigset_t()
        unsafe sigemptyset(&set)
        for number in [SIGINT, SIGTERM, SIGHUP] { unsafe sigaddset(&set, number) }
        return set
    }

    /// Holds them back during `body`; one that has come takes effect afterwards.
    static func holdBack<Result>(during body: () -> Result) -> Result {
        var set = all
        var before = sigset_t()
        _ = unsafe pthread_sigmask(SIG_BLOCK, &set, &before)
        defer { _ = unsafe pthread_sigmask(SIG_SETMASK, &before, nil) }
        return body()
    }

    /// Whether one of them is waiting. `sigpending`
    static var isPending: Bool {
        var pending = sigset_t()
        guard unsafe sigpending(&pending) == 0 else { return false }
        return [SIGINT, SIGTERM, SIGHUP].contains { unsafe sigismember(&pending, $0) == 1 }
    }
}
