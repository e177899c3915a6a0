import Cache
import Policy
import Testing
import Wire

@testable import Proxy

@Suite("The document of the cache")
struct CacheDocumentTests {
    @Test("explains every reason that the log has, and every label")
    func reasons() throws {
        let document = try Document("docs/cache.md")
        let rows = try #require(document.sections["Why not"])
        #expect(rows.prefix(CacheBypass.allCases.count) == CacheBypass.allCases.map(\.rawValue)[...])
        for flaw in AnswerFlaw.allCases { #expect(rows.contains(flaw.rawValue), "\(flaw)") }
        for word in [AnswerCapture.kept, "absent", "expired", "memory", "joined", "status", "form", "not_admitted"] {
            #expect(rows.contains(word), "\(word)")
        }
        for result in CacheResult.allCases { #expect(document.text.contains("| `x-leo-cache: \(result.word)` |")) }
    }

    @Test("names members that are indeed no part of the key")
    func ignored() throws {
        let targets: [String: (host: String, path: String)] = [
            "openai-chat": ("api.openai.com", "/v1/chat/completions"),
            "openai-completions": ("api.openai.com", "/v1/completions"),
            "openai-responses": ("api.openai.com", "/v1/responses"),
            "openai-embeddings": ("api.openai.com", "/v1/embeddings"),
            "anthropic-messages": ("api.anthropic.com", "/v1/messages"),
            "gemini-generate": ("generativelanguage.googleapis.com", "/v1/models/m:generateContent?alt=json&key=k"),
            "cohere-chat": ("api.cohere.com", "/v2/chat"),
            "bedrock-converse": ("bedrock-runtime.us-east-1.amazonaws.com", "/model/m/converse"),
        ]
        let lines = try Document("docs/cache.md").text.split(separator: "\n")
        for (dialect, target) in targets {
            let row = try #require(lines.first { $0.hasPrefix("| `\(dialect)` |") })
            let words = row.matches(of: /`([A-Za-z_]+)`/).map { String($0.1) }
            let body = "{" + words.map { "\"\($0)\":null" }.joined(separator: ",") + "}"
            let provider = try #require(ProviderTable.builtIn.provider(host: target.host, port: 443))
            let operation = Operation.find(provider.api, method: .post, path: target.path.utf8.span)
            #expect(operation.dialect.rawValue == dialect)
            let parts = try CacheRequest.explain(operation, target.path.utf8.span, body.utf8.span)
            #expect(!words.isEmpty)
            for word in words {
                let isIgnored = parts.contains { ($0.field == word || $0.field == "?\(word)") && $0.side == .ignored }
                #expect(isIgnored, "\(dialect): \(word)")
            }
        }
    }
}
