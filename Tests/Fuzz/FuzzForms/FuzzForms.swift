// One sentence: whatever the bytes of an answer and whatever its dialect, the assembler comes to the same result in any
// pieces, and what it keeps and can tell as a stream is the same answer when that stream is put together again.
import Wire

/// libFuzzer's entry. The input is an answer's body; its first byte tells how it may be framed.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = input.first(where: { $0 > 32 }) else { return 0 }
    switch first {
    case UInt8(ascii: "{"), UInt8(ascii: "["):
        for operation in operations { compare(input, operation, "application/json") }
    case UInt8(ascii: "0")...UInt8(ascii: "9"): compare(bytes(hexadecimal: input), converseStream, amazon)
    default:
        for operation in operations { compare(input, operation, "text/event-stream") }
        compare(sealed(input), converseStream, amazon)
    }
    return 0
}

private let amazon = "application/vnd.amazon.eventstream"
private let converseStream = find(.bedrock, "/model/m/converse-stream")
private let operations = [
    find(.openai, "/v1/chat/completions"), find(.openai, "/v1/completions"), find(.openai, "/v1/responses"),
    find(.openai, "/v1/embeddings"), find(.openai, "/v1/moderations"), find(.anthropic, "/v1/messages"),
    find(.anthropic, "/v1/messages/count_tokens"), find(.gemini, "/v1beta/models/m:generateContent"),
    find(.gemini, "/v1beta/models/m:streamGenerateContent"), find(.gemini, "/v1beta/models/m:countTokens"),
    find(.gemini, "/v1beta/models/m:embedContent"), find(.cohere, "/v2/chat"), find(.cohere, "/v2/embed"),
    find(.cohere, "/v2/rerank"), find(.bedrock, "/model/m/converse"), find(.bedrock, "/model/m/invoke"),
]

private func find(_ api: APIFamily, _ path: String) -> Operation {
    let path = Array(path.utf8)
    return Operation.find(api, method: .post, path: path.span)
}

/// The twin of an operation whose answers stream.
private func streaming(_ operation: Operation) -> Operation {
    switch operation.dialect {
    case .geminiGenerate: find(.gemini, "/v1beta/models/m:streamGenerateContent")
    case .bedrockConverse: converseStream
    case _: operation
    }
}

private func compare(_ body: [UInt8], _ operation: Operation, _ contentType: String) {
    let whole = assemble(body, operation, contentType, pieceSize: max(1, body.count))
    let size = 2 + body.reduce(0) { ($0 &* 31 &+ Int($1)) & 63 }
    // Byte by byte takes its time, and most answers are none of most dialects.
    let isLong = body.count > 256 && whole != .failure(.incomplete) && (try? whole.get()) == nil
    for pieceSize in isLong ? [size] : [size, 1] {
        check(assemble(body, operation, contentType, pieceSize: pieceSize) == whole, "the pieces change the result")
    }
    guard case .success(let answer) = whole else { return }
    check((try? JSONCursor.hasDuplicateKeys(answer.json.span)) == false, "a document that is no JSON")
    check(answer.callsTools || answer.toolCallIDs.isEmpty, "calls without a call")
    var canStream = false
    for form in [AnswerForm.stream(tellsUsage: false), .stream(tellsUsage: true), .array] {
        guard let told = AnswerDocument.render(answer.json.span, of: operation, as: form) else { continue }
        canStream = true
        compareTold(told, form, answer, streaming(operation))
    }
    check(answer.canStream == canStream, "a stream that cannot be told, or can")
}

private func compareTold(_ told: RenderedAnswer, _ form: AnswerForm, _ answer: AnswerDocument, _ operation: Operation) {
    check(told.eventEnds.last == told.bytes.count, "bytes behind the last event")
    guard case .success(let again) = assemble(told.bytes, operation, told.contentType, pieceSize: 100) else {
        return check(false, "a stream of leo's that leo does not keep")
    }
    check(again.toolCallIDs == answer.toolCallIDs && again.callsTools == answer.callsTools, "other calls")
    check(again.canStream, "a stream that is none again")
    guard let twice = AnswerDocument.render(again.json.span, of: operation, as: form) else {
        return check(false, "a stream that is none again")
    }
    check(
        assemble(twice.bytes, operation, twice.contentType, pieceSize: 1000) == .success(again), "another answer")
}

private func assemble(
    _ body: [UInt8], _ operation: Operation, _ contentType: String, pieceSize: Int
) -> Result<AnswerDocument, AnswerFlaw> {
    let type = Array(contentType.utf8)
    let limit = 1 << 20
    var assembler = AnswerAssembler(operation, contentType: type.span, status: 200, documentBytesMax: limit)
    for start in stride(from: 0, to: body.count, by: pieceSize) {
        assembler.take(body.span.extracting(start..<min(body.count, start + pieceSize)))
        check(assembler.byteCount >= 0 && assembler.byteCount <= 2 * limit, "more bytes than the limit")
        check(assembler.flaw == nil || assembler.byteCount == 0, "bytes of what is not kept")
    }
    do throws(AnswerFlaw) {
        return .success(try assembler.end())
    } catch {
        return .failure(error)
    }
}

/// The events as Amazon's messages.
private func sealed(_ stream: [UInt8]) -> [UInt8] {
    var parser = EventStreamParser()
    var messages = ByteQueue()
    var consumed = 0
    while true {
        switch parser.step(stream.span, consumed: &consumed) {
        case .needsMore:
            var copy: [UInt8] = []
            for index in messages.bytes.indices { copy.append(messages.bytes[index]) }
            return copy
        case .boundary, .oversized: continue
        case .event:
            let type = String(lossy: parser.type)
            guard type.utf8.count <= 32_767 else { continue }
            messages.appendAmazonMessage(
                headers: [(":event-type", type), (":message-type", "event")], payload: parser.data)
        }
    }
}

private func bytes(hexadecimal text: [UInt8]) -> [UInt8] {
    let digits = text.compactMap { Character(UnicodeScalar($0)).hexDigitValue }
    return stride(from: 0, to: digits.count - 1, by: 2).map { UInt8(digits[$0] << 4 | digits[$0 + 1]) }
}

private func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
