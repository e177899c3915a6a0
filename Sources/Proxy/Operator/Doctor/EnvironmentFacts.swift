import Policy

/// What the doctor knows about the environment that it was started in, compared with what `leo env` says.
struct EnvironmentFacts: Equatable, Sendable {
    /// What a file that a trust variable names is good for.
    enum TrustFile: Equatable, Sendable {
        case holdsRoot
        case lacksRoot
        case unreadable
    }

    /// Something that keeps a runtime from leo, and what to set instead.
    struct Problem: Equatable, Sendable {
        let text: String
        let remedy: String
    }

    /// The variables as they are.
    let present: [String: String]
    /// The variables as they should be.
    let wanted: ClientEnvironment
    /// The files that trust variables name, by their paths.
    let trustFiles: [String: TrustFile]

    /// Everything in the environment that keeps this runtime from leo, the proxy first.
    func problems(of runtime: Runtime) -> [Problem] {
        switch runtime.kind {
        case .java: javaProblems
        case .node(true): proxyProblems(runtime) + nodeProblems + trustProblems(runtime)
        case .node(false), .curl, .python, .go: proxyProblems(runtime) + trustProblems(runtime)
        }
    }

    // MARK: The proxy

    private func proxyProblems(_ runtime: Runtime) -> [Problem] {
        var problems: [Problem] = []
        if let name = effective(runtime.proxyNames), let value = present[name] {
            if !Self.isLeo(value, wanted.proxy) {
                problems.append(
                    Problem(text: "\(name) is \(OneLine.of(ProxyUser.hidden(in: value)))", remedy: assignment(name)))
            }
        } else {
            problems.append(Problem(text: "HTTPS_PROXY is not set", remedy: assignment("HTTPS_PROXY")))
        }
        for name in ["NO_PROXY", "no_proxy"] where NoProxyList(present[name] ?? "").entries.contains("*") {
            problems.append(Problem(text: "\(name) has *", remedy: assignment(name)))
        }
        return problems
    }

    private var nodeProblems: [Problem] {
        if present["NODE_USE_ENV_PROXY"] == "1" { return [] }
        return [Problem(text: "NODE_USE_ENV_PROXY is not 1", remedy: assignment("NODE_USE_ENV_PROXY"))]
    }

    /// Whether a proxy variable's value means leo at `proxy`.
    static func isLeo(_ value: String, _ proxy: IPEndpoint) -> Bool {
        var rest = value[...]
        if let mark = rest.firstRange(of: "://") {
            guard rest[..<mark.lowerBound].lowercased() == "http" else { return false }
            rest = rest[mark.upperBound...]
        }
        if let slash = rest.firstIndex(of: "/") { rest = rest[..<slash] }
        if let at = rest.lastIndex(of: "@") { rest = rest[rest.index(after: at)...] }
        guard let target = HostPort.parse(String(rest)), target.port == proxy.port else { return false }
        if target.host == "localhost" { return proxy.address.isLoopback }
        return target.address == proxy.address
    }

    // MARK: Trust

    private func trustProblems(_ runtime: Runtime) -> [Problem] {
        guard let recommended = runtime.trustNames.first else { return [] }
        guard let name = effective(runtime.trustNames), let path = present[name] else {
            return [Problem(text: "\(recommended) is not set", remedy: assignment(recommended))]
        }
        let text: String
        switch trustFiles[path] {
        case .holdsRoot: return []
        case .lacksRoot: text = "\(name) names \(OneLine.of(path)), which does not hold leo's root"
        case .unreadable, nil: text = "\(name) names \(OneLine.of(path)), which cannot be read"
        }
        return [Problem(text: text, remedy: assignment(name))]
    }

    private var javaProblems: [Problem] {
        let text = [ClientEnvironment.javaName, "JDK_JAVA_OPTIONS"].compactMap { present[$0] }.joined(separator: " ")
        let wanted = JavaOptions(proxy: wanted.proxy, trustStore: wanted.files.javaStore)
        let remedy = "\(ClientEnvironment.javaName) as leo env prints it"
        return wanted.distinctive.compactMap { option, beginning in
            if text.contains(option) { return nil }
            let has = text.contains(beginning) ? "has another" : "has no"
            return Problem(text: "\(ClientEnvironment.javaName) \(has) \(beginning.dropLast())", remedy: remedy)
        }
    }

    // MARK: Helpers

    private func effective(_ names: [String]) -> String? { names.first { !(present[$0] ?? "").isEmpty } }

    private func assignment(_ name: String) -> String {
        let value = wanted[name] ?? ""
        return "\(name)=\(ShellForm.isPlain(value) ? value : ShellForm.singleQuoted(value))"
    }
}
