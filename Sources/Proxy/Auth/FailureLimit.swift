import Cache
import Policy

/// How many wrong credentials one client address may try: a rate with a burst (GCRA), kept for a bounded number of
/// addresses. No clock of its own, and no lock.
///
/// An attempt is paid for before it is made and the price given back when it was right, so that a thousand attempts at
/// once are as limited as a thousand in a row.
struct FailureLimit {
    /// Attempts at once: more than a person and every program on a machine mistype together.
    static let burst: UInt64 = 20
    /// One more for each of these.
    static let interval = Nanoseconds(.seconds(5))
    /// Addresses remembered; one that is not used for long makes room.
    private static let addressCountMax = 4096

    /// Where attempts come from: an IPv4 address, an IPv6 network (a client has a whole /64 to choose from), or a user of
    /// this machine.
    enum Origin: Hashable, Sendable {
        case address(UInt32)
        case network(UInt64)
        case user(UInt32)

        init(_ peer: Peer) {
            switch peer {
            case .endpoint(let endpoint): self.init(endpoint.address)
            case .process(_, let user): self = .user(user)
            }
        }

        init(_ address: IPAddress) {
            switch address.unwrapped {
            case .v4(let bits): self = .address(bits)
            case .v6(let high, _): self = .network(high)
            }
        }
    }

    /// When an origin will have paid for all its attempts.
    private var paidUp = BoundedTable<Origin, UInt64>(countMax: addressCountMax)

    /// Pays for an attempt; false when the origin has had its share.
    mutating func take(_ origin: Origin, now: MonotonicTime) -> Bool {
        let paid = max(paidUp.value(for: origin, now: now.nanoseconds) ?? 0, now.nanoseconds)
        guard paid &+ Self.interval.count <= now.nanoseconds &+ Self.burst * Self.interval.count else { return false }
        keep(paid &+ Self.interval.count, origin)
        return true
    }

    /// The attempt was right, or never made.
    mutating func giveBack(_ origin: Origin, now: MonotonicTime) {
        guard let paid = paidUp.value(for: origin, now: now.nanoseconds) else { return }
        keep(paid - min(paid, Self.interval.count), origin)
    }

    /// What was paid up before now says no more than nothing, so an entry lives until then.
    private mutating func keep(_ paid: UInt64, _ origin: Origin) { paidUp.insert(paid, for: origin, expiresAt: paid) }
}
