import Cache
import Policy

/// Names kept answers: HMAC with SHA-256 of what a request is, under a key of its tenant's own.
///
/// The keys come from the master key, so that all leos of a fleet give an answer the same name; without one from random
/// bytes that only this process has, and keeps as long as it runs. No tenant can make a name that is another's, and
/// nobody who sees a name learns what was asked.
final class CacheKeys: Sendable {
    private let ownMaster: MasterKey?
    private let authenticators: [String: MessageAuthenticator]

    /// Keys for those of `tenants` that have a cache; nil when OpenSSL fails or has no randomness to give.
    init?(_ keys: MasterKeys?, tenants: [TenantPolicy], after previous: CacheKeys? = nil) {
        ownMaster = keys == nil ? previous?.ownMaster ?? MasterKey() : nil
        guard let master = keys?.current ?? ownMaster else { return nil }
        var authenticators: [String: MessageAuthenticator] = [:]
        for tenant in tenants where tenant.cache.isActive {
            guard let key = master.derive(.cacheKeys, tenant: tenant.name) else { return nil }
            authenticators[tenant.name] = MessageAuthenticator(key)
        }
        self.authenticators = authenticators
    }

    /// The name of the answer to a request; nil for a tenant without a cache.
    ///
    /// - Parameters:
    ///   - preamble: what beside the body makes two requests the same; no preamble is the beginning of another.
    ///   - canonical: the body in canonical form.
    func key(tenant: String, preamble: Span<UInt8>, canonical: Span<UInt8>) -> CacheKey? {
        authenticators[tenant].flatMap { CacheKey(digest: $0.code(of: preamble, canonical).span) }
    }
}
