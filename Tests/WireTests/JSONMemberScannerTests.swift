import Testing

@testable import Wire

@Suite("A scanner of an object's own members")
struct JSONMemberScannerTests {
    private struct Outcome: Equatable {
        var members: [String?]
        var isComplete: Bool
        var isBroken: Bool
    }

    private static let names: [StaticString] = ["usage", "model", "é"]

    private func scan(_ document: [UInt8], in size: Int) -> Outcome {
        var scanner = JSONMemberScanner(names: Self.names)
        for start in stride(from: 0, to: document.count, by: size) {
            scanner.take(document.span.extracting(start..<min(start + size, document.count)))
        }
        var members: [String?] = []
        for index in 0..<Self.names.count {
            let member = scanner.member(index)
            members.append(member.map { String(decoding: $0, as: UTF8.self) })
        }
        let none = scanner.member(99)
        #expect(none == nil)
        return Outcome(members: members, isComplete: scanner.isComplete, isBroken: scanner.isBroken)
    }

    @Test(
        "keeps the wanted ones, in any pieces",
        arguments: [
            (
                #"{"id":"x","usage":{"a":[1,{"usage":2}],"b":"}\"]"},"model":"gpt"}"#,
                [#"{"a":[1,{"usage":2}],"b":"}\"]"}"#, #""gpt""#, nil]
            ),
            (#"{"choices":[{"usage":1,"model":"no"}]}"#, [nil, nil, nil]),
            (#"  {"usage" : -1.5e3 , "model" : null } "#, ["-1.5e3", "null", nil]),
            (#"{"us\u0061ge":true,"\u00e9":"\\\\"}"#, ["true", nil, #""\\\\""#]), ("{}", [nil, nil, nil]),
            (#"{"usage":1,"usage":2}"#, ["2", nil, nil]),
            (#"{"usage":{},"model":[],"é":""}"#, ["{}", "[]", #""""#]),
            (#"{"usages":1,"usag":2,"":3,"Usage":4}"#, [nil, nil, nil]),
            ("{\n\t\"model\"\r\n:\"a\"\n}\n", [nil, #""a""#, nil]), (#"{"usage":1}"#, ["1", nil, nil]),
        ] as [(String, [String?])])
    func keeps(text: String, expected: [String?]) {
        let document = Array(text.utf8)
        for size in 1...document.count {
            #expect(
                scan(document, in: size) == Outcome(members: expected, isComplete: true, isBroken: false),
                "in pieces of \(size)")
        }
    }

    @Test(
        "says that something is no object, in any pieces",
        arguments: [
            "[]", "1", "\"a\"", "}", "{,", "{1", "{\"a\" 1", "{\"a\":,", "{\"a\":}", "{\"a\":1,}", "{\"a\":1 2",
            "{\"a\":1]", "{\"a\":[}", "{\"a\":{]",
            "{\"a\":\"b\"\"c\"", "{}x", "{}{", "{\"a\":x", "{\"usage\":1:2", "{\"usage\":1\"", "{\"usage\":tr\u{e9}",
            "{\"usage\":1\u{0}",
        ])
    func broken(text: String) {
        let document = bytes(text)
        for size in 1...document.count {
            let outcome = scan(document, in: size)
            #expect(outcome.isBroken && !outcome.isComplete, "in pieces of \(size)")
        }
    }

    @Test(
        "waits for what is cut off",
        arguments: ["", " ", "{", "{\"usage\"", "{\"usage\":", "{\"usage\":1", "{\"usage\":\"a\\", "{\"usage\":[1"])
    func cut(text: String) {
        let outcome = scan(bytes(text), in: 3)
        #expect(outcome == Outcome(members: [nil, nil, nil], isComplete: false, isBroken: false))
    }

    @Test("keeps no member that is too long, nor a key of any length", arguments: [1000, 65_536])
    func bounds(size: Int) {
        let most = JSONMemberScanner.memberBytesMax
        let fits = "\"" + String(repeating: "a", count: most - 2) + "\""
        let key = String(repeating: "k", count: 100_000)
        let document = Array("{\"\(key)\":1,\"model\":\(fits),\"usage\":\(fits.dropLast())a\",\"é\":3}".utf8)
        let outcome = scan(document, in: size)
        #expect(outcome == Outcome(members: [nil, fits, "3"], isComplete: true, isBroken: false))
        let deep = Array(("{\"usage\":" + String(repeating: "[", count: 200_000)).utf8)
        #expect(scan(deep, in: size).isBroken)
    }

    @Test("finds in every object what the cursor finds, in any pieces", arguments: 0..<30)
    func random(seed: Int) throws {
        var maker = JSONMaker(seed: UInt64(seed))
        for _ in 0..<20 {
            var text = "{"
            for (index, name) in ["\"id\"", "\"usage\"", "\"\\u006dodel\"", "\"é\""].enumerated() {
                text +=
                    (index > 0 ? "," : "") + name + ":" + String(decoding: maker.document(depthMax: 3), as: UTF8.self)
            }
            let document = Array((text + "}").utf8)
            var expected: [String?] = [nil, nil, nil]
            var cursor = JSONCursor(document.span)
            try cursor.enterObject()
            while let key = try cursor.nextKey() {
                let value = try cursor.skip()
                for index in Self.names.indices where key.equals(Self.names[index], in: document.span) {
                    expected[index] = String(decoding: document[value], as: UTF8.self)
                }
            }
            try cursor.end()
            for size in [1, 2, 3, 7, 16, 17, document.count] {
                #expect(scan(document, in: size) == Outcome(members: expected, isComplete: true, isBroken: false))
            }
        }
    }
}
