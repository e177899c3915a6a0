// One sentence: whatever the request, the cache leaves it alone with a word for it or reads a canonical body that is JSON
// without what is ignored, that is read as itself again, and that neither blanks nor another spelling of strings change;
// and what a key is made of can always be told.
import Cache
import Wire

/// libFuzzer's entry. A line with the family, the method, the target and the content type, as in Tests/Corpus/requests;
/// then the body.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let end = input.firstIndex(of: UInt8(ascii: "\n")) else { return 0 }
    let words = input[..<end].split(separator: UInt8(ascii: " "), maxSplits: 3, omittingEmptySubsequences: false)
    guard words.count == 4 else { return 0 }
    let api = APIFamily(rawValue: String(decoding: words[0], as: UTF8.self)) ?? .openai
    let target = Array(words[2])
    let contentType = Array(words[3])
    let operation = Operation.find(api, method: .post, path: target.span, contentType: contentType.span)
    let body = Array(input[(end + 1)...])
    var headers = CacheHeaders(operation, ignoring: ["x-ignored"])
    headers.take(name: contentType.span, value: target.span)
    let preamble = CacheKeyInput.preamble(
        scope: body.span, upstream: "h", operation: operation, target: target.span, headers: headers)
    check(preamble.count > body.count, "a preamble without its scope")
    checkCacheControl(contentType)
    guard let request = read(operation, target, body) else { return 0 }
    checkCanonical(request, operation, target, body)
    _ = request.mentions(toolCallID: String(decoding: contentType, as: UTF8.self))
    return 0
}

/// What a request says of caches is read from any value of a field, and said twice it is the same.
private func checkCacheControl(_ value: [UInt8]) {
    func said(_ times: Int) -> RequestCacheControl? {
        var text = Array("POST / HTTP/1.1\r\nHost: a\r\n".utf8)
        for _ in 0..<times { text += Array("Cache-Control: ".utf8) + value + [0x0d, 0x0a] }
        text += [0x0d, 0x0a]
        var head = HTTP1Head(.request)
        do throws(HTTP1Error) { guard try head.parse(text.span) else { return nil } } catch { return nil }
        return RequestCacheControl(head, from: text.span)
    }
    check(said(1) == said(2), "Cache-Control that is said twice is another")
}

private func read(_ operation: Operation, _ target: [UInt8], _ body: [UInt8]) -> CacheRequest? {
    let parts: [CacheKeyPart]?
    do throws(CacheBypass) {
        parts = try CacheRequest.explain(operation, target.span, body.span)
    } catch {
        parts = nil
    }
    do throws(CacheBypass) {
        let request = try CacheRequest.read(operation, target.span, body.span)
        check(parts != nil, "a request is read and not explained")
        return request
    } catch {
        check(!error.rawValue.isEmpty, "a reason without a word")
        return nil
    }
}

private func checkCanonical(_ request: CacheRequest, _ operation: Operation, _ target: [UInt8], _ body: [UInt8]) {
    let canonical = request.canonical
    check(canonical.count <= body.count, "the canonical form is longer")
    let aired = respelled(canonical)
    let spelt = respelled(body)
    for (text, isWhole) in [(canonical, false), (aired, false), (spelt, true)] {
        // Without `stream` in the body, a path may say that the answer streams and the body that it does not.
        guard let again = read(operation, target, text) else {
            check(!isWhole && operation.streamsByPath != nil, "the canonical form is not read")
            continue
        }
        check(again.canonical == canonical, "the canonical form is read as another")
        check(again.isDeterministic == request.isDeterministic, "another spelling is less deterministic")
        if isWhole { check(again.form == request.form && again.formText == request.formText, "another form") }
    }
}

/// The document with blanks around everything and each letter of its strings escaped; each string must be valid.
private func respelled(_ json: [UInt8]) -> [UInt8] {
    var out: [UInt8] = []
    var isInString = false
    var index = 0
    while index < json.count {
        let byte = json[index]
        index += 1
        if isInString, byte == UInt8(ascii: "\\"), index < json.count {
            out += [byte, json[index]]
            index += 1
            continue
        }
        if byte == UInt8(ascii: "\"") { isInString.toggle() }
        if isInString, (byte | 0x20) &- UInt8(ascii: "a") < 26, !isInEscape(out) {
            let digits = Array("0123456789ABCDEF".utf8)
            out += "\\u00".utf8
            out += [digits[Int(byte >> 4)], digits[Int(byte & 0x0f)]]
            continue
        }
        let isMark = !isInString && "{}[],:".utf8.contains(byte)
        if isMark { out.append(0x20) }
        out.append(byte)
        if isMark { out += "\r\n\t".utf8 }
    }
    return out
}

/// Whether the next bytes are the digits of an escape that was copied.
private func isInEscape(_ out: [UInt8]) -> Bool {
    for length in 2...5 where out.count >= length {
        let start = out.count - length
        guard out[start] == UInt8(ascii: "\\"), out[start + 1] == UInt8(ascii: "u") else { continue }
        var slashes = 0
        while start - slashes >= 0, out[start - slashes] == UInt8(ascii: "\\") { slashes += 1 }
        if slashes % 2 == 1 { return true }
    }
    return false
}

private func check(_ holds: Bool, _ invariant: String) {
    if !holds { fatalError(invariant) }
}
