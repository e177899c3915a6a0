/// The exchange of a flight that asks the upstream.
///
/// It ends in one of ``complete(_:)``, ``refuse(status:contentType:body:)``, ``fail()``, ``handOver()`` and a true
/// ``endUnlessFollowed()``; what is called after that does nothing. One that is dropped without an end has failed.
public final class FlightLeader: Sendable {
    let flight: Flight
    private let seat: Int

    init(_ flight: Flight, seat: Int) {
        self.flight = flight
        self.seat = seat
    }

    deinit {
        flight.change { state in
            state.fail(by: seat, isCounted: true)
            state.forget(seat)
        }
    }

    /// How many follow now and have not got everything.
    public var followerCount: Int { flight.look { $0.isLed(by: seat) ? $0.followerCount : 0 } }

    /// Whether somebody follows: the exchange then goes on also without its own client.
    public var hasFollowers: Bool { followerCount > 0 }

    /// The answer is a final 200; followers that want the same stream begin.
    public func begin(_ head: FlightHead) { flight.change { $0.begin(head, by: seat) } }

    /// More of the answer's text, decoded, exactly as the leader's client gets it.
    public func append(_ text: Span<UInt8>) { flight.append(text, by: seat) }

    /// The answer is whole. What is to be kept of it lies in the cache already: whoever comes now finds it there.
    ///
    /// A leader that found the answer in the cache after all completes without having begun a stream, since a stream's
    /// followers would have to get its text.
    public func complete(_ answer: FlightAnswer) { flight.change { $0.complete(answer, by: seat) } }

    /// The provider refused the request, and would refuse each equal one (400, 404, 413, 422): followers get the same.
    public func refuse(status: Int, contentType: String, body: [UInt8]) {
        flight.change { $0.refuse(FlightRefusal(status: status, contentType: contentType, body: body), by: seat) }
    }

    /// No whole answer will come. Those who received something are cut; of the others one leads, and after the second
    /// failure of a flight they all go alone.
    public func fail() { flight.change { $0.fail(by: seat, isCounted: true) } }

    /// As ``fail()``, where nothing is wrong with the upstream: the exchange just cannot go on itself.
    public func handOver() { flight.change { $0.fail(by: seat, isCounted: false) } }

    /// Ends the flight if nobody follows, so that nobody can join any more; for a leader whose client has left. False:
    /// somebody waits for the answer.
    public func endUnlessFollowed() -> Bool { flight.change { $0.endUnlessFollowed(by: seat) } }
}
