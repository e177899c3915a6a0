import Wire

@testable import Cache

/// A request as tests write it.
struct CacheCase {
    var api = APIFamily.openai
    var path = "/v1/chat/completions"
    var body: String

    var operation: Operation { Operation.find(api, method: .post, path: Array(path.utf8).span) }

    func read(hidesUsage: Bool = false) throws(CacheBypass) -> CacheRequest {
        try CacheRequest.read(operation, Array(path.utf8).span, Array(body.utf8).span, hidesUsage: hidesUsage)
    }

    /// Why the cache leaves it alone; nil if it does not.
    var bypass: CacheBypass? {
        do throws(CacheBypass) {
            _ = try read()
            return nil
        } catch {
            return error
        }
    }

    /// Everything that the key is made of; nil for a request that the cache leaves alone.
    var keyBytes: [UInt8]? {
        do throws(CacheBypass) {
            let canonical = try read().canonical
            return CacheKeyInput.preamble(
                scope: Array("tenant".utf8).span, upstream: "provider.example:443", operation: operation,
                target: Array(path.utf8).span, headers: CacheHeaders(operation)) + canonical
        } catch {
            return nil
        }
    }

    var canonical: String? { (try? read()).map { String(decoding: $0.canonical, as: UTF8.self) } }

    static func chat(_ members: String, content: String = "\"hi\"") -> CacheCase {
        CacheCase(body: "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\(content)}]\(members)}")
    }

    static func responses(_ members: String, input: String = "\"hi\"") -> CacheCase {
        CacheCase(
            path: "/v1/responses", body: "{\"model\":\"m\",\"store\":false,\"input\":\(input)\(members)}")
    }

    static func anthropic(_ members: String, content: String = "\"hi\"") -> CacheCase {
        CacheCase(
            api: .anthropic, path: "/v1/messages",
            body:
                "{\"model\":\"m\",\"max_tokens\":9,\"messages\":[{\"role\":\"user\",\"content\":\(content)}]\(members)}"
        )
    }

    static func gemini(_ members: String, path: String = "generateContent", parts: String = "[{\"text\":\"hi\"}]")
        -> CacheCase
    {
        CacheCase(
            api: .gemini, path: "/v1beta/models/m:\(path)",
            body: "{\"contents\":[{\"role\":\"user\",\"parts\":\(parts)}]\(members)}")
    }

    static func cohere(_ members: String, path: String = "/v2/chat", content: String = "\"hi\"") -> CacheCase {
        CacheCase(
            api: .cohere, path: path,
            body: "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\(content)}]\(members)}")
    }

    static func converse(_ members: String, path: String = "converse", content: String = "[{\"text\":\"hi\"}]")
        -> CacheCase
    {
        CacheCase(
            api: .bedrock, path: "/model/anthropic.claude-v2%3A1/\(path)",
            body: "{\"messages\":[{\"role\":\"user\",\"content\":\(content)}]\(members)}")
    }

    static func invoke(_ body: String, model: String = "m", path: String = "invoke") -> CacheCase {
        CacheCase(api: .bedrock, path: "/model/\(model)/\(path)", body: body)
    }
}
