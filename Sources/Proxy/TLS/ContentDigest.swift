import COpenSSL

/// The SHA-256 of some bytes (FIPS 180-4), written as `sha256sum` does.
public struct ContentDigest: Hashable, Sendable, CustomStringConvertible {
    /// 64 hexadecimal digits in lower case.
    public let description: String

    /// The digest of `bytes`; nil if OpenSSL refuses. `EVP_Digest`
    public init?(of bytes: [UInt8]) {
        var digest = [UInt8](repeating: 0, count: 32)
        guard unsafe EVP_Digest(bytes, bytes.count, &digest, nil, EVP_sha256(), nil) == 1 else { return nil }
        let digits = Array("0123456789abcdef".utf8)
        description = String(
            decoding: digest.flatMap { [digits[Int($0 >> 4)], digits[Int($0 & 15)]] }, as: UTF8.self)
    }

    /// A digest that somebody else has written; nil for anything but 64 hexadecimal digits.
    public init?(text: String) {
        let lower = text.lowercased()
        guard lower.utf8.count == 64,
            lower.utf8.allSatisfy({ (0x30...0x39).contains($0) || (0x61...0x66).contains($0) })
        else { return nil }
        description = lower
    }
}
