import Glibc

/// Lets the runtimes of this machine fetch the canary, and collects what came of it.
struct Prober {
    /// A request and everything that a runtime does before it.
    static let patienceSeconds = 15
    /// Go builds a program first, and on a machine that never did so parts of its library too.
    private static let buildPatienceSeconds = 120

    let scratch: ScratchFolder
    let facts: EnvironmentFacts
    /// The present environment, with nothing in NO_PROXY that keeps only the canary away.
    let present: [String: String]
    /// The same with the variables of `leo env`.
    let wanted: [String: String]

    init(scratch: ScratchFolder, facts: EnvironmentFacts, present: [String: String]) {
        self.scratch = scratch
        self.facts = facts
        self.present = present
        wanted = facts.wanted.merged(into: present)
    }

    /// Probes every runtime that is on PATH; each finding is passed on as soon as it is there.
    ///
    /// When the process is asked to end, so does this, and what a killed probe came to is no finding.
    func run(_ report: (Finding) -> Void) {
        for probe in [curl, python, node, java, go] {
            probe { finding in if !TerminationSignals.isPending { report(finding) } }
            if TerminationSignals.isPending { return }
        }
    }

    // MARK: The runtimes

    private func curl(_ report: (Finding) -> Void) {
        guard let path = find("curl") else { return }
        guard let text = version([path, "--version"], "curl", report) else { return }
        let runtime = Runtime(kind: .curl, version: Self.word(1, in: text))
        let timeout = "\(ProbePrograms.timeoutSeconds)"
        report(judge(runtime, [path, "--silent", "--show-error", "--max-time", timeout, Canary.address]))
    }

    private func python(_ report: (Finding) -> Void) {
        guard let path = find("python3") else { return }
        let optional = PythonClient.allCases.filter { $0 != .urllib }.map(\.rawValue)
        guard let text = version([path, "-c", ProbePrograms.pythonClients] + optional, "python3", report) else {
            return
        }
        for line in text.split(whereSeparator: \.isNewline) {
            guard let client = PythonClient(rawValue: Self.word(0, in: line)) else { continue }
            let number = client == .urllib ? Self.word(1, in: text) : Self.word(1, in: line)
            let runtime = Runtime(kind: .python(client), version: number)
            report(judge(runtime, [path, "-c", ProbePrograms.python, Canary.address, client.rawValue]))
            if TerminationSignals.isPending { return }
        }
    }

    private func node(_ report: (Finding) -> Void) {
        guard let path = find("node") else { return }
        guard let text = version([path, "--version"], "node", report) else { return }
        let number = String(Self.word(0, in: text).drop { $0 == "v" })
        let runtime = Runtime(kind: .node(knowsProxy: true), version: number)
        let fetch = [path, "-e", ProbePrograms.nodeFetch, Canary.address]
        let asIs = probe(fetch, present)
        if asIs.outcome == .works {
            return report(Diagnosis.judge(runtime, asIs: asIs, withVariables: nil, facts))
        }
        let withVariables = probe(fetch, wanted)
        if withVariables.outcome == .works {
            return report(Diagnosis.judge(runtime, asIs: asIs, withVariables: withVariables, facts))
        }
        let agent = [path, "-e", ProbePrograms.nodeAgent, Canary.address]
        let agentAsIs = probe(agent, present)
        report(
            Diagnosis.judgeOldNode(
                Runtime(kind: .node(knowsProxy: false), version: number), asIs: agentAsIs,
                withVariables: agentAsIs.outcome == .works ? nil : probe(agent, wanted), facts))
    }

    private func java(_ report: (Finding) -> Void) {
        guard let path = find("java") else { return }
        guard let text = version([path, "-version"], "java", report) else { return }
        let runtime = Runtime(kind: .java, version: Self.javaVersion(in: text))
        guard let program = write(ProbePrograms.java, to: "Probe.java", runtime, report) else { return }
        let arguments = [path, "-cp", scratch.path, program, Canary.address]
        let asIs = run(arguments, present)
        if Self.lacksCompiler(asIs) {
            return report(
                Finding(
                    verdict: .skipped, subject: runtime.name,
                    text: "a Java runtime without its compiler cannot run the probe; try with a JDK 11 or newer"))
        }
        let result = ProbeResult(asIs)
        let withVariables = result.outcome == .works ? nil : probe(arguments, wanted)
        report(Diagnosis.judge(runtime, asIs: result, withVariables: withVariables, facts))
    }

    private func go(_ report: (Finding) -> Void) {
        guard let path = find("go") else { return }
        guard let text = version([path, "version"], "go", report) else { return }
        let number = Self.word(2, in: text)
        let runtime = Runtime(kind: .go, version: number.hasPrefix("go") ? String(number.dropFirst(2)) : number)
        guard let source = write(ProbePrograms.go, to: "probe.go", runtime, report) else { return }
        let program = scratch.file("probe")
        // The folder leo was started in may hold a module with wishes of its own.
        let settings = ["GO111MODULE": "off", "GOFLAGS": "", "GOTOOLCHAIN": "local", "GOPROXY": "off"]
        let built = run(
            [path, "build", "-o", program, source], present.merging(settings) { $1 },
            patienceSeconds: Self.buildPatienceSeconds)
        guard built.cause == .exited(0) else {
            let words = built.cause == .stopped ? "not within \(Self.buildPatienceSeconds) seconds" : built.errors
            return report(
                Finding(
                    verdict: .skipped, subject: runtime.name,
                    text: "the probe cannot be built: \(OneLine.of(words))"))
        }
        report(judge(runtime, [program, Canary.address]))
    }

    // MARK: Running

    private func judge(_ runtime: Runtime, _ arguments: [String]) -> Finding {
        let asIs = probe(arguments, present)
        let withVariables = asIs.outcome == .works ? nil : probe(arguments, wanted)
        return Diagnosis.judge(runtime, asIs: asIs, withVariables: withVariables, facts)
    }

    private func probe(_ arguments: [String], _ environment: [String: String]) -> ProbeResult {
        ProbeResult(run(arguments, environment))
    }

    private func run(
        _ arguments: [String], _ environment: [String: String], patienceSeconds: Int = Prober.patienceSeconds
    ) -> ChildProcess.Ending {
        let child = ChildProcess(
            arguments: arguments, environment: environment, patience: .seconds(patienceSeconds))
        do throws(SystemCallError) { return try child.run() } catch {
            return ChildProcess.Ending(cause: .exited(127), errors: error.text)
        }
    }

    /// What the runtime prints about itself; nil, and a finding, if it does not run at all.
    private func version(_ arguments: [String], _ name: String, _ report: (Finding) -> Void) -> String? {
        let ending = run(arguments, present)
        if ending.cause == .exited(0) {
            let text = ending.output.isEmpty ? ending.errors : ending.output
            return text
        }
        report(
            Finding(
                verdict: .skipped, subject: name,
                text: "\(arguments[0]) does not run: \(OneLine.of(ending.errors))"))
        return nil
    }

    private func write(
        _ text: String, to name: String, _ runtime: Runtime, _ report: (Finding) -> Void
    ) -> String? {
        do throws(SystemCallError) { return try scratch.write(text, to: name) } catch {
            report(Finding(verdict: .skipped, subject: runtime.name, text: "\(scratch.path): \(error.text)"))
            return nil
        }
    }

    /// The first program of this name on PATH. Folders that are not absolute are passed over.
    private func find(_ name: String) -> String? {
        for folder in (present["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(separator: ":")
        where folder.hasPrefix("/") {
            let path = "\(folder)/\(name)"
            var status = stat()
            guard unsafe stat(path, &status) == 0, status.st_mode & S_IFMT == S_IFREG else { continue }
            if unsafe access(path, X_OK) == 0 { return path }
        }
        return nil
    }

    private static func word(_ index: Int, in text: some StringProtocol) -> String {
        let line = text.split(whereSeparator: \.isNewline).first ?? ""
        let words = line.split(separator: " ")
        return index < words.count ? String(words[index]) : ""
    }

    /// From `openjdk version "17.0.15" 2025-04-15`, above which a JVM names the options that it picked up.
    static func javaVersion(in text: String) -> String {
        for line in text.split(whereSeparator: \.isNewline) {
            guard let mark = line.firstRange(of: " version \""), !line.hasPrefix("Picked up") else { continue }
            return String(line[mark.upperBound...].prefix { $0 != "\"" })
        }
        return ""
    }

    private static func lacksCompiler(_ ending: ChildProcess.Ending) -> Bool {
        ending.errors.contains("Module jdk.compiler not found")
            || ending.errors.contains("Could not find or load main class")
    }
}
