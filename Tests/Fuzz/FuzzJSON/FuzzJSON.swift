// One sentence: whatever the bytes, they are a document or refused with the cursor's own failure, alike read, skipped and
// looked through for duplicate keys; members found in pieces are those found in one; what is edited is a document that
// holds what it should; and what is counted in pieces, escaped or not, is what is counted in one.
import Wire

/// libFuzzer's entry. The first byte is the size of the pieces, less one; the rest is the document.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = input.first else { return 0 }
    let document = Array(input.dropFirst())
    let pieceSize = 1 + Int(first)
    let failure = checkReading(document)
    checkScanner(document, pieceSize, isValid: failure == nil)
    if failure == nil { checkEdits(document) }
    checkTokens(document, pieceSize)
    return 0
}

/// The strings and numbers of a document, by walking through it.
private struct Walk {
    var strings: [JSONString] = []
    var numbers: [JSONNumber] = []
    var failure: JSONFailure?
    var end = 0
}

private func walk(_ document: [UInt8]) -> Walk {
    var walk = Walk()
    var cursor = JSONCursor(document.span)
    do throws(JSONFailure) {
        try value(&cursor, &walk)
        try cursor.end()
    } catch {
        walk.failure = error
    }
    walk.end = cursor.position
    return walk
}

private func value(_ cursor: inout JSONCursor, _ walk: inout Walk) throws(JSONFailure) {
    switch try cursor.peek() {
    case .object:
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            walk.strings.append(key)
            try value(&cursor, &walk)
        }
    case .array:
        try cursor.enterArray()
        while try cursor.nextElement() { try value(&cursor, &walk) }
    case .string: walk.strings.append(try cursor.string())
    case .number: walk.numbers.append(try cursor.number())
    case .bool: _ = try cursor.bool()
    case .null: try cursor.null()
    }
}

private func checkReading(_ document: [UInt8]) -> JSONFailure? {
    let read = walk(document)
    var skipping = JSONCursor(document.span)
    var skipped: JSONFailure?
    do throws(JSONFailure) {
        try skipping.skip()
        try skipping.end()
    } catch {
        skipped = error
    }
    check(read.failure == skipped, "reading and skipping differ")
    check(read.end <= document.count, "the cursor is outside of the document")
    check((read.failure?.offset ?? 0) <= document.count, "a failure outside of the document")
    var looked: JSONFailure?
    do throws(JSONFailure) { _ = try JSONCursor.hasDuplicateKeys(document.span) } catch { looked = error }
    check(read.failure == looked, "looking for duplicates reads something else")
    for string in read.strings {
        let text = string.text(in: document.span)
        var written = JSONText()
        written.string(text)
        let again = JSONString(range: 1..<written.bytes.count - 1, hasEscapes: true)
        check(Array(again.text(in: written.bytes.span).utf8) == Array(text.utf8), "a string does not come back")
        check(string.equals(string, in: document.span), "a string is not itself")
    }
    for number in read.numbers {
        guard let integer = number.integer(in: document.span) else { continue }
        let digits = Array(String(integer).utf8)
        check(JSONNumber(range: 0..<digits.count).integer(in: digits.span) == integer, "an integer does not come back")
    }
    return read.failure
}

private func checkScanner(_ document: [UInt8], _ pieceSize: Int, isValid: Bool) {
    func scan(_ size: Int) -> (members: [[UInt8]?], isComplete: Bool, isBroken: Bool) {
        var scanner = JSONMemberScanner(names: ["usage", "a", ""])
        var start = 0
        while start < document.count {
            let end = min(start + size, document.count)
            scanner.take(document.span.extracting(start..<end))
            start = end
        }
        return ((0..<3).map { scanner.member($0) }, scanner.isComplete, scanner.isBroken)
    }
    let whole = scan(max(document.count, 1))
    check(whole == scan(pieceSize), "the pieces change the members")
    guard isValid else { return }
    var expected: [[UInt8]?] = [nil, nil, nil]
    var isObject = false
    var cursor = JSONCursor(document.span)
    do throws(JSONFailure) {
        isObject = try cursor.peek() == .object
        if isObject { try cursor.enterObject() }
        while isObject, let key = try cursor.nextKey() {
            let span = try cursor.skip()
            for (index, name) in (["usage", "a", ""] as [StaticString]).enumerated()
            where key.equals(name, in: document.span) {
                expected[index] = Array(document[span])
            }
        }
    } catch {
        fatalError("a valid document is refused")
    }
    check(whole.isComplete == isObject && whole.isBroken != isObject, "the scanner disagrees with the cursor")
    check(!isObject || whole.members == expected, "the scanner finds other members")
}

private func == (
    one: (members: [[UInt8]?], isComplete: Bool, isBroken: Bool),
    other: (members: [[UInt8]?], isComplete: Bool, isBroken: Bool)
) -> Bool {
    one.members == other.members && one.isComplete == other.isComplete && one.isBroken == other.isBroken
}

/// Removes every other member of the outermost object and inserts one.
private func checkEdits(_ document: [UInt8]) {
    var edits = JSONEdits()
    var expected = [Array("0".utf8)]
    do throws(JSONFailure) {
        var cursor = JSONCursor(document.span)
        guard try cursor.peek() == .object else { return }
        let start = cursor.position
        try cursor.enterObject()
        var index = 0
        while let key = try cursor.nextKey() {
            let span = try cursor.skip()
            if index % 2 == 0 {
                edits.removeMember(key.quotedRange.lowerBound..<span.upperBound)
            } else {
                expected.append(Array(document[span]))
            }
            index += 1
        }
        edits.insertMember("n", rawValue: "0", intoObjectAt: start..<cursor.position)
    } catch {
        fatalError("a valid document is refused")
    }
    check(memberValues(edits.apply(to: document.span)) == expected, "what is edited is not what it should be")
}

/// The values in the outermost object; nil if there is none.
private func memberValues(_ document: [UInt8]) -> [[UInt8]]? {
    var found: [[UInt8]] = []
    do throws(JSONFailure) {
        var cursor = JSONCursor(document.span)
        try cursor.enterObject()
        while try cursor.nextKey() != nil {
            let span = try cursor.skip()
            found.append(Array(document[span]))
        }
        try cursor.end()
        return found
    } catch {
        return nil
    }
}

private func checkTokens(_ text: [UInt8], _ pieceSize: Int) {
    for isEscaped in [false, true] {
        var whole = TokenCounter()
        var pieces = TokenCounter()
        if isEscaped { whole.take(escaped: text.span) } else { whole.take(text.span) }
        var start = 0
        while start < text.count {
            let piece = text.span.extracting(start..<min(start + pieceSize, text.count))
            if isEscaped { pieces.take(escaped: piece) } else { pieces.take(piece) }
            start += pieceSize
        }
        whole.endText()
        pieces.endText()
        for model in TokenModel.allCases {
            check(whole.tokens(model) == pieces.tokens(model), "the pieces change the estimate")
            check(whole.tokens(model) >= 0, "a negative estimate")
        }
    }
    guard String(validating: text, as: UTF8.self) != nil else { return }
    var written = JSONText()
    written.string(text.span)
    var plain = TokenCounter()
    plain.take(text.span)
    var escaped = TokenCounter()
    escaped.take(escaped: written.bytes.span.extracting(1..<written.bytes.count - 1))
    check(plain.tokens(.o200k) == escaped.tokens(.o200k), "the escapes change the estimate")
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
