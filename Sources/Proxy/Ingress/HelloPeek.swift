import Policy
import Wire

/// Looks at the first bytes a client sends after its CONNECT, and leaves them to whoever comes next.
struct HelloPeek {
    enum Outcome {
        case hello(ClientHello)
        /// Something else than TLS, or a hello that no TLS library would take.
        case notTLS
        /// Nothing has come yet.
        case silent
        /// The client has left.
        case gone
    }

    let worker: WorkerState
    let connection: ClientConnection

    /// Waits for a whole hello until `deadline`, and for its first byte until `firstByteDeadline`.
    func wait(
        until deadline: MonotonicTime, firstByteBy firstByteDeadline: MonotonicTime? = nil
    ) async throws(ProxyError) -> Outcome {
        let stream = connection.stream
        let waiter = connection.waiter
        let previous = waiter.deadline
        defer { waiter.deadline = previous }
        waiter.deadline = firstByteDeadline ?? deadline
        while true {
            if let outcome = try look() { return outcome }
            if hasFirstByte { waiter.deadline = deadline }
            do { try await stream.sleep(waiter, for: stream.readInterest) } catch {
                switch error {
                case .deadline where hasFirstByte:
                    throw ProxyError(.clientTimeout, "the ClientHello was not complete in time")
                case .deadline: return .silent
                case .cancelled: throw ProxyError(.draining, "leo is shutting down")
                case .broken: return .gone
                }
            }
        }
    }

    /// What can be said now; nil: more bytes are needed.
    private func look() throws(ProxyError) -> Outcome? {
        let look = try connection.stream.look(worker) { bytes -> Outcome? in
            switch ClientHello.peek(bytes) {
            case .needsMore: nil
            case .notTLS, .malformed: .notTLS
            case .hello(let hello): .hello(hello)
            }
        }
        switch look {
        case .found(let outcome): return outcome
        case .more: return nil
        case .ended: return .gone
        }
    }

    private var hasFirstByte: Bool { connection.stream.hasByte(worker) }
}
