// One sentence: whatever the bytes of an answer and whatever its dialect, the meter comes to the same result in any
// pieces, and its numbers are within their bounds.
import Wire

/// libFuzzer's entry. The first line is the dialect and the content type, as in Tests/Corpus/usage; the rest is the answer.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let lineEnd = input.firstIndex(of: 10) else { return 0 }
    let words = input[..<lineEnd].split(separator: 32)
    guard words.count >= 2, let dialect = Dialect(rawValue: String(decoding: words[0], as: UTF8.self))
    else { return 0 }
    let type = Array(words[1])
    var body = Array(input[(lineEnd + 1)...])
    compare(body, dialect, type)
    if type.starts(with: Array("application/vnd.amazon".utf8)) {
        // Checks keep a fuzzer out, so the messages are made here of the lines.
        body = body.split(separator: 10).flatMap { sealed(Array($0), isInner: dialect == .bedrockInvoke) }
        compare(body, dialect, type)
    }
    return 0
}

private func compare(_ body: [UInt8], _ dialect: Dialect, _ type: [UInt8]) {
    let whole = read(body, dialect, type, pieceSize: max(1, body.count))
    let size = 2 + body.reduce(0) { ($0 &* 31 &+ Int($1)) & 63 }
    for pieceSize in [1, size] {
        check(read(body, dialect, type, pieceSize: pieceSize) == whole, "the pieces change the result")
    }
}

/// What the meter knows in the end.
private struct Result: Equatable {
    var usage: Usage?
    var usageSoFar: Usage?
    var model: String?
    var finish: FinishReasons = []
    var tokens = 0
    var flags: [Bool] = []
}

private func read(_ body: [UInt8], _ dialect: Dialect, _ type: [UInt8], pieceSize: Int) -> Result {
    var meter = AnswerMeter(dialect, contentType: type.span)
    var tokens = 0
    for start in stride(from: 0, to: body.count, by: pieceSize) {
        meter.take(body.span.extracting(start..<min(body.count, start + pieceSize)))
        guard start % 256 < pieceSize else { continue }
        let now = meter.meteredOutputTokens
        check(now >= tokens, "the count goes down")
        tokens = now
    }
    meter.end()
    check(meter.meteredOutputTokens >= tokens, "the count goes down")
    tokens = meter.meteredOutputTokens
    for usage in [meter.usage, meter.usageSoFar] {
        guard let usage else { continue }
        let parts = [usage.cachedTokens, usage.cacheWriteTokens, usage.longCacheWriteTokens, usage.reasoningTokens]
        check(parts.allSatisfy { $0 >= 0 }, "a negative part")
        check((0...Usage.tokenCountMax).contains(usage.inputTokens), "input beyond its bounds")
        check((0...Usage.tokenCountMax).contains(usage.outputTokens), "output beyond its bounds")
        check(parts[0] + parts[1] + parts[2] <= usage.inputTokens, "parts larger than the input")
        check(parts[3] <= usage.outputTokens, "reasoning larger than the output")
    }
    check(tokens <= 4 * body.count, "more tokens than text")
    check((meter.model?.utf8.count ?? 0) <= 128, "a long name")
    return Result(
        usage: meter.usage, usageSoFar: meter.usageSoFar, model: meter.model, finish: meter.finishReasons,
        tokens: tokens,
        flags: [meter.isTerminated, meter.hasInBandError, meter.hasOpenToolCall, meter.isBroken])
}

/// An Amazon message with this payload, of the type that its first letter picks.
private func sealed(_ payload: [UInt8], isInner: Bool) -> [UInt8] {
    let types = ["contentBlockDelta", "contentBlockStop", "messageStop", "metadata", "chunk"]
    let type = types[Int(payload.first ?? 0) % types.count]
    var content: [UInt8] = []
    for (name, value) in [(":event-type", type), (":message-type", payload.count % 7 == 0 ? "exception" : "event")] {
        content.append(UInt8(name.utf8.count))
        content += Array(name.utf8) + [7, 0, UInt8(value.utf8.count)] + Array(value.utf8)
    }
    let headerByteCount = content.count
    content += isInner ? Array("{\"bytes\":\"".utf8) + Base64.encode(payload.span) + Array("\"}".utf8) : payload
    let total = 16 + content.count
    var message: [UInt8] = [0, UInt8(total >> 16 & 255), UInt8(total >> 8 & 255), UInt8(total & 255)]
    message += [0, 0, 0, UInt8(headerByteCount)]
    message += plainCheck(message)
    message += content
    return message + plainCheck(message)
}

private func plainCheck(_ bytes: [UInt8]) -> [UInt8] {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ~crc >> $0) }
}

private func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
