extension ByteQueue {
    /// Adds a message of an Amazon event stream (``AmazonEventStreamParser``), with its checks.
    ///
    /// Headers are texts; a name has 1 to 255 bytes and a value at most 32,767, the bounds that Amazon's SDKs have. The
    /// message as a whole stays below 4 GB.
    public mutating func appendAmazonMessage(headers: [(name: String, value: String)], payload: Span<UInt8>) {
        var message: [UInt8] = []
        for header in headers {
            let name = header.name.utf8
            let value = header.value.utf8
            precondition((1...255).contains(name.count) && value.count <= 32_767, "a header that cannot be written")
            message.append(UInt8(name.count))
            message += name
            message.append(AmazonEventStreamValue.text.rawValue)
            message.append(UInt8(value.count >> 8))
            message.append(UInt8(value.count & 0xff))
            message += value
        }
        var prelude: [UInt8] = []
        Self.append(UInt32(16 + message.count + payload.count), to: &prelude)
        Self.append(UInt32(message.count), to: &prelude)
        var check = CRC32()
        check.take(prelude.span)
        Self.append(check.value, to: &prelude)
        check = CRC32()
        check.take(prelude.span)
        check.take(message.span)
        check.take(payload)
        var last: [UInt8] = []
        Self.append(check.value, to: &last)
        append(prelude.span)
        append(message.span)
        append(payload)
        append(last.span)
    }

    private static func append(_ number: UInt32, to bytes: inout [UInt8]) {
        for shift: UInt32 in [24, 16, 8, 0] { bytes.append(UInt8(truncatingIfNeeded: number >> shift)) }
    }
}
