// One sentence: whatever the method, path and body, there is an operation, and the body is read or refused with the
// reader's own error; what is read lies in the body, and what is edited is read again with the edits and else alike.
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
    let path = Array(words[2])
    let contentType = Array(words[3])
    let method: HTTP1Method = words[1].elementsEqual("GET".utf8) ? .get : .post
    let operation = Operation.find(api, method: method, path: path.span, contentType: contentType.span)
    checkOperation(operation, path)
    checkBody(Array(input[(end + 1)...]), operation, path)
    return 0
}

private func checkOperation(_ operation: Operation, _ path: [UInt8]) {
    if let range = operation.modelRange { check(range.upperBound <= path.count, "the model lies outside of the path") }
    _ = operation.model(in: path.span)
    if operation.operationClass == .unknown { check(operation.createsWork, "what is unknown may be work") }
    if operation.operationClass == .noText { check(!operation.createsWork, "work without a text") }
}

private func checkBody(_ body: [UInt8], _ operation: Operation, _ path: [UInt8]) {
    let facts: RequestFacts
    do throws(RequestFlaw) {
        facts = try RequestFacts.read(operation, body.span)
    } catch {
        check(!error.explanation.isEmpty && !error.word.isEmpty, "a flaw without a word")
        return
    }
    for text in facts.texts { check(text.range.upperBound <= body.count, "a text lies outside of the body") }
    check(facts.texts.count <= RequestFacts.textCountMax, "too many texts")
    check(facts.choiceCount >= 1, "no answer is asked for")
    check(facts.estimatedInputTokens(body.span) >= 0, "a negative estimate")
    checkEdits(facts, body, operation)
}

private func read(_ body: [UInt8], _ operation: Operation) -> RequestFacts? {
    do throws(RequestFlaw) {
        return try RequestFacts.read(operation, body.span)
    } catch {
        return nil
    }
}

private func checkEdits(_ facts: RequestFacts, _ body: [UInt8], _ operation: Operation) {
    var edits = JSONEdits()
    let isCapped = facts.capOutput(operation, tokenCount: 77, field: .maxCompletionTokens, &edits)
    let isAsked = facts.askForUsage(operation, &edits)
    let edited = edits.apply(to: body.span)
    if edits.isEmpty { check(edited == body, "no edit changes something") }
    guard let again = read(edited, operation) else { fatalError("what was edited is refused") }
    if isCapped { check((again.outputLimit?.value ?? .max) <= 77, "the limit is not capped") }
    if isAsked { check(again.streamOptions.asksForUsage, "the usage is not asked for") }
    check(again.model == facts.model && again.stream == facts.stream, "an edit changes other facts")
    check(again.choiceCount == facts.choiceCount && again.isStateful == facts.isStateful, "an edit changes other facts")
    check(again.texts.count == facts.texts.count, "an edit changes the texts")
    for (old, new) in zip(facts.texts, again.texts) {
        check(body[old.range] == edited[new.range] && old.role == new.role, "an edit changes a text")
    }
}

private func check(_ holds: Bool, _ invariant: String) {
    if !holds { fatalError(invariant) }
}
