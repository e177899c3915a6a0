// A reader of JSON that is slow and plainly RFC 8259, to compare the cursor with. It shares no code with it.

/// What a document holds: each key and value, in the order in which it begins.
struct JSONFact: Equatable, CustomStringConvertible {
    enum What: Equatable { case key, object, array, string, number, bool, null }

    var what: What
    var range: Range<Int>
    /// The decoded text of a key or string.
    var text: String?

    var description: String { "\(what) \(range) \(text ?? "")" }
}

/// One function per rule of the grammar, each taking what it expects from the front of the rest.
struct JSONReference {
    struct Refused: Error {}

    private let bytes: [UInt8]
    private var index = 0
    private var facts: [JSONFact] = []
    private var openCount = 0
    private let depthMax: Int

    /// What is in the document; nil if it is none.
    static func read(_ bytes: [UInt8], depthMax: Int = 128) -> [JSONFact]? {
        // Outside of strings only ASCII is allowed, so a document is UTF-8 as a whole or none.
        guard String(validating: bytes, as: UTF8.self) != nil else { return nil }
        var reader = JSONReference(bytes: bytes, depthMax: depthMax)
        guard (try? reader.document()) != nil else { return nil }
        return reader.facts
    }

    private init(bytes: [UInt8], depthMax: Int) {
        self.bytes = bytes
        self.depthMax = depthMax
    }

    private var next: Character? { index < bytes.count ? Character(Unicode.Scalar(bytes[index])) : nil }

    private mutating func take(_ wanted: String) throws {
        for character in wanted {
            guard next == character else { throw Refused() }
            index += 1
        }
    }

    private mutating func blanks() {
        while let byte = index < bytes.count ? bytes[index] : nil, [0x20, 0x09, 0x0a, 0x0d].contains(byte) {
            index += 1
        }
    }

    private mutating func document() throws {
        blanks()
        try value()
        blanks()
        guard index == bytes.count else { throw Refused() }
    }

    private mutating func value() throws {
        let place = facts.count
        let start = index
        func fact(_ what: JSONFact.What, _ text: String? = nil) -> JSONFact {
            JSONFact(what: what, range: start..<start, text: text)
        }
        switch next {
        case "{":
            facts.append(fact(.object))
            try object()
        case "[":
            facts.append(fact(.array))
            try array()
        case "\"": facts.append(fact(.string, try string()))
        case "t":
            facts.append(fact(.bool))
            try take("true")
        case "f":
            facts.append(fact(.bool))
            try take("false")
        case "n":
            facts.append(fact(.null))
            try take("null")
        default:
            facts.append(fact(.number))
            try number()
        }
        facts[place].range = start..<index
    }

    private mutating func opened() throws {
        openCount += 1
        guard openCount <= depthMax else { throw Refused() }
    }

    private mutating func object() throws {
        try opened()
        try take("{")
        blanks()
        if next != "}" {
            while true {
                blanks()
                let start = index
                let text = try string()
                facts.append(JSONFact(what: .key, range: start..<index, text: text))
                blanks()
                try take(":")
                blanks()
                try value()
                blanks()
                if next == "}" { break }
                try take(",")
            }
        }
        try take("}")
        openCount -= 1
    }

    private mutating func array() throws {
        try opened()
        try take("[")
        blanks()
        if next != "]" {
            while true {
                blanks()
                try value()
                blanks()
                if next == "]" { break }
                try take(",")
            }
        }
        try take("]")
        openCount -= 1
    }

    private mutating func number() throws {
        if next == "-" { try take("-") }
        if next == "0" { try take("0") } else { try digits() }
        if next == "." {
            try take(".")
            try digits()
        }
        if next == "e" || next == "E" {
            index += 1
            if next == "+" || next == "-" { index += 1 }
            try digits()
        }
    }

    private mutating func digits() throws {
        let start = index
        while let character = next, ("0"..."9").contains(character) { index += 1 }
        guard index > start else { throw Refused() }
    }

    private mutating func string() throws -> String {
        try take("\"")
        // UTF-16, as the escapes mean it.
        var units: [UInt16] = []
        var run: [UInt8] = []
        while let byte = index < bytes.count ? bytes[index] : nil, byte != UInt8(ascii: "\"") {
            guard byte >= 0x20 else { throw Refused() }
            index += 1
            if byte != UInt8(ascii: "\\") {
                run.append(byte)
                continue
            }
            units += String(decoding: run, as: UTF8.self).utf16
            run = []
            units.append(try escaped())
        }
        try take("\"")
        units += String(decoding: run, as: UTF8.self).utf16
        guard let text = String(validating: units, as: UTF16.self) else { throw Refused() }
        return text
    }

    /// What follows a backslash.
    private mutating func escaped() throws -> UInt16 {
        let simple: [Character: UInt16] = [
            "\"": 0x22, "\\": 0x5c, "/": 0x2f, "b": 8, "f": 12, "n": 10, "r": 13, "t": 9,
        ]
        guard let letter = next else { throw Refused() }
        index += 1
        if let unit = simple[letter] { return unit }
        guard letter == "u", index + 4 <= bytes.count else { throw Refused() }
        let digits = String(decoding: bytes[index..<index + 4], as: UTF8.self)
        guard digits.utf8.count == 4, digits.allSatisfy({ $0.isASCII && $0.isHexDigit }),
            let unit = UInt16(digits, radix: 16)
        else {
            throw Refused()
        }
        index += 4
        return unit
    }
}
