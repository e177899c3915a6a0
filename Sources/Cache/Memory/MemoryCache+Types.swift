extension MemoryCache {
    /// Whose an entry is, and what for: for purges and statistics, never for finding it.
    public struct Labels: Hashable, Sendable {
        /// The tenant's name.
        public let tenant: String
        /// Whatever the key's scope was made of, in a number of its own.
        public let scope: UInt64
        /// The model that was asked; nil if there was none, or if its name is longer than ``modelByteCountMax``.
        public let model: String?

        /// No provider has longer names of models; one that is, is not worth its memory.
        public static let modelByteCountMax = 512

        /// The labels of an entry.
        public init(tenant: String, scope: UInt64, model: String?) {
            self.tenant = tenant
            self.scope = scope
            self.model = model.flatMap { $0.utf8.count <= Self.modelByteCountMax ? $0 : nil }
        }
    }

    /// What a look-up has found.
    public struct Found: Sendable {
        /// The answer, or the marker of one.
        public let entry: CacheEntry
        /// How long ago it was kept.
        public let ageNanoseconds: UInt64
        /// Whether it may be served like that.
        public let freshness: Freshness
    }

    /// Whether an entry is within its time.
    public enum Freshness: Equatable, Sendable {
        /// It is.
        case fresh
        /// It has been over for so long, and the entry is kept for those who take it all the same.
        case stale(byNanoseconds: UInt64)
    }

    /// What became of an entry that was to be kept.
    public enum InsertResult: Equatable, Sendable {
        /// It is kept, until others need its room.
        case kept
        /// It is larger than an entry may be, or than there is room for at all.
        case tooLarge
        /// It would push out too much at its first sight. Asked for again within the time of a few evictions it is kept.
        case notAdmitted
    }

    /// Levels and counts. Bytes include what an entry costs beside its content.
    public struct Statistics: Equatable, Sendable {
        /// Entries held, gone ones included that nobody has asked for since.
        public var entries = 0
        /// Bytes held.
        public var bytes = 0
        /// The limit on them.
        public var byteCountMax = 0
        /// Entries kept since the start.
        public var insertions = 0
        /// Look-ups that found an entry, fresh or stale.
        public var hits = 0
        /// Look-ups that found none.
        public var misses = 0
        /// Entries that made room for others.
        public var evictions = 0
        /// Entries dropped because their time was over.
        public var expirations = 0
        /// Entries found damaged.
        public var damaged = 0
        /// Entries not admitted.
        public var notAdmitted = 0
        /// What each tenant holds; who holds nothing is not listed.
        public var tenants: [String: Holding] = [:]

        /// Nothing.
        public init() {}
    }

    /// What a tenant holds.
    public struct Holding: Equatable, Sendable {
        /// Its entries.
        public var entries = 0
        /// Their bytes.
        public var bytes = 0

        /// Nothing.
        public init() {}
    }
}
