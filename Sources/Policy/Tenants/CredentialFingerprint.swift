import Wire

/// What stands for a provider key in the file, in tables and, cut short, in the log: the first 128 bits of an HMAC under a
/// key that is derived from the master key. Nobody finds the provider key from it, and whoever has the same master key
/// gets the same fingerprint.
public struct CredentialFingerprint: Hashable, Sendable, CustomStringConvertible {
    private let high: UInt64
    private let low: UInt64

    /// How many bytes of the HMAC count.
    public static let byteCount = 16
    /// What the text begins with.
    public static let scheme = "hmac:"

    /// The first ``byteCount`` bytes of a code; nil when there are fewer.
    public init?(_ code: Span<UInt8>) {
        guard code.count >= Self.byteCount else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<8 {
            words.0 = words.0 << 8 | UInt64(code[index])
            words.1 = words.1 << 8 | UInt64(code[index + 8])
        }
        (high, low) = words
    }

    /// Reads `hmac:` and 32 hexadecimal digits; nil for anything else.
    public init?(_ text: String) {
        let bytes = Array(text.utf8)
        let scheme = Array(Self.scheme.utf8)
        guard bytes.count == scheme.count + 2 * Self.byteCount, bytes.starts(with: scheme) else { return nil }
        var words: (UInt64, UInt64) = (0, 0)
        for index in 0..<16 {
            guard let first = Self.digit(bytes[scheme.count + index]),
                let second = Self.digit(bytes[scheme.count + 16 + index])
            else { return nil }
            words.0 = words.0 << 4 | first
            words.1 = words.1 << 4 | second
        }
        (high, low) = words
    }

    /// `hmac:` and 32 hexadecimal digits, as `leo fingerprint` prints it.
    public var description: String {
        Self.scheme + Self.hexadecimal(high, count: 16) + Self.hexadecimal(low, count: 16)
    }
    /// The ``byteCount`` bytes.
    public var bytes: [UInt8] {
        var bytes: [UInt8] = []
        bytes.reserveCapacity(Self.byteCount)
        for word in [high, low] {
            for shift in stride(from: 56, through: 0, by: -8) { bytes.append(UInt8(truncatingIfNeeded: word >> shift)) }
        }
        return bytes
    }
    /// The first 8 hexadecimal digits, as the log shows them.
    public var prefix: String { Self.hexadecimal(high >> 32, count: 8) }

    /// Takes the same time whatever differs.
    public static func == (left: CredentialFingerprint, right: CredentialFingerprint) -> Bool {
        (left.high ^ right.high) | (left.low ^ right.low) == 0
    }

    /// Both words.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(high)
        hasher.combine(low)
    }

    private static func digit(_ byte: UInt8) -> UInt64? {
        switch byte {
        case 0x30...0x39: UInt64(byte - 0x30)
        case 0x41...0x46: UInt64(byte - 0x41 + 10)
        case 0x61...0x66: UInt64(byte - 0x61 + 10)
        default: nil
        }
    }

    private static func hexadecimal(_ word: UInt64, count: Int) -> String {
        let digits = String(word, radix: 16)
        return String(repeating: "0", count: max(count - digits.utf8.count, 0)) + digits
    }
}
