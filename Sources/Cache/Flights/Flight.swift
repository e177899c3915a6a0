import Synchronization

/// One exchange under way and those who follow it: a ``FlightState`` behind a lock.
///
/// Whoever is to be woken is woken after the lock is open again, and so is the table's lock taken.
final class Flight: Sendable {
    typealias Wake = @Sendable () -> Void

    let key: CacheKey
    private let table: FlightTable
    private let limits: FlightLimits
    private let guarded: Mutex<Guarded>

    private struct Guarded: Sendable {
        var state: FlightState
        /// By seat.
        var wakes: [Int: Wake]
        /// Whether the table knows the flight.
        var isListed = true
    }

    /// Begins a flight with its leader in the first seat.
    init(_ key: CacheKey, _ table: FlightTable, _ limits: FlightLimits, _ form: [UInt8], _ wake: @escaping Wake) {
        self.key = key
        self.table = table
        self.limits = limits
        guarded = Mutex(Guarded(state: FlightState(limits, form: form), wakes: [FlightState.firstSeat: wake]))
    }

    deinit {
        let held = guarded.withLock { $0.state.log.byteCount }
        table.logByteCount.subtract(held, ordering: .relaxed)
    }

    /// Takes a seat among the followers.
    func join(_ form: [UInt8], _ wake: @escaping Wake) -> FlightState.Joining {
        guarded.withLock { guarded in
            let joining = guarded.state.join(form)
            if case .seated(let seat) = joining { guarded.wakes[seat] = wake }
            return joining
        }
    }

    func look<Result: Sendable>(_ body: (borrowing FlightState) -> Result) -> Result {
        guarded.withLock { body($0.state) }
    }

    func append(_ text: Span<UInt8>, by leader: Int) {
        change { state in
            let held = table.logByteCount.load(ordering: .relaxed)
            let limit = state.followerCount == 0 ? limits.logByteCountTotalMax / 2 : limits.logByteCountTotalMax
            state.append(text, by: leader, isMemoryShort: held > limit - text.count)
        }
    }

    /// Does something to the state, and then what follows from it.
    @discardableResult
    func change<Result: Sendable>(_ body: (inout FlightState) -> Result) -> Result {
        var wakes: [Wake] = []
        // What they hold on to is let go of after the lock is open, too.
        var released: [Wake] = []
        var hasEnded = false
        let result = guarded.withLock { guarded in
            let held = guarded.state.log.byteCount
            let result = body(&guarded.state)
            let growth = guarded.state.log.byteCount - held
            if growth != 0 { table.logByteCount.add(growth, ordering: .relaxed) }
            for seat in guarded.state.takeWoken() {
                if let wake = guarded.wakes[seat] { wakes.append(wake) }
            }
            for seat in guarded.state.takeForgotten() {
                if let wake = guarded.wakes.removeValue(forKey: seat) { released.append(wake) }
            }
            hasEnded = guarded.isListed && guarded.state.isOver
            if hasEnded { guarded.isListed = false }
            return result
        }
        if hasEnded { table.remove(self) }
        for wake in wakes { wake() }
        _ = consume released
        return result
    }
}
