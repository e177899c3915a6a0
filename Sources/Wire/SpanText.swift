extension Span where Element == UInt8 {
    /// Whether the bytes begin with `prefix`, which must be lower-case ASCII; upper-case letters count as lower-case.
    public func hasPrefix(ignoringCase prefix: StaticString) -> Bool {
        let wanted = prefix.utf8CodeUnitCount
        guard count >= wanted else { return false }
        for index in 0..<wanted {
            let byte = self[index]
            let folded = byte &- 0x41 < 26 ? byte | 0x20 : byte
            let expected = unsafe prefix.utf8Start[index]
            if folded != expected { return false }
        }
        return true
    }

    /// The bytes in an array of their own.
    public var copied: [UInt8] {
        var copy: [UInt8] = []
        copy.reserveCapacity(count)
        copy.append(self)
        return copy
    }
}

extension String {
    /// The text of `bytes`; what is not UTF-8 becomes U+FFFD.
    public init(lossy bytes: Span<UInt8>) {
        self = unsafe bytes.withUnsafeBytes { unsafe String(decoding: $0, as: UTF8.self) }
    }
}
