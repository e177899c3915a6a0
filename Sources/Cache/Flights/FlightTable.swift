import Synchronization

/// The exchanges under way that others may join, by their cache key.
///
/// Of equal requests that run at the same time the first becomes the leader and asks the upstream; the others follow it
/// and get its answer: those who want the same stream byte by byte as it runs, everybody else when it is whole. Nobody
/// ever waits for a follower. When a leader fails, a follower that has received nothing takes its place.
///
/// For use from any thread. No lock is held while a caller is woken, and the table's own lock only to find a flight.
public final class FlightTable: Sendable {
    /// The longest piece of text that a follower is given at once.
    public static let pieceByteCountMax = 64 * 1024

    private let limits: FlightLimits
    private let flights = Mutex<[CacheKey: Flight]>([:])
    /// Bytes in the logs of all flights.
    let logByteCount = Atomic<Int>(0)

    /// Makes a table without flights.
    ///
    /// - Parameters:
    ///   - flightCountMax: Flights at once; further exchanges go alone.
    ///   - logByteCountMax: Text that one flight keeps for those who join late. Beyond it nobody joins any more, what
    ///     every follower has taken is dropped, and a follower that lags further behind than this is cut.
    ///   - logByteCountTotalMax: Text that all flights keep together. Half of it is for flights that somebody follows.
    ///     Beyond it flights do as beyond `logByteCountMax`, and one may lag no further behind than one piece.
    public convenience init(
        flightCountMax: Int = 4096, logByteCountMax: Int = 4 * 1024 * 1024, logByteCountTotalMax: Int = 64 * 1024 * 1024
    ) {
        self.init(
            FlightLimits(
                flightCountMax: max(flightCountMax, 0), logByteCountMax: max(logByteCountMax, 0),
                logByteCountTotalMax: max(logByteCountTotalMax, 0), pieceByteCountMax: Self.pieceByteCountMax))
    }

    init(_ limits: FlightLimits) { self.limits = limits }

    /// How many flights are under way.
    public var flightCount: Int { flights.withLock { $0.count } }

    /// How many bytes of text are kept for followers.
    public var byteCount: Int { logByteCount.load(ordering: .relaxed) }

    /// Joins the flight of `key`, or begins one.
    ///
    /// - Parameters:
    ///   - form: What of the request shapes the text of the answer and not its meaning. Only equal forms share text.
    ///   - wake: Called, from any thread, when a follower that was told to wait should ask again, and when a leader's last
    ///     follower has left. It must return at once, may be called without need and once more after the end, and should
    ///     hold on to nothing that holds on to the role.
    public func join(_ key: CacheKey, form: [UInt8], wake: @escaping @Sendable () -> Void) -> FlightRole {
        var ended: Flight?
        // Another turn only comes after a flight that was found has ended, so somebody else got on.
        for _ in 0..<Self.joinTryCountMax {
            let found: Flight
            switch enter(key, form, wake, instead: ended) {
            case .full: return .alone
            case .new(let flight): return .leader(FlightLeader(flight, seat: FlightState.firstSeat))
            case .running(let flight): found = flight
            }
            switch found.join(form, wake) {
            case .seated(let seat): return .follower(FlightFollower(found, seat: seat))
            case .closed: return .alone
            case .ended: ended = found
            }
        }
        return .alone
    }

    private static let joinTryCountMax = 64

    private enum Entrance {
        case new(Flight)
        case running(Flight)
        case full
    }

    private func enter(
        _ key: CacheKey, _ form: [UInt8], _ wake: @escaping @Sendable () -> Void, instead ended: Flight?
    ) -> Entrance {
        flights.withLock { flights in
            if let running = flights[key], running !== ended { return .running(running) }
            if flights[key] == nil, flights.count >= limits.flightCountMax { return .full }
            let flight = Flight(key, self, limits, form, wake)
            flights[key] = flight
            return .new(flight)
        }
    }

    /// Forgets a flight that has ended, unless another one has its place already.
    func remove(_ flight: Flight) {
        flights.withLock { flights in
            if flights[flight.key] === flight { flights[flight.key] = nil }
        }
    }
}

/// How much flights may hold; see ``FlightTable/init(flightCountMax:logByteCountMax:logByteCountTotalMax:)``.
struct FlightLimits: Sendable {
    var flightCountMax: Int
    var logByteCountMax: Int
    var logByteCountTotalMax: Int
    var pieceByteCountMax: Int
}
