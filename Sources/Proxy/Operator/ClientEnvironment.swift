import Policy

/// The variables that send a program's traffic through leo and make it trust leo's CA.
///
/// No two runtimes read the same ones, so all are set. Every trust variable but Node's names the file that a runtime
/// takes in place of its own roots; `docs/trust.md` has the table.
struct ClientEnvironment: Equatable, Sendable {
    /// A name and a value, not quoted.
    struct Variable: Equatable, Sendable {
        let name: String
        let value: String
    }

    /// Where clients reach leo.
    let proxy: IPEndpoint
    /// What they are pointed at.
    let files: TrustFiles
    /// In the order in which they are written.
    let variables: [Variable]

    /// The names and addresses that clients reach by themselves: this machine, the cloud's metadata services, which leo
    /// refuses in any case, and a Kubernetes cluster's own services.
    ///
    /// Kept to forms that every runtime reads: no networks, and the IPv6 loopback without brackets, because some
    /// versions of Python's httpx fail on anything else.
    static let directHosts = [
        "localhost", "127.0.0.1", "::1", "169.254.169.254", "169.254.170.2", "metadata.google.internal", ".svc",
        ".cluster.local",
    ]

    /// The name of Java's variable, the one that is added to rather than replaced.
    static let javaName = "JAVA_TOOL_OPTIONS"

    /// The variables for a proxy at this address and these files, whose paths are absolute.
    init(proxy: IPEndpoint, files: TrustFiles) {
        self.proxy = proxy
        self.files = files
        let address = "http://\(proxy)"
        let direct = Self.directHosts.joined(separator: ",")
        let pairs: [(String, String)] = [
            ("HTTPS_PROXY", address), ("https_proxy", address), ("NO_PROXY", direct), ("no_proxy", direct),
            ("SSL_CERT_FILE", files.bundle), ("REQUESTS_CA_BUNDLE", files.bundle), ("CURL_CA_BUNDLE", files.bundle),
            ("AWS_CA_BUNDLE", files.bundle), ("GRPC_DEFAULT_SSL_ROOTS_FILE_PATH", files.bundle),
            ("CODEX_CA_CERTIFICATE", files.bundle), ("NODE_EXTRA_CA_CERTS", files.root), ("NODE_USE_ENV_PROXY", "1"),
            (Self.javaName, JavaOptions(proxy: proxy, trustStore: files.javaStore).text),
        ]
        variables = pairs.map { Variable(name: $0.0, value: $0.1) }
    }

    /// The variable's value.
    subscript(name: String) -> String? { variables.first { $0.name == name }?.value }

    /// The variables as they are to be set beside `present` ones: Java's options go behind those that are there, of
    /// which the JVM takes the last. Does not add them twice.
    func variables(beside present: [String: String]) -> [Variable] {
        variables.map { variable in
            guard variable.name == Self.javaName, let old = present[Self.javaName], !old.isEmpty else {
                return variable
            }
            if old == variable.value || old.hasSuffix(" " + variable.value) {
                return Variable(name: variable.name, value: old)
            }
            return Variable(name: variable.name, value: "\(old) \(variable.value)")
        }
    }

    /// The present variables with these in their place.
    func merged(into present: [String: String]) -> [String: String] {
        var merged = present
        for variable in variables(beside: present) { merged[variable.name] = variable.value }
        return merged
    }
}

extension ClientEnvironment {
    /// The variables for this configuration.
    ///
    /// - Parameter proxyAddress: what clients reach leo at when that is not `listen.proxy`: its port may be 0, or the
    ///   text may be meant for another machine.
    init(_ config: Config, proxyAddress: String?) throws(OperatorFailure) {
        let files = TrustFiles(rootPath: config.authority.rootPath)
        if let proxyAddress {
            guard let endpoint = IPEndpoint.parse(proxyAddress), endpoint.port > 0 else {
                throw OperatorFailure("--proxy \(proxyAddress): not an address and port like 127.0.0.1:8889")
            }
            self.init(proxy: endpoint, files: files)
            return
        }
        guard config.listen.proxy.port > 0 else {
            throw OperatorFailure(
                "listen.proxy lets the system choose a port: name it with --proxy (leo serve says which one it is)")
        }
        self.init(proxy: config.listen.proxy, files: files)
    }
}

/// The options that make a JVM use leo: it reads no proxy variable and no PEM file.
struct JavaOptions: Equatable, Sendable {
    private let options: [String]

    init(proxy: IPEndpoint, trustStore: String) {
        let direct = ClientEnvironment.directHosts.map { host in
            host == "::1" ? "[::1]" : host == "127.0.0.1" ? "127.*" : host.hasPrefix(".") ? "*\(host)" : host
        }
        options = [
            "-Dhttps.proxyHost=\(proxy.address)", "-Dhttps.proxyPort=\(proxy.port)",
            "-Dhttp.nonProxyHosts=\(direct.joined(separator: "|"))", "-Djavax.net.ssl.trustStore=\(trustStore)",
            "-Djavax.net.ssl.trustStoreType=PKCS12",
            "-Djavax.net.ssl.trustStorePassword=\(TrustBundle.javaPassword)",
        ]
    }

    /// The variable's value.
    var text: String { options.map(Self.quoted).joined(separator: " ") }

    /// The options without which nothing works, as they stand in the variable, and how each of their kind begins.
    var distinctive: [(option: String, beginning: String)] {
        ["-Dhttps.proxyHost=", "-Dhttps.proxyPort=", "-Djavax.net.ssl.trustStore="].compactMap { beginning in
            options.first { $0.hasPrefix(beginning) }.map { (Self.quoted($0), beginning) }
        }
    }

    /// As HotSpot takes the variable apart: white space separates, either kind of quote holds it together, and there is
    /// no escape, so a text with both kinds is put together from pieces.
    private static func quoted(_ option: String) -> String {
        guard option.contains(where: { $0.isWhitespace || $0 == "'" || $0 == "\"" }) else { return option }
        var text = ""
        var piece = ""
        var quote: Character = "\""
        func close() {
            if !piece.isEmpty { text += "\(quote)\(piece)\(quote)" }
            piece = ""
        }
        for character in option {
            if character == quote {
                close()
                quote = quote == "\"" ? "'" : "\""
            }
            piece.append(character)
        }
        close()
        return text
    }
}
