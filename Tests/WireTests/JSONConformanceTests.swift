import Testing

@testable import Wire

@Suite("JSON as RFC 8259 has it")
struct JSONConformanceTests {
    /// Each character below U+0100 is one byte.
    private static let documents: [String] = [
        "[]", "{}", "\t[\n]\r ", "[[]   ]", "[{}]", "[\"\"]", "[null]", "[1,null,null,null,2]", "[1\n]", " [1]", "[2] ",
        "[[[[[[]]]]]]", "null", "true", "false", "\"\"", "\"text\"", "42", "-0.1", " 0 ",
        "[0]", "[-0]", "[-1]", "[-123]", "[1.5]", "[0.5]", "[0e1]", "[0E+1]", "[1e1]", "[1E22]", "[1E-2]", "[1E+2]",
        "[1.5e-10]", "[123.456789]", "[20e1]", "[-0.000000000000000000000000000000000000000000000000000000000000001]",
        "[123456789012345678901234567890]", "[1e4000]", "[-1e4000]", "[1e-4000]", "[0.4e00669999999999999999999]",
        #"{"a":1}"#, #"{"a":1,"a":2}"#, #"{"a":1,"a":1}"#, #"{"":0}"#, #"{"a":[]}"#, #"{"a":{"b":{"c":null}}}"#,
        #"{"a b":1 , "c" : 2}"#, #"{"a\u0000b":1}"#,
        #"{"long key that goes beyond sixteen bytes":"and its value as well"}"#,
        #"["\"\\\/\b\f\n\r\t"]"#, #"["\u0000"]"#, #"["\u0012"]"#, #"["\u00e9\u00E9\uABCD\uabcd"]"#, #"["\\u0000"]"#,
        #"["\\n"]"#, #"["\ud83d\ude39"]"#, #"["\uD834\uDD1E\ud834\udd1e"]"#, #"["\uDBFF\uDFFF"]"#, #"["\ud800\udc00"]"#,
        #"["\uFFFF\uFFFE\ufdd0"]"#, #"["\u2028\u2029\u200b\u2064"]"#, #"["/"]"#, #"["a/*b*/c//d#e"]"#, "[\"\u{7f}\"]",
        // é, €, 𝄞, the last of one byte, the first and last of two, three and four.
        "[\"\u{c3}\u{a9}\"]", "[\"\u{e2}\u{82}\u{ac}\"]", "[\"\u{f0}\u{9d}\u{84}\u{9e}\"]", "[\"\u{7e}\"]",
        "[\"\u{c2}\u{80}\u{df}\u{bf}\"]", "[\"\u{e0}\u{a0}\u{80}\u{ef}\u{bf}\u{bf}\"]",
        "[\"\u{f0}\u{90}\u{80}\u{80}\u{f4}\u{8f}\u{bf}\u{bf}\"]", "[\"\u{ed}\u{9f}\u{bf}\u{ee}\u{80}\u{80}\"]",
        "[\"\u{ef}\u{bb}\u{bf}\"]", "{\"\u{c3}\u{a9}\":\"0123456789abcde\u{c3}\u{a9}\"}",
    ]

    private static let others: [String] = [
        "", " ", "\n", "[", "]", "{", "}", "[[", "[{", "{\"a\":[", "[}", "{]", "[]]", "{}}", "[][]", "{}{}", "[]{}",
        "1 1", "1,",
        ",", ":", "[,", "[,]", "[,1]", "[1,]", "[1,,2]", "[1,,]", "[1 true]", "[1:2]", "[\"a\":1]", "[\"a\" \"b\"]",
        "[1", "[1,",
        "[\"\"", "[null", "[nul]", "[tru]", "[fals]", "[nulls]", "[True]", "[NULL]", "[nan]", "[NaN]", "[Infinity]",
        "[-Infinity]",
        "[undefined]", "[a]", "['a']", "[\u{c3}\u{a9}]", "[*]", "[<null>]", "[1;2]", "(1)", "[\u{0}]", "[\u{b}]",
        "[\u{c}]",
        "[\u{c2}\u{a0}]", "[1\u{0}]", "\u{0}", "[/**/1]", "[1]//", "[1]#", "{\"a\":1/**/}",
        "[+1]", "[++1]", "[--1]", "[-]", "[- 1]", "[-a]", "[.5]", "[-.5]", "[1.]", "[-1.]", "[1.e1]", "[.e1]", "[01]",
        "[-01]", "[00]",
        "[012]", "[1e]", "[1e+]", "[1E-]", "[1ea]", "[1e1.5]", "[1.2.3]", "[1..2]", "[0x1]", "[1_000]", "[1 000]",
        "[1,000.]", "[1a]",
        "[-1x]", "[1e1e1]", "[2.e-3]", "[0.]", "[0e]", "[0.3e]", "[\u{ef}\u{bc}\u{91}]", "-", "1.", "1e", "01", "0x",
        "{", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "{\"a\":1,}", "{,}", "{,\"a\":1}", "{\"a\":1,,\"b\":2}",
        "{\"a\" 1}",
        "{\"a\"::1}", "{\"a\":}", "{:1}", "{1:1}", "{null:1}", "{a:1}", "{'a':1}", "{\"a\",1}", "{\"a\":1 \"b\":2}",
        "{\"a\":1}}", "{[]:1}",
        "{\"a\":1;}", "{\"a\"}", "{\"a\":1,\"b\"}", "{\"a\":\"b}", "{\"a\":1]", "[{\"a\":1}", "{\"a\":1},", "{{}:1}",
        "\"", "\"a", "[\"", "[\"a", "[\"\\\"]", "[\"\\", "[\"\\a\"]", "[\"\\x00\"]", "[\"\\'\"]", "[\"\\U0041\"]",
        "[\"\\ \"]", "[\"\\\u{0}\"]",
        "[\"\\\u{c3}\u{a9}\"]", "[\"\\u\"]", "[\"\\u1\"]", "[\"\\u12\"]", "[\"\\u123\"]", "[\"\\u123g\"]",
        "[\"\\u 123\"]", "[\"\\u+123\"]",
        "[\"\\u00A\"]", "\"\\u12", "[\"a\nb\"]", "[\"a\tb\"]", "[\"\u{1f}\"]", "[\"\u{0}\"]", "[\"0123456789abcde\n\"]",
        "\"a\"x", "[\"a\"b]",
        // Escaped halves of pairs.
        "[\"\\ud800\"]", "[\"\\udc00\"]", "[\"\\ud800\\n\"]", "[\"\\ud800\\u0041\"]", "[\"\\ud800\\ud800\"]",
        "[\"\\udc00\\ud800\"]",
        "[\"\\ud800", "[\"\\ud800\\", "[\"\\ud800\\u", "[\"\\ud800\\udc0", "[\"\\ud83dabc\"]", "{\"\\udfff\":0}",
        // Not UTF-8: a lone continuation, cut characters, Latin-1, overlong forms, surrogates, beyond U+10FFFF.
        "[\"\u{80}\"]", "[\"\u{bf}\"]", "[\"\u{c3}\"]", "[\"\u{e2}\u{82}\"]", "[\"\u{f0}\u{9d}\u{84}\"]",
        "[\"\u{e9}\"]", "[\"\u{c0}\u{af}\"]",
        "[\"\u{c1}\u{bf}\"]", "[\"\u{e0}\u{9f}\u{bf}\"]", "[\"\u{f0}\u{8f}\u{bf}\u{bf}\"]", "[\"\u{ed}\u{a0}\u{80}\"]",
        "[\"\u{f4}\u{90}\u{80}\u{80}\"]", "[\"\u{f5}\u{80}\u{80}\u{80}\"]", "[\"\u{ff}\"]", "[\"\u{fe}\"]", "\"\u{c3}",
        "\"\u{e2}\u{82}",
        "[\"0123456789abcde\u{c3}x\"]", "{\"\u{ff}\":1}", "[\"\u{fc}\u{83}\u{bf}\u{bf}\u{bf}\u{bf}\"]",
        // A byte order mark, and UTF-16.
        "\u{ef}\u{bb}\u{bf}{}", "\u{ef}\u{bb}\u{bf}", "\u{ff}\u{fe}[\u{0}]\u{0}", "\u{0}[\u{0}]", "[\u{0}]\u{0}",
    ]

    @Test("is read, with the spans of a slow reader", arguments: documents)
    func accepted(text: String) throws {
        let document = bytes(text)
        let facts = try #require(JSONReference.read(document))
        #expect(cursorFacts(document) == facts)
        #expect(skippedSpan(document) == facts.first?.range)
    }

    @Test("is nothing else", arguments: others)
    func refused(text: String) {
        let document = bytes(text)
        #expect(JSONReference.read(document) == nil)
        #expect(cursorFacts(document) == nil)
        #expect(skippedSpan(document) == nil)
    }

    @Test("ends nowhere but at its end")
    func prefixes() {
        for text in Self.documents {
            let document = bytes(text)
            for count in 0..<document.count { compare(Array(document[..<count])) }
        }
    }

    @Test("nests 128 deep and no deeper")
    func depth() {
        for (open, close) in [("[", "]"), ("{\"a\":", "}"), ("[{\"a\":", "}]")] {
            for count in [63, 64, 65, 127, 128, 129, 500] {
                let document = bytes(
                    String(repeating: open, count: count) + "1" + String(repeating: close, count: count))
                let containers = open.hasPrefix("[{") ? count * 2 : count
                #expect((cursorFacts(document) != nil) == (containers <= 128))
                compare(document)
            }
        }
        compare(Array(repeating: UInt8(ascii: "["), count: 100_000))
        compare(bytes(String(repeating: "[{\"\":", count: 50_000)))
    }

    @Test("is read alike by both readers, whatever it holds", arguments: 0..<40)
    func random(seed: Int) throws {
        var maker = JSONMaker(seed: UInt64(seed))
        for _ in 0..<50 {
            let document = maker.document()
            #expect(JSONReference.read(document) != nil)
            compare(document)
        }
    }

    @Test("is read or refused alike by both readers when it is damaged", arguments: 0..<40)
    func damaged(seed: Int) {
        var maker = JSONMaker(seed: UInt64(seed))
        let telling = bytes("\"\\{}[],:0-+.eE \n\u{0}\u{1f}\u{7f}\u{80}\u{c2}\u{ed}\u{f4}ufalst")
        for _ in 0..<100 {
            var document = maker.document(depthMax: 3)
            for _ in 0..<Int.random(in: 1...3, using: &maker.random) where !document.isEmpty {
                let place = Int.random(in: 0..<document.count, using: &maker.random)
                let byte = telling.randomElement(using: &maker.random) ?? 0
                switch Int.random(in: 0..<4, using: &maker.random) {
                case 0: document[place] = byte
                case 1: document.insert(byte, at: place)
                case 2: document.remove(at: place)
                default: document.removeSubrange(place...)
                }
            }
            compare(document)
        }
    }

    private func compare(_ document: [UInt8], _ location: SourceLocation = #_sourceLocation) {
        let facts = JSONReference.read(document)
        #expect(
            cursorFacts(document) == facts, "\(document.count <= 400 ? text(document) : "")", sourceLocation: location)
        #expect(skippedSpan(document) == facts?.first?.range, sourceLocation: location)
    }
}
