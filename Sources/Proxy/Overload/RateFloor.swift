/// Tells when a peer moves a body too slowly: `listen.body_rate_min`.
///
/// A peer has a credit of time, `span`, which runs down while somebody waits for that peer and for nobody else, and which
/// every byte that it moves prolongs by one second / `bytesPerSecondMin`, up to `span` again. So it may stop for `span`
/// altogether, as ever, but it cannot stretch a message by a byte now and then: in any `span` of waiting it must have
/// moved `span · bytesPerSecondMin` bytes on average. (Apache's mod_reqtimeout counts the same way.)
///
/// With `span` = `listen.stall_timeout` the credit takes the place of the stall timer: nothing at all for `stall_timeout`
/// ends the exchange as before, and too little does so too.
///
/// An exchange has one for its client, says before each sleep who is being waited for, and sleeps until ``deadline``.
/// "Waiting for the client" is: its answer's bytes are in the queue and its socket takes no more, or its request's body is
/// incomplete and everything it sent has gone upstream. While the upstream owes an answer, or takes the request slowly,
/// the credit stands still. Answer bytes count when the kernel takes them, which for a large socket buffer is in large
/// steps; `span` is long enough for that.
///
/// Sans-I/O: time comes in with each call.
struct RateFloor {
    private let nanosecondsPerByte: UInt64
    private let spanNanoseconds: UInt64
    /// What is left of the credit, as of `since`.
    private var creditNanoseconds: UInt64
    /// When the credit began to run; nil: it stands still.
    private var since: MonotonicTime?

    /// A floor that nobody is below yet. `bytesPerSecondMin` of zero leaves the stall alone to be noticed: any byte gives
    /// all of the credit back.
    init(bytesPerSecondMin: Int, span: Nanoseconds) {
        nanosecondsPerByte = bytesPerSecondMin > 0 ? 1_000_000_000 / UInt64(bytesPerSecondMin) : .max
        spanNanoseconds = span.count
        creditNanoseconds = span.count
    }

    /// Says whether it is this peer, and no other, that is being waited for.
    mutating func setWaiting(_ isWaiting: Bool, at now: MonotonicTime) {
        settle(at: now)
        since = isWaiting ? max(now, since ?? now) : nil
    }

    /// The peer has moved bytes.
    mutating func moved(_ byteCount: Int, at now: MonotonicTime) {
        settle(at: now)
        // Bytes that come when the credit is used up count all the same: it may have been leo that was stopped. A peer that
        // is too slow has its deadline before its next byte.
        guard byteCount > 0 else { return }
        let (gain, gainOverflow) = nanosecondsPerByte.multipliedReportingOverflow(by: UInt64(byteCount))
        let (sum, sumOverflow) = creditNanoseconds.addingReportingOverflow(gain)
        creditNanoseconds = gainOverflow || sumOverflow ? spanNanoseconds : min(sum, spanNanoseconds)
    }

    /// When the peer will have been too slow if it moves nothing until then; `.never` while it is not waited for.
    var deadline: MonotonicTime {
        since?.advanced(by: Nanoseconds(count: creditNanoseconds)) ?? .never
    }

    /// Whether the peer has used up its credit.
    func isTooSlow(at now: MonotonicTime) -> Bool { since != nil && deadline <= now }

    private mutating func settle(at now: MonotonicTime) {
        guard let since else { return }
        creditNanoseconds -= min(creditNanoseconds, now.since(since).count)
        self.since = max(since, now)
    }
}
