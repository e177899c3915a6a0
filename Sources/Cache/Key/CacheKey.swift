/// What an entry is found by: 32 bytes of HMAC-SHA256 under the tenant's cache key.
///
/// Who does not hold that key can neither make one nor learn from one what was asked.
public struct CacheKey: Hashable, Sendable {
    private let words: (UInt64, UInt64, UInt64, UInt64)

    /// The bytes of a key.
    public static let byteCount = 32

    /// A key of these 32 bytes; nil for any other number of them.
    public init?(digest: Span<UInt8>) {
        guard digest.count == Self.byteCount else { return nil }
        words = (Self.word(digest, 0), Self.word(digest, 8), Self.word(digest, 16), Self.word(digest, 24))
    }

    /// The first eight bytes, most significant first: as good as random, so that a table may take its places from them.
    public var prefix: UInt64 { words.0 }

    /// The 32 bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [words.0, words.1, words.2, words.3] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }

    /// The key in hexadecimal: 64 lower-case digits.
    public var text: String {
        String(
            decoding: bytes.flatMap { [Self.digit($0 >> 4), Self.digit($0 & 0x0f)] }, as: UTF8.self)
    }

    /// Whether both are the same key.
    public static func == (left: CacheKey, right: CacheKey) -> Bool { left.words == right.words }

    /// A digest needs no more hashing than its first word.
    public func hash(into hasher: inout Hasher) { hasher.combine(words.0) }

    private static func word(_ bytes: Span<UInt8>, _ start: Int) -> UInt64 {
        var word: UInt64 = 0
        for offset in 0..<8 { word = word << 8 | UInt64(bytes[start + offset]) }
        return word
    }

    private static func digit(_ value: UInt8) -> UInt8 { value < 10 ? 0x30 + value : 0x57 + value }
}
