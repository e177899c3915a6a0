import Wire

/// The request's half of an HTTP/1 exchange: bytes from the client in, bytes for the upstream out.
///
/// It knows framing and nothing else. The body's octets pass unchanged; only the chunk framing is written anew, so that
/// there is one way to read it (RFC 9112 section 7.1).
struct RequestRelay {
    private var decoder: HTTP1BodyDecoder
    private let isChunked: Bool
    /// The whole body has been passed on.
    private(set) var isComplete = false
    /// Body octets passed on.
    private(set) var bodyBytes: UInt64 = 0

    /// Begins after the head.
    init(framing: HTTP1Framing) {
        decoder = HTTP1BodyDecoder(framing)
        isChunked = framing == .chunked
        isComplete = decoder.isComplete
    }

    /// Takes body bytes from the front of `bytes`, advancing `consumed`, until they end or the body does.
    ///
    /// What is not consumed is either an unfinished piece of framing, to be offered again with more behind it, or the
    /// next request.
    mutating func feed(
        _ bytes: Span<UInt8>, consumed: inout Int, into out: inout ByteQueue
    ) throws(HTTP1Error) {
        while !isComplete {
            switch try decoder.step(bytes, consumed: &consumed) {
            case .data(let range):
                bodyBytes += UInt64(range.count)
                let data = bytes.extracting(range)
                if isChunked { out.appendChunk(data) } else { out.append(data) }
            case .needsMore: return
            case .end:
                if isChunked { out.appendLastChunk(trailers: decoder.trailers) }
                isComplete = true
            }
        }
    }
}
