import Testing
import Wire

@testable import Proxy

@Suite("An access-log line's JSON")
struct AccessLogJSONTests {
    @Test(
        "escapes what JSON or a terminal would take for more than text",
        arguments: [
            ("plain", #""plain""#),
            ("", #""""#),
            (#"say "hi" \ bye"#, #""say \"hi\" \\ bye""#),
            ("\u{8}\t\n\u{C}\r", #""\b\t\n\f\r""#),
            ("\u{0}\u{1F}\u{7F}", #""\u0000\u001f\u007f""#),
            ("\u{80}\u{9B}\u{9F}\u{A0}", "\"\\u0080\\u009b\\u009f\u{A0}\""),
            ("żółć 日本 🦁 \u{2028}\u{2029}", "\"żółć 日本 🦁 \u{2028}\u{2029}\""),
        ])
    func escaping(text: String, json: String) {
        #expect(line { $0.field("a", text) } == #"{"a":"# + json + "}\n")
    }

    @Test(
        "replaces bytes that are no UTF-8",
        arguments: [
            ([0x61, 0xFF, 0x62], "a\u{FFFD}b"),
            ([0x80], "\u{FFFD}"),
            ([0xC0, 0xAF], "\u{FFFD}\u{FFFD}"),
            ([0xED, 0xA0, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xE2, 0x82], "\u{FFFD}"),
            ([0xE2, 0x82, 0x22], "\u{FFFD}\\\""),
            ([0xF0, 0x9F, 0xA6, 0x41], "\u{FFFD}A"),
            ([0xF4, 0x90, 0x80, 0x80], "\u{FFFD}\u{FFFD}\u{FFFD}\u{FFFD}"),
            ([0xC2], "\u{FFFD}"),
        ] as [([UInt8], String)])
    func invalid(bytes: [UInt8], text: String) {
        #expect(line { $0.field("a", bytes.span) } == "{\"a\":\"\(text)\"}\n")
    }

    @Test("is one line of valid JSON that means the same as any decoder makes of the bytes", arguments: 1...20)
    func random(seed: UInt64) throws {
        var random = SeededRandom(state: seed)
        // Mostly bytes that begin or continue something.
        let alphabet: [UInt8] = [
            0x00, 0x0A, 0x1F, 0x22, 0x41, 0x5C, 0x7F, 0x80, 0x9F, 0xA0, 0xBF, 0xC2, 0xE0, 0xED, 0xEF,
        ]
        for _ in 0..<200 {
            let bytes = (0..<random.next() % 40).map { _ in
                random.next() % 4 == 0
                    ? UInt8(truncatingIfNeeded: random.next() >> 8)
                    : alphabet[Int(random.next() % UInt64(alphabet.count))]
            }
            let text = line { $0.field("a", bytes.span) }
            #expect(text.utf8.filter { $0 < 0x20 } == [0x0A])
            let object = try JSONText.parse(text)
            #expect(object.members.map(\.name) == ["a"])
            #expect(object["a"] == .string(String(decoding: bytes, as: UTF8.self)))
        }
    }

    @Test(
        "cuts a long text at the end of a character",
        arguments: [
            ("abcdef", 3, "abc"), ("abc", 3, "abc"), ("aé", 2, "a"), ("aé", 3, "aé"), ("日本", 5, "日"), ("日本", 2, ""),
            ("🦁🦁", 7, "🦁"), ("🦁🦁", 8, "🦁🦁"), ("abc", 0, ""),
        ])
    func cutting(text: String, byteCountMax: Int, kept: String) {
        #expect(line { $0.field("a", text, byteCountMax: byteCountMax) } == "{\"a\":\"\(kept)\"}\n")
    }

    @Test("cuts bytes that are no text where the limit is")
    func cuttingNoText() {
        let bytes = [UInt8](repeating: 0x80, count: 20)
        #expect(UTF8Text.prefixLength(of: bytes.span, byteCountMax: 10) == 10)
    }

    @Test("holds numbers, booleans and nested objects")
    func values() {
        let text = line { line in
            line.field("n", UInt64.max)
            line.field("id", hexadecimal: 0x1F)
            line.openObject("empty")
            line.closeObject()
            line.openObject("in")
            line.field("yes", true)
            line.field("no", false)
            line.closeObject()
            line.field("zero", 0)
        }
        let expected =
            #"{"n":18446744073709551615,"id":"000000000000001f","empty":{},"in":{"yes":true,"no":false},"zero":0}"#
        #expect(text == expected + "\n")
    }

    @Test(
        "writes nanoseconds as milliseconds without needless digits",
        arguments: [
            (0, "0"), (999, "0"), (1_000, "0.001"), (100_000, "0.1"), (120_999, "0.12"), (1_000_000, "1"),
            (1_500_000, "1.5"), (12_034_567, "12.034"), (600_000_000_000, "600000"),
        ] as [(UInt64, String)])
    func milliseconds(nanoseconds: UInt64, text: String) {
        #expect(line { $0.field("t", millisecondsOfNanoseconds: nanoseconds) } == "{\"t\":\(text)}\n")
    }

    @Test("goes to the end of what the queue holds already")
    func appending() {
        var queue = ByteQueue()
        queue.append("before\n")
        for _ in 0..<2 {
            var line = JSONLine(appendingTo: &queue)
            line.field("a", 1)
            line.finish(into: &queue)
        }
        #expect(text(of: queue) == "before\n{\"a\":1}\n{\"a\":1}\n")
    }

    private func line(_ write: (inout JSONLine) -> Void) -> String {
        var queue = ByteQueue()
        var line = JSONLine(appendingTo: &queue)
        write(&line)
        line.finish(into: &queue)
        return text(of: queue)
    }
}

/// The text in a queue.
func text(of queue: borrowing ByteQueue) -> String {
    let bytes = queue.bytes
    return String(decoding: bytes.indices.map { bytes[$0] }, as: UTF8.self)
}

/// A small generator with a seed, so that a failure can be repeated.
struct SeededRandom: RandomNumberGenerator {
    var state: UInt64

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }
}

/// A JSON value (RFC 8259) as it was written: members keep their order, and a name may come twice.
indirect enum JSONText: Equatable {
    case object([Member])
    case array([JSONText])
    case string(String)
    /// A number, `true`, `false` or `null`, as written.
    case word(String)

    struct Member: Equatable {
        var name: String
        var value: JSONText
    }

    struct Flaw: Error, Equatable {
        var position: Int
    }

    var members: [Member] {
        if case .object(let members) = self { return members }
        return []
    }

    subscript(_ name: String) -> JSONText? { members.first { $0.name == name }?.value }

    /// Reads one value and the line feed after it, nothing else.
    static func parse(_ text: String) throws -> JSONText {
        var reader = Reader(bytes: Array(text.utf8))
        let value = try reader.value()
        try reader.expect(0x0A)
        guard reader.position == reader.bytes.count else { throw Flaw(position: reader.position) }
        return value
    }

    private struct Reader {
        let bytes: [UInt8]
        var position = 0

        mutating func next() throws -> UInt8 {
            guard position < bytes.count else { throw Flaw(position: position) }
            position += 1
            return bytes[position - 1]
        }

        mutating func expect(_ byte: UInt8) throws {
            guard try next() == byte else { throw Flaw(position: position - 1) }
        }

        mutating func value() throws -> JSONText {
            guard position < bytes.count else { throw Flaw(position: position) }
            switch bytes[position] {
            case 0x7B: return try object()
            case 0x22: return .string(try string())
            case 0x5B: return try array()
            default: return .word(try word())
            }
        }

        mutating func object() throws -> JSONText {
            try expect(0x7B)
            var members: [Member] = []
            if position < bytes.count, bytes[position] == 0x7D {
                position += 1
                return .object(members)
            }
            while true {
                let name = try string()
                try expect(0x3A)
                members.append(Member(name: name, value: try value()))
                switch try next() {
                case 0x2C: continue
                case 0x7D: return .object(members)
                default: throw Flaw(position: position - 1)
                }
            }
        }

        mutating func array() throws -> JSONText {
            try expect(0x5B)
            var elements: [JSONText] = []
            if position < bytes.count, bytes[position] == 0x5D {
                position += 1
                return .array([])
            }
            while true {
                elements.append(try value())
                switch try next() {
                case 0x2C: continue
                case 0x5D: return .array(elements)
                default: throw Flaw(position: position - 1)
                }
            }
        }

        mutating func word() throws -> String {
            let start = position
            while position < bytes.count, ![0x2C, 0x7D, 0x5D, 0x0A].contains(bytes[position]) { position += 1 }
            let word = String(decoding: bytes[start..<position], as: UTF8.self)
            let isNumber = word.wholeMatch(of: /-?(0|[1-9][0-9]*)(\.[0-9]+)?/) != nil
            guard isNumber || ["true", "false", "null"].contains(word) else { throw Flaw(position: start) }
            return word
        }

        mutating func string() throws -> String {
            try expect(0x22)
            var decoded: [UInt8] = []
            while true {
                let byte = try next()
                switch byte {
                case 0x22:
                    guard let text = String(validating: decoded, as: UTF8.self) else { throw Flaw(position: position) }
                    return text
                case 0x5C: decoded += try escaped()
                case 0x00..<0x20: throw Flaw(position: position - 1)
                default: decoded.append(byte)
                }
            }
        }

        mutating func escaped() throws -> [UInt8] {
            switch try next() {
            case 0x22: return [0x22]
            case 0x5C: return [0x5C]
            case 0x62: return [0x08]
            case 0x66: return [0x0C]
            case 0x6E: return [0x0A]
            case 0x72: return [0x0D]
            case 0x74: return [0x09]
            case 0x75:
                let digits = try (0..<4).map { _ in try next() }
                let value = UInt32(String(decoding: digits, as: UTF8.self), radix: 16)
                guard let value, let scalar = Unicode.Scalar(value) else { throw Flaw(position: position) }
                return Array(String(scalar).utf8)
            default: throw Flaw(position: position - 1)
            }
        }
    }
}
