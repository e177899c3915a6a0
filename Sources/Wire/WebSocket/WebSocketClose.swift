/// The codes that say why a WebSocket is closed (RFC 6455 7.4).
public enum WebSocketCloseCode {
    /// The purpose is fulfilled.
    public static let normal: UInt16 = 1000
    /// An end goes away: leo is shutting down.
    public static let goingAway: UInt16 = 1001
    /// The other end broke the protocol.
    public static let protocolError: UInt16 = 1002
    /// A text that is not UTF-8.
    public static let invalidPayload: UInt16 = 1007
    /// A policy forbids it.
    public static let policyViolation: UInt16 = 1008
    /// A message is too large.
    public static let messageTooBig: UInt16 = 1009
    /// Something is wrong inside.
    public static let internalError: UInt16 = 1011
    /// Overload: come back later.
    public static let tryAgainLater: UInt16 = 1013
    /// The server behind this one gave a bad answer, or went away without closing.
    public static let badGateway: UInt16 = 1014

    /// Whether a frame may carry `code`: 1004 to 1006 and 1015 are for programs to tell themselves, what is not
    /// registered below 3000 is the protocol's to give out, and beyond 4999 there is nothing (RFC 6455 7.4.2).
    public static func isValidOnTheWire(_ code: UInt16) -> Bool {
        switch code {
        case 1000...1003, 1007...1014, 3000...4999: true
        default: false
        }
    }
}

extension WebSocketFrames {
    /// The longest reason of a close: a control frame's content without the code.
    public static let closeReasonBytesMax = controlBytesMax - 2

    /// A close of leo's own, as a whole frame.
    ///
    /// A `reason` of more than ``closeReasonBytesMax`` bytes is cut between two characters. Towards a server the frame
    /// needs a `mask`, made of random bytes; towards a client it must have none.
    public static func closeFrame(code: UInt16, reason: String = "", mask: WebSocketMask? = nil) -> [UInt8] {
        var payload = [UInt8(truncatingIfNeeded: code >> 8), UInt8(truncatingIfNeeded: code)]
        for character in reason.unicodeScalars {
            let bytes = UTF8.encode(character)
            guard let bytes, payload.count + bytes.count <= controlBytesMax else { break }
            payload += bytes
        }
        var frame = [0x80 | WebSocketOpcode.close.rawValue, UInt8(payload.count)]
        guard let mask else { return frame + payload }
        frame[1] |= 0x80
        for offset in 0..<4 { frame.append(mask.byte(at: offset)) }
        for (offset, byte) in payload.enumerated() { frame.append(byte ^ mask.byte(at: offset)) }
        return frame
    }
}
