import Testing

@testable import Wire

/// A stream with the events that a conforming reader sees; where they come from is in the corpus' README.
struct EventStreamCase: Sendable, CustomTestStringConvertible {
    var name: String
    var stream: String
    var data: [String]

    var testDescription: String { name }

    /// Reads `cases.json`, in which two words stand for long texts.
    static func all() throws -> [Self] {
        guard let file = corpusFile("eventstream/cases.json") else { return [] }
        let bytes = file.span
        var cases: [Self] = []
        var cursor = JSONCursor(bytes)
        try cursor.enterArray()
        while try cursor.nextElement() {
            var row = Self(name: "", stream: "", data: [])
            try cursor.enterObject()
            while let key = try cursor.nextKey() {
                switch key.text(in: bytes) {
                case "id": row.name = try cursor.string().text(in: bytes)
                case "b": row.stream = try expand(cursor.string().text(in: bytes))
                case "ev":
                    try cursor.enterArray()
                    while try cursor.nextElement() { try row.data.append(expand(cursor.string().text(in: bytes))) }
                default: try cursor.skip()
                }
            }
            cases.append(row)
        }
        try cursor.end()
        return cases
    }

    private static func expand(_ text: String) -> String {
        var parts: [Substring] = []
        for (word, count) in [("XLONG", 2048), ("XHUGE", 100_000)] where text.contains(word) {
            var rest = text[...]
            while let range = rest.firstRange(of: word) {
                parts += [rest[..<range.lowerBound], Substring(repeating: "x", count: count)]
                rest = rest[range.upperBound...]
            }
            return parts.joined() + rest
        }
        return text
    }
}

@Suite("The event streams of web-platform-tests, of the HTML standard and of providers")
struct EventStreamCorpusTests {
    @Test("are read as a conforming reader does, whole, byte by byte, and cut at random")
    func cases() throws {
        let cases = try EventStreamCase.all()
        #expect(cases.count == 27)
        for row in cases {
            let stream = Array(row.stream.utf8)
            for cuts in cuttings(stream.count) + [[]] {
                let data = readEvents(stream, cuts: cuts).seen.map { seen in
                    if case .event(_, let data) = seen { data } else { "oversized" }
                }
                #expect(data == row.data, "\(row.name)")
            }
        }
    }
}
