import Policy
import Wire

/// The admin listener: health, readiness, metrics, tenants, the cache and reload, over loopback only. One request per connection.
struct Admin: Sendable {
    /// Scrapers and probes are few; a flood must not take descriptors from clients.
    private static let connectionCountMax = 64
    private static let headBytesMax = 8 * 1024
    private static let patience = Nanoseconds(.seconds(10))
    static let plainText = "text/plain; charset=utf-8"
    /// Where tenants' limits and sums are told.
    static let tenantsPath = "/v1/tenants"
    /// Where the memory for kept answers is told of.
    static let cachePath = "/v1/cache"
    /// Where kept answers are dropped.
    static let purgePath = "/v1/cache/purge"
    /// Where a reload is asked for.
    static let reloadPath = "/v1/reload"
    /// What whoever asks for a change must send: the digest of the file, which proves that they could read it. A web page that a
    /// browser of this machine shows could not.
    static let digestField = "x-leo-config-digest"

    /// The parameter that asks for text in place of JSON, and its value.
    static let formName = "as"
    /// See ``formName``.
    static let textForm = "text"

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
        if head.method == .post, path == Self.purgePath { return await purge(head, stream, waiter) }
        guard head.method == .get || isHead else {
            let changes = "POST \(Self.reloadPath) and POST \(Self.purgePath)"
            return respond(
                405, Self.plainText, "GET and HEAD only, but for \(changes)\n", isHead: isHead, to: stream)
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
        case Self.cachePath: tellOfCache(head, isHead: isHead, stream)
        default:
            let paths =
                "/healthz, /readyz, /metrics, \(Self.tenantsPath), \(Self.cachePath), POST \(Self.purgePath), "
                + "POST \(Self.reloadPath)"
            respond(404, Self.plainText, "\(paths)\n", isHead: isHead, to: stream)
        }
    }

    private func respond(_ answer: Health.Answer, isHead: Bool, to stream: Stream) {
        respond(answer.status, Health.contentType, answer.body.span, isHead: isHead, to: stream)
    }

    func respond(_ status: Int, _ type: String, _ body: String, isHead: Bool, to stream: Stream) {
        respond(status, type, body.utf8.span, isHead: isHead, to: stream)
    }

    private func respond(_ status: Int, _ type: String, _ body: Span<UInt8>, isHead: Bool, to stream: Stream) {
        stream.outbound.append("HTTP/1.1 \(status) \(status == 200 ? "OK" : "Error")\r\n")
        stream.outbound.append("Content-Type: \(type)\r\nContent-Length: \(body.count)\r\n")
        stream.outbound.append("Cache-Control: no-store\r\nConnection: close\r\n\r\n")
        if !isHead { stream.outbound.append(body) }
    }

    private func tellOfCache(_ head: HTTP1Head, isHead: Bool, _ stream: Stream) {
        let report = CacheReport(shared)
        do throws(AdminQuery.Flaw) {
            let parameters = try stream.inbound.withBytes { bytes throws(AdminQuery.Flaw) in
                try AdminQuery.read(bytes.extracting(head.targetText), names: [Self.formName])
            }
            let form = parameters[Self.formName]
            guard form == nil || form == Self.textForm else {
                throw AdminQuery.Flaw(explanation: "\(Self.formName) may be \(Self.textForm)")
            }
            if form == nil {
                var body = ByteQueue()
                report.append(to: &body)
                respond(200, Health.contentType, String(lossy: body.bytes), isHead: isHead, to: stream)
            } else {
                let text = report.lines.map { "\($0)\n" }.joined()
                respond(200, Self.plainText, text, isHead: isHead, to: stream)
            }
        } catch {
            respond(400, Self.plainText, "\(error.explanation)\n", isHead: isHead, to: stream)
        }
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
        measures.merge(CacheReport(shared).measures) { mine, _ in mine }
        var text = ByteQueue()
        Exposition.append(shared.metrics, version: Version.text, measures: measures, to: &text)
        return String(lossy: text.bytes)
    }
}
