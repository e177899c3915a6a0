import Policy

/// Makes fingerprints of provider keys: HMAC with SHA-256, under a key that is derived from the master key.
///
/// Without a master key there is one that only this process has: good for tables, and of no meaning to anybody else.
struct CredentialFingerprints: Sendable {
    private let current: KeyedDigest.Key
    private let previous: KeyedDigest.Key?
    /// Whether the fingerprints are those of the file and of other leos of the fleet.
    let isShared: Bool

    /// nil when OpenSSL fails or has no randomness to give.
    init?(_ keys: MasterKeys?) {
        isShared = keys != nil
        guard let keys else {
            guard let key = KeyedDigest.Key() else { return nil }
            (current, previous) = (key, nil)
            return
        }
        guard let derived = keys.current.derive(.fingerprints) else { return nil }
        current = KeyedDigest.Key(derived)
        if let before = keys.previous {
            guard let derived = before.derive(.fingerprints) else { return nil }
            previous = KeyedDigest.Key(derived)
        } else {
            previous = nil
        }
    }

    /// The fingerprint of a provider key; nil when OpenSSL fails.
    func fingerprint(of key: Span<UInt8>) -> CredentialFingerprint? { Self.fingerprint(of: key, current) }

    /// The same, with that under the master key before.
    func fact(of key: Span<UInt8>) -> CredentialFact {
        guard let fingerprint = fingerprint(of: key) else { return .none }
        return .key(fingerprint, previous: previous.flatMap { Self.fingerprint(of: key, $0) })
    }

    private static func fingerprint(of key: Span<UInt8>, _ digestKey: KeyedDigest.Key) -> CredentialFingerprint? {
        CredentialFingerprint(digestKey.code(of: key).span)
    }
}
