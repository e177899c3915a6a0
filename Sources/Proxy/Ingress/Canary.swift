import Policy
import Wire

/// A host that exists nowhere but in leo: whoever gets an answer from it came through leo and trusts leo's CA.
///
/// `leo doctor` sends every runtime there. The name lies under `.internal`, the top-level domain that ICANN has reserved
/// for private use: no public name server will ever know it, so a client that goes around the proxy fails on the name
/// instead of reaching somebody else. leo's CA may sign for it whatever the file says, nothing is dialled, and the
/// answer holds leo's version and nothing of the request.
struct Canary {
    /// The name.
    static let host = "doctor.leo.internal"
    /// What a client's CONNECT asks for.
    static let target = HostPort(host: host, port: 443)
    /// What a client is told to fetch.
    static let address = "https://\(host)/"
    /// Stands for the provider, in the log line too.
    static let provider = Provider(name: "leo", api: .openai, hosts: [HostPattern(target)])

    /// The answer's body, in which a client finds what it came for.
    static let body = "{\"leo\":\"\(Version.text)\",\"ok\":true}"

    let worker: WorkerState
    let connection: ClientConnection

    private var client: Stream { connection.stream }

    /// Answers the request whose head stands at the front of the client's inbound queue.
    ///
    /// A body is not read: the answer ends the connection then, and what still comes is dropped.
    func answer(_ head: HTTP1Head) async -> Exchange.Outcome {
        let startedAt = worker.loop.now
        let gate = AccessLogGate(worker: worker, connection: connection)
        connection.record.begin(.exchange, id: worker.nextExchangeID())
        client.inbound.withBytes { bytes in
            connection.record.take(head, from: bytes)
            connection.record.keep(bytes.extracting(head.path), as: .path)
        }
        client.inbound.consume(head.byteCount)
        let hasBody = head.requestFraming != .none && head.requestFraming != .length(0)
        let closes = hasBody || !head.keepsAlive || worker.shared.isDraining
        var outcome: Exchange.Outcome = hasBody ? .linger : closes ? .close : .keep
        var hasSlot: Bool?
        do {
            hasSlot = try await gate.reserve()
            append(isHead: head.method == .head, closes: closes)
            connection.record.status = 200
            connection.record.responseBytes = head.method == .head ? 0 : UInt64(Self.body.utf8.count)
        } catch {
            connection.record.fail(error)
            connection.record.status = error.fault.status
            LocalAnswer(error: error, api: Self.provider.api, isHead: head.method == .head).append(to: &client.outbound)
            outcome = .linger
        }
        connection.waiter.deadline = worker.loop.now.advanced(by: worker.shared.timeouts.stall)
        do { try await client.flush(connection.waiter) } catch { outcome = .cut(reset: true) }
        connection.record.note(.total, nanoseconds: MonotonicTime.current().since(startedAt).count)
        gate.write(hasSlot: hasSlot)
        return outcome
    }

    private func append(isHead: Bool, closes: Bool) {
        client.outbound.append("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: ")
        client.outbound.append(decimal: UInt(Self.body.utf8.count))
        client.outbound.append("\r\nCache-Control: no-store\r\n")
        if closes { client.outbound.append("Connection: close\r\n") }
        client.outbound.append("\r\n")
        if !isHead { client.outbound.append(Self.body) }
    }
}
