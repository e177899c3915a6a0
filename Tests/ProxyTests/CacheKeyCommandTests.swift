import Glibc
import Policy
import Testing

@testable import Proxy

@Suite("leo cache key")
struct CacheKeyCommandTests {
    private static let chat = #"{"model":"gpt-4o","temperature":0,"user":"u-1","foo":1,"messages":[]}"#

    private func run(
        _ body: String, host: String = "api.openai.com", operation: String? = nil, headers: [String] = [],
        isJSON: Bool = false
    ) throws -> CommandReport {
        let folder = try TemporaryFolder()
        let path = folder.path + "/request.json"
        let file = unsafe try #require(unsafe fopen(path, "w"))
        unsafe fputs(body, file)
        unsafe fclose(file)
        let request = CacheKeyCommand.Request(body: path, host: host, operation: operation, headers: headers)
        return CacheKeyCommand.run(request, file: nil, isJSON: isJSON)
    }

    private func key(_ body: String, operation: String? = nil, headers: [String] = []) throws -> String {
        let report = try run(body, operation: operation, headers: headers)
        #expect(report.exitCode == 0, "\(report)")
        let line = try #require(report.output.split(separator: "\n").first { $0.hasPrefix("key ") })
        return String(line.split(separator: " ")[1])
    }

    @Test("tells the part of each member and header, and no value but the model's")
    func parts() throws {
        let report = try run(Self.chat, headers: ["X-Team: secret", "Authorization: Bearer secret"])
        #expect(report.exitCode == 0 && report.complaints.isEmpty)
        let lines = report.output.split(separator: "\n").map(String.init)
        #expect(lines[0] == "operation  chat.completions, dialect openai-chat")
        for line in [
            "model      \"gpt-4o\"", "answer     one document",
            "field      temperature: in the key, and may decide whether there is one, 1 byte",
            "field      user: ignored, 5 bytes", "field      foo: in the key, leo does not know it, 1 byte",
            "header     x-team: in the key", "header     authorization: ignored",
        ] { #expect(lines.contains(line), "\(line)") }
        #expect(!report.output.contains("secret") && !report.output.contains("u-1"))
    }

    @Test("has one key for requests that are the same, and another for each that is not")
    func keys() throws {
        let same = #"{ "messages":[], "temperature":0, "foo":1, "user":"u-2", "stream":true, "model":"gpt-4o" }"#
        let key = try key(Self.chat)
        #expect(try self.key(same) == key)
        #expect(try self.key(Self.chat.replacing("\"foo\":1", with: "\"foo\":2")) != key)
        #expect(try self.key(Self.chat, headers: ["x-team: a"]) != key)
        #expect(try self.key(Self.chat, headers: ["user-agent: a"]) == key)
        #expect(try self.key(Self.chat, operation: "/openai/v1/chat/completions") != key)
    }

    @Test(
        "says why there is none",
        arguments: [
            (#"{"model":"m","messages":[],"store":true}"#, nil, "bypass     stored: "),
            ("{", nil, "bypass     not_json: "), ("", nil, "bypass     not_json: "),
            (#"{"model":"m","model":"m"}"#, nil, "bypass     duplicate_keys: "),
            ("{}", "/v1/images/generations", "bypass     operation: "),
        ] as [(String, String?, String)])
    func bypasses(body: String, operation: String?, said: String) throws {
        let report = try run(body, operation: operation)
        #expect(report.exitCode == 1 && report.output.contains(said), "\(report)")
        #expect(!report.output.contains("key        "))
        let json = try JSONText.parse(try run(body, operation: operation, isJSON: true).output)
        #expect(json["bypass"] != nil && json["key"] == nil)
    }

    @Test("is a JSON object when that is asked for, with the same key")
    func json() throws {
        let text = try run(Self.chat, headers: ["x-team: a"], isJSON: true).output
        let json = try JSONText.parse(text)
        #expect(json["operation"] == .string("chat.completions") && json["form"] == .string("document"))
        #expect(json["deterministic"] == .word("true"))
        #expect(json["key"] == .string(try key(Self.chat, headers: ["x-team: a"])))
        guard case .array(let fields) = try #require(json["fields"]),
            case .array(let headers) = try #require(json["headers"])
        else { return #expect(Bool(false)) }
        #expect(fields.map { $0["field"] } == ["model", "temperature", "user", "foo", "messages"].map { .string($0) })
        #expect(fields[3]["known"] == .word("false") && fields[3]["side"] == .string("key"))
        #expect(fields[2]["side"] == .string("ignored") && fields[0]["side"] == .string("decides"))
        #expect(headers.map { $0["name"] } == [.string("x-team")])
    }

    @Test(
        "asks for what it misses",
        arguments: [
            (nil, "nobody.example", [], "no intercepted provider has the host"),
            (nil, "generativelanguage.googleapis.com", [], "the path names the model"),
            ("v1/x", "api.openai.com", [], "--operation takes a path"),
            (nil, "api.openai.com", ["x"], "make no request"),
            (nil, "api.openai.com", ["a: b\r\n\r\nc"], "--header takes one"),
        ] as [(String?, String, [String], String)])
    func usage(operation: String?, host: String, headers: [String], said: String) throws {
        let report = try run("{}", host: host, operation: operation, headers: headers)
        #expect(report.exitCode == 2 && report.complaints.first?.contains(said) == true, "\(report)")
    }
}
