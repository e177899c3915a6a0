/// A JSON value as a test holds it: keys in their order, numbers and literals by their text.
indirect enum Tree: Equatable, Sendable {
    case object([Member])
    case array([Tree])
    case string(String)
    case word(String)

    struct Member: Equatable, Sendable {
        var key: String
        var value: Tree

        init(_ key: String, _ value: Tree) {
            self.key = key
            self.value = value
        }
    }

    var count: Int {
        switch self {
        case .object(let members): members.count
        case .array(let elements): elements.count
        case .string, .word: 0
        }
    }

    /// The value at a path of places in objects and lists, and a change to it.
    mutating func change(_ path: ArraySlice<Int>, _ body: (inout Tree) -> Void) {
        guard let index = path.first else { return body(&self) }
        switch self {
        case .object(var members):
            members[index].value.change(path.dropFirst(), body)
            self = .object(members)
        case .array(var elements):
            elements[index].change(path.dropFirst(), body)
            self = .array(elements)
        case .string, .word: break
        }
    }

    func value(at path: ArraySlice<Int>) -> Tree {
        guard let index = path.first else { return self }
        switch self {
        case .object(let members): return members[index].value.value(at: path.dropFirst())
        case .array(let elements): return elements[index].value(at: path.dropFirst())
        case .string, .word: return self
        }
    }
}

// Reading the samples

extension Tree {
    /// The value that is written in `text`, which is JSON without escapes beyond `\n`, `\"` and `\\`.
    init(_ text: String) {
        var rest = Substring(text)
        self = Tree.read(&rest)
        precondition(rest.allSatisfy(\.isWhitespace), "a sample has something behind it: \(rest.prefix(40))")
    }

    private static func read(_ rest: inout Substring) -> Tree {
        blanks(&rest)
        switch rest.first {
        case "{":
            var members: [Member] = []
            list(&rest, closing: "}") { rest in
                let key = string(&rest)
                blanks(&rest)
                precondition(rest.removeFirst() == ":", "a sample lacks a colon")
                members.append(Member(key, read(&rest)))
            }
            return .object(members)
        case "[":
            var elements: [Tree] = []
            list(&rest, closing: "]") { rest in elements.append(read(&rest)) }
            return .array(elements)
        case "\"": return .string(string(&rest))
        default:
            let word = rest.prefix { $0.isLetter || $0.isNumber || "+-.".contains($0) }
            precondition(!word.isEmpty, "a sample is no JSON at \(rest.prefix(40))")
            rest.removeFirst(word.count)
            return .word(String(word))
        }
    }

    private static func list(_ rest: inout Substring, closing: Character, _ part: (inout Substring) -> Void) {
        rest.removeFirst()
        blanks(&rest)
        while rest.first != closing {
            part(&rest)
            blanks(&rest)
            if rest.first == "," { rest.removeFirst() }
            blanks(&rest)
        }
        rest.removeFirst()
    }

    private static func string(_ rest: inout Substring) -> String {
        blanks(&rest)
        precondition(rest.removeFirst() == "\"", "a sample lacks a quotation mark at \(rest.prefix(40))")
        var text = ""
        while let character = rest.popFirst(), character != "\"" {
            guard character == "\\" else {
                text.append(character)
                continue
            }
            let escaped = rest.removeFirst()
            text.append(escaped == "n" ? "\n" : escaped)
        }
        return text
    }

    private static func blanks(_ rest: inout Substring) {
        while let first = rest.first, first.isWhitespace { rest.removeFirst() }
    }
}

// Writing in one of many spellings

extension Tree {
    /// Adds the value to `out`, with blanks and escapes as chance has it.
    func write(_ out: inout [UInt8], _ random: inout SplitMix) {
        let isAiry = random.next() % 4 == 0
        write(&out, &random, isAiry: isAiry, escapes: random.next() % 3 == 0)
    }

    private func write(_ out: inout [UInt8], _ random: inout SplitMix, isAiry: Bool, escapes: Bool) {
        if isAiry { Self.blanks(&out, &random) }
        switch self {
        case .object(let members):
            out.append(UInt8(ascii: "{"))
            for (index, member) in members.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                if isAiry { Self.blanks(&out, &random) }
                Self.write(member.key, &out, &random, escapes: escapes)
                if isAiry { Self.blanks(&out, &random) }
                out.append(UInt8(ascii: ":"))
                member.value.write(&out, &random, isAiry: isAiry, escapes: escapes)
            }
            if isAiry { Self.blanks(&out, &random) }
            out.append(UInt8(ascii: "}"))
        case .array(let elements):
            out.append(UInt8(ascii: "["))
            for (index, element) in elements.enumerated() {
                if index > 0 { out.append(UInt8(ascii: ",")) }
                element.write(&out, &random, isAiry: isAiry, escapes: escapes)
            }
            if isAiry { Self.blanks(&out, &random) }
            out.append(UInt8(ascii: "]"))
        case .string(let text): Self.write(text, &out, &random, escapes: escapes)
        case .word(let text): out += text.utf8
        }
        if isAiry { Self.blanks(&out, &random) }
    }

    private static func blanks(_ out: inout [UInt8], _ random: inout SplitMix) {
        let choice = random.next()
        for index in 0..<(choice & 3) { out.append([0x20, 0x0a, 0x0d, 0x09][Int(choice >> (8 + 2 * index) & 3)]) }
    }

    private static func write(_ text: String, _ out: inout [UInt8], _ random: inout SplitMix, escapes: Bool) {
        out.append(0x22)
        for scalar in text.unicodeScalars {
            let mustEscape = scalar.value < 0x20 || scalar == "\"" || scalar == "\\"
            if !mustEscape, !(escapes && random.next() % 8 == 0) {
                out += String(scalar).utf8
                continue
            }
            let short: [Unicode.Scalar: String] = [
                "\"": "\\\"", "\\": "\\\\", "/": "\\/", "\n": "\\n", "\t": "\\t", "\r": "\\r", "\u{8}": "\\b",
                "\u{c}": "\\f",
            ]
            if let escape = short[scalar], random.next() % 2 == 0 {
                out += escape.utf8
            } else {
                for unit in UTF16.encode(scalar)! { hexadecimal(unit, &out, isUpper: random.next() % 2 == 0) }
            }
        }
        out.append(0x22)
    }

    private static func hexadecimal(_ unit: UInt16, _ out: inout [UInt8], isUpper: Bool) {
        let digits = String(unit, radix: 16, uppercase: isUpper)
        out += "\\u".utf8
        for _ in digits.utf8.count..<4 { out.append(0x30) }
        out += digits.utf8
    }
}

/// A small generator with a seed, so that a failure can be repeated.
struct SplitMix: RandomNumberGenerator {
    var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var mixed = state
        mixed = (mixed ^ (mixed >> 30)) &* 0xBF58_476D_1CE4_E5B9
        mixed = (mixed ^ (mixed >> 27)) &* 0x94D0_49BB_1331_11EB
        return mixed ^ (mixed >> 31)
    }

    /// A number below `count`, which is positive.
    mutating func below(_ count: Int) -> Int { Int(next() % UInt64(count)) }
}
