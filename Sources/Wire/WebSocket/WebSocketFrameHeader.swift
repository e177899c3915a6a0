/// The two kinds of WebSocket messages (RFC 6455 5.6).
public enum WebSocketMessageKind: Equatable, Sendable {
    /// UTF-8.
    case text
    /// Any bytes.
    case binary
}

/// What a frame is (RFC 6455 5.2).
enum WebSocketOpcode: UInt8, Sendable {
    case continuation = 0
    case text = 1
    case binary = 2
    case close = 8
    case ping = 9
    case pong = 10

    var isControl: Bool { rawValue >= 8 }
}

/// The header of a frame, taken byte by byte: two bytes, a longer length if the seven bits of the second do not do,
/// and the mask (RFC 6455 5.2).
struct WebSocketFrameHeader: Sendable {
    private(set) var isFinal = false
    private(set) var opcode = WebSocketOpcode.continuation
    private(set) var length: UInt64 = 0
    private(set) var mask = WebSocketMask.none

    private enum Stage: Sendable {
        case first
        case second
        case length(rest: Int)
        case mask(rest: Int)
        case complete
    }

    private var stage = Stage.first
    private var isMasked = false
    /// What the seven bits said.
    private var shortLength: UInt8 = 0

    /// Whether nothing was taken yet.
    var isEmpty: Bool {
        switch stage {
        case .first: true
        case .second, .length, .mask, .complete: false
        }
    }

    /// Whether ``length`` is known.
    var hasLength: Bool {
        switch stage {
        case .first, .second, .length: false
        case .mask, .complete: true
        }
    }

    var isComplete: Bool {
        switch stage {
        case .first, .second, .length, .mask: false
        case .complete: true
        }
    }

    /// Takes the next byte; there must be one to take.
    mutating func take(_ byte: UInt8, from sender: WebSocketFrames.Sender) throws(WebSocketError) {
        switch stage {
        case .first: try takeFirst(byte)
        case .second: try takeSecond(byte, sender)
        case .length(let rest):
            length = length << 8 | UInt64(byte)
            if rest > 1 {
                stage = .length(rest: rest - 1)
            } else {
                try checkLength()
                stage = stageAfterLength
            }
        case .mask(let rest):
            mask = mask.appending(byte)
            stage = rest > 1 ? .mask(rest: rest - 1) : .complete
        case .complete: break
        }
    }

    private mutating func takeFirst(_ byte: UInt8) throws(WebSocketError) {
        guard let opcode = WebSocketOpcode(rawValue: byte & 0x0f) else { throw .opcodeUnknown }
        isFinal = byte & 0x80 != 0
        guard isFinal || !opcode.isControl else { throw .controlFragmented }
        self.opcode = opcode
        stage = .second
    }

    private mutating func takeSecond(_ byte: UInt8, _ sender: WebSocketFrames.Sender) throws(WebSocketError) {
        isMasked = byte & 0x80 != 0
        switch sender {
        case .client: guard isMasked else { throw .maskMissing }
        case .upstream: guard !isMasked else { throw .maskForbidden }
        }
        shortLength = byte & 0x7f
        if opcode.isControl {
            guard shortLength <= WebSocketFrames.controlBytesMax else { throw .controlTooLong }
            guard opcode != .close || shortLength != 1 else { throw .closeTooShort }
        }
        switch shortLength {
        case 126: stage = .length(rest: 2)
        case 127: stage = .length(rest: 8)
        default:
            length = UInt64(shortLength)
            stage = stageAfterLength
        }
    }

    private var stageAfterLength: Stage { isMasked ? .mask(rest: 4) : .complete }

    private func checkLength() throws(WebSocketError) {
        guard length <= UInt64(Int64.max) else { throw .lengthTooLarge }
        guard length > (shortLength == 126 ? 125 : 65_535) else { throw .lengthNotMinimal }
    }
}
