import Glibc
import Testing

@testable import Proxy

@Suite("leo run")
struct OperatorRunTests {
    @Test("ends with 127 when there is no such program", arguments: ["leo-test-no-such-program", "/no/such/program"])
    func missing(_ program: String) {
        let report = RunCommand.replaceProcess([program, "argument"])
        #expect(report.exitCode == 127)
        #expect(report.complaints == ["leo: \(program): No such file or directory"])
    }

    @Test("ends with 126 when the program cannot be started")
    func notExecutable() throws {
        let folder = try TemporaryFolder()
        let path = try folder.write("#!/bin/sh\n", to: "program", mode: 0o600)
        #expect(RunCommand.replaceProcess([path]).exitCode == 126)
        #expect(RunCommand.replaceProcess([folder.path]).exitCode == 126)
    }

    @Test(
        "follows env(1) for every way to fail",
        arguments: [(ENOENT, 127), (EACCES, 126), (ENOEXEC, 126), (E2BIG, 126)] as [(Int32, Int32)])
    func codes(_ number: Int32, _ code: Int32) {
        #expect(RunCommand.exitCode(whenStartFailsWith: number) == code)
    }
}

@Suite("A program the doctor runs")
struct OperatorChildProcessTests {
    private func run(_ script: String, _ environment: [String: String] = [:], patience: Duration = .seconds(60)) throws
        -> ChildProcess.Ending
    {
        try ChildProcess(arguments: ["/bin/sh", "-c", script], environment: environment, patience: patience).run()
    }

    @Test("is heard on both streams, and its code is kept")
    func hears() throws {
        let ending = try run("echo out; echo err >&2; exit 3")
        #expect(ending == ChildProcess.Ending(cause: .exited(3), output: "out\n", errors: "err\n"))
    }

    @Test("has exactly the environment it is given, and nothing to read")
    func environment() throws {
        let ending = try ChildProcess(
            arguments: ["/usr/bin/env"], environment: ["A": "1=2"], patience: .seconds(60)
        ).run()
        #expect(ending.output == "A=1=2\n")
        #expect(try run("cat; echo end").output == "end\n")
    }

    @Test("may write more than is kept")
    func bounded() throws {
        let ending = try run("head -c 300000 /dev/zero | tr '\\0' x")
        #expect(ending.cause == .exited(0))
        #expect(ending.output.utf8.count == ChildProcess.outputBytesMax)
    }

    @Test("is killed with all it started when its time is over")
    func killed() throws {
        let ending = try run("echo begun; sleep 600 & wait", patience: .milliseconds(300))
        #expect(ending.cause == .stopped)
    }

    @Test("is not waited for by its children's standards: the end of the program is the end")
    func daemon() throws {
        let ending = try run("sleep 60 & echo $!")
        #expect(ending.cause == .exited(0))
        let daemon = try #require(pid_t(ending.output.filter(\.isNumber)))
        kill(daemon, SIGKILL)
    }

    @Test("that dies of a signal is told from one that ends")
    func signalled() throws {
        #expect(try run("kill -SEGV $$").cause == .killed(signal: SIGSEGV))
    }

    @Test("takes SIGPIPE as any program does")
    func brokenPipe() throws {
        #expect(try run("yes | head -n 1; echo \"$?\"").output == "y\n0\n")
        #expect(try run("kill -PIPE $$").cause == .killed(signal: SIGPIPE))
    }

    @Test("that is not there is an error")
    func missing() {
        let child = ChildProcess(arguments: ["/no/such/program"], environment: [:], patience: .seconds(60))
        #expect(throws: SystemCallError.self) { try child.run() }
    }
}
