import Testing

@testable import Wire

@Suite("Edits of JSON")
struct JSONEditsTests {
    /// A member of the outermost object.
    private struct Member {
        var name: String
        var value: Range<Int>
        var range: Range<Int>
    }

    private func members(_ document: [UInt8]) throws -> [Member] {
        var found: [Member] = []
        var cursor = JSONCursor(document.span)
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            let value = try cursor.skip()
            found.append(
                Member(
                    name: key.text(in: document.span), value: value,
                    range: key.quotedRange.lowerBound..<value.upperBound))
        }
        try cursor.end()
        return found
    }

    private func applied(_ edits: JSONEdits, _ document: [UInt8]) -> String {
        String(decoding: edits.apply(to: document.span), as: UTF8.self)
    }

    @Test("none change nothing")
    func none() {
        #expect(applied(JSONEdits(), bytes(" {} ")) == " {} ")
        #expect(JSONEdits().isEmpty)
        #expect(applied(JSONEdits(), []) == "")
    }

    @Test(
        "remove members with the commas and blanks that belong to them",
        arguments: [
            (#"{"a":1}"#, "a", "{}"), (#"{ "a" : 1 }"#, "a", "{  }"), (#"{"a":1,"b":2}"#, "a", #"{"b":2}"#),
            (#"{"a":1,"b":2}"#, "b", #"{"a":1}"#), (#"{"a":1,"b":2,"c":3}"#, "b", #"{"a":1,"c":3}"#),
            (#"{"a":1,"b":2,"c":3}"#, "ab", #"{"c":3}"#), (#"{"a":1,"b":2,"c":3}"#, "bc", #"{"a":1}"#),
            (#"{"a":1,"b":2,"c":3}"#, "ac", #"{"b":2}"#), (#"{"a":1,"b":2,"c":3}"#, "abc", "{}"),
            ("{\n  \"a\": 1,\n  \"b\": 2,\n  \"c\": 3\n}", "b", "{\n  \"a\": 1,\n  \"c\": 3\n}"),
            ("{\n  \"a\": 1,\n  \"b\": 2\n}", "b", "{\n  \"a\": 1\n}"),
            (#"{"a":1 , "b":2 , "c":3}"#, "c", #"{"a":1 , "b":2 }"#),
        ])
    func remove(text: String, names: String, expected: String) throws {
        let document = bytes(text)
        for order in [false, true] {
            var edits = JSONEdits()
            let wanted = try members(document).filter { names.contains($0.name) }
            for member in order ? wanted.reversed() : wanted { edits.removeMember(member.range) }
            #expect(wanted.count == names.utf8.count)
            #expect(applied(edits, document) == expected)
        }
    }

    @Test(
        "insert members, with a comma where others remain",
        arguments: [
            ("{}", "", #"{"x":1,"y":"z"}"#), ("{ }", "", #"{"x":1,"y":"z" }"#),
            (#"{"a":1}"#, "", #"{"x":1,"y":"z","a":1}"#),
            (#"{"a":1}"#, "a", #"{"x":1,"y":"z"}"#), (#"{ "a":1,"b":2 }"#, "ab", #"{"x":1,"y":"z"  }"#),
            (#"{"a":1,"b":2}"#, "a", #"{"x":1,"y":"z","b":2}"#), (#"{"a":1,"b":2}"#, "b", #"{"x":1,"y":"z","a":1}"#),
        ])
    func insert(text: String, removed: String, expected: String) throws {
        let document = bytes(text)
        var edits = JSONEdits()
        for member in try members(document) where removed.contains(member.name) { edits.removeMember(member.range) }
        edits.insertMember("x", rawValue: "1", intoObjectAt: 0..<document.count)
        edits.insertMember("y", rawValue: #""z""#, intoObjectAt: 0..<document.count)
        #expect(applied(edits, document) == expected)
    }

    @Test("replace values, and drop what lies in a replaced or removed one")
    func replace() throws {
        let document = bytes(#"{"a":{"b":1},"c":[1,2],"d":"e"}"#)
        let found = try members(document)
        var edits = JSONEdits()
        edits.replace(found[1].value, with: "null")
        edits.replace(found[2].value, with: "\"\(String(repeating: "f", count: 40))\"")
        #expect(applied(edits, document) == #"{"a":{"b":1},"c":null,"d":"\#(String(repeating: "f", count: 40))"}"#)
        // Inside of what goes.
        edits.replace(found[1].value.lowerBound + 1..<found[1].value.lowerBound + 2, with: "9")
        edits.insertMember("n", rawValue: "0", intoObjectAt: found[0].value)
        edits.removeMember(found[0].value.lowerBound + 1..<found[0].value.upperBound - 1)
        edits.removeMember(found[0].range)
        edits.removeMember(found[2].range)
        #expect(applied(edits, document) == #"{"c":null}"#)
    }

    @Test("insert names with their escapes, and into inner objects")
    func inner() throws {
        let document = bytes(#"[{"o":{}},{"o":{"p":1}}]"#)
        var edits = JSONEdits()
        var cursor = JSONCursor(document.span)
        try cursor.enterArray()
        while try cursor.nextElement() {
            try cursor.enterObject()
            _ = try cursor.nextKey()
            edits.insertMember("a\"b\n", rawValue: "true", intoObjectAt: try cursor.skip())
            try cursor.leave()
        }
        #expect(applied(edits, document) == #"[{"o":{"a\"b\n":true}},{"o":{"a\"b\n":true,"p":1}}]"#)
    }

    @Test("in any number leave valid JSON that holds what it should, and every other byte as it was", arguments: 0..<60)
    func random(seed: Int) throws {
        var maker = JSONMaker(seed: UInt64(seed))
        var random = SplitMix(seed: UInt64(seed) &+ 1000)
        // An object with members of every kind.
        var text = "{"
        let count = Int.random(in: 0...6, using: &random)
        for index in 0..<count {
            let value = String(decoding: maker.document(depthMax: 2), as: UTF8.self)
            text += (index > 0 ? "," : "") + [" ", "", "\n\t"].randomElement(using: &random)!
            text += "\"m\(index)\"" + [" :", ":"].randomElement(using: &random)! + value
        }
        text += [" ", "", "\n"].randomElement(using: &random)! + "}"
        let document = Array(text.utf8)
        let found = try members(document)

        var steps: [(JSONEdits) -> JSONEdits] = []
        var expected: [(name: String, value: String)] = []
        for index in 0..<Int.random(in: 0...2, using: &random) {
            expected.append(("i\(index)", "\(index)"))
            steps.append {
                var edits = $0
                edits.insertMember("i\(index)", rawValue: "\(index)", intoObjectAt: 0..<document.count)
                return edits
            }
        }
        let insertionCount = steps.count
        for member in found {
            switch Int.random(in: 0..<3, using: &random) {
            case 0:
                steps.append {
                    var edits = $0
                    edits.removeMember(member.range)
                    return edits
                }
            case 1:
                expected.append((member.name, "[0]"))
                steps.append {
                    var edits = $0
                    edits.replace(member.value, with: "[0]")
                    return edits
                }
            default: expected.append((member.name, String(decoding: document[member.value], as: UTF8.self)))
            }
        }
        // Insertions keep their order among themselves; all else may come in any.
        var order = Array(steps.indices)
        order.shuffle(using: &random)
        var insertion = 0
        var edits = JSONEdits()
        for index in order {
            if index < insertionCount {
                edits = steps[insertion](edits)
                insertion += 1
            } else {
                edits = steps[index](edits)
            }
        }
        let edited = Array(applied(edits, document).utf8)
        #expect(JSONReference.read(edited) != nil, "\(text) became \(String(decoding: edited, as: UTF8.self))")
        let after = try members(edited)
        #expect(after.map(\.name) == expected.map(\.name))
        #expect(after.map { String(decoding: edited[$0.value], as: UTF8.self) } == expected.map(\.value))
    }
}
