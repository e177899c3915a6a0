/// An exchange that gets its answer from another one.
///
/// Its owner asks for the ``next()`` step until that is ``FlightStep/wait``, then sleeps until it is woken, and so on up to
/// a step after which the follower is done. A wake that comes before the owner sleeps must not get lost.
public final class FlightFollower: Sendable {
    private let flight: Flight
    private let seat: Int

    init(_ flight: Flight, seat: Int) {
        self.flight = flight
        self.seat = seat
    }

    deinit {
        flight.change { state in
            state.leave(seat)
            if !state.isLed(by: seat) { state.forget(seat) }
        }
    }

    /// What to do now. Once done, a follower is told the same again, but never to lead twice.
    public func next() -> FlightStep {
        switch flight.change({ $0.next(seat) }) {
        case .wait: .wait
        case .lead: .lead(FlightLeader(flight, seat: seat))
        case .head(let head): .head(head)
        case .data(let piece): .data(piece)
        case .done(.alone): .alone
        case .done(.cut): .cut
        case .done(.end(let answer)): .end(answer)
        case .done(.refused(let refusal)):
            .refused(status: refusal.status, contentType: refusal.contentType, body: refusal.body)
        }
    }

    /// How the leader's answer began, if it has: for followers too that never got ``FlightStep/head(_:)``.
    public var head: FlightHead? { flight.look { $0.head } }

    /// A number that changes with each sign of life of whoever leads. One who waits for a whole answer is not woken by text,
    /// so at the end of its patience it looks here before it takes the leader for dead.
    public var progress: Int { flight.look { $0.progress } }

    /// Whether the head was given out, so that nobody else's answer can take this one's place.
    public var hasReceived: Bool { flight.look { $0.hasReceived(seat) } }

    /// The follower's client has gone. Nobody else notices.
    public func leave() { flight.change { $0.leave(seat) } }
}
