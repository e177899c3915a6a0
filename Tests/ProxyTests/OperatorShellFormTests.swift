import Testing

@testable import Proxy

@Suite("Variables as text:")
struct OperatorShellFormTests {
    /// Everything that some shell takes for something else.
    static let nastyValues = [
        "/plain/path.pem", "/with space/and\ttab", "it's", "''", "'", "\"quoted\"", "$HOME and $(id) and `id`",
        "back\\slash\\", "percent %h %%", "new\nline", "*?[a-z]{a,b}~", "a;b&c|d<e>f#g!h", "é ü 漢", "=leading",
        " edges ", "",
    ]

    private func render(_ form: ShellForm, _ value: String) throws -> String {
        try form.render([ClientEnvironment.Variable(name: "NAME", value: value)])
    }

    @Test("a Bourne shell gets back exactly what was meant", arguments: nastyValues)
    func bourne(_ value: String) throws {
        let script = try render(.sh, value) + "printf %s \"$NAME\""
        let ending = try ChildProcess(arguments: ["/bin/sh", "-c", script], environment: [:], patience: .seconds(60))
            .run()
        #expect(ending == ChildProcess.Ending(cause: .exited(0), output: value))
    }

    @Test(
        "fish escapes backslash and quote and nothing else",
        arguments: [
            ("/a b", "set -gx NAME '/a b'\n"), ("it's", "set -gx NAME 'it\\'s'\n"),
            ("a\\b $x \"y\"", "set -gx NAME 'a\\\\b $x \"y\"'\n"),
        ])
    func fish(_ value: String, _ text: String) throws {
        #expect(try render(.fish, value) == text)
    }

    @Test(
        "systemd sees no specifier and no escape that was not meant",
        arguments: [
            ("/a b/it's", "Environment=\"NAME=/a b/it's\"\n"), ("a\"b", "Environment=\"NAME=a\\\"b\"\n"),
            ("a\\b", "Environment=\"NAME=a\\\\b\"\n"), ("100%h", "Environment=\"NAME=100%%h\"\n"),
            ("a\nb", "Environment=\"NAME=a\\x0ab\"\n"), ("$HOME", "Environment=\"NAME=$HOME\"\n"),
        ])
    func systemd(_ value: String, _ text: String) throws {
        #expect(try render(.systemd, value) == text)
    }

    @Test("docker takes the line as it is", arguments: ["/a b", "it's \"q\" $x \\", " edges "])
    func docker(_ value: String) throws {
        #expect(try render(.docker, value) == "NAME=\(value)\n")
    }

    @Test("docker cannot be given a line break", arguments: ["a\nb", "a\rb", "a\r\nb"])
    func dockerRefuses(_ value: String) {
        #expect(throws: OperatorFailure.self) { try render(.docker, value) }
    }

    @Test(
        "Kubernetes sees a YAML text without references",
        arguments: [
            ("/a b/it's", "/a b/it's"), ("a\"b", "a\\\"b"), ("a\\b", "a\\\\b"), ("$(HOME) $$", "$$(HOME) $$$$"),
            ("a\nb", "a\\x0ab"),
        ])
    func kubernetes(_ value: String, _ quoted: String) throws {
        #expect(try render(.k8s, value) == "env:\n  - name: NAME\n    value: \"\(quoted)\"\n")
    }

    @Test("every form has every variable once, in order", arguments: ShellForm.allCases)
    func complete(_ form: ShellForm) throws {
        let variables = ["A", "B", "C"].map { ClientEnvironment.Variable(name: $0, value: "x") }
        let text = try form.render(variables)
        let heads = text.split(separator: "\n").compactMap { line in ["A", "B", "C"].first { line.contains($0 + "=") } }
        switch form {
        case .sh, .systemd, .docker: #expect(heads == ["A", "B", "C"])
        case .fish: #expect(text == "set -gx A 'x'\nset -gx B 'x'\nset -gx C 'x'\n")
        case .k8s: #expect(text.split(separator: "\n").count == 7)
        }
    }

    @Test(
        "a word that needs no quotes is told from one that does",
        arguments: [
            ("certs/leo.toml", true), ("a b", false), ("it's", false), ("", false), ("~x", false), ("$x", false),
        ])
    func plain(_ word: String, _ isPlain: Bool) {
        #expect(ShellForm.isPlain(word) == isPlain)
    }
}
