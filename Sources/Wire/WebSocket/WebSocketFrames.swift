/// Reads one direction of a WebSocket (RFC 6455 5) without changing it: frames in, messages and control frames out.
///
/// The caller passes on the very bytes that ``step(_:consumed:)`` went over. No payload is copied but that of control
/// frames, 125 bytes at most: data comes as ranges of the caller's bytes, still masked, with the mask that fits them.
/// Everything that RFC 6455 forbids a sender is refused, since two readers could take it for two different messages.
/// No extension exists here, because leo declines every offer of one; so a reserved bit is a mistake.
public struct WebSocketFrames: Sendable {
    /// Whose frames these are: a client masks every frame and a server none (RFC 6455 5.1).
    public enum Sender: Sendable {
        /// The client.
        case client
        /// The server, which is leo's upstream.
        case upstream
    }

    /// What the next bytes are.
    public enum Event: Equatable, Sendable {
        /// A message begins; its content follows as ``data(_:mask:)``.
        case messageBegan(WebSocketMessageKind)
        /// Content of the message, as a range of the bytes that were passed in; never empty.
        case data(Range<Int>, mask: WebSocketMask)
        /// The message is complete.
        case messageEnded
        /// A ping; ``controlPayload`` is its content. It may come in the middle of a message, as the next two may.
        case ping
        /// A pong; ``controlPayload`` is its content.
        case pong
        /// A close, with its code if it has one; ``closeReason`` has the rest. Nothing follows.
        case close(code: UInt16?)
    }

    /// What leo reads at most; the rest of the limits are the protocol's own.
    public struct Limits: Equatable, Sendable {
        /// The largest content of one message.
        ///
        /// OpenAI takes 15 MB in one Realtime event and about 50 MB in a request with images; beyond this a policy could
        /// not hold a message to look at it. Nothing is held without one, so the limit costs no memory.
        public var messageBytesMax: UInt64 = 64 * 1024 * 1024
        /// The most frames of one message.
        ///
        /// SDKs send one, and libraries that stream a message one for each piece, at the rate of tokens or of sound. A
        /// message of empty frames without end would never get to whoever waits for its last one.
        public var framesPerMessageMax = 65_536

        /// The limits that leo has by itself.
        public init() {}
    }

    /// What went by so far.
    public struct Counts: Equatable, Sendable {
        /// Complete messages.
        public internal(set) var messageCount: UInt64 = 0
        /// Complete frames, control frames among them.
        public internal(set) var frameCount: UInt64 = 0
        /// Complete pings, pongs and closes.
        public internal(set) var controlFrameCount: UInt64 = 0
        /// Content of messages, complete or not, without headers.
        public internal(set) var messageByteCount: UInt64 = 0

        /// Nothing went by.
        public init() {}
    }

    /// The largest content of a control frame (RFC 6455 5.5).
    public static let controlBytesMax = 125

    private enum State: Sendable {
        case header(WebSocketFrameHeader)
        /// `rest` bytes of this data frame are to come.
        case data(rest: UInt64, isFinal: Bool)
        case control(WebSocketOpcode, rest: Int)
        case closed
    }

    /// The message that began and is not complete.
    private struct Message: Sendable {
        let kind: WebSocketMessageKind
        var frameCount = 0
        var byteCount: UInt64 = 0
        var text = UTF8Validator()
    }

    private let sender: Sender
    private let limits: Limits
    private var state = State.header(WebSocketFrameHeader())
    private var message: Message?
    private var mask = WebSocketMask.none

    /// What went by so far.
    public private(set) var counts = Counts()
    /// The content, unmasked, of the control frame that was the last event.
    public private(set) var controlPayload: [UInt8] = []

    /// Makes a reader of what `sender` sends after the handshake.
    public init(from sender: Sender, limits: Limits = Limits()) {
        self.sender = sender
        self.limits = limits
    }

    /// Whether the bytes so far end with a frame, so that a frame of leo's own may follow them.
    public var isBetweenFrames: Bool {
        switch state {
        case .header(let header): header.isEmpty
        case .data(let rest, _): rest == 0
        case .control: false
        case .closed: true
        }
    }

    /// Whether a message began and is not complete.
    public var isInMessage: Bool { message != nil }

    /// Whether a close went by: whatever follows is to be dropped (RFC 6455 1.4), and ``step(_:consumed:)`` leaves it.
    public var isClosed: Bool {
        switch state {
        case .closed: true
        case .header, .data, .control: false
        }
    }

    /// The reason that came with a close: UTF-8, often empty.
    public var closeReason: ArraySlice<UInt8> { controlPayload.dropFirst(2) }

    /// Advances over `bytes` from `consumed` to the next event; nil when every byte is used up, or after a close.
    ///
    /// `bytes` may be other bytes in each call, as long as the stream goes on at `consumed`. After an error, what was
    /// not consumed must not be passed on, and the connection fails with ``WebSocketError/closeCode``.
    public mutating func step(_ bytes: Span<UInt8>, consumed: inout Int) throws(WebSocketError) -> Event? {
        while true {
            switch state {
            case .closed: return nil
            case .header(let header):
                guard let header = try complete(header, bytes, &consumed) else { return nil }
                if let event = try begin(header) { return event }
            case .data(rest: 0, let isFinal):
                if isFinal, message?.text.isComplete == false { throw .textNotUTF8 }
                state = .header(WebSocketFrameHeader())
                counts.frameCount += 1
                if isFinal { return endMessage() }
            case .data(let rest, let isFinal):
                guard consumed < bytes.count else { return nil }
                return try data(rest, isFinal, bytes, &consumed)
            case .control(let opcode, let rest):
                guard takeControl(opcode, rest, bytes, &consumed) else { return nil }
                return try endControl(opcode)
            }
        }
    }

    // MARK: - Headers

    /// Reads a header to its end; nil if it goes on. A header that is here as a whole is consumed as a whole, so that
    /// nothing of one that is refused gets to the receiver.
    private mutating func complete(
        _ begun: WebSocketFrameHeader, _ bytes: Span<UInt8>, _ consumed: inout Int
    ) throws(WebSocketError) -> WebSocketFrameHeader? {
        var header = begun
        var index = consumed
        while index < bytes.count, !header.isComplete {
            let byte = bytes[index]
            if header.isEmpty { try checkOrder(byte) }
            try header.take(byte, from: sender)
            if header.hasLength { try checkLimits(header) }
            index += 1
        }
        state = .header(header)
        consumed = index
        return header.isComplete ? header : nil
    }

    /// Whether a frame that starts with `byte` may come now (RFC 6455 5.4). Its opcode is checked by the header.
    private func checkOrder(_ byte: UInt8) throws(WebSocketError) {
        guard byte & 0x70 == 0 else { throw .reservedBit }
        switch WebSocketOpcode(rawValue: byte & 0x0f) {
        case .continuation: if message == nil { throw .continuationOfNothing }
        case .text, .binary: if message != nil { throw .messageInMessage }
        case .close, .ping, .pong, nil: break
        }
    }

    private func checkLimits(_ header: WebSocketFrameHeader) throws(WebSocketError) {
        guard !header.opcode.isControl else { return }
        let before = message?.byteCount ?? 0
        guard header.length <= limits.messageBytesMax - min(before, limits.messageBytesMax) else {
            throw .messageTooLarge
        }
        guard message?.frameCount ?? 0 < limits.framesPerMessageMax else { throw .tooManyFrames }
    }

    private mutating func begin(_ header: WebSocketFrameHeader) throws(WebSocketError) -> Event? {
        mask = header.mask
        switch header.opcode {
        case .continuation:
            state = .data(rest: header.length, isFinal: header.isFinal)
            noteFrame(header.length)
            return nil
        case .text, .binary:
            let kind: WebSocketMessageKind = header.opcode == .text ? .text : .binary
            state = .data(rest: header.length, isFinal: header.isFinal)
            message = Message(kind: kind)
            noteFrame(header.length)
            return .messageBegan(kind)
        case .close, .ping, .pong:
            controlPayload.removeAll(keepingCapacity: true)
            state = .control(header.opcode, rest: Int(truncatingIfNeeded: header.length))
            return nil
        }
    }

    private mutating func noteFrame(_ byteCount: UInt64) {
        message?.frameCount += 1
        message?.byteCount += byteCount
    }

    // MARK: - Payloads

    private mutating func data(
        _ rest: UInt64, _ isFinal: Bool, _ bytes: Span<UInt8>, _ consumed: inout Int
    ) throws(WebSocketError) -> Event? {
        let start = consumed
        var range = start..<(start + Int(truncatingIfNeeded: min(UInt64(bytes.count - start), rest)))
        if message?.kind == .text {
            // What is good of a text goes by first, so that a mistake is found at the same byte in any pieces.
            let goodCount = message?.text.take(bytes, range, mask: mask) ?? 0
            guard goodCount > 0 else { throw .textNotUTF8 }
            range = start..<(start + goodCount)
        }
        let rangeMask = mask
        mask = mask.advanced(by: range.count)
        consumed = range.upperBound
        counts.messageByteCount += UInt64(range.count)
        state = .data(rest: rest - UInt64(range.count), isFinal: isFinal)
        return .data(range, mask: rangeMask)
    }

    private mutating func endMessage() -> Event {
        message = nil
        counts.messageCount += 1
        return .messageEnded
    }

    /// Copies what there is of a control frame; true when it is complete.
    private mutating func takeControl(
        _ opcode: WebSocketOpcode, _ rest: Int, _ bytes: Span<UInt8>, _ consumed: inout Int
    ) -> Bool {
        let count = min(rest, bytes.count - consumed)
        for offset in 0..<count { controlPayload.append(bytes[consumed + offset] ^ mask.byte(at: offset)) }
        mask = mask.advanced(by: count)
        consumed += count
        state = .control(opcode, rest: rest - count)
        return rest == count
    }

    private mutating func endControl(_ opcode: WebSocketOpcode) throws(WebSocketError) -> Event? {
        let event: Event
        switch opcode {
        case .close: event = .close(code: try closeCode())
        case .ping: event = .ping
        case .pong, .continuation, .text, .binary: event = .pong
        }
        state = opcode == .close ? .closed : .header(WebSocketFrameHeader())
        counts.frameCount += 1
        counts.controlFrameCount += 1
        return event
    }

    private func closeCode() throws(WebSocketError) -> UInt16? {
        guard controlPayload.count >= 2 else { return nil }
        let code = UInt16(controlPayload[0]) << 8 | UInt16(controlPayload[1])
        guard WebSocketCloseCode.isValidOnTheWire(code) else { throw .closeCodeInvalid }
        var reason = UTF8Validator()
        let range = 2..<controlPayload.count
        guard reason.take(controlPayload.span, range) == range.count, reason.isComplete else {
            throw .closeReasonNotUTF8
        }
        return code
    }
}
