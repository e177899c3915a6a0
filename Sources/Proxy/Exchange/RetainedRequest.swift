import Wire

/// What an exchange has taken of its request, as long as it may have to be sent once more: the upstream may turn out to be
/// gone before it took a byte, or refuse to begin (RFC 9113 section 8.7).
struct RetainedRequest: ~Copyable {
    /// More of a body is not kept; prompts of half a book fit.
    private static let byteCountMax = 256 * 1024

    /// Everything that was taken is here, so that the request can be sent again.
    private(set) var isWhole = true
    /// The body so far.
    private(set) var body = ByteQueue()
    /// The fields behind the body, once it has ended.
    var trailers: [UInt8] = []

    /// Keeps a copy of a piece of the body, or gives up if that would be too much.
    mutating func take(_ data: Span<UInt8>) {
        guard isWhole else { return }
        if body.count + data.count > Self.byteCountMax { drop() } else { body.append(data) }
    }

    /// The request will not be sent again.
    mutating func drop() {
        isWhole = false
        body.removeAll()
        body.releaseStorage()
    }
}
