import Wire

/// The fields that an answer of leo's own needs beside those that every error has.
extension Fault {
    /// RFC 7235 section 3.2 for the 407, RFC 6585 section 4 for the 429.
    var ownFields: [(name: String, value: String)] {
        if self == .proxyCredentials { return [("Proxy-Authenticate", Challenge.value)] }
        if self == .credentialsLimited {
            return [("Retry-After", "\(FailureLimit.interval.count / 1_000_000_000)")]
        }
        return []
    }
}

/// Asks a client for its user and password (RFC 7617).
enum Challenge {
    /// `charset` tells clients to send UTF-8 (RFC 7617 section 2.1).
    static let value = "Basic realm=\"leo\", charset=\"UTF-8\""
}
