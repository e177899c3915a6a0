import Wire

/// What a policy would see of one direction of a WebSocket, in order.
enum WebSocketSeen: Equatable {
    case text(String)
    case binary([UInt8])
    case ping([UInt8])
    case pong([UInt8])
    case close(UInt16?, String)
    /// A message that began and did not end.
    case part(WebSocketMessageKind, [UInt8])
}

/// What became of a stream of frames.
struct WebSocketOutcome: Equatable {
    var seen: [WebSocketSeen] = []
    var error: WebSocketError?
    var counts = WebSocketFrames.Counts()
    var isBetweenFrames = true
    /// How many bytes were gone over.
    var byteCount = 0
}

/// Feeds `stream` in pieces as a relay does that leaves nothing behind.
func readFrames(
    _ stream: [UInt8], from sender: WebSocketFrames.Sender = .upstream, in piece: Int = .max,
    limits: WebSocketFrames.Limits = .init()
) -> WebSocketOutcome {
    var frames = WebSocketFrames(from: sender, limits: limits)
    var outcome = WebSocketOutcome()
    var content = ByteQueue()
    var kind: WebSocketMessageKind?
    var fed = 0
    feeding: while fed < stream.count {
        let next = fed + min(piece, stream.count - fed)
        let bytes = stream.span.extracting(fed..<next)
        var consumed = 0
        do throws(WebSocketError) {
            while let event = try frames.step(bytes, consumed: &consumed) {
                switch event {
                case .messageBegan(let begun): kind = begun
                case .data(let range, let mask): mask.append(unmasking: bytes.extracting(range), to: &content)
                case .messageEnded:
                    let all = Array(content)
                    content.removeAll()
                    outcome.seen.append(kind == .text ? .text(String(decoding: all, as: UTF8.self)) : .binary(all))
                    kind = nil
                case .ping: outcome.seen.append(.ping(frames.controlPayload))
                case .pong: outcome.seen.append(.pong(frames.controlPayload))
                case .close(let code):
                    outcome.seen.append(.close(code, String(decoding: frames.closeReason, as: UTF8.self)))
                }
            }
        } catch {
            outcome.error = error
        }
        outcome.byteCount += consumed
        if outcome.error != nil || frames.isClosed { break feeding }
        fed = next
    }
    if let kind { outcome.seen.append(.part(kind, Array(content))) }
    outcome.counts = frames.counts
    outcome.isBetweenFrames = frames.isBetweenFrames
    return outcome
}

/// How a frame of a test is written; everything that RFC 6455 has rules for can be got wrong.
struct TestFrame {
    static let maskBytes: [UInt8] = [0x37, 0xfa, 0x21, 0x3d]

    var opcode: UInt8
    var isFinal = true
    var reserved: UInt8 = 0
    var isMasked = false
    var payload: [UInt8] = []
    /// The bytes that hold the length beside the seven bits: 0, 2 or 8; nil for as many as it needs.
    var lengthBytes: Int?
    /// A length that is not the payload's.
    var claims: UInt64?

    var bytes: [UInt8] {
        let length = claims ?? UInt64(payload.count)
        let lengthBytes = lengthBytes ?? (length < 126 ? 0 : length < 65_536 ? 2 : 8)
        var bytes = [(isFinal ? 0x80 : 0) | reserved << 4 | opcode, isMasked ? 0x80 : 0]
        switch lengthBytes {
        case 0: bytes[1] |= UInt8(length)
        case 2: bytes[1] |= 126
        default: bytes[1] |= 127
        }
        for place in (0..<lengthBytes).reversed() {
            bytes.append(UInt8(truncatingIfNeeded: length >> UInt64(8 * place)))
        }
        guard isMasked else { return bytes + payload }
        return bytes + Self.maskBytes + payload.enumerated().map { $1 ^ Self.maskBytes[$0 % 4] }
    }
}

func frame(_ opcode: UInt8, _ payload: [UInt8] = [], final: Bool = true, masked: Bool = false) -> [UInt8] {
    TestFrame(opcode: opcode, isFinal: final, isMasked: masked, payload: payload).bytes
}

func textFrame(_ text: String, final: Bool = true, opcode: UInt8 = 1, masked: Bool = false) -> [UInt8] {
    frame(opcode, Array(text.utf8), final: final, masked: masked)
}

func closeFrame(_ code: UInt16, _ reason: [UInt8] = [], masked: Bool = false) -> [UInt8] {
    frame(8, [UInt8(code >> 8), UInt8(truncatingIfNeeded: code)] + reason, masked: masked)
}
