import Testing

@testable import Wire

@Suite("WebSocket frames")
struct WebSocketFramesTests {
    @Test("are read as RFC 6455 has them, or refused by the rule that they break", arguments: WebSocketTable.all)
    func table(_ row: WebSocketCase) {
        let outcome = readFrames(row.stream, from: row.sender)
        #expect(outcome.seen == row.seen)
        #expect(outcome.error == row.error)
    }

    @Test("mean the same in pieces of any size", arguments: WebSocketTable.all)
    func pieces(_ row: WebSocketCase) {
        let whole = readFrames(row.stream, from: row.sender)
        let count = row.stream.count
        let sizes = count <= 400 ? Array(1...max(count, 1)) : [1, 2, 3, 5, 7, 13, 14, 61, 127, 1021, count - 1]
        for size in sizes {
            var outcome = readFrames(row.stream, from: row.sender, in: size)
            // Of a header that is refused, the part that came before is gone over already.
            if outcome.error != nil { outcome.byteCount = whole.byteCount }
            if outcome.error != nil { outcome.isBetweenFrames = whole.isBetweenFrames }
            #expect(outcome == whole, "in pieces of \(size)")
        }
    }

    @Test("are gone over to the last byte when they are good, so that the same bytes can be passed on")
    func consumption() {
        for row in WebSocketTable.all where row.error == nil {
            let outcome = readFrames(row.stream, from: row.sender)
            #expect(
                outcome.byteCount == row.stream.count
                    || row.seen.contains { if case .close = $0 { true } else { false } })
            #expect(outcome.isBetweenFrames)
        }
    }

    @Test("that are refused leave their header behind")
    func refusedHeader() {
        let good = textFrame("ok")
        for bad in [frame(3), frame(9, final: false), textFrame("x", masked: true), closeFrame(1005)] {
            let outcome = readFrames(good + bad)
            let isClose = bad[0] & 0x0f == 8
            // A close is refused by its content.
            #expect(outcome.byteCount == good.count + (isClose ? bad.count : 0))
            #expect(outcome.isBetweenFrames == !isClose)
        }
    }

    @Test("are counted")
    func counts() {
        let stream =
            textFrame("ab", final: false) + frame(9) + textFrame("c", opcode: 0) + frame(2, [1, 2, 3, 4]) + frame(10)
            + closeFrame(1000)
        let counts = readFrames(stream, in: 3).counts
        #expect(counts.messageCount == 2)
        #expect(counts.frameCount == 6)
        #expect(counts.controlFrameCount == 3)
        #expect(counts.messageByteCount == 7)
    }

    @Test("are refused over the size of a message, before a byte of the frame that is too much")
    func messageLimit() {
        var limits = WebSocketFrames.Limits()
        limits.messageBytesMax = 10
        let full = frame(2, [UInt8](repeating: 1, count: 10))
        #expect(readFrames(full + full, limits: limits).error == nil)
        let larger = readFrames(frame(2, [UInt8](repeating: 1, count: 11)), limits: limits)
        #expect(larger.error == .messageTooLarge && larger.byteCount == 0)
        let parts = frame(2, [1, 2, 3, 4, 5], final: false) + frame(9, [1, 2, 3]) + frame(0, [1, 2, 3, 4, 5, 6])
        let outcome = readFrames(parts, limits: limits)
        #expect(outcome.error == .messageTooLarge)
        #expect(outcome.seen == [.ping([1, 2, 3]), .part(.binary, [1, 2, 3, 4, 5])])
        // Lengths that overflow when they are added are too large like any other.
        limits.messageBytesMax = .max
        let huge = TestFrame(opcode: 0, isFinal: false, lengthBytes: 8, claims: 1 << 63 - 1).bytes
        #expect(readFrames(frame(2, [1], final: false) + huge, limits: limits).error == nil)
        limits.messageBytesMax = 1 << 63 - 1
        #expect(readFrames(frame(2, [1], final: false) + huge, limits: limits).error == .messageTooLarge)
    }

    @Test("are refused over the number of frames in a message, however small")
    func frameLimit() {
        var limits = WebSocketFrames.Limits()
        limits.framesPerMessageMax = 3
        let three = frame(1, final: false) + frame(0, final: false) + frame(0)
        #expect(readFrames(three + frame(9) + three, limits: limits).error == nil)
        let four = frame(1, final: false) + frame(0, final: false) + frame(9) + frame(0, final: false) + frame(0)
        #expect(readFrames(four, limits: limits).error == .tooManyFrames)
        limits.framesPerMessageMax = 0
        #expect(readFrames(frame(1), limits: limits).error == .tooManyFrames)
    }

    @Test("leave room for a frame of leo's own only between them")
    func betweenFrames() throws {
        let stream = textFrame("abc", final: false, masked: true) + frame(9, [1], masked: true)
        var frames = WebSocketFrames(from: .client)
        var ends: [Int] = []
        for index in stream.indices {
            if frames.isBetweenFrames { ends.append(index) }
            var consumed = 0
            while try frames.step(stream.span.extracting(index..<(index + 1)), consumed: &consumed) != nil {}
        }
        #expect(ends == [0, 9] && frames.isBetweenFrames && frames.isInMessage)
    }

    @Test("after a mistake bring the same mistake again")
    func again() {
        for row in WebSocketTable.all {
            guard let error = row.error else { continue }
            var frames = WebSocketFrames(from: row.sender)
            var consumed = 0
            for _ in 0..<2 {
                #expect(throws: error) {
                    while try frames.step(row.stream.span, consumed: &consumed) != nil {}
                }
            }
        }
    }

    /// Seeds are arguments, so that a failure can be repeated alone.
    @Test("with random damage are read alike in any pieces, or refused", arguments: 0..<300)
    func damage(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        let rows = WebSocketTable.all.filter { $0.stream.count <= 300 }
        var stream: [UInt8] = []
        let sender: WebSocketFrames.Sender = random.next() % 2 == 0 ? .client : .upstream
        for _ in 0..<4 {
            let row = rows[Int(random.next() % UInt64(rows.count))]
            if row.sender == sender { stream += row.stream }
        }
        guard !stream.isEmpty else { return }
        stream[Int(random.next() % UInt64(stream.count))] = UInt8(truncatingIfNeeded: random.next())
        let whole = readFrames(stream, from: sender)
        for size in [1, 2, 3, 7, 33] {
            let outcome = readFrames(stream, from: sender, in: size)
            #expect(outcome.seen == whole.seen && outcome.error == whole.error, "in pieces of \(size): \(stream)")
            #expect(outcome.counts == whole.counts)
        }
    }
}

@Suite("A WebSocket mask")
struct WebSocketMaskTests {
    private let mask = WebSocketMask(1, 2, 4, 8)

    @Test("is its own inverse from any offset and at any length", arguments: 0..<5)
    func inverse(offset: Int) {
        for count in [0, 1, 3, 4, 7, 8, 9, 16, 31, 100] {
            let payload = (0..<count).map { UInt8(truncatingIfNeeded: $0 &* 37) }
            let standing = mask.advanced(by: offset)
            var masked = ByteQueue()
            standing.append(unmasking: payload.span, to: &masked)
            let expected = payload.enumerated().map { $1 ^ [1, 2, 4, 8][(offset + $0) % 4] }
            #expect(Array(masked) == expected)
            var again = ByteQueue()
            standing.append(unmasking: masked.bytes, to: &again)
            #expect(Array(again) == payload)
        }
    }

    @Test("that is none changes nothing")
    func none() {
        var out = ByteQueue()
        WebSocketMask.none.append(unmasking: [1, 2, 3].span, to: &out)
        #expect(Array(out) == [1, 2, 3])
    }
}

@Suite("A close of leo's own")
struct WebSocketCloseTests {
    @Test("is a frame that either side reads", arguments: [false, true])
    func readBack(isMasked: Bool) {
        let mask = isMasked ? WebSocketMask(9, 8, 7, 6) : nil
        let bytes = WebSocketFrames.closeFrame(code: WebSocketCloseCode.policyViolation, reason: "no", mask: mask)
        #expect(readFrames(bytes, from: isMasked ? .client : .upstream).seen == [.close(1008, "no")])
        let bare = WebSocketFrames.closeFrame(code: WebSocketCloseCode.goingAway, mask: mask)
        #expect(readFrames(bare, from: isMasked ? .client : .upstream).seen == [.close(1001, "")])
    }

    @Test("cuts a long reason between characters")
    func longReason() {
        let reason = String(repeating: "\u{20ac}", count: 60)
        let bytes = WebSocketFrames.closeFrame(code: 1011, reason: reason)
        #expect(readFrames(bytes).seen == [.close(1011, String(repeating: "\u{20ac}", count: 41))])
    }

    @Test("tells each mistake with a code that a frame may carry", arguments: WebSocketError.allCases)
    func codes(_ error: WebSocketError) {
        #expect(WebSocketCloseCode.isValidOnTheWire(error.closeCode))
        #expect(error.explanation.utf8.count <= WebSocketFrames.closeReasonBytesMax)
    }
}

@Suite("The validator of UTF-8")
struct UTF8ValidatorTests {
    @Test("agrees with the standard library on every text of up to three bytes of interest")
    func exhaustive() {
        let bytes: [UInt8] = [
            0x00, 0x61, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed, 0xee,
            0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff,
        ]
        for first in bytes {
            for second in bytes {
                for third in bytes {
                    for text in [[first, second, third], [first, second, third, 0x80], [first, second, third, 0xbf]] {
                        var validator = UTF8Validator()
                        let isGood = validator.take(text.span, 0..<text.count) == text.count && validator.isComplete
                        #expect(isGood == (String(validating: text, as: UTF8.self) != nil), "\(text)")
                    }
                }
            }
        }
    }

    @Test("finds the same mistake at any place of a long text, masked or not", arguments: [false, true])
    func places(isMasked: Bool) {
        let mask = isMasked ? WebSocketMask(0x37, 0xfa, 0x21, 0x3d) : .none
        for position in 0..<40 {
            var text = [UInt8](repeating: 0x61, count: 40)
            text[position] = 0xff
            let sent = text.enumerated().map { $1 ^ mask.byte(at: $0) }
            var validator = UTF8Validator()
            #expect(validator.take(sent.span, 0..<40, mask: mask) == position)
            // From the middle, with the mask that fits there.
            let start = min(5, position)
            var later = UTF8Validator()
            #expect(later.take(sent.span, start..<40, mask: mask.advanced(by: start)) == position - start)
        }
    }
}
