import Policy
import Synchronization
import Wire

/// The admin listener: health, readiness, metrics, tenants and reload, over loopback only. One request per connection.
struct Admin: Sendable {
    /// Scrapers and probes are few; a flood must not take descriptors from clients.
    private static let connectionCountMax = 64
    private static let headBytesMax = 8 * 1024
    private static let patience = Nanoseconds(.seconds(10))
    /// Reading the file again takes milliseconds, and on a slow or hung disk as long as that takes.
    private static let reloadPatience = Nanoseconds(.seconds(30))
    private static let plainText = "text/plain; charset=utf-8"
    /// Where tenants' limits and sums are told.
    static let tenantsPath = "/v1/tenants"
    /// Where a reload is asked for.
    static let reloadPath = "/v1/reload"
    /// What whoever asks for it must send: the digest of the file, which proves that they could read it. A web page that a
    /// browser of this machine shows could not.
    static let digestField = "x-leo-config-digest"

    let shared: Shared
    let reloader: Reloader
    let startedAt: MonotonicTime

    /// Serves a connection on a task of its own.
    func begin(_ descriptor: consuming Descriptor, _ state: WorkerState) {
        guard state.adminConnectionCount < Self.connectionCountMax,
            let watcher = try? Watcher(descriptor, loop: state.loop)
        else { return }
        state.adminConnectionCount += 1
        let box = Handover(watcher)
        state.spawn { state in
            await self.serve(Stream(box.value), state)
            state.adminConnectionCount -= 1
        }
    }

    private func serve(_ stream: Stream, _ state: WorkerState) async {
        let waiter = Waiter(loop: state.loop)
        defer { waiter.retire() }
        waiter.deadline = state.loop.now.advanced(by: Self.patience)
        stream.watcher.waiter = waiter
        var head = HTTP1Head(.request, headBytesMax: Self.headBytesMax)
        while true {
            switch unsafe stream.tryRead(state.scratch) {
            case .done(let count):
                let bytes = state.scratch(count)
                stream.inbound.append(bytes)
                do throws(HTTP1Error) {
                    let isComplete = try stream.inbound.withBytes { bytes throws(HTTP1Error) in try head.parse(bytes) }
                    guard isComplete else { continue }
                } catch {
                    respond(400, Self.plainText, "\(error.explanation)\n", isHead: false, to: stream)
                    break
                }
                await answer(head, stream, waiter)
                break
            case .blocked:
                do { try await stream.sleep(waiter, for: .read) } catch { return stream.closeOrderly() }
                continue
            case .closed, .cut, .failed: return stream.closeOrderly()
            }
            break
        }
        do { try await stream.flush(waiter) } catch { return stream.closeOrderly() }
        await unsafe stream.closeLingering(waiter, scratch: state.scratch)
    }

    private func answer(_ head: HTTP1Head, _ stream: Stream, _ waiter: Waiter) async {
        let isHead = head.method == .head
        let path = stream.inbound.withBytes { String(lossy: $0.extracting(head.path)) }
        if head.method == .post, path == Self.reloadPath { return await reload(head, stream, waiter) }
        guard head.method == .get || isHead else {
            return respond(
                405, Self.plainText, "GET and HEAD only, but for POST \(Self.reloadPath)\n", isHead: isHead, to: stream)
        }
        switch path {
        case "/healthz":
            let uptime = MonotonicTime.current().since(startedAt).count / 1_000_000_000
            respond(Health.live(version: Version.text, uptimeSeconds: uptime), isHead: isHead, to: stream)
        case "/readyz":
            let isForPod = stream.inbound.withBytes { String(lossy: $0.extracting(head.targetText)) }.hasSuffix(
                "?for=pod")
            respond(Health.ready(checks(), forPod: isForPod), isHead: isHead, to: stream)
        case "/metrics":
            respond(200, Exposition.contentType, exposition(), isHead: isHead, to: stream)
        case Self.tenantsPath:
            var body = ByteQueue()
            tenants().append(to: &body)
            respond(200, Health.contentType, String(lossy: body.bytes), isHead: isHead, to: stream)
        default:
            let paths = "/healthz, /readyz, /metrics, \(Self.tenantsPath), POST \(Self.reloadPath)"
            respond(404, Self.plainText, "\(paths)\n", isHead: isHead, to: stream)
        }
    }

    private func reload(_ head: HTTP1Head, _ stream: Stream, _ waiter: Waiter) async {
        let text = stream.inbound.withBytes { bytes -> String? in
            let field = head.fields.first { bytes.extracting($0.name).equals(ignoringCase: Self.digestField) }
            return field.map { String(lossy: bytes.extracting($0.value)) }
        }
        guard let digest = text.flatMap({ ContentDigest(text: $0) }) else {
            let message =
                "\(Self.digestField) must hold the SHA-256 of the configuration file, as leo reload sends it\n"
            return respond(403, Self.plainText, message, isHead: false, to: stream)
        }
        let answer = ReloadAnswer()
        reloader.reload(ifFileIs: digest) { report in
            answer.put(report)
            waiter.wakeFromAnyThread()
        }
        waiter.deadline = waiter.loop.now.advanced(by: Self.reloadPatience)
        while true {
            if let report = answer.report {
                return respond(report.result.status, Self.plainText, report.text, isHead: false, to: stream)
            }
            guard await waiter.sleep() == .event else { break }
        }
        respond(
            503, Self.plainText, "the file is still being read; the log will say what came of it\n", isHead: false,
            to: stream)
    }

    private func respond(_ answer: Health.Answer, isHead: Bool, to stream: Stream) {
        respond(answer.status, Health.contentType, answer.body.span, isHead: isHead, to: stream)
    }

    private func respond(_ status: Int, _ type: String, _ body: String, isHead: Bool, to stream: Stream) {
        respond(status, type, body.utf8.span, isHead: isHead, to: stream)
    }

    private func respond(_ status: Int, _ type: String, _ body: Span<UInt8>, isHead: Bool, to stream: Stream) {
        stream.outbound.append("HTTP/1.1 \(status) \(status == 200 ? "OK" : "Error")\r\n")
        stream.outbound.append("Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n")
        stream.outbound.append("Cache-Control: no-store\r\nConnection: close\r\n\r\n")
        if !isHead { stream.outbound.append(body) }
    }

    private func checks() -> [(check: Health.Check, result: Health.Result)] {
        let authority: Health.Result =
            AuthorityCheck.warnings(shared).first.map { .warning($0) }
            ?? shared.upstreamTrust.failure.map { .failed($0) } ?? .good
        return [
            (.authority, authority), (.listeners, .good),
            (
                .accessLog,
                shared.accessLog.hasFreeSlot && !shared.accessLog.isFailing
                    ? .good : .failed("the access log takes no lines")
            ),
            (.draining, shared.isDraining ? .failed("leo is shutting down") : .good),
        ]
    }

    private func tenants() -> TenantReport { TenantReport(shared.policy, at: .now()) }

    private func exposition() -> String {
        var measures = shared.accessLog.measures
        if let process = ProcessStatistics.current() { measures.merge(process.measures) { mine, _ in mine } }
        measures.merge(shared.overload.measures) { mine, _ in mine }
        measures.merge(reloader.measures) { mine, _ in mine }
        measures.merge(shared.upstreamHealth.measures(now: .current())) { mine, _ in mine }
        measures.merge(tenants().measures) { mine, _ in mine }
        var text = ByteQueue()
        Exposition.append(shared.metrics, version: Version.text, measures: measures, to: &text)
        return String(lossy: text.bytes)
    }
}

/// A report on its way from the thread that reloads to the loop that answers.
private final class ReloadAnswer: Sendable {
    private let found = Mutex<ReloadReport?>(nil)
    var report: ReloadReport? { found.withLock { $0 } }
    func put(_ report: ReloadReport) { found.withLock { $0 = report } }
}
