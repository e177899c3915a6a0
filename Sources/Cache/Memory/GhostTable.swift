/// The keys of entries that were pushed out of the small queue not long ago, as fingerprints.
///
/// As Yang et al. propose: a table of small buckets in which a key leaves its fingerprint and the time, counted in keys
/// left. A key that is older than `capacity` of those is forgotten, and its slot is anybody's. A table of another size
/// begins empty and stands beside the one before it until that one has nothing left to remember.
struct GhostTable {
    private var current = Slots(slotCount: slotCountMin)
    private var previous: Slots?
    private var replacedAt: UInt32 = 0
    private var clock: UInt32 = 0

    private static let slotCountMin = 256

    /// Remembers a key; `capacity` is the number of keys to be remembered.
    mutating func insert(_ key: CacheKey, capacity: Int) {
        clock &+= 1
        adapt(to: capacity)
        current.insert(key, clock: clock)
    }

    /// Whether a key is remembered; then it is forgotten.
    mutating func take(_ key: CacheKey, capacity: Int) -> Bool {
        let window = Self.window(capacity)
        if current.take(key, clock: clock, window: window) { return true }
        return previous?.take(key, clock: clock, window: window) ?? false
    }

    private mutating func adapt(to capacity: Int) {
        let wanted = max(capacity, Self.slotCountMin)
        if clock &- replacedAt > Self.window(capacity) { previous = nil }
        guard wanted > current.slotCount || wanted < current.slotCount / 4 else { return }
        previous = current
        replacedAt = clock
        current = Slots(slotCount: wanted)
    }

    private static func window(_ capacity: Int) -> UInt32 { UInt32(clamping: max(capacity, 1)) }
}

/// Buckets of four slots, in pieces that come into being when they are used.
private struct Slots {
    let slotCount: Int
    /// A slot is a fingerprint, never 0, above the time. An empty piece is one of empty slots.
    private var pieces: ContiguousArray<ContiguousArray<UInt64>>

    private static let pieceSlotCount = 256
    private static let bucketSlotCount = 4

    /// At least so many slots, and at least a piece of them.
    init(slotCount: Int) {
        let rounded = max(Self.pieceSlotCount, Int(bitPattern: (UInt(max(slotCount, 1)) - 1).roundedUpToPower))
        self.slotCount = rounded
        pieces = ContiguousArray(repeating: [], count: rounded / Self.pieceSlotCount)
    }

    mutating func insert(_ key: CacheKey, clock: UInt32) {
        let (piece, start) = bucket(key)
        if pieces[piece].isEmpty { pieces[piece] = ContiguousArray(repeating: 0, count: Self.pieceSlotCount) }
        let fingerprint = Self.fingerprint(key)
        var chosen = start
        var oldest: UInt32 = 0
        for place in start..<start + Self.bucketSlotCount {
            let slot = pieces[piece][place]
            if slot == 0 || slot >> 32 == fingerprint {
                chosen = place
                break
            }
            let age = clock &- UInt32(truncatingIfNeeded: slot)
            if age > oldest { (oldest, chosen) = (age, place) }
        }
        pieces[piece][chosen] = fingerprint << 32 | UInt64(clock)
    }

    mutating func take(_ key: CacheKey, clock: UInt32, window: UInt32) -> Bool {
        let (piece, start) = bucket(key)
        if pieces[piece].isEmpty { return false }
        let fingerprint = Self.fingerprint(key)
        for place in start..<start + Self.bucketSlotCount where pieces[piece][place] >> 32 == fingerprint {
            let isYoung = clock &- UInt32(truncatingIfNeeded: pieces[piece][place]) < window
            pieces[piece][place] = 0
            return isYoung
        }
        return false
    }

    private func bucket(_ key: CacheKey) -> (piece: Int, start: Int) {
        let slot = Int(truncatingIfNeeded: key.prefix) & (slotCount - 1) & ~(Self.bucketSlotCount - 1)
        return (slot / Self.pieceSlotCount, slot % Self.pieceSlotCount)
    }

    private static func fingerprint(_ key: CacheKey) -> UInt64 { key.prefix >> 28 & 0xffff_ffff | 1 }
}

extension UInt {
    /// The next power of two above this number, within what a table can have.
    fileprivate var roundedUpToPower: UInt { 1 << UInt(Swift.min(UInt.bitWidth - leadingZeroBitCount, 48)) }
}
