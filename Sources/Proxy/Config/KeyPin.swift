/// The SHA-256 of a public key as certificates carry it (SubjectPublicKeyInfo, RFC 7469 section 2.4).
public struct KeyPin: Hashable, Sendable, CustomStringConvertible {
    /// 32 bytes.
    let digest: [UInt8]

    /// What a pin begins with in the file.
    static let prefix = "sha256/"
    static let digestByteCount = 32

    init?(digest: some Sequence<UInt8>) {
        self.digest = Array(digest)
        guard self.digest.count == Self.digestByteCount else { return nil }
    }

    /// Why a text is no pin.
    enum Flaw: Error, Equatable {
        /// The text that was probably meant.
        case meant(String)
        /// The digest of a whole certificate, as browsers and `openssl x509 -fingerprint` show it.
        case fingerprint
        /// Another digest than SHA-256.
        case algorithm
        /// Anything else.
        case form
    }

    /// Reads "sha256/" and 32 bytes in base64 (RFC 4648 section 4), padding included.
    static func parse(_ text: String) throws(Flaw) -> KeyPin {
        if text.hasPrefix(prefix), let pin = KeyPin(base64: text.dropFirst(prefix.count)) { return pin }
        // curl writes "sha256//", HTTP's header "pin-sha256=", and some tools the digest alone.
        let known = ["sha256//", "sha256/", "sha256:", "sha256-", "pin-sha256=", ""]
        for start in known where text.lowercased().hasPrefix(start) {
            let rest = text.dropFirst(start.count).filter { $0 != "\"" && $0 != " " }
            let padded = rest.hasSuffix("=") ? rest : rest + "="
            if let pin = KeyPin(base64: padded[...]) { throw .meant(pin.description) }
        }
        let digits = text.utf8.filter { $0 != UInt8(ascii: ":") }
        if digits.count == 64, digits.allSatisfy(isHexDigit) { throw .fingerprint }
        if text.lowercased().hasPrefix("sha1") || text.lowercased().hasPrefix("sha512") { throw .algorithm }
        throw .form
    }

    /// "sha256/" and the digest in base64.
    public var description: String {
        var text = Self.prefix
        for start in stride(from: 0, to: digest.count, by: 3) {
            let group = digest[start..<min(start + 3, digest.count)]
            var bits = group.reduce(UInt32(0)) { $0 << 8 | UInt32($1) } << UInt32(8 * (3 - group.count))
            for place in 0..<4 {
                let letter = Self.alphabet[Int(bits >> 18 & 63)]
                text.unicodeScalars.append(place <= group.count ? Unicode.Scalar(letter) : "=")
                bits <<= 6
            }
        }
        return text
    }

    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)

    /// 32 bytes are 43 letters and one sign of padding; two spare bits must be zero, so that a pin has one spelling.
    private init?(base64 text: Substring) {
        let letters = Array(text.utf8)
        guard letters.count == 44, letters.last == UInt8(ascii: "=") else { return nil }
        var bytes: [UInt8] = []
        var bits: UInt32 = 0
        var bitCount: UInt32 = 0
        for letter in letters.dropLast() {
            guard let value = Self.alphabet.firstIndex(of: letter) else { return nil }
            bits = bits << 6 | UInt32(value)
            bitCount += 6
            if bitCount >= 8 {
                bitCount -= 8
                bytes.append(UInt8(truncatingIfNeeded: bits >> bitCount))
                bits &= (1 << bitCount) - 1
            }
        }
        guard bits == 0 else { return nil }
        self.init(digest: bytes)
    }

    private static func isHexDigit(_ byte: UInt8) -> Bool {
        byte >= 0x30 && byte <= 0x39 || byte | 0x20 >= 0x61 && byte | 0x20 <= 0x66
    }
}
