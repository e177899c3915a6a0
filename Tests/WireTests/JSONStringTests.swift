import Testing

@testable import Wire

@Suite("A JSON string")
struct JSONStringTests {
    private func read(_ document: [UInt8]) throws -> JSONString {
        var cursor = JSONCursor(document.span)
        return try cursor.string()
    }

    @Test(
        "equals a text however it is escaped",
        arguments: [
            #""model""#, #""\u006dodel""#, #""\u006D\u006f\u0064\u0065\u006C""#, #""mode\u006c""#,
        ])
    func equals(text: String) throws {
        let document = bytes(text)
        let string = try read(document)
        let texts: [StaticString] = ["model", "mode", "models", "modem", ""]
        #expect(texts.map { string.equals($0, in: document.span) } == [true, false, false, false, false])
    }

    @Test("equals a text beyond ASCII, and the empty one")
    func equalsBeyondASCII() throws {
        let texts: [StaticString] = ["é😀/", "é😀", "", "a"]
        for text in [#""é😀\/""#, #""\u00e9\ud83d\ude00/""#] {
            let document = Array(text.utf8)
            let string = try read(document)
            #expect(texts.map { string.equals($0, in: document.span) } == [true, false, false, false])
        }
        let empty = Array("\"\"".utf8)
        let string = try read(empty)
        #expect(texts.map { string.equals($0, in: empty.span) } == [false, false, true, false])
    }

    @Test("tells two strings of a document apart, however they are escaped")
    func order() throws {
        let texts = ["a", "\\u0061", "ab", "\\u0061b", "", "\\u00e9", "é", "\\u0000", "b"]
        let document = Array(("[\"" + texts.joined(separator: "\",\"") + "\"]").utf8)
        var strings: [JSONString] = []
        var cursor = JSONCursor(document.span)
        try cursor.enterArray()
        while try cursor.nextElement() { strings.append(try cursor.string()) }
        for one in strings {
            for other in strings {
                let (text, otherText) = (one.text(in: document.span), other.text(in: document.span))
                #expect(one.equals(other, in: document.span) == (text == otherText))
                #expect(
                    (one.order(other, in: document.span) < 0)
                        == (Array(text.utf8).lexicographicallyPrecedes(otherText.utf8)))
            }
        }
    }

    @Test("gives its raw and its decoded bytes")
    func bytesOfIt() throws {
        let document = Array(#"["a\n\u20ac"]"#.utf8)
        var cursor = JSONCursor(document.span)
        try cursor.enterArray()
        _ = try cursor.nextElement()
        let string = try cursor.string()
        #expect(string.hasEscapes)
        #expect(string.quotedRange == 1..<12)
        let raw = String(lossy: string.raw(in: document.span))
        #expect(raw == #"a\n\u20ac"#)
        var out = Array("x".utf8)
        string.unescape(in: document.span, into: &out)
        #expect(out == Array("xa\n€".utf8))
    }

    @Test(
        "of bytes that nobody validated is text all the same",
        arguments: [
            ("\\", "\u{fffd}"), ("a\\u12", "a\u{fffd}12"), ("\\ud800", "\u{fffd}"), ("\\ud800\\u0041", "\u{fffd}A"),
            ("\\udc00x", "\u{fffd}x"), ("\\q", "\u{fffd}"), ("\\ud800\\", "\u{fffd}\u{fffd}"),
        ])
    func unchecked(raw: String, text: String) {
        let document = bytes(raw)
        let string = JSONString(range: 0..<document.count, hasEscapes: true)
        #expect(string.text(in: document.span) == text)
        #expect(JSONString(range: 5..<500, hasEscapes: true).text(in: document.span).utf8.count <= document.count * 3)
        let isEqual = JSONString(range: 0..<5000, hasEscapes: false).equals("model", in: document.span)
        #expect(!isEqual)
    }

    @Test("is written so that it is read as the same text", arguments: 0..<20)
    func written(seed: Int) throws {
        var random = SplitMix(seed: UInt64(seed))
        var text = ""
        for _ in 0..<200 {
            let limit: UInt32 = [0x30, 0x80, 0x800, 0x2100, 0x1_0000, 0x11_0000].randomElement(using: &random) ?? 0x80
            if let scalar = Unicode.Scalar(UInt32.random(in: 0..<limit, using: &random)) {
                text.unicodeScalars.append(scalar)
            }
        }
        var json = JSONText()
        json.write("", text)
        #expect(try read(json.bytes).text(in: json.bytes.span) == text)
        #expect(!json.bytes.contains { $0 < 0x20 || $0 == 0x7f })
    }

    @Test("is written among syntax, numbers and raw JSON")
    func text() {
        var json = JSONText()
        json.write("{\"a\":", "\u{1}\"\\\n\r\t\u{7f}\u{2028}\u{2029}\u{202a}é")
        json.write(",\"b\":", -5)
        json.write(",\"c\":")
        json.raw("[1]".utf8.span)
        json.write("}")
        #expect(
            String(decoding: json.bytes, as: UTF8.self)
                == #"{"a":"\u0001\"\\\n\r\t\u007f\u2028\u2029"# + "\u{202a}é" + #"","b":-5,"c":[1]}"#)
    }
}

@Suite("A JSON number")
struct JSONNumberTests {
    @Test(
        "is an integer if it is one, however it is written",
        arguments: [
            ("0", 0), ("-0", 0), ("0.0", 0), ("0e99999999999999999999", 0), ("-0.000E-5", 0), ("1", 1), ("-1", -1),
            ("1e3", 1000),
            ("1.0", 1), ("1.50e1", 15), ("100e-2", 1), ("1000000e-6", 1), ("0.001e3", 1), ("12.34E+2", 1234),
            ("9223372036854775807", Int.max), ("-9223372036854775808", Int.min), ("9223372036854775807.000", Int.max),
            ("9.223372036854775807e18", Int.max), ("-9.223372036854775808e+18", Int.min),
            ("1e18", 1_000_000_000_000_000_000),
            ("0.0000000000000000000000000000000000000000000000000012e52", 12),
            ("120000000000000000000000000000000000000000e-38", 1200),
        ])
    func integers(text: String, value: Int) {
        let document = bytes(text)
        #expect(JSONNumber(range: 0..<document.count).integer(in: document.span) == value)
    }

    @Test(
        "is none where it is a fraction or too large",
        arguments: [
            "0.5", "1.5", "1e-1", "15e-1", "1e-99999999999999999999", "9223372036854775808", "-9223372036854775809",
            "1e19", "-1e19",
            "18446744073709551615", "18446744073709551616", "99999999999999999999", "1e99999999999999999999",
            "0.1e1000000000000",
            "123456789012345678901234567890", "9.2233720368547758071e18",
        ])
    func others(text: String) {
        let document = bytes(text)
        #expect(JSONNumber(range: 0..<document.count).integer(in: document.span) == nil)
    }

    @Test("comes back from every form it can be written in", arguments: 0..<20)
    func forms(seed: Int) {
        var random = SplitMix(seed: UInt64(seed))
        for _ in 0..<100 {
            let value = Int(truncatingIfNeeded: random.next()) >> Int.random(in: 0..<64, using: &random)
            let digits = String(value.magnitude)
            let sign = value < 0 ? "-" : ""
            let point = Int.random(in: 0...digits.utf8.count, using: &random)
            let whole = digits.prefix(point)
            let fraction = digits.dropFirst(point)
            let zeros = String(repeating: "0", count: Int.random(in: 0...30, using: &random))
            let forms = [
                sign + digits,
                sign + digits + ".0" + zeros,
                sign + digits + zeros + "e-\(zeros.utf8.count)",
                "\(sign)\(whole.isEmpty ? "0" : whole).\(fraction)\(zeros)0E+\(fraction.utf8.count)",
                "\(sign)0.\(zeros)\(digits)e\(zeros.utf8.count + digits.utf8.count)",
            ]
            for form in forms {
                let document = bytes(form)
                #expect(JSONNumber(range: 0..<document.count).integer(in: document.span) == value, "\(form)")
            }
        }
    }
}
