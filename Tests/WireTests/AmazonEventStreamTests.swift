import Testing

@testable import Wire

@Suite("Messages of an Amazon event stream")
struct AmazonEventStreamTests {
    // Written by another program (Python's struct and zlib.crc32), so that nothing here checks itself.
    private static let empty = bytes(hexadecimal: "000000100000000005c248eb7d98c8ff")
    private static let everyType = bytes(
        hexadecimal: """
            0000005f0000004f3902db72017400016601016202ff017303010201690400000007016c050000000000000001017906000200ff01\
            7807000474657874017708000000000000000001750930313233343536373839616263646566d4b24a0c
            """)
    private static let delta = bytes(
        hexadecimal: """
            0000009400000057b4ab9aee0b3a6576656e742d74797065070011636f6e74656e74426c6f636b44656c74610d3a636f6e74656e74\
            2d747970650700106170706c69636174696f6e2f6a736f6e0d3a6d6573736167652d747970650700056576656e747b2264656c7461\
            223a7b2274657874223a224869227d2c22636f6e74656e74426c6f636b496e646578223a307dee2da0d3
            """)
    private static let twice = bytes(hexadecimal: "0000001c0000000cc984e9c10161070001310161070001324934aa5c")

    private enum Seen: Equatable {
        case message(type: String, event: String, payload: String, whole: [UInt8])
        case oversized
    }

    private struct Outcome: Equatable {
        var seen: [Seen] = []
        var error: AmazonEventStreamError?
        var isBetweenMessages = true
    }

    private static func read(_ stream: [UInt8], cuts: [Int] = [], messageBytesMax: Int = 1024 * 1024) -> Outcome {
        var parser = AmazonEventStreamParser(messageBytesMax: messageBytesMax)
        var outcome = Outcome()
        forPieces(stream, cuts) { _, piece in
            var consumed = 0
            do throws(AmazonEventStreamError) {
                reading: while true {
                    switch try parser.step(piece, consumed: &consumed) {
                    case .needsMore: break reading
                    case .oversized: outcome.seen.append(.oversized)
                    case .message:
                        let whole = parser.message
                        outcome.seen.append(
                            .message(
                                type: String(lossy: parser.header(":message-type")),
                                event: String(lossy: parser.header(":event-type")),
                                payload: String(lossy: parser.payload), whole: whole.indices.map { whole[$0] }))
                    }
                }
            } catch {
                outcome.error = error
            }
        }
        outcome.isBetweenMessages = parser.isBetweenMessages
        return outcome
    }

    @Test("are read with their headers and payload, in any pieces")
    func good() {
        let stream = Self.empty + Self.delta + Self.everyType + Self.delta
        let payload = #"{"delta":{"text":"Hi"},"contentBlockIndex":0}"#
        let seen: [Seen] = [
            .message(type: "", event: "", payload: "", whole: Self.empty),
            .message(type: "event", event: "contentBlockDelta", payload: payload, whole: Self.delta),
            .message(type: "", event: "", payload: "", whole: Self.everyType),
            .message(type: "event", event: "contentBlockDelta", payload: payload, whole: Self.delta),
        ]
        #expect(Self.read(stream) == Outcome(seen: seen))
        for cuts in cuttings(stream.count) { #expect(Self.read(stream, cuts: cuts) == Outcome(seen: seen)) }
    }

    @Test("have headers of every type, of which texts are shown")
    func types() throws {
        var parser = AmazonEventStreamParser()
        var consumed = 0
        let step = try parser.step(Self.everyType.span, consumed: &consumed)
        #expect(step == .message)
        let text = String(lossy: parser.header("x"))
        let number = parser.header("i").count
        let missing = parser.header("z").count
        #expect(text == "text")
        #expect(number == 0 && missing == 0)
    }

    @Test("are written as they are read")
    func written() {
        let payload = Array(#"{"delta":{"text":"Hi"},"contentBlockIndex":0}"#.utf8)
        var queue = ByteQueue()
        queue.appendAmazonMessage(
            headers: [
                (":event-type", "contentBlockDelta"), (":content-type", "application/json"), (":message-type", "event"),
            ], payload: payload.span)
        #expect(Array(queue) == Self.delta)
        queue.removeAll()
        queue.appendAmazonMessage(headers: [], payload: Span())
        #expect(Array(queue) == Self.empty)
    }

    @Test("are refused at any changed bit, whatever else it would have meant")
    func checks() {
        for bit in 0..<(Self.delta.count * 8) {
            var stream = Self.delta
            stream[bit / 8] ^= 1 << UInt8(bit % 8)
            let outcome = Self.read(stream + Self.delta)
            #expect(outcome.seen.isEmpty)
            #expect(outcome.error == (bit < 96 ? .preludeChecksumWrong : .messageChecksumWrong))
        }
    }

    @Test("are refused where right checks stand over wrong contents")
    func contents() {
        #expect(Self.read(Self.twice).error == .headerTwice)
        for (total, inHeaders) in [(0, 0), (15, 0), (16, 1), (40, 25), (16, UInt32.max)] as [(UInt32, UInt32)] {
            let stream = Self.checked(total: total, inHeaders: inHeaders, rest: [UInt8](repeating: 0, count: 40))
            #expect(Self.read(stream).error == .lengthInvalid, "\(total) \(inHeaders)")
        }
        let malformed: [[UInt8]] = [
            [0], [0, 0], [1], [1, 97], [1, 97, 10], [1, 97, 255], [1, 97, 2], [1, 97, 7], [1, 97, 7, 0],
            [1, 97, 7, 0, 1], [1, 97, 4, 0, 0, 0], [2, 97, 0], [1, 97, 9, 1], [1, 97, 0, 0],
        ]
        for headers in malformed {
            let stream = Self.checked(
                total: UInt32(16 + headers.count), inHeaders: UInt32(headers.count), rest: headers)
            #expect(Self.read(stream).error == .headersMalformed, "\(headers)")
        }
    }

    @Test("can have a hundred headers and no more")
    func manyHeaders() {
        let hundred = (0..<100).flatMap { [2, 65 + $0 / 10, 65 + $0 % 10, 0] as [UInt8] }
        #expect(Self.read(Self.checked(total: 416, inHeaders: 400, rest: hundred)).seen.count == 1)
        let more = hundred + [1, 97, 0]
        #expect(Self.read(Self.checked(total: 419, inHeaders: 403, rest: more)).error == .headersMalformed)
    }

    @Test("show nothing more after a mistake")
    func dead() {
        var stream = Self.delta
        stream[50] ^= 1
        #expect(Self.read(stream + Self.delta, cuts: Array(0..<stream.count)).seen.isEmpty)
    }

    @Test("beyond the limit are checked and passed over, in any pieces")
    func oversized() {
        let stream = Self.everyType + Self.delta + Self.everyType
        let small = Seen.message(type: "", event: "", payload: "", whole: Self.everyType)
        let expected = Outcome(seen: [small, .oversized, small])
        for cuts in cuttings(stream.count) + [[]] {
            #expect(Self.read(stream, cuts: cuts, messageBytesMax: Self.delta.count - 1) == expected)
        }
        var damaged = stream
        damaged[Self.everyType.count + 60] ^= 4
        for cuts in [[], Array(0..<stream.count)] {
            let outcome = Self.read(damaged, cuts: cuts, messageBytesMax: Self.delta.count - 1)
            #expect(outcome.seen == [small])
            #expect(outcome.error == .messageChecksumWrong)
        }
    }

    @Test("that are cut off were none")
    func cut() {
        for count in 1..<Self.delta.count {
            let outcome = Self.read(Array(Self.delta.prefix(count)))
            #expect(outcome.seen.isEmpty && outcome.error == nil && !outcome.isBetweenMessages)
        }
    }

    @Test("are checked by the CRC that everybody means", arguments: [1, 3, 8, 64, 2000])
    func crc(size: Int) {
        func crc(_ bytes: [UInt8]) -> UInt32 {
            var crc = CRC32()
            forPieces(bytes, Array(stride(from: size, to: bytes.count, by: size))) { _, piece in crc.take(piece) }
            return crc.value
        }
        #expect(crc([]) == 0)
        #expect(crc(Array("123456789".utf8)) == 0xcbf4_3926)
        #expect(crc((0..<1280).map { UInt8($0 % 256) }) == 0x1e7a_6d24)
    }

    /// A message with right checks over whatever it holds.
    private static func checked(total: UInt32, inHeaders: UInt32, rest: [UInt8]) -> [UInt8] {
        func big(_ number: UInt32) -> [UInt8] {
            [24, 16, 8, 0].map { (shift: UInt32) in UInt8(truncatingIfNeeded: number >> shift) }
        }
        func crc(_ bytes: [UInt8]) -> [UInt8] {
            var crc = CRC32()
            crc.take(bytes.span)
            return big(crc.value)
        }
        var message = big(total) + big(inHeaders)
        message += crc(message)
        message += rest
        return message + crc(message)
    }
}
