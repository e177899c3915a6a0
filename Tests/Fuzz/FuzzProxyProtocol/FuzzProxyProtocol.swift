// One sentence: whatever the bytes, a PROXY protocol header is read, refused with the parser's own error, or waited for,
// alike in any pieces, and what is read takes no more bytes than there are.
import Wire

/// libFuzzer's entry. The first byte says how the rest arrives; with its highest bit set, the signature stands in front.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let input = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    guard let first = input.first else { return 0 }
    let signature: [UInt8] = [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A]
    let bytes = (first & 0x80 == 0 ? [] : signature) + input.dropFirst()
    let whole = read(bytes)
    let pieceSize = 1 + Int(first & 0x7F)
    var end = 0
    while end < bytes.count {
        end = min(end + pieceSize, bytes.count)
        let soFar = read(Array(bytes.prefix(end)))
        if soFar == .more { continue }
        precondition(soFar == whole, "the pieces change the verdict")
        break
    }
    return 0
}

private enum Verdict: Equatable {
    case header(ProxyProtocolHeader)
    case refused(ProxyProtocolError)
    case more
}

private func read(_ bytes: [UInt8]) -> Verdict {
    do throws(ProxyProtocolError) {
        guard let header = try ProxyProtocolHeader.parse(bytes.span) else { return .more }
        precondition(header.byteCount >= 16 && header.byteCount <= bytes.count, "a header beyond its bytes")
        precondition(header.byteCount <= ProxyProtocolHeader.bytesMax, "a header beyond its limit")
        return .header(header)
    } catch {
        precondition(!error.explanation.isEmpty, "a verdict without a word")
        return .refused(error)
    }
}
