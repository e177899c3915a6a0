/// The isolation of one loop: an actor whose executor is the loop, so that the compiler checks that a connection's state
/// stays on its thread, and no access ever hops.
actor Worker {
    nonisolated let loop: EventLoop
    nonisolated var unownedExecutor: UnownedSerialExecutor { unsafe loop.asUnownedSerialExecutor() }
    private let state: WorkerState

    /// A worker for `loop`; `number` counts from zero.
    init(loop: EventLoop, shared: Shared, metrics: WorkerMetrics, number: Int) {
        self.loop = loop
        state = WorkerState(loop: loop, shared: shared, metrics: metrics, number: number)
        state.worker = self
    }

    /// Starts a task on the loop. The only place where one is started: without both the actor and the preference every
    /// suspension would go through another thread, ten times slower and without any sign of it.
    nonisolated func spawn(_ body: @escaping @Sendable (WorkerState) async -> Void) {
        Task(executorPreference: loop) { await self.run(body) }
    }

    private func run(_ body: @Sendable (WorkerState) async -> Void) async { await body(state) }
}

/// Everything one loop owns. Touched on that loop alone.
@safe
final class WorkerState {
    /// Room for one read or write. Never held across an await.
    static let scratchBytes = 64 * 1024

    let loop: EventLoop
    let shared: Shared
    let metrics: WorkerMetrics
    let number: Int
    /// What the file says about clients and exchanges, as it is in force. An exchange takes it once, at its beginning.
    private(set) var policy: PolicySnapshot
    let pool: UpstreamPool
    let pipes = PipePool()
    /// Where this loop reports the bodies that it holds.
    let memory: MemoryGauge
    /// When idle connections were last closed to make room for others.
    var roomMadeAt = MonotonicTime(nanoseconds: 0)
    let scratch: UnsafeMutableRawBufferPointer
    var connections = ConnectionRegistry()
    /// The tasks that accept; cancelled when leo stops.
    var acceptors: [Waiter] = []
    var adminConnectionCount = 0
    private var random: SplitMix
    /// Set in `Worker.init`, before anything runs.
    fileprivate(set) unowned var worker: Worker!

    init(loop: EventLoop, shared: Shared, metrics: WorkerMetrics, number: Int) {
        self.loop = loop
        self.shared = shared
        self.metrics = metrics
        self.number = number
        policy = shared.policy
        pool = UpstreamPool(
            loop: loop, connectionCountMax: shared.config.upstream.poolConnectionsMax, metrics: metrics)
        memory = MemoryGauge(shared.overload.memory)
        unsafe scratch = .allocate(byteCount: Self.scratchBytes, alignment: 64)
        random = SplitMix(state: .random(in: .min ... .max))
    }

    deinit { unsafe scratch.deallocate() }

    /// Puts another policy in force on this loop. Idle upstream connections were dialled by the one before: they go, if
    /// that was about where one may go.
    func adopt(_ policy: PolicySnapshot) {
        guard policy.revision > self.policy.revision else { return }
        let isSameWay = policy.destination == self.policy.destination
        self.policy = policy
        if !isSameWay { pool.renew() }
    }

    /// Starts a task on this loop.
    func spawn(_ body: @escaping @Sendable (WorkerState) async -> Void) { worker.spawn(body) }

    /// The first `count` bytes of the scratch buffer, as the last read filled them. Not to be kept across an await.
    ///
    /// Immortal to the compiler, since the buffer lives as long as the loop.
    @_lifetime(immortal)
    func scratch(_ count: Int) -> Span<UInt8> {
        let span = unsafe Span<UInt8>(_unsafeBytes: UnsafeRawBufferPointer(rebasing: scratch[0..<count]))
        return unsafe _overrideLifetime(span, copying: ())
    }

    /// A number that tells an exchange from all others in the log; not a secret.
    func nextExchangeID() -> UInt64 { random.next() }
}

/// A small, fast generator for identifiers; not for secrets. (Steele, Lea, Flood: SplitMix64.)
struct SplitMix {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}
