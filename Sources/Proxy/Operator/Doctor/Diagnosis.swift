/// One line of what the doctor says.
struct Finding: Equatable, Sendable {
    enum Verdict: String, Sendable {
        case good = "ok  "
        /// Works, but somebody should know something.
        case note = "note"
        /// Could not be looked at.
        case skipped = "skip"
        case bad = "FAIL"
    }

    let verdict: Verdict
    /// What it is about.
    let subject: String
    let text: String

    /// The line.
    var line: String { text.isEmpty ? "\(verdict.rawValue)  \(subject)" : "\(verdict.rawValue)  \(subject): \(text)" }
}

/// From what a runtime did to what somebody should do: the doctor's judgement, without any of its doings.
enum Diagnosis {
    /// Judges a runtime.
    ///
    /// - Parameters:
    ///   - asIs: what came of a request in the present environment.
    ///   - withVariables: what came of one with the variables of `leo env`; nil if the first worked.
    static func judge(
        _ runtime: Runtime, asIs: ProbeResult, withVariables: ProbeResult?, _ facts: EnvironmentFacts
    ) -> Finding {
        if asIs.outcome == .works { return Finding(verdict: .good, subject: runtime.name, text: runtime.duty ?? "") }
        guard let withVariables, withVariables.outcome == .works else {
            return stubborn(runtime, withVariables ?? asIs)
        }
        let problems = facts.problems(of: runtime)
        var text = what(asIs.outcome) + ": "
        if problems.isEmpty {
            text += "the variables of leo env help, for a reason that leo does not know; it said: \(asIs.detail)"
        } else {
            var remedies: [String] = []
            for problem in problems where !remedies.contains(problem.remedy) { remedies.append(problem.remedy) }
            text += problems.map(\.text).joined(separator: ", ") + "; set " + remedies.joined(separator: " ")
        }
        return Finding(verdict: .bad, subject: runtime.name, text: text)
    }

    /// Judges a Node whose own fetch does not know of proxies: by what a program does that connects through HTTPS_PROXY
    /// itself. That it has to is worth a note, and no failure.
    static func judgeOldNode(
        _ runtime: Runtime, asIs: ProbeResult, withVariables: ProbeResult?, _ facts: EnvironmentFacts
    ) -> Finding {
        let finding = judge(runtime, asIs: asIs, withVariables: withVariables, facts)
        let duty =
            "this version's own fetch and https go around any proxy: the program has to use an agent for HTTPS_PROXY "
            + "(https-proxy-agent, undici's ProxyAgent), or run on Node 24, where NODE_USE_ENV_PROXY=1 is enough"
        let isGood = finding.verdict == .good
        return Finding(
            verdict: isGood ? .note : finding.verdict, subject: finding.subject,
            text: isGood ? "trusts leo, but \(duty)" : "\(finding.text); \(duty)")
    }

    /// Providers that NO_PROXY keeps from leo: a finding for each entry that does.
    static func judgeNoProxy(_ present: [String: String], providerHosts: [String]) -> [Finding] {
        ["NO_PROXY", "no_proxy"].flatMap { name in
            NoProxyList(present[name] ?? "").entries.compactMap { entry in
                let list = NoProxyList(entry)
                guard let host = providerHosts.first(where: { !list.entries(covering: $0).isEmpty }) else { return nil }
                return Finding(
                    verdict: .bad, subject: name,
                    text: "\(OneLine.of(entry)) lets clients reach \(host) past leo; intercept.splice is the way to "
                        + "exempt a host that leaves a trace in the log")
            }
        }
    }

    private static func stubborn(_ runtime: Runtime, _ result: ProbeResult) -> Finding {
        let reason =
            switch result.outcome {
            case .works, .unreachable, .refused, .silent, .fails: ""
            case .bypasses: "; something else than the environment tells it where to go"
            case .distrusts: "; it takes its roots from elsewhere, or pins certificates: see docs/trust.md"
            }
        let said = result.detail.isEmpty ? "" : "; it said: \(result.detail)"
        return Finding(
            verdict: .bad, subject: runtime.name,
            text: "even with the variables of leo env it \(what(result.outcome))\(reason)\(said)")
    }

    private static func what(_ outcome: ProbeResult.Outcome) -> String {
        switch outcome {
        case .works: "works"
        case .bypasses: "bypasses the proxy"
        case .distrusts: "does not trust leo"
        case .unreachable: "finds no proxy where it looks for one"
        case .refused: "uses a proxy that turns it away"
        case .silent: "gets no answer within \(Prober.patienceSeconds) seconds"
        case .fails: "fails"
        }
    }
}
