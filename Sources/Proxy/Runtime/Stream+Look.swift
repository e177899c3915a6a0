import Wire

/// Looking at the bytes that come next without taking them.
///
/// On a plain connection they stay in the socket, from where whoever comes next reads them: OpenSSL, or the kernel's own
/// relay. Through TLS they were decrypted already; they stay in ``Stream/inbound``, and a TLS session that is begun
/// inside takes them from there.
extension Stream {
    /// What a look found.
    enum Look<Found> {
        case found(Found)
        /// Bytes are missing: look again when the stream can be read.
        case more
        /// The peer has left.
        case ended
    }

    /// Shows `body` what has come, from the first byte that nobody has taken, as often as there is more of it, until it
    /// finds something. It is not called as long as there is nothing. What it throws ends the look.
    func look<Found>(
        _ worker: WorkerState, _ body: (Span<UInt8>) throws(ProxyError) -> Found?
    ) throws(ProxyError) -> Look<Found> {
        try hasTLS ? lookThroughTLS(worker, body) : lookAtSocket(worker, body)
    }

    private func lookAtSocket<Found>(
        _ worker: WorkerState, _ body: (Span<UInt8>) throws(ProxyError) -> Found?
    ) throws(ProxyError) -> Look<Found> {
        watcher.isReadReady = false
        switch unsafe System.peek(descriptor, worker.scratch) {
        case .bytes(0), .failed: return .ended
        case .wouldBlock: return watcher.isHungUp ? .ended : .more
        case .bytes(let count):
            if let found = try body(worker.scratch(count)) {
                watcher.isReadReady = true
                return .found(found)
            }
            return watcher.isHungUp || count == WorkerState.scratchBytes ? .ended : .more
        }
    }

    private func lookThroughTLS<Found>(
        _ worker: WorkerState, _ body: (Span<UInt8>) throws(ProxyError) -> Found?
    ) throws(ProxyError) -> Look<Found> {
        while true {
            if !inbound.isEmpty {
                let found = try inbound.withBytes { bytes throws(ProxyError) in try body(bytes) }
                if let found { return .found(found) }
            }
            guard inbound.count < WorkerState.scratchBytes else { return .ended }
            switch unsafe tryRead(worker.scratch) {
            case .done(let count): inbound.append(worker.scratch(count))
            case .blocked: return .more
            case .closed, .cut, .failed: return .ended
            }
        }
    }

    /// Takes `byteCount` bytes that a look has shown, for good.
    func skip(_ byteCount: Int, _ worker: WorkerState) {
        guard !hasTLS else { return inbound.consume(byteCount) }
        _ = unsafe System.read(descriptor, UnsafeMutableRawBufferPointer(rebasing: worker.scratch[0..<byteCount]))
    }

    /// Whether there is a byte that nobody has taken.
    func hasByte(_ worker: WorkerState) -> Bool {
        if hasTLS { return !inbound.isEmpty }
        var byte: UInt8 = 0
        return unsafe withUnsafeMutableBytes(of: &byte) { unsafe System.peek(descriptor, $0) } == .bytes(1)
    }
}
