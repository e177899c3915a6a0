// One sentence: whatever the bytes, events, Amazon messages and the elements of an array are found or refused with the
// parser's own error, alike in any pieces; a plain reader, written apart, finds the same; and an editor that has nothing
// to change changes nothing.
import Wire

/// libFuzzer's entry. The first byte picks the parser and the limit, the second the pieces in which the rest arrives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard input.count >= 2 else { return 0 }
    let stream = Array(input.dropFirst(2))
    let limit = input[0] & 8 == 0 ? 1024 * 1024 : 24
    let pieceSize = 1 + Int(input[1])
    switch input[0] & 3 {
    case 0:
        let whole = readEvents(stream, limit, stream.count)
        check(whole == readEvents(stream, limit, pieceSize), "the pieces change the events")
        if limit > stream.count { check(whole == plainEvents(stream), "another reader finds other events") }
    case 1:
        // Checksums keep a fuzzer out, so the messages are made here: the input is their headers and payloads.
        let messages = input[0] & 4 == 0 ? stream : sealed(stream)
        let whole = readMessages(messages, limit, messages.count)
        check(whole == readMessages(messages, limit, pieceSize), "the pieces change the messages")
    case 2:
        let whole = readElements(stream, limit, stream.count)
        check(whole == readElements(stream, limit, pieceSize), "the pieces change the elements")
    default: checkEditor(stream, pieceSize)
    }
    return 0
}

private func pieces(_ stream: [UInt8], _ size: Int, _ body: (Span<UInt8>) -> Bool) {
    var start = 0
    while start < stream.count {
        let end = min(stream.count, start + size)
        guard body(stream.span.extracting(start..<end)) else { return }
        start = end
    }
}

private func array(_ span: Span<UInt8>) -> [UInt8] { span.indices.map { span[$0] } }

// MARK: - Server-sent events

private struct Event: Equatable {
    var type: [UInt8] = []
    var data: [UInt8] = []
    var isOversized = false
}

private func readEvents(_ stream: [UInt8], _ limit: Int, _ size: Int) -> [Event] {
    var parser = EventStreamParser(eventBytesMax: limit)
    var events: [Event] = []
    pieces(stream, size) { piece in
        var consumed = 0
        while true {
            let before = consumed
            switch parser.step(piece, consumed: &consumed) {
            case .needsMore:
                check(consumed == piece.count, "bytes are left behind")
                return true
            case .boundary: break
            case .event: events.append(Event(type: array(parser.type), data: array(parser.data)))
            case .oversized: events.append(Event(isOversized: true))
            }
            check(consumed > before, "a step without progress")
            check(parser.isBetweenEvents, "an event that has not ended")
        }
    }
    return events
}

/// The rules of WHATWG HTML 9.2.6, line by line.
private func plainEvents(_ stream: [UInt8]) -> [Event] {
    var text = stream
    if text.starts(with: [0xef, 0xbb, 0xbf]) { text.removeFirst(3) }
    var lines: [[UInt8]] = [[]]
    for (index, byte) in text.enumerated() {
        if byte == 10, index > 0, text[index - 1] == 13 { continue }
        if byte == 10 || byte == 13 { lines.append([]) } else { lines[lines.count - 1].append(byte) }
    }
    var events: [Event] = []
    var type: [UInt8] = []
    var data: [UInt8] = []
    for line in lines.dropLast() {
        if line.isEmpty {
            if !data.isEmpty { events.append(Event(type: type, data: data.dropLast())) }
            type = []
            data = []
            continue
        }
        let colon = line.firstIndex(of: 58) ?? line.count
        var value = line.dropFirst(colon + 1)
        if value.first == 32 { value.removeFirst() }
        switch String(decoding: line[..<colon], as: UTF8.self) {
        case "event": type = Array(value)
        case "data": data += value + [10]
        default: break
        }
    }
    return events
}

// MARK: - Amazon's messages

private struct Messages: Equatable {
    var seen: [[UInt8]] = []
    var error: AmazonEventStreamError?
}

private func readMessages(_ stream: [UInt8], _ limit: Int, _ size: Int) -> Messages {
    var parser = AmazonEventStreamParser(messageBytesMax: limit)
    var messages = Messages()
    pieces(stream, size) { piece in
        var consumed = 0
        do throws(AmazonEventStreamError) {
            while true {
                switch try parser.step(piece, consumed: &consumed) {
                case .needsMore:
                    check(consumed == piece.count, "bytes are left behind")
                    return true
                case .oversized: messages.seen.append([])
                case .message:
                    let message = array(parser.message)
                    check(message.count >= 16 && message.count <= limit, "a message of an impossible size")
                    check(parser.payload.count <= message.count - 16, "a payload beyond its message")
                    check(parser.header(":event-type").count < message.count, "a header beyond its message")
                    messages.seen.append(message)
                }
                check(parser.isBetweenMessages, "a message that has not ended")
            }
        } catch {
            messages.error = error
            return false
        }
    }
    return messages
}

/// Messages whose checks are right: each takes three bytes for its lengths, and as many of the rest as they say.
private func sealed(_ stream: [UInt8]) -> [UInt8] {
    var rest = stream[...]
    var messages: [UInt8] = []
    while rest.count >= 3 {
        let first = rest.startIndex
        let length = Int(rest[first]) % 64
        let inHeaders = UInt8(rest[first + 1])
        let isWrong = rest[first + 2] == 0
        rest = rest.dropFirst(3)
        let content = Array(rest.prefix(length))
        rest = rest.dropFirst(content.count)
        var message: [UInt8] = [0, 0, 0, UInt8(16 + content.count), 0, 0, 0, inHeaders]
        message += plainCheck(message)
        message += content
        message += plainCheck(message)
        if isWrong { message[message.count - 1] ^= 1 }
        messages += message
    }
    return messages
}

private func plainCheck(_ bytes: [UInt8]) -> [UInt8] {
    var crc = UInt32.max
    for byte in bytes {
        crc ^= UInt32(byte)
        for _ in 0..<8 { crc = crc & 1 == 1 ? crc >> 1 ^ 0xedb8_8320 : crc >> 1 }
    }
    return [24, 16, 8, 0].map { UInt8(truncatingIfNeeded: ~crc >> $0) }
}

// MARK: - Arrays

private struct Elements: Equatable {
    var seen: [[UInt8]] = []
    var isEnded = false
    var error: JSONArrayError?
}

private func readElements(_ stream: [UInt8], _ limit: Int, _ size: Int) -> Elements {
    var splitter = JSONArraySplitter(elementBytesMax: limit)
    var elements = Elements()
    pieces(stream, size) { piece in
        var consumed = 0
        do throws(JSONArrayError) {
            while true {
                switch try splitter.step(piece, consumed: &consumed) {
                case .needsMore:
                    check(consumed == piece.count, "bytes are left behind")
                    return true
                case .end:
                    check(!elements.isEnded, "an array that ends twice")
                    elements.isEnded = true
                case .oversized: elements.seen.append([])
                case .element:
                    let element = array(splitter.element)
                    check(!element.isEmpty && element.count <= limit, "an element of an impossible size")
                    elements.seen.append(element)
                }
            }
        } catch {
            elements.error = error
            return false
        }
    }
    return elements
}

// MARK: - The editor

private let answers: [(dialect: Dialect, contentType: String)] = [
    (.openaiChat, "text/event-stream"), (.openaiCompletions, "text/event-stream"),
    (.openaiResponses, "text/event-stream"), (.anthropicMessages, "text/event-stream"),
    (.geminiGenerate, "text/event-stream"), (.geminiGenerate, "application/json"),
    (.cohereChat, "text/event-stream"), (.cohereChat, "application/stream+json"),
    (.bedrockConverse, "application/vnd.amazon.eventstream"), (.bedrockInvoke, "application/vnd.amazon.eventstream"),
    (.openaiChat, ""), (.geminiGenerate, ""),
]

/// The first byte picks the answer and what is done with it.
private func checkEditor(_ input: [UInt8], _ pieceSize: Int) {
    guard let variant = input.first else { return }
    let answer = answers[Int(variant & 15) % answers.count]
    var stream = Array(input.dropFirst())
    if answer.contentType.hasSuffix("eventstream") { stream = sealed(stream) }
    let hidesUsage = variant & 16 != 0
    let ending: StreamEnding? = variant & 32 == 0 ? nil : variant & 64 == 0 ? .error : .finish
    let whole = edit(stream, answer, hidesUsage, ending, stream.count)
    let pieces = edit(stream, answer, hidesUsage, ending, pieceSize)
    if ending == nil {
        check(whole == pieces, "the pieces change the edited stream")
        if !hidesUsage { check(whole == stream, "a stream is changed without reason") }
    } else {
        // Which blanks between the elements of an array are held depends on the pieces.
        func dense(_ bytes: [UInt8]) -> [UInt8] { bytes.filter { $0 > 32 } }
        check(dense(whole) == dense(pieces), "the pieces change the end")
    }
}

private func edit(
    _ stream: [UInt8], _ answer: (dialect: Dialect, contentType: String), _ hidesUsage: Bool, _ ending: StreamEnding?,
    _ size: Int
) -> [UInt8] {
    let type = Array(answer.contentType.utf8)
    var editor = StreamEditor(answer.dialect, contentType: type.span, hidesUsage: hidesUsage)
    var out = ByteQueue()
    pieces(stream, size) { piece in
        editor.take(piece, into: &out)
        return true
    }
    if let ending {
        let refusal = Refusal(.budget, code: "c", message: "m")
        let before = out.count
        let stop = editor.stop(ending, refusal, into: &out)
        check(stop != .cut || out.count == before, "a cut that says something")
    } else {
        editor.end(into: &out)
    }
    return out.withBytes { array($0) }
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
