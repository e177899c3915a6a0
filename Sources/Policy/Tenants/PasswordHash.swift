import Wire

/// A password as the file holds it: its scrypt digest (RFC 7914), the salt and what the digest cost.
///
/// The text is that of the Password Hashing Competition, `$scrypt$ln=15,r=8,p=1$SALT$DIGEST`, with or without the
/// leading `$`; salt and digest are base64, padded or not. Neither may be printed: the description leaves them out.
public struct PasswordHash: Hashable, Sendable, CustomStringConvertible, CustomReflectable {
    /// What a digest costs.
    public let cost: ScryptCost
    /// The salt, 8 to 64 bytes.
    public let salt: [UInt8]
    /// The digest, 32 to 64 bytes.
    public let digest: [UInt8]

    /// A digest that was made with `salt` at `cost`.
    public init(cost: ScryptCost, salt: [UInt8], digest: [UInt8]) {
        self.cost = cost
        self.salt = salt
        self.digest = digest
    }

    /// What it costs, and dots.
    public var description: String { "scrypt$\(cost)$••••" }
    /// Nothing for a debugger's or a dump's eyes.
    public var customMirror: Mirror { Mirror(self, children: []) }

    /// The line to paste into the file.
    public var text: String {
        "scrypt$\(cost)$\(Base64.text(of: salt, padded: false))$\(Base64.text(of: digest, padded: false))"
    }

    static let saltByteCounts = 8...64
    static let digestByteCounts = 32...64
    /// The longest text with these lengths has some 230.
    private static let textByteCountMax = 512

    /// Why a text is no hash that leo takes.
    public struct Flaw: Error, Equatable {
        /// What is wrong, as the rest of a sentence; holds nothing of the text.
        public let reason: String
    }

    /// Reads a hash. Throws for another method, for a cost outside of `ScryptCost`'s limits, and for anything else.
    public static func parse(_ text: String) throws(Flaw) -> PasswordHash {
        let parts = text.split(separator: "$", omittingEmptySubsequences: false).drop { $0.isEmpty }
        guard text.utf8.count <= textByteCountMax, parts.count > 1 else {
            throw Flaw(reason: "is no hash: leo hash makes one")
        }
        guard parts.first == "scrypt" else { throw Flaw(reason: "is no scrypt hash: leo hash makes one") }
        let fields = Array(parts.dropFirst())
        guard fields.count == 3 else {
            throw Flaw(reason: "is cut short or too long: scrypt$ln=15,r=8,p=1$SALT$DIGEST has four parts")
        }
        let cost = try ScryptCost.parse(fields[0])
        guard let salt = Base64.decodeLoose(fields[1].utf8.span), saltByteCounts.contains(salt.count) else {
            throw Flaw(
                reason: "has a salt that is not base64 of \(saltByteCounts.lowerBound) to "
                    + "\(saltByteCounts.upperBound) bytes")
        }
        guard let digest = Base64.decodeLoose(fields[2].utf8.span), digestByteCounts.contains(digest.count) else {
            throw Flaw(
                reason: "has a digest that is not base64 of \(digestByteCounts.lowerBound) to "
                    + "\(digestByteCounts.upperBound) bytes")
        }
        return PasswordHash(cost: cost, salt: salt, digest: digest)
    }
}

/// What one scrypt digest costs (RFC 7914 section 2): `128 · r · 2^ln` bytes, and work in proportion to them and to `p`.
///
/// The limits keep a file from asking for gigabytes or for seconds, and from pretending: below the least work a stolen
/// file gives its passwords away.
public struct ScryptCost: Hashable, Sendable, CustomStringConvertible {
    /// ln, the exponent of N.
    public let costExponent: Int
    /// r.
    public let blockSize: Int
    /// p.
    public let parallelism: Int

    /// What `leo hash` takes: 32 MB and some 50 ms, off the data path and once in ten minutes for each client's password.
    public static let standard = ScryptCost(unchecked: 15, 8, 1)

    /// The recommendation with the largest memory, OWASP's ln=17, r=8, takes just this.
    public static let memoryByteCountMax = 128 << 20
    /// N · r · p: that of ln=14, r=8, p=1, which was the interactive minimum when scrypt was new.
    private static let workMin = 1 << 17
    /// Sixteen times that of ln=14, r=8, p=1: some 400 ms.
    private static let workMax = 1 << 21

    private init(unchecked costExponent: Int, _ blockSize: Int, _ parallelism: Int) {
        self.costExponent = costExponent
        self.blockSize = blockSize
        self.parallelism = parallelism
    }

    /// nil for a cost outside of the limits.
    public init?(costExponent: Int, blockSize: Int, parallelism: Int) {
        guard (1...24).contains(costExponent), (1...32).contains(blockSize), (1...16).contains(parallelism) else {
            return nil
        }
        self.init(unchecked: costExponent, blockSize, parallelism)
        guard memoryByteCount <= Self.memoryByteCountMax, (Self.workMin...Self.workMax).contains(work) else {
            return nil
        }
    }

    /// What one computation holds.
    public var memoryByteCount: Int { 128 * blockSize << costExponent }
    /// In proportion to the time one computation takes.
    public var work: Int { blockSize * parallelism << costExponent }
    /// "ln=15,r=8,p=1"
    public var description: String { "ln=\(costExponent),r=\(blockSize),p=\(parallelism)" }

    fileprivate static func parse(_ text: Substring) throws(PasswordHash.Flaw) -> ScryptCost {
        var values: [Substring: Int] = [:]
        for part in text.split(separator: ",", omittingEmptySubsequences: false) {
            let pair = part.split(separator: "=", omittingEmptySubsequences: false)
            guard pair.count == 2, (1...3).contains(pair[1].utf8.count), pair[1].utf8.allSatisfy(ASCII.isDigit),
                let value = Int(pair[1]), values.updateValue(value, forKey: pair[0]) == nil
            else { throw malformed }
        }
        guard values.count == 3, let exponent = values["ln"], let size = values["r"], let count = values["p"] else {
            throw malformed
        }
        guard let cost = ScryptCost(costExponent: exponent, blockSize: size, parallelism: count) else {
            throw PasswordHash.Flaw(
                reason: "costs too little or too much: from ln=14,r=8,p=1 to 128 MB and ln=17,r=8,p=2 in work")
        }
        return cost
    }

    private static var malformed: PasswordHash.Flaw {
        PasswordHash.Flaw(reason: "has no parameters like ln=15,r=8,p=1")
    }
}
