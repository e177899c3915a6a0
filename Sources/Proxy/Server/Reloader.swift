import Policy
import Synchronization

/// Reads the file again and puts what it says in force, or says why not and changes nothing.
///
/// One reload at a time, on a thread of its own: the file and the files that it names are read and checked as at the
/// start, a new snapshot is made, and every loop is given it. A reload counts as done when all loops have it, so whatever
/// begins after that goes by the new file.
final class Reloader: Sendable {
    /// Reloads that wait while one is under way. More would find the same file.
    private static let waitingCountMax = 4

    private let shared: Shared
    private let workers: [Worker]
    private let listeners: Listeners
    /// The file as it was named at the start, and the folder where the name starts.
    private let file: String?
    private let workingDirectory: String
    private let threads = HelperThreads(name: "leo-reload", threadCountMax: 1, waitingCountMax: waitingCountMax)
    private let metrics: WorkerMetrics
    private let hasFailed = Atomic<Bool>(false)

    /// Before any loop turns.
    init(shared: Shared, workers: [Worker], listeners: Listeners, workingDirectory: String) {
        self.shared = shared
        self.workers = workers
        self.listeners = listeners
        file = shared.config.path
        self.workingDirectory = workingDirectory
        metrics = shared.metrics.makeWorker()
    }

    /// Reads the file again, soon, and calls `done` on some thread. With `digest` only if that is the file's: the proof
    /// that whoever asks could have read it.
    func reload(ifFileIs digest: ContentDigest? = nil, done: @escaping @Sendable (ReloadReport) -> Void = { _ in }) {
        let isAccepted = threads.run {
            let report = self.run(digest)
            self.metrics.add(.reloads(report.result))
            self.note(report)
            done(report)
        }
        // Not counted: the thread alone writes the metrics, and what is under way says what happened.
        if !isAccepted { done(ReloadReport(.busy, "leo is reading its file again already")) }
    }

    /// Does `work`, soon and on some thread, for whoever knows what is in the file: if `digest` is the file's. Calls `done`
    /// there with what came of it.
    func prove(
        _ digest: ContentDigest, _ work: @escaping @Sendable () -> ReloadReport,
        done: @escaping @Sendable (ReloadReport) -> Void
    ) {
        let isAccepted = threads.run { done(self.refusal(of: digest) ?? work()) }
        if !isAccepted { done(ReloadReport(.busy, "leo is reading its file again already")) }
    }

    /// The values of the metrics that are asked for.
    var measures: [Metric: Exposition.Measure] {
        Self.measures(of: shared.policy, isGood: !hasFailed.load(ordering: .relaxed))
    }

    static func measures(of policy: PolicySnapshot, isGood: Bool) -> [Metric: Exposition.Measure] {
        [.configRevision: .count(policy.revision), .configGood: .count(isGood ? 1 : 0)]
    }

    // MARK: On the thread

    private func run(_ digest: ContentDigest?) -> ReloadReport {
        if shared.isDraining { return ReloadReport(.busy, "leo is shutting down") }
        guard let name = file else {
            return ReloadReport(.unreadable, "leo was started without a file: there is nothing to read again")
        }
        let content: ConfigFile
        do throws(ConfigFailure) { content = try ConfigFile(name, in: workingDirectory) } catch {
            return refuse(error)
        }
        if let digest, digest != content.digest { return Self.denial }
        // Before and after whatever comes of it: systemd waits for both when it has asked for the reload.
        SystemdNotifier.notify("RELOADING=1\nMONOTONIC_USEC=\(MonotonicTime.current().nanoseconds / 1000)")
        let report = apply(content)
        hasFailed.store(report.result != .applied, ordering: .relaxed)
        SystemdNotifier.notify("READY=1\nSTATUS=\(listeners.summary); \(report.summary)")
        return report
    }

    /// Why `digest` proves nothing; nil: it is the file's.
    private func refusal(of digest: ContentDigest) -> ReloadReport? {
        guard let name = file else { return ReloadReport(.unreadable, "leo was started without a file to know") }
        do throws(ConfigFailure) {
            return try ConfigFile(name, in: workingDirectory).digest == digest ? nil : Self.denial
        } catch {
            return ReloadReport(.unreadable, "leo cannot read its file", notes: error.lines)
        }
    }

    private static let denial = ReloadReport(.denied, "leo runs on another file, or it has changed in this moment")

    private func apply(_ content: ConfigFile) -> ReloadReport {
        let config: Config
        let keys: MasterKeys?
        do throws(ConfigFailure) {
            config = try Config.load(content)
            try config.checkFiles()
            keys = try MasterKeys.load(config)
        } catch {
            return refuse(error)
        }
        if let refusal = refusal(of: config.tenants) {
            return refuse(
                .mistakes([Diagnostic(file: content.name, place: Place(line: 1, column: 1), message: refusal)]))
        }
        if let flaw = shared.owners.flaw(for: config.tenants) { return ReloadReport(.unreadable, flaw) }
        let policy = PolicySnapshot(config, keys: keys, after: shared.policy)
        if policy.fingerprints == nil || policy.cacheKeys == nil {
            return ReloadReport(.unreadable, "OpenSSL cannot derive keys, or has no random numbers to give")
        }
        if config.tenants.hasUsers, policy.passwords == nil {
            return ReloadReport(.unreadable, "OpenSSL has no random numbers to give, and passwords cannot be checked")
        }
        put(policy)
        var notes = config.source.map { ReloadScope.pending(shared.config.source, $0, file: content.name) } ?? []
        notes += config.notes.map(\.description)
        notes += AuthorityCheck.warnings(shared.authority, for: config)
        return ReloadReport(.applied, "\(content.name): revision \(policy.revision) is in force", notes: notes)
    }

    /// Why these tenants cannot be for the sockets that are open: a file may be right as a whole, and wrong for a listener
    /// that it takes away or makes stricter, since that takes a restart.
    private func refusal(of tenants: TenantTable) -> String? {
        let rule = ReachRule(tenants: tenants)
        for entry in listeners.entries {
            guard let endpoint = entry.socket.endpoint, let refusal = rule.refusal(of: endpoint, for: entry.kind) else {
                continue
            }
            return "leo still listens at \(endpoint) (\(entry.kind.rawValue)), which \(refusal), or restart leo"
        }
        return nil
    }

    /// Gives the policy to every loop, and waits until all have it.
    private func put(_ policy: PolicySnapshot) {
        shared.install(policy)
        policy.takeEffect()
        shared.cache.resize(
            byteCountMax: policy.cache.byteCountMax, entryByteCountMax: policy.cache.entryByteCountMax)
        let bell = Bell()
        for worker in workers {
            worker.spawn { state in
                state.adopt(policy)
                bell.ring()
            }
        }
        for _ in workers { bell.wait() }
    }

    private func refuse(_ failure: ConfigFailure) -> ReloadReport {
        let summary = "nothing was changed: revision \(shared.policy.revision) stays in force"
        switch failure {
        case .unreadable:
            hasFailed.store(true, ordering: .relaxed)
            return ReloadReport(.unreadable, summary, notes: failure.lines)
        case .mistakes: return ReloadReport(.invalid, summary, notes: failure.lines)
        }
    }

    private func note(_ report: ReloadReport) {
        switch report.result {
        case .applied:
            shared.log.info(.lifecycle, "reload: \(report.summary)")
            for note in report.notes { shared.log.warning(.lifecycle, "reload: \(note)") }
        case .invalid, .unreadable:
            for note in report.notes { shared.log.error(.lifecycle, "reload: \(note)") }
            shared.log.error(.lifecycle, "reload: \(report.summary)")
        // Anybody on the machine can bring this about, as often as they like.
        case .denied, .busy: shared.log.warning(.config, "reload: \(report.summary)")
        }
    }
}
