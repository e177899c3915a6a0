import Synchronization

/// One thread's counts. That thread alone writes them, without a lock or an atomic read-modify-write; the admin
/// thread reads them whenever it is asked.
///
///     metrics.add(.exchanges(provider: provider.index, status: StatusClass(status: 200)))
///     metrics.up(.tunnelsOpen)
///     metrics.observe(.timeToFirstByte, microseconds: 412_000)
@safe
final class WorkerMetrics: @unchecked Sendable {
    let layout: MetricsLayout
    private let cells: UnsafeMutablePointer<Atomic<UInt64>>

    /// Made by `Metrics.makeWorker()`.
    fileprivate init(layout: MetricsLayout) {
        self.layout = layout
        unsafe cells = UnsafeMutablePointer<Atomic<UInt64>>.allocate(capacity: layout.cellCount)
        for cell in 0..<layout.cellCount { unsafe (cells + cell).initialize(to: Atomic(0)) }
    }

    deinit {
        unsafe cells.deinitialize(count: layout.cellCount)
        unsafe cells.deallocate()
    }

    /// Counts `amount` more.
    func add(_ counter: Counter, _ amount: UInt64 = 1) { add(amount, to: layout.cell(of: counter)) }

    /// Counts one more of what there is now.
    func up(_ gauge: Gauge) { add(1, to: layout.firstCell(of: gauge.metric)) }

    /// Counts one less of what there is now.
    ///
    /// A thread may count down what another counted up; the sum over all threads is what is shown.
    func down(_ gauge: Gauge) { add(.max, to: layout.firstCell(of: gauge.metric)) }

    /// Adds a duration to a histogram.
    func observe(_ timing: Timing, microseconds: UInt64) {
        let first = layout.firstCell(of: timing.metric)
        add(1, to: first + Timing.bucket(microseconds: microseconds))
        add(microseconds, to: first + MetricsLayout.histogramCellCount - 1)
    }

    /// Adds a duration to a histogram; a negative one counts as zero.
    func observe(_ timing: Timing, _ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        // Durations of a process fit; the limit keeps the arithmetic below from overflowing whatever comes in.
        let bounded = UInt64(min(max(seconds, 0), 1 << 32))
        observe(timing, microseconds: bounded * 1_000_000 + UInt64(max(attoseconds, 0)) / 1_000_000_000_000)
    }

    fileprivate func value(at cell: Int) -> UInt64 { unsafe cells[cell].load(ordering: .relaxed) }

    /// Wraps around, so that adding `UInt64.max` takes one away.
    private func add(_ amount: UInt64, to cell: Int) {
        precondition(cell >= 0 && cell < layout.cellCount, "a metric's cell lies outside its layout")
        let sum = unsafe cells[cell].load(ordering: .relaxed) &+ amount
        unsafe cells[cell].store(sum, ordering: .relaxed)
    }
}

/// The counts of all threads.
final class Metrics: Sendable {
    let layout: MetricsLayout
    private let workers = Mutex<[WorkerMetrics]>([])

    /// `providers` are the names of the provider table, in its order; an index in a `Counter` is one in this list.
    init(providers: [String]) { layout = MetricsLayout(providers: providers) }

    /// Counts for one more thread. They stay part of the sums after the thread has ended.
    func makeWorker() -> WorkerMetrics {
        let worker = WorkerMetrics(layout: layout)
        workers.withLock { $0.append(worker) }
        return worker
    }

    /// The sum of every cell over all threads, to be read through the layout.
    func sums() -> [UInt64] {
        let workers = workers.withLock { $0 }
        return (0..<layout.cellCount).map { cell in workers.reduce(0) { $0 &+ $1.value(at: cell) } }
    }
}

/// Where each metric's cells lie; the same for every thread of a process.
final class MetricsLayout: Sendable {
    /// The values of the `provider` label; the last, `none`, takes every index outside the table.
    let providers: [String]
    let cellCount: Int
    private let firstCells: [Int]

    /// Cells of a histogram: one per bound, one for what exceeds the last, and the sum in microseconds.
    static let histogramCellCount = Timing.boundsMicroseconds.count + 2
    private static let statusCount = StatusClass.allCases.count
    private static let faults = Fault.allCases

    init(providers: [String]) {
        self.providers = providers + ["none"]
        var firstCells: [Int] = []
        var cellCount = 0
        for metric in Metric.allCases {
            firstCells.append(cellCount)
            cellCount += Self.cellCount(of: metric.declaration, providerCount: providers.count + 1)
        }
        self.firstCells = firstCells
        self.cellCount = cellCount
    }

    func firstCell(of metric: Metric) -> Int { firstCells[metric.rawValue] }

    func cell(of counter: Counter) -> Int {
        switch counter {
        case .connections: firstCell(of: .connections)
        case .connects(let disposition): firstCell(of: .connects) + disposition.rawValue
        case .exchanges(let provider, let status):
            firstCell(of: .exchanges) + place(ofProvider: provider) * Self.statusCount + status.rawValue
        case .requestBytes(let provider): firstCell(of: .requestBytes) + place(ofProvider: provider)
        case .responseBytes(let provider): firstCell(of: .responseBytes) + place(ofProvider: provider)
        case .faults(let fault): firstCell(of: .faults) + (Self.faults.firstIndex(of: fault) ?? 0)
        case .authenticationsRefused(let reason): firstCell(of: .authenticationsRefused) + reason.rawValue
        case .overload(let limit): firstCell(of: .overload) + limit.rawValue
        case .cacheRequests(let result): firstCell(of: .cacheRequests) + result.rawValue
        case .tunnelBytes(let direction): firstCell(of: .tunnelBytes) + direction.rawValue
        case .upstreamConnections: firstCell(of: .upstreamConnections)
        case .upstreamReuses: firstCell(of: .upstreamReuses)
        case .upstreamRetries: firstCell(of: .upstreamRetries)
        case .lookups(let result): firstCell(of: .lookups) + result.rawValue
        case .leafMints: firstCell(of: .leafMints)
        case .reloads(let result): firstCell(of: .reloads) + result.rawValue
        case .loopTurns: firstCell(of: .loopTurns)
        case .foreignJobs: firstCell(of: .foreignJobs)
        }
    }

    private func place(ofProvider index: Int) -> Int {
        index >= 0 && index < providers.count ? index : providers.count - 1
    }

    private static func cellCount(of declaration: Metric.Declaration, providerCount: Int) -> Int {
        guard declaration.source == .threads else { return 0 }
        if declaration.kind == .histogram { return histogramCellCount }
        return switch declaration.labels {
        case .none, .version: 1
        case .disposition: Disposition.allCases.count
        case .provider: providerCount
        case .providerAndStatus: providerCount * statusCount
        case .error: faults.count
        case .direction: Direction.allCases.count
        case .result: LookupResult.allCases.count
        case .reason: AuthenticationRefusal.allCases.count
        case .limit: OverloadLimit.allCases.count
        case .reload: ReloadReport.Result.allCases.count
        case .cache: CacheResult.allCases.count
        case .tenant, .tenantAndKind, .tenantAndLimit: 0
        }
    }
}

extension Gauge {
    fileprivate var metric: Metric {
        switch self {
        case .connectionsOpen: .connectionsOpen
        case .exchangesOpen: .exchangesOpen
        case .tunnelsOpen: .tunnelsOpen
        case .upstreamConnectionsOpen: .upstreamConnectionsOpen
        case .upstreamConnectionsIdle: .upstreamConnectionsIdle
        }
    }
}

extension Timing {
    fileprivate var metric: Metric {
        switch self {
        case .handshakes: .handshakes
        case .timeToFirstByte: .timeToFirstByte
        case .exchangeTime: .exchangeTime
        case .upstreamConnectTime: .upstreamConnectTime
        case .leafMintTime: .leafMintTime
        }
    }

    /// The place of the first bound that is not below the duration.
    fileprivate static func bucket(microseconds: UInt64) -> Int {
        var low = 0
        var high = boundsMicroseconds.count
        while low < high {
            let middle = (low + high) / 2
            if boundsMicroseconds[middle] < microseconds { low = middle + 1 } else { high = middle }
        }
        return low
    }
}
