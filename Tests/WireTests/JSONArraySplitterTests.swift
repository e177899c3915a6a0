import Testing

@testable import Wire

@Suite("A JSON array in pieces")
struct JSONArraySplitterTests {
    private struct Outcome: Equatable {
        /// nil for an element beyond the limit.
        var elements: [String?] = []
        var isEnded = false
        var error: JSONArrayError?
    }

    private static func split(_ text: String, cuts: [Int] = [], elementBytesMax: Int = 1024) -> Outcome {
        var splitter = JSONArraySplitter(elementBytesMax: elementBytesMax)
        var outcome = Outcome()
        forPieces(Array(text.utf8), cuts) { _, piece in
            var consumed = 0
            do throws(JSONArrayError) {
                reading: while true {
                    switch try splitter.step(piece, consumed: &consumed) {
                    case .needsMore: break reading
                    case .element: outcome.elements.append(String(lossy: splitter.element))
                    case .oversized: outcome.elements.append(nil)
                    case .end: outcome.isEnded = true
                    }
                }
            } catch {
                outcome.error = error
            }
        }
        return outcome
    }

    @Test(
        "is cut into its elements, wherever the pieces end",
        arguments: [
            ("[]", []), (" [ ] \r\n", []),
            (#"[{"a":1},\#r\#n{"b":[1,{"c":"]"}]}\#n]"#, [#"{"a":1}"#, #"{"b":[1,{"c":"]"}]}"#]),
            (#"[{"a":"\"}"},{"b":"\\"},{"c":"\\\"]"}]"#, [#"{"a":"\"}"}"#, #"{"b":"\\"}"#, #"{"c":"\\\"]"}"#]),
            (#"["a,b]", "c\"d",[1,[2]] ]"#, [#""a,b]""#, #""c\"d""#, "[1,[2]]"]),
            ("[1,2.5e3 ,null\n,true]", ["1", "2.5e3", "null", "true"]),
            (
                "[{\"text\":\"\u{e9}\u{1f600} and sixteen plain characters\"}]",
                ["{\"text\":\"\u{e9}\u{1f600} and sixteen plain characters\"}"]
            ),
        ] as [(String, [String])])
    func elements(text: String, elements: [String]) {
        let expected = Outcome(elements: elements, isEnded: true)
        for cuts in cuttings(text.utf8.count) + [[]] { #expect(Self.split(text, cuts: cuts) == expected) }
    }

    @Test("is refused where it is none", arguments: ["{}", "1", "\"[\"", "\u{feff}[]", "x[1]"])
    func notAnArray(text: String) {
        for cuts in [[], Array(0..<text.utf8.count)] {
            #expect(Self.split(text, cuts: cuts) == Outcome(error: .notAnArray))
        }
    }

    @Test(
        "is refused where something else stands between its elements",
        arguments: [
            ("[,1]", 0), ("[1,]", 1), ("[1,,2]", 1), ("[{}{}]", 1), ("[\"a\"1]", 1), ("[{}:{}]", 1), ("[}]", 0),
            ("[] x", 0), ("[1] [2]", 1), ("[1],", 1), ("[1 2]", 1),
        ])
    func malformed(text: String, count: Int) {
        for cuts in [[], Array(0..<text.utf8.count)] {
            let outcome = Self.split(text, cuts: cuts)
            #expect(outcome.error == .malformed && outcome.elements.count == count)
        }
    }

    @Test("has elements beyond the limit passed over")
    func oversized() {
        let text = #"[{"a":"1234"},{"a":"12345"},"123456789012","1234567890123",12345678901234567,{}]"#
        let expected = Outcome(
            elements: [#"{"a":"1234"}"#, nil, nil, nil, nil, "{}"], isEnded: true)
        for cuts in cuttings(text.utf8.count) + [[]] {
            #expect(Self.split(text, cuts: cuts, elementBytesMax: 12) == expected)
        }
    }

    @Test("is not over before its last bracket")
    func cut() {
        let text = Array(#"[{"a":[1]},{"b":2}]"#.utf8)
        for count in 0..<text.count {
            let outcome = Self.split(String(decoding: text.prefix(count), as: UTF8.self))
            #expect(!outcome.isEnded && outcome.error == nil)
        }
    }

    @Test("tells where it stands, so that an element can be added")
    func places() throws {
        var splitter = JSONArraySplitter()
        let text = Array(#"[{},{"#.utf8)
        let places = try text.map { byte in
            let piece = [byte]
            var consumed = 0
            while consumed < 1 { _ = try splitter.step(piece.span, consumed: &consumed) }
            return splitter.place
        }
        #expect(places == [.opened, .element, .separator, .comma, .element])
    }
}
