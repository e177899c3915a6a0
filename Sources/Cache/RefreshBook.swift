import Synchronization

/// The kept answers that are being renewed, so that each is by one exchange at a time.
public final class RefreshBook: Sendable {
    /// More are not renewed at once; stale answers are given in the meantime.
    static let countMax = 1024

    private let keys = Mutex<Set<CacheKey>>([])

    /// Nothing is being renewed.
    public init() {}

    /// True: the caller renews it, and says ``end(_:)`` however that ends.
    public func begin(_ key: CacheKey) -> Bool {
        keys.withLock { keys in keys.count < Self.countMax && keys.insert(key).inserted }
    }

    /// It is over.
    public func end(_ key: CacheKey) {
        _ = keys.withLock { $0.remove(key) }
    }
}
