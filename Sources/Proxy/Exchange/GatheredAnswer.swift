import Wire

/// An answer that is held back until it is complete, because its clients take a truncated one for whole.
struct GatheredAnswer: ~Copyable {
    /// Bedrock's answers up to this size are sent when they are complete: boto3 takes a truncated 200 for a whole one.
    static let bytesMax = 1024 * 1024

    /// The final head and the bytes it was parsed from.
    let head: HTTP1Head
    var bytes = ByteQueue()
    /// The body so far.
    var body = ByteQueue()

    init(_ head: borrowing HTTP1Head, _ bytes: Span<UInt8>) {
        self.head = copy head
        self.bytes.append(bytes)
    }
}
