import Synchronization

/// The bytes of requests' and answers' bodies that wait in leo's memory, over all workers.
final class MemoryTotal: Sendable {
    /// `listen.body_memory_max`
    let byteCountMax: Int
    private let total = Atomic<Int>(0)

    /// A total that starts at zero.
    init(byteCountMax: Int) { self.byteCountMax = byteCountMax }

    /// What the workers have reported. Each may be ``MemoryGauge/stepByteCount`` off.
    var byteCount: Int { total.load(ordering: .relaxed) }
    /// Whether no new work should begin.
    var isFull: Bool { byteCount >= byteCountMax }

    fileprivate func add(_ byteCount: Int) { total.add(byteCount, ordering: .relaxed) }
}

/// One worker's part of ``MemoryTotal``. Counting costs an addition; only now and then is the shared sum touched.
///
/// Every queue that holds body bytes reports what goes in and what comes out:
///
///     worker.memory.add(bytes.count)          // appended to a queue of body bytes
///     worker.memory.subtract(written)         // written, or dropped with the queue
///
/// and whoever is about to gather much asks first: `worker.memory.mayTake(promisedBytes)`. What an ended exchange still
/// had reported it takes back, or the sum would grow for ever.
final class MemoryGauge {
    /// What a worker counts before it tells the others: one full read.
    static let stepByteCount = 64 * 1024

    private let total: MemoryTotal
    private var untold = 0

    /// A gauge that counts into `total`.
    init(_ total: MemoryTotal) { self.total = total }

    deinit { total.add(untold) }

    /// So many bytes more wait; less than zero: so many less.
    func add(_ byteCount: Int) {
        untold += byteCount
        if abs(untold) >= Self.stepByteCount { tell() }
    }

    /// So many bytes wait no longer.
    func subtract(_ byteCount: Int) { add(-byteCount) }

    /// Whether there is room for so many bytes more.
    func mayTake(_ byteCount: Int) -> Bool { total.byteCount + untold + byteCount <= total.byteCountMax }

    private func tell() {
        total.add(untold)
        untold = 0
    }
}
