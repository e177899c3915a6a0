import Wire

/// What `/healthz` and `/readyz` answer: pure functions of what leo knows about itself.
enum Health {
    /// What readiness depends on.
    enum Check: String, CaseIterable, Sendable {
        /// leo's CA can sign for every intercepted host.
        case authority = "ca"
        /// Every configured address is being listened on.
        case listeners
        /// The access log takes lines.
        case accessLog = "access_log"
        /// leo is not shutting down.
        case draining

        /// Whether a pod should stop getting work because of it. A full log is the node's trouble, which moving work
        /// to another pod of the node does not mend.
        var countsForPod: Bool {
            switch self {
            case .authority, .listeners, .draining: true
            case .accessLog: false
            }
        }
    }

    /// How a check came out.
    enum Result: Equatable, Sendable {
        case good
        /// Works, but somebody should look: the sentence says why.
        case warning(String)
        /// Does not work: the sentence says why.
        case failed(String)
    }

    /// A status and a JSON body that ends with a line feed.
    struct Answer: Equatable, Sendable {
        var status: Int
        var body: [UInt8]
    }

    /// The media type of the bodies.
    static let contentType = "application/json"

    /// Whether the process lives: it does if it can answer.
    static func live(version: String, uptimeSeconds: UInt64) -> Answer {
        var body = ByteQueue()
        var line = JSONLine(appendingTo: &body)
        line.field("status", "ok")
        line.field("version", version)
        line.field("uptime_seconds", uptimeSeconds)
        line.finish(into: &body)
        return Answer(status: 200, body: bytes(of: body))
    }

    /// Whether leo can do its work: 200, or 503 if a check failed that counts.
    ///
    /// `forPod` is the question `/readyz?for=pod`, for which some checks are shown and not counted.
    static func ready(_ results: [(check: Check, result: Result)], forPod: Bool = false) -> Answer {
        let isReady = results.allSatisfy { check, result in
            if forPod, !check.countsForPod { return true }
            switch result {
            case .good, .warning: return true
            case .failed: return false
            }
        }
        var body = ByteQueue()
        var line = JSONLine(appendingTo: &body)
        line.field("status", isReady ? "ready" : "not_ready")
        line.openObject("checks")
        for (check, result) in results {
            line.openObject(check.rawValue)
            switch result {
            case .good: line.field("status", "ok")
            case .warning(let why):
                line.field("status", "warning")
                line.field("reason", why)
            case .failed(let why):
                line.field("status", "failed")
                line.field("reason", why)
            }
            line.closeObject()
        }
        line.closeObject()
        line.finish(into: &body)
        return Answer(status: isReady ? 200 : 503, body: bytes(of: body))
    }

    private static func bytes(of queue: borrowing ByteQueue) -> [UInt8] {
        let bytes = queue.bytes
        return bytes.indices.map { bytes[$0] }
    }
}
