import Testing

@testable import Policy

@Suite("A duration in the file")
struct DurationTextTests {
    @Test(
        "is one number and one unit",
        arguments: [
            ("0s", .zero), ("500ms", .milliseconds(500)), ("5s", .seconds(5)), ("10m", .seconds(600)),
            ("24h", .seconds(86400)), ("7d", .seconds(604800)), ("0005s", .seconds(5)),
            ("9999999999d", .seconds(9_999_999_999 * 86400)),
        ] as [(String, Duration)])
    func good(text: String, duration: Duration) throws {
        #expect(try DurationText.parse(text) == duration)
    }

    @Test(
        "written otherwise is a mistake with a guess",
        arguments: [
            ("5 s", "5s"), ("5S", "5s"), ("5sec", "5s"), ("5 minutes", "5m"), ("1h30m", "90m"), ("1.5h", "90m"),
            ("0.5s", "500ms"), ("2w", "14d"), ("1m 30s", "90s"), ("1d12h", "36h"), ("1500ms 500ms", "2s"),
        ])
    func guessed(text: String, meant: String) {
        #expect(throws: DurationText.Flaw(meant: meant)) { try DurationText.parse(text) }
    }

    @Test(
        "that nobody can guess is a mistake without a guess",
        arguments: [
            "", " ", "5", "s", "-5s", "+5s", "5us", "5µs", "∞", "five s", "5m5", "1e3s", "0x5s", "..s", "1.2.3s",
            "0.0001ms", "12345678901s", "99999999999999999999999999999d", "nan s", "inf h", "٥s", "5s\u{0}",
        ])
    func unguessed(text: String) {
        #expect(throws: DurationText.Flaw(meant: nil)) { try DurationText.parse(text) }
    }

    @Test("is written in its largest unit", arguments: ["1ms", "999ms", "1s", "90s", "5m", "25h", "30d"])
    func written(text: String) throws {
        #expect(DurationText.write(try DurationText.parse(text)) == text)
    }
}

@Suite("A suggestion")
struct SuggestionTests {
    private let keys = ["proxy", "admin", "workers", "connections_max", "idle_timeout", "head_timeout"]

    @Test(
        "finds what was mistyped",
        arguments: [
            ("porxy", "proxy"), ("Proxy", "proxy"), ("prox", "proxy"), ("conections_max", "connections_max"),
            ("connections-max", "connections_max"), ("connectionsmax", "connections_max"), ("worker", "workers"),
            ("idletimeout", "idle_timeout"), ("timeout", "idle_timeout"),
        ])
    func found(word: String, meant: String) {
        #expect(Suggestion.nearest(to: word, among: keys) == meant)
    }

    @Test("is not made for what resembles nothing", arguments: ["", "x", "zzzzzz", "url", "pro", "ca"])
    func notFound(word: String) {
        #expect(Suggestion.nearest(to: word, among: keys) == nil)
    }

    @Test("is not looked for among monsters")
    func long() {
        #expect(Suggestion.nearest(to: String(repeating: "a", count: 100_000), among: keys) == nil)
        #expect(Suggestion.nearest(to: "proxy", among: [String(repeating: "p", count: 100_000)]) == nil)
    }

    @Test(
        "counts a letter added, left out, changed or swapped as one",
        arguments: [("ab", "abc"), ("abc", "ac"), ("abc", "axc"), ("abc", "acb")])
    func distance(left: String, right: String) {
        #expect(Suggestion.distance(Array(left.utf8), Array(right.utf8)) == 1)
        #expect(Suggestion.distance(Array(right.utf8), Array(left.utf8)) == 1)
        #expect(Suggestion.distance(Array(left.utf8), Array(left.utf8)) == 0)
        #expect(Suggestion.distance([], Array(left.utf8)) == left.utf8.count)
    }

    @Test("quotes text without what could act on a terminal")
    func quoted() {
        #expect("a\u{1B}[31m\n\u{202E}é".quoted == "\"a\\u{1b}[31m\\u{a}\\u{202e}é\"")
        #expect(String(repeating: "x", count: 70).quoted == "\"" + String(repeating: "x", count: 64) + "…\"")
    }
}

@Suite("A TOML text")
struct TOMLDocumentTests {
    private func messages(_ text: String) -> [String] {
        FileReader(text: text, file: "f").finish().map(\.description)
    }

    @Test("has the place of every key and value")
    func places() throws {
        let text = "a = 1\n[t]\n  b = [ \"x\",\n 2.5 ]\n\"c d\" = {e = true}\n[[r]]\nd = 1979-05-27\n"
        let root = try TOMLDocument(text).root
        var seen: [String] = []
        func walk(_ value: TOMLValue, _ path: String) {
            seen.append("\(path) \(value.content.kind) \(value.place.line):\(value.place.column)")
            switch value.content {
            case .table(let entries):
                for entry in entries {
                    seen.append("\(entry.key) key \(entry.place.line):\(entry.place.column)")
                    walk(entry.value, "\(path)/\(entry.key)")
                }
            case .array(let values): for value in values { walk(value, "\(path)/-") }
            case .string, .integer, .float, .boolean, .date: break
            }
        }
        walk(root, "")
        #expect(
            seen == [
                " a table 1:1", "a key 1:1", "/a a whole number 1:5", "r key 6:3", "/r a list 6:1", "/r/- a table 6:1",
                "d key 7:1", "/r/-/d a date 7:5", "t key 2:2", "/t a table 2:1", "b key 3:3", "/t/b a list 3:7",
                "/t/b/- a string 3:9", "/t/b/- a number with a point 4:2", "c d key 5:1", "/t/c d a table 5:9",
                "e key 5:10", "/t/c d/e true or false 5:14",
            ])
    }

    @Test("may be empty, a comment, or begin with a byte order mark", arguments: ["", "\n", "# x", "\u{FEFF}[t]\r\n"])
    func trivial(text: String) throws {
        _ = try TOMLDocument(text)
    }

    @Test("that is none has one mistake, with its place and what it probably comes from")
    func syntax() {
        #expect(
            messages("[a]\nx = 5m\n") == [
                "f:2:6: not valid TOML: expected digit, saw 'm'; text, addresses and durations are written in quotes"
            ])
        #expect(
            messages("[a]\nx: 5\n") == [
                "f:2:2: not valid TOML: expected '=', saw ':'; a key and its value are written key = value"
            ])
        #expect(
            messages("[a]\nx = True") == ["f:2:5: not valid TOML: expected 'true', saw 'T'; did you mean true?"])
        #expect(
            messages("x = \"C:\\users\"")[0].hasSuffix("a backslash is written twice, or the text in single quotes"))
        #expect(messages("x = 1\nx = 2") == ["f:2:5: not valid TOML: cannot redefine existing integer 'x'"])
        #expect(messages("a:b = 1")[0].hasSuffix("a key with a colon needs quotes"))
    }

    @Test(
        "may not be nested deeper than the stack goes, whatever hides the depth",
        arguments: [
            "[" + String(repeating: "a.", count: 100_000) + "a]\n", String(repeating: "a.", count: 100_000) + "a = 1\n",
            "x = { y = \"\"\"q\"\"\"\", " + String(repeating: "a.", count: 100_000) + "a = 1 }\n",
            "x = '#'\n" + String(repeating: "a.", count: 100_000) + "a = 1\n",
            "x = \"\\\"\"\n" + String(repeating: "a.", count: 100_000) + "a = 1\n",
            "x = " + String(repeating: "[", count: 100_000), "x = " + String(repeating: "{a=", count: 100_000),
            "x = " + String(repeating: "[{a.a.a.a.a.a.a.a.a.a.a.a.a.a=", count: 5000),
            "\"" + String(repeating: "a\".\"=", count: 50_000) + "\" = 1",
        ])
    func depth(text: String) {
        #expect(throws: TOMLFlaw.self) { try TOMLDocument(text) }
    }

    @Test(
        "may have dots in strings, comments and numbers as many as it likes",
        arguments: [
            "x = \"" + String(repeating: ".", count: 100) + "\"\n", "# " + String(repeating: ".", count: 100),
            "x = '''\n" + String(repeating: ".", count: 100) + "\n'''",
            "x = [" + String(repeating: "1.5, ", count: 50) + "]",
            "x = \"\"\"\"" + String(repeating: ".", count: 100) + "\"\"\"\"\"",
            "x = { y = \"\"\"q\"\"\"\"\", a.b.c.d = 1 }",
        ])
    func dots(text: String) throws {
        _ = try TOMLDocument(text)
    }
}

@Suite("The file reader")
struct FileReaderTests {
    @Test("knows a key where it was asked for, and names the place for one that stands elsewhere")
    func unknown() {
        let file = FileReader(
            text: "proxy = 1\n[listen]\nproxi = 1\nproviders = 2\n[lisen]\n[intercept]\n[zzz]\n[[listen.x]]\n",
            file: "f")
        let listen = file.table("listen")
        _ = listen.text("proxy")
        _ = file.table("intercept").text("providers")
        #expect(file.knownKeys == ["listen.proxy", "intercept.providers"])
        #expect(
            file.finish().map(\.description) == [
                "f:1:1: unknown key \"proxy\" before the first table; it belongs in [listen]",
                "f:3:1: unknown key \"proxi\" in [listen], did you mean \"proxy\"?",
                "f:4:1: unknown key \"providers\" in [listen], it belongs in [intercept]",
                "f:5:2: unknown table \"[lisen]\", did you mean [listen]?", "f:7:2: unknown table \"[zzz]\"",
                "f:8:10: unknown key \"x\" in [listen]",
            ])
    }

    @Test("names the form of a value that has the wrong type")
    func types() {
        let file = FileReader(
            text: """
                [t]
                integer = "4"
                range = 300
                boolean = "true"
                duration = 30
                list = "x"
                mixed = ["x", 1]
                choice = "tunel"
                """, file: "f")
        let table = file.table("t")
        #expect(table.integer("integer", in: 0...256) == nil)
        #expect(table.integer("range", in: 0...256) == nil)
        #expect(table.boolean("boolean") == nil)
        #expect(table.duration("duration", in: .zero ... .seconds(60)) == nil)
        #expect(table.strings("list", form: "words") == nil)
        #expect(table.strings("mixed", form: "words")?.map(\.value) == ["x"])
        let choice: DestinationPolicy.Others? = table.choice("choice")
        #expect(choice == nil)
        #expect(
            file.finish().map(\.description) == [
                "f:2:11: t.integer must be a number without quotes: 4",
                "f:3:9: t.range must be from 0 to 256, not 300",
                "f:4:11: t.boolean must be true or false without quotes",
                "f:5:12: t.duration must be a duration like \"500ms\", \"30s\", \"5m\", \"24h\" or \"7d\": 30 of which "
                    + "unit? \"30s\" is seconds",
                "f:6:8: t.list must be a list of words: write [\"x\"]",
                "f:7:15: t.mixed must be a list of words, not a whole number",
                "f:8:10: t.choice must be \"tunnel\" or \"refuse\", not \"tunel\", did you mean \"tunnel\"?",
            ])
    }

    @Test("tells tables from lists of tables")
    func brackets() {
        let file = FileReader(text: "[[listen]]\n[provider]\n", file: "f")
        _ = file.table("listen")
        #expect(file.rows("provider", keys: []).isEmpty)
        #expect(
            file.finish().map(\.message) == [
                "[listen] is one table, written with single brackets",
                "provider is a list of tables: write [[provider]] with double brackets",
            ])
        let other = FileReader(text: "listen = 1\nprovider = [1]\n", file: "f")
        _ = other.table("listen")
        #expect(other.rows("provider", keys: []).isEmpty)
        #expect(
            other.finish().map(\.message) == [
                "listen is a table, written as [listen] on a line of its own",
                "provider is a list of tables, each written as [[provider]]",
            ])
    }

    @Test("stops after a hundred mistakes and counts the others")
    func many() {
        let text = "[listen]\n" + (0..<5000).map { "x\($0) = 1\n" }.joined()
        let file = FileReader(text: text, file: "f")
        _ = file.table("listen")
        let mistakes = file.finish()
        #expect(mistakes.count == 101)
        #expect(mistakes.last?.message == "and 4900 more mistakes")
    }
}
