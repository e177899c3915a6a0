import Testing
import Wire

/// One row of the table: a sentence about the protocol, a stream of a server's frames, and what must become of it.
struct WebSocketCase: CustomTestStringConvertible, Sendable {
    let sentence: String
    let stream: [UInt8]
    var sender = WebSocketFrames.Sender.upstream
    let seen: [WebSocketSeen]
    var error: WebSocketError?

    var testDescription: String { sentence }

    init(
        _ sentence: String, _ stream: [UInt8], from sender: WebSocketFrames.Sender = .upstream,
        seen: [WebSocketSeen] = [], error: WebSocketError? = nil
    ) {
        self.sentence = sentence
        self.stream = stream
        self.sender = sender
        self.seen = seen
        self.error = error
    }
}

/// The table, in the order of the Autobahn test suite's chapters.
enum WebSocketTable {
    static let all = examples + framing + pings + reserved + opcodes + fragments + utf8 + closes + masks + lengths

    private static let star = Array("*".utf8)

    /// RFC 6455 5.7.
    private static let examples = [
        WebSocketCase(
            "RFC 6455 5.7: an unmasked text", [0x81, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], seen: [.text("Hello")]),
        WebSocketCase(
            "RFC 6455 5.7: a masked text", [0x81, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            from: .client, seen: [.text("Hello")]),
        WebSocketCase(
            "RFC 6455 5.7: a text in two frames", [0x01, 0x03, 0x48, 0x65, 0x6c, 0x80, 0x02, 0x6c, 0x6f],
            seen: [.text("Hello")]),
        WebSocketCase(
            "RFC 6455 5.7: a ping", [0x89, 0x05, 0x48, 0x65, 0x6c, 0x6c, 0x6f], seen: [.ping(Array("Hello".utf8))]),
        WebSocketCase(
            "RFC 6455 5.7: a masked pong", [0x8a, 0x85, 0x37, 0xfa, 0x21, 0x3d, 0x7f, 0x9f, 0x4d, 0x51, 0x58],
            from: .client, seen: [.pong(Array("Hello".utf8))]),
        WebSocketCase(
            "RFC 6455 5.7: 256 bytes in a binary message",
            [0x82, 0x7e, 0x01, 0x00] + [UInt8](repeating: 7, count: 256),
            seen: [.binary([UInt8](repeating: 7, count: 256))]),
        WebSocketCase(
            "RFC 6455 5.7: 64 KB in a binary message",
            [0x82, 0x7f, 0, 0, 0, 0, 0, 1, 0, 0] + [UInt8](repeating: 7, count: 65_536),
            seen: [.binary([UInt8](repeating: 7, count: 65_536))]),
    ]

    /// Autobahn 1.
    private static let framing = [1, 2].flatMap { opcode in
        [0, 1, 125, 126, 127, 128, 65_535, 65_536].flatMap { count in
            [false, true].map { masked in
                let payload = [UInt8](repeating: star[0], count: count)
                return WebSocketCase(
                    "\(count) bytes, opcode \(opcode), masked \(masked)",
                    frame(UInt8(opcode), payload, masked: masked), from: masked ? .client : .upstream,
                    seen: [opcode == 1 ? .text(String(repeating: "*", count: count)) : .binary(payload)])
            }
        }
    }

    /// Autobahn 2.
    private static let pings = [
        WebSocketCase("2.1: a ping without content", frame(9), seen: [.ping([])]),
        WebSocketCase("2.3: a ping with bytes", frame(9, [0, 0xff, 0xfe]), seen: [.ping([0, 0xff, 0xfe])]),
        WebSocketCase(
            "2.4: a ping of 125 bytes", frame(9, [UInt8](repeating: 0xfe, count: 125)),
            seen: [.ping([UInt8](repeating: 0xfe, count: 125))]),
        WebSocketCase(
            "2.5: a ping of 126 bytes", frame(9, [UInt8](repeating: 0xfe, count: 126)), error: .controlTooLong),
        WebSocketCase(
            "a pong with a length in 8 bytes", TestFrame(opcode: 10, payload: star, lengthBytes: 8).bytes,
            error: .controlTooLong),
        WebSocketCase("2.7: a pong unasked", frame(10), seen: [.pong([])]),
        WebSocketCase(
            "2.10: pings and pongs mixed", frame(9, [1]) + frame(10, [2]) + frame(9, [3]) + textFrame("x"),
            seen: [.ping([1]), .pong([2]), .ping([3]), .text("x")]),
    ]

    /// Autobahn 3.
    private static let reserved = (1...7).flatMap { bits in
        [0, 1, 2, 8, 9, 10].map { opcode in
            WebSocketCase(
                "reserved bits \(bits), opcode \(opcode)",
                textFrame("ok") + TestFrame(opcode: UInt8(opcode), reserved: UInt8(bits), payload: star).bytes,
                seen: [.text("ok")], error: .reservedBit)
        }
    }

    /// Autobahn 4.
    private static let opcodes = [3, 4, 5, 6, 7, 11, 12, 13, 14, 15].map { opcode in
        WebSocketCase(
            "opcode \(opcode)", textFrame("ok") + frame(UInt8(opcode), star), seen: [.text("ok")],
            error: .opcodeUnknown)
    }

    /// Autobahn 5.
    private static let fragments = [
        WebSocketCase("5.1: a ping in two", frame(9, star, final: false) + frame(0, star), error: .controlFragmented),
        WebSocketCase("5.2: a pong in two", frame(10, star, final: false) + frame(0, star), error: .controlFragmented),
        WebSocketCase("a close in two", frame(8, [3, 0xe8], final: false), error: .controlFragmented),
        WebSocketCase(
            "5.3: a text in two", textFrame("frag", final: false) + textFrame("ment", opcode: 0),
            seen: [.text("fragment")]),
        WebSocketCase(
            "5.6: a ping inside of a text",
            textFrame("frag", final: false) + frame(9, star) + textFrame("ment", opcode: 0),
            seen: [.ping(star), .text("fragment")]),
        WebSocketCase(
            "5.9: a continuation of nothing", textFrame("", final: false, opcode: 0), error: .continuationOfNothing),
        WebSocketCase(
            "5.12: a last continuation of nothing", textFrame("non", opcode: 0) + textFrame("x"),
            error: .continuationOfNothing),
        WebSocketCase(
            "5.15: a continuation after the end",
            textFrame("a", final: false) + textFrame("b", opcode: 0) + textFrame("c", opcode: 0),
            seen: [.text("ab")], error: .continuationOfNothing),
        WebSocketCase(
            "5.18: a text inside of a text", textFrame("a", final: false) + textFrame("b"),
            seen: [.part(.text, Array("a".utf8))], error: .messageInMessage),
        WebSocketCase(
            "a binary inside of a text", textFrame("a", final: false) + frame(2, [1]),
            seen: [.part(.text, Array("a".utf8))], error: .messageInMessage),
        WebSocketCase(
            "5.19: five frames and pings between them",
            ["1", "2", "3"].flatMap {
                textFrame($0, final: false, opcode: $0 == "1" ? 1 : 0) + frame(9, Array($0.utf8))
            }
                + textFrame("4", final: false, opcode: 0) + textFrame("5", opcode: 0),
            seen: [.ping(Array("1".utf8)), .ping(Array("2".utf8)), .ping(Array("3".utf8)), .text("12345")]),
        WebSocketCase(
            "6.1.3: empty frames around a text",
            textFrame("", final: false) + textFrame("x", final: false, opcode: 0) + textFrame("", opcode: 0),
            seen: [.text("x")]),
        WebSocketCase(
            "a close inside of a text", textFrame("a", final: false) + closeFrame(1001),
            seen: [.close(1001, ""), .part(.text, Array("a".utf8))]),
    ]

    /// Autobahn 6.
    private static let utf8 = goodTexts + badTexts + cutTexts + otherTexts

    private static let goodTexts = [
        "\u{3ba}\u{1f79}\u{3c3}\u{3bc}\u{3b5}", "\u{0}", "\u{7f}", "\u{80}", "\u{7ff}", "\u{800}", "\u{d7ff}",
        "\u{e000}", "\u{fffd}", "\u{ffff}", "\u{10000}", "\u{10ffff}", "12345678\u{20ac}12345678\u{1f600}",
    ].map { WebSocketCase("UTF-8 \($0.debugDescription)", textFrame($0), seen: [.text($0)]) }

    /// Bytes that are no UTF-8, and how many of them could still be.
    private static let flaws: [(bytes: [UInt8], goodCount: Int)] = [
        ([0x80], 0), ([0xbf], 0), ([0xc0, 0xaf], 0), ([0xc1, 0xbf], 0), ([0xe0, 0x80, 0xaf], 1),
        ([0xe0, 0x9f, 0xbf], 1), ([0xf0, 0x80, 0x80, 0xaf], 1), ([0xf0, 0x8f, 0xbf, 0xbf], 1), ([0xed, 0xa0, 0x80], 1),
        ([0xed, 0xbf, 0xbf], 1), ([0xf4, 0x90, 0x80, 0x80], 1), ([0xf5, 0x80, 0x80, 0x80], 0),
        ([0xf8, 0x88, 0x80, 0x80, 0x80], 0), ([0xfe], 0), ([0xff], 0), ([0xce, 0x61], 1), ([0xe2, 0x82, 0x61], 2),
        ([0xf0, 0x9f, 0x98, 0x61], 3), ([0xce, 0xce], 1),
    ]

    private static let badTexts = flaws.map { flaw in
        let before = Array("12345678".utf8)
        let good = before + flaw.bytes.prefix(flaw.goodCount)
        return WebSocketCase(
            "not UTF-8 \(flaw.bytes)", frame(1, before + flaw.bytes + [0x61]), seen: [.part(.text, good)],
            error: .textNotUTF8)
    }

    private static let cuts: [[UInt8]] = [[0xce], [0xe2], [0xe2, 0x82], [0xf0, 0x9f, 0x98]]

    private static let cutTexts = cuts.map { bytes in
        WebSocketCase(
            "a character cut at the end \(bytes)", frame(1, bytes), seen: [.part(.text, bytes)], error: .textNotUTF8)
    }

    private static let otherTexts = [
        WebSocketCase(
            "6.2.3: a character over three frames",
            frame(1, [0xe2], final: false) + frame(0, [0x82], final: false) + frame(9) + frame(0, [0xac]),
            seen: [.ping([]), .text("\u{20ac}")]),
        WebSocketCase(
            "6.4.1: a mistake in the second frame, before the message ends",
            frame(1, [0xce, 0xba], final: false) + frame(0, [0xf4, 0x90], final: false),
            seen: [.part(.text, [0xce, 0xba, 0xf4])], error: .textNotUTF8),
        WebSocketCase(
            "a masked mistake", frame(1, Array("abcde".utf8) + [0xff], masked: true), from: .client,
            seen: [.part(.text, Array("abcde".utf8))], error: .textNotUTF8),
        WebSocketCase("binary is anything", frame(2, [0xff, 0xfe]), seen: [.binary([0xff, 0xfe])]),
    ]

    /// Autobahn 7.
    private static let closes = closeFrames + goodCodes + badCodes

    private static let closeFrames = [
        WebSocketCase("7.1.2: nothing after a close", closeFrame(1000) + textFrame("x"), seen: [.close(1000, "")]),
        WebSocketCase("nonsense after a close", frame(8) + [0xff, 0xff], seen: [.close(nil, "")]),
        WebSocketCase("7.3.1: a close without code", frame(8), seen: [.close(nil, "")]),
        WebSocketCase("7.3.2: a close with half a code", frame(8, [3]), error: .closeTooShort),
        WebSocketCase(
            "7.3.4: a close with a reason", closeFrame(1000, Array("Hello W\u{f6}rld".utf8)),
            seen: [.close(1000, "Hello W\u{f6}rld")]),
        WebSocketCase(
            "7.3.5: the longest reason", closeFrame(1000, [UInt8](repeating: star[0], count: 123)),
            seen: [.close(1000, String(repeating: "*", count: 123))]),
        WebSocketCase(
            "7.3.6: a longer one", closeFrame(1000, [UInt8](repeating: star[0], count: 124)), error: .controlTooLong),
        WebSocketCase(
            "7.5.1: a reason that is not UTF-8", closeFrame(1000, [0xce, 0xba, 0xff]), error: .closeReasonNotUTF8),
        WebSocketCase("a reason that is cut", closeFrame(1000, [0xe2, 0x82]), error: .closeReasonNotUTF8),
        WebSocketCase(
            "a masked close", closeFrame(4001, Array("bye".utf8), masked: true), from: .client,
            seen: [.close(4001, "bye")]),
    ]

    private static let goodCodes = [
        1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010, 1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999,
    ].map { (code: UInt16) in WebSocketCase("close code \(code)", closeFrame(code), seen: [.close(code, "")]) }

    private static let badCodes = [0, 999, 1004, 1005, 1006, 1015, 1016, 1100, 2000, 2999, 5000, 65_535].map {
        (code: UInt16) in WebSocketCase("close code \(code)", closeFrame(code), error: .closeCodeInvalid)
    }

    private static let masks = [
        WebSocketCase("a client without mask", textFrame("x"), from: .client, error: .maskMissing),
        WebSocketCase("a client's ping without mask", frame(9), from: .client, error: .maskMissing),
        WebSocketCase("a server with mask", textFrame("x", masked: true), error: .maskForbidden),
        WebSocketCase("a server's empty close with mask", frame(8, masked: true), error: .maskForbidden),
    ]

    private static let lengths = [
        WebSocketCase(
            "125 in two bytes", TestFrame(opcode: 2, payload: [UInt8](repeating: 0, count: 125), lengthBytes: 2).bytes,
            error: .lengthNotMinimal),
        WebSocketCase("0 in eight bytes", TestFrame(opcode: 2, lengthBytes: 8).bytes, error: .lengthNotMinimal),
        WebSocketCase(
            "65535 in eight bytes", TestFrame(opcode: 2, lengthBytes: 8, claims: 65_535).bytes,
            error: .lengthNotMinimal),
        WebSocketCase(
            "2^63", TestFrame(opcode: 2, lengthBytes: 8, claims: 1 << 63).bytes, error: .lengthTooLarge),
        WebSocketCase(
            "2^63 - 1", TestFrame(opcode: 2, lengthBytes: 8, claims: 1 << 63 - 1).bytes, error: .messageTooLarge),
    ]
}
