import Wire

/// What the cursor finds in a document: each key and value in the order in which it begins; nil if it refuses it.
func cursorFacts(_ bytes: [UInt8]) -> [JSONFact]? {
    var facts: [JSONFact] = []
    do throws(JSONFailure) {
        var cursor = JSONCursor(bytes.span)
        try walk(&cursor, bytes, &facts)
        try cursor.end()
        return facts
    } catch {
        return nil
    }
}

private func walk(_ cursor: inout JSONCursor, _ bytes: [UInt8], _ facts: inout [JSONFact]) throws(JSONFailure) {
    let kind = try cursor.peek()
    let start = cursor.position
    let place = facts.count
    func fact(_ what: JSONFact.What, _ text: String? = nil) -> JSONFact {
        JSONFact(what: what, range: start..<start, text: text)
    }
    switch kind {
    case .object:
        facts.append(fact(.object))
        try cursor.enterObject()
        while let key = try cursor.nextKey() {
            facts.append(JSONFact(what: .key, range: key.quotedRange, text: key.text(in: bytes.span)))
            try walk(&cursor, bytes, &facts)
        }
    case .array:
        facts.append(fact(.array))
        try cursor.enterArray()
        while try cursor.nextElement() { try walk(&cursor, bytes, &facts) }
    case .string: facts.append(fact(.string, try cursor.string().text(in: bytes.span)))
    case .number:
        facts.append(fact(.number))
        _ = try cursor.number()
    case .bool:
        facts.append(fact(.bool))
        _ = try cursor.bool()
    case .null:
        facts.append(fact(.null))
        try cursor.null()
    }
    facts[place].range = start..<cursor.position
}

/// The span of the document's value when it is skipped as a whole; nil if the cursor refuses the document.
func skippedSpan(_ bytes: [UInt8]) -> Range<Int>? {
    do throws(JSONFailure) {
        var cursor = JSONCursor(bytes.span)
        let span = try cursor.skip()
        try cursor.end()
        return span
    } catch {
        return nil
    }
}

/// Random documents with what parsers stumble over: blanks, escapes, characters of every length, numbers of every form.
struct JSONMaker {
    var random: SplitMix
    private(set) var text = ""

    init(seed: UInt64) { random = SplitMix(seed: seed) }

    mutating func document(depthMax: Int = 5) -> [UInt8] {
        text = ""
        blanks()
        value(depthMax)
        blanks()
        return Array(text.utf8)
    }

    private mutating func pick(_ choices: [String]) {
        text += choices[Int.random(in: 0..<choices.count, using: &random)]
    }

    private mutating func blanks() {
        if Bool.random(using: &random) { return }
        for _ in 0..<Int.random(in: 0...3, using: &random) { pick([" ", "\t", "\n", "\r"]) }
    }

    private mutating func value(_ depth: Int) {
        switch Int.random(in: 0..<(depth > 0 ? 10 : 6), using: &random) {
        case 0: pick(["true", "false", "null"])
        case 1, 2: number()
        case 3, 4, 5: string()
        case 6, 7: container("[", "]", depth) { $0.value(depth - 1) }
        default:
            container("{", "}", depth) {
                $0.string()
                $0.blanks()
                $0.text += ":"
                $0.blanks()
                $0.value(depth - 1)
            }
        }
    }

    private mutating func container(_ open: String, _ close: String, _ depth: Int, _ part: (inout JSONMaker) -> Void) {
        text += open
        blanks()
        let count = Int.random(in: 0...4, using: &random)
        for index in 0..<count {
            if index > 0 {
                text += ","
                blanks()
            }
            part(&self)
            blanks()
        }
        text += close
    }

    private mutating func number() {
        pick(["", "-"])
        pick(["0", "1", "90", "123456789012345678901234567890"])
        pick(["", "", ".0", ".5", ".001"])
        pick(["", "", "e1", "E+05", "e-3", "e99999999999999999999"])
    }

    private mutating func string() {
        text += "\""
        for _ in 0..<Int.random(in: 0...8, using: &random) {
            pick([
                "a", "plain text that is longer than a block of sixteen", "é", "\u{7ff}", "\u{800}", "\u{ffff}", "😀",
                "\u{7f}",
                "\\n", "\\\"", "\\\\", "\\/", "\\b\\f\\r\\t", "\\u0041", "\\u00E9", "\\u20ac", "\\ud83d\\uDE00",
                "\\u0000",
                "{", "]", ",", ":", "\u{2028}",
            ])
        }
        text += "\""
    }
}
