import Policy
import Proxy

/// Whatever a file holds, reading it gives a configuration or mistakes, never both and never neither; every mistake
/// has a place and one line; and a configuration can judge any target.
@_cdecl("LLVMFuzzerTestOneInput")
public func fuzz(_ start: UnsafePointer<UInt8>?, _ count: Int) -> CInt {
    let text = unsafe String(decoding: UnsafeBufferPointer(start: start, count: count), as: UTF8.self)
    let (config, mistakes) = Config.read(text: text, file: "leo.toml", baseDirectory: "/etc/leo")
    precondition((config == nil) != mistakes.isEmpty, "a configuration or mistakes")
    for mistake in mistakes {
        precondition(mistake.line >= 1 && mistake.column >= 1, "a mistake has a place")
        precondition(!mistake.description.utf8.contains { $0 < 0x20 }, "a mistake is one line")
    }
    guard let config else { return 0 }
    precondition(config.listen.proxy.address.isLoopback, "nobody else reaches leo")
    for suffix in config.constraintSuffixes { precondition(config.isCovered(host: suffix), "a suffix covers itself") }
    let target = HostPort(host: String(text.prefix(64)), port: 443)
    let decision = config.destination.decide(target)
    if let address = target.address {
        let refusal = config.destination.permits(
            address, port: 443, target: target, intercepted: false, ownListeners: [config.listen.proxy])
        if DestinationPolicy.neverDials(address) != nil {
            precondition(refusal != nil && decision == .refuse(DestinationPolicy.neverDials(address)!), "never dialled")
        }
    }
    return 0
}
