import Policy
import Synchronization
import Wire

// What the admin listener changes, for whoever proves to know leo's file.
extension Admin {
    /// Reading the file again takes milliseconds, and on a slow or hung disk as long as that takes.
    private static let patience = Nanoseconds(.seconds(30))

    /// `POST /v1/reload`
    func reload(_ head: HTTP1Head, _ stream: Stream, _ waiter: Waiter) async {
        guard let digest = proof(head, stream) else { return respondUnproved(stream) }
        let answer = ReportBox()
        reloader.reload(ifFileIs: digest) { answer.put($0, wake: waiter) }
        await respond(answer, stream, waiter)
    }

    /// `POST /v1/cache/purge`, with the parameters `tenant` and `model`, of which none means all.
    func purge(_ head: HTTP1Head, _ stream: Stream, _ waiter: Waiter) async {
        guard let digest = proof(head, stream) else { return respondUnproved(stream) }
        let parameters: [String: String]
        do throws(AdminQuery.Flaw) {
            parameters = try stream.inbound.withBytes { bytes throws(AdminQuery.Flaw) in
                try AdminQuery.read(bytes.extracting(head.targetText), names: [Self.tenantName, Self.modelName])
            }
        } catch {
            return respond(400, Self.plainText, "\(error.explanation)\n", isHead: false, to: stream)
        }
        let (tenant, model) = (parameters[Self.tenantName], parameters[Self.modelName])
        let answer = ReportBox()
        reloader.prove(digest, { [shared] in Self.purge(shared, tenant: tenant, model: model) }) {
            answer.put($0, wake: waiter)
        }
        await respond(answer, stream, waiter)
    }

    /// The parameter that names the tenant whose answers are dropped.
    static let tenantName = "tenant"
    /// The parameter that names the model whose answers are dropped.
    static let modelName = "model"

    /// On the thread that reloads: thousands of answers take their time.
    private static func purge(_ shared: Shared, tenant: String?, model: String?) -> ReloadReport {
        let (entries, bytes) = shared.cache.purge(tenant: tenant, model: model)
        let whose = tenant.map { " of tenant \($0.quoted)" } ?? ""
        let which = model.map { " of model \($0.quoted)" } ?? ""
        let what = "\(entries) answers\(whose)\(which), \(CacheReport.size(bytes)), were dropped"
        shared.log.info(.lifecycle, "cache: \(what) on request")
        var notes: [String] = []
        if let tenant, shared.policy.place(ofTenant: tenant) == nil {
            notes.append("note: the file has no tenant \(tenant.quoted)")
        }
        return ReloadReport(.applied, what, notes: notes)
    }

    // MARK: Proof and answer

    private func proof(_ head: HTTP1Head, _ stream: Stream) -> ContentDigest? {
        let text = stream.inbound.withBytes { bytes -> String? in
            let field = head.fields.first { bytes.extracting($0.name).equals(ignoringCase: Self.digestField) }
            return field.map { String(lossy: bytes.extracting($0.value)) }
        }
        return text.flatMap { ContentDigest(text: $0) }
    }

    private func respondUnproved(_ stream: Stream) {
        let message =
            "\(Self.digestField) must hold the SHA-256 of the configuration file, as leo reload and leo cache purge "
            + "send it\n"
        respond(403, Self.plainText, message, isHead: false, to: stream)
    }

    private func respond(_ answer: ReportBox, _ stream: Stream, _ waiter: Waiter) async {
        waiter.deadline = waiter.loop.now.advanced(by: Self.patience)
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
}

/// A report on its way from the thread that reloads to the loop that answers.
private final class ReportBox: Sendable {
    private let found = Mutex<ReloadReport?>(nil)
    var report: ReloadReport? { found.withLock { $0 } }

    func put(_ report: ReloadReport, wake waiter: Waiter) {
        found.withLock { $0 = report }
        waiter.wakeFromAnyThread()
    }
}
