import Policy
import Testing
import Wire

@testable import Proxy

@Suite("The key that a request brings for its provider")
struct ProviderCredentialTests {
    private func key(_ fields: [String], target: String = "/v1/x") throws -> String? {
        let text = "POST \(target) HTTP/1.1\r\nHost: a\r\n" + fields.map { $0 + "\r\n" }.joined() + "\r\n"
        let bytes = Array(text.utf8)
        var head = HTTP1Head(.request)
        let isComplete = try head.parse(bytes.span)
        #expect(isComplete)
        return ProviderCredential.withKey(of: head, bytes.span) { key in
            String(decoding: key.indices.map { key[$0] }, as: UTF8.self)
        }
    }

    @Test(
        "is found wherever a provider wants it",
        arguments: [
            "Authorization: Bearer sk-1", "authorization: bearer   sk-1", "AUTHORIZATION: BEARER sk-1",
            "x-api-key: sk-1",
            "API-Key: sk-1 ", "X-Goog-Api-Key: sk-1",
        ])
    func fields(field: String) throws {
        #expect(try key([field]) == "sk-1")
        #expect(try key([field, field]) == "sk-1")
        #expect(try key([field, "x-api-key: sk-1"], target: "/v1/x?key=sk-1") == "sk-1")
    }

    @Test(
        "is found in the query, however it is written",
        arguments: [
            ("/x?key=sk-1", "sk-1"), ("/x?alt=sse&key=sk%2D1&a=b", "sk-1"), ("/x?%6b%65%79=sk-1", "sk-1"),
            ("/x?key=a+b", "a b"), ("/x?key=%zz", "%zz"), ("/x?key=%2", "%2"), ("/x?monkey=sk-1", nil), ("/x?key", nil),
            ("/x?key=", nil), ("/x/key=sk-1", nil), ("/x?&&&", nil), ("/x?", nil), ("/x?a=key=sk-1", nil),
            ("/x?key=a&key=a", nil),
        ])
    func query(target: String, found: String?) throws {
        #expect(try key([], target: target) == found)
    }

    @Test(
        "is none when there are two, or when it is no key that stays the same",
        arguments: [
            ["Authorization: Bearer sk-1", "x-api-key: sk-2"], ["x-api-key: sk-1", "x-api-key: sk-2"],
            ["Authorization: Bearer sk-1", "Authorization: Basic c2stMQ=="], ["Authorization: sk-1"],
            ["Authorization: Bearer"], ["Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=1"],
            ["x-api-key: sk-1", "Authorization: AWS4-HMAC-SHA256 Credential=AKIA/x, Signature=1"],
            ["Authorization: Bearer eyJhbGciOiJub25lIn0.e30."], ["Authorization: Bearer ya29.a0AfB"],
            ["Authorization: Bearer bedrock-api-key-YmVk"], ["x-api-key:"], [],
        ])
    func none(fields: [String]) throws {
        #expect(try key(fields) == nil)
        #expect(try key(["x-api-key: sk-1"], target: "/x?key=sk-2") == nil)
        #expect(try key(["x-api-key: " + String(repeating: "x", count: 4097)]) == nil)
    }

    @Test("stays the same although it has a dot or begins like a token")
    func staticKeys() throws {
        for text in ["a.b.c", "eyJ-not-a-token", "eyJa.b", "sk-ya29.x", "ABSKQmVk"] {
            #expect(try key(["x-api-key: \(text)"]) == text)
        }
    }
}
