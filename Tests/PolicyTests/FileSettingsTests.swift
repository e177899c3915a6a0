import Testing

@testable import Policy

@Suite("Two readings of a file are compared:")
struct FileSettingsTests {
    private func changes(_ before: String, _ after: String) -> [String] {
        FileSettings(before).changes(to: FileSettings(after)).map { change in
            "\(change.key) \(change.place.map { "\($0.line):\($0.column)" } ?? "gone")"
        }
    }

    @Test("comments, order and spaces change nothing")
    func layout() {
        let before = "[listen]\nworkers = 2\nadmin = \"off\"\n[intercept]\nsplice = [\"a\", \"b\"]\n"
        let after = "# why\n[intercept]\nsplice = [\n  \"a\",\n  \"b\" ]\n[listen]\nadmin = 'off'\nworkers = 2\n"
        #expect(changes(before, after) == [])
    }

    @Test(
        "a change is named by its key and the place of its value",
        arguments: [
            ("[listen]\nworkers = 2", "[listen]\nworkers = 3", ["listen.workers 2:11"]),
            ("[listen]\nworkers = 2", "[listen]", ["listen.workers gone"]),
            ("", "[listen]\nworkers = 2", ["listen.workers 2:11"]),
            ("[listen]\nworkers = 2", "[listen]\nworkers = \"2\"", ["listen.workers 2:11"]),
            ("[a]\nlist = [1, 2]", "[a]\nlist = [1]", ["a.list gone"]),
            ("[a]\nlist = [1]", "[a]\nlist = [1, 2, 3]", ["a.list 2:12"]),
            ("[a]\nlist = []", "[a]\nlist = [1]", ["a.list 2:9"]),
            ("[t.x]\na.b.c = 1", "[t.x]\na.b.c = 2", ["t.x 2:9"]),
            ("[[p]]\nname = \"a\"", "[[p]]\nname = \"a\"\n[[p]]\nname = \"b\"", ["p 4:8"]),
            ("[t]\na = 1\nb = 1\nc = 1", "[t]\nc = 2\na = 2", ["t.c 2:5", "t.a 3:5", "t.b gone"]),
            ("x = 1", "x = 1\ny = ", ["x gone"]),
        ])
    func named(_ before: String, _ after: String, _ expected: [String]) {
        #expect(changes(before, after) == expected)
    }

    @Test("keys with dots in quotes are keys of their own")
    func quotedKeys() {
        #expect(changes("[u]\n\"a.b\" = 1", "[u]\na.b = 1") == ["u.a 2:7", "u.a.b gone"])
    }
}
