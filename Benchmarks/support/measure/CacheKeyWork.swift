import COpenSSL
import Cache
import Wire

/// What a look-up in the cache costs: reading the request, its key, and the entry.
enum CacheKeyWork {
    /// The ways that `Measure key` takes.
    static let names = ["read", "preamble", "hmac", "key", "lookup"]

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
        case "preamble": return preamble(operation).count
        case "hmac": return Int(digest(hashed, body)[0])
        case "key": return Int(digest(preamble(operation), read(operation, body).canonical)[0])
        case "lookup":
            let key = CacheKey(digest: digest(preamble(operation), read(operation, body).canonical).span)
            guard let key else { fail("a digest is no key") }
            if let found = cache.entry(for: key, now: 1) { return found.entry.documentByteCount }
            let entry = CacheEntry(document: [UInt8](repeating: 0x20, count: 1000), canStream: true, callsTools: false)
            let labels = MemoryCache.Labels(tenant: "default", scope: 1, model: nil)
            cache.insert(entry, for: key, labels: labels, now: 1, freshFor: 1 << 60, goneAfter: 0)
            return 0
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

    private static let cache = MemoryCache(byteCountMax: 1 << 24, entryByteCountMax: 1 << 20)
    private static let hashed = preamble(Operation.find(.openai, method: .post, path: path.span))

    /// As Proxy's MessageAuthenticator does it.
    private static func digest(_ preamble: [UInt8], _ canonical: [UInt8]) -> [UInt8] {
        var digest = [UInt8](repeating: 0, count: CacheKey.byteCount)
        unsafe leo_hmac_sha256(&authenticator, preamble, preamble.count, canonical, canonical.count, &digest)
        return digest
    }

    private nonisolated(unsafe) static var authenticator: leo_hmac_sha256_key = {
        var key = leo_hmac_sha256_key()
        unsafe leo_hmac_sha256_init(&key, secret, secret.count)
        return key
    }()
}
