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
    let journal: Journal
    let client: any ClientEnd

    /// Answers the request whose head the client's end has.
    ///
    /// A body is not read: the answer ends the connection then, and what still comes is dropped.
    func answer() async -> Exchange.Outcome {
        let startedAt = worker.loop.now
        let gate = AccessLogGate(worker: worker, journal: journal)
        let head = client.head
        let isHead = head.method == .head
        journal.record.begin(.exchange, id: worker.nextExchangeID())
        try? client.withHeadBytes { bytes in
            journal.record.take(head, from: bytes)
            journal.record.keep(bytes.extracting(head.path), as: .path)
        }
        let hasBody = head.requestFraming != .none && head.requestFraming != .length(0)
        var outcome: Exchange.Outcome = hasBody ? .answered : .complete
        var hasSlot: Bool?
        do {
            hasSlot = try await gate.reserve()
            client.send(local: LocalAnswer(json: Self.body, isHead: isHead, closes: hasBody))
            journal.record.status = 200
            journal.record.responseBytes = isHead ? 0 : UInt64(Self.body.utf8.count)
        } catch {
            journal.record.fail(error)
            journal.record.status = error.fault.status
            client.send(local: LocalAnswer(error: error, api: Self.provider.api, isHead: isHead))
            outcome = .answered
        }
        let deadline = worker.loop.now.advanced(by: worker.shared.timeouts.stall)
        if await !client.flushAll(journal.waiter, until: deadline) { outcome = .cut(reset: true) }
        journal.record.note(.total, nanoseconds: MonotonicTime.current().since(startedAt).count)
        gate.write(hasSlot: hasSlot)
        return outcome
    }
}
