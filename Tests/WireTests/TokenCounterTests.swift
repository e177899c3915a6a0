import Testing

@testable import Wire

@Suite("A token counter")
struct TokenCounterTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        /// In parts of a token, with each vocabulary.
        var parts: [Int]

        init(_ text: String, _ o200k: Int, _ cl100k: Int) {
            self.text = text
            parts = [o200k, cl100k]
        }

        var testDescription: String { String(text.prefix(30)).debugDescription }
    }

    /// Computed by Benchmarks/support/token_model.py, which is the definition.
    private static let rows = [
        Row("", 0, 0),
        Row("Hello, world!", 5676, 5460),
        Row("The quick brown fox jumps over the lazy dog.", 14007, 13624),
        Row("internationalization of electroencephalography", 8485, 9371),
        Row("getElementById XMLHttpRequest parseJSONBody HTTPServer iOS16", 18042, 17929),
        Row("0 12 123 1234 12345 1234567890123", 16749, 16750),
        Row("3.14159 -2.5e10 0xDEADBEEF v1.2.3-rc4", 23944, 23639),
        Row("a1b2c3 x86_64 utf8mb4 sha256:9f86d081884c7d65", 28504, 28725),
        Row("if (x >= 10 && !done) { return foo[i]->bar; } // ok???", 22197, 22025),
        Row("    def f(self):\n        return  1\n\n\n\tx\t\ty \t z\r\n", 17759, 18060),
        Row("   \n \n  \n", 2766, 2621),
        Row("!!! ... --- ===== ###", 5862, 5686),
        Row("line one\nline two\r\nline three", 7841, 7934),
        Row("don't can't it's \u{2014} \u{201c}quoted\u{201d} \u{2026}", 12881, 14362),
        Row("na\u{ef}ve caf\u{e9} Z\u{fc}rich \u{c5}ngstr\u{f6}m \u{fb01} \u{1ec7} \u{1ebf}", 10470, 15090),
        Row(
            "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43a}\u{430}\u{43a} \u{434}\u{435}\u{43b}\u{430}? \u{421}\u{44a}\u{435}\u{448}\u{44c} \u{435}\u{449}\u{451} \u{44d}\u{442}\u{438}\u{445} \u{43c}\u{44f}\u{433}\u{43a}\u{438}\u{445} \u{444}\u{440}\u{430}\u{43d}\u{446}\u{443}\u{437}\u{441}\u{43a}\u{438}\u{445} \u{431}\u{443}\u{43b}\u{43e}\u{43a}.",
            16413, 25178),
        Row(
            "\u{395}\u{3bb}\u{3bb}\u{3b7}\u{3bd}\u{3b9}\u{3ba}\u{3ac} \u{3b3}\u{3c1}\u{3ac}\u{3bc}\u{3bc}\u{3b1}\u{3c4}\u{3b1} \u{1f00}\u{3c1}\u{3c7}\u{3ae}",
            8047, 21040),
        Row("\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd}", 3450, 9746),
        Row(
            "\u{645}\u{631}\u{62d}\u{628}\u{627} \u{628}\u{627}\u{644}\u{639}\u{627}\u{644}\u{645} \u{6f1}\u{6f2}\u{6f3} \u{fdfd}",
            6009, 14085),
        Row(
            "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947} \u{926}\u{941}\u{928}\u{93f}\u{92f}\u{93e} \u{ba4}\u{bae}\u{bbf}\u{bb4}\u{bcd}",
            5929, 20832),
        Row(
            "\u{e2a}\u{e27}\u{e31}\u{e2a}\u{e14}\u{e35}\u{e0a}\u{e32}\u{e27}\u{e42}\u{e25}\u{e01} \u{ea5}\u{eb2}\u{ea7} \u{1019}\u{103c}\u{1014}\u{103a}\u{1019}\u{102c}",
            8874, 21566),
        Row(
            "\u{4f60}\u{597d}\u{ff0c}\u{4e16}\u{754c}\u{ff01}\u{4e2d}\u{6587}\u{5b57}\u{7b26}\u{3002}\u{3400}\u{8c48}\u{20000}",
            10896, 14600),
        Row("\u{3053}\u{3093}\u{306b}\u{3061}\u{306f}\u{4e16}\u{754c}\u{30ab}\u{30bf}\u{30ab}\u{30ca}", 7401, 10837),
        Row("\u{c548}\u{b155}\u{d558}\u{c138}\u{c694} \u{c138}\u{acc4} \u{1100}\u{1102}", 6270, 10305),
        Row(
            "\u{1f600}\u{1f44d}\u{1f3fd} \u{1f1e9}\u{1f1ea} \u{1f469}\u{200d}\u{1f4bb} \u{2603} \u{2605} \u{2192} \u{2211}",
            17774, 26311),
        Row("mixed\u{4e2d}\u{6587}English\u{6df7}\u{5408} text123\u{6570}\u{5b57}", 10582, 11878),
        Row("\u{2b0}\u{300}combining", 2898, 3621),
        Row("\u{7f}\u{0}\u{1} control", 1662, 1673),
        Row("ABCdefGHI JKLmno PQR", 9098, 9232),
        Row("aaaaBBBBcccc ABCDEFGHIJKL abcdefghijkl", 11659, 11209),
        Row("{\"key\": [1, 2.5, null, true], \"n\": \"v\\n\"}", 21455, 22296),
        Row(String(repeating: "x", count: 5000), 2834921, 3029322),
        Row(String(repeating: "ab ", count: 3000), 1926464, 2220339),
        Row("\u{1200}\u{13a0}\u{fffd}\u{ff21}\u{e000}\u{10400}", 6738, 8160),
        Row(
            "\u{456} \u{457} \u{454} \u{491} \u{402} \u{420}\u{43e}\u{441}\u{441}\u{438}\u{44f} \u{451}\u{401}", 9684,
            15931),
        Row("a  b   c\n  d\n\t\te\r\n", 10484, 10540),
        Row("()=>{};\n//==##\n...", 3973, 3906),
        Row("camelCaseABCdEf x1Y2", 10403, 10459),
        Row("wordlongerthantwelve WORDLONGERTHANTWELVE", 8393, 8025),
        Row("\t", 247, 270),
        Row("1\n2\n\n3", 5433, 5828),
        Row("\u{4e2d} \u{6587},English\u{3002}1", 7124, 7695),
    ]

    private func parts(_ counter: TokenCounter) -> [Int] { TokenModel.allCases.map { counter.parts($0) } }

    @Test("estimates exactly what the definition does", arguments: rows)
    func golden(_ row: Row) {
        let bytes = Array(row.text.utf8)
        var counter = TokenCounter()
        counter.take(bytes.span)
        counter.endText()
        #expect(parts(counter) == row.parts)
        #expect(counter.tokens(.o200k) == Double(row.parts[0]) / 1024)
        #expect(counter.tokens(.cl100k) == Double(row.parts[1]) / 1024)
    }

    @Test("has a weight of no less than nothing for every feature, of each vocabulary")
    func weights() {
        let count = TokenFeature.allCases.reduce(0) { $0 + $1.count }
        for weights in [TokenWeights.o200k, TokenWeights.cl100k] {
            #expect(weights.count == count)
            #expect(weights.allSatisfy { $0 >= 0 })
        }
    }

    @Test("estimates the same in any pieces", arguments: rows)
    func pieces(_ row: Row) {
        let bytes = Array(row.text.utf8)
        for size in [1, 2, 3, 5, 7, 64, 4095, 4096, 4097] where size <= max(bytes.count, 1) {
            var counter = TokenCounter()
            for start in stride(from: 0, to: bytes.count, by: size) {
                counter.take(bytes.span.extracting(start..<min(start + size, bytes.count)))
            }
            counter.endText()
            #expect(parts(counter) == row.parts, "in pieces of \(size)")
        }
    }

    @Test("estimates the same with JSON's escapes, in any pieces", arguments: rows)
    func escaped(_ row: Row) {
        var written = JSONText()
        written.string(row.text)
        // Everything escaped that can be.
        let units = row.text.utf16.map { unit in
            let digits = String(unit, radix: 16)
            return "\\u" + String(repeating: "0", count: 4 - digits.utf8.count) + digits
        }
        for escaped in [Array(written.bytes.dropFirst().dropLast()), Array(units.joined().utf8)] {
            for size in [1, 2, 3, 5, 7, 64, 100_000] {
                var counter = TokenCounter()
                for start in stride(from: 0, to: escaped.count, by: size) {
                    counter.take(escaped: escaped.span.extracting(start..<min(start + size, escaped.count)))
                }
                counter.endText()
                #expect(parts(counter) == row.parts, "in pieces of \(size)")
            }
        }
    }

    @Test("adds up texts that do not continue each other")
    func texts() {
        func estimate(_ texts: [String], ending: Bool) -> Int {
            var counter = TokenCounter()
            for text in texts {
                counter.take(Array(text.utf8).span)
                if ending { counter.endText() }
            }
            return counter.parts(.o200k)
        }
        #expect(estimate(["word", "word", "word"], ending: true) == 3 * estimate(["word"], ending: true))
        #expect(estimate(["wo", "rd"], ending: false) == estimate(["word"], ending: true))
        #expect(estimate([], ending: true) == 0)
    }

    @Test("never runs over, however heavy the text")
    func heavy() {
        // The block in which weights are added in 32 bits, several times over, with the heaviest of each class.
        for text in ["𒀀", "Q", "\u{1f9ff}a", "~\n", "a1", "\u{200b}Z"] {
            let bytes = Array(String(repeating: text, count: 20_000).utf8)
            var whole = TokenCounter()
            whole.take(bytes.span)
            var pieces = TokenCounter()
            for start in stride(from: 0, to: bytes.count, by: 100) {
                pieces.take(bytes.span.extracting(start..<min(start + 100, bytes.count)))
            }
            #expect(parts(whole) == parts(pieces))
        }
    }

    @Test(
        "takes what is no UTF-8 and no escape as characters of no script",
        arguments: [
            ("\u{80}", "\u{fffd}"), ("a\u{c3}", "a\u{fffd}"), ("\u{e2}\u{82}x", "\u{fffd}x"),
            ("\u{f8}\u{ff}", "\u{fffd}\u{fffd}"),
            ("\u{c0}\u{af}", "\u{fffd}\u{fffd}"), ("\u{f0}\u{9f}\u{98}", "\u{fffd}"),
            ("\u{e0}\u{80}\u{80}", "\u{fffd}"),
            ("\\", "\u{fffd}"), ("\\u00", "\u{fffd}"), ("\\ud83d", "\u{fffd}"), ("\\ud83d!", "\u{fffd}!"),
            ("\\ud83d\\n", "\u{fffd}\n"), ("\\udc00", "\u{fffd}"), ("\\u12G", "\u{fffd}G"), ("\\q", "\u{fffd}q"),
        ])
    func invalid(raw: String, text: String) {
        let bytes = bytes(raw)
        var expected = TokenCounter()
        expected.take(Array(text.utf8).span)
        for size in 1...max(bytes.count, 1) {
            var counter = TokenCounter()
            for start in stride(from: 0, to: bytes.count, by: size) {
                counter.take(escaped: bytes.span.extracting(start..<min(start + size, bytes.count)))
            }
            counter.endText()
            #expect(parts(counter) == parts(expected), "in pieces of \(size)")
        }
    }
}
