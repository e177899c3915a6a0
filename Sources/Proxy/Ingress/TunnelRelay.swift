import Glibc

/// Moves bytes between two connections in both directions, with each side's end passed on as it comes: through the kernel
/// where both are plain, else through leo.
final class TunnelRelay {
    /// One direction.
    private struct Flow {
        let from: Stream
        let to: Stream
        /// Whether the kernel can move the bytes by itself.
        let isPlain: Bool
        var pipe: Pipe?
        var hasEnded = false
        var isShut = false
        var byteCount: UInt64 = 0

        init(from: Stream, to: Stream) {
            self.from = from
            self.to = to
            isPlain = !from.hasTLS && !to.hasTLS
        }

        var waitingBytes: Int { isPlain ? pipe?.count ?? 0 : to.outbound.count }
    }

    /// Steps without waiting before other connections get their turn.
    private static let turnStepCountMax = 16

    private let worker: WorkerState
    private let waiter: Waiter
    private let idle: Nanoseconds
    private let client: Stream
    private let upstream: Stream
    private var up: Flow
    private var down: Flow

    init(worker: WorkerState, client: Stream, upstream: Stream, waiter: Waiter) {
        self.worker = worker
        self.waiter = waiter
        idle = worker.shared.timeouts.upstreamIdle
        self.client = client
        self.upstream = upstream
        up = Flow(from: client, to: upstream)
        down = Flow(from: upstream, to: client)
        client.attach(waiter)
        upstream.attach(waiter)
    }

    /// Bytes from the client.
    var bytesUp: UInt64 { up.byteCount }
    /// Bytes to the client.
    var bytesDown: UInt64 { down.byteCount }

    /// Relays what the upstream says until the client has something to say, which stays unread. False: the upstream has
    /// ended the connection first.
    func runUntilClientSpeaks() async throws(ProxyError) -> Bool {
        while true {
            if hasClientSpoken() { return true }
            let moved = try step(&down)
            if down.isShut { return false }
            if !moved { try await sleep(watchingClientOnly: true) }
        }
    }

    /// Relays until both sides have ended or nothing has moved for `upstream.idle_timeout`.
    func run() async throws(ProxyError) {
        var stepCount = 0
        while !(up.isShut && down.isShut) {
            let hasMoved = try step(&up)
            let hasMovedDown = try step(&down)
            if hasMoved || hasMovedDown {
                stepCount += 1
                if stepCount > Self.turnStepCountMax {
                    stepCount = 0
                    await worker.loop.yield()
                }
                continue
            }
            stepCount = 0
            if up.isShut, down.isShut { return }
            try await sleep(watchingClientOnly: false)
        }
    }

    private func hasClientSpoken() -> Bool {
        if client.hasTLS { return hasClientSpokenInTLS() }
        guard client.watcher.isReadReady else { return false }
        var byte: UInt8 = 0
        let transfer = unsafe withUnsafeMutableBytes(of: &byte) { unsafe System.peek(client.descriptor, $0) }
        if transfer == .wouldBlock {
            client.watcher.isReadReady = false
            return false
        }
        return true
    }

    /// What it has said is decrypted then, and stays to be read.
    private func hasClientSpokenInTLS() -> Bool {
        guard client.inbound.isEmpty else { return true }
        guard client.mayRead else { return false }
        switch unsafe client.tryRead(worker.scratch) {
        case .blocked: return false
        case .done(let count):
            client.inbound.append(worker.scratch(count))
            return true
        case .closed, .cut, .failed: return true
        }
    }

    /// Moves what can be moved now. False when this direction can only wait.
    private func step(_ flow: inout Flow) throws(ProxyError) -> Bool {
        flow.isPlain ? try splice(&flow) : try copy(&flow)
    }

    private func splice(_ flow: inout Flow) throws(ProxyError) -> Bool {
        var hasMoved = false
        if flow.waitingBytes == 0, !flow.hasEnded, flow.from.watcher.isReadReady {
            do { if flow.pipe == nil { flow.pipe = try worker.pipes.take() } } catch {
                throw ProxyError(.overload, "no pipe for the tunnel: \(error.text)")
            }
            switch flow.pipe!.fill(from: flow.from.descriptor) {
            case .bytes(0): flow.hasEnded = true
            case .bytes: hasMoved = true
            case .wouldBlock: flow.from.watcher.isReadReady = false
            case .failed: throw broken(flow.from)
            }
        }
        if flow.waitingBytes > 0, flow.to.watcher.isWriteReady {
            switch flow.pipe!.drain(into: flow.to.descriptor) {
            case .bytes(let count):
                flow.byteCount += UInt64(count)
                hasMoved = true
            case .wouldBlock: flow.to.watcher.isWriteReady = false
            case .failed: throw broken(flow.to)
            }
        }
        if flow.waitingBytes == 0 {
            if let pipe = flow.pipe, !hasMoved {
                worker.pipes.giveBack(pipe)
                flow.pipe = nil
            }
            end(&flow)
        }
        return hasMoved
    }

    /// The same where TLS is on either side: at most one read's worth waits, in the outbound queue of the receiver.
    private func copy(_ flow: inout Flow) throws(ProxyError) -> Bool {
        var hasMoved = false
        if flow.to.outbound.isEmpty, !flow.hasEnded {
            if !flow.from.inbound.isEmpty {
                swap(&flow.from.inbound, &flow.to.outbound)
                hasMoved = true
            } else if flow.from.mayRead {
                switch unsafe flow.from.tryRead(worker.scratch) {
                case .done(let count):
                    flow.to.outbound.append(worker.scratch(count))
                    hasMoved = true
                case .blocked: break
                case .closed: flow.hasEnded = true
                case .cut, .failed: throw broken(flow.from)
                }
            }
        }
        let waitingBytes = flow.to.outbound.count
        if waitingBytes > 0, flow.to.mayWrite {
            switch flow.to.tryFlush() {
            case .done, .blocked: break
            case .closed, .cut, .failed: throw broken(flow.to)
            }
            flow.byteCount += UInt64(waitingBytes - flow.to.outbound.count)
            if flow.to.outbound.count < waitingBytes { hasMoved = true }
        }
        if flow.to.outbound.isEmpty {
            flow.to.outbound.releaseStorage()
            end(&flow)
        }
        return hasMoved
    }

    /// Passes the end of one side on, once everything before it has been.
    private func end(_ flow: inout Flow) {
        guard flow.hasEnded, !flow.isShut else { return }
        flow.isShut = true
        flow.to.endWriting()
    }

    private func broken(_ side: Stream) -> ProxyError {
        // Whoever resets, the other side shall see a reset too, and not an end in order.
        client.closeAbruptly(reset: true)
        upstream.closeAbruptly(reset: true)
        return side === client
            ? ProxyError(.clientGone, "the client reset the tunnel")
            : ProxyError(.upstreamCut, "the upstream reset the tunnel")
    }

    private func sleep(watchingClientOnly: Bool) async throws(ProxyError) {
        waiter.deadline = worker.loop.now.advanced(by: idle)
        client.expect(interest(of: client, reading: up, writing: down, always: watchingClientOnly))
        upstream.expect(interest(of: upstream, reading: down, writing: up))
        switch await waiter.sleep() {
        case .event: return
        case .deadline: throw ProxyError(.upstreamTimeout, "nothing moved through the tunnel for upstream.idle_timeout")
        case .cancelled: throw ProxyError(.draining, "leo was shut down")
        }
    }

    private func interest(
        of side: Stream, reading: Flow, writing: Flow, always: Bool = false
    ) -> Watcher.Interest {
        var interest: Watcher.Interest = []
        if always || reading.waitingBytes == 0 && !reading.hasEnded { interest.formUnion(side.readInterest) }
        if writing.waitingBytes > 0 { interest.formUnion(side.writeInterest) }
        return interest
    }
}
