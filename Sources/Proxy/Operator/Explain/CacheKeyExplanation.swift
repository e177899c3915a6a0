import Cache
import Policy
import Wire

/// What a request is to the cache, said without asking a running leo: which of its members are in the key, and why the cache
/// would have nothing to do with it.
struct CacheKeyExplanation {
    /// A header that was given, and whether it is in the key.
    struct Header: Equatable {
        let name: String
        let side: CacheFieldSide
    }

    let operation: Operation
    /// Every member of the body and parameter of the query; nil if the body cannot be read.
    let parts: [CacheKeyPart]?
    let headers: [Header]
    /// Why the cache has nothing to do with the request; nil: it has.
    let bypass: CacheBypass?
    /// What the request is to the cache; nil where that has nothing to do with it.
    let request: CacheRequest?
    /// Stands for the key: equal for two requests of one tenant with one provider key exactly where their keys are. The key
    /// itself is made with the tenant's secret. nil where there is none.
    let digest: ContentDigest?

    /// Explains a request to `upstream` with this head, parsed from `bytes`. `ignoring`: headers that the file ignores.
    init(
        _ operation: Operation, upstream: HostPort, head: HTTP1Head, _ bytes: Span<UInt8>, body: Span<UInt8>,
        ignoring: [String] = []
    ) {
        self.operation = operation
        let target = bytes.extracting(head.targetText)
        let parts: [CacheKeyPart]?
        do throws(CacheBypass) { parts = try CacheRequest.explain(operation, target, body) } catch { parts = nil }
        self.parts = parts
        func preamble(_ headers: CacheHeaders) -> [UInt8] {
            CacheKeyInput.preamble(
                scope: [UInt8]().span, upstream: "\(upstream)", operation: operation, target: target, headers: headers)
        }
        let bare = preamble(CacheHeaders(operation, ignoring: ignoring))
        var all = CacheHeaders(operation, ignoring: ignoring)
        all.take(head, bytes)
        var headers: [Header] = []
        for field in head.fields {
            var one = CacheHeaders(operation, ignoring: ignoring)
            one.take(name: bytes.extracting(field.name), value: bytes.extracting(field.value))
            let name = String(lossy: bytes.extracting(field.name)).lowercased()
            // Both stand in every head that this command makes.
            if name == "host" || name == "content-type" { continue }
            headers.append(Header(name: name, side: preamble(one) == bare ? .ignored : .key))
        }
        self.headers = headers
        do throws(CacheBypass) {
            let request = try CacheRequest.read(operation, target, body)
            self.request = request
            bypass = nil
            digest = ContentDigest(of: preamble(all) + request.canonical)
        } catch {
            (request, bypass, digest) = (nil, error, nil)
        }
    }

    // MARK: As text

    /// The explanation, a line each. Of the body it has names of members and of the model, and no values.
    var lines: [String] {
        var lines: [String] = []
        func say(_ word: String, _ text: String) {
            lines.append(word + String(repeating: " ", count: max(1, 11 - word.utf8.count)) + text)
        }
        say("operation", "\(operation.name), dialect \(operation.dialect.rawValue)")
        if let request {
            if let model = request.model { say("model", OneLine.of(model).quoted) }
            say("answer", Self.text(of: request.form))
            say(
                "asks for",
                request.isDeterministic
                    ? "the same answer each time: kept if there is a cache at all"
                    : "a sampled answer: kept with when = \"always\"")
            say("body", "\(request.canonical.count) bytes of it are in the key")
        }
        for part in parts ?? [] { say("field", Self.text(of: part)) }
        for header in headers { say("header", "\(OneLine.of(header.name)): \(Self.text(of: header.side))") }
        if let digest { say("key", "\(digest)") }
        if let bypass { say("bypass", "\(bypass.rawValue): \(bypass.explanation)") }
        return lines
    }

    private static func text(of form: AnswerForm) -> String {
        switch form {
        case .document: "one document"
        case .stream(let tellsUsage): tellsUsage ? "a stream with its usage" : "a stream without its usage"
        case .array: "a stream as one JSON array"
        }
    }

    private static func text(of side: CacheFieldSide) -> String {
        switch side {
        case .key: "in the key"
        case .ignored: "ignored"
        case .decides: "in the key, and may decide whether there is one"
        }
    }

    private static func text(of part: CacheKeyPart) -> String {
        let times = part.count > 1 ? ", \(part.count) times" : ""
        let unknown = part.isKnown ? "" : ", leo does not know it"
        let bytes = part.byteCount == 1 ? "1 byte" : "\(part.byteCount) bytes"
        return "\(OneLine.of(part.field)): \(text(of: part.side))\(unknown), \(bytes)\(times)"
    }

    // MARK: As JSON

    /// The explanation as one JSON object on a line.
    var json: String {
        var out = ByteQueue()
        var line = JSONLine(appendingTo: &out)
        line.field("operation", operation.name)
        line.field("dialect", operation.dialect.rawValue)
        if let request {
            if let model = request.model { line.field("model", model) }
            switch request.form {
            case .document: line.field("form", "document")
            case .stream(let tellsUsage):
                line.field("form", "stream")
                line.field("usage", tellsUsage)
            case .array: line.field("form", "array")
            }
            line.field("deterministic", request.isDeterministic)
            line.field("bytes", UInt64(request.canonical.count))
        }
        if let digest { line.field("key", digest.description) }
        if let bypass {
            line.field("bypass", bypass.rawValue)
            line.field("explanation", bypass.explanation)
        }
        line.openArray("fields")
        for part in parts ?? [] {
            line.openElement()
            line.field("field", part.field)
            line.field("side", part.side.rawValue)
            line.field("known", part.isKnown)
            line.field("count", UInt64(max(0, part.count)))
            line.field("bytes", UInt64(max(0, part.byteCount)))
            line.closeObject()
        }
        line.closeArray()
        line.openArray("headers")
        for header in headers {
            line.openElement()
            line.field("name", header.name)
            line.field("side", header.side.rawValue)
            line.closeObject()
        }
        line.closeArray()
        line.finish(into: &out)
        return String(lossy: out.bytes)
    }
}
