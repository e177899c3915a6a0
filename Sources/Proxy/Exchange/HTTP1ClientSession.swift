import Policy
import Wire

/// The requests of one HTTP/1 connection, one after the other.
struct HTTP1ClientSession {
    let router: Router

    private var worker: WorkerState { router.worker }
    private var connection: ClientConnection { router.connection }
    private var stream: Stream { connection.stream }
    private var waiter: Waiter { connection.waiter }

    /// Serves requests until either side wants no more.
    func run() async {
        let client = HTTP1ClientEnd(worker: worker, stream: stream, waiter: waiter)
        while true {
            let connector: UpstreamConnector
            let policy: PolicySnapshot
            do {
                guard try await readHead(client) else { return stream.closeOrderly() }
                client.beginRequest()
                policy = worker.policy
                connector = try await router.connector(for: client, policy)
            } catch {
                return await refuse(error, client)
            }
            switch await serve(client, connector, policy) {
            case .complete where client.mayStillSend: return await linger()
            case .complete where client.closesNow || worker.shared.isDraining: return stream.closeOrderly()
            case .complete: client.endRequest()
            case .answered: return await linger()
            case .gone: return stream.closeOrderly()
            case .cut(let reset): return stream.closeAbruptly(reset: reset)
            }
        }
    }

    private func serve(
        _ client: HTTP1ClientEnd, _ connector: UpstreamConnector, _ policy: PolicySnapshot
    ) async -> Exchange.Outcome {
        if connector.interception.target == Canary.target {
            return await Canary(worker: worker, journal: connection.journal, client: client).answer()
        }
        let exchange = Exchange(
            worker: worker, journal: connection.journal, client: client, interception: connector.interception,
            connector: connector, policy: policy)
        return await exchange.run()
    }

    private func linger() async { await unsafe stream.closeLingering(waiter, scratch: worker.scratch) }

    /// Reads until a request's head is complete; false when the client has ended the connection, or has been silent for
    /// long enough between two requests.
    private func readHead(_ client: HTTP1ClientEnd) async throws(ProxyError) -> Bool {
        defer { connection.isIdle = false }
        waiter.deadline = worker.loop.now.advanced(
            by: stream.inbound.isEmpty ? worker.shared.timeouts.idle : worker.shared.timeouts.head)
        while true {
            do throws(HTTP1Error) { if try client.parseHead() { return true } } catch { throw ProxyError(error) }
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
                    client.releaseStorage()
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

    /// Answers what is no request, or is for nobody that leo knows, and ends the connection.
    private func refuse(_ error: ProxyError, _ client: HTTP1ClientEnd) async {
        router.forget()
        connection.record.begin(.refusal, id: worker.nextExchangeID())
        client.describe(in: &connection.record)
        connection.record.fail(error)
        worker.metrics.add(.faults(error.fault))
        if error.fault != .clientGone {
            connection.record.status = error.fault.status
            LocalAnswer(error: error, api: router.api, isHead: client.isHead)
                .append(to: &stream.outbound, closing: true)
        }
        AccessLogGate(worker: worker, connection: connection).writeUnreserved()
        guard error.fault != .clientGone else { return stream.closeOrderly() }
        waiter.deadline = worker.loop.now.advanced(by: worker.shared.timeouts.stall)
        do { try await stream.flush(waiter) } catch { return stream.closeAbruptly() }
        await linger()
    }
}
