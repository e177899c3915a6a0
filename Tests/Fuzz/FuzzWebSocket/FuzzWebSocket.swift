// One sentence: whatever the bytes, they are WebSocket frames or refused with the reader's own error, alike in any
// pieces; and what goes by is what a plain reader of RFC 6455, written apart, finds in it.
import Wire

/// libFuzzer's entry. The first byte picks the sender, the limits and the pieces in which the rest arrives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let variant = input.first else { return 0 }
    let stream = Array(input.dropFirst())
    var limits = WebSocketFrames.Limits()
    if variant & 2 != 0 {
        limits.messageBytesMax = 40
        limits.framesPerMessageMax = 3
    }
    let reading = Reading(sender: variant & 1 == 0 ? .client : .upstream, limits: limits)
    let whole = reading.read(stream, in: stream.count)
    let pieces = reading.read(stream, in: 1 + Int(variant >> 2))
    check(whole.seen == pieces.seen, "the pieces change the messages")
    check(whole.error == pieces.error, "the pieces change the verdict")
    check(whole.counts == pieces.counts, "the pieces change the counts")
    check(whole.isClosed == pieces.isClosed, "the pieces change the close")
    if whole.error == nil, !whole.isClosed { check(whole.byteCount == stream.count, "bytes are left behind") }
    checkPlainly(stream, reading.sender, whole)
    return 0
}

/// What a stream holds.
struct Outcome {
    /// Complete messages and control frames: the opcode and the content.
    var seen: [Seen] = []
    var error: WebSocketError?
    var counts = WebSocketFrames.Counts()
    var isClosed = false
    var byteCount = 0
}

struct Seen: Equatable {
    var opcode: UInt8
    var content: [UInt8]
}

struct Reading {
    var sender: WebSocketFrames.Sender
    var limits: WebSocketFrames.Limits

    func read(_ stream: [UInt8], in pieceSize: Int) -> Outcome {
        var frames = WebSocketFrames(from: sender, limits: limits)
        var outcome = Outcome()
        var message: Seen?
        var content = ByteQueue()
        var fed = 0
        while fed < stream.count, outcome.error == nil {
            let bytes = stream.span.extracting(fed..<min(stream.count, fed + pieceSize))
            var consumed = 0
            do throws(WebSocketError) {
                while let event = try frames.step(bytes, consumed: &consumed) {
                    switch event {
                    case .messageBegan(let kind):
                        check(message == nil, "a message inside of a message")
                        message = Seen(opcode: kind == .text ? 1 : 2, content: [])
                    case .data(let range, let mask):
                        check(!range.isEmpty && range.upperBound == consumed, "data outside of what was consumed")
                        mask.append(unmasking: bytes.extracting(range), to: &content)
                    case .messageEnded:
                        guard var ended = message else { fatalError("an end without a beginning") }
                        ended.content = content.withBytes { all in all.indices.map { all[$0] } }
                        content.removeAll()
                        outcome.seen.append(ended)
                        message = nil
                    case .ping: outcome.seen.append(Seen(opcode: 9, content: frames.controlPayload))
                    case .pong: outcome.seen.append(Seen(opcode: 10, content: frames.controlPayload))
                    case .close(let code):
                        check((code == nil) == frames.controlPayload.isEmpty, "a code without content")
                        outcome.seen.append(Seen(opcode: 8, content: frames.controlPayload))
                    }
                }
            } catch {
                outcome.error = error
            }
            check(frames.isInMessage == (message != nil), "the reader is in another message")
            outcome.byteCount += consumed
            fed += pieceSize
            if frames.isClosed { break }
        }
        outcome.counts = frames.counts
        outcome.isClosed = frames.isClosed
        return outcome
    }
}

/// Reads the same stream without a thought for pieces, limits or mistakes, up to where the other reader got.
private func checkPlainly(_ stream: [UInt8], _ sender: WebSocketFrames.Sender, _ outcome: Outcome) {
    var index = 0
    var found: [Seen] = []
    var message: Seen?
    while found.count < outcome.seen.count {
        check(index + 2 <= stream.count, "a frame out of nothing")
        let first = stream[index]
        var length = Int(stream[index + 1] & 0x7f)
        index += 2
        let lengthBytes = length == 126 ? 2 : length == 127 ? 8 : 0
        if lengthBytes > 0 { length = stream[index..<(index + lengthBytes)].reduce(0) { $0 << 8 | Int($1) } }
        index += lengthBytes
        var mask: [UInt8] = [0, 0, 0, 0]
        if sender == .client {
            mask = Array(stream[index..<(index + 4)])
            index += 4
        }
        check(index + length <= stream.count, "a frame beyond the end")
        let content = stream[index..<(index + length)].enumerated().map { $1 ^ mask[$0 % 4] }
        index += length
        let opcode = first & 0x0f
        if opcode >= 8 {
            found.append(Seen(opcode: opcode, content: content))
            continue
        }
        var part = opcode == 0 ? message : Seen(opcode: opcode, content: [])
        part?.content += content
        message = part
        guard first & 0x80 != 0, let whole = message else { continue }
        found.append(whole)
        message = nil
    }
    check(found == outcome.seen, "another reader finds other messages")
    for seen in found where seen.opcode == 1 {
        check(String(validating: seen.content, as: UTF8.self) != nil, "a text that is not UTF-8")
    }
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
