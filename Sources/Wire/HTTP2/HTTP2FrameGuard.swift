/// Watches the frames that a peer sends, by their headers alone, and says when it asks for more work than an honest peer.
///
/// Each kind of frame that costs the receiver something and the sender next to nothing has a budget: a burst, refilled
/// with time, and by what makes an honest peer send such frames. It knows nothing of streams or of their state.
public struct HTTP2FrameGuard: Sendable {
    /// Which budget was spent.
    public enum Abuse: String, Error, Equatable, Sendable, CaseIterable {
        /// More CONTINUATION frames for one header block than it can need (CVE-2024-27316 and others).
        case continuation
        /// SETTINGS, each of which must be acknowledged (CVE-2019-9515).
        case settings
        /// PING, each of which must be answered (CVE-2019-9512).
        case ping
        /// PRIORITY and PRIORITY_UPDATE, which mean nothing to leo (CVE-2019-9513).
        case priority
        /// WINDOW_UPDATE beyond what was sent.
        case windowUpdate
        /// DATA without data that does not end its stream (CVE-2019-9518).
        case emptyData
        /// Frames of types that nobody knows.
        case unknownFrame
        /// Streams that the peer opens and resets (rapid reset, CVE-2023-44487).
        case resetByPeer
        /// Streams that the peer makes leo reset (MadeYouReset, CVE-2025-8671), or whose heads are too large.
        case resetProvoked
        /// Frames that leo has to send and the peer does not read; the session counts these.
        case unreadFrames
    }

    /// How many frames of a kind are free, and how many a second come back.
    public struct Budget: Sendable {
        /// The burst.
        public var countMax: Int
        /// What is refilled each second.
        public var perSecond: Int

        fileprivate static let unlimited = Budget(countMax: .max, perSecond: 1_000_000_000)
    }

    /// The budgets; the reasons stand in docs/http2.md.
    public struct Budgets: Sendable {
        /// CONTINUATION frames of one header block.
        public var continuationCountMax = 8
        /// One at the start, and a few when a peer adapts its windows.
        public var settings = Budget(countMax: 32, perSecond: 1)
        /// Keep-alives; gRPC measures the path with one each time data arrives, so DATA that leo sends adds to it.
        public var ping = Budget(countMax: 256, perSecond: 10)
        /// Browsers and old clients send some with each request.
        public var priority = Budget(countMax: 256, perSecond: 20)
        /// Some clients give credit back for each DATA frame, twice.
        public var windowUpdate = Budget(countMax: 2000, perSecond: 200)
        /// There is hardly a reason for one.
        public var emptyData = Budget(countMax: 100, perSecond: 10)
        /// Some peers send one now and then, so that nobody forgets to ignore them (RFC 8701).
        public var unknownFrame = Budget(countMax: 100, perSecond: 10)
        /// A user who closes a page cancels all of its streams; a stream that ran to its end adds one.
        public var resetByPeer = Budget(countMax: 200, perSecond: 20)
        /// Honest peers get here by mistakes, or by opening streams faster than leo can clear up cancelled ones.
        public var resetProvoked = Budget(countMax: 200, perSecond: 10)

        /// The budgets that leo uses.
        public init() {}
    }

    /// What one DATA frame sent to the peer adds to the budget of WINDOW_UPDATE: one for the stream, one for the
    /// connection, and as much again because peers may split them.
    static let windowUpdatesPerDataFrame = 4

    private var continuationCountMax: Int
    private var continuationCount = 0
    private var settings: Bucket
    private var ping: Bucket
    private var priority: Bucket
    private var windowUpdate: Bucket
    private var emptyData: Bucket
    private var unknownFrame: Bucket
    private var resetByPeer: Bucket
    private var resetProvoked: Bucket

    /// Bytes of the client's preface still to come; it is not a frame, and the session checks it.
    private var prefaceBytesLeft: Int
    /// The frame header that is being read, most significant byte first.
    private var header: UInt64 = 0
    private var headerByteCount = 0
    private var payloadBytesLeft = 0
    /// A padded DATA frame whose pad length comes next.
    private var awaitsPadLength = false
    /// Whether a header block has begun and not ended.
    public private(set) var isInHeaderBlock = false

    /// The 24 bytes that a client begins with (RFC 9113 3.4).
    static let prefaceByteCount = 24
    private static let headerByteCountFull = 9

    /// Makes a guard for what a client sends, if `isServer`, or for what a server sends.
    ///
    /// A server may reset what leo opened as often as it likes: it makes no work that leo did not ask for, and one that is
    /// overloaded refuses many streams.
    public init(isServer: Bool, budgets: Budgets = Budgets()) {
        prefaceBytesLeft = isServer ? Self.prefaceByteCount : 0
        continuationCountMax = budgets.continuationCountMax
        settings = Bucket(budgets.settings)
        ping = Bucket(budgets.ping)
        priority = Bucket(budgets.priority)
        windowUpdate = Bucket(budgets.windowUpdate)
        emptyData = Bucket(budgets.emptyData)
        unknownFrame = Bucket(budgets.unknownFrame)
        resetByPeer = Bucket(isServer ? budgets.resetByPeer : .unlimited)
        resetProvoked = Bucket(isServer ? budgets.resetProvoked : .unlimited)
    }

    /// Takes what came from the peer, before the session does; `nanoseconds` is the time on a clock that only rises.
    public mutating func receive(_ bytes: Span<UInt8>, nanoseconds: UInt64) throws(Abuse) {
        var index = 0
        if prefaceBytesLeft > 0 {
            let skipped = min(prefaceBytesLeft, bytes.count)
            prefaceBytesLeft -= skipped
            index = skipped
        }
        while index < bytes.count {
            if headerByteCount < Self.headerByteCountFull {
                header = header << 8 | UInt64(bytes[index])
                // The last byte of nine pushes the first out of the word: only the length's high byte is lost, so it is
                // kept apart.
                if headerByteCount == 0 { lengthHighByte = Int(bytes[index]) }
                headerByteCount += 1
                index += 1
                if headerByteCount == Self.headerByteCountFull { try beginFrame(nanoseconds) }
            } else if awaitsPadLength {
                awaitsPadLength = false
                try countPadding(bytes[index], nanoseconds)
            } else {
                let skipped = min(payloadBytesLeft, bytes.count - index)
                payloadBytesLeft -= skipped
                index += skipped
            }
            if headerByteCount == Self.headerByteCountFull, payloadBytesLeft == 0 { headerByteCount = 0 }
        }
    }

    /// A DATA frame went to the peer.
    public mutating func sentData() {
        windowUpdate.add(Self.windowUpdatesPerDataFrame)
        ping.add(1)
    }

    /// A stream ran to its end on both sides.
    public mutating func completedStream() {
        resetByPeer.add(1)
        priority.add(1)
    }

    /// leo reset a stream because of what the peer sent, or answered a head that was too large.
    public mutating func provokedReset(nanoseconds: UInt64) throws(Abuse) {
        guard resetProvoked.spend(at: nanoseconds) else { throw .resetProvoked }
    }

    // MARK: - Frames

    private var lengthHighByte = 0

    private enum FrameType {
        static let data: UInt8 = 0
        static let headers: UInt8 = 1
        static let priority: UInt8 = 2
        static let resetStream: UInt8 = 3
        static let settings: UInt8 = 4
        static let pushPromise: UInt8 = 5
        static let ping: UInt8 = 6
        static let goAway: UInt8 = 7
        static let windowUpdate: UInt8 = 8
        static let continuation: UInt8 = 9
        static let priorityUpdate: UInt8 = 16
    }

    private enum Flag {
        static let endStream: UInt8 = 1
        static let endHeaders: UInt8 = 4
        static let padded: UInt8 = 8
    }

    private mutating func beginFrame(_ now: UInt64) throws(Abuse) {
        // header holds length (16 low bits), type, flags, stream identifier.
        let type = UInt8(truncatingIfNeeded: header >> 40)
        let flags = UInt8(truncatingIfNeeded: header >> 32)
        payloadBytesLeft = lengthHighByte << 16 | Int(truncatingIfNeeded: header >> 48)
        switch type {
        case FrameType.data:
            guard flags & Flag.endStream == 0 else { return }
            if payloadBytesLeft == 0 {
                guard emptyData.spend(at: now) else { throw .emptyData }
            } else if flags & Flag.padded != 0 {
                awaitsPadLength = true
            }
        case FrameType.headers, FrameType.pushPromise:
            continuationCount = 0
            isInHeaderBlock = flags & Flag.endHeaders == 0
        case FrameType.continuation:
            continuationCount += 1
            guard continuationCount <= continuationCountMax else { throw .continuation }
            if flags & Flag.endHeaders != 0 { isInHeaderBlock = false }
        case FrameType.priority, FrameType.priorityUpdate: guard priority.spend(at: now) else { throw .priority }
        case FrameType.resetStream: guard resetByPeer.spend(at: now) else { throw .resetByPeer }
        case FrameType.settings: guard settings.spend(at: now) else { throw .settings }
        case FrameType.ping: guard ping.spend(at: now) else { throw .ping }
        case FrameType.windowUpdate: guard windowUpdate.spend(at: now) else { throw .windowUpdate }
        case FrameType.goAway: break
        default: guard unknownFrame.spend(at: now) else { throw .unknownFrame }
        }
    }

    /// DATA that is nothing but padding carries as little as an empty one.
    private mutating func countPadding(_ padLength: UInt8, _ now: UInt64) throws(Abuse) {
        guard Int(padLength) + 1 >= payloadBytesLeft else { return }
        guard emptyData.spend(at: now) else { throw .emptyData }
    }

    /// Whole units that are spent one by one and come back with time, at most as many as there were.
    private struct Bucket: Sendable {
        private let countMax: Int
        private let nanosecondsPerUnit: UInt64
        private var count: Int
        /// Up to when time has been turned into units; nil until the first unit is spent.
        private var refilledAt: UInt64?

        init(_ budget: Budget) {
            countMax = max(budget.countMax, 0)
            count = countMax
            nanosecondsPerUnit = budget.perSecond > 0 ? 1_000_000_000 / UInt64(budget.perSecond) : .max
        }

        mutating func add(_ units: Int) { count += min(countMax - count, units) }

        mutating func spend(at now: UInt64) -> Bool {
            let then = refilledAt ?? now
            let units = now > then ? (now - then) / max(nanosecondsPerUnit, 1) : 0
            if units > UInt64(countMax - count) {
                count = countMax
                refilledAt = now
            } else {
                count += Int(units)
                refilledAt = then + units * nanosecondsPerUnit
            }
            guard count > 0 else { return false }
            count -= 1
            return true
        }
    }
}
