import Glibc

/// Moves bytes between two sockets through the kernel, in both directions, with each side's end passed on as it comes.
final class TunnelRelay {
    /// One direction.
    private struct Flow {
        let from: Watcher
        let to: Watcher
        var pipe: Pipe?
        var hasEnded = false
        var isShut = false
        var byteCount: UInt64 = 0

        var waitingBytes: Int { pipe?.count ?? 0 }
    }

    /// Steps without waiting before other connections get their turn.
    private static let turnStepCountMax = 16

    private let worker: WorkerState
    private let waiter: Waiter
    private let idle: Nanoseconds
    private let client: Watcher
    private let upstream: Watcher
    private var up: Flow
    private var down: Flow

    init(worker: WorkerState, client: Watcher, upstream: Watcher, waiter: Waiter) {
        self.worker = worker
        self.waiter = waiter
        idle = worker.shared.timeouts.upstreamIdle
        self.client = client
        self.upstream = upstream
        up = Flow(from: client, to: upstream)
        down = Flow(from: upstream, to: client)
        client.waiter = waiter
        upstream.waiter = waiter
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
        guard client.isReadReady else { return false }
        var byte: UInt8 = 0
        let transfer = unsafe withUnsafeMutableBytes(of: &byte) { unsafe System.peek(client.descriptor, $0) }
        if transfer == .wouldBlock {
            client.isReadReady = false
            return false
        }
        return true
    }

    /// Moves what can be moved now. False when this direction can only wait.
    private func step(_ flow: inout Flow) throws(ProxyError) -> Bool {
        var hasMoved = false
        if flow.waitingBytes == 0, !flow.hasEnded, flow.from.isReadReady {
            do { if flow.pipe == nil { flow.pipe = try worker.pipes.take() } } catch {
                throw ProxyError(.overload, "no pipe for the tunnel: \(error.text)")
            }
            switch flow.pipe!.fill(from: flow.from.descriptor) {
            case .bytes(0): flow.hasEnded = true
            case .bytes: hasMoved = true
            case .wouldBlock: flow.from.isReadReady = false
            case .failed: throw broken(flow.from)
            }
        }
        if flow.waitingBytes > 0, flow.to.isWriteReady {
            switch flow.pipe!.drain(into: flow.to.descriptor) {
            case .bytes(let count):
                flow.byteCount += UInt64(count)
                hasMoved = true
            case .wouldBlock: flow.to.isWriteReady = false
            case .failed: throw broken(flow.to)
            }
        }
        if flow.waitingBytes == 0 {
            if let pipe = flow.pipe, !hasMoved {
                worker.pipes.giveBack(pipe)
                flow.pipe = nil
            }
            if flow.hasEnded, !flow.isShut {
                flow.isShut = true
                Socket.shutdownWrite(flow.to.descriptor)
            }
        }
        return hasMoved
    }

    private func broken(_ watcher: Watcher) -> ProxyError {
        // Whoever resets, the other side shall see a reset too, and not an end in order.
        Socket.resetOnClose(client.descriptor)
        Socket.resetOnClose(upstream.descriptor)
        return watcher === client
            ? ProxyError(.clientGone, "the client reset the tunnel")
            : ProxyError(.upstreamCut, "the upstream reset the tunnel")
    }

    private func sleep(watchingClientOnly: Bool) async throws(ProxyError) {
        waiter.deadline = worker.loop.now.advanced(by: idle)
        client.interest = interest(reading: up, writing: down)
        upstream.interest = interest(reading: down, writing: up)
        if watchingClientOnly { client.interest.insert(.read) }
        switch await waiter.sleep() {
        case .event: return
        case .deadline: throw ProxyError(.upstreamTimeout, "nothing moved through the tunnel for upstream.idle_timeout")
        case .cancelled: throw ProxyError(.draining, "leo was shut down")
        }
    }

    private func interest(reading: Flow, writing: Flow) -> Watcher.Interest {
        var interest: Watcher.Interest = []
        if reading.waitingBytes == 0, !reading.hasEnded { interest.insert(.read) }
        if writing.waitingBytes > 0 { interest.insert(.write) }
        return interest
    }
}
