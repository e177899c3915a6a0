import COpenSSL
import Wire

/// The key of an opening handshake and its digest (RFC 6455 1.3), and the random bytes that a client's frames need.
///
/// Neither is a secret: they keep caches and programs that know no WebSocket from taking part in one.
enum WebSocketKey {
    private static let salt = Array("258EAFA5-E914-47DA-95CA-C5AB0DC85B11".utf8)
    private static let keyBytes: Int32 = 16

    /// A key of leo's own, in base64: for an upstream in HTTP/1.1 when the client, in HTTP/2, sent none.
    ///
    /// nil if there is no randomness. `RAND_bytes`
    static func random() -> [UInt8]? {
        guard let bytes = randomBytes(keyBytes) else { return nil }
        return Base64.encode(bytes.span)
    }

    /// What Sec-WebSocket-Accept says to a key, which is in base64 and stays so; nil if OpenSSL refuses. `EVP_Digest`
    static func accept(for key: Span<UInt8>) -> [UInt8]? {
        OpenSSLErrors.clear()
        var text: [UInt8] = []
        text.reserveCapacity(key.count + salt.count)
        for index in key.indices { text.append(key[index]) }
        text += salt
        var digest = [UInt8](repeating: 0, count: 20)
        guard unsafe EVP_Digest(text, text.count, &digest, nil, EVP_sha1(), nil) == 1 else {
            OpenSSLErrors.clear()
            return nil
        }
        return Base64.encode(digest.span)
    }

    /// Whether an upstream's Sec-WebSocket-Accept is the answer to the key that was sent.
    static func matches(accept: Span<UInt8>, key: Span<UInt8>) -> Bool {
        guard let expected = Self.accept(for: key), expected.count == accept.count else { return false }
        return expected.indices.allSatisfy { expected[$0] == accept[$0] }
    }

    /// A mask for a frame of leo's own towards an upstream; nil if there is no randomness. `RAND_bytes`
    static func randomMask() -> WebSocketMask? {
        guard let bytes = randomBytes(4) else { return nil }
        return WebSocketMask(bytes[0], bytes[1], bytes[2], bytes[3])
    }

    private static func randomBytes(_ count: Int32) -> [UInt8]? {
        OpenSSLErrors.clear()
        var bytes = [UInt8](repeating: 0, count: Int(count))
        guard unsafe RAND_bytes(&bytes, count) == 1 else {
            OpenSSLErrors.clear()
            return nil
        }
        return bytes
    }
}
