import Testing

@testable import Wire

@Suite("A token counter")
struct TokenCounterTests {
    struct Row: CustomTestStringConvertible {
        var text: String
        var counts: [TokenFeature: Int]

        init(_ text: String, _ counts: [TokenFeature: Int]) {
            self.text = text
            self.counts = counts
        }

        var testDescription: String { String(text.prefix(30)).debugDescription }
    }

    /// Counted by `features.py` in Benchmarks/tokens, which is the definition; features that do not occur are left out.
    private static let rows = [
        Row("", [:]),
        Row("Hello, world!", [.words: 2, .long4: 2, .punct: 2]),
        Row("The quick brown fox jumps over the lazy dog.", [.words: 9, .long4: 3, .punct: 1]),
        Row("internationalization of electroencephalography", [.words: 3, .long4: 34, .long8: 26]),
        Row(
            "getElementById XMLHttpRequest parseJSONBody HTTPServer iOS16",
            [.words: 11, .long4: 20, .long8: 2, .upperRun: 12, .digits3: 1, .alnumMix: 1]),
        Row("0 12 123 1234 12345 1234567890123", [.digits3: 12]),
        Row(
            "3.14159 -2.5e10 0xDEADBEEF v1.2.3-rc4",
            [.words: 5, .long4: 4, .upperRun: 7, .digits3: 11, .alnumMix: 5, .punct: 6]),
        Row("a1b2c3 x86_64 utf8mb4 sha256:9f86d081884c7d65", [.words: 11, .digits3: 14, .alnumMix: 18, .punct: 2]),
        Row(
            "if (x >= 10 && !done) { return foo[i]->bar; } // ok???",
            [.words: 8, .long4: 2, .digits3: 1, .punct: 12, .punctRun: 7]),
        Row(
            "    def f(self):\n        return  1\n\n\n\tx\t\ty \t z\r\n",
            [.words: 7, .long4: 2, .digits3: 1, .punct: 2, .punctRun: 1, .spaceRun: 5, .newline: 5]),
        Row("   \n \n  \n", [.spaceRun: 2, .newline: 3]),
        Row("!!! ... --- ===== ###", [.punct: 5, .punctRun: 12]),
        Row("line one\nline two\r\nline three", [.words: 6, .long4: 1, .newline: 2]),
        Row("don't can't it's \u{2014} \u{201c}quoted\u{201d} \u{2026}", [.words: 7, .long4: 2, .punct: 3, .other: 4]),
        Row(
            "na\u{ef}ve caf\u{e9} Z\u{fc}rich \u{c5}ngstr\u{f6}m \u{fb01} \u{1ec7} \u{1ebf}",
            [.words: 7, .long4: 1, .latinExtended: 7, .other: 1]),
        Row(
            "\u{41f}\u{440}\u{438}\u{432}\u{435}\u{442}, \u{43a}\u{430}\u{43a} \u{434}\u{435}\u{43b}\u{430}? \u{421}\u{44a}\u{435}\u{448}\u{44c} \u{435}\u{449}\u{451} \u{44d}\u{442}\u{438}\u{445} \u{43c}\u{44f}\u{433}\u{43a}\u{438}\u{445} \u{444}\u{440}\u{430}\u{43d}\u{446}\u{443}\u{437}\u{441}\u{43a}\u{438}\u{445} \u{431}\u{443}\u{43b}\u{43e}\u{43a}.",
            [.punct: 3, .cyrillic: 47]),
        Row(
            "\u{395}\u{3bb}\u{3bb}\u{3b7}\u{3bd}\u{3b9}\u{3ba}\u{3ac} \u{3b3}\u{3c1}\u{3ac}\u{3bc}\u{3bc}\u{3b1}\u{3c4}\u{3b1} \u{1f00}\u{3c1}\u{3c7}\u{3ae}",
            [.greek: 20]),
        Row("\u{5e9}\u{5dc}\u{5d5}\u{5dd} \u{5e2}\u{5d5}\u{5dc}\u{5dd}", [.hebrew: 8]),
        Row(
            "\u{645}\u{631}\u{62d}\u{628}\u{627} \u{628}\u{627}\u{644}\u{639}\u{627}\u{644}\u{645} \u{6f1}\u{6f2}\u{6f3} \u{fdfd}",
            [.arabic: 16]),
        Row(
            "\u{928}\u{92e}\u{938}\u{94d}\u{924}\u{947} \u{926}\u{941}\u{928}\u{93f}\u{92f}\u{93e} \u{ba4}\u{bae}\u{bbf}\u{bb4}\u{bcd}",
            [.indic: 17]),
        Row(
            "\u{e2a}\u{e27}\u{e31}\u{e2a}\u{e14}\u{e35}\u{e0a}\u{e32}\u{e27}\u{e42}\u{e25}\u{e01} \u{ea5}\u{eb2}\u{ea7} \u{1019}\u{103c}\u{1014}\u{103a}\u{1019}\u{102c}",
            [.southEastAsian: 21]),
        Row(
            "\u{4f60}\u{597d}\u{ff0c}\u{4e16}\u{754c}\u{ff01}\u{4e2d}\u{6587}\u{5b57}\u{7b26}\u{3002}\u{3400}\u{8c48}\u{20000}",
            [.cjk: 12, .other: 2]),
        Row(
            "\u{3053}\u{3093}\u{306b}\u{3061}\u{306f}\u{4e16}\u{754c}\u{30ab}\u{30bf}\u{30ab}\u{30ca}",
            [.cjk: 2, .kana: 9]),
        Row("\u{c548}\u{b155}\u{d558}\u{c138}\u{c694} \u{c138}\u{acc4} \u{1100}\u{1102}", [.hangul: 9]),
        Row(
            "\u{1f600}\u{1f44d}\u{1f3fd} \u{1f1e9}\u{1f1ea} \u{1f469}\u{200d}\u{1f4bb} \u{2603} \u{2605} \u{2192} \u{2211}",
            [.other: 5, .emoji: 7]),
        Row(
            "mixed\u{4e2d}\u{6587}English\u{6df7}\u{5408} text123\u{6570}\u{5b57}",
            [.words: 3, .long4: 4, .digits3: 1, .alnumMix: 1, .cjk: 6]),
        Row("\u{2b0}\u{300}combining", [.words: 1, .long4: 5, .long8: 1, .greek: 2]),
        Row("\u{7f}\u{0}\u{1} control", [.words: 1, .long4: 3, .punct: 1, .punctRun: 2]),
        Row("ABCdefGHI JKLmno PQR", [.words: 4, .long4: 4, .upperRun: 8]),
        Row("aaaaBBBBcccc ABCDEFGHIJKL abcdefghijkl", [.words: 4, .long4: 20, .long8: 8, .upperRun: 14]),
        Row("{\"key\": [1, 2.5, null, true], \"n\": \"v\\n\"}", [.words: 6, .digits3: 3, .punct: 13, .punctRun: 5]),
        Row(String(repeating: "x", count: 5000), [.words: 1, .long4: 4996, .long8: 4992]),
        Row(String(repeating: "ab ", count: 3000), [.words: 3000]),
        Row("\u{1200}\u{13a0}\u{fffd}\u{ff21}\u{e000}\u{10400}", [.other: 6]),
    ]

    private func counts(_ counter: TokenCounter) -> [TokenFeature: Int] {
        var counts: [TokenFeature: Int] = [:]
        for feature in TokenFeature.allCases where counter.count(feature) != 0 {
            counts[feature] = counter.count(feature)
        }
        return counts
    }

    @Test("counts the features as they are defined", arguments: rows)
    func golden(_ row: Row) {
        let bytes = Array(row.text.utf8)
        var counter = TokenCounter()
        counter.take(bytes.span)
        counter.endText()
        #expect(counts(counter) == row.counts)
    }

    @Test("counts the same in any pieces", arguments: rows)
    func pieces(_ row: Row) {
        let bytes = Array(row.text.utf8)
        for size in [1, 2, 3, 5, 7, 64, 4095, 4096] where size <= max(bytes.count, 1) {
            var counter = TokenCounter()
            for start in stride(from: 0, to: bytes.count, by: size) {
                counter.take(bytes.span.extracting(start..<min(start + size, bytes.count)))
            }
            counter.endText()
            #expect(counts(counter) == row.counts, "in pieces of \(size)")
        }
    }

    @Test("counts the same with JSON's escapes, in any pieces", arguments: rows)
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
                #expect(counts(counter) == row.counts, "in pieces of \(size)")
            }
        }
    }

    @Test("adds up texts that do not continue each other")
    func texts() {
        var counter = TokenCounter()
        for _ in 0..<3 {
            counter.take("word".utf8.span)
            counter.endText()
        }
        #expect(counts(counter) == [.words: 3])
        #expect(abs(counter.tokens(.o200k) - 3.2178) < 1e-9)
        #expect(abs(counter.tokens(.cl100k) - 3.2925) < 1e-9)
        #expect(TokenCounter().tokens(.o200k) == 0)
    }

    @Test(
        "takes what is no UTF-8 and no escape as characters of no script",
        arguments: [
            ("\u{80}", 1), ("a\u{c3}", 1), ("\u{e2}\u{82}x", 1), ("\u{f8}\u{ff}", 2), ("\u{c0}\u{af}", 2),
            ("\u{f0}\u{9f}\u{98}", 1),
            ("\\", 1), ("\\u00", 1), ("\\ud83d", 1), ("\\ud83d!", 1), ("\\ud83d\\n", 1), ("\\udc00", 1), ("\\u12G", 1),
            ("\\q", 1),
        ])
    func invalid(text: String, others: Int) {
        let bytes = bytes(text)
        for size in 1...max(bytes.count, 1) {
            var counter = TokenCounter()
            for start in stride(from: 0, to: bytes.count, by: size) {
                counter.take(escaped: bytes.span.extracting(start..<min(start + size, bytes.count)))
            }
            counter.endText()
            #expect(counter.count(.other) == others, "in pieces of \(size)")
        }
    }
}
