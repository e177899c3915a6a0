/// What came of one request that a runtime made to the canary.
struct ProbeResult: Equatable, Sendable {
    /// What happened, as far as it makes a difference to the advice.
    enum Outcome: Equatable, Sendable {
        /// leo answered.
        case works
        /// The runtime looked the canary's name up itself, or was answered by somebody else.
        case bypasses
        /// It came through, and did not trust leo's certificate, or could not read the file that would make it.
        case distrusts
        /// Nothing listens where it was told that the proxy is.
        case unreachable
        /// The proxy it was told does not do what leo does.
        case refused
        /// Nothing came of it in time.
        case silent
        /// Anything else.
        case fails
    }

    let outcome: Outcome
    /// The runtime's own last words, in one line.
    let detail: String
}

extension ProbeResult {
    /// Reads what a probe's program wrote. Every runtime has its own words for the same few things.
    init(_ ending: ChildProcess.Ending) {
        let everything = ending.output + "\n" + ending.errors
        detail = Self.lastWords(of: ending)
        if ending.cause == .exited(0) {
            outcome = ending.output.contains("\"leo\":\"") ? .works : .bypasses
        } else if ending.cause == .stopped {
            outcome = .silent
        } else {
            outcome = Self.signs.first { sign in everything.contains(sign.words) }?.outcome ?? .fails
        }
    }

    /// The first that is found decides: a message about trust may well hold words about the connection, too.
    private static let signs: [(words: String, outcome: Outcome)] = [
        // OpenSSL, in curl and in Python.
        ("certificate verify failed", .distrusts), ("CERTIFICATE_VERIFY_FAILED", .distrusts),
        ("SSL certificate problem", .distrusts),
        // curl's and Python's ways to say that the file is not there.
        ("error setting certificate", .distrusts), ("error adding trust anchors", .distrusts),
        ("load_verify_locations", .distrusts), ("Could not find a suitable TLS CA certificate bundle", .distrusts),
        // Node.
        ("SELF_SIGNED_CERT_IN_CHAIN", .distrusts), ("UNABLE_TO_GET_ISSUER_CERT", .distrusts),
        ("UNABLE_TO_VERIFY_LEAF_SIGNATURE", .distrusts), ("self-signed certificate", .distrusts),
        // Java.
        ("PKIX path", .distrusts), ("trustAnchors parameter must be non-empty", .distrusts),
        ("Cannot load keystore", .distrusts), ("keystore password was incorrect", .distrusts),
        // Go.
        ("x509: ", .distrusts),
        // What proxies are told about themselves.
        ("Could not resolve proxy", .unreachable), ("Connection refused", .unreachable),
        ("ECONNREFUSED", .unreachable), ("connection refused", .unreachable), ("Failed to connect", .unreachable),
        ("Tunnel connection failed", .refused), ("CONNECT tunnel failed", .refused),
        ("Received HTTP code", .refused), ("Unable to tunnel through proxy", .refused),
        // Names.
        ("Could not resolve host", .bypasses), ("Name or service not known", .bypasses),
        ("Temporary failure in name resolution", .bypasses), ("No address associated with hostname", .bypasses),
        ("getaddrinfo", .bypasses), ("ENOTFOUND", .bypasses), ("EAI_AGAIN", .bypasses),
        ("UnresolvedAddressException", .bypasses), ("UnknownHostException", .bypasses),
        ("no such host", .bypasses), ("server misbehaving", .bypasses),
    ]

    /// The last line of the errors that says something: below a traceback stands the message.
    private static func lastWords(of ending: ChildProcess.Ending) -> String {
        let lines = ending.errors.split(whereSeparator: \.isNewline).filter { line in
            line.contains { $0.isLetter } && !line.hasPrefix("Picked up JAVA") && !line.hasPrefix("\tat ")
                && !line.hasPrefix("Node.js v") && !line.contains("More details here: https://curl")
        }
        // Java says the cause last, and what happened first.
        let javaHead = lines.first { $0.hasPrefix("Exception in thread") }
        return OneLine.of(javaHead ?? lines.last ?? "")
    }
}
