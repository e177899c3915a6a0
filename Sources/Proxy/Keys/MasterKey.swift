import Policy
import Wire

/// What all secrets of a fleet are derived from: 32 to 64 random bytes, which every leo of the fleet has in a file.
///
/// From it comes one key for each purpose, and for each tenant where the purpose is a tenant's (HKDF with SHA-256,
/// RFC 5869): whoever learns one of them learns nothing of the others.
struct MasterKey: Sendable {
    private let secret: Secret

    /// What a derived key is for. The raw value goes into the derivation: changing one changes every key of that purpose.
    enum Purpose: String, CaseIterable, Sendable {
        /// Of provider keys; the same for all tenants, because a fingerprint tells which of them it is.
        case fingerprints
        /// Of what names kept answers; each tenant's own, so that none can name another's.
        case cacheKeys
    }

    /// Why a file holds no master key.
    enum Failure: Error, Equatable {
        /// It cannot be read, or others than its owner may read it.
        case file(CertificateFailure)
        /// What is in it is no key.
        case content(path: String)

        /// For the operator; never a byte of the file.
        var explanation: String {
            switch self {
            case .file(.exposedKey(let path, let mode)):
                "\(path): others than its owner may use the key in it (mode \(String(mode, radix: 8))); make it 0600"
            case .file(.unreadable(let path, let reason)):
                "\(path): cannot be read: \(reason) (leo keys init makes a new key)"
            case .file(let failure): failure.description
            case .content(let path):
                "\(path): holds no master key, which is one line of base64 of \(MasterKey.byteCounts.lowerBound) to "
                    + "\(MasterKey.byteCounts.upperBound) random bytes"
            }
        }
    }

    /// How many bytes a key has: those of the digest, up to its block.
    static let byteCounts = 32...64
    /// What a derived key has.
    static let derivedByteCount = 32
    /// Base64 of the longest key, a line's end, and room for a mistake.
    private static let fileBytesMax = 256
    /// Tells leo's derivations from those of other programs that have the same master key.
    private static let salt: StaticString = "leo master key, version 1"

    /// Reads a file that only its owner may read.
    init(path: String) throws(Failure) {
        let file: SecretBytes
        do throws(CertificateFailure) { file = try FileAccess.readSecret(path, byteCountMax: Self.fileBytesMax) } catch
        {
            throw .file(error)
        }
        let secret = unsafe file.withBytes { bytes in
            let text = unsafe Span<UInt8>(_unsafeBytes: bytes)
            var end = text.count
            while end > 0, text[end - 1] == 0x0A || text[end - 1] == 0x0D { end -= 1 }
            return Self.decode(text.extracting(0..<end))
        }
        guard let secret else { throw .content(path: path) }
        self.secret = secret
    }

    /// A new random key; nil when OpenSSL has no randomness to give.
    init?() {
        guard let secret = KeyDerivation.random(byteCount: Self.byteCounts.lowerBound) else { return nil }
        self.secret = secret
    }

    /// The key whose bytes are these; nil for too few or too many.
    init?(_ bytes: Span<UInt8>) {
        guard Self.byteCounts.contains(bytes.count) else { return nil }
        secret = Secret(copying: bytes)
    }

    /// The line that a file holds.
    var fileText: Secret {
        secret.withBytes { bytes in
            var text = Base64.encode(bytes) + [0x0A]
            defer { unsafe text.withUnsafeMutableBytes { unsafe Secret.wipe($0) } }
            return Secret(copying: text.span)
        }
    }

    /// The key for a purpose, of a tenant where it is the tenant's own; nil when OpenSSL fails.
    func derive(_ purpose: Purpose, tenant: String? = nil) -> Secret? {
        // Neither a purpose nor a tenant's name holds a zero byte.
        let info = Array(purpose.rawValue.utf8) + (tenant.map { [0] + Array($0.utf8) } ?? [])
        let salt = Array("\(Self.salt)".utf8)
        return secret.withBytes { KeyDerivation.derive($0, salt: salt, info: info, byteCount: Self.derivedByteCount) }
    }

    private static func decode(_ text: Span<UInt8>) -> Secret? {
        var isDecoded = false
        let secret = Secret(byteCountMax: byteCounts.upperBound) { put in
            isDecoded = Base64.decodeLoose(text, take: put)
        }
        return isDecoded && byteCounts.contains(secret.count) ? secret : nil
    }
}

/// The master keys that the file names: the one in force, and the one before while its traces are still about.
struct MasterKeys: Sendable {
    let current: MasterKey
    let previous: MasterKey?

    /// Reads what `[keys]` names; nil when it names nothing. Throws every mistake, with its place in the file.
    static func load(_ config: Config) throws(ConfigFailure) -> MasterKeys? {
        guard let written = config.keys.master else { return nil }
        var mistakes: [Diagnostic] = []
        func read(_ key: String, _ file: Config.Keys.File) -> MasterKey? {
            do throws(MasterKey.Failure) { return try MasterKey(path: file.path) } catch {
                let message = "keys.\(key): \(error.explanation)"
                mistakes.append(Diagnostic(file: config.path ?? "", place: file.place, message: message))
                return nil
            }
        }
        let current = read("master_file", written)
        let previous = config.keys.previous.flatMap { read("previous_file", $0) }
        guard mistakes.isEmpty, let current else { throw .mistakes(mistakes) }
        return MasterKeys(current: current, previous: previous)
    }
}
