/// The user and password for the parent proxy, in the form in which they are sent. Prints as dots; its memory is wiped
/// when nobody needs it any more.
@safe
final class ParentCredentials: @unchecked Sendable {
    // Filled in init and then only read.
    private let fieldLine: SecretBytes
    /// How long the field line is, its end included.
    let byteCount: Int

    /// Long enough for a token in place of the password.
    private static let fileBytesMax = 4096
    private static let fieldStart = "Proxy-Authorization: Basic "

    /// Why a file holds no credentials.
    enum Failure: Error, Equatable {
        /// It cannot be read, or others than its owner may read it.
        case file(CertificateFailure)
        /// What is in it is not `user:password`.
        case content(String)

        /// For the operator; never a byte of the file.
        func explanation(path: String) -> String {
            switch self {
            case .file(.exposedKey(_, let mode)):
                "\(path): others than its owner may use the password in it (mode \(String(mode, radix: 8))); make it 0600"
            case .file(let failure): failure.description
            case .content(let flaw): "\(path): \(flaw)"
            }
        }
    }

    /// Reads a file that only its owner may read and that holds one line, `user:password` (RFC 7617 section 2).
    init(path: String) throws(Failure) {
        let file: SecretBytes
        do throws(CertificateFailure) {
            file = try FileAccess.readSecret(path, byteCountMax: Self.fileBytesMax)
        } catch { throw .file(error) }
        let line = try unsafe file.withBytes { bytes throws(Failure) in
            let text = unsafe UnsafeRawBufferPointer(rebasing: bytes[..<Self.lineEnd(bytes)])
            if let flaw = unsafe Self.flaw(in: text) { throw .content(flaw) }
            return unsafe Self.fieldLine(of: text)
        }
        fieldLine = line
        byteCount = unsafe line.withBytes { bytes in bytes.count }
    }

    /// Adds the field line to a request, which must have room for it.
    func append(to request: SecretBytes) { unsafe fieldLine.withBytes { bytes in unsafe request.append(bytes) } }

    /// Where the line ends that an editor may have ended with a line break.
    private static func lineEnd(_ bytes: UnsafeRawBufferPointer) -> Int {
        var end = bytes.count
        if unsafe end > 0 && bytes[end - 1] == UInt8(ascii: "\n") { end -= 1 }
        if unsafe end > 0 && end < bytes.count && bytes[end - 1] == UInt8(ascii: "\r") { end -= 1 }
        return end
    }

    private static func flaw(in text: UnsafeRawBufferPointer) -> String? {
        if unsafe text.isEmpty { return "is empty; it holds one line, user:password" }
        if unsafe text.contains(UInt8(ascii: "\n")) { return "has more than one line; it holds user:password alone" }
        if unsafe text.contains(where: { $0 < 0x20 || $0 == 0x7F }) { return "has control characters in it" }
        guard let colon = unsafe text.firstIndex(of: UInt8(ascii: ":")) else {
            return "has no colon; it holds one line, user:password"
        }
        return colon == 0 ? "has no user before the colon" : nil
    }

    private static func fieldLine(of text: UnsafeRawBufferPointer) -> SecretBytes {
        let byteCount = text.count
        let line = SecretBytes(byteCount: fieldStart.utf8.count + (byteCount + 2) / 3 * 4 + 2)
        line.append(fieldStart.utf8)
        for start in stride(from: 0, to: byteCount, by: 3) {
            let end = min(start + 3, byteCount)
            let group = unsafe text[start..<end].reduce(UInt32(0)) { $0 << 8 | UInt32($1) }
            let bits = group << UInt32(8 * (start + 3 - end))
            for place in 0..<4 {
                let letter = alphabet[Int(bits >> (18 - 6 * UInt32(place)) & 63)]
                line.append(CollectionOfOne(place <= end - start ? letter : UInt8(ascii: "=")))
            }
        }
        line.append("\r\n".utf8)
        return line
    }

    /// RFC 4648 section 4.
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
}

extension ParentCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    var description: String { "••••••" }
    var debugDescription: String { description }
    var customMirror: Mirror { Mirror(self, children: []) }
}
