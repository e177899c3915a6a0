import Testing

@testable import Wire

@Suite("Two documents")
struct JSONSamenessTests {
    @Test(
        "are the same whatever their blanks, escapes and order of members",
        arguments: [
            ("1", "1"), (#"{"a":1,"b":[2,{"c":null}]}"#, #" { "b" : [2, {"c": null}] , "a" : 1 } "#),
            (#""é\n/""#, #""\u00e9\u000a\/""#), (#""🦊""#, #""\ud83e\udd8a""#), (#"{"\u0061":true}"#, #"{"a":true}"#),
            ("{}", "{ }"), ("[]", "[\n]"), (#"{"a":1,"b":2,"c":3}"#, #"{"c":3,"a":1,"b":2}"#),
        ])
    func same(_ one: String, _ other: String) {
        #expect(areSame(one, other))
        #expect(areSame(other, one))
    }

    @Test(
        "are not the same where a value, a key, a count or an order of elements differs",
        arguments: [
            ("1", "1.0"), ("1", "\"1\""), ("true", "false"), ("[1,2]", "[2,1]"), ("[1]", "[1,1]"),
            (#"{"a":1}"#, #"{"b":1}"#), (#"{"a":1}"#, #"{"a":2}"#), (#"{"a":1}"#, #"{"a":1,"b":1}"#),
            (#"{"a":1,"a":1}"#, #"{"a":1,"b":1}"#), (#"{"a":1,"b":1}"#, #"{"a":1,"a":1}"#), (#""a""#, #""A""#),
            (#""é""#, #""e\u0301""#), ("null", "{}"), ("{", "{}"), ("", "1"),
        ])
    func different(_ one: String, _ other: String) {
        #expect(!areSame(one, other))
        #expect(!areSame(other, one))
    }

    @Test("that are deep, or have many members in another order, are the same only byte for byte")
    func bounds() {
        let deep = String(repeating: "[", count: 40) + String(repeating: "]", count: 40)
        #expect(areSame(deep, deep))
        #expect(!areSame(deep, deep.replacing("[]", with: "[ ]")))
        let names = (0..<300).map { "\"k\($0)\":0" }
        let many = "{" + names.joined(separator: ",") + "}"
        let spread = "{" + names.joined(separator: ", ") + "}"
        let turned = "{" + names.reversed().joined(separator: ",") + "}"
        #expect(areSame(many, spread))
        #expect(!areSame(many, turned))
    }

    private func areSame(_ one: String, _ other: String) -> Bool {
        JSONSameness.same(Array(one.utf8).span, Array(other.utf8).span)
    }
}
