import Policy
import Wire

/// A CONNECT to a parent proxy over a connection to it, up to the point where the bytes are the target's.
struct ParentRequest {
    let worker: WorkerState
    let parent: Route.Parent
    let credentials: ParentCredentials?
    let stream: Stream
    let waiter: Waiter

    private var name: HostPort { parent.proxy.address }

    /// Asks for the target and returns when the parent has opened the way. What it may have sent of the target's words
    /// is still to be read.
    func run(isAbandoned: () -> Bool) async throws(ProxyError) {
        stream.watcher.waiter = waiter
        defer { stream.watcher.waiter = nil }
        try await send(isAbandoned)
        var answer = ParentAnswer(from: parent, hasCredentials: credentials != nil)
        while try receive(&answer) == false {
            try await sleep(for: stream.readInterest, isAbandoned)
        }
    }

    /// The request, which goes straight from memory that is wiped to the socket.
    private func send(_ isAbandoned: () -> Bool) async throws(ProxyError) {
        let text = "CONNECT \(parent.target) HTTP/1.1\r\nHost: \(parent.target)\r\n"
        let request = SecretBytes(byteCount: text.utf8.count + (credentials?.byteCount ?? 0) + 2)
        request.append(text.utf8)
        credentials?.append(to: request)
        request.append("\r\n".utf8)
        var sentCount = 0
        while true {
            let attempt = unsafe request.withBytes { bytes in
                unsafe stream.tryWrite(UnsafeRawBufferPointer(rebasing: bytes[sentCount...]))
            }
            switch attempt {
            case .done(let count):
                sentCount += count
                if unsafe sentCount == request.withBytes({ bytes in bytes.count }) { return }
            case .blocked: try await sleep(for: stream.writeInterest, isAbandoned)
            case .closed, .cut, .failed: throw closed
            }
        }
    }

    /// Whether the answer is there and good. What follows it belongs to the target.
    private func receive(_ answer: inout ParentAnswer) throws(ProxyError) -> Bool {
        stream.hasTLS ? try receiveThroughTLS(&answer) : try receivePlain(&answer)
    }

    /// The answer is peeked and then taken to the byte: the rest may be for the kernel to relay, or for TLS to read.
    private func receivePlain(_ answer: inout ParentAnswer) throws(ProxyError) -> Bool {
        while true {
            stream.watcher.isReadReady = false
            switch unsafe System.peek(stream.descriptor, worker.scratch) {
            case .bytes(0), .failed: throw closed
            case .wouldBlock: return false
            case .bytes(let count):
                switch try answer.read(worker.scratch(count)) {
                case .needsMore:
                    if stream.watcher.isHungUp { throw closed }
                    return false
                case .interim(let byteCount): take(byteCount)
                case .open(let byteCount):
                    take(byteCount)
                    stream.watcher.isReadReady = true
                    return true
                }
            }
        }
    }

    /// What was read beyond the answer stays in the stream's queue, where the next reader begins.
    private func receiveThroughTLS(_ answer: inout ParentAnswer) throws(ProxyError) -> Bool {
        while true {
            let step = try stream.inbound.withBytes { bytes throws(ProxyError) in try answer.read(bytes) }
            switch step {
            case .needsMore: break
            case .interim(let byteCount):
                stream.inbound.consume(byteCount)
                continue
            case .open(let byteCount):
                stream.inbound.consume(byteCount)
                return true
            }
            guard stream.mayRead else { return false }
            switch unsafe stream.tryRead(worker.scratch) {
            case .done(let count): stream.inbound.append(worker.scratch(count))
            case .blocked: return false
            case .closed, .cut, .failed: throw closed
            }
        }
    }

    private func take(_ byteCount: Int) {
        _ = unsafe System.read(
            stream.descriptor, UnsafeMutableRawBufferPointer(rebasing: worker.scratch[0..<byteCount]))
    }

    private func sleep(for interest: Watcher.Interest, _ isAbandoned: () -> Bool) async throws(ProxyError) {
        stream.watcher.interest = interest
        switch await waiter.sleep() {
        case .event: break
        case .deadline:
            throw ProxyError(
                .connectTimeout, "the parent proxy \(name) did not answer CONNECT \(parent.target) in time")
        case .cancelled: throw ProxyError(.draining, "leo is shutting down")
        }
        if isAbandoned() { throw ProxyError(.clientGone, "the client left while the parent proxy connected") }
    }

    private var closed: ProxyError {
        ProxyError(.viaFailed, "the parent proxy \(name) closed the connection in place of an answer to CONNECT")
    }
}
