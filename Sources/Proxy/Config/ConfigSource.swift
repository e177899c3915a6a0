import Policy

/// The file that a configuration came from, as it was when it was read.
public struct ConfigSource: Equatable, Sendable {
    /// Where it is, absolute.
    public let path: String
    /// What was in it; nil only if OpenSSL has failed.
    public let digest: ContentDigest?
    /// Its keys and values with their places, to be compared with those of a later reading.
    public let settings: FileSettings
}
