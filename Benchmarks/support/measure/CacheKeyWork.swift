import COpenSSL
import Cache
import Wire

/// What a look-up in the cache costs before anything is looked up: reading the request, and the key.
enum CacheKeyWork {
    /// The ways that `Measure key` takes: the canonical form, and the key with all that goes into it.
    static let names = ["read", "key"]

    private static let path = Array("/v1/chat/completions".utf8)
    private static let secret = [UInt8](repeating: 7, count: 32)
    /// What the OpenAI SDK for Python sends.
    private static let fields = [
        ("host", "api.openai.com"), ("accept-encoding", "gzip, deflate"), ("connection", "keep-alive"),
        ("accept", "application/json"), ("content-type", "application/json"), ("user-agent", "OpenAI/Python 1.99.0"),
        ("x-stainless-lang", "python"), ("x-stainless-package-version", "1.99.0"), ("x-stainless-os", "Linux"),
        ("x-stainless-arch", "x64"), ("x-stainless-runtime", "CPython"), ("x-stainless-runtime-version", "3.12.3"),
        ("authorization", "Bearer sk-proj-0123456789"), ("x-stainless-async", "false"),
        ("x-stainless-retry-count", "0"), ("x-stainless-read-timeout", "600"), ("content-length", "123456"),
    ].map { (name: Array($0.0.utf8), value: Array($0.1.utf8)) }

    static func run(_ name: String, _ body: [UInt8]) -> Int {
        let operation = Operation.find(.openai, method: .post, path: path.span)
        switch name {
        case "read": return read(operation, body).canonical.count
        case "key": return Int(digest(preamble(operation) + read(operation, body).canonical)[0])
        case _: fail("no way named \(name)")
        }
    }

    private static func read(_ operation: Operation, _ body: [UInt8]) -> CacheRequest {
        do throws(CacheBypass) {
            return try CacheRequest.read(operation, path.span, body.span)
        } catch {
            fail(error.explanation)
        }
    }

    private static func preamble(_ operation: Operation) -> [UInt8] {
        var headers = CacheHeaders(operation)
        for field in fields { headers.take(name: field.name.span, value: field.value.span) }
        return CacheKeyInput.preamble(
            scope: secret.span, upstream: "api.openai.com:443", operation: operation, target: path.span,
            headers: headers)
    }

    private static func digest(_ input: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: CacheKey.byteCount)
        var length = 0
        let result = unsafe EVP_Q_mac(
            nil, "HMAC", nil, "SHA256", nil, secret, secret.count, input, input.count, &digest, digest.count, &length)
        guard unsafe result != nil else { fail("no HMAC") }
        return digest
    }
}
