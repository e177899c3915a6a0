/// Why bytes are refused as WebSocket frames: each case is one rule of RFC 6455, or a limit of leo's.
public enum WebSocketError: Error, Equatable, Sendable, CaseIterable {
    // Headers.
    /// A reserved bit is set, and leo lets no extension be agreed on.
    case reservedBit
    /// An opcode that RFC 6455 has no meaning for.
    case opcodeUnknown
    /// A client's frame without mask.
    case maskMissing
    /// A server's frame with a mask.
    case maskForbidden
    /// A length in more bytes than it needs.
    case lengthNotMinimal
    /// A length of 2^63 or more.
    case lengthTooLarge

    // Messages.
    /// A continuation where no message is.
    case continuationOfNothing
    /// A message begins before the last one ended.
    case messageInMessage
    /// A text is not UTF-8.
    case textNotUTF8
    /// A message has more bytes than allowed.
    case messageTooLarge
    /// A message has more frames than allowed.
    case tooManyFrames

    // Control frames.
    /// A control frame in more than one piece.
    case controlFragmented
    /// A control frame of more than 125 bytes.
    case controlTooLong
    /// A close with one byte of content: half a code.
    case closeTooShort
    /// A close with a code that no frame may carry.
    case closeCodeInvalid
    /// The reason of a close is not UTF-8.
    case closeReasonNotUTF8

    /// The close code that tells the sender (RFC 6455 7.4.1).
    public var closeCode: UInt16 {
        switch self {
        case .reservedBit, .opcodeUnknown, .maskMissing, .maskForbidden, .lengthNotMinimal, .lengthTooLarge,
            .continuationOfNothing, .messageInMessage, .controlFragmented, .controlTooLong, .closeTooShort,
            .closeCodeInvalid:
            WebSocketCloseCode.protocolError
        case .textNotUTF8, .closeReasonNotUTF8: WebSocketCloseCode.invalidPayload
        case .messageTooLarge, .tooManyFrames: WebSocketCloseCode.messageTooBig
        }
    }

    /// The reason in leo's own words; it never contains bytes of the frames.
    public var explanation: String {
        switch self {
        case .reservedBit: "a frame has a reserved bit set"
        case .opcodeUnknown: "a frame has an unknown opcode"
        case .maskMissing: "a frame of the client is not masked"
        case .maskForbidden: "a frame of the server is masked"
        case .lengthNotMinimal: "a frame's length is written in more bytes than it needs"
        case .lengthTooLarge: "a frame's length is 2^63 or more"
        case .continuationOfNothing: "a continuation frame without a message"
        case .messageInMessage: "a message begins inside of another"
        case .textNotUTF8: "a text message is not UTF-8"
        case .messageTooLarge: "a message has more bytes than allowed"
        case .tooManyFrames: "a message has more frames than allowed"
        case .controlFragmented: "a control frame is fragmented"
        case .controlTooLong: "a control frame has more than 125 bytes"
        case .closeTooShort: "a close frame has half a code"
        case .closeCodeInvalid: "a close frame has a code that no frame may carry"
        case .closeReasonNotUTF8: "the reason of a close frame is not UTF-8"
        }
    }
}
