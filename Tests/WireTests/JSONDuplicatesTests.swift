import Testing

@testable import Wire

@Suite("Duplicate keys in JSON")
struct JSONDuplicatesTests {
    @Test(
        "are found in any object, however they are escaped",
        arguments: [
            #"{"a":1,"a":1}"#, #"{"a":1,"\u0061":2}"#, #"{"b":{"c":[{"x":1},{"x":1,"y":2,"x":3}]}}"#,
            #"[[{"":1,"":2}]]"#,
            #"{"é":1,"\u00e9":2}"#, #"{"a":{"a":1},"b":2,"a":3}"#, #"{"\ud83d\ude00":1,"😀":1}"#,
            #"{"a":1,"b":{},"a":[]}"#,
        ])
    func found(text: String) throws {
        #expect(try JSONCursor.hasDuplicateKeys(Array(text.utf8).span))
    }

    @Test(
        "are none in different objects or of different case",
        arguments: [
            "{}", "[]", "1", #"{"a":{"a":{"a":1}}}"#, #"[{"a":1},{"a":1}]"#, #"{"a":1,"A":2}"#,
            #"{"a":[{"b":1}],"b":2}"#,
            #"{"é":1,"e\u0301":2}"#, #"{"":1," ":2}"#,
        ])
    func none(text: String) throws {
        #expect(try !JSONCursor.hasDuplicateKeys(Array(text.utf8).span))
    }

    @Test("are found among many", arguments: [2, 16, 17, 18, 33, 1000, 10_000])
    func many(count: Int) throws {
        func document(_ names: [String]) -> [UInt8] {
            Array(("{\"x\":[{" + names.map { "\"\($0)\":0" }.joined(separator: ",") + "}]}").utf8)
        }
        var random = SplitMix(seed: UInt64(count))
        var names = (0..<count).map { "key\($0)" }
        names.shuffle(using: &random)
        #expect(try !JSONCursor.hasDuplicateKeys(document(names).span))
        let first = names[0]
        names[count - 1] = "\\u006b" + first.dropFirst()
        names.swapAt(0, count / 2)
        #expect(try JSONCursor.hasDuplicateKeys(document(names).span))
    }

    @Test("are not looked for beyond a bound, nor in what is no JSON")
    func bounds() throws {
        func object(_ count: Int) -> String { "{" + (0..<count).map { "\"\($0)\":0" }.joined(separator: ",") + "}" }
        let most = JSONCursor.openKeyCountMax
        // Closed objects are forgotten.
        let closed = Array("[\(object(most)),\(object(most))]".utf8)
        #expect(try !JSONCursor.hasDuplicateKeys(closed.span))
        var reasons: [JSONFailure.Reason] = []
        for text in [object(most + 1), #"{"a":1,"a":2"#, #"{"a":1,"a":2}}"#, #"{"a":1,"a":"\x"}"#] {
            do throws(JSONFailure) {
                _ = try JSONCursor.hasDuplicateKeys(Array(text.utf8).span)
            } catch {
                reasons.append(error.reason)
            }
        }
        #expect(reasons == [.tooManyKeys, .cutOff, .trailingBytes, .escape])
    }

    @Test("are found exactly where a slow reader finds them", arguments: 0..<20)
    func random(seed: Int) throws {
        var maker = JSONMaker(seed: UInt64(seed))
        for _ in 0..<50 {
            let document = maker.document()
            let facts = try #require(JSONReference.read(document))
            var expected = false
            for object in facts where object.what == .object {
                // An object's own keys are in no smaller container than it.
                let inner = facts.filter {
                    ($0.what == .object || $0.what == .array) && $0.range != object.range
                        && object.range.lowerBound <= $0.range.lowerBound
                        && $0.range.upperBound <= object.range.upperBound
                }
                let keys = facts.filter { fact in
                    fact.what == .key && object.range.contains(fact.range.lowerBound)
                        && !inner.contains { $0.range.contains(fact.range.lowerBound) }
                }.compactMap(\.text)
                // By bytes: Swift's own comparison takes composed and decomposed characters as equal.
                if Set(keys.map { Array($0.utf8) }).count < keys.count { expected = true }
            }
            #expect(
                try JSONCursor.hasDuplicateKeys(document.span) == expected,
                "\(String(decoding: document, as: UTF8.self))")
        }
    }
}
