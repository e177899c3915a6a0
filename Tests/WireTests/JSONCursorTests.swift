import Testing

@testable import Wire

@Suite("A JSON cursor")
struct JSONCursorTests {
    private let body = Array(
        #"""
        {"model": "gpt-\u0034o", "n": 1e2, "stream":true, "stop" : null, "messages":[{"role":"user","content":"hé"}, {}], "x":-0.5}
        """#.utf8)

    @Test("reads members by name, in any order, and passes what nobody reads")
    func members() throws {
        var cursor = JSONCursor(body.span)
        var model: String?
        var count: Int?
        var streams = false
        var roles: [String] = []
        var contents: [Range<Int>] = []
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            if key.equals("model", in: body.span) {
                model = try cursor.string().text(in: body.span)
            } else if key.equals("n", in: body.span) {
                count = try cursor.number().integer(in: body.span)
            } else if key.equals("stream", in: body.span) {
                streams = try cursor.bool()
            } else if key.equals("messages", in: body.span) {
                try cursor.enterArray()
                while try cursor.nextElement() {
                    try cursor.enterObject()
                    while let key = try cursor.nextKey() {
                        if key.equals("role", in: body.span) { roles.append(try cursor.string().text(in: body.span)) }
                        if key.equals("content", in: body.span) { contents.append(try cursor.skip()) }
                    }
                }
            }
        }
        try cursor.end()
        #expect(model == "gpt-4o")
        #expect(count == 100)
        #expect(streams)
        #expect(roles == ["user"])
        #expect(contents.map { String(decoding: body[$0], as: UTF8.self) } == ["\"hé\""])
    }

    @Test("stands still when the value is of another kind")
    func otherKind() throws {
        let bytes = Array("[1]".utf8)
        var cursor = JSONCursor(bytes.span)
        try cursor.enterArray()
        #expect(try cursor.nextElement())
        var failures: [JSONFailure] = []
        do throws(JSONFailure) { _ = try cursor.string() } catch { failures.append(error) }
        do throws(JSONFailure) { try cursor.enterObject() } catch { failures.append(error) }
        do throws(JSONFailure) { try cursor.null() } catch { failures.append(error) }
        do throws(JSONFailure) { _ = try cursor.nextKey() } catch { failures.append(error) }
        #expect(
            failures == Array(repeating: JSONFailure(.otherKind, at: 1), count: 3) + [JSONFailure(.otherKind, at: 2)])
        #expect(try cursor.nextElement() == false)
        try cursor.end()
    }

    @Test("leaves the rest of a container")
    func leave() throws {
        let bytes = Array(#"{"a":{"b":[1,{"c":2},3],"d":4},"e":5}"#.utf8)
        var cursor = JSONCursor(bytes.span)
        try cursor.enterObject()
        _ = try cursor.nextKey()
        try cursor.enterObject()
        _ = try cursor.nextKey()
        try cursor.enterArray()
        _ = try cursor.nextElement()
        try cursor.leave()
        try cursor.leave()
        let key = try cursor.nextKey()
        #expect(key?.text(in: bytes.span) == "e")
        try cursor.leave()
        try cursor.end()
    }

    @Test("looks ahead by a copy")
    func lookAhead() throws {
        let bytes = Array("[[1],2]".utf8)
        var cursor = JSONCursor(bytes.span)
        try cursor.enterArray()
        _ = try cursor.nextElement()
        var copy = cursor
        #expect(try copy.skip() == 1..<4)
        #expect(try cursor.peek() == .array)
        #expect(cursor.position == 1)
    }

    @Test(
        "names the first byte that cannot be",
        arguments: [
            ("", JSONFailure.Reason.cutOff, 0), ("  ", .cutOff, 2), ("{\"a\":1", .cutOff, 6), ("{\"a\"", .cutOff, 4),
            ("[1,", .cutOff, 3), ("\"a", .cutOff, 2), ("\"\\", .cutOff, 2), ("\"\\u12", .cutOff, 5),
            ("tru", .cutOff, 3),
            ("-", .cutOff, 1), ("1.", .cutOff, 2), ("1e", .cutOff, 2), ("[1,]", .unexpectedByte, 3),
            ("[1 2]", .unexpectedByte, 3), ("{\"a\":1,}", .unexpectedByte, 7), ("{,}", .unexpectedByte, 1),
            ("{a:1}", .unexpectedByte, 1), ("{\"a\" 1}", .unexpectedByte, 5), ("[}", .unexpectedByte, 1),
            ("\u{feff}{}", .unexpectedByte, 0), ("nul ", .unexpectedByte, 3), ("[01]", .number, 2),
            ("[-a]", .number, 2),
            ("[1.a]", .number, 3), ("[1e+]", .number, 4), ("[\"\t\"]", .controlCharacter, 2), ("[\"\\x\"]", .escape, 3),
            ("[\"\\u12x4\"]", .escape, 6), ("[\"\\ud800\"]", .loneSurrogate, 2), ("[\"\\udc00\"]", .loneSurrogate, 2),
            ("[\"\\ud800\\u0041\"]", .loneSurrogate, 2), ("{} {}", .trailingBytes, 3), ("1 2", .trailingBytes, 2),
        ])
    func offsets(text: String, reason: JSONFailure.Reason, offset: Int) {
        let bytes = Array(text.utf8)
        var cursor = JSONCursor(bytes.span)
        do throws(JSONFailure) {
            try cursor.skip()
            try cursor.end()
            Issue.record("accepted")
        } catch {
            #expect(error == JSONFailure(reason, at: offset))
            #expect(error.explanation.hasSuffix("at byte \(offset)"))
        }
    }

    @Test("goes as deep as it is told, entering and skipping", arguments: [0, 1, 5, 128, 1000])
    func depth(depthMax: Int) throws {
        let deepest = min(depthMax, 128)
        for depth in [deepest, deepest + 1] {
            let bytes = Array((String(repeating: "[", count: depth) + String(repeating: "]", count: depth)).utf8)
            guard depth > 0 else { continue }
            var cursor = JSONCursor(bytes.span, depthMax: depthMax)
            var failure: JSONFailure?
            do throws(JSONFailure) { try cursor.skip() } catch { failure = error }
            #expect(failure == (depth > deepest ? JSONFailure(.tooDeep, at: deepest) : nil))
            cursor = JSONCursor(bytes.span, depthMax: depthMax)
            failure = nil
            do throws(JSONFailure) {
                for level in 0..<depth {
                    try cursor.enterArray()
                    #expect(cursor.depth == level + 1)
                    _ = try cursor.nextElement()
                }
            } catch { failure = error }
            #expect(failure == (depth > deepest ? JSONFailure(.tooDeep, at: deepest) : nil))
        }
    }
}
