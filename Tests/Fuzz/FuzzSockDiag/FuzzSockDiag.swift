// One sentence: whatever the bytes, the kernel's answer about a socket is read or refused with the parser's own error, and
// an owner is found only in an answer with the endpoints that were asked for.
import Policy

/// libFuzzer's entry.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let bytes = unsafe Array(UnsafeBufferPointer(start: start, count: count))
    let client = IPEndpoint(address: .loopback4, port: 0xD7FC)
    let leo = IPEndpoint(address: .loopback4, port: 0xC3BB)
    let other = IPEndpoint(address: .loopback4, port: 1)
    let answer = read(bytes, client, leo)
    if case .owner? = answer {
        precondition(count >= 88, "an owner in fewer bytes than tell one")
        if case .owner? = read(bytes, other, leo) { preconditionFailure("the owner of two sockets") }
        if case .owner? = read(bytes, client, other) { preconditionFailure("the owner of two sockets") }
    }
    return 0
}

private func read(_ bytes: [UInt8], _ local: IPEndpoint, _ remote: IPEndpoint) -> SocketDiagnosis.Answer? {
    try? SocketDiagnosis.parse(bytes.span, local: local, remote: remote, sequence: 77)
}
