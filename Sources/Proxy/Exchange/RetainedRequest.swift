import Wire

/// What an exchange has taken of its request, as long as it may have to be sent, or sent once more: a policy reads it
/// before it goes out, and the upstream may turn out to be gone before it took a byte, or refuse to begin (RFC 9113
/// section 8.7).
struct RetainedRequest: ~Copyable {
    /// Without a policy that reads the body no more than this is kept; prompts of half a book fit.
    private static let byteCountUsual = 256 * 1024

    /// Of what a head promises, room is made at once for no more than this.
    private static let byteCountReserved = 1024 * 1024

    /// More of a body is not kept.
    var byteCountMax = byteCountUsual
    /// How much the head has promised, where all of it is going to be kept.
    var byteCountPromised: UInt64 = 0
    /// Everything that was taken is here, so that the request can be sent again.
    private(set) var isWhole = true
    /// The body so far.
    private(set) var body = ByteQueue()
    /// The fields behind the body, once it has ended.
    var trailers: [UInt8] = []

    /// Keeps a copy of a piece of the body. What is too much is kept until it has been sent: the first piece beyond the
    /// limit as well, if nobody has had it yet.
    mutating func take(_ data: Span<UInt8>, isSent: Bool) {
        guard isWhole || !isSent else { return }
        if body.count + data.count <= byteCountMax {
            // Not before something comes, and not step by step.
            let byteCount = min(Int(clamping: byteCountPromised), Self.byteCountReserved, byteCountMax)
            if body.isEmpty { body.reserve(byteCount) }
            return body.append(data)
        }
        if isSent { return drop() }
        isWhole = false
        body.append(data)
    }

    /// Puts an edited body in the place of the client's.
    mutating func replace(_ edited: consuming ByteQueue) { body = edited }

    /// The request will not be sent again.
    mutating func drop() {
        isWhole = false
        body.removeAll()
        body.releaseStorage()
    }
}
