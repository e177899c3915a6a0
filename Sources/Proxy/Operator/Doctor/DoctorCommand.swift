import Glibc
import Policy

/// `leo doctor`: is leo there, and do the programs of this machine go through it and trust it?
public enum DoctorCommand {
    /// Checks everything, and says each finding as soon as it is there.
    ///
    /// - Parameters:
    ///   - file: the configuration.
    ///   - proxyAddress: where clients reach leo, when that is not `listen.proxy`.
    ///   - say: takes a line.
    /// - Returns: exit code 0 if all is well, 1 if something is not.
    public static func run(file: String?, proxyAddress: String?, say: (String) -> Void) -> CommandReport {
        let present = ProcessEnvironment.current()
        return Operator.withConfig(file) { config throws(OperatorFailure) in
            let environment = try ClientEnvironment(config, proxyAddress: proxyAddress)
            var badCount = 0
            var hasProbed = false
            var isStopped = false
            TerminationSignals.holdBack {
                // OpenSSL writes to connections that may be gone.
                _ = signal(SIGPIPE, SIG_IGN)
                let examination = Examination(config: config, environment: environment, present: present)
                hasProbed = examination.run { finding in
                    if finding.verdict == .bad { badCount += 1 }
                    say(finding.line)
                }
                isStopped = TerminationSignals.isPending
            }
            // Reached only by a process that was started with the signal ignored.
            if isStopped { return CommandReport(complaints: ["leo: stopped by a signal"], exitCode: 1) }
            guard badCount > 0 else { return CommandReport(output: "\nAll is well.\n") }
            let count = badCount == 1 ? "One thing is" : "\(badCount) things are"
            let advice = " In a shell, eval \"$(\(Operator.command("env", config)))\" sets every variable."
            return CommandReport(output: "\n\(count) not well.\(hasProbed ? advice : "")\n", exitCode: 1)
        }
    }
}

/// One round of the doctor.
struct Examination {
    let config: Config
    let environment: ClientEnvironment
    /// The variables that the doctor was started with.
    let present: [String: String]

    /// Does everything that makes sense. False if the runtimes were not tried: without a CA, or without leo, none of
    /// them can do anything.
    func run(_ report: (Finding) -> Void) -> Bool {
        guard checkAuthority(report) else { return false }
        checkFiles(report)
        let isListening = checkProxy(report)
        checkAdmin(report)
        guard isListening else { return false }
        checkNoProxy(report)
        let (variables, removed) = NoProxyList.openingTheWayToCanary(present)
        if !removed.isEmpty {
            let text = "\(removed.joined(separator: ", ")) would keep \(Canary.host) from leo, and was left out here"
            report(Finding(verdict: .note, subject: "NO_PROXY", text: text))
        }
        let scratch: ScratchFolder
        do throws(SystemCallError) { scratch = try ScratchFolder() } catch {
            report(Finding(verdict: .bad, subject: "temporary folder", text: error.text))
            return false
        }
        Prober(scratch: scratch, facts: facts, present: variables).run(report)
        return true
    }

    // MARK: leo itself

    /// The CA's certificates; false if there are none to work with.
    private func checkAuthority(_ report: (Finding) -> Void) -> Bool {
        let subject = "CA"
        let state: AuthorityState
        do throws(CertificateFailure) { state = try AuthorityState(config) } catch {
            report(Finding(verdict: .bad, subject: subject, text: OperatorFailure(reading: error).message))
            return false
        }
        for flaw in state.flaws { report(Finding(verdict: .bad, subject: subject, text: flaw)) }
        if state.flaws.isEmpty {
            let end = UTCDate(seconds: min(state.root.expiresAtSeconds, state.intermediate.expiresAtSeconds)).day
            let names = state.permittedNames.isEmpty ? "any name" : "\(state.permittedNames.count) names"
            report(Finding(verdict: .good, subject: subject, text: "valid until \(end), may sign for \(names)"))
        }
        return true
    }

    private func checkFiles(_ report: (Finding) -> Void) {
        do throws(CertificateFailure) { try environment.files.refresh() } catch {
            report(Finding(verdict: .bad, subject: "bundle", text: error.description))
        }
    }

    /// Whether leo answers through the proxy listener.
    private func checkProxy(_ report: (Finding) -> Void) -> Bool {
        let subject = "proxy http://\(environment.proxy)"
        do throws(LocalClient.Failure) {
            let context = try trustingRootAlone()
            switch try LocalClient.getCanary(
                through: environment.proxy, credentials: ProxyUser.credentials(in: present, for: environment.proxy),
                trusting: context)
            {
            case .leo(let body):
                report(Finding(verdict: .good, subject: subject, text: "answers \(body)"))
                return true
            case .stranger:
                let text =
                    "shows a certificate of another CA than the one in \(config.authority.rootPath): leo was started "
                    + "with other files, or before the CA was made anew; restart it"
                report(Finding(verdict: .bad, subject: subject, text: text))
            }
        } catch {
            let advice = error == .nobodyListens ? " (\(Operator.command("serve", config)) starts leo)" : ""
            report(Finding(verdict: .bad, subject: subject, text: error.text + advice))
        }
        return false
    }

    private func trustingRootAlone() throws(LocalClient.Failure) -> TLSClientContext {
        let store: TrustStore
        do throws(CertificateFailure) { store = try TrustStore(.file(config.authority.rootPath)) } catch {
            throw LocalClient.Failure(error.description)
        }
        do throws(TLSFailure) { return try TLSClientContext(trust: store) } catch {
            throw LocalClient.Failure(error.detail)
        }
    }

    private func checkAdmin(_ report: (Finding) -> Void) {
        guard let admin = config.listen.admin else { return }
        let subject = "admin http://\(admin)"
        guard admin.port > 0 else {
            return report(Finding(verdict: .skipped, subject: "admin", text: "listen.admin has no fixed port"))
        }
        do throws(LocalClient.Failure) {
            let answer = try LocalClient.get("/readyz", from: admin)
            let verdict: Finding.Verdict = answer.status == 200 ? .good : .bad
            let text = answer.status == 200 ? "leo is ready" : "leo is not ready: \(answer.body)"
            report(Finding(verdict: verdict, subject: subject, text: text))
        } catch { report(Finding(verdict: .bad, subject: subject, text: error.text)) }
    }

    // MARK: The environment

    /// Providers that the present NO_PROXY lets clients reach past leo.
    private func checkNoProxy(_ report: (Finding) -> Void) {
        let hosts = config.providers.rows.filter { !$0.plain }.flatMap { $0.hosts.map(\.sampleHost) }
        for finding in Diagnosis.judgeNoProxy(present, providerHosts: hosts) { report(finding) }
    }

    private var facts: EnvironmentFacts {
        let names = Set(
            ["CURL_CA_BUNDLE", "SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "AWS_CA_BUNDLE", "NODE_EXTRA_CA_CERTS"])
        let root = try? Certificate.readAll(path: config.authority.rootPath)[0].fingerprint
        var trustFiles: [String: EnvironmentFacts.TrustFile] = [:]
        for path in names.compactMap({ present[$0] }) where trustFiles[path] == nil {
            guard let certificates = try? Certificate.readAll(path: path) else {
                trustFiles[path] = .unreadable
                continue
            }
            trustFiles[path] = certificates.contains { $0.fingerprint == root } ? .holdsRoot : .lacksRoot
        }
        return EnvironmentFacts(present: present, wanted: environment, trustFiles: trustFiles)
    }
}
