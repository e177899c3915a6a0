import Policy
import Wire

/// Looks at the first bytes a client sends after its CONNECT, and leaves them in the socket.
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
            if let outcome = look() { return outcome }
            if hasFirstByte { waiter.deadline = deadline }
            do { try await stream.sleep(waiter, for: .read) } catch {
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
    func look() -> Outcome? {
        let watcher = connection.stream.watcher
        watcher.isReadReady = false
        switch unsafe System.peek(watcher.descriptor, worker.scratch) {
        case .bytes(0), .failed: return .gone
        case .wouldBlock: return watcher.isHungUp ? .gone : nil
        case .bytes(let count):
            let bytes = worker.scratch(count)
            switch ClientHello.peek(bytes) {
            case .needsMore: return unsafe watcher.isHungUp || count == worker.scratch.count ? .gone : nil
            case .notTLS, .malformed:
                watcher.isReadReady = true
                return .notTLS
            case .hello(let hello):
                watcher.isReadReady = true
                return .hello(hello)
            }
        }
    }

    private var hasFirstByte: Bool {
        var byte: UInt8 = 0
        let transfer = unsafe withUnsafeMutableBytes(of: &byte) {
            unsafe System.peek(connection.stream.descriptor, $0)
        }
        return transfer == .bytes(1)
    }
}
