// One sentence: whatever the bytes, they are parsed or refused with the parser's own error, alike in any pieces; and
// what is accepted and relayed is read again as the same message.
import Wire

/// libFuzzer's entry. The first byte picks the parser, the second how the rest arrives.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard input.count >= 2 else { return 0 }
    let rest = Array(input.dropFirst(2))
    switch input[0] % 4 {
    case 0: checkMessages(rest, as: .request, variant: input[1])
    case 1: checkMessages(rest, as: .response, variant: input[1])
    case 2: checkClientHello(rest)
    default: checkAuthority(rest)
    }
    return 0
}

// MARK: - HTTP/1

private func checkMessages(_ stream: [UInt8], as kind: HTTP1Head.Kind, variant: UInt8) {
    // A small limit on heads lets the fuzzer find what happens at the limit.
    let reader = Reader(
        kind: kind, answering: variant & 1 == 0 ? .post : .head, headBytesMax: variant & 2 == 0 ? 65_536 : 128,
        framing: variant & 4 == 0 ? .asReceived : .chunked)
    let whole = reader.read(stream, in: stream.count)
    let pieceSize = 1 + Int(variant >> 3)
    let pieces = reader.read(stream, in: pieceSize)
    check(whole.messages == pieces.messages, "the pieces change the messages")
    check(whole.error == pieces.error, "the pieces change the verdict")

    // The head as it was sent may be longer than the one received, by what leo adds.
    var next = reader
    next.headBytesMax = 2 * 65_536
    let again = next.read(whole.sent, in: whole.sent.count)
    check(again.error == nil, "what was sent is refused")
    // A message that was refused in its content was sent in part.
    check(again.messages.count == whole.messages.count, "what was sent has other messages")
    for (received, sent) in zip(whole.messages, again.messages) { checkRelay(received, sent, reader.framing) }
}

private func checkRelay(_ received: Message, _ sent: Message, _ framing: HTTP1FramingOut) {
    check(sent.methodName == received.methodName, "another method")
    check(sent.status == received.status, "another status")
    check(sent.target == received.originTarget, "another target")
    check(sent.content == received.content, "other content")
    check(sent.trailers == received.trailers, "other trailers")
    check(sent.isComplete == received.isComplete, "a message is complete on one side only")
    check(sent.minorVersion == 1, "another version")
    switch framing {
    case .asReceived: check(sent.framing == received.framing, "another framing")
    case .chunked, .untilClose: check(sent.framing == .chunked || received.framing == .none, "not chunked")
    }
    let expected = received.endToEndFields(reframed: framing != .asReceived)
    check(sent.endToEndFields(reframed: framing != .asReceived) == expected, "other fields")
    check(sent.hopByHopFields.allSatisfy { $0 == "te: trailers" || $0 == "connection: te" }, "hop-by-hop fields")
}

// MARK: - The others

private func checkClientHello(_ stream: [UInt8]) {
    let whole = ClientHello.peek(stream.span)
    // Bytes that arrive later do not change a verdict.
    var size = 1
    while size < stream.count {
        let early = ClientHello.peek(stream.span.extracting(first: size))
        check(early == .needsMore || early == whole, "a verdict changes")
        size += 1 + size / 8
    }
    guard case .hello(let hello) = whole else { return }
    check(hello.versionMin <= hello.versionMax, "versions are the wrong way round")
    guard let name = hello.serverName else { return }
    let again = Authority.parse(Array(name.utf8).span)
    check(again == Authority(host: name, port: nil), "the server name is no host")
}

private func checkAuthority(_ text: [UInt8]) {
    guard let authority = Authority.parse(text.span) else { return }
    check(authority.matches(text.span, defaultPort: 1), "an authority does not match itself")
    let written = Array(authority.description.utf8)
    check(Authority.parse(written.span) == authority, "an authority reads otherwise when written")
}

func check(_ isTrue: Bool, _ sentence: StaticString) {
    if !isTrue { fatalError("\(sentence)") }
}
