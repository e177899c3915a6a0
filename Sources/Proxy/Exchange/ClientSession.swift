import Policy
import Wire

/// The requests of one intercepted HTTP/1 connection, one after the other.
///
/// A pipelined request waits in the connection's inbound queue until the answer before it is complete
/// (RFC 9112 section 9.3.2).
struct ClientSession {
    /// SDK heads are 1 to 3 KB; long bearer tokens and a cookie jar need room. nginx allows 4 × 8 KiB, Node 16 KiB.
    private static let headBytesMax = 64 * 1024

    let worker: WorkerState
    let connection: ClientConnection
    let interception: Interception

    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }

    /// Serves requests until either side wants no more.
    func run() async {
        var head = HTTP1Head(.request, headBytesMax: Self.headBytesMax)
        let connector = UpstreamConnector(worker: worker, waiter: waiter, interception: interception)
        while true {
            do {
                guard try await readHead(&head) else { return stream.closeOrderly() }
            } catch {
                return await refuse(error)
            }
            switch await serve(head, connector) {
            case .keep:
                if worker.shared.isDraining { return stream.closeOrderly() }
                head.reset()
            case .close: return stream.closeOrderly()
            case .linger: return await unsafe stream.closeLingering(waiter, scratch: worker.scratch)
            case .cut(let reset): return stream.closeAbruptly(reset: reset)
            }
        }
    }

    private func serve(_ head: HTTP1Head, _ connector: UpstreamConnector) async -> Exchange.Outcome {
        if interception.target == Canary.target {
            return await Canary(worker: worker, connection: connection).answer(head)
        }
        let exchange = Exchange(
            worker: worker, connection: connection, interception: interception, connector: connector)
        return await exchange.run(head)
    }

    /// Reads until a request's head is complete in the inbound queue; false when the client has ended the connection, or
    /// has been silent for long enough between two requests.
    private func readHead(_ head: inout HTTP1Head) async throws(ProxyError) -> Bool {
        defer { connection.isIdle = false }
        waiter.deadline = worker.loop.now.advanced(
            by: stream.inbound.isEmpty ? worker.shared.timeouts.idle : worker.shared.timeouts.head)
        while true {
            if !stream.inbound.isEmpty {
                do throws(HTTP1Error) {
                    if try stream.inbound.withBytes({ bytes throws(HTTP1Error) in try head.parse(bytes) }) {
                        return true
                    }
                } catch { throw ProxyError(error) }
            }
            let wasEmpty = stream.inbound.isEmpty
            switch unsafe stream.tryRead(worker.scratch) {
            case .done(let count):
                let bytes = worker.scratch(count)
                stream.inbound.append(bytes)
                if wasEmpty { waiter.deadline = worker.loop.now.advanced(by: worker.shared.timeouts.head) }
            case .closed, .cut, .failed:
                if stream.inbound.isEmpty { return false }
                throw ProxyError(.clientGone, "the client left in the middle of a request's head")
            case .blocked:
                if stream.inbound.isEmpty {
                    stream.releaseStorage()
                    connection.releaseStorage()
                    connection.isIdle = true
                }
                do { try await stream.sleep(waiter, for: stream.readInterest) } catch {
                    if stream.inbound.isEmpty { return false }
                    throw error == .deadline
                        ? ProxyError(.clientTimeout, "the request's head was not complete within listen.head_timeout")
                        : ProxyError(.draining, "leo is shutting down")
                }
            }
        }
    }

    /// Answers bytes that are no request, in the provider's shape, and ends the connection.
    private func refuse(_ error: ProxyError) async {
        connection.record.begin(.refusal, id: worker.nextExchangeID())
        connection.record.fail(error)
        worker.metrics.add(.faults(error.fault))
        if error.fault != .clientGone {
            connection.record.status = error.fault.status
            LocalAnswer(error: error, api: interception.provider.api, isHead: false).append(to: &stream.outbound)
        }
        AccessLogGate(worker: worker, connection: connection).writeUnreserved()
        guard error.fault != .clientGone else { return stream.closeOrderly() }
        waiter.deadline = worker.loop.now.advanced(by: worker.shared.timeouts.stall)
        do { try await stream.flush(waiter) } catch { return stream.closeAbruptly() }
        await unsafe stream.closeLingering(waiter, scratch: worker.scratch)
    }
}
